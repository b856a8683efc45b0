"""Opening hours as people write them: "09:00-17:00", past midnight "22:00-30:00", round the clock "00:00-24:00"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from shared.domain.calendar import DAY, Interval

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
CLOSED = "closed"
PATTERN = r"^\d{1,2}:\d{2} ?- ?\d{1,2}:\d{2}$"

_WRITTEN = re.compile(r"(\d{1,2}):(\d{2}) ?- ?(\d{1,2}):(\d{2})", re.ASCII)


class Impossible(ValueError):
    """Hours nobody can keep; `item` is the place of the guilty interval in the day's list."""

    def __init__(self, reason: str, item: int | None = None) -> None:
        super().__init__(reason)
        self.item = item


def day(name: str, written: object) -> tuple[Interval, ...]:
    """The intervals of a day in their order. Raises Impossible for empty, reversed, overlapping and impossible ones."""
    if written == CLOSED:
        return ()
    texts = [written] if isinstance(written, str) else written
    if not isinstance(texts, list) or not texts:
        raise Impossible(f'hours of {name} are empty: write "09:00-17:00", a list of such, or closed')
    read = [(_interval(name, text, item), item) for item, text in enumerate(texts)]
    read.sort(key=lambda pair: pair[0].start)
    for (earlier, _), (later, item) in pairwise(read):
        if later.start < earlier.end:
            raise Impossible(f"hours of {name} overlap: {show(earlier)} and {show(later)}", item)
    return tuple(interval for interval, _ in read)


def collisions(week: Mapping[int, tuple[Interval, ...]]) -> Iterator[str]:
    """Shifts past midnight that run into the hours of the day after, each in words."""
    for weekday, name in enumerate(WEEKDAYS):
        today, tomorrow = week.get(weekday, ()), week.get((weekday + 1) % 7, ())
        if today and tomorrow and today[-1].end - DAY > tomorrow[0].start:
            after = WEEKDAYS[(weekday + 1) % 7]
            yield f"hours of {name} ({show(today[-1])}) run into those of {after} ({show(tomorrow[0])})"


def show(interval: Interval) -> str:
    """The interval as it is written."""
    return f"{_clock(interval.start)}-{_clock(interval.end)}"


def _interval(name: str, text: object, item: int) -> Interval:
    found = _WRITTEN.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise Impossible(f'hours of {name}: {text!r} is not written like "09:00-17:00"', item)
    hour, minute, end_hour, end_minute = map(int, found.groups())
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    shown = f"{_clock(start)}-{_clock(end)}" if max(minute, end_minute) < 60 else found[0]
    if max(minute, end_minute) > 59 or start >= DAY or end > 2 * DAY:
        raise Impossible(
            f"hours of {name}: {shown} is impossible; a start lies in 00:00-23:59, an end up to 48:00", item
        )
    if end == start:
        raise Impossible(f"hours of {name}: {shown} is empty; all day is 00:00-24:00", item)
    if end < start:
        past_midnight = f"{_clock(start)}-{_clock(end + DAY)}"
        raise Impossible(f"hours of {name}: {shown} ends before it starts; past midnight is {past_midnight}", item)
    return Interval(start, end)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
