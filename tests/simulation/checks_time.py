"""Checks of what is owed by a time: every timer fires if and only if nobody answered, and every breach is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.domain.records import Conversation, Obligation, State
from tests.simulation.stage import LEAD, Stage
from tests.simulation.truth import records

MOST_LATE = timedelta(minutes=45)  # a look that met only faults until the heal


def timers(stage: Stage) -> Iterator[str]:
    """A breach is recorded if and only if nobody answered before it was due; conversations agree with obligations."""
    for one in records(stage, Obligation):
        name = f"{one.target} {one.revision} of {one.conversation_id}"
        if one.state is State.OPEN and one.due_at <= stage.world.now and one.breached_at is None:
            yield f"{name} passed without a look"
        if one.breached_at is not None and one.breached_at < one.due_at:
            yield f"{name} was breached too early"
        if one.breached_at is not None and one.met_at is not None and one.met_at < one.breached_at:
            yield f"{name} was breached after its answer"
        if (
            one.breached_at is None
            and one.met_at is not None
            and one.met_at > _could_be_looked_at(stage, one) + MOST_LATE
        ):
            yield f"{name} was met late without a breach"
    for head in records(stage, Conversation):
        still_open = [o for o in stage.desk.inner.obligations(head.conversation_id) if o.state is State.OPEN]
        if len(still_open) != (1 if head.waiting else 0):
            yield f"{head.conversation_id} waits for {len(head.waiting)} and owes {len(still_open)}"


def _could_be_looked_at(stage: Stage, one: Obligation) -> datetime:
    """When it was due and there: what a failed answer reopened is due before it begins, after all that came before."""
    earlier = (o for o in records(stage, Obligation) if o.conversation_id == one.conversation_id)
    ends = [at for o in earlier if o.revision < one.revision for at in (o.met_at, o.breached_at) if at is not None]
    return max([one.due_at, *ends])


def executions(stage: Stage) -> Iterator[str]:
    """One execution per obligation and revision, and none is left running."""
    left = [e.name for e in stage.machine.executions.values() if not e.ended and e.stopped is None]
    yield from (f"{name} is still running" for name in left)
    yield from (f"{times} executions for {one}" for one, times in stage.machine.started.items() if times > 1)


def escalations(stage: Stage) -> Iterator[str]:
    """Every breach was mailed to the escalation contact and told to the subscribers."""
    escalated = Counter(mail.to for mail in stage.mailer.sent)[LEAD.address]
    breached = sum(1 for one in records(stage, Obligation) if one.breached_at is not None)
    if escalated < breached:
        yield f"{breached} breaches, {escalated} escalations"
    notices = sum(1 for notice in stage.notifier.published if notice.kind == "escalation")
    if notices < breached:
        yield f"{breached} breaches, {notices} notices"


def undone(stage: Stage) -> Iterator[str]:
    """After the drain no intent is left, and no queue message that fails though nothing else does."""
    for record in stage.desk.inner.records.values():
        if getattr(record, "intents", ()):
            yield f"{record.key} still intends {record.intents}"  # type: ignore[union-attr]  # only records with intents
    yield from stage.world.stuck
