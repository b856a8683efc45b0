from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain import ledger
from shared.domain.events import Kind, Surface, Visibility
from shared.domain.exchange import Posted
from shared.domain.records import Author, Intent, SendKind, SendState, State
from shared.errors import Unavailable
from shared.services.send import Carried
from tests.fakes.effects import LostAnswer
from tests.unit.services.sending import acknowledgement, answer, both
from tests.unit.services.stage import ANA, FRIDAY_NIGHT, FRIDAY_NOON, Stage, about, echo, message, written

MINUTE = timedelta(minutes=1)
PUBLIC: dict[str, Any] = {"surface": Surface.COMMENT, "visibility": Visibility.PUBLIC, "thread_id": "post"}


def status(sending, word, mid="wamid-1"):
    """What a platform says became of the send, by our token."""
    return about(mid, Kind.STATUS, detail=word, client_token=sending.first.client_token)


def by_token(sending, mid="native-1"):
    return echo(mid, at=sending.stage.clock.now(), text="", client_token=sending.first.client_token)


def by_text(sending, mid="native-1"):
    return echo(mid, at=sending.stage.clock.now(), text=f"  {sending.first.text}\n")


def lose_the_answer(sending):
    sending.stage.platforms.script.append(LostAnswer())
    assert sending.carry() is Carried.UNKNOWN


class TestOurOwnEcho:
    @both
    @pytest.mark.parametrize("heard", [by_token, by_text])
    def test_it_settles_a_send_in_doubt_and_leaves_nothing_to_tell(self, given, heard):
        sending = given()
        lose_the_answer(sending)

        sending.stage.deliver(heard(sending))

        assert (sending.send.state, sending.send.native_id) == (SendState.SENT, "native-1")
        assert sending.send.intents == ()
        assert sending.told() == []

    def test_it_is_known_by_its_words_where_the_platform_named_no_id_when_it_took_them(self):
        sending = answer()
        sending.stage.platforms.script.append(Posted(""))
        assert sending.carry() is Carried.SENT

        sending.stage.deliver(by_text(sending, mid="shown-later"))

        conversation = sending.stage.conversation()
        persons = [m for m in sending.stage.desk.messages(conversation.conversation_id) if m.author is Author.PERSON]
        assert len(persons) == 1

    @pytest.mark.parametrize("heard", [by_token, by_text])
    def test_it_lets_the_reply_meet_the_obligation(self, heard):
        sending = answer()
        lose_the_answer(sending)

        sending.stage.deliver(heard(sending))

        (owed,) = sending.stage.obligations_of(sending.stage.conversation())
        assert owed.state is State.MET
        assert sending.stage.message("native-1").author is Author.PERSON

    @pytest.mark.parametrize("heard", [by_token, by_text])
    def test_that_of_an_acknowledgement_is_no_persons_answer(self, heard):
        sending = acknowledgement()
        lose_the_answer(sending)

        sending.stage.deliver(heard(sending))

        assert sending.stage.message("native-1").author is Author.BOT
        assert sending.stage.conversation().waiting
        assert sending.stage.conversation().last_person_at is None

    @both
    @pytest.mark.parametrize("heard", [by_token, by_text])
    def test_one_that_is_faster_than_the_sender_settles_the_send_once(self, given, heard):
        sending = given()
        sending.stage.crossings.after("platforms.post", lambda: sending.stage.deliver(heard(sending)))

        assert sending.carry() is Carried.SENT

        assert (sending.send.state, sending.send.native_id) == (SendState.SENT, "native-1")
        assert len(sending.posted) == 1
        author = Author.PERSON if sending.first.kind is SendKind.REPLY else Author.BOT
        assert sending.stage.message("native-1").author is author

    @both
    @pytest.mark.parametrize("heard", [by_token, by_text])
    def test_one_that_comes_after_the_record_changes_nothing(self, given, heard):
        sending = given()
        sending.carry()
        before = dict(sending.stage.desk.records)

        sending.stage.deliver(heard(sending))

        assert sending.stage.desk.records == before

    @both
    def test_one_of_a_claim_whose_owner_died_settles_it(self, given):
        sending = given()
        sending.claim_elsewhere()

        sending.stage.deliver(by_text(sending))

        assert sending.send.state is SendState.SENT
        assert sending.carry() is Carried.DONE_BEFORE

    def test_a_token_that_names_no_entry_of_ours_is_a_persons_or_a_programs_word(self):
        stage = Stage()
        stage.deliver(message("m1"))
        for number, token in enumerate(["", ".", "nothing", "a.b", f"{stage.conversation().conversation_id}."]):
            stage.deliver(echo(f"e{number}", client_token=token))

        assert [stage.message(f"e{number}").author for number in range(5)] == [Author.PERSON] * 5

    def test_other_words_in_a_thread_with_a_send_in_doubt_are_a_persons(self):
        sending = acknowledgement()
        lose_the_answer(sending)

        sending.stage.deliver(echo("e1", at=FRIDAY_NIGHT, text="I am still here."))

        assert sending.send.state is SendState.UNKNOWN
        assert sending.stage.message("e1").author is Author.PERSON
        assert sending.stage.conversation().waiting == ()

    def test_the_same_words_in_another_customers_thread_settle_nothing(self):
        sending = answer()
        lose_the_answer(sending)

        sending.stage.deliver(echo("e1", text=sending.first.text, thread_id="other", customer_id="other"))

        assert sending.send.state is SendState.UNKNOWN

    def test_a_public_one_that_names_no_customer_is_found_by_the_comment_it_answers(self):
        stage = Stage()
        stage.deliver(message("c1", **PUBLIC))
        send = ledger.unknown(written(stage.conversation(thread="post")), "The answer was lost.", FRIDAY_NOON)
        stage.put(send)

        stage.deliver(echo("n1", text=send.text, customer_id=None, in_reply_to="c1", **PUBLIC))

        assert [known.state for known in stage.sends_of(stage.conversation(thread="post"))] == [SendState.SENT]
        assert stage.conversation(thread="post").waiting == ()

    def test_one_whose_table_is_away_brings_the_delivery_back_and_counts_then(self):
        sending = answer()
        lose_the_answer(sending)
        sending.stage.crossings.before("desk.commit")
        body = sending.stage.channel.delivery(by_token(sending))

        with pytest.raises(Unavailable):
            sending.stage.take(body)
        sending.stage.take(body)

        assert sending.send.state is SendState.SENT


class TestStatus:
    @both
    @pytest.mark.parametrize("word", ["sent", "delivered", "read"])
    def test_it_proves_a_send_in_doubt(self, given, word):
        sending = given()
        lose_the_answer(sending)

        sending.stage.deliver(status(sending, word))

        assert (sending.send.state, sending.send.native_id) == (SendState.SENT, "wamid-1")
        assert sending.told() == []

    def test_a_failure_after_it_was_sent_is_recorded_and_told_to_its_writer(self):
        sending = answer()
        sending.carry()

        sending.stage.deliver(status(sending, "failed: 131047 Re-engagement message"))

        assert (sending.send.state, sending.send.intents) == (SendState.FAILED, (Intent.TELL,))
        ((to, text),) = sending.told()
        assert to == ANA.address
        assert "131047 Re-engagement message" in text

    def test_a_failure_in_doubt_ends_the_doubt(self):
        sending = answer()
        lose_the_answer(sending)

        sending.stage.deliver(status(sending, "failed"))

        assert sending.send.state is SendState.FAILED

    def test_a_failure_that_is_faster_than_the_sender_is_not_overruled_by_it(self):
        sending = answer()
        failed = status(sending, "failed: 131026 Message undeliverable")
        sending.stage.crossings.after("platforms.post", lambda: sending.stage.deliver(failed))

        sending.carry()

        assert (sending.send.state, sending.send.intents) == (SendState.FAILED, (Intent.TELL,))
        assert sending.stage.conversation().waiting
        assert len(sending.told()) == 1

    def test_a_failure_is_told_once_however_often_it_is_delivered(self):
        sending = answer()
        sending.carry()
        for _ in range(3):
            sending.stage.deliver(status(sending, "failed"))
            sending.stage.dispatch.carry_out(sending.first.key)

        assert len(sending.stage.mailer.sent) == 1

    def test_the_failure_of_an_acknowledgement_troubles_nobody(self):
        sending = acknowledgement()
        sending.carry()

        sending.stage.deliver(status(sending, "failed"))

        assert sending.send.state is SendState.FAILED
        assert sending.told() == []

    @pytest.mark.parametrize("word", ["sent", "delivered", "read"])
    def test_a_late_word_of_success_does_not_undo_a_failure(self, word):
        sending = answer()
        sending.carry()
        sending.stage.deliver(status(sending, "failed"))

        sending.stage.deliver(status(sending, word))

        assert sending.send.state is SendState.FAILED

    def test_one_without_our_token_or_of_a_pending_entry_changes_nothing(self):
        sending = answer()
        before = dict(sending.stage.desk.records)

        sending.stage.deliver(about("wamid-1", Kind.STATUS, detail="failed"), status(sending, "delivered"))

        assert sending.stage.desk.records == before


class TestAPersonInTheApp:
    def test_words_in_a_thread_nobody_has_heard_of_open_its_conversation(self):
        stage = Stage()

        stage.deliver(echo("e1"))

        assert stage.message("e1").author is Author.PERSON
        assert stage.conversation().last_person_at == FRIDAY_NOON
        assert stage.obligations_of(stage.conversation()) == ()

    def test_the_same_words_delivered_twice_are_heard_once(self):
        stage = Stage()
        stage.deliver(message("m1"), echo("e1", at=FRIDAY_NOON + MINUTE))
        before = dict(stage.desk.records)

        stage.deliver(echo("e1", at=FRIDAY_NOON + MINUTE))

        assert stage.desk.records == before

    def test_words_that_were_taken_back_before_they_were_heard_still_answered(self):
        stage = Stage()
        stage.deliver(message("m1"))
        stage.deliver(about("e1", Kind.DELETION, at=FRIDAY_NOON + 2 * MINUTE))

        stage.deliver(echo("e1", at=FRIDAY_NOON + MINUTE))

        assert stage.message("e1").text is None
        assert stage.conversation().waiting == ()

    def test_a_message_that_comes_between_reading_and_writing_is_neither_lost_nor_answered(self):
        stage = Stage()
        stage.deliver(message("m1"))
        stage.clock.advance(9 * MINUTE)
        late = message("m2", at=FRIDAY_NOON + 9 * MINUTE)
        stage.crossings.before("desk.commit", lambda: stage.deliver(late))

        stage.deliver(echo("e1", at=FRIDAY_NOON + 5 * MINUTE))

        assert [waiting.message_id for waiting in stage.conversation().waiting] == ["m2"]

    def test_the_newest_of_two_answers_heard_of_before_their_question_counts(self):
        stage = Stage()
        early, late = FRIDAY_NOON + MINUTE, FRIDAY_NOON + 3 * MINUTE
        for mid, at in (("e2", late), ("e1", early)):
            stage.deliver(echo(mid, at=at, in_reply_to="c1", customer_id=None, **PUBLIC))

        stage.deliver(message("c1", **PUBLIC))

        assert stage.message("c1").answered_at == late
        assert stage.conversation(thread="post").waiting == ()

    def test_an_echo_without_place_or_question_is_left_alone(self):
        stage = Stage()

        stage.deliver(echo("e1", thread_id=None, customer_id=None), replace(echo("e2"), surface=None))

        assert stage.desk.records == {}


def test_a_failure_that_names_only_the_platforms_id_is_told_to_the_writer():
    sending = answer()
    assert sending.carry() is Carried.SENT
    native_id = sending.send.native_id

    sending.stage.deliver(about(native_id, Kind.STATUS, detail="failed: the carrier filtered it"))

    assert sending.send.state is SendState.FAILED
    assert len(sending.told()) == 1
