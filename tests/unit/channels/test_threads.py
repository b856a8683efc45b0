"""Threads: whose webhook it is, our own words below ours and others' posts, one call to publish, sixty days of token."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from shared.channels import threads
from shared.domain.connecting import Proof
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused, Request, Secret, Unclear
from shared.domain.polling import Ask, Page, Purpose
from tests.unit.channels._talking import EVENTS, Talk, outbound

NOW = datetime(2026, 11, 2, 12, 30, tzinfo=UTC)
US = "2300000000000001"
QUESTION = "17841400000000201"


def secret(*keys, account_id=US, **credentials):
    return Secret(account_id=account_id, signing=keys, credentials={"access_token": "THAA-1", **credentials})


def fixture(stem):
    return (EVENTS / "threads" / f"{stem}.json").read_bytes()


def signed(body, key):
    return Request(method="POST", headers=threads.sign(body, secret(key), NOW, "d"), query={}, body=body)


def reply(text="On its way.", given=None, **changed):
    to = {"surface": Surface.COMMENT, "thread_id": "17841400000000101", "in_reply_to": QUESTION}
    return threads.reply(outbound("threads", US, **{**to, "text": text, **changed}), given or secret("s"), NOW)


def answer(said, status=200):
    return Answer(status=status, body=json.dumps(said).encode())


def error(code, status=400, **more):
    return answer({"error": {"message": "No.", "type": "THApiException", "code": code, **more}}, status)


def refused(made, refusal):
    assert isinstance(made, Refused), made
    assert made.refusal is refusal
    return made


@pytest.fixture
def talk(tmp_path):
    return Talk("threads", US, tmp_path, NOW)


# Whose it is


def addressee(stem, *secrets):
    return threads.addressee(signed(fixture(stem), "key"), secrets)


@pytest.mark.parametrize("stem", ["comment__reply", "mention__post", "pointer__published", "deletion__own-post"])
def test_of_several_accounts_of_an_app_the_one_that_a_delivery_names_is_meant(stem):
    assert addressee(stem, secret("key", account_id="2300000000000002"), secret("old", "key")) == US


def test_below_another_persons_post_the_only_account_is_meant_and_of_several_none():
    other = secret("key", account_id="2300000000000002")
    stranger = secret("another key", account_id="2300000000000099")
    assert addressee("pointer__below-the-customers-own-post", stranger, secret("key")) == US
    assert addressee("pointer__below-the-customers-own-post", other, secret("key")) is None


@pytest.mark.parametrize("body", [b"", b"[", b'{"values": [1, {"value": []}], "target_id": {}}'])
def test_a_delivery_of_any_form_is_for_the_only_account(body):
    assert threads.addressee(signed(body, "key"), (secret("key"),)) == US
    assert threads.addressee(signed(body, "key"), (secret("other"),)) is None


# Reading


def test_what_we_publish_is_named_only_and_fetched():
    (pointer,) = threads.parse(fixture("pointer__published"), NOW)
    assert (pointer.kind, pointer.message_id, pointer.detail) == (Kind.POINTER, "17841400000000401", "post")
    assert [f.name for f in threads.FEEDS if f.purpose is Purpose.POINTED] == ["post"]


@pytest.mark.parametrize("stem", ["pointer__below-the-customers-own-post", "pointer__our-reply-as-a-reply"])
def test_who_opened_the_thread_and_writes_again_may_be_we_or_a_customer_so_it_is_fetched(stem):
    (pointer,) = threads.parse(fixture(stem), NOW)
    assert (pointer.kind, pointer.text) == (Kind.POINTER, None)


def test_what_was_fetched_says_itself_whether_it_is_ours():
    stems = ("echo__fetched", "echo__fetched-first-post", "comment__fetched-below-the-customers-own-post")
    found = [threads.parse(fixture(stem), NOW)[0] for stem in stems]
    assert [(e.kind, e.customer_id) for e in found] == [
        (Kind.ECHO, None),
        (Kind.ECHO, None),
        (Kind.MESSAGE, "ana.example"),
    ]


def test_one_odd_change_of_a_batch_does_not_cost_its_neighbours():
    kinds = [event.kind for event in threads.parse(fixture("comment__batch"), NOW)]
    assert kinds == [Kind.MESSAGE, Kind.UNKNOWN, Kind.UNKNOWN, Kind.MESSAGE]


# Answering


def test_a_text_is_made_and_published_in_one_call():
    call = reply("Größe & Farbe? 100% +1")
    assert isinstance(call, Call)
    assert (call.method, call.url) == ("POST", "https://graph.threads.net/v1.0/me/threads")
    assert parse_qs((call.body or b"").decode()) == {
        "media_type": ["TEXT"],
        "text": ["Größe & Farbe? 100% +1"],
        "reply_to_id": [QUESTION],
        "auto_publish_text": ["true"],
    }
    assert "THAA-1" not in call.url


@pytest.mark.parametrize("text", ["x" * 501, "ü" * 501, "x" * 497 + "👍"])
def test_more_than_500_characters_with_emoji_as_their_bytes_are_refused(text):
    assert "501" in refused(reply(text), Refusal.NEVER).reason


def test_500_are_taken():
    assert isinstance(reply("ü" * 500), Call)
    assert isinstance(reply("x" * 496 + "👍"), Call)


@pytest.mark.parametrize("surface", [Surface.DM, Surface.REVIEW])
def test_there_are_no_messages_and_no_reviews(surface):
    refused(reply(surface=surface), Refusal.NEVER)


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        (error(190, 401), Refusal.BLOCKED),
        (error(10, 403), Refusal.BLOCKED),
        (error(100), Refusal.NEVER),
        (error(24, error_subcode=4279009), Refusal.NEVER),
        (error(4, 403), Refusal.LATER),
    ],
)
def test_an_error_of_graph_means_the_same_here(said, refusal):
    refused(threads.outcome(said), refusal)


def test_a_fault_of_metas_leaves_it_open():
    assert isinstance(threads.outcome(error(2, 500)), Unclear)
    assert isinstance(threads.outcome(answer({})), Unclear)


# Asking


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        (answer({"data": "x"}), Refusal.LATER),
        (answer({"error": {"code": 190}}, 401), Refusal.BLOCKED),
        (error(4, 403), Refusal.LATER),
        (error(2, 500), Refusal.LATER),
        (Answer(status=200, body=b"<html>"), Refusal.LATER),
    ],
)
def test_a_page_that_does_not_come_says_what_to_do(said, refusal):
    refused(threads.page(Ask(feed="mentions", since=NOW, now=NOW), said, secret()), refusal)


def test_without_a_token_nothing_is_asked():
    refused(threads.ask(Ask(feed="mentions", since=NOW, now=NOW), secret(access_token="")), Refusal.BLOCKED)


def test_mentions_that_a_webhook_missed_are_read_page_by_page(talk):
    for number in range(53):
        mention = {
            "id": str(17841400000001000 + number), "username": "ben.example", "text": "@acme.care hi",
            "timestamp": f"2026-11-02T11:{number:02}:00+0000",
        }  # fmt: skip
        talk.delivers({"account_id": US, "feed": "mentions", "items": [mention]})
    first = talk.asks("mentions", since=NOW - timedelta(days=1))
    second = talk.asks("mentions", since=NOW - timedelta(days=1), token=first.next)
    assert (len(first.items), len(second.items), second.next) == (50, 3, None)
    assert {event.kind for event in talk.events("mentions", second)} == {Kind.MESSAGE}


def test_a_lone_post_is_a_page_of_one():
    page = threads.page(Ask(feed="post", since=NOW, now=NOW, reference="7"), answer({"id": "7"}), secret())
    assert isinstance(page, Page)
    assert [item.item_id for item in page.items] == ["7"]


# Against the sandbox


def answers(talk, **changed):
    to = {"surface": Surface.COMMENT, "thread_id": "17841400000000101", "in_reply_to": QUESTION}
    made = threads.reply(outbound("threads", US, **{**to, **changed}), talk.secret, NOW)
    return threads.outcome(talk.call(made))


def test_an_answer_is_published_and_when_fetched_is_our_own_below_the_question(talk):
    talk.shows("comment__reply")
    outcome = answers(talk)
    assert isinstance(outcome, Posted)
    assert talk.posts[0]["native_id"] == outcome.native_id
    page = talk.asks("post", reference=outcome.native_id)
    (echo,) = talk.events("post", page)
    assert (echo.kind, echo.in_reply_to, echo.text) == (Kind.ECHO, QUESTION, "On its way.")
    assert (echo.thread_id, echo.message_id) == ("17841400000000101", outcome.native_id)


def test_an_answer_to_what_is_not_there_is_refused(talk):
    refused(answers(talk, in_reply_to="1"), Refusal.NEVER)


def test_the_token_is_replaced_before_its_sixty_days_are_over(talk):
    old = talk.secret
    fresh = threads.renewed(old, talk.call(threads.renew(old, NOW)), NOW)
    assert isinstance(fresh, Secret)
    assert fresh.credentials["access_token"] != old.credentials["access_token"]
    ends = threads.expires(fresh)
    assert ends is not None
    assert timedelta(days=59) < ends - NOW < timedelta(days=60)
    assert threads.proven(talk.call(threads.prove(fresh, NOW))) == Proof(who="@acme.care")
    refused(threads.renewed(old, talk.call(threads.renew(old, NOW)), NOW), Refusal.BLOCKED)


def test_when_a_token_ends_is_known_only_where_somebody_noted_it():
    assert threads.expires(secret()) is None
    assert threads.expires(secret(access_token="")) is None
    assert threads.expires(secret(expires_at="2026-12-31T00:00:00Z")) == datetime(2026, 12, 31, tzinfo=UTC)


def test_webhooks_are_ticked_in_the_dashboard():
    assert threads.subscribe(secret(), "https://desk.example/webhooks/threads") == ()
    assert any("{webhook_url}" in tick for tick in threads.SETUP.ticks)
