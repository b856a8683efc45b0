from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain import ledger
from shared.domain.exchange import Refusal, Refused, Unclear
from shared.domain.records import Intent, SendState, State
from shared.errors import Unavailable
from shared.services.send import MOST_RECORDINGS, Carried, TryLater
from tests.fakes.effects import LostAnswer
from tests.unit.services.sending import acknowledgement, answer, both
from tests.unit.services.stage import ANA, FRIDAY_NIGHT, FRIDAY_NOON, echo, message

MINUTE = timedelta(minutes=1)
LATER = Refused(refusal=Refusal.LATER, reason="Too many calls.")
NEVER = Refused(refusal=Refusal.NEVER, reason="The window is closed.")
BLOCKED = Refused(refusal=Refusal.BLOCKED, reason="The token is gone.")


class TestRefusals:
    @both
    def test_what_may_go_later_goes_back_to_pending_and_then_out(self, given):
        sending = given()
        sending.stage.platforms.script.append(LATER)

        with pytest.raises(TryLater):
            sending.carry()

        assert (sending.send.state, sending.send.owner, sending.send.reason) == (
            SendState.PENDING,
            None,
            "Too many calls.",
        )
        assert sending.carry() is Carried.SENT
        assert len(sending.posted) == 1

    def test_after_the_last_attempt_it_has_failed_and_its_writer_is_told(self):
        sending = answer()
        sending.stage.platforms.script.extend([LATER] * ledger.MOST_ATTEMPTS)

        for _ in range(ledger.MOST_ATTEMPTS - 1):
            with pytest.raises(TryLater):
                sending.carry()
        assert sending.carry() is Carried.FAILED

        assert sending.carry() is Carried.DONE_BEFORE
        assert len(sending.stage.platforms.asked) == ledger.MOST_ATTEMPTS
        ((to, text),) = sending.told()
        assert to == ANA.address
        assert "Too many calls." in text

    @pytest.mark.parametrize("refused", [NEVER, BLOCKED])
    def test_what_will_not_be_taken_has_failed_at_once_and_its_writer_is_told(self, refused):
        sending = answer()
        sending.stage.platforms.script.append(refused)

        assert sending.carry() is Carried.FAILED

        assert sending.carry() is Carried.DONE_BEFORE
        assert len(sending.stage.platforms.asked) == 1
        ((_, text),) = sending.told()
        assert "NOT posted" in text
        assert refused.reason in text

    def test_a_reply_that_failed_answers_nobody(self):
        sending = answer()
        sending.stage.platforms.script.append(NEVER)

        sending.carry()

        assert sending.stage.conversation().waiting
        assert [owed.state for owed in sending.stage.obligations_of(sending.stage.conversation())] == [State.OPEN]

    def test_an_acknowledgement_that_failed_troubles_nobody(self):
        sending = acknowledgement()
        sending.stage.platforms.script.append(NEVER)

        assert sending.carry() is Carried.FAILED

        assert sending.told() == []


class TestDoubt:
    @both
    @pytest.mark.parametrize("outcome", [Unclear("The answer was lost."), LostAnswer()])
    def test_what_is_not_known_is_told_and_never_sent_again(self, given, outcome):
        sending = given()
        sending.stage.platforms.script.append(outcome)

        assert sending.carry() is Carried.UNKNOWN

        assert sending.send.intents == (Intent.TELL,)
        ((to, text),) = sending.told()
        assert to == ANA.address
        assert "may or may not be" in text
        sending.stage.clock.advance(timedelta(hours=1))
        assert sending.carry() is Carried.DONE_BEFORE
        assert len(sending.stage.platforms.asked) == 1

    @both
    def test_a_claim_whose_lease_ended_is_unknown_without_another_post(self, given):
        sending = given()
        sending.claim_elsewhere()
        sending.stage.clock.advance(ledger.LEASE)

        assert sending.carry() is Carried.UNKNOWN

        assert (sending.stage.platforms.asked, sending.send.state) == ([], SendState.UNKNOWN)
        assert len(sending.told()) == 1

    @both
    def test_a_claim_within_its_lease_is_left_alone(self, given):
        sending = given()
        sending.claim_elsewhere()
        sending.stage.clock.advance(ledger.LEASE - timedelta(microseconds=1))

        with pytest.raises(TryLater):
            sending.carry()

        assert sending.send.state is SendState.SENDING
        assert sending.stage.platforms.asked == []

    @both
    def test_a_record_that_fails_a_few_times_is_insisted_on(self, given):
        sending = given()
        sending.stage.crossings.before("desk.commit", lambda: None)
        for _ in range(MOST_RECORDINGS - 1):
            sending.stage.crossings.before("desk.commit")

        assert sending.carry() is Carried.SENT

        assert sending.send.state is SendState.SENT

    @both
    def test_a_record_that_cannot_be_made_leaves_the_claim_for_a_person_to_look_at(self, given):
        sending = given()
        sending.stage.crossings.before("desk.commit", lambda: None)
        for _ in range(MOST_RECORDINGS):
            sending.stage.crossings.before("desk.commit")

        with pytest.raises(Unavailable):
            sending.carry()
        sending.stage.clock.advance(6 * MINUTE)

        assert sending.carry() is Carried.UNKNOWN
        assert len(sending.posted) == 1

    def test_a_refusal_that_an_echo_contradicts_leaves_it_sent(self):
        sending = answer()
        sending.stage.platforms.script.append(NEVER)
        heard = echo("native-9", at=FRIDAY_NOON, text=sending.first.text)
        sending.stage.crossings.after("platforms.post", lambda: sending.stage.deliver(heard))

        sending.carry()

        assert (sending.send.state, sending.send.native_id) == (SendState.SENT, "native-9")


class TestWhatAReplyCovers:
    def test_a_reply_meets_the_obligation(self):
        sending = answer()

        sending.carry()

        (owed,) = sending.stage.obligations_of(sending.stage.conversation())
        assert (owed.state, owed.met_at) == (State.MET, sending.stage.clock.now())
        assert Intent.STOP_TIMER in owed.intents
        assert sending.stage.conversation().waiting == ()

    def test_an_acknowledgement_meets_nothing(self):
        sending = acknowledgement()

        sending.carry()

        conversation = sending.stage.conversation()
        assert [waiting.message_id for waiting in conversation.waiting] == ["m1"]
        assert [owed.state for owed in sending.stage.obligations_of(conversation)] == [State.OPEN]
        assert (conversation.last_person_at, conversation.last_bot_at) == (None, FRIDAY_NIGHT)

    @pytest.mark.parametrize("sent_at", [FRIDAY_NOON + MINUTE, FRIDAY_NOON + 6 * MINUTE])
    def test_a_message_that_reached_us_after_the_agent_wrote_stays_open(self, sent_at):
        sending = answer()
        sending.stage.clock.advance(2 * MINUTE)
        sending.stage.deliver(message("m2", at=sent_at))

        sending.carry()

        conversation = sending.stage.conversation()
        assert [waiting.message_id for waiting in conversation.waiting] == ["m2"]
        states = [(owed.state, owed.since) for owed in sending.stage.obligations_of(conversation)]
        assert states == [(State.SUPERSEDED, FRIDAY_NOON), (State.OPEN, sent_at)]

    def test_a_message_that_comes_during_the_post_stays_open(self):
        sending = answer()
        sending.stage.clock.advance(MINUTE)
        late = message("m2", at=FRIDAY_NOON + 6 * MINUTE)
        sending.stage.crossings.after("platforms.post", lambda: sending.stage.deliver(late))

        assert sending.carry() is Carried.SENT

        assert [waiting.message_id for waiting in sending.stage.conversation().waiting] == ["m2"]

    def test_a_copy_of_what_was_seen_that_arrives_late_is_answered_already(self):
        sending = answer()
        sending.carry()

        sending.stage.deliver(message("m0", at=FRIDAY_NOON - MINUTE), received_at=FRIDAY_NOON)

        assert sending.stage.conversation().waiting == ()
