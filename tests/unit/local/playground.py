"""A sandbox and a webhook on free ports, with a clock that stands still until told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from infra.local import serving
from infra.local.sandbox import Sandbox
from infra.local.serving import Incoming, Outgoing

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
PAGE, INSTAGRAM, NUMBER, SITE = "100200300", "17840000000000001", "900800700", "shop"
PAGE_TOKEN = "page-token"
ACCOUNTS: dict[str, Any] = {
    "facebook": {
        PAGE: {
            "signing": ["app-secret"],
            "credentials": {"access_token": PAGE_TOKEN, "app_id": "4711"},
            "verify_token": "open sesame",
        }
    },
    "instagram": {INSTAGRAM: {"signing": ["ig-secret"], "credentials": {"access_token": "ig-token"}}},
    "whatsapp": {NUMBER: {"signing": ["wa-secret"], "credentials": {"access_token": "wa-token"}}},
    "web": {SITE: {"signing": ["whsec_c2l4dGVlbiBieXRlcyBvZiBrZXk="], "credentials": {}}},
}


@contextmanager
def serving_on_free_port(answer) -> Iterator[str]:
    """The address of a server that runs until the block ends."""
    server: ThreadingHTTPServer = serving.server(0, answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Webhook:
    """Keeps what is delivered and answers as `statuses` say, then 200; answers handshakes with their challenge."""

    heard: list[Incoming] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def answer(self, incoming: Incoming) -> Outgoing:
        if incoming.method == "GET":
            right = incoming.query.get("hub.verify_token") == "open sesame"
            return Outgoing(status=200 if right else 403, body=incoming.query["hub.challenge"].encode())
        self.heard.append(incoming)
        return Outgoing(status=self.statuses.pop(0) if self.statuses else 200)

    def bodies(self) -> list[Any]:
        return [json.loads(one.body) for one in self.heard]


@dataclass
class Playground:
    """The sandbox under test and the hands on it."""

    url: str
    sandbox: Sandbox
    webhook: Webhook
    state: Path
    now: datetime = NOON
    pauses: list[float] = field(default_factory=list)

    def passes(self, **span: float) -> None:
        self.now += timedelta(**span)

    def control(self, what: str, wish: object) -> Any:
        answer = requests.post(f"{self.url}/_sandbox/{what}", json=wish, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def look(self, what: str) -> Any:
        return requests.get(f"{self.url}/_sandbox/{what}", timeout=10).json()

    def delivers(self, channel: str, body: object) -> Any:
        return self.control("deliveries", {"channel": channel, "body": json.dumps(body)})

    def post(self, path: str, body: object, token: str | None = PAGE_TOKEN) -> requests.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = requests.post(f"{self.url}{path}", json=body, headers=headers, timeout=10)
        self.sandbox.finish()
        return answer

    def get(self, path: str, token: str = PAGE_TOKEN) -> requests.Response:
        return requests.get(f"{self.url}{path}", headers={"authorization": f"Bearer {token}"}, timeout=10)


def sign(channel, body, secret, now, delivery_id) -> dict[str, str]:
    return {"x-signed-for": f"{channel}/{secret.account_id}"}


@contextmanager
def playground(state: Path) -> Iterator[Playground]:
    """A sandbox that knows ACCOUNTS and delivers to a webhook."""
    webhook = Webhook()
    made: list[Playground] = []
    sandbox = Sandbox(state, now=lambda: made[0].now, sign=sign, pause=lambda s: made[0].pauses.append(s))
    with serving_on_free_port(sandbox.answer) as url, serving_on_free_port(webhook.answer) as webhook_url:
        made.append(Playground(url, sandbox, webhook, state))
        made[0].control("accounts", {"webhook_url": f"{webhook_url}/webhooks", "accounts": ACCOUNTS})
        yield made[0]


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def direct_message(account: str, person: str, at: datetime, kind: str = "page") -> dict[str, Any]:
    """A customer's message on Messenger or Instagram."""
    item = {
        "sender": {"id": person},
        "recipient": {"id": account},
        "timestamp": milliseconds(at),
        "message": {"mid": "m_1", "text": "Hello"},
    }
    return {"object": kind, "entry": [{"id": account, "time": milliseconds(at), "messaging": [item]}]}


def page_comment(at: datetime, comment_id: str = "555_777", **changed: Any) -> dict[str, Any]:
    """A visitor's comment on a post of the Page."""
    value = {
        "item": "comment",
        "verb": "add",
        "comment_id": comment_id,
        "post_id": f"{PAGE}_555",
        "parent_id": f"{PAGE}_555",
        "from": {"id": "4242", "name": "Ana Example"},
        "created_time": int(at.timestamp()),
        "message": "Where is my parcel?",
        **changed,
    }
    changes = [{"field": "feed", "value": value}]
    return {"object": "page", "entry": [{"id": PAGE, "time": int(at.timestamp()), "changes": changes}]}


def instagram_comment(at: datetime, comment_id: str = "18000000000000009", **changed: Any) -> dict[str, Any]:
    """A comment on a medium of the account."""
    value = {
        "id": comment_id,
        "from": {"id": "998877", "username": "ana.example"},
        "text": "Price?",
        "media": {"id": "17900000000000003"},
        **changed,
    }
    changes = [{"field": "comments", "value": value}]
    return {"object": "instagram", "entry": [{"id": INSTAGRAM, "time": int(at.timestamp()), "changes": changes}]}


def whatsapp_message(at: datetime, **changed: Any) -> dict[str, Any]:
    """A customer's text on WhatsApp."""
    message = {
        "from": "491701234567",
        "from_user_id": "DE.44112233",
        "id": "wamid.1",
        "timestamp": str(int(at.timestamp())),
        "type": "text",
        "text": {"body": "Hello"},
        **changed,
    }
    contact = {"profile": {"name": "Ana"}, "wa_id": "491701234567", "user_id": "DE.44112233"}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"phone_number_id": NUMBER},
        "contacts": [contact],
        "messages": [message],
    }
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "555000111", "changes": [{"field": "messages", "value": value}]}],
    }
