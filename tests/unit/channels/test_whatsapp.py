"""WhatsApp: to whom we answer, in which window, and what Meta's answer means. What it sends is in events/whatsapp."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.channels import whatsapp
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Outbound, Posted, Refusal, Refused, Secret, Unclear

NOW = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
SECRET = Secret(account_id="900800700", signing=("app-secret",), credentials={"access_token": "EAA-test"})
OUTBOUND = Outbound(
    channel="whatsapp",
    account_id="900800700",
    surface=Surface.DM,
    thread_id="491701234567",
    customer_id="491701234567",
    in_reply_to="wamid.A1",
    text="Grüße! 📦",
    by_person=True,
    last_inbound_at=NOW - timedelta(hours=1),
    client_token="abcdefgh.reply-1",
)


def answered(**changes):
    return whatsapp.reply(replace(OUTBOUND, **changes), SECRET, NOW)


def posted(**changes) -> dict[str, object]:
    call = answered(**changes)
    assert isinstance(call, Call)
    payload: dict[str, object] = json.loads(call.body or b"")
    return payload


def never(refused):
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.NEVER
    return refused.reason


def test_an_answer_quotes_the_customers_message_and_carries_our_token():
    call = answered()
    assert isinstance(call, Call)
    assert call.method == "POST"
    assert call.url.startswith("https://graph.facebook.com/v")
    assert call.url.endswith("/900800700/messages")
    assert call.headers["authorization"] == "Bearer EAA-test"
    assert posted() == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+491701234567",
        "context": {"message_id": "wamid.A1"},
        "type": "text",
        "text": {"body": "Grüße! 📦", "preview_url": False},
        "biz_opaque_callback_data": "abcdefgh.reply-1",
    }


def test_without_a_message_to_quote_there_is_no_context():
    assert "context" not in posted(in_reply_to=None)


@pytest.mark.parametrize("user_id", ["DE.44112233", "US.ENT.a1B2c3"])
def test_a_customer_without_a_number_is_addressed_by_user_id(user_id):
    payload = posted(customer_id=user_id)
    assert payload["recipient"] == user_id
    assert "to" not in payload


def test_a_number_that_has_its_plus_keeps_one():
    assert posted(customer_id="+491701234567")["to"] == "+491701234567"


@pytest.mark.parametrize("customer_id", ["de.44112233", "DE.", "someone", "DE.44112233\n", "+", "\u0661\u0662"])
def test_an_identifier_of_neither_form_is_not_written_to(customer_id):
    assert "neither a phone number nor a user id" in never(answered(customer_id=customer_id))


@pytest.mark.parametrize("by_person", [True, False])
def test_the_window_is_24_hours_for_people_and_programs_alike(by_person):
    inside = answered(by_person=by_person, last_inbound_at=NOW - timedelta(hours=23, minutes=59))
    outside = answered(by_person=by_person, last_inbound_at=NOW - timedelta(hours=24))
    assert isinstance(inside, Call)
    assert "only a template can be sent now" in never(outside)


def test_where_the_customer_never_wrote_the_window_is_shut():
    assert "template" in never(answered(last_inbound_at=None))


def test_the_longest_text_is_4096_characters():
    assert isinstance(answered(text="ü" * 4096), Call)
    assert "4096" in never(answered(text="x" * 4097))


def test_a_blank_text_is_not_posted():
    assert "no text" in never(answered(text=" \n"))


def test_there_are_direct_messages_only():
    assert "direct messages" in never(answered(surface=Surface.COMMENT))


def test_without_a_token_the_account_is_blocked():
    refused = whatsapp.reply(OUTBOUND, replace(SECRET, credentials={}), NOW)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.BLOCKED
    assert "access_token" in refused.reason


def test_an_account_id_stays_one_part_of_the_path():
    assert answered(account_id="1/../2?x=#").url.endswith("/1%2F%2E%2E%2F2%3Fx%3D%23/messages")
    assert answered(account_id="..").url.endswith("/%2E%2E/messages")


def test_an_accepted_message_is_posted_under_its_id():
    body = b'{"messaging_product":"whatsapp","contacts":[{"input":"+49","wa_id":"49"}],"messages":[{"id":"wamid.N1"}]}'
    assert whatsapp.outcome(Answer(status=200, body=body)) == Posted("wamid.N1")


@pytest.mark.parametrize("body", [b"{}", b'{"messages":[]}', b'{"messages":[{}]}', b"OK"])
def test_an_acceptance_without_an_id_leaves_it_open(body):
    assert isinstance(whatsapp.outcome(Answer(status=200, body=body)), Unclear)


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        (131047, Refusal.NEVER),
        (131026, Refusal.NEVER),
        (131056, Refusal.LATER),
        (130429, Refusal.LATER),
        (190, Refusal.BLOCKED),
        (131042, Refusal.BLOCKED),
    ],
)
def test_an_error_says_what_to_do(code, refusal):
    body = json.dumps(
        {"error": {"message": "no", "type": "OAuthException", "code": code, "error_data": "text"}}
    ).encode()
    outcome = whatsapp.outcome(Answer(status=400, body=body))
    assert isinstance(outcome, Refused)
    assert outcome.refusal is refusal


def test_a_failed_status_tells_the_reason_so_that_the_agent_can_be_told():
    error = {"code": 131026, "message": "Message undeliverable"}
    status = {"id": "wamid.N1", "status": "failed", "errors": [error], "biz_opaque_callback_data": "abcdefgh.reply-1"}
    body = json.dumps({"entry": [{"id": "1", "changes": [{"field": "messages", "value": {"statuses": [status]}}]}]})
    (event,) = whatsapp.parse(body.encode(), NOW)
    assert event.kind is Kind.STATUS
    assert event.detail == "failed: 131026 Message undeliverable"
    assert event.client_token == "abcdefgh.reply-1"


def test_a_full_batch_keeps_its_order():
    messages = [
        {"from": "491701234567", "id": f"wamid.{n}", "type": "text", "text": {"body": str(n)}} for n in range(1000)
    ]
    value = {"metadata": {"phone_number_id": "9"}, "messages": messages}
    body = json.dumps({"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}).encode()
    assert [event.text for event in whatsapp.parse(body, NOW)] == [str(n) for n in range(1000)]
