"""Business hours: weekly opening intervals in an IANA zone, and exact arithmetic over them in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Interval:
    """Open from `start` to `end`, in minutes after local midnight. `end` may pass 1440: the shift belongs to the day
    it starts on.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """From one closing time to the next opening, both UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    """Opening hours per weekday (0 = Monday)."""

    zone: str
    week: Mapping[int, tuple[Interval, ...]]

    def is_open(self, at: datetime) -> bool:
        """Whether people are there at this instant; the closing instant itself is closed."""
        return self.closed_period(at) is None

    def closed_period(self, at: datetime) -> ClosedPeriod | None:
        """The closed period that holds `at`, or None in open time."""
        raise NotImplementedError

    def add(self, start: datetime, duration: timedelta) -> datetime:
        """The instant at which `duration` of open time has passed since `start`, UTC."""
        raise NotImplementedError
