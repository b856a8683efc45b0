"""Tumblr: what can be answered and what only by hand, pages by whole seconds, tokens that work once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.local.platforms.world import Shown
from shared.channels import tumblr
from shared.domain.connecting import Proof
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused, Secret, Unclear
from shared.domain.polling import Ask, Page
from tests.unit.channels._talking import Talk, delivered, said

NOW = datetime(2026, 11, 9, 20, 1, tzinfo=UTC)
BLOG = "acme-kettles"
ASKED, NOTE, TAGGED = (
    delivered("tumblr", stem) for stem in ("message__ask", "message__note-on-our-post", "message__tagged-post")
)
ASK = Ask(feed="notifications", since=NOW - timedelta(hours=24), now=NOW)


@pytest.fixture
def desk(tmp_path) -> Talk:
    made = Talk("tumblr", BLOG, tmp_path, NOW)
    for body in (ASKED, NOTE, TAGGED):
        made.learns(body)
    return made


def read(desk: Talk, ask: Ask) -> Page:
    page = tumblr.page(ask, desk.call(tumblr.ask(ask, desk.secret)), desk.secret)
    assert isinstance(page, Page), page
    return page


def refused(outcome: object) -> Refused:
    assert isinstance(outcome, Refused), outcome
    return outcome


def error(status: int, code: int | None = None, **headers: str) -> Answer:
    body: dict[str, object] = {"meta": {"status": status, "msg": "no"}}
    if code is not None:
        body["errors"] = [{"title": "You can't", "code": code}]
    return Answer(status=status, headers=headers, body=json.dumps(body).encode())


def shows(desk: Talk, feed: str, count: int, **raw: object) -> None:
    """Items whose times have whole seconds, three in each."""
    for number in range(count):
        name, at = f"n{number:03d}", 1794254400 - number // 3
        item: dict[str, object] = {"id": name, "timestamp": at, "type": "reply", "target_post_id": "1", **raw}
        desk.world.show(Shown(channel="tumblr", account_id=BLOG, feed=feed, item_id=name, at=at, raw=item))


def walked(desk: Talk, ask: Ask) -> list[str]:
    found: list[str] = []
    for _ in range(50):
        page = read(desk, ask)
        found.extend(item.item_id for item in page.items)
        if page.next is None:
            return found
        ask = replace(ask, token=page.next)
    raise AssertionError("it walks on and on")


# Asking


@pytest.mark.parametrize(
    ("feed", "body", "phrase"),
    [("notifications", NOTE, None), ("submission", ASKED, None), ("tagged", TAGGED, "#acme kettle")],
)
def test_what_a_page_shows_is_read_as_it_was_delivered(desk, feed, body, phrase):
    items = [item.raw for item in read(desk, replace(ASK, feed=feed, phrase=phrase)).items]
    made = json.dumps({"account_id": BLOG, "feed": feed, "items": items}).encode()
    assert tumblr.parse(made, NOW) == tumblr.parse(body, NOW)


@pytest.mark.parametrize("feed", ["notifications", "submission", "tagged"])
def test_walking_back_over_equal_seconds_misses_nothing_and_ends(desk, feed):
    desk.world.shown.clear()
    shows(desk, feed, 130, tags=["acme"], blog_name="moss-cat")
    found = walked(desk, replace(ASK, feed=feed, phrase="acme"))
    assert set(found) == {f"n{number:03d}" for number in range(130)}


def test_a_page_within_one_second_does_not_walk_in_place(desk):
    desk.world.shown.clear()
    for number in range(25):
        raw: dict[str, object] = {"id": f"s{number}", "timestamp": 1794254400, "type": "reply", "target_post_id": "1"}
        desk.world.show(
            Shown(channel="tumblr", account_id=BLOG, feed="notifications", item_id=f"s{number}", at=1794254400, raw=raw)
        )
    assert len(walked(desk, ASK)) >= 20


def test_similar_notifications_are_asked_for_one_by_one_and_likes_not_at_all(desk):
    shows(desk, "notifications", 3)
    shows(desk, "notifications", 1, type="like", id="liked")
    call = tumblr.ask(ASK, desk.secret)
    assert isinstance(call, Call)
    assert parse_qs(urlsplit(call.url).query)["rollups"] == ["false"]
    assert {item.raw["type"] for item in read(desk, ASK).items} == {"reply"}


def test_a_featured_tag_is_paged_by_its_other_time():
    posts = [{"id": n, "timestamp": 1794254400 - n, "featured_timestamp": 1700000000 - n} for n in range(20)]
    answer = Answer(status=200, body=json.dumps({"meta": {}, "response": posts}).encode())
    page = tumblr.page(replace(ASK, feed="tagged", phrase="tea"), answer, Secret(account_id=BLOG))
    assert isinstance(page, Page)
    assert page.next == str(1700000000 - 19 + 1)


def test_a_spent_limit_says_when_it_comes_back():
    headers = {
        "x-ratelimit-perday-remaining": "0",
        "x-ratelimit-perday-reset": "7200",
        "x-ratelimit-perhour-remaining": "5",
    }
    outcome = refused(tumblr.page(ASK, Answer(status=429, headers=headers), Secret(account_id=BLOG)))
    assert (outcome.refusal, outcome.after) == (Refusal.LATER, timedelta(hours=2))


# Answering


def test_an_ask_is_answered_and_published_where_the_blog_allows_it(desk):
    outbound = desk.answers(said("tumblr", ASKED, NOW), "Yes & no: <110 V>\nSee the label.")
    outcome = tumblr.outcome(desk.call(tumblr.reply(outbound, desk.secret, NOW)))
    (post,) = desk.world.posts
    assert (post.kind, post.recipient, post.text) == ("answer", "moss-cat", outbound.text)
    assert outcome == Posted("730009998887776665")
    assert outbound.in_reply_to != "730009998887776665"  # so that answer and question are two messages


def test_an_ask_is_answered_by_hand_where_nobody_allowed_publishing_it(desk):
    alone = replace(desk.secret, credentials={**desk.secret.credentials, "asks": ""})
    outcome = refused(tumblr.reply(desk.answers(said("tumblr", ASKED, NOW)), alone, NOW))
    assert outcome.refusal is Refusal.BY_HAND
    assert "publishes the question" in outcome.reason


@pytest.mark.parametrize(
    "stem", ["message__note-on-our-post", "message__mention-in-a-note", "message__submission-with-a-picture",
             "message__tagged-post-that-gives-no-key"],
)  # fmt: skip
def test_what_the_api_cannot_answer_is_answered_by_hand(desk, stem):
    outbound = desk.answers(said("tumblr", delivered("tumblr", stem), NOW))
    assert refused(tumblr.reply(outbound, desk.secret, NOW)).refusal is Refusal.BY_HAND


def test_a_post_is_answered_by_a_reblog_of_it_in_paragraphs(desk):
    outbound = desk.answers(said("tumblr", TAGGED, NOW), "Sorry to hear that.\n\nPlease write to us.")
    outcome = tumblr.outcome(desk.call(tumblr.reply(outbound, desk.secret, NOW)))
    (post,) = desk.world.posts
    assert outcome == Posted(post.native_id)
    assert (post.kind, post.thread, post.text) == ("reblog", "730005554443332221", outbound.text)


def test_a_text_is_counted_in_code_points(desk):
    event = said("tumblr", TAGGED, NOW)
    assert isinstance(tumblr.reply(desk.answers(event, "📦" * 4096), desk.secret, NOW), Call)
    assert refused(tumblr.reply(desk.answers(event, "📦" * 4097), desk.secret, NOW)).refusal is Refusal.NEVER


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (error(400, 8001), Refusal.NEVER),
        (error(400, 8002), Refusal.NEVER),
        (error(400, 8016), Refusal.NEVER),
        (error(403), Refusal.NEVER),
        (error(404), Refusal.NEVER),
        (error(401), Refusal.BLOCKED),
        (error(503), Refusal.LATER),
    ],
)
def test_an_error_says_what_to_do(answer, refusal):
    assert refused(tumblr.outcome(answer)).refusal is refusal


@pytest.mark.parametrize(
    "answer", [Answer(status=500), Answer(status=503, body=b"<html>"), Answer(status=201, body=b"{}")]
)
def test_what_may_have_been_posted_is_left_open(answer):
    assert isinstance(tumblr.outcome(answer), Unclear)


def test_the_daily_limit_lasts_until_tomorrow():
    told = refused(tumblr.outcome(error(403, 8023, date="Mon, 09 Nov 2026 21:30:00 GMT")))
    assert (told.refusal, told.after) == (Refusal.LATER, timedelta(hours=2, minutes=35))
    assert refused(tumblr.outcome(error(403, 8023))).after == timedelta(hours=24)


# Staying connected


def test_a_refresh_token_works_once_and_the_new_one_is_kept(desk):
    renewed = tumblr.renewed(desk.secret, desk.call(tumblr.renew(desk.secret, NOW)), NOW)
    assert isinstance(renewed, Secret)
    assert renewed.credentials["refresh_token"] != desk.secret.credentials["refresh_token"]
    assert tumblr.expires(renewed) == NOW + timedelta(seconds=2520)
    assert tumblr.proven(desk.call(tumblr.prove(renewed, NOW))) == Proof(who=f"{BLOG}, with the blogs {BLOG}")
    again = refused(tumblr.renewed(desk.secret, desk.call(tumblr.renew(desk.secret, NOW)), NOW))
    assert again.refusal is Refusal.BLOCKED
