"""A message's journey through the handlers, from the platform's request to the agent's answer on the platform."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from functions.clock.handler import handler as clock
from functions.dispatch.handler import handler as dispatch
from functions.intake.handler import handler as intake
from functions.send.handler import handler as send
from shared.domain.notices import Mail
from shared.domain.records import Intent, Obligation, Send, SendState, State
from shared.errors import Unavailable
from tests.integration.functions.deployed import (
    AGENT,
    CONTEXT,
    Deployed,
    item,
    page_delivery,
    sqs_record,
    stream_record,
)
from tests.unit.mail.build import text_of
from tests.unit.services.agents import answer_mime

MINUTE = timedelta(minutes=1)


@pytest.fixture
def delivered(deployed: Deployed) -> Deployed:
    """A customer wrote after hours, and intake has taken it."""
    at = deployed.clock.now().timestamp()
    assert deployed.deliver(page_delivery(item("m_1", "Where is my parcel?", at)))["statusCode"] == 200
    assert deployed.intake() == {"batchItemFailures": []}
    return deployed


def handed_off(delivered):
    """The mail of the hand-off, as our Mail."""
    assert delivered.dispatch() == {"batchItemFailures": []}
    (mail,) = delivered.mails()
    return Mail(sender=str(mail["From"]), to=str(mail["To"]), mime=mail.as_bytes())


def records(delivered, kind):
    return [record for record in delivered.stored() if isinstance(record, kind)]


def test_a_message_after_hours_is_acknowledged_handed_off_and_answered_by_mail(delivered):
    hand_off = handed_off(delivered)
    assert delivered.send() == {"batchItemFailures": []}
    delivered.clock.advance(5 * MINUTE)

    reply_to = re.sub(r"\s", "", str(delivered.mails()[0]["Reply-To"]))
    delivered.receive_mail(answer_mime(hand_off, "It is on its way.", From=AGENT), "ses-1", reply_to)
    delivered.dispatch()
    delivered.send()

    acknowledgement, reply = delivered.platform.texts
    assert "automatic" in acknowledgement
    assert reply == "It is on its way."
    delivered.dispatch()
    assert [owed.state for owed in records(delivered, Obligation)] == [State.MET]
    assert {one.state for one in records(delivered, Send)} == {SendState.SENT}
    assert delivered.undone() == ()


def test_the_hand_off_is_a_mail_a_notice_and_a_timer(delivered):
    assert "Where is my parcel?" in text_of(handed_off(delivered))

    (notice,) = delivered.notices()
    assert json.loads(json.loads(notice)["Message"])["kind"] == "hand_off"
    machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:sla"
    (execution,) = delivered.clients.stepfunctions.list_executions(stateMachineArn=machine)["executions"]
    described = delivered.clients.stepfunctions.describe_execution(executionArn=execution["executionArn"])
    assert set(json.loads(described["input"])) == {"at", "conversation_id", "revision", "target"}


class TestIntake:
    def test_one_poison_record_is_reported_and_its_neighbours_are_taken(self, deployed):
        at = deployed.clock.now().timestamp()
        for number in range(3):
            deployed.deliver(page_delivery(item(f"m_{number}", "words", at)))
        first, second, third = deployed.queued("inbox")
        no_json, incomplete = sqs_record("not ours", "no-json"), sqs_record('{"channel": "facebook"}', "incomplete")

        answer = intake({"Records": [first, no_json, second, incomplete, third]}, CONTEXT)

        assert answer == {"batchItemFailures": [{"itemIdentifier": "no-json"}, {"itemIdentifier": "incomplete"}]}
        assert [deployed.message(f"m_{number}").text for number in range(3)] == ["words"] * 3

    def test_a_batch_that_fails_as_a_whole_is_reported_record_by_record(self, deployed):
        answer = intake({"Records": [sqs_record("x", "one"), sqs_record("y", "two")]}, CONTEXT)

        assert answer == {"batchItemFailures": [{"itemIdentifier": "one"}, {"itemIdentifier": "two"}]}

    def test_an_unreadable_delivery_is_in_quarantine_and_not_reported(self, deployed):
        assert deployed.deliver(b"what is this")["statusCode"] == 200

        assert deployed.intake() == {"batchItemFailures": []}

        (kept,) = deployed.desk.quarantined()
        assert deployed.clients.s3.get_object(Bucket="archive", Key=kept.archive_key)["Body"].read() == b"what is this"

    def test_the_same_batch_twice_is_taken_once(self, deployed):
        deployed.deliver(page_delivery(item("m_1", "words", deployed.clock.now().timestamp())))
        batch = {"Records": deployed.queued("inbox")}

        assert intake(batch, CONTEXT) == intake(batch, CONTEXT) == {"batchItemFailures": []}

        assert deployed.message("m_1").version == 1

    def test_a_body_too_long_for_the_queue_takes_its_way_through_the_archive(self, deployed):
        at = deployed.clock.now().timestamp()
        deployed.deliver(page_delivery(*(item(f"m_{n}", "x" * 5000, at) for n in range(150))))

        assert deployed.intake() == {"batchItemFailures": []}

        assert deployed.message("m_149").text == "x" * 5000


class TestSend:
    def test_what_the_platform_wants_later_and_what_is_not_ours_come_back_alone(self, delivered):
        delivered.dispatch()
        (good,) = delivered.queued("outbound")
        delivered.platform.answers.append((429, {"error": {"code": 4, "message": "Too many calls"}}))
        batch = {"Records": [sqs_record("not ours", "poison"), good]}

        assert send(batch, CONTEXT)["batchItemFailures"] == [
            {"itemIdentifier": "poison"},
            {"itemIdentifier": good["messageId"]},
        ]
        assert send({"Records": [good]}, CONTEXT) == {"batchItemFailures": []}
        assert [(one.state, one.attempts) for one in records(delivered, Send)] == [(SendState.SENT, 2)]


class TestDispatch:
    def test_a_record_that_fails_for_a_while_is_reported_by_its_place_in_the_stream(self, delivered, monkeypatch):
        owed = records(delivered, Obligation)[0]
        message = delivered.message("m_1")

        def away(*_):
            raise Unavailable("throttled")

        monkeypatch.setattr("shared.adapters.timers.StepFunctionsTimers.start", away)
        batch = [stream_record(message.key, "INSERT", "1"), stream_record(owed.key, "INSERT", "2")]
        answer = dispatch({"Records": batch}, CONTEXT)

        assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}
        assert delivered.message("m_1").intents == ()
        assert records(delivered, Obligation)[0].intents == (Intent.START_TIMER,)

    def test_removals_and_records_that_are_gone_are_nothing_to_do(self, delivered):
        gone = delivered.message("m_1").key._replace(partition="M#facebook#1#gone")

        assert dispatch({"Records": [stream_record(gone, "REMOVE")]}, CONTEXT) == {"batchItemFailures": []}

    def test_the_schedules_event_carries_out_what_the_stream_has_lost(self, delivered):
        delivered.clock.advance(5 * MINUTE)

        assert dispatch({"version": "0", "detail-type": "Scheduled Event", "detail": {}}, CONTEXT) is None

        assert delivered.undone() == ()
        assert len(delivered.mails()) == 1


class TestClock:
    def look(self, delivered, at):
        (owed,) = records(delivered, Obligation)
        delivered.clock.at = at(owed)
        asked = {"conversation_id": owed.conversation_id, "target": "first_response", "revision": owed.revision}
        return clock(asked, None), records(delivered, Obligation)[0]

    def test_it_names_the_next_look_in_whole_seconds_that_a_wait_state_takes(self, delivered):
        answer, owed = self.look(delivered, lambda owed: owed.since)

        assert answer == {"again": owed.warn_at.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def test_after_the_breach_it_names_none(self, delivered):
        answer, owed = self.look(delivered, lambda owed: owed.due_at)

        assert answer == {"again": None}
        assert Intent.ESCALATE in owed.intents

    def test_a_number_that_came_through_json_as_text_or_float_is_the_same_revision(self, delivered):
        (owed,) = records(delivered, Obligation)
        for revision in (1, "1", 1.0):
            asked = {"conversation_id": owed.conversation_id, "target": "first_response", "revision": revision}
            assert clock(asked, None)["again"]

    def test_it_needs_no_other_setting_than_the_table(self, delivered, monkeypatch):
        for name in ("SECRETS_PATH", "SLA_STATE_MACHINE_ARN", "POLICY_FILE", "MAIL_DOMAIN"):
            monkeypatch.delenv(name)

        assert self.look(delivered, lambda owed: owed.since)[0]["again"]


class TestMail:
    def test_two_receipts_in_one_notification_are_both_taken_and_a_copy_posts_nothing(self, delivered):
        hand_off = handed_off(delivered)
        reply_to = re.sub(r"\s", "", str(delivered.mails()[0]["Reply-To"]))
        mime = answer_mime(hand_off, "It is on its way.", From=AGENT)

        delivered.receive_mail(mime, "ses-1", reply_to)
        delivered.receive_mail(mime, "ses-2", reply_to)

        assert len([one for one in records(delivered, Send) if one.agent == AGENT]) == 1

    def test_a_stranger_is_kept_and_never_mailed(self, delivered):
        hand_off = handed_off(delivered)
        reply_to = re.sub(r"\s", "", str(delivered.mails()[0]["Reply-To"]))

        delivered.receive_mail(answer_mime(hand_off, "Hello", From="mallory@elsewhere.example"), "ses-1", reply_to)

        assert [str(mail["To"]) for mail in delivered.mails()] == [AGENT]
        assert [kept.source for kept in delivered.desk.quarantined()] == ["mail"]
