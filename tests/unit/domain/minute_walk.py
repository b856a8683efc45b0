"""The oracle: business hours by walking along a wall clock minute by minute, with no conversion from local time at all.

An interval is open from the first minute at which the clock has reached its start, to the last minute at which the
clock still reads a time before its end.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate
from zoneinfo import ZoneInfo

from shared.domain.calendar import DAY, Interval

MINUTE = timedelta(minutes=1)


class Walk:
    """The minutes of a few days around a date in a zone, and what the clock on the wall reads at each."""

    def __init__(self, zone: str, around: date, days: int) -> None:
        self.start = datetime(around.year, around.month, around.day, tzinfo=UTC) - timedelta(days=days)
        self.minutes = 2 * days * DAY
        there = ZoneInfo(zone)
        read = [_reading((self.start + i * MINUTE).astimezone(there)) for i in range(self.minutes)]
        self.days = sorted({minute // DAY for minute in read})
        self._reached = list(accumulate(read, max))
        self._still_to_come = list(accumulate(reversed(read), min))[::-1]

    def open_minutes(self, week: Mapping[int, tuple[Interval, ...]]) -> list[bool]:
        """For each minute, whether people are there."""
        opened = [False] * self.minutes
        for day in range(self.days[0] - 2, self.days[-1] + 3):
            for interval in week.get(date.fromordinal(day).weekday(), ()):
                first = bisect_left(self._reached, day * DAY + interval.start)
                end = bisect_left(self._still_to_come, day * DAY + interval.end)
                opened[first:end] = [True] * max(0, end - first)
        return opened

    def at(self, minute: int) -> datetime:
        """The instant at which a minute begins."""
        return self.start + minute * MINUTE


@cache
def walk(zone: str, around: date, days: int = 5) -> Walk:
    """The walk of a zone around a date; made once."""
    return Walk(zone, around, days)


def _reading(local: datetime) -> int:
    return local.toordinal() * DAY + local.hour * 60 + local.minute
