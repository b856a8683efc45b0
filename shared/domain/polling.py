"""What passes between Nightdesk and a platform that has to be asked. Plain data, no network.

A channel that is asked lists its feeds. The poller owns the contract of every feed: when to ask, how far back to read,
what was seen already, what it may cost, what is lost. The channel only says how to ask for one page and what is on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, cast

from shared.domain.exchange import Answer, Call, Channel, Refused, Secret

Json = Mapping[str, Any]


class Purpose(StrEnum):
    """Why a feed is read."""

    INBOUND = "inbound"  # the platform has no webhook for it: what is found is a delivery like any other
    BACKSTOP = "backstop"  # the platform pushes: what is new here was missed there
    LISTENING = "listening"  # search for words of the policy's listening rules
    POINTED = "pointed"  # never asked on a schedule: a pointer event names what to fetch; `every` means nothing here


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How many units a feed's account may spend, and when they come back: each day at midnight in `zone`.

    All feeds of an account whose quota has the same `name`, `units` and `zone` share one count. Two buckets of the same
    size need two names.
    """

    units: int
    zone: str = "UTC"
    replies: int = 0  # units kept back for our answers
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One thing a platform can be asked for.

    Pages come newest first unless `forward`: then `Page.cursor` says where to go on, and there is no walking back.
    An item may come late, or out of its place, and is found all the same while its delay and twice its displacement
    together stay below `overlap`; what is older than that when it first shows is taken for known. A forward feed is
    asked again from each new cursor until a page is empty.

    With `revisit` the items of the feed itself (not what hangs below them) are asked for again by `Ask.ids`, at most
    `batch` at once and every `revisit_every`; whose `revision` changed is handed on again, and what hangs below it is
    fetched. Only items with a time are revisited.
    """

    name: str
    purpose: Purpose = Purpose.INBOUND
    every: timedelta = timedelta(minutes=1)
    overlap: timedelta = timedelta(minutes=10)  # how far behind the newest seen item each run reads again
    first: timedelta = timedelta(hours=24)  # how far back the first run reads
    revisit: timedelta = timedelta(0)  # items this young are asked for again by id, for edits and answers
    settle: timedelta = timedelta(0)  # items younger than this are left to the webhook (BACKSTOP)
    pages: int = 10  # of one run; what is left is a gap, and the next run goes on there
    cost: int = 1  # units of the quota a call costs
    quota: Quota | None = None
    lost_after: timedelta | None = None  # the platform shows nothing older: being down for longer loses something
    forward: bool = False
    revisit_every: timedelta = timedelta(minutes=15)
    batch: int = 50  # ids of one call that revisits


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One call wanted of a feed. Exactly one of `token`, `ids` and `reference` may be set; none is the first page."""

    feed: str
    since: datetime  # items older than this are not needed
    now: datetime
    cursor: str | None = None  # of a forward feed, as the last page gave it
    token: str | None = None  # of the next page, or of what an item has below it
    ids: tuple[str, ...] = ()  # these items again
    reference: str | None = None  # what a pointer event named
    phrase: str | None = None  # LISTENING: what to search for


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing on a page, as the platform wrote it.

    `item_id` and `revision` together change whenever there is something new to read: an edit, more answers below it.
    `below` is the token that fetches what hangs below it, asked for only when the item is new or changed.
    """

    item_id: str
    revision: str = ""
    at: datetime | None  # by the platform's clock; None where it gives none
    raw: Json
    below: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one call found, in the platform's order. `next` is the token of the next page, None at the end."""

    items: Sequence[Item]
    next: str | None = None
    cursor: str | None = None  # forward feeds: where the next run goes on


class Polled(Channel, Protocol):
    """A channel that is asked. What its pages hold becomes a delivery: {"account_id", "feed", "items": [raw, ...]}."""

    FEEDS: tuple[Feed, ...]

    def ask(self, ask: Ask, secret: Secret) -> Call | Refused:
        """The call for one page, or why it cannot be asked for."""

    def page(self, ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:
        """What the answer holds. Total: LATER to be asked again, BLOCKED where a person has to repair the account,
        NEVER where this page will not come.
        """


def polled(channel: Channel) -> Polled | None:
    """The channel as one that is asked (on a schedule, or for what a pointer names), or None."""
    return cast("Polled", channel) if hasattr(channel, "FEEDS") else None
