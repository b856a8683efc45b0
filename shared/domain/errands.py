"""Errands: what a platform only pointed at, from hearing of it until it is fetched or given up. Pure.

Fetching twice is harmless and not fetching loses a customer's words, so whatever was heard of after the platform was
last asked is fetched again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.records import Errand, Intent

MOST_ATTEMPTS = 5
FIRST_REST = timedelta(minutes=2)  # doubled with each try: half an hour until people are told


def pointed(known: Errand | None, told: Errand) -> Errand | None:
    """The errand after a pointer, which reads as the new errand `told`; None where it says nothing new."""
    if known is None:
        return replace(told, intents=(Intent.FETCH,))
    if told.heard_at <= known.heard_at:
        return None
    if Intent.FETCH in known.intents:
        return replace(known, heard_at=told.heard_at)
    return replace(known, heard_at=told.heard_at, attempts=0, tried_at=None, reason=None, intents=(Intent.FETCH,))


def due_at(errand: Errand) -> datetime | None:
    """When it may be tried (again); None for at once. A platform in trouble is left alone for longer each time."""
    if errand.tried_at is None:
        return None
    return errand.tried_at + FIRST_REST * (1 << max(0, errand.attempts - 1))


def fetched(errand: Errand, asked_at: datetime, asked_about: datetime) -> Errand:
    """What it pointed at is in the inbox, as it was at `asked_at`. Heard of again after `asked_about`: once more."""
    again = errand.heard_at > asked_about
    return replace(
        errand,
        fetched_at=asked_at,
        attempts=0,
        tried_at=None,
        reason=None,
        intents=(Intent.FETCH,) if again else _without_fetch(errand),
    )


def failed(errand: Errand, reason: str, now: datetime, *, final: bool) -> Errand:
    """It did not work. After the last try, or where no other will do, people are told."""
    tried = replace(errand, attempts=errand.attempts + 1, tried_at=now, reason=reason)
    if not final and tried.attempts < MOST_ATTEMPTS:
        return tried
    return replace(tried, intents=(*_without_fetch(errand), Intent.REPORT))


def _without_fetch(errand: Errand) -> tuple[Intent, ...]:
    return tuple(intent for intent in errand.intents if intent not in {Intent.FETCH, Intent.REPORT})
