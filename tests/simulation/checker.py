"""The invariants, checked from outside: against what customers could read, people were mailed and the desk holds."""

from __future__ import annotations

import email
import email.policy
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import TypeVar

from shared.domain.events import Visibility
from shared.domain.ledger import LEASE
from shared.domain.records import (
    Conversation,
    Message,
    Obligation,
    Send,
    SendKind,
    SendState,
    State,
    conversation_id_of,
    conversation_key,
    message_key,
)
from tests.simulation.ports import OnPlatform
from tests.simulation.stage import ACCOUNT, LEAD, POLICY, Stage

T = TypeVar("T")

MOST_LATE = timedelta(minutes=45)  # a look that met only faults until the heal


def violations(stage: Stage) -> list[str]:
    """Everything that must not have happened; empty for a good run."""
    checks = (
        lost,
        overlooked,
        acknowledged_twice,
        acknowledged_wrongly,
        posted_twice,
        silent,
        timers,
        escalations,
        undone,
    )
    return [f"{check.__name__}: {what}" for check in checks for what in check(stage)]


def lost(stage: Stage) -> Iterator[str]:
    """Every accepted message is on the desk: with its words, or as taken back."""
    for said in stage.said:
        if said.mid not in stage.accepted:
            yield f"{said.mid} was never accepted"
            continue
        message = stage.desk.inner.records.get(message_key("facebook", ACCOUNT, said.mid))
        if not isinstance(message, Message) or message.author is None:
            yield f"{said.mid} is not on the desk"
        elif (message.deleted_at is not None) != said.deleted:
            yield f"{said.mid} is {'not ' if said.deleted else ''}taken back"
        elif message.text != (None if said.deleted else said.text):
            yield f"{said.mid} has lost or kept its words"


def overlooked(stage: Stage) -> Iterator[str]:
    """Every message that still stands was mailed to people."""
    mailed = "\n".join(_text(mail.mime) for mail in stage.mailer.sent)
    for said in stage.said:
        if not said.deleted and said.text not in mailed:
            yield f"nobody was told of {said.mid}"


def acknowledged_twice(stage: Stage) -> Iterator[str]:
    """At most one acknowledgement per conversation and closed period."""
    calendar = POLICY.calendars["office"]
    counted: Counter[tuple[str, object]] = Counter()
    for post in stage.platforms.posts:
        if not post.by_person:
            closed = calendar.closed_period(post.at)
            counted[post.thread_id, closed.start if closed else None] += 1
    yield from (f"{thread}: {times} times" for (thread, _), times in counted.items() if times > 1)


def acknowledged_wrongly(stage: Stage) -> Iterator[str]:
    """None in open hours, and none claimed after a person's words were on the desk."""
    calendar = POLICY.calendars["office"]
    for post in stage.platforms.posts:
        claimed_open = calendar.is_open(post.at) and calendar.is_open(post.at - LEASE)
        if not post.by_person and claimed_open:
            yield f"{post.thread_id} was acknowledged in open hours"
    for post in stage.platforms.posts:
        if not post.by_person and any(_settled_before(stage, reply, post) for reply in _records(stage, Send)):
            yield f"{post.thread_id} was acknowledged after a person's reply was recorded"


def posted_twice(stage: Stage) -> Iterator[str]:
    """No reply of an agent is on the platform twice."""
    counted = Counter(post.text for post in stage.platforms.posts if post.by_person)
    yield from (f"{text!r} {times} times" for text, times in counted.items() if times > 1)


def silent(stage: Stage) -> Iterator[str]:
    """Every mail of an agent is on the platform, or somebody was told why not."""
    posted = {post.text for post in stage.platforms.posts if post.by_person}
    mailed = "\n".join(_text(mail.mime) for mail in stage.mailer.sent)
    for send in _records(stage, Send):
        if send.kind is SendKind.REPLY and send.state is not SendState.SENT and send.text not in mailed:
            yield f"{send.text!r} is {send.state} and nobody was told"
    ledger = {send.text for send in _records(stage, Send)}
    for text in stage.answers:
        if text not in posted and text not in mailed and text not in ledger:
            yield f"{text!r} vanished"


def timers(stage: Stage) -> Iterator[str]:
    """A breach is recorded if and only if nobody answered before it was due; conversations agree with obligations."""
    for one in _records(stage, Obligation):
        if one.state is State.OPEN and one.due_at <= stage.world.now and one.breached_at is None:
            yield f"{one.key.sort} of {one.conversation_id} passed without a look"
        if one.breached_at is not None and one.breached_at < one.due_at:
            yield f"{one.key.sort} of {one.conversation_id} was breached too early"
        if one.breached_at is not None and one.met_at is not None and one.met_at < one.breached_at:
            yield f"{one.key.sort} of {one.conversation_id} was breached after its answer"
        if one.breached_at is None and one.met_at is not None and one.met_at > one.due_at + MOST_LATE:
            yield f"{one.key.sort} of {one.conversation_id} was met late without a breach"
    for head in _records(stage, Conversation):
        still_open = [o for o in stage.desk.inner.obligations(head.conversation_id) if o.state is State.OPEN]
        if len(still_open) != (1 if head.waiting else 0):
            yield f"{head.conversation_id} waits for {len(head.waiting)} and owes {len(still_open)}"
    left = [e.name for e in stage.machine.executions.values() if not e.ended and e.stopped is None]
    yield from (f"{name} is still running" for name in left)


def escalations(stage: Stage) -> Iterator[str]:
    """Every breach was mailed to the escalation contact."""
    escalated = Counter(mail.to for mail in stage.mailer.sent)[LEAD.address]
    breached = sum(1 for one in _records(stage, Obligation) if one.breached_at is not None)
    if escalated < breached:
        yield f"{breached} breaches, {escalated} escalations"
    notices = sum(1 for notice in stage.notifier.published if notice.kind == "escalation")
    if notices < breached:
        yield f"{breached} breaches, {notices} notices"


def undone(stage: Stage) -> Iterator[str]:
    """After the drain no intent is left, no send is held, and private stays private."""
    for record in stage.desk.inner.records.values():
        if getattr(record, "intents", ()):
            yield f"{record.key} still intends {record.intents}"  # type: ignore[union-attr]  # only records with intents
    for send in _records(stage, Send):
        if send.state in {SendState.PENDING, SendState.SENDING}:
            yield f"{send.send_id} of {send.conversation_id} is still {send.state}"
    for head in _records(stage, Conversation):
        known = conversation_id_of(head.channel, head.account_id, head.thread_id, head.customer_id or "")
        if head.conversation_id != known or head.visibility is not Visibility.PRIVATE:
            yield f"{head.conversation_id} is not the conversation of its customer"


def _settled_before(stage: Stage, reply: Send, post: OnPlatform) -> bool:
    """Whether a person's reply was on the desk when the acknowledgement was claimed: a call takes less than a lease."""
    head = stage.desk.inner.records[conversation_key(reply.conversation_id)]
    if reply.kind is not SendKind.REPLY or not isinstance(head, Conversation) or head.thread_id != post.thread_id:
        return False
    closed = POLICY.calendars["office"].closed_period(post.at)
    start = closed.start if closed is not None else post.at
    return reply.settled_at is not None and start <= reply.settled_at < post.at - LEASE


def _records(stage: Stage, kind: type[T]) -> list[T]:
    return [record for record in stage.desk.inner.records.values() if isinstance(record, kind)]


def _text(mime: bytes) -> str:
    parsed = email.message_from_bytes(mime, policy=email.policy.default)
    body = parsed.get_body(("plain",))
    return body.get_content() if body is not None else ""
