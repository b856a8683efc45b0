"""WhatsApp's messages edge: recipients by number and by scoped id, the window, the statuses that follow."""

from __future__ import annotations

import pytest

from tests.unit.local.playground import NOON, NUMBER, playground, whatsapp_message
from tests.unit.local.test_sandbox_facebook import code_of

MESSAGES = f"/graph.facebook.com/v26.0/{NUMBER}/messages"


@pytest.fixture
def desk(tmp_path):
    with playground(tmp_path) as made:
        made.delivers("whatsapp", whatsapp_message(NOON))
        yield made


def message(**changed):
    body = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+491701234567",
        "type": "text",
        "text": {"body": "On its way"},
        "biz_opaque_callback_data": "case-42",
        **changed,
    }
    return {name: value for name, value in body.items() if value is not None}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (message(messaging_product=None), 100),
        (message(to=None), 100),
        (message(to="somebody"), 100),
        (message(to=None, recipient="491701234567"), 100),
        (message(text=None), 131008),
        (message(text={"body": ""}), 131008),
        (message(text={"body": "x" * 4097}), 100),
        (message(biz_opaque_callback_data="x" * 513), 100),
        (message(type="hologram"), 131051),
        (message(to="+4900000000"), 131026),
    ],
)
def test_a_message_that_whatsapp_would_not_take_is_refused(desk, body, code):
    answer = desk.post(MESSAGES, body, "wa-token")
    assert code_of(answer) == (code, None)
    assert desk.look("posts") == []


@pytest.mark.parametrize(
    "to", [{"to": "+491701234567"}, {"to": "491701234567"}, {"to": None, "recipient": "DE.44112233"}]
)
def test_a_customer_is_reached_by_number_and_by_scoped_id(desk, to):
    answer = desk.post(MESSAGES, message(**to), "wa-token").json()
    key = "user_id" if "recipient" in to else "wa_id"
    assert answer["messaging_product"] == "whatsapp"
    assert answer["contacts"][0][key]
    assert answer["messages"][0]["id"].startswith("wamid.")


def test_a_customer_who_hides_the_number_is_still_one_person(desk):
    desk.passes(hours=30)
    desk.delivers("whatsapp", whatsapp_message(desk.now, **{"from": None}))
    assert desk.post(MESSAGES, message(), "wa-token").status_code == 200


@pytest.mark.parametrize(("hours", "taken"), [(24, True), (24.01, False)])
def test_free_text_goes_out_for_a_day(desk, hours, taken):
    desk.passes(hours=hours)
    answer = desk.post(MESSAGES, message(), "wa-token")
    assert answer.status_code == (200 if taken else 400)
    if not taken:
        assert code_of(answer) == (131047, None)
        assert answer.json()["error"]["error_data"]["details"]


def test_a_template_goes_out_at_any_time(desk):
    desk.passes(days=30)
    template = message(type="template", text=None, template={"name": "reminder", "language": {"code": "de"}})
    assert desk.post(MESSAGES, template, "wa-token").status_code == 200
    assert desk.look("posts")[0]["text"] == "[template reminder]"


def test_sent_and_delivered_follow_with_our_own_words(desk):
    wamid = desk.post(MESSAGES, message(), "wa-token").json()["messages"][0]["id"]
    values = [told["entry"][0]["changes"][0]["value"] for told in desk.webhook.bodies()]
    assert [value["statuses"][0]["status"] for value in values] == ["sent", "delivered"]
    assert values[0]["metadata"]["phone_number_id"] == NUMBER
    told = values[0]["statuses"][0]
    assert told["id"] == wamid
    assert told["timestamp"] == str(int(NOON.timestamp()))
    assert told["recipient_id"] == "491701234567"
    assert told["recipient_user_id"] == "DE.44112233"
    assert told["biz_opaque_callback_data"] == "case-42"


def test_an_account_that_fails_late_takes_the_message_and_reports_the_failure(desk):
    late = {"signing": ["s"], "credentials": {"access_token": "wa-token"}, "fails_late": True}
    desk.control("accounts", {"accounts": {"whatsapp": {NUMBER: late}}})
    desk.passes(hours=30)
    assert desk.post(MESSAGES, message(), "wa-token").status_code == 200
    (told,) = desk.webhook.bodies()
    status = told["entry"][0]["changes"][0]["value"]["statuses"][0]
    assert status["status"] == "failed"
    assert status["errors"][0]["code"] == 131047
    assert desk.look("posts") == []


def test_marking_as_read_posts_nothing(desk):
    read = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.1"}
    assert desk.post(MESSAGES, read, "wa-token").json() == {"success": True}
    assert desk.look("posts") == []


@pytest.mark.parametrize(
    ("kind", "status", "code"), [("throttle", 429, 130429), ("server_error", 500, 131000), ("revoked_token", 401, 190)]
)
def test_trouble_speaks_whatsapps_own_codes(desk, kind, status, code):
    desk.control("faults", {"host": "graph.facebook.com", "kind": kind, "times": 1})
    answer = desk.post(MESSAGES, message(), "wa-token")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
