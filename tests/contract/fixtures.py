"""The deliveries of events/: for every channel the raw bodies, and beside each the events it must become."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shared.channels import load, names
from shared.domain.exchange import Channel, Request, Secret

ROOT = Path(__file__).parents[2] / "events"
EXPECTED = ".expected.json"
HEADERS = ".headers.json"
NOW = datetime(2026, 11, 9, 18, 30, 5, tzinfo=UTC)
CURRENT = "whsec_Y3VycmVudC1rZXktb2YtdGhlLWNvbnRyYWN0LXN1aXRl"
PREVIOUS = "whsec_cHJldmlvdXMta2V5LW9mLXRoZS1jb250cmFjdC1zdWl0"
FOREIGN = "whsec_Zm9yZWlnbi1rZXktb2YtdGhlLWNvbnRyYWN0LXN1aXRl"


@dataclass(frozen=True, slots=True)
class Fixture:
    """One delivery of a channel."""

    channel: str
    path: Path

    @property
    def body(self) -> bytes:
        return self.path.read_bytes()

    @property
    def expected(self) -> list[dict[str, object]]:
        events: list[dict[str, object]] = json.loads(self.expectation.read_text("utf-8"))
        return events

    @property
    def expectation(self) -> Path:
        return self.path.with_name(self.path.stem + EXPECTED)

    def __str__(self) -> str:
        return f"{self.channel}/{self.path.stem}"


def fixtures(channel: str) -> list[Fixture]:
    """The deliveries in a channel's folder; none where there is no folder."""
    bodies = (p for p in sorted((ROOT / channel).glob("*")) if not p.name.endswith((EXPECTED, HEADERS)))
    return [Fixture(channel, path) for path in bodies]


ALL = [fixture for name in names() for fixture in fixtures(name)]


def account(*keys: str) -> tuple[Secret, ...]:
    """One account whose deliveries these keys sign."""
    return (Secret(account_id="contract", signing=keys, verify_token="word"),)


def signed(channel: Channel, body: bytes, key: str = CURRENT, at: datetime = NOW) -> Request:
    """A delivery as the platform would send it."""
    headers = channel.sign(body, account(key)[0], at, "delivery-1")
    return Request(method="POST", headers=headers, query={}, body=body)


def signature_headers(channel: Channel) -> list[str]:
    """The headers that carry the proof: those that change with the body or the time."""
    first = signed(channel, b"{}").headers
    others = [signed(channel, b"[]").headers, signed(channel, b"{}", at=NOW.replace(minute=0)).headers]
    return [name for name, value in first.items() if any(other[name] != value for other in others)]


def signs_a_time(channel: Channel) -> bool:
    """Whether what the platform sends depends on when it sends it."""
    return signed(channel, b"{}").headers != signed(channel, b"{}", at=NOW.replace(minute=0)).headers


CHANNELS = [load(name) for name in names()]
