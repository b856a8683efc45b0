"""The website that takes our answers by Standard Webhooks."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import requests

from shared.channels import load_pushing
from shared.domain.exchange import Secret
from tests.unit.local.playground import ACCOUNTS, NOON, SITE, playground

KEY = ACCOUNTS["web"][SITE]["signing"][0]
INBOUND = {
    "type": "contact.created",
    "timestamp": "2026-11-02T11:59:00Z",
    "data": {"account_id": SITE, "thread_id": "t-1", "author": {"id": "c-9", "name": "Ana"}, "text": "Hello"},
}


@pytest.fixture
def desk(tmp_path):
    with playground(tmp_path) as made:
        made.delivers("web", INBOUND)
        yield made


def reply(**changed):
    data = {"direction": "outbound", "account_id": SITE, "thread_id": "t-1", "recipient": {"id": "c-9"}, "text": "Hi"}
    return {"type": "message.created", "timestamp": "2026-11-02T12:00:00Z", "data": {**data, **changed}}


def send(desk, payload: object, webhook_id: str = "evt_1", key: str = KEY, at=NOON) -> requests.Response:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    headers = load_pushing("web").sign(body, Secret(account_id=SITE, signing=(key,)), at, webhook_id)
    return requests.post(f"{desk.url}/web.example/replies", data=body, headers=headers, timeout=10)


def test_a_signed_reply_is_taken_and_named(desk):
    answer = send(desk, reply())
    (post,) = desk.look("posts?channel=web")
    assert answer.json()["id"] == post["native_id"]
    assert (post["account"], post["thread"], post["recipient"], post["text"]) == (SITE, "t-1", "c-9", "Hi")


def test_the_same_webhook_id_is_taken_once_and_answered_alike(desk):
    first, second = send(desk, reply()), send(desk, reply())
    assert first.json()["id"] == second.json()["id"]
    assert second.status_code == 200
    assert len(desk.look("posts")) == 1


def test_a_thread_may_be_named_by_its_customer(desk):
    assert send(desk, reply(thread_id="c-9")).status_code == 200


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        (b"not json", 400),
        (b"[]", 400),
        ({"data": {}}, 400),
        (reply(text=""), 422),
        (reply(text="x" * 10_001), 422),
        (reply(text=5), 422),
        (reply(thread_id="t-2"), 422),
        (reply(thread_id=None), 422),
        (reply(account_id="other"), 403),
    ],
)
def test_a_reply_that_makes_no_sense_is_refused(desk, payload, status):
    assert send(desk, payload).status_code == status
    assert desk.look("posts") == []


def test_a_foreign_key_or_a_stale_time_is_refused(desk):
    assert send(desk, reply(), key="whsec_YW5vdGhlciBrZXkgb2YgMTYgYg==").status_code == 401
    assert send(desk, reply(), at=NOON - timedelta(minutes=6)).status_code == 401
    assert requests.post(f"{desk.url}/web.example/replies", json=reply(), timeout=10).status_code == 401


@pytest.mark.parametrize(("kind", "status"), [("throttle", 429), ("server_error", 500), ("revoked_token", 401)])
def test_trouble_is_a_websites(desk, kind, status):
    desk.control("faults", {"host": "web.example", "kind": kind, "times": 1})
    assert send(desk, reply()).status_code == status
    assert send(desk, reply()).status_code == 200


def test_other_paths_are_not_there(desk):
    assert requests.get(f"{desk.url}/web.example/replies", timeout=10).status_code == 404
