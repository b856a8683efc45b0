"""What customers write, what they are called and who they are stays out of every log line and every notice."""

from __future__ import annotations

import json
import logging
import re
from datetime import timedelta

import pytest

from functions.clock.handler import handler as clock
from functions.dispatch.handler import handler as dispatch
from functions.intake.handler import handler as intake
from functions.send.handler import handler as send
from functions.webhook.handler import handler as webhook
from shared import channels
from shared.adapters.archive import S3Archive
from shared.domain.exchange import Request
from shared.domain.notices import Mail
from shared.domain.records import Obligation, Send
from shared.errors import SignatureRejected
from tests.contract.fixtures import CURRENT, NOW, account
from tests.integration.functions.deployed import (
    AGENT,
    CONTEXT,
    PAGE,
    Deployed,
    page_delivery,
    stream_record,
)
from tests.unit.mail.build import text_of
from tests.unit.services.agents import answer_mime

CANARY = "kanarienvogel"
SENDER = f"{CANARY}-customer-77"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], deployed: Deployed):
    """Everything that reached a log until it is called: standard output and error, and the loggers from INFO on."""
    caplog.set_level(logging.INFO)

    def told() -> str:
        printed = capsys.readouterr()
        return printed.out + printed.err + "".join(f"{r.getMessage()} {vars(r)}" for r in caplog.records)

    return told


def said(deployed, mid, message):
    """A customer's message whose every field tells of them."""
    people = {"sender": {"id": SENDER, "name": f"{CANARY} Name"}, "recipient": {"id": PAGE.account_id}}
    at = int(deployed.clock.now().timestamp() * 1000)
    return {**people, "timestamp": at, "message": {"mid": mid, **message}}


def deliver(deployed):
    attachment = {"type": "image", "payload": {"url": f"https://cdn.example/{CANARY}.jpg"}}
    deployed.deliver(
        page_delivery(
            said(deployed, "m_1", {"text": f"{CANARY} text", "attachments": [attachment]}),
            said(deployed, "m_2", {"text": f"more {CANARY} text"}),
            said(deployed, "m_2", {"is_deleted": True}),
            {**said(deployed, "m_3", {}), "message": f"{CANARY} where an object should be"},
        )
    )


def reply_to(deployed):
    return re.sub(r"\s", "", str(deployed.mails()[0]["Reply-To"]))


def test_the_whole_journey_logs_no_word_name_or_number_of_a_customer(deployed, lines):
    deliver(deployed)
    deployed.intake()
    deployed.dispatch()
    deployed.send()
    (owed,) = (record for record in deployed.stored() if isinstance(record, Obligation))
    for at in (owed.warn_at, owed.due_at):
        deployed.clock.at = at
        clock({"conversation_id": owed.conversation_id, "target": "first_response", "revision": owed.revision}, None)
        deployed.dispatch()
    first = deployed.mails()[0]
    hand_off = Mail(sender=str(first["From"]), to=AGENT, mime=first.as_bytes())
    deployed.receive_mail(answer_mime(hand_off, f"Dear {CANARY}", From=AGENT), "ses-1", reply_to(deployed))
    deployed.dispatch()
    deployed.send()

    logged, notices = lines(), deployed.notices()
    assert CANARY in text_of(hand_off)
    assert any(f"Dear {CANARY}" in text for text in deployed.platform.texts)
    assert [json.loads(json.loads(n)["Message"])["kind"] for n in notices] == ["hand_off", "warning", "escalation"]
    assert CANARY not in "".join(notices)
    for service in ("webhook", "intake", "dispatch", "send", "clock", "mail"):
        assert f'"service": "{service}"' in logged or f'"service":"{service}"' in logged
    assert CANARY not in logged


def test_no_refused_request_logs_its_body_headers_or_keys(deployed, lines):
    body = page_delivery(said(deployed, "m_1", {"text": CANARY}))
    headers = channels.load_pushing("facebook").sign(body, PAGE, deployed.clock.now(), "")
    for request in (
        deployed.request(body, {"x-hub-signature-256": f"sha256={'0' * 64}", "user-agent": CANARY}),
        deployed.request(body, {}),
        deployed.request(body, headers, channel="web"),
        {**deployed.request(body, headers), "rawQueryString": f"token={CANARY}"},
        deployed.request(body * 40_000, headers),
    ):
        webhook(request, None)

    logged = lines()
    assert logged.count('"webhook"') >= 5
    for secret in (CANARY, PAGE.signing[0], *headers.values()):
        assert secret == "application/json" or secret not in logged


def test_a_fault_of_ours_in_a_batch_is_logged_by_type_and_place_alone(deployed, lines, monkeypatch):
    def broken(*_, **__):
        raise ValueError(f"cannot make sense of {CANARY}")

    deliver(deployed)
    batch = {"Records": deployed.queued("inbox")}
    with monkeypatch.context() as patched:
        patched.setattr(S3Archive, "put", broken)
        assert len(intake(batch, CONTEXT)["batchItemFailures"]) == 1
    intake(batch, CONTEXT)
    with monkeypatch.context() as patched:
        patched.setattr("shared.mail.compose.hand_off", broken)
        dispatch({"Records": [stream_record(deployed.message("m_1").key)]}, CONTEXT)
    deployed.dispatch()
    with monkeypatch.context() as patched:
        patched.setattr("shared.adapters.platforms.HttpPlatforms.post", broken)
        assert len(send({"Records": deployed.queued("outbound")}, CONTEXT)["batchItemFailures"]) == 1

    logged = lines()
    assert "ValueError" in logged
    assert CANARY not in logged
    (kept,) = (kept for kept in deployed.desk.quarantined() if kept.source == "dispatch")
    assert CANARY not in kept.reason


def test_a_refusal_of_the_platform_that_quotes_the_customer_is_told_to_people_and_not_logged(deployed, lines):
    deliver(deployed)
    deployed.intake()
    deployed.dispatch()
    error = {"message": f"No matching user {CANARY}", "code": 100, "error_subcode": 2018001}
    deployed.platform.answers.append((400, {"error": error}))
    deployed.send()

    (acknowledgement,) = (record for record in deployed.stored() if isinstance(record, Send))
    assert acknowledgement.reason
    assert CANARY not in lines()


@pytest.mark.parametrize("name", channels.pushing_names())
def test_no_channel_tells_a_customers_words_in_the_reason_of_a_refusal(name):
    channel, secrets = channels.load_pushing(name), account(name, CURRENT)
    headers = dict.fromkeys(channel.sign(b"", secrets[0], NOW, "d"), CANARY)
    with pytest.raises(SignatureRejected) as caught:
        channel.verify(Request(method="POST", headers=headers, query={}, body=CANARY.encode()), secrets, NOW)

    assert CANARY not in str(caught.value)


def test_the_sweep_logs_counts_alone(deployed, lines):
    deliver(deployed)
    deployed.intake()
    deployed.clock.advance(timedelta(minutes=5))
    dispatch({"detail-type": "Scheduled Event"}, CONTEXT)

    logged = lines()
    assert '"carried_out"' in logged
    assert CANARY not in logged
