from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from shared.domain import errands
from shared.domain.exchange import Refusal, Refused
from shared.domain.polling import Feed, Purpose
from shared.domain.records import Errand, Intent
from tests.fakes.records import NOON

MINUTE = timedelta(minutes=1)
OPEN = Errand(channel="google_business", account_id="a", reference="r/7", heard_at=NOON, intents=(Intent.FETCH,))
NOT_NOW = Refused(refusal=Refusal.LATER, reason="Not now.")


def after(tries: int, why: Refused = NOT_NOW) -> Errand:
    """The errand after so many tries, each made as soon as it may be."""
    errand = OPEN
    for _ in range(tries):
        errand = errands.failed(errand, why, errand.rest_until or NOON)
    return errand


def test_a_new_errand_may_be_tried_at_once_and_a_failed_one_when_it_has_rested():
    assert not errands.rests(OPEN, NOON)
    assert errands.rests(after(1), NOON + 2 * MINUTE - timedelta(seconds=1))
    assert not errands.rests(after(1), NOON + 2 * MINUTE)


def test_a_platform_in_trouble_is_left_alone_for_twice_as_long_each_time():
    assert [after(n).rest_until for n in range(1, 5)] == [NOON + MINUTE * m for m in (2, 6, 14, 30)]


def test_a_platform_that_asks_for_more_time_is_given_it_up_to_an_hour():
    waits = [errands.failed(OPEN, replace(NOT_NOW, after=m * MINUTE), NOON).rest_until for m in (1, 20, 6000)]
    assert waits == [NOON + m * MINUTE for m in (2, 20, 60)]


@pytest.mark.parametrize(
    ("why", "most"),
    [
        (NOT_NOW, 5),
        (Refused(refusal=Refusal.BLOCKED, reason="The token is gone."), 3),
        (Refused(refusal=Refusal.NEVER, reason="There is no such review."), 1),
        (Refused(refusal=Refusal.BY_HAND, reason="Look there."), 1),
    ],
)
def test_people_are_told_when_no_other_try_will_do_and_then_it_is_not_tried_again(why: Refused, most: int):
    if most > 1:
        assert after(most - 1, why).intents == (Intent.FETCH,)
    given_up = after(most, why)
    assert (given_up.intents, given_up.reason, given_up.rest_until) == ((Intent.REPORT,), why.reason, None)


def test_what_was_fetched_rests_until_it_is_heard_of_again():
    done = errands.fetched(after(2), asked_at=NOON + 9 * MINUTE, asked_about=OPEN.heard_at)
    assert (done.fetched_at, done.intents) == (NOON + 9 * MINUTE, ())
    assert (done.attempts, done.rest_until, done.reason) == (0, None, None)


def test_what_was_heard_of_while_the_platform_was_asked_is_fetched_once_more():
    meanwhile = replace(OPEN, heard_at=NOON + MINUTE)
    assert errands.fetched(meanwhile, asked_at=NOON + MINUTE, asked_about=NOON).intents == (Intent.FETCH,)


def channel(*feeds: Feed) -> Any:
    return SimpleNamespace(FEEDS=feeds)


REVIEW, QUESTION = (Feed(name=name, purpose=Purpose.POINTED) for name in ("review", "question"))


@pytest.mark.parametrize(
    ("named", "found"), [("question", QUESTION), ("review", REVIEW), ("x", REVIEW), (None, REVIEW)]
)
def test_the_feed_is_the_one_the_pointer_names_else_the_first_that_is_for_pointers(named: str | None, found: Feed):
    feeds = (Feed(name="reviews"), REVIEW, QUESTION)
    assert errands.feed_of(channel(*feeds), replace(OPEN, feed=named)) == found


def test_no_feed_that_is_asked_on_a_schedule_fetches_what_was_pointed_at():
    assert errands.feed_of(channel(Feed(name="reviews")), replace(OPEN, feed="reviews")) is None
