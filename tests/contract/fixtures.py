"""The deliveries of events/: for every channel the raw bodies, and beside each the events it must become."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from infra.local import accounts
from shared.channels import load, load_pushing, names, pushing_names
from shared.domain.exchange import Request, Secret

ROOT = Path(__file__).parents[2] / "events"
EXPECTED = ".expected.json"
HEADERS = ".headers.json"
NOW = datetime(2026, 11, 9, 18, 30, 5, tzinfo=UTC)
CURRENT, PREVIOUS, FOREIGN = "current", "previous", "foreign"  # names of keys; each channel has its own of each


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


@cache
def key_of(name: str, word: str) -> str:
    """A channel's key of that name, in the form its platform gives out; any other word is a key itself."""
    return accounts.signing_key(name) if word in {CURRENT, PREVIOUS, FOREIGN} else word


@cache
def credentials(name: str) -> Mapping[str, str]:
    """What an account of the channel holds to answer with."""
    return accounts.make(name).credentials


def account(name: str, *keys: str) -> tuple[Secret, ...]:
    """One account of a channel whose deliveries these keys sign."""
    signing = tuple(key_of(name, key) for key in keys)
    return (Secret(account_id="contract", signing=signing, verify_token="word", credentials=credentials(name)),)


def signed(name: str, body: bytes, key: str = CURRENT, at: datetime = NOW) -> Request:
    """A delivery as the platform would send it."""
    headers = load_pushing(name).sign(body, account(name, key)[0], at, "delivery-1")
    return Request(method="POST", headers=headers, query={}, body=body)


def signature_headers(name: str) -> list[str]:
    """The headers that carry the proof: those that change with the body, the time or the key."""
    first = signed(name, b"{}").headers
    variants = [signed(name, b"[]"), signed(name, b"{}", at=NOW.replace(minute=0)), signed(name, b"{}", FOREIGN)]
    return [header for header, value in first.items() if any(v.headers[header] != value for v in variants)]


def signs_a_time(name: str) -> bool:
    """Whether what the platform sends depends on when it sends it."""
    return signed(name, b"{}").headers != signed(name, b"{}", at=NOW.replace(minute=0)).headers


def signs_the_body(name: str) -> bool:
    """Whether the proof belongs to this body alone: some platforms send a password, or a token about themselves."""
    return signed(name, b"{}").headers != signed(name, b"[]").headers


def tolerance(name: str) -> timedelta:
    """How old a signed delivery may be: the channel's SIGNED_FOR, else five minutes."""
    return getattr(load(name), "SIGNED_FOR", timedelta(minutes=5))


PUSHING = pushing_names()
