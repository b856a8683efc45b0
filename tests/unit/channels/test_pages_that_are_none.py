"""An answer of 200 that holds no page is no empty page: else a platform that is out of order looks like a quiet day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.channels import load
from shared.domain.exchange import Answer, Refusal, Refused, Secret
from shared.domain.polling import Ask, Purpose, polled

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CHANNELS = (
    "app_store", "bluesky", "facebook", "feed", "google_play", "instagram", "mastodon", "reddit", "trustpilot",
    "tumblr", "youtube",
)  # fmt: skip
FEEDS = [
    (channel, feed.name)
    for channel in CHANNELS
    for feed in getattr(polled(load(channel)), "FEEDS", ())
    if feed.purpose is not Purpose.POINTED
]


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>We will be back soon.</html>", b"7", b'"x"', b'{"reviews": [{"id"'],
)
@pytest.mark.parametrize(("channel", "feed"), FEEDS)
def test_an_answer_without_a_page_is_asked_for_again_or_told(channel, feed, body):
    asked = polled(load(channel))
    assert asked is not None
    ask = Ask(feed=feed, since=NOW - timedelta(hours=1), now=NOW, phrase="lantern")
    found = asked.page(ask, Answer(status=200, body=body), Secret(account_id="a"))
    assert isinstance(found, Refused), found
    assert found.refusal in {Refusal.LATER, Refusal.BLOCKED}
