"""What nobody told the webhook: the poll function, what is fetched for a pointer, and texts that come through AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.poll import handler as poll_handler
from functions.poll import turns
from shared import bootstrap, channels
from shared.domain.exchange import Answer, Call, Delivery, Refused, Secret
from shared.domain.polling import Ask
from shared.domain.records import Errand, Intent, Quarantined, Watch
from shared.domain.watching import READ_FOR
from shared.errors import Unavailable
from shared.services.renew import Account
from tests.integration.functions.deployed import ARN, PAGE, QUEUES, Deployed, item, page_delivery
from tests.unit.services.asked import AskedChannel
from tests.unit.services.stage import FRIDAY_NIGHT

REVIEW = {"id": "r7", "at": FRIDAY_NIGHT.isoformat(), "text": "Schön 📦"}


@pytest.fixture
def asked(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """A deployment whose one account is on a platform that has to be asked."""
    channel = AskedChannel()
    monkeypatch.setattr(channels, "load", lambda _: channel)
    return deployed


def answers(deployed: Deployed, *pages: Mapping[str, Any]) -> None:
    deployed.platform.answers.extend((200, page) for page in pages)


def inbox(deployed: Deployed) -> list[dict[str, Any]]:
    """The bodies of what waits for intake."""
    found = [bootstrap.read_delivery(record["body"], FRIDAY_NIGHT) for record in deployed.queued("inbox")]
    return [json.loads(delivery.body) for delivery in found]


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_what_is_new_goes_to_the_inbox_and_how_far_it_was_read_is_kept(asked: Deployed):
    answers(asked, {"items": [REVIEW]})

    asked.poll()

    assert inbox(asked) == [{"account_id": PAGE.account_id, "feed": "reviews", "items": [REVIEW]}]
    watches = {record.feed: record for record in asked.stored() if isinstance(record, Watch)}
    assert (watches["reviews"].watermark, watches["reviews"].owner) == (FRIDAY_NIGHT, None)
    assert [one.item_id for one in watches["shown by reviews"].seen] == ["r7"]


def test_a_run_is_told_in_one_line_and_measured_without_anybodys_words(
    asked: Deployed, capsys: pytest.CaptureFixture[str]
):
    answers(asked, {"items": [REVIEW]})

    asked.poll()

    lines = told(capsys)
    (said,) = (line for line in lines if line.get("message") == "read")
    assert (said["channel"], said["feed"], said["account"]) == ("facebook", "reviews", PAGE.account_id)
    assert (said["outcome"], said["calls"]) == ("read", 1)
    (measured,) = (line for line in lines if "_aws" in line)
    assert {name: measured[name] for name in ("PollNew", "PollGap", "PollRepaired")} == {
        "PollNew": [1.0], "PollGap": [0.0], "PollRepaired": [0.0],
    }  # fmt: skip
    assert (measured["channel"], measured["feed"]) == ("facebook", "reviews")
    assert "Schön" not in json.dumps(lines, ensure_ascii=False)


def test_a_feed_is_not_asked_again_before_its_time(asked: Deployed):
    answers(asked, {"items": []})
    asked.poll()

    asked.poll()

    assert len(asked.platform.asked) == 1


def test_no_feed_is_begun_that_could_not_be_finished(asked: Deployed):
    asked.poll(milliseconds=int(READ_FOR.total_seconds() * 1000))

    assert asked.platform.asked == []
    answers(asked, {"items": [REVIEW]})
    asked.poll()
    assert len(inbox(asked)) == 1


@pytest.mark.parametrize("error", [Unavailable("not now"), ValueError("Schön")])
def test_a_feed_that_fails_is_told_and_does_not_keep_the_others_waiting(
    asked: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
):
    (job,) = bootstrap.poller().due()
    read = bootstrap.poller().read

    class Failing:
        def due(self):
            return [job._replace(feed="broken"), job]

        def read(self, job):
            if job.feed == "broken":
                raise error
            return read(job)

    monkeypatch.setattr(poll_handler, "poller", Failing)
    monkeypatch.setattr(turns, "poller", Failing)
    answers(asked, {"items": [REVIEW]})

    asked.poll()

    lines = told(capsys)
    assert len(inbox(asked)) == 1
    assert [line["feed"] for line in lines if "PollFailed" in line] == ["broken"]
    assert [line["error"] for line in lines if line.get("message") == "failed"] == [type(error).__name__]
    assert "Schön" not in json.dumps(lines, ensure_ascii=False)


def test_an_account_that_cannot_be_read_is_told_and_the_others_are_asked(
    asked: Deployed, capsys: pytest.CaptureFixture[str]
):
    name = "/nightdesk/test/channels/facebook/broken"
    asked.clients.ssm.put_parameter(Name=name, Value="hush-hush", Type="SecureString")
    answers(asked, {"items": [REVIEW]})

    asked.poll()

    assert len(inbox(asked)) == 1
    output = capsys.readouterr().out
    assert name in output
    assert "hush" not in output


@dataclass
class RenewingChannel(AskedChannel):
    """Its token ends within the hour; what the platform answers is the new one."""

    RENEW_BEFORE: timedelta = timedelta(hours=1)

    def expires(self, secret: Secret) -> datetime | None:
        return datetime.fromisoformat(secret.credentials.get("expires_at", FRIDAY_NIGHT.isoformat()))

    def renew(self, secret: Secret, now: datetime) -> Call | Refused | None:
        return Call(method="POST", url="https://platform.example/token", body=b"grant")

    def renewed(self, secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
        return replace(secret, credentials=json.loads(answer.body))

    def ask(self, ask: Ask, secret: Secret) -> Call | Refused:
        return Call(
            method="GET", url="https://platform.example/reviews", headers={"authorization": secret.credentials["t"]}
        )


def test_credentials_are_renewed_and_stored_before_anything_is_asked_with_them(
    asked: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    channel = RenewingChannel()
    monkeypatch.setattr(channels, "load", lambda _: channel)
    answers(asked, {"t": "new", "expires_at": (FRIDAY_NIGHT + timedelta(days=1)).isoformat()}, {"items": [REVIEW]})

    asked.poll()

    renewal, page = asked.platform.asked
    assert (renewal.url, page.headers["authorization"]) == ("https://platform.example/token", "new")
    assert bootstrap.renewer().secrets.fresh("facebook", PAGE.account_id).signing == PAGE.signing
    lines = told(capsys)
    assert [line["outcome"] for line in lines if line.get("message") == "renewed"] == ["renewed"]
    assert '"new"' not in json.dumps(lines)


def test_an_account_that_cannot_be_renewed_does_not_keep_the_feeds_waiting(
    asked: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    class Failing:
        def due(self):
            return [Account("facebook", PAGE.account_id)]

        def renew(self, account):
            raise ValueError("hush-hush")

    monkeypatch.setattr(poll_handler, "renewer", Failing)
    monkeypatch.setattr(turns, "renewer", Failing)
    answers(asked, {"items": [REVIEW]})

    asked.poll()

    assert len(inbox(asked)) == 1
    output = capsys.readouterr().out
    assert "RenewFailed" in output
    assert "hush" not in output


def test_what_a_pointer_named_is_fetched_by_dispatch_and_put_on_the_inbox(asked: Deployed):
    errand = Errand(
        channel="facebook", account_id=PAGE.account_id, reference="r7", heard_at=FRIDAY_NIGHT, intents=(Intent.FETCH,)
    )
    asked.desk.commit([errand])
    answers(asked, {"items": [REVIEW]})

    assert asked.dispatch() == {"batchItemFailures": []}

    assert inbox(asked) == [{"account_id": PAGE.account_id, "feed": "review", "items": [REVIEW]}]
    assert asked.undone() == ()


def test_what_a_webhook_missed_is_counted_where_it_is_stored(deployed: Deployed, capsys: pytest.CaptureFixture[str]):
    body = page_delivery(item("m_1", "Where is it?", FRIDAY_NIGHT.timestamp()))
    missed = Delivery(delivery_id="d", channel="facebook", body=body, received_at=FRIDAY_NIGHT, repairs=True)
    for _ in range(2):
        bootstrap._inbox(f"{QUEUES}/inbox", "archive").put(missed)
        assert deployed.intake() == {"batchItemFailures": []}

    assert deployed.message("m_1").repaired
    assert [(line["channel"], line["Repaired"]) for line in told(capsys) if "Repaired" in line] == [("facebook", [1.0])]


def test_a_text_that_comes_through_the_topic_is_taken_by_intake(deployed: Deployed):
    text = {
        "originationNumber": "+15550100001",
        "destinationNumber": "+15550100999",
        "messageKeyword": "KEYWORD",
        "messageBody": "Where is my order?",
        "inboundMessageId": "sms-1",
    }
    deployed.clients.sns.publish(TopicArn=f"arn:aws:sns:{ARN}:inbound-sms", Message=json.dumps(text))

    assert deployed.intake() == {"batchItemFailures": []}

    assert [record for record in deployed.stored() if isinstance(record, Quarantined)] == []
    assert deployed.message("sms-1").text == "Where is my order?"


def test_a_notification_of_any_other_topic_is_left_to_the_dead_letters(deployed: Deployed):
    other = deployed.clients.sns.create_topic(Name="somebody-elses")["TopicArn"]
    deployed.clients.sns.subscribe(TopicArn=other, Protocol="sqs", Endpoint=f"arn:aws:sqs:{ARN}:inbox")
    deployed.clients.sns.publish(TopicArn=other, Message="{}")

    assert len(deployed.intake()["batchItemFailures"]) == 1
