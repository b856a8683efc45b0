"""Business hours: weekly opening intervals in an IANA zone, and exact arithmetic over them in UTC.

Hours are local and time is not, so every boundary is turned into UTC once, and all arithmetic is done there. People are
there from the first instant at which the wall clock reads the opening time or later, until it reads a time before the
closing for the last time. Hence, when clocks change:

- a boundary that the clock skips moves to the first instant after the gap;
- of a boundary that the clock shows twice, the opening takes the first and the closing the second, so that no open time
  is lost (a closing on the very minute that the clock is set back to is shown for the first time when all earlier
  minutes are over: there the first counts);
- time that passes is real time: 22:00-06:00 is nine hours in the night that repeats one, and seven in the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = 24 * 60  # minutes

_LONGEST_END = 2 * DAY
_SEARCH_DAYS = 15  # one opening a week, and that weekday once skipped by a change of date line (Pacific/Apia, 2011)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Interval:
    """Open from `start` to `end`, in minutes after local midnight. `end` may pass 1440: the shift belongs to the day
    it starts on. Raises ValueError for one that does not start within its day or does not end after it starts.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < DAY or not self.start < self.end <= _LONGEST_END:
            raise ValueError(f"An interval from minute {self.start} to minute {self.end} is impossible.")


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """From one closing time to the next opening, both UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    """Opening hours per weekday (0 = Monday). Intervals that touch or overlap, also over midnight, are one open time.

    Raises ValueError when it never opens, and zoneinfo's errors for a zone that does not exist.
    """

    zone: str
    week: Mapping[int, tuple[Interval, ...]]

    def __post_init__(self) -> None:
        ZoneInfo(self.zone)
        if not any(self.week.get(weekday) for weekday in range(7)):
            raise ValueError("A calendar needs at least one opening interval a week.")

    def is_open(self, at: datetime) -> bool:
        """Whether people are there at this instant; the closing instant itself is closed."""
        today = self._local_date(at)
        return any(opening <= at < closing for opening, closing in self._windows(today, first=-2, last=1))

    def closed_period(self, at: datetime) -> ClosedPeriod | None:
        """The closed period that holds `at`, or None in open time."""
        if self.is_open(at):
            return None
        today = self._local_date(at)
        before = self._windows(today, first=-_SEARCH_DAYS, last=1)
        after = self._windows(today, first=0, last=_SEARCH_DAYS)
        return ClosedPeriod(
            start=max(closing for _, closing in before if closing <= at),
            end=next(opening for opening, _ in after if opening > at),
        )

    def add(self, start: datetime, duration: timedelta) -> datetime:
        """The first instant at which `duration` of open time has passed since `start`, UTC.

        It lies in open time or is a closing instant; for a duration of nothing it is `start`. Raises ValueError for a
        negative duration.
        """
        if duration < timedelta():
            raise ValueError("Open time is only counted forwards.")
        today = self._local_date(start)
        at, left = start.astimezone(UTC), duration
        windows = self._windows(today, first=-2)
        while left:
            opening, closing = next(windows)
            at = max(at, opening)
            spent = min(left, max(closing - at, timedelta()))
            at, left = at + spent, left - spent
        return at

    def _local_date(self, at: datetime) -> date:
        if at.tzinfo is None:
            raise ValueError("An instant needs its zone: a naive time would be read in the zone of the machine.")
        return at.astimezone(ZoneInfo(self.zone)).date()

    def _windows(self, today: date, *, first: int, last: int | None = None) -> Iterator[tuple[datetime, datetime]]:
        """Opening and closing instants in the order of the openings, for the shifts that start on the days from
        `first` to `last`, counted from `today`. Shifts that fall into a gap as a whole are left out.
        """
        zone = ZoneInfo(self.zone)
        day = first
        while last is None or day <= last:
            date_ = today + timedelta(days=day)
            midnight = datetime.combine(date_, time())
            for interval in sorted(self.week.get(date_.weekday(), ()), key=lambda each: each.start):
                opening = _opening(midnight + timedelta(minutes=interval.start), zone)
                closing = _closing(midnight + timedelta(minutes=interval.end), zone)
                if opening < closing:
                    yield opening, closing
            day += 1


def _opening(local: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the wall clock reads `local` or later."""
    first, second = _readings(local, zone)
    return first if first <= second else _end_of_gap(local, zone, before=second, after=first)


def _closing(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant from which on the wall clock never again reads earlier than `local`."""
    first, second = _readings(local, zone)
    if first > second:
        return _end_of_gap(local, zone, before=second, after=first)
    return second if first == second or _wall(second - _SECOND, zone) < local else first


def _readings(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The local time read with the offset before and with the offset after a change of clocks (PEP 495).

    Equal away from changes, in order where the time exists twice, and in reverse where it does not exist.
    """
    first, second = local.replace(tzinfo=zone), local.replace(tzinfo=zone, fold=1)
    return first.astimezone(UTC), second.astimezone(UTC)


def _end_of_gap(local: datetime, zone: ZoneInfo, *, before: datetime, after: datetime) -> datetime:
    """The instant between the two at which the wall clock jumps over `local`. Zones change on whole seconds."""
    low, high = 0, int((after - before) / _SECOND)
    while high - low > 1:
        middle = (low + high) // 2
        if _wall(before + middle * _SECOND, zone) < local:
            low = middle
        else:
            high = middle
    return before + high * _SECOND


def _wall(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall reads at an instant."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)
