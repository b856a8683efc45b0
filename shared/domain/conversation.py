"""What an event changes: pure, and the same whichever order and however often events come.

Facts are merged, not steps replayed. A message is *waiting* while it is live and no person's answer covers it; an
obligation is open exactly while something waits. Both follow from the facts alone, so late, early and repeated events
end in the same state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from shared.domain.events import Event, Kind, Visibility
from shared.domain.policy import Policy, Rule
from shared.domain.records import (
    Author,
    Conversation,
    Intent,
    Message,
    Obligation,
    Record,
    State,
    Target,
    Waiting,
    conversation_id_of,
)

MOST_WAITING = 50  # messages a conversation lists; what comes beyond is stored and handed off all the same
CLOCK_SKEW = timedelta(minutes=5)

T = TypeVar("T")


def conversation_of(event: Event) -> str | None:
    """The id of the event's conversation, or None where the event alone does not tell.

    A public message without an author is a conversation of its own: strangers are never put together.
    """
    if event.account_id is None or event.thread_id is None:
        return None
    if event.customer_id is not None:
        return conversation_id_of(event.channel, event.account_id, event.thread_id, event.customer_id)
    if event.kind is Kind.MESSAGE and event.message_id is not None:
        return conversation_id_of(event.channel, event.account_id, event.thread_id, f"unnamed {event.message_id}")
    return None


def is_from_customer(event: Event) -> bool:
    """Whether a customer said something: a message, or something unreadable by a known author in a known thread."""
    if event.kind is Kind.MESSAGE:
        return event.message_id is not None and event.account_id is not None and event.thread_id is not None
    return event.kind is Kind.UNKNOWN and None not in (
        event.account_id,
        event.thread_id,
        event.message_id,
        event.author_id,
        event.surface,
    )


def said_at(event: Event, received_at: datetime) -> datetime:
    """The platform's time, held to ours where it lies in the future by more than clocks differ."""
    if event.sent_at is None or event.sent_at > received_at + CLOCK_SKEW:
        return received_at
    return event.sent_at


def opened(event: Event, conversation_id: str, at: datetime) -> Conversation:
    """A new conversation, from the first event that speaks of it. Needs account, thread and surface."""
    if event.account_id is None or event.thread_id is None or event.surface is None:
        raise ValueError("a conversation needs an account, a thread and a surface")
    return Conversation(
        conversation_id=conversation_id,
        channel=event.channel,
        account_id=event.account_id,
        surface=event.surface,
        visibility=event.visibility or Visibility.PUBLIC,
        thread_id=event.thread_id,
        customer_id=event.customer_id,
        unaddressed=event.unaddressed,
        opened_at=at,
    )


def created(
    event: Event,
    stub: Message | None,
    *,
    conversation_id: str | None,
    author: Author,
    received_at: datetime,
    archive_key: str,
    repaired: bool = False,
) -> Message:
    """The message of an event, over what an early edit or deletion already told of it. `repaired`: no webhook told."""
    base = stub or Message(channel=event.channel, account_id=event.account_id or "", message_id=event.message_id or "")
    hidden = base.deleted_at is not None
    return replace(
        base,
        conversation_id=conversation_id,
        author=author,
        author_id=event.author_id,
        author_name=event.author_name,
        author_handle=event.author_handle,
        text=base.text if base.edited_at or hidden else event.text,
        attachments=() if hidden else event.attachments,
        sent_at=said_at(event, received_at),
        received_at=received_at,
        in_reply_to=event.in_reply_to,
        rating=event.rating if base.rating is None else base.rating,
        link=event.link,
        repaired=repaired,
        archive_key=archive_key,
    )


def edited(message: Message, text: str | None, rating: int | None, at: datetime) -> Message:
    """The message with its newest text and rating. Edits of the same instant are ordered by their text, so that all
    agree.
    """
    if message.deleted_at is not None:
        return message
    if message.edited_at is not None and (message.edited_at, message.text or "") >= (at, text or ""):
        return message
    return replace(message, text=text, rating=message.rating if rating is None else rating, edited_at=at)


def deleted(message: Message, at: datetime) -> Message:
    """The message taken back: its content goes at once and does not return. The earliest report counts."""
    gone = at if message.deleted_at is None else min(message.deleted_at, at)
    return replace(message, text=None, attachments=(), deleted_at=gone)


def covers(conversation: Conversation, waiting: Waiting) -> bool:
    """Whether a person's answer covers the message: it was on the platform, or with us, when they wrote."""
    seen = conversation.seen_until is not None and waiting.sent_at <= conversation.seen_until
    replied = conversation.replied_until is not None and waiting.received_at <= conversation.replied_until
    return seen or replied


def described(conversation: Conversation, event: Event, said_at: datetime) -> Conversation:
    """The conversation with what a customer's message, said at `said_at` and not heard yet, tells of them beside it.

    The newest message that tells something wins, and silence erases nothing. Nobody spoke to us only as long as no
    message did.
    """
    newest = _is_newest(conversation, event.message_id or "", said_at)
    followers, verified = conversation.customer_followers, conversation.customer_verified
    return replace(
        conversation,
        customer_followers=_told(followers, event.author_followers, newest=newest),
        customer_verified=_told(verified, event.author_verified, newest=newest),
        link=_told(conversation.link, event.link, newest=newest),
        unaddressed=conversation.unaddressed and event.unaddressed,
    )


def heard(conversation: Conversation, message: Message) -> Conversation:
    """The conversation after a customer's message: it waits, unless it is taken back or answered already."""
    sent_at, received_at = _times(message)
    conversation = replace(
        conversation,
        customer_name=conversation.customer_name or message.author_name,
        customer_handle=conversation.customer_handle or message.author_handle,
        last_inbound_at=_latest(conversation.last_inbound_at, sent_at),
        last_message_id=_told(
            conversation.last_message_id,
            message.message_id,
            newest=_is_newest(conversation, message.message_id, sent_at),
        ),
    )
    if message.answered_at is not None:
        conversation = answered_in_app(conversation, message.answered_at)
    if message.deleted_at is not None:
        return conversation
    conversation = replace(conversation, unhanded=(*conversation.unhanded, message.message_id)[-MOST_WAITING:])
    waiting = Waiting(message.message_id, sent_at, received_at)
    if covers(conversation, waiting):
        return conversation
    return replace(conversation, waiting=_listed({*conversation.waiting, waiting}))


def reconsidered(conversation: Conversation, message: Message, at: datetime, received_at: datetime) -> Conversation:
    """The conversation after a customer changed at `at` what they had said of us: people see it anew, and it waits
    again, unless it still does or somebody has answered since.
    """
    unhanded = (*(name for name in conversation.unhanded if name != message.message_id), message.message_id)
    conversation = replace(
        conversation,
        unhanded=unhanded[-MOST_WAITING:],
        last_inbound_at=_latest(conversation.last_inbound_at, at),
    )
    waiting = Waiting(message.message_id, at, received_at)
    if covers(conversation, waiting) or any(w.message_id == message.message_id for w in conversation.waiting):
        return conversation
    return replace(conversation, waiting=_listed({*conversation.waiting, waiting}))


def taken_back(conversation: Conversation, message_id: str) -> Conversation:
    """The conversation after one of its messages was deleted."""
    return replace(conversation, waiting=tuple(w for w in conversation.waiting if w.message_id != message_id))


def answered_in_app(conversation: Conversation, at: datetime) -> Conversation:
    """After a person wrote in the platform's own app at `at` (the platform's time)."""
    return _answered(
        replace(
            conversation,
            seen_until=_latest(conversation.seen_until, at),
            last_person_at=_latest(conversation.last_person_at, at),
        )
    )


def answered_by_mail(conversation: Conversation, written_at: datetime, posted_at: datetime) -> Conversation:
    """After a person's mail that reached us at `written_at` was posted: the customer hears them at `posted_at`."""
    return _answered(
        replace(
            conversation,
            replied_until=_latest(conversation.replied_until, written_at),
            last_person_at=_latest(conversation.last_person_at, posted_at),
        )
    )


def reopened(conversation: Conversation, replied_until: datetime | None, messages: Iterable[Message]) -> Conversation:
    """After a reply by mail turned out not to have arrived: what no other answer covers waits again.

    `replied_until` is what the other replies cover, `messages` are those that may wait.
    """
    without = replace(conversation, replied_until=replied_until)
    live = (m for m in messages if m.author is Author.CUSTOMER and m.deleted_at is None)
    known = {*conversation.waiting, *(Waiting(m.message_id, *_times(m)) for m in live)}
    return replace(without, waiting=_listed(w for w in known if not covers(without, w)))


@dataclass(frozen=True, slots=True)
class Settled:
    """A conversation that agrees with its obligation, and the obligations that had to change for it."""

    conversation: Conversation
    obligations: tuple[Obligation, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """All of it, to be committed together."""
        return (self.conversation, *self.obligations)


def waits_since(conversation: Conversation | None) -> datetime | None:
    """Since when somebody waits: what the open obligation rests on. None: nobody does, and nothing is owed."""
    return conversation.waiting[0].sent_at if conversation is not None and conversation.waiting else None


def settle(after: Conversation, present: Obligation | None, policy: Policy, now: datetime) -> Settled:
    """Bring the first-response obligation in line with a changed `waits_since`. `present` is the open one, if any."""
    since = waits_since(after)
    closed = () if present is None else (_closed(present, after, since, now),)
    if since is None:
        return Settled(after, closed)
    revision = after.obligation_revision + 1
    owed = _owed(after, since, revision, policy)
    return Settled(replace(after, obligation_revision=revision), (*closed, owed))


def checkpoints(since: datetime, rule: Rule, policy: Policy) -> tuple[datetime, datetime]:
    """When to warn and when it is due, counted in the open time of the rule's calendar."""
    calendar = policy.calendars[rule.calendar]
    return calendar.add(since, rule.first_response * rule.warn_after), calendar.add(since, rule.first_response)


def _owed(conversation: Conversation, since: datetime, revision: int, policy: Policy) -> Obligation:
    rule = policy.rule(conversation.channel, conversation.surface)
    warn_at, due_at = checkpoints(since, rule, policy)
    return Obligation(
        conversation_id=conversation.conversation_id,
        target=Target.FIRST_RESPONSE,
        revision=revision,
        channel=conversation.channel,
        since=since,
        warn_at=warn_at,
        due_at=due_at,
        rule=rule.name,
        policy_version=policy.version,
        intents=(Intent.START_TIMER,),
    )


def _closed(present: Obligation, after: Conversation, since: datetime | None, now: datetime) -> Obligation:
    intents = (*(i for i in present.intents if i is not Intent.START_TIMER), Intent.STOP_TIMER)
    if since is not None:
        return replace(present, state=State.SUPERSEDED, intents=intents)
    if after.last_person_at is not None and after.last_person_at >= present.since:
        # Commit order decides (infra/adr/0003): a breach that stands here already came before this answer.
        met_at = now if present.breached_at is None else max(now, present.breached_at)
        return replace(present, state=State.MET, met_at=met_at, intents=intents)
    return replace(present, state=State.CANCELLED, intents=intents)


def _answered(conversation: Conversation) -> Conversation:
    return replace(conversation, waiting=tuple(w for w in conversation.waiting if not covers(conversation, w)))


def _listed(waiting: Iterable[Waiting]) -> tuple[Waiting, ...]:
    return tuple(sorted(waiting, key=lambda w: (w.sent_at, w.message_id))[:MOST_WAITING])


def _times(message: Message) -> tuple[datetime, datetime]:
    if message.sent_at is None or message.received_at is None:
        raise ValueError("a message that was created has both its times")
    return message.sent_at, message.received_at


def _latest(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else max(known, at)


def _is_newest(conversation: Conversation, message_id: str, sent_at: datetime) -> bool:
    known_at, known = conversation.last_inbound_at, conversation.last_message_id
    return known_at is None or known is None or (sent_at, message_id) >= (known_at, known)


def _told(known: T | None, told: T | None, *, newest: bool) -> T | None:
    return told if told is not None and (newest or known is None) else known
