"""One conversation as a timeline: what was said, owed, watched and sent, with times and reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared.domain.events import iso
from shared.domain.records import Conversation, Intent, Message, Obligation, Send, SendState, State

if TYPE_CHECKING:
    from infra.local.running import Execution


_WORTH_TELLING = timedelta(minutes=1)  # by less, only clocks and networks differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line. `reason` says why, or is empty."""

    at: datetime
    what: str  # message, edit, deletion, obligation, timer, send, intent
    text: str
    reason: str = ""


def entries(
    conversation: Conversation,
    messages: Iterable[Message],
    obligations: Iterable[Obligation],
    sends: Iterable[Send],
    executions: Iterable[Execution],
) -> tuple[Entry, ...]:
    """All of it in the order of time; what happened at the same moment stays in the order given here."""
    fallback = conversation.opened_at
    told = [entry for message in messages for entry in _of_message(message, fallback)]
    told += [entry for obligation in obligations for entry in _of_obligation(obligation)]
    told += [entry for execution in executions for entry in _of_execution(execution)]
    told += [entry for send in sends for entry in _of_send(send)]
    return tuple(sorted(told, key=lambda entry: entry.at))


def _of_message(message: Message, fallback: datetime) -> Iterator[Entry]:
    at = message.sent_at or message.received_at or fallback
    if message.author is not None:
        known = message.author_name or message.author_handle or message.author_id
        who = " ".join(filter(None, (message.author, known)))
        yield Entry(at=at, what="message", text=f"{who}: {_words(message)}", reason=_arrival(message))
    if message.edited_at is not None:
        yield Entry(at=message.edited_at, what="edit", text=f"{message.message_id}: {message.text or ''}")
    if message.deleted_at is not None:
        yield Entry(at=message.deleted_at, what="deletion", text=message.message_id)
    yield from _undone(message.intents, at)


def _words(message: Message) -> str:
    parts = [message.text] if message.text else []
    parts += [f"[{attachment.type}]" for attachment in message.attachments]
    parts += [f"({message.rating} stars)"] if message.rating is not None else []
    return " ".join(parts) or "(nothing)"


def _arrival(message: Message) -> str:
    if message.received_at is None or message.sent_at is None:
        return ""
    late = message.received_at - message.sent_at
    return f"reached us {timedelta(seconds=round(late.total_seconds()))} later" if late >= _WORTH_TELLING else ""


def _of_obligation(obligation: Obligation) -> Iterator[Entry]:
    name = f"{obligation.target} {obligation.revision}"
    why = f"rule {obligation.rule}, policy {obligation.policy_version}"
    yield Entry(at=obligation.since, what="obligation", text=f"{name} owed by {iso(obligation.due_at)}", reason=why)
    if obligation.warned_at is not None:
        yield Entry(at=obligation.warned_at, what="obligation", text=f"{name} is due soon", reason="not answered yet")
    if obligation.breached_at is not None:
        yield Entry(
            at=obligation.breached_at, what="obligation", text=f"{name} breached", reason="not answered in time"
        )
    if obligation.met_at is not None:
        yield Entry(at=obligation.met_at, what="obligation", text=f"{name} met", reason="a person answered")
    latest = obligation.met_at or obligation.breached_at or obligation.warned_at or obligation.since
    if obligation.state in {State.CANCELLED, State.SUPERSEDED}:
        yield Entry(at=latest, what="obligation", text=f"{name} {obligation.state}", reason=_ENDED[obligation.state])
    yield from _undone(obligation.intents, latest)


_ENDED = {
    State.CANCELLED: "nothing is left to answer",
    State.SUPERSEDED: "a newer revision carries it on",
}


def _of_execution(execution: Execution) -> Iterator[Entry]:
    name = f"{execution.target} {execution.revision}"
    yield Entry(
        at=execution.started_at, what="timer", text=f"{name} first looks at {execution.at}", reason=execution.name
    )
    if execution.ended_at is not None:
        ended = f"{name} {execution.status.lower()}"
        yield Entry(at=execution.ended_at, what="timer", text=ended, reason=execution.cause or "")


def _of_send(send: Send) -> Iterator[Entry]:
    by = f" by {send.agent}" if send.agent else ""
    yield Entry(
        at=send.written_at, what="send", text=f"{send.kind}{by}: {send.text}", reason=f"answers {send.in_reply_to}"
    )
    if send.settled_at is not None:
        settled = f"{send.kind} {send.state}" + (f" as {send.native_id}" if send.native_id else "")
        yield Entry(at=send.settled_at, what="send", text=settled, reason=send.reason or "")
    elif send.state is not SendState.PENDING:
        yield Entry(at=send.lease_until or send.written_at, what="send", text=f"{send.kind} {send.state}")
    yield from _undone(send.intents, send.settled_at or send.written_at)


def _undone(intents: tuple[Intent, ...], at: datetime) -> Iterator[Entry]:
    for intent in intents:
        yield Entry(at=at, what="intent", text=str(intent), reason="not done yet")


def shown(at: datetime) -> str:
    """A time for people, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S Z")
