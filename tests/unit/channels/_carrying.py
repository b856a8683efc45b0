"""A talk with a platform whose deliveries are kept in events/, answered event by event, on good days and bad ones."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.local.platforms.world import Account, World
from shared.channels import load
from shared.domain.events import Event, Kind
from shared.domain.exchange import Outbound
from tests.unit.channels._talking import EVENTS, Talk, outbound


@dataclass
class Carrier(Talk):
    """One account of a channel and the platform's side of it."""

    @property
    def world(self) -> World:
        return self.sandbox._world

    @property
    def account(self) -> Account:
        found = self.world.account(self.channel, self.account_id)
        assert found is not None
        return found

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


def carrier(channel: str, folder: Path, now: datetime, account_id: str) -> Carrier:
    """The sandbox with one account of the channel, made as the laptop makes it."""
    return Carrier(channel, account_id, folder, now)


def delivered(channel: str, stem: str) -> bytes:
    """A delivery of events/."""
    (file,) = (p for p in (EVENTS / channel).glob(f"{stem}.*") if ".expected." not in p.name)
    return file.read_bytes()


def said(channel: str, body: bytes, now: datetime) -> Event:
    """The customer's message in a delivery."""
    return next(e for e in load(channel).parse(body, now) if e.kind is Kind.MESSAGE)
