"""What a platform's file takes and gives: a call of ours in; an answer, and what it tells the webhook, out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from infra.local.platforms.world import World

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformCall:
    """A call that reached a platform's host: `params` are query and body together, without the body where
    it is `malformed`: neither a JSON object nor a form.
    """

    host: str
    method: str
    path: str  # without the host, with its leading slash
    headers: Mapping[str, str]
    params: Json
    body: bytes
    malformed: bool
    now: datetime

    def text(self, name: str) -> str | None:
        """A parameter that is text, or None."""
        value = self.params.get(name)
        return value if isinstance(value, str) else None

    def section(self, name: str) -> Json:
        """A parameter that is an object, or an empty one."""
        value = self.params.get(name)
        return value if isinstance(value, dict) else {}

    def bearer(self) -> str:
        """The bearer token in the header, or an empty text."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme == "Bearer" else ""

    def basic(self) -> tuple[str, str] | None:
        """Name and password in the header, or None where they are not there or cannot be read."""
        scheme, _, encoded = self.headers.get("authorization", "").partition(" ")
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return None
        return (name, password) if scheme == "Basic" else None


@dataclass(frozen=True, slots=True)
class Telling:
    """A delivery the platform owes the webhook of an account."""

    channel: str
    account_id: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformAnswer:
    """What the platform answers, and the deliveries that follow."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    tellings: tuple[Telling, ...] = ()


class Refusal(Exception):
    """The platform's own error answer."""

    def __init__(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.answer = PlatformAnswer(status=status, body=body, headers=headers or {})


class Side(Protocol):
    """What a channel's file offers. Three names more are looked for, and each may be missing:

    `ACCOUNT`, the id of an account where events/ names none; `credentials() -> dict[str, str]`, what an account holds
    besides its `access_token`; `signing_key() -> str`, a key in the form the platform gives out.
    """

    CHANNEL: str

    def learn(self, world: World, delivery: object, now: datetime) -> None:
        """Take in an inbound delivery, JSON as plain data and anything else as bytes: who wrote, and what exists now.

        For a channel that is asked, it is what the platform shows to the next that asks.
        """


class Platform(Protocol):
    """What answers at one host. A module satisfies it."""

    def channel_of(self, call: PlatformCall, world: World) -> str:
        """The channel a call is for. Raises Refusal where nothing tells."""

    def answer(self, call: PlatformCall, world: World) -> PlatformAnswer:
        """Carry the call out. Raises Refusal."""

    def trouble(self, kind: str, channel: str) -> Refusal:
        """The error of a bad day: throttle, server_error or revoked_token."""
