from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared.domain import errands
from shared.domain.records import Errand, Intent
from tests.fakes.records import NOON

MINUTE = timedelta(minutes=1)
OPEN = Errand(channel="google_business", account_id="a", reference="r/7", heard_at=NOON, intents=(Intent.FETCH,))


def after(tries: int, *, final: bool = False) -> Errand:
    """The errand after so many tries, each made as soon as it was due."""
    errand, now = OPEN, NOON
    for _ in range(tries):
        now = errands.due_at(errand) or now
        errand = errands.failed(errand, "No answer.", now, final=final)
    return errand


def test_a_new_errand_is_due_at_once():
    assert errands.due_at(OPEN) is None


def test_a_platform_in_trouble_is_left_alone_for_twice_as_long_each_time():
    rests = [(errands.due_at(after(n)) or NOON) - (after(n).tried_at or NOON) for n in range(1, 5)]
    assert rests == [2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 16 * MINUTE]


def test_people_are_told_after_the_last_try_and_it_is_not_tried_again():
    assert after(errands.MOST_ATTEMPTS - 1).intents == (Intent.FETCH,)
    given_up = after(errands.MOST_ATTEMPTS)
    assert (given_up.intents, given_up.reason) == ((Intent.REPORT,), "No answer.")


def test_what_no_other_try_can_mend_is_told_at_once():
    assert after(1, final=True).intents == (Intent.REPORT,)


def test_what_was_fetched_rests_until_it_is_heard_of_again():
    done = errands.fetched(after(2), asked_at=NOON + 9 * MINUTE, asked_about=OPEN.heard_at)
    assert (done.fetched_at, done.intents) == (NOON + 9 * MINUTE, ())
    assert (done.attempts, done.tried_at, done.reason) == (0, None, None)


def test_what_was_heard_of_while_the_platform_was_asked_is_fetched_once_more():
    meanwhile = replace(OPEN, heard_at=NOON + MINUTE)
    assert errands.fetched(meanwhile, asked_at=NOON + MINUTE, asked_about=NOON).intents == (Intent.FETCH,)
