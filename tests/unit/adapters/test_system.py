from __future__ import annotations

from datetime import timedelta

from shared.adapters.system import RandomIds, SystemClock
from tests.fakes.given import CountingIds, FixedClock


def test_the_present_is_told_in_utc_and_never_runs_backwards_in_a_row():
    first, second = SystemClock().now(), SystemClock().now()
    assert first.utcoffset() == timedelta(0)
    assert first <= second


def test_no_name_is_given_twice():
    assert len({RandomIds().new() for _ in range(1000)}) == 1000
    ids = CountingIds()
    assert [ids.new(), ids.new()] == ["id-1", "id-2"]


def test_the_fixed_clock_stands_until_it_is_moved():
    clock = FixedClock()
    before = clock.now()
    clock.advance(timedelta(minutes=5))
    assert clock.now() - before == timedelta(minutes=5)
