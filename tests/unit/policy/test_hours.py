from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.calendar import DAY, Interval
from shared.policy import hours


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("09:00-17:00", [(540, 1020)]),
        (["9:00 - 12:30", "13:30-17:00"], [(540, 750), (810, 1020)]),
        (["13:00-17:00", "09:00-13:00"], [(540, 780), (780, 1020)]),
        ("00:00-24:00", [(0, DAY)]),
        ("00:00-23:59", [(0, DAY - 1)]),
        ("22:00-30:00", [(1320, 1800)]),
        ("00:00-48:00", [(0, 2 * DAY)]),
        ("closed", []),
    ],
)
def test_hours_are_read_as_written(written, expected):
    assert hours.day("monday", written) == tuple(Interval(*each) for each in expected)


@pytest.mark.parametrize(
    ("written", "reason", "item"),
    [
        ([], "hours of monday are empty", None),
        (None, "hours of monday are empty", None),
        ("", "not written like", 0),
        ("9-17", "not written like", 0),
        ("09:00-17:00x", "not written like", 0),
        ("\u0660\u0669:00-17:00", "not written like", 0),
        (["09:00-12:00", None], "not written like", 1),
        ("09:00-09:00", "09:00-09:00 is empty; all day is 00:00-24:00", 0),
        ("17:00-09:00", "17:00-09:00 ends before it starts; past midnight is 17:00-33:00", 0),
        ("24:00-25:00", "impossible", 0),
        ("09:00-48:01", "impossible", 0),
        ("09:60-17:00", "09:60-17:00 is impossible", 0),
        (["12:00-17:00", "09:00-13:00"], "hours of monday overlap: 09:00-13:00 and 12:00-17:00", 0),
        (["09:00-12:00", "09:00-12:00"], "overlap", 1),
        (["22:00-30:00", "23:00-24:00"], "overlap: 22:00-30:00 and 23:00-24:00", 1),
    ],
)
def test_hours_nobody_can_keep_are_refused_with_the_reason(written, reason, item):
    with pytest.raises(hours.Impossible, match="hours of monday") as refused:
        hours.day("monday", written)
    assert reason in str(refused.value)
    assert refused.value.item == item


def test_a_night_shift_must_end_before_the_next_day_opens():
    night, day = (Interval(1320, 1800),), (Interval(300, 600),)
    assert list(hours.collisions({6: night, 0: day})) == [
        "hours of sunday (22:00-30:00) run into those of monday (05:00-10:00)"
    ]
    assert not list(hours.collisions({6: night, 0: (Interval(360, 600),)}))


@given(st.integers(0, DAY - 1), st.integers(1, DAY))
def test_what_is_shown_is_read_again(start, length):
    interval = Interval(start, start + length)
    assert hours.day("monday", hours.show(interval)) == (interval,)
