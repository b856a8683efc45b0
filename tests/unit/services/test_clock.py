from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.records import Intent, State, Target
from shared.errors import Conflict, Unavailable
from shared.services.clock import next_look, reached
from shared.services.commit import MOST_TRIES
from tests.fakes import records
from tests.fakes.records import NOON
from tests.unit.services.stage import FRIDAY_NOON, Stage, echo, message

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
OWED = records.obligation(intents=())  # warning at 12:45, due at 13:00
WARN_AT, DUE_AT = OWED.warn_at, OWED.due_at
WARNED = replace(OWED, warned_at=WARN_AT, intents=(Intent.WARN,))


class Looking:
    """One obligation on the desk and the clock that looks at it."""

    def __init__(self, owed=OWED):
        self.stage = Stage()
        self.stage.put(owed)
        self.key = owed.key

    def look(self, at, revision=1):
        self.stage.clock.at = at
        return self.stage.obligations.look(OWED.conversation_id, Target.FIRST_RESPONSE, revision)

    @property
    def owed(self):
        return self.stage.desk.records[self.key]


@pytest.mark.parametrize(
    ("at", "changed", "again"),
    [
        pytest.param(NOON, OWED, WARN_AT, id="before the warning"),
        pytest.param(WARN_AT - SECOND, OWED, WARN_AT, id="a second before the warning"),
        pytest.param(WARN_AT, WARNED, DUE_AT, id="at the warning"),
        pytest.param(WARN_AT + SECOND, replace(WARNED, warned_at=WARN_AT + SECOND), DUE_AT, id="after the warning"),
        pytest.param(DUE_AT, replace(OWED, breached_at=DUE_AT, intents=(Intent.ESCALATE,)), None, id="when due"),
        pytest.param(
            DUE_AT + 90 * MINUTE,
            replace(OWED, breached_at=DUE_AT + 90 * MINUTE, intents=(Intent.ESCALATE,)),
            None,
            id="long after: a breach that was never warned of",
        ),
    ],
)
def test_the_first_look_does_what_has_come_due_and_names_the_next(at, changed, again):
    looking = Looking()

    assert looking.look(at) == again

    assert replace(looking.owed, version=0) == changed


def test_a_warned_obligation_is_breached_when_due_and_then_left_alone():
    looking = Looking()
    looking.look(WARN_AT)

    assert looking.look(DUE_AT) is None

    assert (looking.owed.warned_at, looking.owed.breached_at) == (WARN_AT, DUE_AT)


def test_a_breach_takes_the_place_of_a_warning_that_nobody_has_mailed_yet():
    looking = Looking(WARNED)

    looking.look(DUE_AT)

    assert looking.owed.intents == (Intent.ESCALATE,)


def test_other_intents_survive_a_look():
    looking = Looking(replace(OWED, intents=(Intent.START_TIMER,)))

    looking.look(WARN_AT)
    looking.look(DUE_AT)

    assert looking.owed.intents == (Intent.START_TIMER, Intent.ESCALATE)


@pytest.mark.parametrize("at", [NOON, WARN_AT, WARN_AT + MINUTE, DUE_AT, DUE_AT + MINUTE])
def test_looking_twice_writes_once(at):
    looking = Looking()
    first = looking.look(at)
    after_first = looking.owed

    assert looking.look(at + SECOND) == first
    assert looking.owed == after_first


def test_a_look_that_finds_nothing_due_writes_nothing():
    looking = Looking()

    looking.look(NOON)

    assert looking.stage.crossings.named("desk.commit") == []


@pytest.mark.parametrize("state", [State.MET, State.CANCELLED, State.SUPERSEDED])
@pytest.mark.parametrize("at", [WARN_AT, DUE_AT])
def test_a_closed_obligation_is_neither_warned_of_nor_breached(state, at):
    looking = Looking(replace(OWED, state=state))

    assert looking.look(at) is None

    assert looking.stage.crossings.named("desk.commit") == []


def test_a_look_at_an_obligation_that_is_not_there_ends_the_timer():
    assert Looking().look(DUE_AT, revision=7) is None


def test_a_timer_of_an_older_revision_does_not_touch_the_newer_one():
    looking = Looking(replace(OWED, state=State.SUPERSEDED))
    newer = replace(OWED, revision=2)
    looking.stage.put(newer)

    assert looking.look(DUE_AT, revision=1) is None

    assert looking.stage.desk.records[newer.key] == replace(newer, version=1)


class TestRace:
    """A message waits since noon; the warning is at 12:30 and the answer due at 13:00."""

    def late(self):
        stage = Stage()
        stage.deliver(message("m1"))
        stage.clock.at = FRIDAY_NOON + 60 * MINUTE
        return stage, stage.conversation().conversation_id

    def answer(self, stage):
        stage.deliver(echo("e1", at=FRIDAY_NOON + 59 * MINUTE))

    def test_an_answer_committed_between_reading_and_writing_wins(self):
        stage, conversation_id = self.late()
        stage.crossings.before("desk.commit", lambda: self.answer(stage))

        assert stage.obligations.look(conversation_id, Target.FIRST_RESPONSE, 1) is None

        (owed,) = stage.obligations_of(stage.conversation())
        assert (owed.state, owed.breached_at) == (State.MET, None)
        assert Intent.ESCALATE not in owed.intents

    def test_an_answer_committed_after_the_breach_leaves_the_breach_on_record_and_its_escalation_to_do(self):
        stage, conversation_id = self.late()
        stage.obligations.look(conversation_id, Target.FIRST_RESPONSE, 1)

        self.answer(stage)

        (owed,) = stage.obligations_of(stage.conversation())
        assert (owed.state, owed.breached_at) == (State.MET, FRIDAY_NOON + 60 * MINUTE)
        assert owed.intents == (Intent.ESCALATE, Intent.STOP_TIMER)

    def test_a_look_that_always_loses_raises_the_conflict_for_the_machine_to_retry(self):
        stage, conversation_id = self.late()

        def faster():
            (owed,) = stage.obligations_of(stage.conversation())
            stage.put(owed)

        for _ in range(MOST_TRIES):
            stage.crossings.before("desk.commit", faster)
        with pytest.raises(Conflict):
            stage.obligations.look(conversation_id, Target.FIRST_RESPONSE, 1)

    def test_a_breach_whose_answer_was_lost_is_not_recorded_twice(self):
        stage, conversation_id = self.late()
        stage.crossings.after("desk.commit")
        with pytest.raises(Unavailable):
            stage.obligations.look(conversation_id, Target.FIRST_RESPONSE, 1)

        stage.clock.advance(MINUTE)
        assert stage.obligations.look(conversation_id, Target.FIRST_RESPONSE, 1) is None

        (owed,) = stage.obligations_of(stage.conversation())
        assert owed.breached_at == FRIDAY_NOON + 60 * MINUTE
        assert owed.intents.count(Intent.ESCALATE) == 1


@pytest.mark.parametrize(
    ("obligation", "expected"),
    [
        (OWED, WARN_AT),
        (WARNED, DUE_AT),
        (replace(WARNED, breached_at=DUE_AT), None),
        (replace(OWED, breached_at=DUE_AT), None),
    ],
)
def test_the_next_look_is_the_first_checkpoint_that_was_not_acted_on(obligation, expected):
    assert next_look(obligation) == expected


def test_a_look_never_names_a_time_that_it_has_already_acted_on():
    for minute in range(-5, 120):
        now = NOON + minute * MINUTE
        again = next_look(reached(OWED, now))
        assert again is None or again > now
