"""A channel file and its platform's side of the sandbox, talking without a network, on good days and bad ones."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.local import accounts
from infra.local.platforms.world import Account, World
from infra.local.sandbox import Sandbox
from infra.local.serving import Incoming, parameters
from shared.channels import load
from shared.domain.events import Event, Kind, Surface
from shared.domain.exchange import Answer, Call, Outbound, Refused, Secret
from shared.domain.polling import Ask, Page, polled

EVENTS = Path(__file__).parents[3] / "events"


def delivered(channel: str, stem: str) -> bytes:
    """A delivery of events/."""
    (file,) = (p for p in (EVENTS / channel).glob(f"{stem}.*") if ".expected." not in p.name)
    return file.read_bytes()


def said(channel: str, body: bytes, now: datetime) -> Event:
    """The customer's message in a delivery."""
    return next(e for e in load(channel).parse(body, now) if e.kind is Kind.MESSAGE)


def outbound(channel: str, account_id: str, **changed: Any) -> Outbound:
    """A person's answer to a comment."""
    given: dict[str, Any] = {
        "surface": Surface.COMMENT,
        "thread_id": "thread",
        "customer_id": "customer",
        "in_reply_to": None,
        "text": "On its way.",
        "by_person": True,
        "last_inbound_at": None,
        "client_token": "conversation.send",
        **changed,
    }
    return Outbound(channel=channel, account_id=account_id, **given)


@dataclass
class Talk:
    """One account of a channel; time stands at `now`."""

    channel: str
    account_id: str
    state: Path
    now: datetime
    secret: Secret = field(init=False)
    sandbox: Sandbox = field(init=False)

    def __post_init__(self) -> None:
        made = accounts.make(self.channel)
        self.secret = accounts.secret_of(self.account_id, made)
        self.sandbox = Sandbox(self.state, now=lambda: self.now)
        self.control("accounts", {"accounts": {self.channel: {self.account_id: accounts.plain(made)}}})

    def control(self, what: str, wish: object) -> None:
        told = Incoming(method="POST", path=f"/_sandbox/{what}", query={}, headers={}, body=json.dumps(wish).encode())
        answer = self.sandbox.answer(told)
        assert answer.status == 200, answer.body

    def shows(self, stem: str) -> None:
        """The platform has what a fixture holds."""
        self.delivers(json.loads((EVENTS / self.channel / f"{stem}.json").read_bytes()))

    def delivers(self, body: object) -> None:
        self.learns(json.dumps(body).encode())

    def learns(self, body: bytes) -> None:
        """The platform knows what it delivered, whatever its form."""
        self.control("deliveries", {"channel": self.channel, "body": base64.b64encode(body).decode()})

    def meets(self, kind: str, host: str) -> None:
        """The next post there meets trouble."""
        self.control("faults", {"host": host, "kind": kind, "times": 1})

    def answers(self, event: Event, text: str = "We are looking into it.", **changed: Any) -> Outbound:
        """The agent's answer to an event."""
        given: dict[str, Any] = {
            "surface": event.surface,
            "thread_id": event.thread_id,
            "customer_id": event.customer_id,
            "in_reply_to": event.message_id,
            "text": text,
            "last_inbound_at": self.now,
            "client_token": "conversation.reply-1",
            **changed,
        }
        return outbound(self.channel, self.account_id, **given)

    def call(self, call: Call | Refused | None) -> Answer:
        """What the platform answers to a call."""
        assert isinstance(call, Call), call
        parts = urlsplit(call.url)
        incoming = Incoming(
            method=call.method,
            path=f"/{parts.netloc}{parts.path}",
            query=parameters(parts.query),
            headers={name.lower(): value for name, value in call.headers.items()},
            body=call.body or b"",
        )
        outgoing = self.sandbox.answer(incoming)
        return Answer(status=outgoing.status, headers=outgoing.headers, body=outgoing.body)

    def asks(self, feed: str, **wanted: Any) -> Page:
        """One page of a feed."""
        spoken = polled(load(self.channel))
        assert spoken is not None
        ask = Ask(feed=feed, **{"since": self.now, "now": self.now, **wanted})
        page = spoken.page(ask, self.call(spoken.ask(ask, self.secret)), self.secret)
        assert isinstance(page, Page), page
        return page

    def events(self, feed: str, page: Page) -> list[Any]:
        """What the desk makes of a page."""
        items = [item.raw for item in page.items]
        body = json.dumps({"account_id": self.account_id, "feed": feed, "items": items}).encode()
        return list(load(self.channel).parse(body, self.now)) if items else []

    @property
    def world(self) -> World:
        return self.sandbox._world

    @property
    def account(self) -> Account:
        found = self.world.account(self.channel, self.account_id)
        assert found is not None
        return found

    @property
    def posts(self) -> list[dict[str, Any]]:
        asked = Incoming(method="GET", path="/_sandbox/posts", query={}, headers={}, body=b"")
        found: list[dict[str, Any]] = json.loads(self.sandbox.answer(asked).body)
        return found
