"""The send ledger: at most once, and never silently.

PENDING -> SENDING(owner, lease) -> SENT | FAILED | UNKNOWN, or PENDING -> WITHHELD. The claim is committed before the
call and the call is never repeated by itself; a lost answer becomes UNKNOWN, which is told to a person and never sent
again blindly. Only a refusal that proves nothing happened puts an entry back to PENDING.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.calendar import ClosedPeriod
from shared.domain.events import Event, Kind, Visibility
from shared.domain.exchange import Capability, Outcome, Posted, Refusal, Refused, Unclear
from shared.domain.policy import Policy
from shared.domain.records import (
    Author,
    Conversation,
    Intent,
    Message,
    Send,
    SendKind,
    SendState,
    short_hash,
)

LEASE = timedelta(seconds=60)  # longer than a call can take, shorter than the queue's visibility
MOST_ATTEMPTS = 5
MOST_ON_ITS_LANE = timedelta(hours=1)  # longer than the outbound queue tries (template.yaml)


def acknowledgement_id(closed: ClosedPeriod) -> str:
    """The ledger name of the one acknowledgement of a closed period."""
    return f"ack-{int(closed.start.timestamp())}"


def reply_id(agent: str, mail_id: str) -> str:
    """The ledger name of an agent's mail: the same for every copy of it."""
    return f"reply-{short_hash(agent.casefold(), mail_id)}"


def owes_acknowledgement(
    event: Event,
    conversation: Conversation,
    closed: ClosedPeriod | None,
    *,
    known: Send | None,
    policy: Policy,
    capability: Capability,
    now: datetime,
) -> bool:
    """Whether this customer's message gets the automatic acknowledgement of the closed period.

    Once per conversation and closed period: `known` is the ledger's entry of it, and only one that no customer can have
    read may be written again. For messages of that period only, by the platform's time; none in public unless the rule
    says so; none where a person spoke, none to machines, none in a thread another application holds.
    """
    if closed is None or event.kind is not Kind.MESSAGE or event.automated or event.standby or event.test:
        return False
    sent_at = next((w.sent_at for w in conversation.waiting if w.message_id == event.message_id), None)
    if sent_at is None:
        return False
    allowed = policy.rule(conversation.channel, conversation.surface).acknowledge
    if allowed is None:
        allowed = capability.acknowledges and conversation.visibility is Visibility.PRIVATE
    if not allowed or sent_at < closed.start or now - sent_at > policy.acknowledging.max_age:
        return False
    if known is None and conversation.acknowledged_until is not None and now < conversation.acknowledged_until:
        return False  # the hours were changed within the period: it has another name now, and is the same
    if known is not None and not _was_never_read(known):
        return False
    return not _person_spoke(conversation, closed.start, policy, now)


def overtaken(
    send: Send, conversation: Conversation, closed: ClosedPeriod | None, policy: Policy, now: datetime
) -> str | None:
    """Why a pending acknowledgement must not go out any more, or None. A person's reply is never withheld."""
    if send.kind is SendKind.REPLY:
        return None
    if closed is None or acknowledgement_id(closed) != send.send_id:
        return "The closed period is over."
    if not conversation.waiting:
        return "Nothing is waiting any more: it was answered or taken back."
    if _person_spoke(conversation, closed.start, policy, now):
        return "A person spoke."
    if now - send.written_at > policy.acknowledging.max_age:
        return "It comes too late to be of use."
    return None


def withheld(send: Send, reason: str, now: datetime) -> Send:
    """PENDING -> WITHHELD."""
    return replace(send, state=SendState.WITHHELD, reason=reason, settled_at=now, intents=())


def claimed(send: Send, owner: str, now: datetime) -> Send:
    """PENDING -> SENDING, held by `owner` until the lease ends."""
    return replace(
        send,
        state=SendState.SENDING,
        owner=owner,
        lease_until=now + LEASE,
        attempts=send.attempts + 1,
        reason=None,
        intents=(),
    )


def after(send: Send, outcome: Outcome, now: datetime) -> Send:
    """SENDING -> what the platform's answer makes of it."""
    match outcome:
        case Posted(native_id):
            return sent(send, native_id, now)
        case Refused(refusal=Refusal.LATER, reason=reason) if send.attempts < MOST_ATTEMPTS:
            return replace(send, state=SendState.PENDING, owner=None, lease_until=None, reason=reason)
        case Refused(reason=reason):
            return failed(send, reason, now)
        case Unclear(reason):
            return unknown(send, reason, now)


def sent(send: Send, native_id: str, now: datetime) -> Send:
    """-> SENT, also from UNKNOWN when the platform's echo settles the matter."""
    return replace(
        send, state=SendState.SENT, native_id=native_id, settled_at=now, reason=None, lease_until=None, intents=()
    )


def failed(send: Send, reason: str, now: datetime) -> Send:
    """-> FAILED: provably not on the platform. The person who wrote it is told."""
    told = (Intent.TELL,) if send.kind is SendKind.REPLY else ()
    return replace(send, state=SendState.FAILED, reason=reason, settled_at=now, lease_until=None, intents=told)


def unknown(send: Send, reason: str, now: datetime) -> Send:
    """-> UNKNOWN: it may be on the platform. People are told, whoever wrote it."""
    return replace(
        send, state=SendState.UNKNOWN, reason=reason, settled_at=now, lease_until=None, intents=(Intent.TELL,)
    )


def looked_for_at(send: Send) -> datetime | None:
    """When an entry has been on its lane too long: its message may be lost. None for one that is settled."""
    if send.state not in {SendState.PENDING, SendState.SENDING}:
        return None
    return (send.queued_at or send.written_at) + MOST_ON_ITS_LANE


def queued_again(send: Send, now: datetime) -> Send:
    """The entry put on its lane once more: it is posted then, or if its owner died, told to be unknown."""
    return replace(send, queued_at=now, intents=(Intent.POST,))


def abandoned(send: Send, now: datetime) -> bool:
    """Whether a claim's lease ended without a result: its owner died between claim and record."""
    return send.state is SendState.SENDING and (send.lease_until is None or send.lease_until <= now)


def may_be_ours(event: Event, sends: tuple[Send, ...]) -> Send | None:
    """The ledger entry that an echo with an unknown id belongs to: by our token, else by text among those in doubt."""
    if event.client_token is not None:
        return next((s for s in sends if s.client_token == event.client_token), None)
    in_doubt = (s for s in sends if s.state in {SendState.SENDING, SendState.UNKNOWN})
    return next((s for s in in_doubt if _words(s.text) == _words(event.text or "")), None)


def posted_message(send: Send, conversation: Conversation, native_id: str, now: datetime) -> Message:
    """The message that a send has become on the platform."""
    return Message(
        channel=conversation.channel,
        account_id=conversation.account_id,
        message_id=native_id,
        conversation_id=conversation.conversation_id,
        author=Author.PERSON if send.kind is SendKind.REPLY else Author.BOT,
        text=send.text,
        sent_at=now,
        received_at=now,
        in_reply_to=send.in_reply_to,
    )


def _was_never_read(send: Send) -> bool:
    refused = send.state is SendState.FAILED and send.native_id is None
    return refused or send.state is SendState.WITHHELD


def _person_spoke(conversation: Conversation, since: datetime, policy: Policy, now: datetime) -> bool:
    last = conversation.last_person_at
    return last is not None and (last >= since or now - last < policy.acknowledging.quiet_after_person)


def _words(text: str) -> str:
    return " ".join(text.split())
