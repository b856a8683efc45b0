"""Bluesky: sessions, pages that are short, names that hold a hash, bytes and graphemes."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.channels import bluesky
from shared.domain.connecting import Profile, Proof
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused, Secret, Unclear
from shared.domain.polling import Ask, Page
from tests.unit.channels._talking import Talk, outbound

NOW = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
ACCOUNT = "did.plc.lanternbikes22desk4444aa"
ANA = "did:plc:anaexample2222333344445"
THREAD = f"at://{ANA}/app.bsky.feed.post/3m5aa2bcdef2a#bafyreiaaa"
PART_ONE = "at://did:plc:lanternbikes22desk4444aa/app.bsky.feed.post/3m5ba2bcdef2a#bafyreibbb"


def jwt(ends: datetime) -> str:
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'ES256K'})}.{part({'exp': int(ends.timestamp())})}.c2ln"


def secret(**credentials):
    kept = {"access_token": jwt(NOW + timedelta(hours=1)), "app_password": "abcd-efgh", **credentials}
    return Secret(account_id=ACCOUNT, credentials=kept)


def answer(said, status=200, **headers):
    return Answer(status=status, headers=headers, body=json.dumps(said).encode())


def ask(feed="notifications", **wanted):
    return Ask(feed=feed, since=NOW - timedelta(hours=1), now=NOW, **wanted)


def reply(text="On its way.", **changed):
    given = {"thread_id": THREAD, "in_reply_to": THREAD, "customer_id": ANA, "text": text, **changed}
    return bluesky.reply(outbound("bluesky", ACCOUNT, **given), secret(), NOW)


def record(call):
    assert isinstance(call, Call), call
    return json.loads(call.body or b"")["record"]


def paged(wanted, said) -> Page:
    found = bluesky.page(wanted, said, secret())
    assert isinstance(found, Page), found
    return found


def unread(said):
    found = bluesky.page(ask(), said, secret())
    assert isinstance(found, Refused), found
    return found.refusal


@pytest.fixture
def talk(tmp_path):
    return Talk("bluesky", ACCOUNT, tmp_path, datetime.now(UTC).replace(microsecond=0))


# Posting


def test_an_answer_names_the_first_post_of_the_thread_and_the_one_it_answers_with_their_hashes():
    said = record(reply(in_reply_to=PART_ONE))
    assert said["reply"]["root"] == {"uri": THREAD.partition("#")[0], "cid": "bafyreiaaa"}
    assert said["reply"]["parent"] == {"uri": PART_ONE.partition("#")[0], "cid": "bafyreibbb"}
    assert said["createdAt"] == "2026-11-09T18:30:00Z"


def test_a_post_that_came_without_its_hash_is_not_answered_by_machine():
    refused = reply(thread_id=THREAD.partition("#")[0], in_reply_to=None)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.NEVER


def test_the_same_text_has_the_same_key_and_another_has_another():
    keys = [bluesky.record_key(token) for token in ("c.1", "c.1", "c.2")]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("token", ["c.1", "", "\ud800", "x" * 1000])
def test_a_key_is_a_time_of_the_past_in_the_form_of_a_tid(token):
    key = bluesky.record_key(token)
    number = 0
    for digit in key:
        number = number * 32 + "234567abcdefghijklmnopqrstuvwxyz".index(digit)
    at = datetime.fromtimestamp((number >> 10) / 1e6, UTC)
    assert len(key) == 13
    assert 2020 <= at.year <= 2023


def test_a_family_of_emoji_is_one_character_and_many_bytes():
    family = "👨‍👩‍👧‍👦"
    assert isinstance(reply(family * 100), Call)
    refused = reply(family * 150)
    assert isinstance(refused, Refused)
    assert "3,750 bytes, 3,000" in refused.reason


def test_the_301st_grapheme_is_refused_with_the_count():
    assert isinstance(reply("é" * 300), Call)
    refused = reply("e\u0301" * 301)
    assert isinstance(refused, Refused)
    assert "301 graphemes, 300" in refused.reason


def test_links_are_marked_by_their_bytes_and_without_the_full_stop_behind_them():
    said = record(reply("Größe 📦: https://lantern.example/a?b=1. Danke"))
    (facet,) = said["facets"]
    place = facet["index"]
    assert said["text"].encode()[place["byteStart"] : place["byteEnd"]] == b"https://lantern.example/a?b=1"
    assert facet["features"][0]["uri"] == "https://lantern.example/a?b=1"


def test_a_direct_message_goes_into_its_conversation_through_the_chat_service():
    call = reply(surface=Surface.DM, thread_id="3kt7ab2cdef2x", in_reply_to=None, text="x" * 1000)
    assert isinstance(call, Call)
    assert call.headers["atproto-proxy"] == "did:web:api.bsky.chat#bsky_chat"
    assert json.loads(call.body or b"")["convoId"] == "3kt7ab2cdef2x"
    assert isinstance(reply(surface=Surface.DM, thread_id="3kt7ab2cdef2x", text="x" * 1001), Refused)


@pytest.mark.parametrize(
    "pds", ["evil.example/x", "localhost", "127.0.0.1", "a b", "user@pds.example", "pds.example:1"]
)
def test_only_a_plain_host_is_called(pds):
    refused = bluesky.reply(outbound("bluesky", ACCOUNT, thread_id=THREAD), secret(pds=pds), NOW)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.BLOCKED


def test_the_accounts_own_server_is_called():
    call = bluesky.reply(
        outbound("bluesky", ACCOUNT, thread_id=THREAD), secret(pds="https://PDS.lantern.example/"), NOW
    )
    assert isinstance(call, Call)
    assert call.url == "https://pds.lantern.example/xrpc/com.atproto.repo.createRecord"


@pytest.mark.parametrize(
    ("status", "error", "refusal"),
    [
        (400, "ExpiredToken", Refusal.LATER),
        (400, "InvalidToken", Refusal.BLOCKED),
        (401, "AuthMissing", Refusal.BLOCKED),
        (403, "Forbidden", Refusal.BLOCKED),
        (400, "AccountTakedown", Refusal.BLOCKED),
        (400, "ConvoLocked", Refusal.NEVER),
        (400, "InvalidConvo", Refusal.NEVER),
        (400, "InvalidRequest", Refusal.NEVER),
        (429, "RateLimitExceeded", Refusal.LATER),
    ],
)
def test_an_error_is_sorted_by_its_name(status, error, refusal):
    meant = bluesky.outcome(answer({"error": error, "message": "No."}, status))
    assert isinstance(meant, Refused)
    assert meant.refusal is refusal


@pytest.mark.parametrize("given", [answer({}, 502), answer({}, 200), answer({"uri": "at://x"}, 200), answer({}, 302)])
def test_an_answer_that_names_no_post_leaves_open_whether_there_is_one(given):
    assert isinstance(bluesky.outcome(given), Unclear)


def test_a_spent_limit_is_waited_for_by_the_platforms_own_clock():
    reset = str(int(NOW.timestamp()) + 600)
    headers = {"date": "Mon, 09 Nov 2026 18:30:00 GMT", "ratelimit-reset": reset}
    meant = bluesky.outcome(answer({"error": "RateLimitExceeded"}, 429, **headers))
    assert isinstance(meant, Refused)
    assert meant.after == timedelta(minutes=10)


# Sessions


def test_a_session_ends_when_its_token_says_and_has_ended_where_there_is_none():
    assert bluesky.expires(secret()) == NOW + timedelta(hours=1)
    assert bluesky.expires(Secret(account_id=ACCOUNT)) == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_session_is_renewed_by_its_refresh_token_and_opened_only_where_none_still_runs():
    running = secret(refresh_token=jwt(NOW + timedelta(days=3)))
    call = bluesky.renew(running, NOW)
    assert isinstance(call, Call)
    assert call.url.endswith("refreshSession")
    assert call.headers["authorization"] == f"Bearer {running.credentials['refresh_token']}"
    for ended in (secret(), secret(refresh_token=jwt(NOW - timedelta(days=3))), secret(refresh_token="x")):
        opened = bluesky.renew(ended, NOW)
        assert isinstance(opened, Call)
        assert json.loads(opened.body or b"")["identifier"] == "did:plc:lanternbikes22desk4444aa"


def test_a_refresh_token_that_was_used_up_is_dropped_so_that_the_next_renewal_logs_in():
    before = secret(refresh_token=jwt(NOW + timedelta(days=3)))
    after = bluesky.renewed(before, answer({"error": "ExpiredToken", "message": "Token has been revoked"}, 400), NOW)
    assert isinstance(after, Secret)
    assert "refresh_token" not in after.credentials
    assert after.credentials["access_token"] == before.credentials["access_token"]


def test_a_wrong_app_password_has_to_be_put_right_by_a_person():
    refused = bluesky.renewed(secret(), answer({"error": "AuthenticationRequired"}, 401), NOW)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.BLOCKED


def test_renewing_twice_with_one_token_fails_the_second_time_and_logs_in_the_third(talk):
    first = bluesky.renewed(talk.secret, talk.call(bluesky.renew(talk.secret, talk.now)), talk.now)
    assert isinstance(first, Secret)
    second = bluesky.renewed(talk.secret, talk.call(bluesky.renew(talk.secret, talk.now)), talk.now)
    assert isinstance(second, Secret)
    assert "refresh_token" not in second.credentials
    third = bluesky.renewed(second, talk.call(bluesky.renew(second, talk.now)), talk.now)
    assert isinstance(third, Secret)
    assert third.credentials["refresh_token"] != first.credentials["refresh_token"]
    talk.secret = third
    assert bluesky.proven(talk.call(bluesky.prove(third, talk.now))) == Proof(who="@lantern.example")


def test_an_account_without_a_session_proves_itself_by_opening_one(talk):
    fresh = {n: v for n, v in talk.secret.credentials.items() if not n.endswith("token")}
    call = bluesky.prove(replace(talk.secret, credentials=fresh), talk.now)
    assert bluesky.proven(talk.call(call)) == Proof(who="@lantern.example")


# Asking


def test_a_short_page_and_an_empty_one_go_on_where_there_is_a_cursor():
    like = {"uri": "at://x", "cid": "y", "reason": "like", "indexedAt": "2026-11-09T18:29:00.000Z"}
    said = {"cursor": "2026-11-09T18:28:00.000Z", "notifications": [like]}
    page = paged(ask(), answer(said))
    assert page == Page(items=[], next="2026-11-09T18:28:00.000Z")


def test_a_full_page_without_a_cursor_goes_on_from_its_last_time():
    one = {"uri": "at://x", "reason": "mention", "indexedAt": "2026-11-09T18:29:00.000Z"}
    assert paged(ask(), answer({"notifications": [one] * 50})).next == "2026-11-09T18:29:00.000Z"


def test_a_page_without_a_cursor_is_no_end_because_it_is_short_for_the_server_leaves_out_what_was_not_asked_for():
    one = {"uri": "at://x", "reason": "mention", "indexedAt": "2026-11-09T18:29:00.000Z"}
    short = paged(ask(), answer({"notifications": [one] * 3}))
    assert short.next == "2026-11-09T18:29:00.000Z"
    assert paged(ask(token=short.next), answer({"notifications": [one]})).next is None
    assert paged(ask(token=short.next), answer({"notifications": []})).next is None


def test_a_mention_that_was_written_offline_an_hour_ago_is_not_taken_for_known():
    (notifications,) = [feed for feed in bluesky.FEEDS if feed.name == "notifications"]
    assert notifications.overlap >= timedelta(hours=2)


def test_what_a_person_has_read_already_is_an_item_like_any_other():
    one = {"uri": "at://x", "reason": "reply", "isRead": True, "indexedAt": "2026-11-09T18:29:00.000Z"}
    (item,) = paged(ask(), answer({"notifications": [one]})).items
    assert item.item_id == "at://x"
    assert item.at == datetime(2026, 11, 9, 18, 29, tzinfo=UTC)


def test_a_reason_or_an_error_that_is_no_word_breaks_nothing():
    odd = {"uri": "at://x", "cid": "y", "reason": ["reply"], "indexedAt": "2026-11-09T18:29:00.000Z"}
    assert paged(ask(), answer({"notifications": [odd]})).items == []
    body = json.dumps({"account_id": ACCOUNT, "feed": "notifications", "items": [odd]}).encode()
    (event,) = bluesky.parse(body, NOW)
    assert event.kind is Kind.UNKNOWN
    assert isinstance(bluesky.renewed(secret(), answer({"error": {}}, 400), NOW), Refused)


def test_of_our_own_posts_only_answers_are_read():
    def shown(did, **rec):
        return {"post": {"uri": "at://p", "author": {"did": did}, "record": rec, "indexedAt": "2026-11-09T18:29:00Z"}}

    us = "did:plc:lanternbikes22desk4444aa"
    feed = [shown(us), shown(ANA, reply={"root": {}}), shown(us, reply={"root": {"uri": "x"}, "parent": {"uri": "x"}})]
    assert len(paged(ask("own"), answer({"feed": feed})).items) == 1


def test_the_log_goes_forward_and_keeps_its_place_where_nothing_is_new():
    page = paged(ask("messages", cursor="c1"), answer({"cursor": "c1", "logs": []}))
    assert page == Page(items=[], cursor="c1")
    muted = {"$type": "chat.bsky.convo.defs#logMuteConvo", "rev": "r", "convoId": "k"}
    page = paged(ask("messages", cursor="c1"), answer({"cursor": "c2", "logs": [muted]}))
    assert page == Page(items=[], cursor="c2")


def test_a_phrase_is_searched_for_as_a_phrase_newest_first():
    call = bluesky.ask(ask("search", phrase='Lantern "Bikes'), secret())
    assert isinstance(call, Call)
    assert "q=%22Lantern%20%20Bikes%22&sort=latest" in call.url


def test_a_page_that_did_not_come_is_asked_for_again_and_a_dead_session_is_told():
    assert unread(Answer(status=502)) is Refusal.LATER
    assert unread(answer({"notifications": 1})) is Refusal.LATER
    assert unread(answer({"error": "InvalidToken"}, 400)) is Refusal.BLOCKED


# The whole way round


def test_a_mention_is_found_answered_in_two_parts_and_both_come_back_as_ours(talk):
    talk.shows("message__mention")
    page = talk.asks("notifications")
    (said,) = talk.events("notifications", page)
    given = {"thread_id": said.thread_id, "customer_id": said.customer_id, "surface": said.surface}
    ids = [said.message_id]
    for part in ("1", "2"):
        sent = outbound("bluesky", ACCOUNT, in_reply_to=ids[-1], client_token=f"c.{part}", **given)
        posted = bluesky.outcome(talk.call(bluesky.reply(sent, talk.secret, talk.now)))
        assert isinstance(posted, Posted)
        ids.append(posted.native_id)
        talk.now += timedelta(seconds=1)
    echoes = talk.events("own", talk.asks("own"))
    assert [(e.kind, e.message_id) for e in echoes] == [(Kind.ECHO, ids[2]), (Kind.ECHO, ids[1])]
    assert [e.in_reply_to for e in echoes] == [ids[1], ids[0]]
    assert {e.thread_id for e in echoes} == {said.thread_id}


def test_posting_the_same_text_twice_collides(talk):
    sent = outbound("bluesky", ACCOUNT, thread_id=THREAD)
    assert isinstance(bluesky.outcome(talk.call(bluesky.reply(sent, talk.secret, talk.now))), Posted)
    again = bluesky.outcome(talk.call(bluesky.reply(sent, talk.secret, talk.now)))
    assert not isinstance(again, Posted)
    assert len(talk.posts) == 1


def test_a_direct_message_is_found_in_the_log_and_its_answer_comes_back_there(talk):
    talk.shows("message__direct")
    page = talk.asks("messages")
    (said,) = talk.events("messages", page)
    sent = outbound("bluesky", ACCOUNT, surface=Surface.DM, thread_id=said.thread_id, text="Yes. 📦")
    posted = bluesky.outcome(talk.call(bluesky.reply(sent, talk.secret, talk.now)))
    (echo,) = talk.events("messages", talk.asks("messages", cursor=page.cursor))
    assert isinstance(posted, Posted)
    assert (echo.kind, echo.message_id) == (Kind.ECHO, posted.native_id)
    assert (echo.thread_id, echo.customer_id) == (said.thread_id, said.customer_id)


def test_a_conversation_that_is_not_there_is_refused_for_good(talk):
    sent = outbound("bluesky", ACCOUNT, surface=Surface.DM, thread_id="3zzzzzzzzzzzz")
    refused = bluesky.outcome(talk.call(bluesky.reply(sent, talk.secret, talk.now)))
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.NEVER


def test_pages_of_notifications_reach_back_to_the_first(talk):
    def at(number):
        return (talk.now - timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    notes = [
        {"uri": f"at://{ANA}/app.bsky.feed.post/{n}", "cid": "c", "reason": "like" if n % 2 else "reply",
         "author": {"did": ANA}, "record": {"text": "x"}, "indexedAt": at(n)}
        for n in range(120)
    ]  # fmt: skip
    talk.delivers({"account_id": ACCOUNT, "feed": "notifications", "items": notes})
    found, token = [], None
    for _ in range(4):  # the last one is empty
        page = talk.asks("notifications", token=token)
        found += [item.item_id for item in page.items]
        token = page.next
    assert token is None
    assert len(set(found)) == 60


def test_a_hit_of_a_search_was_said_to_nobody_unless_it_names_us(talk):
    talk.shows("message__found-by-searching")
    talk.shows("message__found-but-said-to-us")
    hits = talk.events("search", talk.asks("search", phrase="lantern bikes"))
    assert sorted(hit.unaddressed for hit in hits) == [False, True]


def test_a_person_is_looked_up_by_their_did(talk):
    found = bluesky.profile(talk.call(bluesky.look_up(ANA, talk.secret, talk.now)))
    assert isinstance(found, Profile)
    assert found.followers is not None
    assert isinstance(bluesky.look_up("3kt7ab2cdef2x", talk.secret, talk.now), Refused)
