"""What an account of a channel needs to be connected, to stay connected, and to be looked after. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, cast

from shared.domain.exchange import Answer, Call, Channel, Refused, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One thing to ask the person who connects an account.

    `name` is `account_id`, `signing`, `verify_token`, or the name of a credential. `made` lets the command make it up;
    `offered` is an answer that it knows itself.
    """

    name: str
    ask: str
    where: str  # where on the platform it is found
    secret: bool = True
    optional: bool = False
    made: bool = False
    offered: str = ""  # {webhook_url} stands for the address


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How an account is connected: what is asked, and what a person has to tick on the platform."""

    wanted: tuple[Wanted, ...]
    ticks: tuple[str, ...] = ()  # {webhook_url} stands for the address


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The account works; `who` is the platform's own name for it."""

    who: str


class Connecting(Channel, Protocol):
    """A channel that `nightdesk connect` can set up."""

    SETUP: Setup

    def subscribe(self, secret: Secret, webhook_url: str) -> tuple[Call, ...]:
        """The calls that make the platform deliver to us; none where a person has to do it."""

    def prove(self, secret: Secret, now: datetime) -> Call | None:
        """A harmless call that only a working account can make; None where there is none."""

    def proven(self, answer: Answer) -> Proof | Refused:
        """What its answer says. Total."""


class Renewing(Channel, Protocol):
    """A channel whose credentials run out and can be renewed. One renewal at a time: some refresh tokens work once."""

    RENEW_BEFORE: timedelta  # how long before the end

    def expires(self, secret: Secret) -> datetime | None:
        """When the credentials end; None where they do not, or where nobody knows. Past where there are none yet."""

    def renew(self, secret: Secret, now: datetime) -> Call | Refused | None:
        """The call that renews them; None where nothing is to be renewed."""

    def renewed(self, secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
        """The account as it is to be stored. Total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a platform tells about a person."""

    name: str | None = None
    handle: str | None = None
    followers: int | None = None
    verified: bool | None = None


class Profiling(Channel, Protocol):
    """A channel that can look an author up, for what its deliveries leave out."""

    def look_up(self, customer_id: str, secret: Secret, now: datetime) -> Call | Refused:
        """The call that asks for the person."""

    def profile(self, answer: Answer) -> Profile | Refused:
        """What the answer says. Total."""


def connecting(channel: Channel) -> Connecting | None:
    """The channel as one that the command can connect, or None."""
    return cast("Connecting", channel) if hasattr(channel, "SETUP") else None


def renewing(channel: Channel) -> Renewing | None:
    """The channel as one whose credentials are renewed, or None."""
    return cast("Renewing", channel) if hasattr(channel, "renew") else None


def profiling(channel: Channel) -> Profiling | None:
    """The channel as one that looks people up, or None."""
    return cast("Profiling", channel) if hasattr(channel, "look_up") else None
