from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.records import Intent, SendKind, SendState, State
from shared.errors import Unavailable, Unreadable
from shared.services.agent_mail import Ended
from shared.services.send import Carried
from tests.unit.mail.build import text_of
from tests.unit.services.agents import Mailbox, receipt
from tests.unit.services.stage import ANA, FRIDAY_NOON, LEA, message

MINUTE = timedelta(minutes=1)


class TestAccepted:
    def test_an_answer_is_on_the_ledger_once_without_what_it_quotes(self):
        box = Mailbox()

        assert box.take(box.answer("It left us\nthis morning.")) is Ended.ACCEPTED

        (send,) = box.replies
        assert send.text == "It left us\nthis morning."
        assert (send.kind, send.state, send.intents) == (SendKind.REPLY, SendState.PENDING, (Intent.POST,))
        assert (send.agent, send.mail_id) == (ANA.address, "<answer-1@company.example>")
        assert (send.in_reply_to, send.written_at) == ("m1", box.stage.clock.now())
        assert box.stage.mailer.sent == []
        assert box.reasons == []

    def test_it_is_posted_on_the_platform_and_meets_the_obligation(self):
        box = Mailbox()
        box.take(box.answer())

        box.stage.dispatch_all()
        box.stage.send_all()

        assert [outbound.text for outbound in box.stage.platforms.posted["cust"]] == ["It is on its way."]
        (owed,) = box.stage.obligations_of(box.stage.conversation())
        assert owed.state is State.MET

    def test_the_address_counts_in_any_case_and_beside_recipients_that_are_not_ours(self):
        box = Mailbox()

        to = ("boss@company.example", box.reply_to.upper())
        assert box.take(box.answer(From=f"ANA <{ANA.address.upper()}>"), to=to) is Ended.ACCEPTED

        assert box.replies[0].agent == ANA.address

    def test_the_previous_key_of_a_rotation_still_counts(self):
        box = Mailbox()
        box.stage.secrets.keys = (b"a new key that signs reply addresses", *box.stage.secrets.keys)

        assert box.take(box.answer()) is Ended.ACCEPTED

    def test_a_clock_of_ses_ahead_of_ours_does_not_make_the_answer_one_from_the_future(self):
        box = Mailbox()
        now = box.stage.clock.now()
        box.stage.mails.kept["in/ses-1"] = box.answer()

        box.stage.agent_mails.take(receipt("ses-1", (box.reply_to,), now + timedelta(hours=1)))

        assert box.replies[0].written_at == now

    def test_it_answers_the_newest_message_that_had_come_when_it_was_written(self):
        box = Mailbox()
        box.stage.deliver(message("m2", at=FRIDAY_NOON + 2 * MINUTE), received_at=FRIDAY_NOON + 2 * MINUTE)
        box.stage.mails.kept["in/ses-1"] = box.answer()
        box.stage.clock.advance(5 * MINUTE)
        box.stage.deliver(message("m3", at=box.stage.clock.now()))

        box.stage.agent_mails.take(receipt("ses-1", (box.reply_to,), FRIDAY_NOON + 4 * MINUTE))

        assert box.replies[0].in_reply_to == "m2"

    def test_a_second_answer_with_other_words_is_a_second_reply(self):
        box = Mailbox()
        box.take(box.answer("It is on its way."))

        assert box.take(box.answer("It arrives on Monday.", number=2)) is Ended.ACCEPTED

        assert {send.text for send in box.replies} == {"It is on its way.", "It arrives on Monday."}


class TestCopies:
    def test_the_second_notification_of_the_same_mail_posts_nothing(self):
        box = Mailbox()
        box.take(box.answer(), ses_id="ses-1")
        before = dict(box.stage.desk.records)

        assert box.take(box.answer(), ses_id="ses-1") is Ended.COPY

        assert box.stage.desk.records == before
        assert box.stage.mailer.sent == []

    def test_another_copy_of_a_mail_is_known_by_its_message_id_at_any_time(self):
        box = Mailbox()
        box.take(box.answer())
        box.stage.clock.advance(timedelta(days=2))

        assert box.take(box.answer("It is on its way. (List footer)")) is Ended.COPY

        assert len(box.replies) == 1

    def test_a_copy_of_a_reply_that_was_posted_posts_nothing(self):
        box = Mailbox()
        box.take(box.answer())
        box.stage.dispatch_all()
        box.stage.send_all()

        assert box.take(box.answer(number=2)) is Ended.COPY
        box.stage.dispatch_all()
        box.stage.send_all()

        assert len(box.stage.platforms.asked) == 1

    @pytest.mark.parametrize("later", [timedelta(), 9 * MINUTE])
    def test_the_same_words_of_the_same_person_within_ten_minutes_are_a_copy(self, later):
        box = Mailbox()
        box.take(box.answer())
        box.stage.clock.advance(later)

        assert box.take(box.answer(number=2)) is Ended.COPY

        assert len(box.replies) == 1

    def test_the_same_words_after_ten_minutes_are_a_new_reply(self):
        box = Mailbox()
        box.take(box.answer())
        box.stage.clock.advance(10 * MINUTE)

        assert box.take(box.answer(number=2)) is Ended.ACCEPTED

    def test_the_same_words_after_they_certainly_failed_are_a_new_try(self):
        box = Mailbox()
        box.take(box.answer())
        box.stage.put(replace(box.replies[0], state=SendState.FAILED, reason="The token is gone."))

        assert box.take(box.answer(number=2)) is Ended.ACCEPTED

    def test_the_same_words_after_their_answer_was_lost_are_not_posted_and_not_dropped_but_returned(self):
        box = Mailbox()
        box.take(box.answer())
        box.stage.put(replace(box.replies[0], state=SendState.UNKNOWN, intents=()))

        assert box.take(box.answer(number=2)) is Ended.RETURNED

        assert len(box.replies) == 1
        mail = box.stage.mailer.sent[-1]
        assert mail.to == box.replies[0].agent
        assert "may be on the platform already" in text_of(mail)
        assert box.replies[0].text in text_of(mail)

    def test_a_second_copy_of_the_mail_itself_is_a_copy_whatever_became_of_the_first(self):
        box = Mailbox()
        box.take(box.answer())
        box.stage.put(replace(box.replies[0], state=SendState.UNKNOWN, intents=()))

        assert box.take(box.answer()) is Ended.COPY

    @pytest.mark.parametrize("state", [SendState.PENDING, SendState.SENDING, SendState.SENT])
    def test_the_same_words_while_they_may_be_on_the_platform_are_a_copy(self, state):
        box = Mailbox()
        box.take(box.answer())
        box.stage.put(replace(box.replies[0], state=state))

        assert box.take(box.answer(number=2)) is Ended.COPY

    def test_two_notifications_at_the_same_time_make_one_reply(self):
        box = Mailbox()
        ended = []
        box.stage.crossings.before("desk.commit", lambda: ended.append(box.take(box.answer(), ses_id="ses-1")))

        ended.append(box.take(box.answer(), ses_id="ses-1"))

        assert sorted(ended) == [Ended.ACCEPTED, Ended.COPY]
        assert len(box.replies) == 1

    def test_a_mail_without_message_id_is_known_by_what_ses_calls_it(self):
        box = Mailbox()
        mime = box.answer(Message_ID=None)

        ended = [box.take(mime, ses_id="ses-1"), box.take(mime, ses_id="ses-1")]

        assert ended == [Ended.ACCEPTED, Ended.COPY]
        assert box.replies[0].mail_id is None


class TestOutages:
    @pytest.mark.parametrize("call", ["mails.get", "desk.read", "desk.sends", "desk.commit", "secrets.reply_keys"])
    def test_a_port_that_is_away_brings_the_notification_back_and_nothing_is_decided(self, call):
        box = Mailbox()
        box.stage.crossings.before(call)

        with pytest.raises(Unavailable):
            box.take(box.answer(), ses_id="ses-1")

        assert (box.replies, box.returned, box.reasons) == ([], [], [])
        assert box.take(box.answer(), ses_id="ses-1") is Ended.ACCEPTED

    def test_a_commit_whose_answer_was_lost_is_found_by_the_next_try(self):
        box = Mailbox()
        box.stage.crossings.after("desk.commit")
        with pytest.raises(Unavailable):
            box.take(box.answer(), ses_id="ses-1")

        assert box.take(box.answer(), ses_id="ses-1") is Ended.COPY
        assert len(box.replies) == 1


def test_the_set_up_note_of_a_receipt_rule_is_ignored():
    box = Mailbox()

    ended = box.stage.agent_mails.take(receipt("AMAZON_SES_SETUP_NOTIFICATION", ("x@in.company.example",), FRIDAY_NOON))

    assert ended is Ended.IGNORED
    assert box.stage.crossings.calls == []


@pytest.mark.parametrize("notification", ["", "{}", "[]", "null", '{"notificationType": "Bounce"}', "\ud800"])
def test_what_is_no_receipt_is_unreadable_and_touches_nothing(notification):
    box = Mailbox()

    with pytest.raises(Unreadable):
        box.stage.agent_mails.take(notification)

    assert box.stage.crossings.calls == []


def test_a_contact_for_escalations_answers_from_the_mail_they_got():
    box = Mailbox()
    (owed,) = box.stage.obligations_of(box.stage.conversation())
    box.stage.clock.at = owed.due_at
    box.stage.obligations.look(owed.conversation_id, owed.target, owed.revision)
    box.stage.dispatch.carry_out(owed.key)
    (box.hand_off,) = box.stage.mailer.sent

    assert box.take(box.answer(From=LEA.address)) is Ended.ACCEPTED

    assert box.replies[0].agent == LEA.address
    assert box.stage.sender.carry(box.replies[0].key) is Carried.SENT
