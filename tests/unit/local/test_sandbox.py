"""The sandbox itself: what it is told, what it remembers, the trouble it makes, how it delivers."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from infra.local import platforms
from infra.local.platforms import world
from infra.local.platforms.courier import webhook_of
from infra.local.sandbox import Sandbox, sign_as_platform
from shared.domain.exchange import Secret
from tests.unit.local.playground import (
    NOON,
    PAGE,
    direct_message,
    page_comment,
    playground,
    whatsapp_message,
)

MESSAGES = f"/graph.facebook.com/v26.0/{PAGE}/messages"
ANSWER = {"recipient": {"id": "77"}, "messaging_type": "RESPONSE", "message": {"text": "On its way"}}


@pytest.fixture
def desk(tmp_path):
    with playground(tmp_path) as made:
        made.delivers("facebook", direct_message(PAGE, "77", NOON))
        yield made


def test_it_says_that_it_is_well(desk):
    assert requests.get(f"{desk.url}/_health", timeout=10).json() == {"ok": True}


def test_a_host_that_nobody_plays_is_not_found(desk):
    assert desk.post("/api.example.org/1/messages", {}).status_code == 404


def test_what_was_posted_can_be_looked_at_by_channel(desk):
    native_id = desk.post(MESSAGES, ANSWER).json()["message_id"]
    (post,) = desk.look("posts?channel=facebook")
    assert post == {
        "channel": "facebook",
        "account": PAGE,
        "kind": "dm",
        "thread": "77",
        "recipient": "77",
        "text": "On its way",
        "native_id": native_id,
        "at": "2026-11-02T12:00:00Z",
        "request": ANSWER,
    }
    assert desk.look("posts?channel=whatsapp") == []


def test_a_restart_keeps_what_exists_and_what_was_posted(desk):
    desk.post(MESSAGES, ANSWER)
    desk.control("faults", {"host": "graph.facebook.com", "kind": "throttle", "times": 2})
    kept = world.load(desk.state / "sandbox.json")
    again = Sandbox(desk.state, now=lambda: desk.now)
    again.finish()
    assert [p.text for p in kept.posts] == ["On its way"]
    assert kept.person("facebook", PAGE, "77") is not None
    assert kept.accounts[0].token == "page-token"
    assert kept.faults[0].times == 2
    assert kept.told[0].status == 200


def test_a_body_may_be_reported_in_base64(desk):
    body = json.dumps(direct_message(PAGE, "88", NOON)).encode()
    told = desk.control("deliveries", {"channel": "facebook", "body": base64.b64encode(body).decode()})
    assert told == {"learnt": True}
    assert desk.post(MESSAGES, {**ANSWER, "recipient": {"id": "88"}}).status_code == 200


@pytest.mark.parametrize("body", ["", "not json", "{", "[1, 2]", '"text"', "null", "[" * 100_000])
def test_a_broken_delivery_teaches_nothing_and_breaks_nothing(desk, body):
    desk.control("deliveries", {"channel": "facebook", "body": body})
    assert desk.post(MESSAGES, ANSWER).status_code == 200


def test_every_delivery_of_the_collection_can_be_reported(desk):
    for channel in platforms.sides():
        for file in sorted(Path("events", channel).glob("*.json")):
            wish = {"channel": channel, "body": base64.b64encode(file.read_bytes()).decode()}
            assert desk.control("deliveries", wish)["learnt"] in {True, False}, file


@pytest.mark.parametrize(
    ("what", "wish"),
    [
        ("accounts", {"accounts": {"myspace": {}}}),
        ("accounts", {"accounts": {"facebook": []}}),
        ("accounts", {"accounts": {"facebook": {"1": {"signing": "s"}}}}),
        ("deliveries", {"channel": "facebook"}),
        ("deliveries", {"channel": "myspace", "body": "{}"}),
        ("faults", {"host": "graph.facebook.com", "kind": "earthquake", "times": 1}),
        ("subscribe", {"channel": "web"}),
        ("posts", {}),
    ],
)
def test_a_control_request_that_makes_no_sense_is_told_so(desk, what, wish):
    answer = requests.post(f"{desk.url}/_sandbox/{what}", json=wish, timeout=10)
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]


def test_the_secrets_of_accounts_are_not_shown(desk):
    assert "page-token" not in json.dumps(desk.look("accounts"))
    assert "app-secret" not in json.dumps(desk.look("accounts"))


@pytest.mark.parametrize(
    ("kind", "status", "code"), [("throttle", 400, 80006), ("server_error", 500, 2), ("revoked_token", 400, 190)]
)
def test_trouble_is_the_platforms_own_error_and_nothing_is_posted(desk, kind, status, code):
    desk.control("faults", {"host": "graph.facebook.com", "kind": kind, "times": 1})
    answer = desk.post(MESSAGES, ANSWER)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert desk.look("posts") == []
    assert desk.post(MESSAGES, ANSWER).status_code == 200


def test_trouble_strikes_as_often_as_asked_and_only_on_its_channel(desk):
    desk.delivers("whatsapp", whatsapp_message(NOON))
    desk.control("faults", {"host": "graph.facebook.com", "kind": "throttle", "times": 2, "channel": "facebook"})
    whatsapp = {"messaging_product": "whatsapp", "to": "+491701234567", "text": {"body": "Hi"}}
    assert desk.post("/graph.facebook.com/v26.0/900800700/messages", whatsapp, "wa-token").status_code == 200
    assert [desk.post(MESSAGES, ANSWER).status_code for _ in range(3)] == [400, 400, 200]


def test_a_look_up_does_not_use_up_trouble(desk):
    desk.control("faults", {"host": "graph.facebook.com", "kind": "server_error", "times": 1})
    assert desk.get("/graph.facebook.com/v26.0/77").status_code == 200
    assert desk.post(MESSAGES, ANSWER).status_code == 500


def test_trouble_can_be_called_off(desk):
    desk.control("faults", {"host": "graph.facebook.com", "kind": "server_error", "times": 9})
    requests.delete(f"{desk.url}/_sandbox/faults", timeout=10)
    assert desk.look("faults") == []
    assert desk.post(MESSAGES, ANSWER).status_code == 200


def test_a_lost_answer_is_posted_and_told_to_the_webhook_all_the_same(desk):
    desk.control("faults", {"host": "graph.facebook.com", "kind": "lost_answer", "times": 1})
    with pytest.raises(requests.ConnectionError):
        desk.post(MESSAGES, ANSWER)
    desk.passes(seconds=1)
    assert desk.post(MESSAGES, {**ANSWER, "message": {"text": "Second"}}).status_code == 200
    assert [post["text"] for post in desk.look("posts")] == ["On its way", "Second"]
    assert [body["entry"][0]["messaging"][0]["message"]["text"] for body in desk.webhook.bodies()] == [
        "On its way",
        "Second",
    ]


def test_a_slow_platform_takes_its_time_and_then_posts(desk):
    desk.control("faults", {"host": "graph.facebook.com", "kind": "slow", "times": 1, "seconds": 12})
    assert desk.post(MESSAGES, ANSWER).status_code == 200
    assert desk.pauses == [12.0]


def test_an_echo_is_signed_for_its_account_and_goes_to_its_channel(desk):
    desk.post(MESSAGES, ANSWER)
    (echo,) = desk.webhook.heard
    assert echo.path == "/webhooks/facebook"
    assert echo.headers["x-signed-for"] == f"facebook/{PAGE}"
    assert echo.headers["content-type"] == "application/json"


def test_an_echo_that_fails_is_delivered_again_with_growing_gaps(desk):
    desk.webhook.statuses[:] = [500, 429, 503]
    desk.post(MESSAGES, ANSWER)
    assert len(desk.webhook.heard) == 4
    assert desk.pauses == [0.5, 2.0, 5.0]
    (told,) = desk.look("told")
    assert (told["status"], told["attempts"]) == (200, 4)


def test_an_echo_that_is_refused_is_not_repeated(desk):
    desk.webhook.statuses[:] = [401]
    desk.post(MESSAGES, ANSWER)
    assert [told["status"] for told in desk.look("told")] == [401]


def test_echoes_can_be_switched_off_for_one_account(desk):
    quiet = {"signing": ["s"], "credentials": {"access_token": "page-token"}, "echoes": False}
    desk.control("accounts", {"accounts": {"facebook": {PAGE: quiet}}})
    assert desk.post(MESSAGES, ANSWER).status_code == 200
    assert desk.webhook.heard == []


def test_subscribing_performs_the_handshake(desk):
    answer = desk.control("subscribe", {"channel": "facebook"})
    assert answer["ok"] is True
    assert answer["status"] == 200
    assert answer["body"].isdigit()


def test_subscribing_with_a_wrong_word_shows_what_the_webhook_said(desk):
    desk.control("accounts", {"accounts": {"instagram": {"1": {"verify_token": "wrong"}}}})
    assert desk.control("subscribe", {"channel": "instagram"})["status"] == 403


def test_the_webhooks_address_may_name_the_channels_place():
    assert webhook_of("http://x/webhooks", "web") == "http://x/webhooks/web"
    assert webhook_of("http://x/webhooks/", "web") == "http://x/webhooks/web"
    assert webhook_of("http://x/{channel}/in", "web") == "http://x/web/in"


def test_signing_is_the_channels_own():
    secret = Secret(account_id="shop", signing=("whsec_c2l4dGVlbiBieXRlcyBvZiBrZXk=",))
    headers = sign_as_platform("web", b"{}", secret, NOON, "evt_1")
    assert headers["webhook-id"] == "evt_1"
    assert headers["webhook-signature"].startswith("v1,")


def test_an_account_without_a_key_is_reported_and_not_delivered_for(tmp_path):
    sandbox = Sandbox(tmp_path, now=lambda: NOON, pause=lambda _: None)
    telling = world.Account(channel="web", account_id="shop")
    with sandbox._lock:
        sandbox._world.webhook_url = "http://127.0.0.1:9/webhooks"
        sandbox._world.accounts.append(telling)
    from infra.local.platforms.exchange import Telling

    heard = sandbox._deliver(Telling("web", "shop", b"{}"))
    assert heard.status == 0
    assert "signing key" in heard.body


def test_a_comment_that_was_removed_stays_removed_whatever_comes_later(desk):
    desk.delivers("facebook", page_comment(NOON, verb="remove"))
    desk.delivers("facebook", page_comment(NOON - timedelta(minutes=1)))
    answer = desk.post("/graph.facebook.com/v26.0/555_777/comments", {"message": "Hi"})
    assert answer.json()["error"]["error_subcode"] == 33
