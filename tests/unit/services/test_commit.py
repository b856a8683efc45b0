from __future__ import annotations

from itertools import count

import pytest

from shared.errors import Conflict, Misconfigured, NightdeskError, Unavailable
from shared.services.commit import MOST_TRIES, until_settled
from shared.services.send import TryLater


def losing(times):
    """An attempt that somebody else is faster than so many times; it returns which try it was."""
    tries = count(1)

    def attempt():
        number = next(tries)
        if number <= times:
            raise Conflict("somebody was faster")
        return number

    return attempt


@pytest.mark.parametrize("times", [0, 1, MOST_TRIES - 1])
def test_an_attempt_is_repeated_until_nobody_is_faster(times):
    assert until_settled(losing(times)) == times + 1


def test_an_attempt_that_loses_a_dozen_times_gives_up_with_the_conflict():
    attempt = losing(MOST_TRIES)

    with pytest.raises(Conflict):
        until_settled(attempt)

    assert attempt() == MOST_TRIES + 1


@pytest.mark.parametrize("error", [Unavailable("away"), Misconfigured("missing"), KeyError("a fault")])
def test_nothing_but_a_conflict_is_repeated(error):
    calls = []

    def attempt():
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        until_settled(attempt)

    assert len(calls) == 1


def test_a_result_that_is_none_or_false_counts_as_a_result():
    assert until_settled(lambda: None) is None
    assert until_settled(lambda: False) is False


@pytest.mark.parametrize("error", [Conflict, Unavailable, TryLater])
def test_what_may_succeed_later_says_so_and_is_of_the_family(error):
    assert issubclass(error, NightdeskError)
    assert error.retry


@pytest.mark.parametrize("error", [Misconfigured, NightdeskError])
def test_what_no_repetition_mends_says_so(error):
    assert not error.retry
