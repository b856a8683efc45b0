"""What a webhook of Meta's may have missed is found again under the name the webhook would have given it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.channels import facebook, instagram
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused, Secret
from shared.domain.polling import Ask, Page, Purpose
from tests.unit.channels._talking import EVENTS, Talk, outbound

NOW = datetime(2026, 9, 21, 14, 30, tzinfo=UTC)
PAGE, INSTAGRAM = "100200300", "17840000000000001"
CHANNELS = {"facebook": facebook, "instagram": instagram}


def secret(account_id=PAGE, **credentials):
    return Secret(account_id=account_id, credentials={"access_token": "t", "flavour": "instagram", **credentials})


def ask(feed, **wanted):
    return Ask(feed=feed, **{"since": NOW - timedelta(hours=1), "now": NOW, **wanted})


def answer(said, status=200):
    return Answer(status=status, body=json.dumps(said).encode())


def read(channel, stem):
    return CHANNELS[channel].parse((EVENTS / channel / f"{stem}.json").read_bytes(), NOW)


def name(event):
    return (
        event.kind,
        event.account_id,
        event.surface,
        event.visibility,
        event.thread_id,
        event.message_id,
        event.author_id,
        event.customer_id,
        event.in_reply_to,
        event.text,
    )


def talk_of(channel, tmp_path):
    return Talk(channel, {"facebook": PAGE, "instagram": INSTAGRAM}[channel], tmp_path, NOW)


@pytest.mark.parametrize(
    ("channel", "pushed", "fetched"),
    [
        ("facebook", "message__text", "fetched__conversation"),
        ("facebook", "comment__top-level", "fetched__comments"),
        ("facebook", "post__visitor", "fetched__posts-by-a-visitor-and-by-us"),
        ("instagram", "comment__facebook-login", "fetched__comments-with-replies"),
        ("instagram", "comment__nested", "fetched__comments-with-replies"),
    ],
)
def test_what_was_fetched_has_the_name_that_the_webhook_gave_it(channel, pushed, fetched):
    (heard,) = read(channel, pushed)
    (found,) = [event for event in read(channel, fetched) if event.message_id == heard.message_id]
    assert name(found)[:8] == name(heard)[:8]


@pytest.mark.parametrize(
    ("channel", "stem", "feed"),
    [
        ("facebook", "message__text", "messages"),
        ("facebook", "comment__top-level", "comments"),
        ("facebook", "post__visitor", "comments"),
        ("instagram", "message__text", "messages"),
        ("instagram", "comment__facebook-login", "comments"),
    ],
)
def test_a_message_that_was_pushed_is_found_by_asking_as_the_same_event(channel, stem, feed, tmp_path):
    talk = talk_of(channel, tmp_path)
    talk.shows(stem)
    (heard,) = read(channel, stem)
    found = talk.events(feed, talk.asks(feed, since=NOW - timedelta(hours=1)))
    assert [name(event) for event in found] == [name(heard)]


def test_a_reply_to_a_comment_is_found_below_the_comment(tmp_path):
    talk = talk_of("facebook", tmp_path)
    for stem in ("comment__top-level", "comment__reply-to-a-comment"):
        talk.shows(stem)
    heard = [*read("facebook", "comment__top-level"), *read("facebook", "comment__reply-to-a-comment")]
    found = talk.events("comments", talk.asks("comments"))
    assert sorted(map(name, found), key=str) == sorted(map(name, heard), key=str)


def test_our_own_answers_come_back_as_ours_with_the_ids_they_were_posted_under(tmp_path):
    talk = talk_of("facebook", tmp_path)
    talk.shows("message__text")
    talk.shows("comment__top-level")
    (private,) = read("facebook", "message__text")
    (public,) = read("facebook", "comment__top-level")
    ids = []
    for said in (private, public):
        sent = outbound(
            "facebook", PAGE, surface=said.surface, thread_id=said.thread_id, customer_id=said.customer_id,
            in_reply_to=said.message_id, last_inbound_at=NOW,
        )  # fmt: skip
        posted = facebook.outcome(talk.call(facebook.reply(sent, talk.secret, NOW)))
        assert isinstance(posted, Posted)
        ids.append(posted.native_id)
    found = [event for feed in ("messages", "comments") for event in talk.events(feed, talk.asks(feed))]
    echoes = {event.message_id: event for event in found if event.kind is Kind.ECHO}
    assert set(echoes) == set(ids)
    assert echoes[ids[0]].customer_id == private.customer_id
    assert echoes[ids[1]].in_reply_to == public.message_id


def test_what_was_unsent_is_not_found(tmp_path):
    talk = talk_of("instagram", tmp_path)
    talk.shows("message__text")
    mid = read("instagram", "message__text")[0].message_id
    gone = {"sender": {"id": "998877"}, "recipient": {"id": INSTAGRAM}, "message": {"mid": mid, "is_deleted": True}}
    talk.delivers({"object": "instagram", "entry": [{"id": INSTAGRAM, "messaging": [gone]}]})
    assert talk.asks("messages").items == []


def test_conversations_go_on_page_by_page_the_last_changed_first(tmp_path):
    talk = talk_of("facebook", tmp_path)
    items = [
        {"sender": {"id": f"77{n:03}"}, "recipient": {"id": PAGE}, "timestamp": 1790000000000 + n * 1000,
         "message": {"mid": f"m_{n}", "text": "Hello"}}
        for n in range(60)
    ]  # fmt: skip
    talk.delivers({"object": "page", "entry": [{"id": PAGE, "messaging": items}]})
    found, token = [], None
    for _ in range(3):
        page = talk.asks("messages", token=token, since=NOW - timedelta(hours=2))
        found += page.items
        token = page.next
    assert token is None
    times = [item.at for item in found]
    assert times == sorted(times, reverse=True)
    assert len({item.item_id for item in found}) == 60


def test_old_messages_of_a_conversation_are_left_out_and_so_is_one_with_nothing_new():
    def said(mid, at):
        return {"id": mid, "created_time": at, "from": {"id": "77"}, "to": {"data": [{"id": PAGE}]}, "message": "x"}

    busy = [said("new", "2026-09-21T14:20:00+0000"), said("old", "2026-09-20T14:20:00+0000")]
    rows = [
        {"id": "t_1", "updated_time": "2026-09-21T14:20:00+0000", "messages": {"data": busy}},
        {"id": "t_2", "updated_time": "2026-09-21T14:19:00+0000", "messages": {"data": busy[1:]}},
    ]
    page = facebook.page(ask("messages"), answer({"data": rows}), secret())
    assert isinstance(page, Page)
    (item,) = page.items
    assert [one["id"] for one in item.raw["messages"]["data"]] == ["new"]
    assert item.revision == "2026-09-21T14:20:00+0000"


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_page_of_conversations_in_which_nothing_is_new_is_the_last(channel):
    old = {"id": "m", "created_time": "2026-09-01T14:20:00+0000", "from": {"id": "77"}, "to": {"data": [{"id": PAGE}]}}
    row = {"updated_time": "2026-09-01T14:20:00+0000", "messages": {"data": [old]}}
    onwards = {"cursors": {"after": "c"}, "next": "https://graph.example/?after=c"}
    rows = [{"id": f"t_{number}", **row} for number in range(25)]
    spoken = CHANNELS[channel]
    page = spoken.page(ask("messages"), answer({"data": rows, "paging": onwards}), secret())
    assert page == Page(items=[])
    pinned = [*rows[:1], *({**one, "updated_time": "2026-09-21T14:20:00+0000"} for one in rows[1:])]
    page = spoken.page(ask("messages"), answer({"data": pinned, "paging": onwards}), secret())
    assert isinstance(page, Page)
    assert page.next == "c"


def test_our_own_posts_answer_nobody_and_are_not_looked_for():
    posts = [
        {"id": f"{PAGE}_1", "created_time": "2026-09-21T14:00:00+0000", "from": {"id": PAGE}, "message": "Sale"},
        {"id": f"{PAGE}_2", "created_time": "2026-09-21T14:01:00+0000", "from": {"id": "42"}, "message": "Hello?"},
    ]
    page = facebook.page(ask("comments"), answer({"data": posts}), secret())
    assert isinstance(page, Page)
    assert [item.item_id for item in page.items] == [f"{PAGE}_2"]


def test_texts_are_newest_first_whatever_post_they_stand_below():
    def comment(number, minute):
        return {"id": f"5_{number}", "created_time": f"2026-09-21T14:{minute:02}:00+0000", "from": {"id": "42"}}

    posts = [
        {"id": "1", "from": {"id": PAGE}, "comments": {"data": [comment(1, 5), comment(2, 1)]}},
        {"id": "2", "from": {"id": PAGE}, "comments": {"data": [comment(3, 9), comment(4, 3)]}},
    ]
    page = facebook.page(ask("comments"), answer({"data": posts}), secret())
    assert isinstance(page, Page)
    assert [item.item_id for item in page.items] == ["5_3", "5_1", "5_4", "5_2"]
    assert page.next is None


@pytest.mark.parametrize("channel", ["facebook", "instagram"])
def test_the_backstop_leaves_ten_minutes_to_the_webhook(channel):
    feeds = CHANNELS[channel].FEEDS
    assert {feed.name for feed in feeds} == {"messages", "comments"}
    for feed in feeds:
        assert feed.purpose is Purpose.BACKSTOP
        assert (feed.settle, feed.every) == (timedelta(minutes=10), timedelta(minutes=15))


@pytest.mark.parametrize("channel", ["facebook", "instagram"])
@pytest.mark.parametrize(
    ("code", "status", "refusal"), [(190, 400, Refusal.BLOCKED), (4, 400, Refusal.LATER), (2, 500, Refusal.LATER)]
)
def test_a_page_that_does_not_come_says_why(channel, code, status, refusal):
    said = answer({"error": {"code": code, "message": "No."}}, status)
    for feed in ("messages", "comments"):
        assert CHANNELS[channel].page(ask(feed), said, secret()).refusal is refusal


def test_the_inbox_of_an_account_under_facebook_login_is_its_pages():
    held = secret(INSTAGRAM, flavour="facebook", page_id="55")
    call = instagram.ask(ask("messages"), held)
    assert isinstance(call, Call)
    assert call.url.startswith("https://graph.facebook.com/v26.0/55/conversations?platform=instagram&")
    assert isinstance(instagram.ask(ask("messages"), secret(INSTAGRAM, flavour="facebook")), Refused)
    assert isinstance(instagram.ask(ask("comments"), secret(INSTAGRAM, flavour="")), Refused)


def test_nothing_else_is_asked_for():
    for channel in CHANNELS.values():
        assert isinstance(channel.ask(ask("stories"), secret()), Refused)
        assert isinstance(channel.ask(ask("messages", ids=("1",)), secret()), Refused)


def test_a_conversation_whose_members_are_not_known_is_put_to_nobody():
    (unknown,) = read("instagram", "fetched__conversation-of-an-account-by-another-id")
    assert unknown.kind is Kind.UNKNOWN
    assert unknown.message_id is None


def test_a_body_nested_beyond_reason_is_unreadable_or_read():
    deep = b'{"account_id":"1","feed":"comments","items":[{"message":' + b"[" * 900 + b"]" * 900 + b"}]}"
    assert facebook.parse(deep, NOW)


def test_a_webhooks_delivery_that_speaks_of_items_is_still_one():
    body = json.dumps({"object": "page", "entry": [], "items": [{"id": "1"}]}).encode()
    (event,) = facebook.parse(body, NOW)
    assert event.kind is Kind.UNKNOWN
    assert event.surface is not Surface.DM
