"""What follows from a text of ours being on the platform, whoever finds out: the sender, or an echo that was faster."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain import conversation as conversations
from shared.domain import ledger
from shared.domain.events import Visibility
from shared.domain.policy import Policy
from shared.domain.records import (
    Conversation,
    Intent,
    Message,
    Obligation,
    Record,
    Send,
    SendKind,
    SendState,
    Target,
    conversation_key,
    message_key,
    obligation_key,
    send_key,
)
from shared.ports import Desk
from shared.services.commit import until_settled


def present_obligation(desk: Desk, conversation: Conversation) -> Obligation | None:
    """The newest first-response obligation of a conversation, open or not."""
    if not conversation.obligation_revision:
        return None
    key = obligation_key(conversation.conversation_id, Target.FIRST_RESPONSE, conversation.obligation_revision)
    found = desk.read([key]).get(key)
    return found if isinstance(found, Obligation) else None


def settled_records(
    desk: Desk, before: Conversation | None, after: Conversation, policy: Policy, now: datetime
) -> tuple[Record, ...]:
    """The changed conversation with the obligations that follow from the change, to be committed together."""
    waited = conversations.waits_since(before)
    if waited == conversations.waits_since(after):
        return (after,)
    present = present_obligation(desk, before) if before is not None and waited is not None else None
    return conversations.settle(after, present, policy, now).records


def record_sent(desk: Desk, policy: Policy, conversation_id: str, send_id: str, native_id: str, now: datetime) -> None:
    """Record that a send is on the platform: ledger, message, conversation and obligation in one commit.

    Nothing happens when that is known already, or the platform said since that it failed. Raises Conflict, Unavailable.
    """

    def attempt() -> None:
        entry_key, head_key = send_key(conversation_id, send_id), conversation_key(conversation_id)
        found = desk.read([entry_key, head_key])
        send, conversation = found.get(entry_key), found.get(head_key)
        if not isinstance(send, Send) or not isinstance(conversation, Conversation) or _is_final(send):
            return
        others = other_parts(desk, send)
        records = _records(desk, policy, send, others, conversation, native_id, now)
        written = {record.key for record in records}
        desk.commit(records, unchanged=[other for other in others if other.key not in written])

    until_settled(attempt)


def other_parts(desk: Desk, send: Send) -> tuple[Send, ...]:
    """The other parts of a text that was split, in their order."""
    keys = ledger.others_of(send)
    found = desk.read(keys) if keys else {}
    return tuple(part for part in (found.get(key) for key in keys) if isinstance(part, Send))


def _is_final(send: Send) -> bool:
    """Known to be there; or taken by the platform, which gave it an id, and then not delivered."""
    return send.state is SendState.SENT or (send.state is SendState.FAILED and send.native_id is not None)


def _records(
    desk: Desk,
    policy: Policy,
    send: Send,
    others: tuple[Send, ...],
    conversation: Conversation,
    native_id: str,
    now: datetime,
) -> tuple[Record, ...]:
    entry = ledger.sent(send, native_id, now)
    if ledger.left_behind(entry, others):  # whether its writer was told of that yet or not, they have to know
        entry = replace(entry, intents=(Intent.TELL,))
    changed = _spoken(conversation, entry, others, now)
    settled = settled_records(desk, conversation, changed, policy, now)
    following = ledger.next_part(entry, others, public=conversation.visibility is Visibility.PUBLIC, now=now)
    return (entry, *following, *_new_message(desk, send, conversation, native_id, now), *settled)


def _spoken(conversation: Conversation, sent: Send, others: tuple[Send, ...], now: datetime) -> Conversation:
    if ledger.is_answered(sent, others):
        return conversations.answered_by_mail(conversation, sent.written_at, now)
    if sent.kind is SendKind.REPLY:  # a part of an answer is none, but nobody shall speak automatically after it
        return replace(conversation, last_person_at=max(conversation.last_person_at or now, now))
    return replace(conversation, last_bot_at=now)


def _new_message(
    desk: Desk, send: Send, conversation: Conversation, native_id: str, now: datetime
) -> tuple[Message, ...]:
    key = message_key(conversation.channel, conversation.account_id, native_id)
    known = desk.read([key]).get(key)
    message = ledger.posted_message(send, conversation, native_id, now)
    if not isinstance(known, Message):
        return (message,)
    if known.author is not None:
        return ()
    changed = known.edited_at is not None or known.deleted_at is not None
    return (
        replace(
            message,
            text=known.text if changed else message.text,
            edited_at=known.edited_at,
            deleted_at=known.deleted_at,
            version=known.version,
        ),
    )
