"""Reddit: listings read from the newest on, errors that come as a success, waits told in prose, and consent."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.local.platforms.world import Shown
from shared.channels import reddit
from shared.domain.connecting import Proof
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused, Secret, Unclear
from shared.domain.polling import Ask, Page
from tests.unit.channels._talking import Talk, delivered, outbound, said

NOW = datetime(2026, 11, 9, 20, 1, tzinfo=UTC)
MENTION = delivered("reddit", "message__mention")
PRIVATE = delivered("reddit", "message__private")
ASK = Ask(feed="mentions", since=NOW - timedelta(hours=24), now=NOW)


@pytest.fixture
def desk(tmp_path) -> Talk:
    made = Talk("reddit", "AcmeHelp", tmp_path, NOW)
    made.learns(MENTION)
    return made


def read(desk: Talk, ask: Ask) -> Page:
    page = reddit.page(ask, desk.call(reddit.ask(ask, desk.secret)), desk.secret)
    assert isinstance(page, Page), page
    return page


def refused(outcome: object) -> Refused:
    assert isinstance(outcome, Refused), outcome
    return outcome


def error(code: str, words: str = "no", **beside: object) -> Answer:
    return Answer(status=200, body=json.dumps({"json": {"errors": [[code, words, "field"]], **beside}}).encode())


# Asking


def test_what_a_page_shows_is_read_as_it_was_delivered(desk):
    page = read(desk, ASK)
    body = {"account_id": "AcmeHelp", "feed": "mentions", "items": [item.raw for item in page.items]}
    assert reddit.parse(json.dumps(body).encode(), NOW) == reddit.parse(MENTION, NOW)
    (item,) = page.items
    assert (item.item_id, item.at) == ("t1_zz9a", datetime(2026, 11, 9, 20, tzinfo=UTC))


def test_walking_back_reaches_every_item_once(desk):
    for number in range(230):
        name, at = f"t1_n{number:03d}", NOW.timestamp() - number
        raw: dict[str, object] = {
            "kind": "t1",
            "data": {"name": name, "author": "sam_q", "body": "x", "created_utc": at},
        }
        desk.world.show(Shown(channel="reddit", account_id="AcmeHelp", feed="comments", item_id=name, at=at, raw=raw))
    ask, found = replace(ASK, feed="comments"), list[str]()
    while True:
        page = read(desk, ask)
        found.extend(item.item_id for item in page.items)
        if page.next is None:
            break
        ask = replace(ask, token=page.next)
    assert found == [f"t1_n{number:03d}" for number in range(230)]


def test_the_first_page_is_never_asked_for_by_an_anchor_that_may_be_gone():
    call = reddit.ask(ASK, account())
    assert isinstance(call, Call)
    asked = parse_qs(urlsplit(call.url).query)
    assert asked == {"limit": ["100"], "raw_json": ["1"]}


def test_an_edited_or_deleted_item_has_another_revision(desk):
    first = read(desk, ASK).items[0]
    desk.learns(delivered("reddit", "edit__asked-for-again-by-id"))
    edited = read(desk, replace(ASK, ids=("t1_zz9a", "t1_gone"))).items[0]
    desk.learns(delivered("reddit", "deletion__by-its-author"))
    gone = read(desk, replace(ASK, ids=("t1_zz9a",))).items[0]
    assert len({item.revision for item in (first, edited, gone)}) == 3


def test_search_looks_for_the_phrase_as_a_whole_and_the_newest_first(desk):
    desk.learns(delivered("reddit", "message__found-by-search"))
    ask = replace(ASK, feed="search", phrase='Acme "Kettle')
    call = reddit.ask(ask, desk.secret)
    assert isinstance(call, Call)
    assert parse_qs(urlsplit(call.url).query)["q"] == ['"Acme  Kettle"']
    assert [item.item_id for item in read(desk, ask).items] == ["t3_1ad0aa"]


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (Answer(status=302, headers={"location": "https://www.reddit.com/login"}), Refusal.LATER),
        (Answer(status=403, body=b"<html>blocked</html>"), Refusal.BLOCKED),
        (Answer(status=401), Refusal.BLOCKED),
        (Answer(status=503), Refusal.LATER),
        (Answer(status=200, body=b"[]"), Refusal.LATER),
        (Answer(status=404), Refusal.NEVER),
    ],
)
def test_an_answer_that_is_no_listing_says_what_to_do(answer, refusal):
    assert refused(reddit.page(ASK, answer, account())).refusal is refusal


def test_a_spent_limit_comes_back_when_reddit_says():
    answer = Answer(status=429, headers={"x-ratelimit-reset": "87.0", "x-ratelimit-remaining": "0.0"})
    assert refused(reddit.page(ASK, answer, account())).after == timedelta(seconds=87)


@pytest.mark.parametrize("agent", ["", "python-requests/2.32", "nightdesk:1.0", "a:b:c (by someone)"])
def test_without_the_user_agent_that_reddit_prescribes_nothing_is_called(agent):
    secret = account(user_agent=agent)
    assert refused(reddit.ask(ASK, secret)).refusal is Refusal.BLOCKED
    assert refused(reddit.renew(secret, NOW)).refusal is Refusal.BLOCKED


# Answering


def test_an_answer_is_a_comment_below_the_mention(desk):
    outbound = desk.answers(said("reddit", MENTION, NOW))
    outcome = reddit.outcome(desk.call(reddit.reply(outbound, desk.secret, NOW)))
    (post,) = desk.world.posts
    assert outcome == Posted(post.native_id)
    assert (post.thread, post.recipient, post.text) == ("t1_zz9a", "sam_q", outbound.text)


def test_a_private_message_is_answered_by_hand_unless_that_was_agreed(desk):
    desk.learns(PRIVATE)
    outbound = desk.answers(said("reddit", PRIVATE, NOW))
    alone = replace(desk.secret, credentials={**desk.secret.credentials, "private_replies": ""})
    assert refused(reddit.reply(outbound, alone, NOW)).refusal is Refusal.BY_HAND
    assert isinstance(reddit.outcome(desk.call(reddit.reply(outbound, desk.secret, NOW))), Posted)


@pytest.mark.parametrize("code", ["THREAD_LOCKED", "DELETED_COMMENT", "TOO_OLD", "TOO_LONG", "SUBREDDIT_NOTALLOWED"])
def test_a_success_that_holds_a_lasting_error_is_never_repeated(code):
    assert refused(reddit.outcome(error(code))).refusal is Refusal.NEVER


def test_an_error_nobody_knows_is_told_in_reddits_words():
    outcome = refused(reddit.outcome(error("BAD_SR_NAME", "that name isn't going to work")))
    assert outcome.refusal is Refusal.NEVER
    assert "that name isn't going to work" in outcome.reason


@pytest.mark.parametrize(
    ("answer", "after"),
    [
        (error("RATELIMIT", "Take a break for 9 minutes before trying again."), timedelta(minutes=9)),
        (error("RATELIMIT", "Take a break for 1 second before trying again."), timedelta(seconds=1)),
        (error("RATELIMIT", "Take a break for 250 milliseconds before"), timedelta(milliseconds=250)),
        (error("RATELIMIT", "Take a break for 9 minutes", ratelimit=541.5), timedelta(seconds=541.5)),
        (error("RATELIMIT", "Take a break for 99999 hours"), timedelta(hours=24)),
        (error("RATELIMIT", "slow down"), None),
    ],
)
def test_the_wait_reddit_asks_for_stands_in_its_prose(answer, after):
    outcome = refused(reddit.outcome(answer))
    assert (outcome.refusal, outcome.after) == (Refusal.LATER, after)


def test_a_locked_thread_and_a_throttle_are_recognised_as_the_platform_writes_them(desk):
    outbound = desk.answers(said("reddit", MENTION, NOW))
    desk.meets("throttle", "oauth.reddit.com")
    later = refused(reddit.outcome(desk.call(reddit.reply(outbound, desk.secret, NOW))))
    assert (later.refusal, later.after) == (Refusal.LATER, timedelta(minutes=9))
    body = json.loads(MENTION)
    body["items"][0]["data"]["locked"] = True
    desk.learns(json.dumps(body).encode())
    assert refused(reddit.outcome(desk.call(reddit.reply(outbound, desk.secret, NOW)))).refusal is Refusal.NEVER
    assert desk.world.posts == []


@pytest.mark.parametrize("surface", [Surface.DM, Surface.COMMENT])
def test_what_is_no_name_of_a_thing_is_not_answered(desk, surface):
    held = replace(desk.secret, credentials={**desk.secret.credentials, "private_replies": "agreed"})
    sent = outbound("reddit", held.account_id, surface=surface, thread_id="moss-cat", in_reply_to=None)
    assert isinstance(reddit.reply(sent, held, desk.now), Refused)


def test_a_success_without_a_name_is_not_called_posted():
    assert isinstance(reddit.outcome(Answer(status=200, body=b'{"json": {"errors": []}}')), Unclear)


# Staying connected


def test_the_token_is_renewed_before_it_ends_and_at_once_where_there_is_none(desk):
    assert reddit.expires(desk.secret) is None
    bare = replace(desk.secret, credentials={**desk.secret.credentials, "access_token": ""})
    assert (reddit.expires(bare) or NOW) < NOW
    renewed = reddit.renewed(bare, desk.call(reddit.renew(bare, NOW)), NOW)
    assert isinstance(renewed, Secret)
    assert reddit.expires(renewed) == NOW + timedelta(hours=24)
    assert renewed.credentials["refresh_token"] == bare.credentials["refresh_token"]
    proof = reddit.proven(desk.call(reddit.prove(renewed, NOW)))
    assert proof == Proof(who="u/AcmeHelp")


def test_a_refresh_token_that_is_refused_blocks_the_account(desk):
    wrong = replace(desk.secret, credentials={**desk.secret.credentials, "refresh_token": "withdrawn"})
    outcome = refused(reddit.renewed(wrong, desk.call(reddit.renew(wrong, NOW)), NOW))
    assert outcome.refusal is Refusal.BLOCKED
    assert "invalid_grant" in outcome.reason


# Reading


def test_a_username_is_ours_whatever_its_case():
    (echo,) = reddit.parse(delivered("reddit", "echo__our-private-answer"), NOW)
    assert (echo.kind, echo.customer_id) == (Kind.ECHO, "quiet_customer")


def account(**changed: str) -> Secret:
    held = {"access_token": "t", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    agent = {"user_agent": "aws:desk:v1 (by /u/AcmeHelp)"}
    return Secret(account_id="AcmeHelp", credentials={**held, **agent, **changed})
