from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain import ledger
from shared.domain.records import Intent, Send, SendState, State
from shared.errors import Unavailable
from shared.services.sweep import PATIENCE, Sweep, Swept
from tests.unit.services.stage import ANA, FRIDAY_NIGHT, FRIDAY_NOON, LEA, POLICY, Stage, message

MINUTE = timedelta(minutes=1)


@pytest.fixture
def stage():
    return Stage()


def sweep(stage: Stage) -> Swept:
    return Sweep(stage.desk, stage.dispatch, stage.obligations, stage.clock).run()


def test_intents_that_the_stream_has_lost_are_carried_out(stage):
    stage.deliver(message("m1"))
    stage.clock.advance(PATIENCE + MINUTE)

    assert sweep(stage) == Swept(carried_out=2, looked_at=0, left=0)

    assert len(stage.mailer.sent) == 1
    assert [timer.at for timer in stage.timers.running] == [FRIDAY_NOON + 30 * MINUTE]
    assert sweep(stage) == Swept(carried_out=0, looked_at=0, left=0)


def test_what_the_stream_may_still_be_doing_is_left_to_it(stage):
    stage.deliver(message("m1"))

    assert sweep(stage) == Swept(carried_out=0, looked_at=0, left=0)


def test_a_checkpoint_that_passed_without_its_look_is_looked_at_once(stage):
    stage.deliver(message("m1"))
    stage.dispatch_all()
    stage.clock.at = FRIDAY_NOON + 62 * MINUTE

    assert sweep(stage).looked_at == 1

    (owed,) = stage.obligations_of(stage.conversation())
    assert (owed.state, owed.breached_at, owed.intents) == (State.OPEN, stage.clock.now(), (Intent.ESCALATE,))
    assert sweep(stage).looked_at == 0


def test_a_look_by_the_sweep_and_one_by_the_timer_are_one_breach(stage):
    stage.deliver(message("m1"))
    stage.clock.at = FRIDAY_NOON + 62 * MINUTE
    sweep(stage)
    (owed,) = stage.obligations_of(stage.conversation())

    stage.clock.advance(MINUTE)
    again = stage.obligations.look(owed.conversation_id, owed.target, owed.revision)

    assert again is None
    assert stage.obligations_of(stage.conversation())[0].breached_at == FRIDAY_NOON + 62 * MINUTE


def test_one_record_that_must_wait_does_not_keep_the_others_waiting(stage):
    stage.deliver(message("m1"))
    stage.clock.advance(PATIENCE + MINUTE)

    def away(mail):
        raise Unavailable("SES is away")

    stage.mailer.send = away

    assert sweep(stage) == Swept(carried_out=1, looked_at=0, left=1)
    assert stage.timers.running


def test_what_cannot_be_done_is_tried_once_an_hour_so_that_nobody_is_mailed_every_minute():
    unhurried = replace(POLICY.rules[0], first_response=timedelta(hours=8))
    stage = Stage(policy=replace(POLICY, agents=(ANA, LEA), rules=(unhurried,)))
    send = stage.mailer.send

    def refuses_lea(mail):
        if mail.to == LEA.address:
            raise ValueError("the address is not verified")
        return send(mail)

    stage.mailer.send = refuses_lea  # type: ignore[method-assign]  # a port that fails on purpose
    stage.deliver(message("m1"))
    stage.dispatch_all()
    sweeps = Sweep(stage.desk, stage.dispatch, stage.obligations, stage.clock)

    for _ in range(59):
        stage.clock.advance(MINUTE)
        sweeps.run()
    assert len(stage.mailer.sent) == 1

    stage.mailer.send = send  # type: ignore[method-assign]
    stage.clock.advance(2 * MINUTE)
    sweeps.run()
    assert [mail.to for mail in stage.mailer.sent] == [ANA.address, ANA.address, LEA.address]
    assert stage.message("m1").intents == ()


class TestASendThatItsQueueHasLost:
    def lost(self, stage: Stage, state: SendState) -> Send:
        stage.clock.at = FRIDAY_NIGHT
        stage.deliver(message("m1", at=FRIDAY_NIGHT))
        stage.dispatch_all()
        stage.outbox.waiting.clear()
        (send,) = stage.sends_of(stage.conversation())
        if state is SendState.SENDING:
            stage.desk.commit([ledger.claimed(send, "an owner that died", stage.clock.now())])
        stage.clock.advance(ledger.MOST_ON_ITS_LANE + PATIENCE + MINUTE)
        return send

    def test_is_put_on_its_lane_again_once_an_hour_and_told_of_if_its_time_has_passed(self, stage):
        self.lost(stage, SendState.PENDING)

        sweep(stage)
        stage.dispatch_all()
        sweep(stage)
        assert len(stage.outbox.waiting) == 1
        stage.send_all()

        (send,) = stage.sends_of(stage.conversation())
        assert send.state is SendState.WITHHELD  # fifteen minutes is all an acknowledgement is good for

    def test_is_never_posted_again_where_its_owner_died_but_told_to_be_unknown(self, stage):
        self.lost(stage, SendState.SENDING)

        sweep(stage)
        stage.dispatch_all()
        stage.send_all()

        (send,) = stage.sends_of(stage.conversation())
        assert (send.state, send.intents) == (SendState.UNKNOWN, (Intent.TELL,))
        assert stage.platforms.asked == []
