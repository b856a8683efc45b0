from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.allowance import AROUND_MIDNIGHT, quota_name, spent, taken
from shared.domain.exchange import Refusal, Refused
from shared.domain.polling import Feed, Quota
from shared.domain.records import Watch

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
QUOTA = Quota(units=10, zone="America/Los_Angeles", replies=4)
FEED = Feed(name="comments", cost=2, quota=QUOTA)
COUNT = Watch(channel="asked", account_id="acme", feed=quota_name(QUOTA))


def counted(watch, now=NOON):
    found = spent(watch, QUOTA, FEED, now)
    assert isinstance(found, Watch)
    return found


def refused(watch, now=NOON):
    found = spent(watch, QUOTA, FEED, now)
    assert isinstance(found, Refused)
    assert found.refusal is Refusal.LATER
    assert found.after is not None
    return found


def test_a_call_costs_what_the_feed_says():
    assert counted(COUNT).spent == 2
    assert counted(counted(COUNT)).spent == 4


def test_what_is_kept_for_answers_is_not_spent_on_asking():
    full = counted(counted(counted(COUNT)))

    assert full.spent == 6
    assert "4 that are kept for answers" in refused(full).reason


def test_units_come_back_at_midnight_where_the_platform_is():
    full = replace(counted(COUNT), spent=6)
    midnight = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

    assert NOON + refused(full).after == midnight + AROUND_MIDNIGHT
    assert counted(full, midnight + AROUND_MIDNIGHT).spent == 2


@pytest.mark.parametrize("off", [-59, 0, 59])
def test_nothing_is_asked_while_nobody_knows_whose_day_it_is(off):
    midnight = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

    now = midnight + timedelta(seconds=off)

    assert now + refused(COUNT, now).after >= midnight + AROUND_MIDNIGHT


def test_a_day_of_twenty_five_hours_is_one_day():
    evening = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # 23:30 on the day before clocks go back in California
    full = replace(counted(COUNT, datetime(2026, 11, 1, 8, 0, tzinfo=UTC)), spent=6)

    assert counted(full, evening).quota_day == "2026-10-31"
    assert refused(full, datetime(2026, 11, 2, 7, 30, tzinfo=UTC)).after == timedelta(minutes=31)


def test_feeds_share_a_count_where_their_quota_is_the_same_and_buckets_of_one_size_have_names():
    assert quota_name(QUOTA) == quota_name(Quota(units=10, zone="America/Los_Angeles"))
    assert len({quota_name(q) for q in (QUOTA, replace(QUOTA, units=11), replace(QUOTA, name="search"))}) == 3


def test_a_listening_rule_has_its_hits_of_a_day_and_no_more():
    first = taken(COUNT, 2, NOON)
    assert first is not None
    second = taken(first, 2, NOON)
    assert second is not None

    assert taken(second, 2, NOON) is None
    tomorrow = taken(second, 2, NOON + timedelta(hours=12))
    assert tomorrow is not None
    assert tomorrow.taken == 1
