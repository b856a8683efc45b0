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
from shared.domain.exchange import Capability, Outbound, Outcome, Posted, Refusal, Refused, Unclear
from shared.domain.policy import Policy
from shared.domain.records import (
    Author,
    Conversation,
    Intent,
    Key,
    Message,
    Send,
    SendKind,
    SendState,
    send_key,
    short_hash,
)

LEASE = timedelta(seconds=60)  # longer than a call can take, shorter than the queue's visibility
MOST_ATTEMPTS = 5
MOST_ON_ITS_LANE = timedelta(hours=1)  # longer than the outbound queue tries (template.yaml)
MOST_PARTS = 10  # of one text: all of them are committed together
SLOT_TAKEN = "There is room for one answer, and it was answered meanwhile or taken back."


def acknowledgement_id(closed: ClosedPeriod) -> str:
    """The ledger name of the one acknowledgement of a closed period."""
    return f"ack-{int(closed.start.timestamp())}"


def reply_id(agent: str, mail_id: str) -> str:
    """The ledger name of an agent's mail: the same for every copy of it."""
    return f"reply-{short_hash(agent.casefold(), mail_id)}"


def in_parts(send: Send, texts: tuple[str, ...]) -> tuple[Send, ...]:
    """One entry for each post of a text that was split. Only the first is put on its lane; each waits for the one
    before it. The names are those of the whole, with "-2" and so on behind.
    """
    first = replace(send, text=texts[0], parts=len(texts))
    rest = (
        replace(first, send_id=f"{send.send_id}-{part}", part=part, text=text, intents=())
        for part, text in enumerate(texts[1:], start=2)
    )
    return (first, *rest)


def others_of(send: Send) -> tuple[Key, ...]:
    """The keys of the other parts of the same text, in their order; none of a text that was not split."""
    numbers = (number for number in range(1, send.parts + 1) if number != send.part)
    whole = whole_id(send)
    return tuple(send_key(send.conversation_id, whole if n == 1 else f"{whole}-{n}") for n in numbers)


def whole_id(send: Send) -> str:
    """The ledger name of the text that this is, or is a part of."""
    return send.send_id.removesuffix(f"-{send.part}") if send.part > 1 else send.send_id


def waits_its_turn(send: Send) -> bool:
    """Whether the part before it is not on the platform yet."""
    return send.part > 1 and send.state is SendState.PENDING and send.queued_at is None


def next_part(sent: Send, others: tuple[Send, ...], *, public: bool, now: datetime) -> tuple[Send, ...]:
    """The part that is due now that this one is on the platform; none where it was withheld meanwhile.

    In public it answers the part before it: so the platform shows them in their order.
    """
    due = (other for other in others if other.part == sent.part + 1 and waits_its_turn(other))
    return tuple(
        replace(queued_again(part, now), in_reply_to=(sent.native_id if public else None) or part.in_reply_to)
        for part in due
    )


def given_up(broken: Send, others: tuple[Send, ...], now: datetime) -> tuple[Send, ...]:
    """The parts behind one that is not on the platform for certain: they would be half an answer."""
    reason = f"Part {broken.part} before it is not on the platform for certain."
    behind = (o for o in others if o.part > broken.part and o.state is SendState.PENDING)
    return tuple(withheld(part, reason, now) for part in behind)


def left_behind(send: Send, others: tuple[Send, ...]) -> bool:
    """Whether the parts behind one that is on the platform were withheld, because for a while nobody knew."""
    return send.state is SendState.SENT and any(o.part > send.part and o.state is SendState.WITHHELD for o in others)


def is_answered(send: Send, others: tuple[Send, ...]) -> bool:
    """Whether a person's text is on the platform as a whole."""
    by_person = send.kind in {SendKind.REPLY, SendKind.BY_HAND}
    return by_person and all(part.state is SendState.SENT for part in (send, *others))


def answers(sends: tuple[Send, ...], *, but: Send) -> tuple[Send, ...]:
    """Of a ledger, the last parts of a person's texts that are on the platform as a whole, without one such text."""
    texts: dict[str, list[Send]] = {}
    for send in sends:
        if whole_id(send) != whole_id(but):
            texts.setdefault(whole_id(send), []).append(send)
    return tuple(parts[-1] for parts in texts.values() if is_answered(parts[0], tuple(parts[1:])))


def answered_by_hand(send: Send, now: datetime) -> Send:
    """The entry of a person's word that they answered on the platform itself: settled at once, never posted."""
    return replace(send, kind=SendKind.BY_HAND, state=SendState.SENT, settled_at=now)


def outbound(send: Send, conversation: Conversation) -> Outbound:
    """What the channel is asked to post."""
    return Outbound(
        channel=conversation.channel,
        account_id=conversation.account_id,
        surface=conversation.surface,
        thread_id=conversation.thread_id,
        customer_id=conversation.customer_id,
        in_reply_to=send.in_reply_to,
        text=send.text,
        by_person=send.kind is SendKind.REPLY,
        last_inbound_at=conversation.last_inbound_at,
        client_token=send.client_token,
        unaddressed=conversation.unaddressed,
    )


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
    says so; none where a person spoke, none to machines, none in a thread another application holds, none to people who
    did not speak to us.
    """
    if closed is None or not _asks_us(event) or conversation.unaddressed:
        return False
    sent_at = next((w.sent_at for w in conversation.waiting if w.message_id == event.message_id), None)
    if sent_at is None:
        return False
    allowed = policy.rule(conversation.channel, conversation.surface).acknowledge
    if allowed is None:
        allowed = capability.acknowledges and conversation.visibility is Visibility.PRIVATE
    if capability.single_slot:  # it would take the one place that a person's answer needs
        allowed = False
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
    """Why a pending text must not go out any more, or None. A person's reply is withheld only where it would replace
    another answer.
    """
    if send.kind is SendKind.REPLY:
        waits = any(w.message_id == send.in_reply_to for w in conversation.waiting)
        return None if waits or not send.single_slot else SLOT_TAKEN
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
    """PENDING -> WITHHELD. Who wrote it is told, unless it is a later part: they are told of the one before it."""
    told = (Intent.TELL,) if send.kind is SendKind.REPLY and send.part == 1 else ()
    return replace(send, state=SendState.WITHHELD, reason=reason, settled_at=now, intents=told)


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
        case Refused(refusal=refusal, reason=reason):
            return replace(failed(send, reason, now), by_hand=refusal is Refusal.BY_HAND)
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
    """When an entry has been on its lane too long: its message may be lost. None for one that is settled, or whose
    turn has not come.
    """
    if send.state not in {SendState.PENDING, SendState.SENDING} or waits_its_turn(send):
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
    open_ones = (s for s in sends if s.state in {SendState.SENDING, SendState.UNKNOWN} or _has_no_name(s))
    return next((s for s in open_ones if _words(s.text) == _words(event.text or "")), None)


def _has_no_name(send: Send) -> bool:
    """Whether the platform took it without saying what it calls it."""
    return send.state is SendState.SENT and send.native_id == send.client_token


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


def _asks_us(event: Event) -> bool:
    """Whether a person said it, to us, and nobody else holds the thread."""
    others = event.automated or event.standby or event.test or event.unaddressed
    return event.kind is Kind.MESSAGE and not others


def _was_never_read(send: Send) -> bool:
    refused = send.state is SendState.FAILED and send.native_id is None
    return refused or send.state is SendState.WITHHELD


def _person_spoke(conversation: Conversation, since: datetime, policy: Policy, now: datetime) -> bool:
    last = conversation.last_person_at
    return last is not None and (last >= since or now - last < policy.acknowledging.quiet_after_person)


def _words(text: str) -> str:
    return " ".join(text.split())
