"""What a day allows: units of a platform's quota, hits of a listening rule. Counted before they are used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.domain.events import iso
from shared.domain.exchange import Refusal, Refused
from shared.domain.polling import Feed, Quota
from shared.domain.records import Watch

AROUND_MIDNIGHT = timedelta(minutes=1)  # whose day it is, the platform's clock decides: nothing is asked just then


def quota_name(quota: Quota) -> str:
    """The feed name under which a quota is counted: the same for all feeds of an account that share it."""
    return f"quota {quota.name or 'day'} {quota.units} {quota.zone}"


def spent(watch: Watch, quota: Quota, feed: Feed, now: datetime) -> Watch | Refused:
    """The count with one more call of this feed, or why the call may not be made: LATER, until the units come back.

    What the quota keeps back for our answers is not for asking.
    """
    zone = ZoneInfo(quota.zone)
    day = (now - AROUND_MIDNIGHT).astimezone(zone).date()
    if (now + AROUND_MIDNIGHT).astimezone(zone).date() != day:
        return Refused(
            refusal=Refusal.LATER, reason="The day of the quota is about to change.", after=_until(day, zone, now)
        )
    used = (watch.spent if watch.quota_day == day.isoformat() else 0) + feed.cost
    if used > quota.units - quota.replies:
        after = _until(day, zone, now)
        reason = (
            f"The day's {quota.units:,} units are spent, but for {quota.replies:,} that are kept for answers: "
            f"nothing is asked before {iso(now + after)}. Ask the platform for more, or listen for less."
        )
        return Refused(refusal=Refusal.LATER, reason=reason, after=after)
    return replace(watch, quota_day=day.isoformat(), spent=used, asked_at=now)


def taken(watch: Watch, most: int, now: datetime) -> Watch | None:
    """The count with one more hit of this day (UTC), or None where the day has had its hits."""
    today = now.astimezone(UTC).date().isoformat()
    hits = (watch.taken if watch.quota_day == today else 0) + 1
    return replace(watch, quota_day=today, taken=hits, asked_at=now) if hits <= most else None


def _until(day: date, zone: ZoneInfo, now: datetime) -> timedelta:
    """From now to a little after the midnight that ends the day. In UTC: two wall times of one zone do not subtract."""
    midnight = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    return max(midnight + AROUND_MIDNIGHT - now, AROUND_MIDNIGHT)
