from __future__ import annotations

from datetime import timedelta

from shared.domain.polling import Feed, Purpose, Quota, polled
from tests.fakes.asked import AskedChannel
from tests.fakes.channels import ScriptedChannel


def test_a_channel_with_feeds_is_asked_and_one_without_is_not():
    assert polled(AskedChannel()) is not None
    assert polled(ScriptedChannel()) is None


def test_a_feed_says_no_more_than_its_name_where_the_usual_is_right():
    feed = Feed(name="mentions")

    assert feed.purpose is Purpose.INBOUND
    assert (feed.every, feed.overlap, feed.first) == (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=24))
    assert feed.quota is None
    assert not feed.forward


def test_the_overlap_is_longer_than_the_pace_by_far():
    assert Feed(name="mentions").overlap >= 2 * Feed(name="mentions").every


def test_quotas_are_the_same_where_they_say_the_same():
    assert Quota(units=10_000, zone="America/Los_Angeles") == Quota(units=10_000, zone="America/Los_Angeles")
    assert Quota(units=100) != Quota(units=100, name="search")
