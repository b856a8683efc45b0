"""A made-up channel whose deliveries are events that the test holds ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from shared.domain.events import Event, Surface
from shared.domain.exchange import (
    About,
    Answer,
    Call,
    Capability,
    Channel,
    How,
    Outbound,
    Outcome,
    Posted,
    Refused,
    Request,
    Response,
    Secret,
)
from shared.errors import SignatureRejected, Unreadable

ABOUT = About(
    title="Scripted",
    how=(How.PUSH,),
    docs="https://platform.example/docs",
    checked=date(2026, 11, 1),
    acknowledging="on",
    author="nothing",
    unproven="all of it",
)


@dataclass
class ScriptedChannel:
    """`parse` gives the events kept under the body; a body that nobody knows is unreadable."""

    deliveries: dict[bytes, tuple[Event, ...]] = field(default_factory=dict)
    ABOUT: About = ABOUT
    CAPABILITIES: Mapping[Surface, Capability] = field(
        default_factory=lambda: {
            Surface.DM: Capability(replies=True, limit=1000, acknowledges=True),
            Surface.COMMENT: Capability(replies=True, limit=1000),
            Surface.REVIEW: Capability(replies=True, limit=1000, single_slot=True),
        }
    )
    addressee: Callable[[Request, tuple[Secret, ...]], str | None] | None = None  # its bodies say whose they are

    def delivery(self, *events: Event) -> bytes:
        """A body that stands for these events."""
        body = f"delivery {len(self.deliveries)}".encode()
        self.deliveries[body] = events
        return body

    def challenge(self, request: Request, secrets: tuple[Secret, ...]) -> Response | None:
        return Response(200, "challenge") if request.method == "GET" else None

    def verify(self, request: Request, secrets: tuple[Secret, ...], now: datetime) -> None:
        if request.headers.get("signature") != "good":
            raise SignatureRejected("The signature does not fit.")

    def parse(self, body: bytes, received_at: datetime) -> tuple[Event, ...]:
        if body not in self.deliveries:
            raise Unreadable("Nobody knows this body.")
        return self.deliveries[body]

    def reply(self, outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
        return Call(method="POST", url="https://platform.example/replies", body=outbound.text.encode())

    def outcome(self, answer: Answer) -> Outcome:
        return Posted(answer.body.decode())

    def sign(self, body: bytes, secret: Secret, now: datetime, delivery_id: str) -> dict[str, str]:
        return {"signature": "good"}

    def __call__(self, name: str) -> Channel:
        """As the Channels port: every name is this channel."""
        return self
