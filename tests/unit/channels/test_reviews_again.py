"""Reviews are looked at again: an answer that a person gave in the platform's own app must not be replaced by ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.channels import load
from shared.domain import reading
from shared.domain.polling import Feed, Item, polled
from shared.domain.records import Seen, Watch
from shared.services.poll_walk import MOST_REVISITS

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FIVE_DAYS_OLD = Seen(item_id="r1", revision="unanswered", at=NOW - timedelta(days=5))


def reviews(channel: str) -> Feed:
    asked = polled(load(channel))
    assert asked is not None
    return next(feed for feed in asked.FEEDS if feed.name == "reviews")


@pytest.mark.parametrize("channel", ["app_store", "google_play", "trustpilot"])
def test_a_review_of_days_ago_that_was_answered_elsewhere_is_asked_for_by_its_id_and_is_news(channel):
    feed = reviews(channel)
    watch = Watch(
        channel=channel, account_id="a", feed="reviews", seen=(FIVE_DAYS_OLD,), watermark=NOW, succeeded_at=NOW,
        since=NOW - timedelta(days=30),
    )  # fmt: skip
    assert reading.remembered(watch, feed, [], [], NOW).seen == (FIVE_DAYS_OLD,)
    assert reading.revisited(watch, feed, [], NOW) == (("r1",),)
    answered = Item(item_id="r1", revision="answered", at=FIVE_DAYS_OLD.at, raw={})
    assert reading.Memory.of(watch, feed, NOW).judge(answered) is reading.Verdict.NEW


@pytest.mark.parametrize("channel", ["app_store", "google_play", "trustpilot"])
def test_a_day_in_which_every_run_looks_again_as_often_as_it_may_stays_within_the_quota(channel):
    feed, day = reviews(channel), timedelta(days=1)
    assert feed.quota is not None
    again = day / feed.revisit_every * MOST_REVISITS
    one_page_each_run = day / feed.every
    assert again + one_page_each_run + feed.quota.replies <= feed.quota.units
