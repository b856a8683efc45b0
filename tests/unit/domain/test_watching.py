from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.exchange import Refusal, Refused
from shared.domain.polling import Feed, Purpose
from shared.domain.records import Intent, Watch
from shared.domain.watching import (
    BEHIND_AFTER,
    BETWEEN_REPORTS,
    LEASE,
    LONGEST_REASON,
    LONGEST_REST,
    LONGEST_REST_FROM_NEVER,
    LONGEST_WAIT,
    READ_FOR,
    TROUBLE_AFTER,
    Idle,
    begun,
    claimed,
    failed,
    held,
    idle,
    released,
    reported,
    rest,
    succeeded,
    trouble,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FEED = Feed(name="news", every=5 * MINUTE)
NEW = Watch(channel="asked", account_id="acme", feed="news")
LATER = Refused(refusal=Refusal.LATER, reason="Too many calls.")
NEVER = Refused(refusal=Refusal.NEVER, reason="There is no such page.")
BLOCKED = Refused(refusal=Refusal.BLOCKED, reason="The token is gone: connect it again.")


class TestWhoseTurnItIs:
    def test_a_feed_that_was_never_asked_is_due(self):
        assert idle(NEW, FEED, NOW) is None

    def test_a_feed_is_due_at_its_own_pace(self):
        asked = replace(NEW, asked_at=NOW)

        assert idle(asked, FEED, NOW + 4 * MINUTE) is Idle.NOT_DUE
        assert idle(asked, FEED, NOW + 5 * MINUTE) is None

    def test_a_schedule_that_comes_a_little_early_is_not_sent_away_for_a_whole_round(self):
        assert idle(replace(NEW, asked_at=NOW), Feed(name="news"), NOW + timedelta(seconds=46)) is None

    def test_who_holds_it_keeps_it_until_the_lease_ends(self):
        mine = claimed(NEW, "me", NOW)

        assert idle(mine, FEED, NOW + LEASE - MINUTE) is Idle.HELD
        assert not held(mine, NOW + LEASE)
        assert idle(mine, Feed(name="news"), NOW + LEASE) is None
        assert not held(released(mine), NOW)

    def test_no_page_is_asked_for_so_late_that_another_may_have_taken_over(self):
        assert READ_FOR + timedelta(seconds=30) <= LEASE

    def test_after_a_failure_the_rest_decides_and_not_the_pace(self):
        slow = Feed(name="news", every=6 * HOUR)
        resting = replace(NEW, asked_at=NOW, failures=1, rest_until=NOW + MINUTE)

        assert idle(resting, slow, NOW) is Idle.RESTING
        assert idle(resting, slow, NOW + MINUTE) is None

    def test_a_walk_that_had_to_stop_goes_on_at_once_but_not_when_listening(self):
        stopped = replace(NEW, asked_at=NOW, resume="page 11")

        assert idle(stopped, FEED, NOW + MINUTE) is None
        assert idle(replace(stopped, succeeded_at=NOW - DAY), FEED, NOW + MINUTE) is None
        assert idle(stopped, replace(FEED, purpose=Purpose.LISTENING), NOW + MINUTE) is Idle.NOT_DUE

    def test_a_walk_that_began_above_one_that_has_ended_keeps_the_pace(self):
        both = replace(NEW, asked_at=NOW, resume="page 6", succeeded_at=NOW + timedelta(seconds=2))

        assert idle(both, FEED, NOW + MINUTE) is Idle.NOT_DUE


class TestTheBeginning:
    def test_the_first_run_reads_back_as_far_as_the_feed_says(self):
        began = begun(NEW, Feed(name="news", first=DAY, overlap=10 * MINUTE), NOW)

        assert began.since == NOW - DAY
        assert began.watermark == NOW - DAY + 10 * MINUTE

    def test_what_is_to_be_revisited_is_read_from_further_back_and_is_not_new(self):
        began = begun(NEW, Feed(name="news", first=HOUR, revisit=7 * DAY, overlap=timedelta(0)), NOW)

        assert began.since == NOW - HOUR
        assert began.watermark == NOW - 7 * DAY

    def test_it_is_set_once_so_that_a_first_run_that_fails_for_days_loses_nothing(self):
        began = begun(NEW, FEED, NOW)

        assert begun(began, FEED, NOW + 3 * DAY) == began


class TestResting:
    def test_the_platform_is_given_the_time_it_asks_for_but_no_more_than_a_day(self):
        assert rest(replace(LATER, after=90 * MINUTE), 1) == 90 * MINUTE
        assert rest(replace(LATER, after=9 * DAY), 1) == LONGEST_WAIT

    def test_a_wait_of_nothing_is_none(self):
        assert rest(replace(LATER, after=timedelta(0)), 1) == MINUTE

    def test_each_failure_doubles_it_up_to_an_hour(self):
        assert [rest(LATER, n) for n in (1, 2, 3, 4)] == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
        assert rest(LATER, 500) == rest(BLOCKED, 500) == LONGEST_REST

    def test_what_will_never_come_is_asked_for_ever_more_rarely(self):
        assert rest(NEVER, 500) == LONGEST_REST_FROM_NEVER

    def test_a_failure_is_counted_with_its_reason_and_its_beginning(self):
        twice = failed(failed(NEW, LATER, NOW), NEVER, NOW + HOUR)

        assert (twice.failures, twice.failing_since) == (2, NOW)
        assert twice.reason == NEVER.reason
        assert twice.rest_until == NOW + HOUR + 2 * MINUTE

    def test_a_reason_of_any_length_is_kept_short(self):
        assert len(failed(NEW, replace(LATER, reason="x" * 9999), NOW).reason or "") == LONGEST_REASON

    def test_a_success_ends_it(self):
        well = succeeded(failed(NEW, LATER, NOW))

        assert (well.failures, well.failing_since, well.rest_until, well.reason) == (0, None, None, None)

    def test_a_success_leaves_the_reason_that_people_are_about_to_be_told(self):
        telling = reported(failed(NEW, BLOCKED, NOW), BLOCKED.reason, NOW)

        assert succeeded(telling).reason == BLOCKED.reason


class TestTellingPeople:
    def test_a_blocked_account_is_told_of_at_once(self):
        assert trouble(failed(NEW, BLOCKED, NOW), FEED, BLOCKED, NOW) == BLOCKED.reason

    def test_other_failures_only_when_they_last_for_an_hour(self):
        failing = failed(NEW, LATER, NOW)

        assert trouble(failing, FEED, LATER, NOW + TROUBLE_AFTER - MINUTE) is None
        told = trouble(failing, FEED, LATER, NOW + TROUBLE_AFTER)
        assert told == "It has failed since 2026-11-20T12:00:00Z. Too many calls."

    def test_a_search_that_fails_is_not_worth_a_mail_by_the_hour(self):
        listening = replace(FEED, purpose=Purpose.LISTENING)

        assert trouble(failed(NEW, LATER, NOW), listening, LATER, NOW + TROUBLE_AFTER) is None

    @pytest.mark.parametrize(("lost_after", "patience"), [(timedelta(days=7), DAY), (None, BEHIND_AFTER)])
    def test_what_was_not_read_to_its_end_for_a_seventh_of_what_the_platform_shows_is_told_of(
        self, lost_after, patience
    ):
        feed = replace(FEED, lost_after=lost_after)
        read = replace(NEW, succeeded_at=NOW)

        assert trouble(read, feed, None, NOW + patience) is None
        told = trouble(read, feed, None, NOW + patience + MINUTE)
        assert told is not None
        assert told.startswith("It has not been read to its end since 2026-11-20T12:00:00Z.")

    def test_it_says_when_something_is_lost(self):
        feed = replace(FEED, lost_after=7 * DAY)

        told = trouble(failed(replace(NEW, succeeded_at=NOW), LATER, NOW), feed, LATER, NOW + 2 * DAY)

        assert told is not None
        assert "shows nothing older than 7 days: from 2026-11-27T12:00:00Z on something is lost" in told
        assert told.endswith(LATER.reason)

    def test_a_feed_that_never_succeeded_counts_from_its_first_turn(self):
        began = begun(NEW, FEED, NOW)

        assert trouble(began, FEED, None, NOW + BEHIND_AFTER) is None
        assert trouble(began, FEED, None, NOW + BEHIND_AFTER + MINUTE) is not None

    def test_people_are_told_once_a_day(self):
        first = reported(NEW, "Look.", NOW)
        carried_out = replace(first, intents=())

        assert first.intents == (Intent.REPORT,)
        assert first.reason == "Look."
        assert reported(first, "Look again.", NOW + 2 * DAY) == first
        assert reported(carried_out, "Look again.", NOW + BETWEEN_REPORTS - MINUTE) == carried_out
        assert reported(carried_out, "Look again.", NOW + BETWEEN_REPORTS).intents == (Intent.REPORT,)
        assert reported(NEW, None, NOW) == NEW
