"""One fault at a time, at every place where one can be: no golden scenario may lose its good end."""

from __future__ import annotations

import pytest

from shared.domain.records import Obligation, Send, SendState, State
from tests.simulation.checker import violations
from tests.simulation.scenarios import (
    GOLDEN,
    answer_undelivered,
    burst_taken_back,
    comment_missed,
    night_answered,
    rehearse,
)
from tests.simulation.stage import AGENT, LEAD
from tests.simulation.truth import records
from tests.simulation.world import FAULTS, Planned


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", GOLDEN)
def test_every_single_fault_at_every_call(scenario, fault):
    calls = len(rehearse(scenario).world.crossed)

    found = {call: violations(rehearse(scenario, Planned(call, fault))) for call in range(1, calls + 1)}

    assert {call: what for call, what in found.items() if what} == {}


@pytest.mark.parametrize("scenario", GOLDEN)
def test_every_single_hop_delivering_twice(scenario):
    hops = rehearse(scenario).world.hops

    found = {hop: violations(rehearse(scenario, Planned(hop, "twice"))) for hop in range(1, hops + 1)}

    assert {hop: what for hop, what in found.items() if what} == {}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planned_fault_happens_once_and_nothing_else_does(fault):
    world = rehearse(night_answered, Planned(9, fault)).world

    assert list(world.faults.values()) == [1]
    assert world.crossed[8] == next(iter(world.faults)).partition(":")[0]


class TestTheGoldenScenariosWithoutAFault:
    def test_the_night_ends_acknowledged_and_answered(self):
        stage = rehearse(night_answered)

        assert [send.state for send in records(stage, Send)] == [SendState.SENT, SendState.SENT]
        assert [owed.state for owed in records(stage, Obligation)] == [State.MET]
        assert violations(stage) == []

    def test_the_missed_comment_is_handed_off_warned_of_and_escalated(self):
        stage = rehearse(comment_missed)

        assert [mail.to for mail in stage.mailer.sent] == [AGENT.address, AGENT.address, LEAD.address]
        assert stage.platforms.posts == []
        assert violations(stage) == []

    def test_the_burst_is_acknowledged_once_and_met_by_hand(self):
        stage = rehearse(burst_taken_back)

        assert len(stage.platforms.posts) == 1
        assert records(stage, Obligation)[-1].state is State.MET
        assert violations(stage) == []

    def test_the_undelivered_answer_is_told_of_and_missed(self):
        stage = rehearse(answer_undelivered)

        assert [send.state for send in records(stage, Send)] == [SendState.FAILED]
        assert records(stage, Obligation)[-1].breached_at is not None
        assert violations(stage) == []
