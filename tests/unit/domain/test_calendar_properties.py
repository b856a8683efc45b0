from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.calendar import DAY, Calendar, ClosedPeriod, Interval
from tests.unit.domain.build import calendar_always
from tests.unit.domain.minute_walk import walk

CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Asia/Kathmandu", date(1986, 1, 1)),  # a quarter of an hour, at midnight
    ("Asia/Kathmandu", date(2026, 6, 1)),  # none, and an offset of 5:45
    ("Pacific/Apia", date(2011, 12, 30)),  # a whole day
    ("Pacific/Apia", date(2012, 4, 1)),
    ("Africa/Casablanca", date(2026, 2, 15)),  # summer time stops for Ramadan
    ("Africa/Casablanca", date(2026, 3, 22)),
    ("America/Havana", date(2026, 3, 8)),  # at midnight
    ("America/Havana", date(2026, 11, 1)),
    ("America/Santiago", date(2026, 4, 5)),  # back over midnight
    ("America/Goose_Bay", date(2010, 11, 7)),  # back over midnight, a minute after it
    ("Atlantic/Azores", date(2026, 10, 25)),  # back to midnight
]

timeless = settings(deadline=None)

starts = st.one_of(st.integers(0, DAY - 1), st.integers(0, 47).map(lambda half_hours: half_hours * 30))


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    start = draw(starts)
    longest = draw(st.sampled_from([60, DAY - start, 2 * DAY - start]))
    length = draw(
        st.one_of(st.integers(15, max(15, longest)), st.integers(1, max(1, longest // 30)).map(lambda n: n * 30))
    )
    return Interval(start, start + min(length, 2 * DAY - start))


weeks = st.dictionaries(st.integers(0, 6), st.lists(intervals(), max_size=3).map(tuple), min_size=1).filter(
    lambda week: any(week.values())
)
zones = st.sampled_from(sorted({zone for zone, _ in CHANGES}))
calendars = st.builds(Calendar, zones, weeks)
seconds_from_2009 = st.integers(0, 21 * 365 * 86400)
instants = seconds_from_2009.map(lambda seconds: datetime(2009, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
durations = st.integers(1, 9 * 3600).map(lambda seconds: timedelta(seconds=seconds))


@timeless
@given(calendars, instants, durations, durations)
def test_adding_is_additive(calendar: Calendar, start: datetime, one: timedelta, other: timedelta):
    assert calendar.add(calendar.add(start, one), other) == calendar.add(start, one + other)


@timeless
@given(calendars, instants, instants, durations)
def test_adding_to_a_later_instant_never_ends_earlier(
    calendar: Calendar, one: datetime, other: datetime, duration: timedelta
):
    earlier, later = sorted((one, other))
    assert calendar.add(earlier, duration) <= calendar.add(later, duration)


@timeless
@given(calendars, instants, durations, durations)
def test_adding_more_ends_later(calendar: Calendar, start: datetime, duration: timedelta, more: timedelta):
    assert start < calendar.add(start, duration) < calendar.add(start, duration + more)


@timeless
@given(calendars, instants, durations)
def test_the_end_lies_in_open_time_or_is_a_closing(calendar: Calendar, start: datetime, duration: timedelta):
    end = calendar.add(start, duration)
    assert calendar.is_open(end - timedelta(microseconds=1))
    period = calendar.closed_period(end)
    assert period is None or period.start == end


@timeless
@given(calendars, instants)
def test_a_closed_period_holds_its_instant_and_is_closed_from_end_to_end(calendar: Calendar, at: datetime):
    period = calendar.closed_period(at)
    assert (period is None) == calendar.is_open(at)
    if period is not None:
        tick = timedelta(microseconds=1)
        assert period.start <= at < period.end
        assert calendar.is_open(period.start - tick)
        assert calendar.is_open(period.end)
        middle = period.start + (period.end - period.start) / 2
        assert {calendar.closed_period(t) for t in (period.start, middle, period.end - tick)} == {period}


@timeless
@given(calendars, instants, durations)
def test_closed_time_counts_nothing_and_open_time_counts_in_full(calendar: Calendar, at: datetime, duration: timedelta):
    period = calendar.closed_period(at)
    if period is None:
        second = timedelta(seconds=1)
        assert calendar.add(at, second) == at + second or not calendar.is_open(at + second)
    else:
        ends = {calendar.add(t, duration) for t in (period.start, at, period.end)}
        assert len(ends) == 1


@timeless
@given(calendars, instants, instants)
def test_two_closed_periods_are_the_same_or_apart(calendar: Calendar, one: datetime, other: datetime):
    first, second = (calendar.closed_period(t) for t in sorted((one, other)))
    assert first is None or second is None or first == second or first.end < second.start


@timeless
@given(zones, instants, durations)
def test_round_the_clock_is_plain_addition_and_never_closed(zone: str, start: datetime, duration: timedelta):
    calendar = calendar_always(zone)
    assert calendar.add(start, duration) == start + duration
    assert calendar.closed_period(start) is None


@pytest.mark.parametrize(("zone", "around"), CHANGES)
@settings(max_examples=25, deadline=None)
@given(week=weeks, minutes=st.lists(st.integers(0, 10 * DAY - 1), min_size=8, max_size=8), spent=st.integers(1, 1500))
def test_a_walk_along_the_wall_clock_agrees(
    zone: str, around: date, week: Mapping[int, tuple[Interval, ...]], minutes: list[int], spent: int
):
    calendar, walked = Calendar(zone, week), walk(zone, around)
    opened = walked.open_minutes(week)
    turns = [i for i in range(1, len(opened)) if opened[i] != opened[i - 1]]
    for minute in {*minutes, *turns, *(turn - 1 for turn in turns)}:
        assert calendar.is_open(walked.at(minute)) == opened[minute], walked.at(minute)
    for minute in minutes:
        _same_period(calendar, walked.at(minute), opened, minute, walked.start)
        _same_end(calendar, walked.at(minute), opened, minute, spent)


def _same_period(calendar: Calendar, at: datetime, opened: list[bool], minute: int, start: datetime) -> None:
    if opened[minute]:
        assert calendar.closed_period(at) is None
        return
    before = next((i for i in range(minute, 0, -1) if opened[i - 1]), None)
    after = next((i for i in range(minute, len(opened)) if opened[i]), None)
    if before is not None and after is not None:
        step = timedelta(minutes=1)
        assert calendar.closed_period(at) == ClosedPeriod(start + before * step, start + after * step)


def _same_end(calendar: Calendar, at: datetime, opened: list[bool], minute: int, spent: int) -> None:
    left = spent
    for i in range(minute, len(opened)):
        left -= opened[i]
        if not left:
            assert calendar.add(at, timedelta(minutes=spent)) == at + timedelta(minutes=i + 1 - minute)
            return
