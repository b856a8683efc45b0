"""Errands: what a platform only pointed at, from hearing of it until it is fetched or given up. Pure.

Fetching twice is harmless and not fetching loses a customer's words, so whatever was heard of after the platform was
last asked is fetched again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.exchange import Refusal, Refused
from shared.domain.polling import Feed, Polled, Purpose
from shared.domain.records import Errand, Intent

MOST_ATTEMPTS = 5
MOST_ATTEMPTS_BLOCKED = 3  # a token may just have been renewed, and the old one is kept for five minutes
FIRST_REST = timedelta(minutes=2)  # doubled with each try: half an hour until people are told
LONGEST_REST = timedelta(hours=1)


def pointed(known: Errand | None, told: Errand) -> Errand | None:
    """The errand after a pointer, which reads as the new errand `told`; None where it says nothing new."""
    if known is None:
        return replace(told, intents=(Intent.FETCH,))
    if told.heard_at <= known.heard_at:
        return None
    if Intent.FETCH in known.intents:
        return replace(known, feed=told.feed, heard_at=told.heard_at)
    opened = replace(told, fetched_at=known.fetched_at, version=known.version)
    return replace(opened, intents=(Intent.FETCH,))


def feed_of(channel: Polled, errand: Errand) -> Feed | None:
    """The feed that fetches it: the one its pointer names, else the channel's first for what is pointed at."""
    feeds = [feed for feed in channel.FEEDS if feed.purpose is Purpose.POINTED]
    return next((feed for feed in feeds if feed.name == errand.feed), next(iter(feeds), None))


def rests(errand: Errand, now: datetime) -> bool:
    """Whether the platform is left alone with it for now."""
    return errand.rest_until is not None and now < errand.rest_until


def fetched(errand: Errand, asked_at: datetime, asked_about: datetime) -> Errand:
    """What it pointed at is in the inbox, as it was at `asked_at`. Heard of again after `asked_about`: once more."""
    again = errand.heard_at > asked_about
    return replace(
        errand,
        fetched_at=asked_at,
        attempts=0,
        rest_until=None,
        reason=None,
        intents=(Intent.FETCH,) if again else (),
    )


def failed(errand: Errand, why: Refused, now: datetime) -> Errand:
    """It did not work, and is tried again after a rest; where no other try will do, people are told instead."""
    tried = replace(errand, attempts=errand.attempts + 1, reason=why.reason)
    if tried.attempts >= _most_attempts(why):
        return replace(tried, rest_until=None, intents=(Intent.REPORT,))
    rest = max(FIRST_REST * (1 << errand.attempts), why.after or timedelta(0))
    return replace(tried, rest_until=now + min(rest, LONGEST_REST))


def _most_attempts(why: Refused) -> int:
    match why.refusal:
        case Refusal.NEVER | Refusal.BY_HAND:
            return 1
        case Refusal.BLOCKED:
            return MOST_ATTEMPTS_BLOCKED
        case Refusal.LATER:
            return MOST_ATTEMPTS
