"""Calls of a channel file, carried out by the platform's own side of the sandbox, without a network between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from infra.local import accounts
from infra.local.platforms.world import Account, World
from infra.local.sandbox import Sandbox
from infra.local.serving import Incoming
from shared.channels import load
from shared.domain.events import Event, Kind
from shared.domain.exchange import Answer, Call, Outbound, Refused, Secret


@dataclass
class Carrier:
    """One account of one channel and the platform's side of it."""

    channel: str
    secret: Secret
    sandbox: Sandbox
    now: datetime
    credentials: dict[str, str] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return self.sandbox._world

    @property
    def account(self) -> Account:
        found = self.world.account(self.channel, self.secret.account_id)
        assert found is not None
        return found

    def carry(self, call: Call | Refused | None) -> Answer:
        """What the platform answers to a call."""
        assert isinstance(call, Call), call
        parts = urlsplit(call.url)
        incoming = Incoming(
            method=call.method, path=f"/{parts.netloc}{unquote(parts.path)}", query=dict(parse_qsl(parts.query)),
            headers={name.lower(): value for name, value in call.headers.items()}, body=call.body or b"",
        )  # fmt: skip
        given = self.sandbox.answer(incoming)
        return Answer(status=given.status, headers={k.lower(): v for k, v in given.headers.items()}, body=given.body)

    def meets(self, kind: str, host: str) -> None:
        """The next post there meets trouble."""
        self.world.faults.clear()
        self.sandbox.answer(_told("faults", {"host": host, "kind": kind, "times": 1}))

    def learns(self, body: bytes) -> None:
        """The platform knows what it delivered."""
        from infra.local.platforms import control

        control.learn(self.world, self.channel, body, self.now)

    def answers(self, event: Event, text: str = "We are looking into it.", **changed: object) -> Outbound:
        """The agent's answer to an event."""
        outbound: dict[str, object] = {
            "channel": self.channel, "account_id": self.secret.account_id, "surface": event.surface,
            "thread_id": event.thread_id, "customer_id": event.customer_id, "in_reply_to": event.message_id,
            "text": text, "by_person": True, "last_inbound_at": self.now, "client_token": "conversation.reply-1",
        }  # fmt: skip
        return Outbound(**{**outbound, **changed})  # type: ignore[arg-type]  # a test says what it changes


def carrier(channel: str, folder: Path, now: datetime, account_id: str, **credentials: str) -> Carrier:
    """The sandbox with one account of the channel, made as the laptop makes it."""
    made = accounts.make(channel)
    plain = {**accounts.plain(made), "credentials": {**made.credentials, **credentials}}
    sandbox = Sandbox(folder, now=lambda: now, pause=lambda _: None)
    sandbox.answer(_told("accounts", {"accounts": {channel: {account_id: plain}}}))
    secret = Secret(
        account_id=account_id, signing=made.signing, verify_token=made.verify_token,
        credentials={**made.credentials, **credentials},
    )  # fmt: skip
    return Carrier(channel, secret, sandbox, now)


def delivered(channel: str, stem: str) -> bytes:
    """A delivery of events/."""
    folder = Path(__file__).parents[3] / "events" / channel
    (file,) = (p for p in folder.glob(f"{stem}.*") if ".expected." not in p.name)
    return file.read_bytes()


def said(channel: str, body: bytes, now: datetime) -> Event:
    """The customer's message in a delivery."""
    return next(e for e in load(channel).parse(body, now) if e.kind is Kind.MESSAGE)


def _told(what: str, wish: Mapping[str, object]) -> Incoming:
    import json

    headers = {"content-type": "application/json"}
    return Incoming(method="POST", path=f"/_sandbox/{what}", query={}, headers=headers, body=json.dumps(wish).encode())
