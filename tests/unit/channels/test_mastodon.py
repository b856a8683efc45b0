"""Mastodon: who sees an answer, whom it reaches, how long it is, and pages that go forward."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.channels import mastodon
from shared.channels._mastodon_text import counted, mentions
from shared.domain.connecting import Proof
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused, Secret, Unclear
from shared.domain.polling import Ask, Page
from tests.unit.channels._talking import Talk, outbound

NOW = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
ACCOUNT = "109302436954721982"
ANA = "ana@exa.mple"


def secret(**credentials):
    return Secret(account_id=ACCOUNT, credentials={"access_token": "t", "instance": "mastodon.example", **credentials})


def answer(said, status=200, **headers):
    return Answer(status=status, headers=headers, body=json.dumps(said).encode())


def ask(feed="notifications", **wanted):
    return Ask(feed=feed, since=NOW - timedelta(hours=1), now=NOW, **wanted)


def reply(text="On its way.", held=None, **changed):
    given = {"thread_id": f"unlisted/{ANA}", "customer_id": ANA, "in_reply_to": "1155", "text": text, **changed}
    return mastodon.reply(outbound("mastodon", ACCOUNT, **given), held or secret(), NOW)


def posted(call):
    assert isinstance(call, Call), call
    return json.loads(call.body or b"")


def paged(wanted, said) -> Page:
    found = mastodon.page(wanted, said, secret())
    assert isinstance(found, Page), found
    return found


@pytest.fixture
def talk(tmp_path):
    return Talk("mastodon", ACCOUNT, tmp_path, datetime.now(UTC).replace(microsecond=0))


# Who sees it, whom it reaches


@pytest.mark.parametrize("seen_by", ["public", "unlisted", "private"])
def test_an_answer_is_seen_as_far_as_what_it_answers(seen_by):
    assert posted(reply(thread_id=f"{seen_by}/{ANA}"))["visibility"] == seen_by


def test_a_private_mention_is_answered_privately():
    said = posted(reply(surface=Surface.DM, thread_id=ANA))
    assert (said["visibility"], said["in_reply_to_id"]) == ("direct", "1155")


@pytest.mark.parametrize("thread_id", ["direct/ana", "everybody/ana", "ana@exa.mple", ""])
def test_where_nobody_knows_who_is_to_see_it_nothing_is_posted(thread_id):
    assert isinstance(reply(thread_id=thread_id), Refused)


def test_a_private_answer_to_nobody_is_not_posted():
    assert isinstance(reply(surface=Surface.DM, thread_id=ANA, customer_id=None), Refused)


def test_the_customer_is_named_in_front_unless_the_text_names_them():
    assert posted(reply("Hello."))["status"] == "@ana@exa.mple Hello."
    assert posted(reply("Hello @Ana@exa.mple, it left."))["status"] == "Hello @Ana@exa.mple, it left."


@pytest.mark.parametrize(
    ("words", "acct", "named"),
    [
        ("@ana hello", "ana", True),
        ("hello @ANA.", "ana", True),
        ("@ana@exa.mple", "ana", False),
        ("@ana hello", "ana@exa.mple", False),
        ("@anabel hello", "ana", False),
        ("me@ana", "ana", False),
        ("@ana@exa.mple.org", "ana@exa.mple", False),
    ],
)
def test_a_name_reaches_only_whom_it_names_in_full(words, acct, named):
    assert mentions(words, acct) is named


# Length


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("x" * 500, 500),
        ("https://shop.example/" + "a" * 200, 23),
        ("see https://shop.example/a and https://shop.example/b", 4 + 23 + 5 + 23),
        ("@ana@a-very-long-server.example hi", 7),
        ("write to ana@exa.mple", 21),
        ("📦", 1),
    ],
)
def test_a_text_is_as_long_as_the_server_counts(words, size):
    assert counted(words) == size


def test_the_name_in_front_counts_and_its_server_does_not():
    assert isinstance(reply("x" * 495), Call)
    refused = reply("x" * 496)
    assert isinstance(refused, Refused)
    assert "501 characters, 500" in refused.reason


def test_a_server_may_take_longer_texts():
    assert isinstance(reply("x" * 4000, secret(max_characters="5000")), Call)
    assert isinstance(reply("x" * 4000, secret(max_characters="many")), Refused)


def test_a_part_of_a_split_text_leaves_room_for_the_longest_name():
    limit = mastodon.CAPABILITIES[Surface.DM].limit
    assert isinstance(reply("x" * limit, customer_id="a" * 30 + "@exa.mple"), Call)


# Words


# Pages


def note(number, kind="mention", **status):
    shown = {"id": f"s{number}", "account": {"id": "7", "acct": "ana"}, "created_at": "2026-11-09T18:00:00Z", **status}
    return {"id": str(number), "type": kind, "created_at": "2026-11-09T18:00:01Z", "status": shown}


def test_notifications_are_read_forward_from_a_point_with_those_that_are_held_back():
    call = mastodon.ask(ask(cursor="900"), secret())
    assert isinstance(call, Call)
    assert "min_id=900" in call.url
    assert "since_id" not in call.url
    assert "include_filtered=true" in call.url


def test_without_a_point_to_go_on_from_pages_go_back_to_where_reading_begins():
    full = [note(number) for number in range(130, 100, -1)]
    first = paged(ask(), answer(full))
    assert (first.cursor, first.next) == ("130", "101")
    call = mastodon.ask(ask(token="101"), secret())
    assert isinstance(call, Call)
    assert "max_id=101" in call.url
    assert "min_id" not in call.url
    second = paged(ask(token="101"), answer([note(number) for number in range(100, 90, -1)]))
    assert (second.cursor, second.next) == (None, None)
    old = [{**one, "created_at": "2026-11-09T17:00:00Z"} for one in full]
    assert paged(ask(), answer(old)).next is None
    assert paged(ask(cursor="100"), answer(full)).next is None


def test_of_the_first_day_nothing_is_missed_though_it_fills_more_than_a_page(talk):
    def at(number):
        return (talk.now - timedelta(minutes=100 - number)).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    notes = [{**note(number), "created_at": at(number)} for number in range(1, 71)]
    talk.delivers({"account_id": ACCOUNT, "feed": "notifications", "items": notes})
    found, token, since = set(), None, talk.now - timedelta(hours=24)
    for _ in range(3):
        page = talk.asks("notifications", token=token, since=since)
        found |= {item.item_id for item in page.items}
        token = page.next
    assert len(found) == 70


def test_a_longer_id_is_greater_than_a_shorter_one():
    page = paged(ask(), answer([note(9), note(10), note(8)]))
    assert page.cursor == "10"


def test_the_servers_own_link_says_where_to_go_on_and_is_not_called():
    link = '<https://evil.example/api?max_id=1>; rel="next", <https://evil.example/api?min_id=01HF8XQ>; rel="prev"'
    page = paged(ask(), answer([note("01AA")], link=link))
    assert page.cursor == "01HF8XQ"
    call = mastodon.ask(ask(cursor=page.cursor), secret())
    assert isinstance(call, Call)
    assert call.url.startswith("https://mastodon.example/api/v1/notifications?")


def test_an_empty_page_keeps_its_place():
    assert paged(ask(cursor="900"), answer([])).cursor == "900"


def test_a_notification_is_named_by_its_status_so_that_it_can_be_looked_at_again():
    (first,) = paged(ask(), answer([note(1)])).items
    call = mastodon.ask(ask(ids=(first.item_id, "s2")), secret())
    assert isinstance(call, Call)
    assert call.url.endswith("/api/v1/statuses?id%5B%5D=s1&id%5B%5D=s2")
    edited = {**note(1)["status"], "edited_at": "2026-11-09T18:20:00Z"}
    (again,) = paged(ask(ids=("s1",)), answer([edited])).items
    assert again.item_id == first.item_id
    assert again.revision != first.revision


def test_boosts_and_follows_are_no_items():
    assert paged(ask(), answer([note(1, "reblog"), note(2, "follow")])).items == []


def test_a_phrase_is_looked_for_as_a_hashtag_and_as_words():
    tag, search = (mastodon.ask(ask(feed, phrase="Lantern Bikes"), secret()) for feed in ("tag", "search"))
    assert isinstance(tag, Call)
    assert isinstance(search, Call)
    assert "/timelines/tag/LanternBikes?" in tag.url
    assert "q=%22Lantern%20Bikes%22" in search.url
    assert isinstance(mastodon.ask(ask("tag", phrase="!?"), secret()), Refused)


# Errors


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (401, Refusal.BLOCKED),
        (403, Refusal.BLOCKED),
        (404, Refusal.NEVER),
        (410, Refusal.NEVER),
        (422, Refusal.NEVER),
        (429, Refusal.LATER),
        (301, Refusal.BLOCKED),
    ],
)
def test_an_error_is_sorted_by_its_status(status, refusal):
    meant = mastodon.outcome(answer({"error": "Validation failed"}, status))
    assert isinstance(meant, Refused)
    assert meant.refusal is refusal


@pytest.mark.parametrize("given", [answer({}, 503), answer({}), answer({"id": "1", "scheduled_at": "x"}), answer([])])
def test_an_answer_that_names_no_status_leaves_open_whether_there_is_one(given):
    assert isinstance(mastodon.outcome(given), Unclear)


def test_a_spent_limit_is_waited_for_as_its_header_says():
    headers = {"date": "Mon, 09 Nov 2026 18:30:00 GMT", "x-ratelimit-reset": "2026-11-09T18:35:00.000000Z"}
    meant = mastodon.outcome(answer({"error": "Too many requests"}, 429, **headers))
    assert isinstance(meant, Refused)
    assert meant.after == timedelta(minutes=5)


@pytest.mark.parametrize(
    "instance", ["", "localhost", "10.0.0.1", "mastodon.example/x", "mastodon.example:8080", "a@b.cd"]
)
def test_only_a_plain_host_is_called(instance):
    refused = reply(held=secret(instance=instance))
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.BLOCKED


# Connecting


def test_an_account_that_drops_strangers_is_not_proven_until_it_is_told_not_to(talk):
    call = mastodon.prove(talk.secret, NOW)
    assert isinstance(mastodon.proven(talk.call(call)), Proof)
    dropped = mastodon.proven(answer({"for_not_following": "accept", "for_private_mentions": "drop"}))
    assert isinstance(dropped, Refused)
    assert "private mentions" in dropped.reason
    (accept,) = mastodon.subscribe(talk.secret, "https://x.example/webhooks/mastodon")
    assert json.loads(talk.call(accept).body)["for_private_mentions"] == "accept"


def test_a_server_without_such_a_policy_is_proven_and_a_dead_token_is_not():
    assert isinstance(mastodon.proven(answer({"error": "Not found"}, 404)), Proof)
    assert isinstance(mastodon.proven(answer({"error": "The access token is invalid"}, 401)), Refused)
    assert isinstance(mastodon.proven(answer({})), Refused)


# The whole way round


def test_a_private_mention_is_answered_in_two_parts_and_both_come_back_as_ours(talk):
    talk.shows("message__private-mention")
    (said,) = talk.events("notifications", talk.asks("notifications"))
    given = {"thread_id": said.thread_id, "customer_id": said.customer_id, "surface": said.surface}
    ids = [said.message_id]
    for part in ("1", "2"):
        talk.now += timedelta(seconds=1)
        sent = outbound(
            "mastodon", ACCOUNT, in_reply_to=ids[-1], client_token=f"c.{part}", text=f"Part {part}", **given
        )
        made = mastodon.outcome(talk.call(mastodon.reply(sent, talk.secret, talk.now)))
        assert isinstance(made, Posted)
        ids.append(made.native_id)
    echoes = talk.events("own", talk.asks("own"))
    assert [(e.kind, e.message_id, e.in_reply_to) for e in echoes] == [
        (Kind.ECHO, ids[2], ids[1]),
        (Kind.ECHO, ids[1], ids[0]),
    ]
    assert [e.text for e in echoes] == ["Part 2", "Part 1"]
    assert echoes[1].thread_id == said.thread_id
    assert [post["kind"] for post in talk.posts] == ["dm", "dm"]


def test_the_same_text_posted_twice_within_an_hour_is_one_post(talk):
    talk.shows("message__mention")
    (said,) = talk.events("notifications", talk.asks("notifications"))
    sent = outbound(
        "mastodon", ACCOUNT, surface=said.surface, thread_id=said.thread_id, customer_id=said.customer_id,
        in_reply_to=said.message_id,
    )  # fmt: skip
    first, second = (mastodon.outcome(talk.call(mastodon.reply(sent, talk.secret, talk.now))) for _ in range(2))
    assert first == second
    assert len(talk.posts) == 1


def test_what_is_answered_and_gone_is_refused_for_good(talk):
    sent = outbound("mastodon", ACCOUNT, thread_id=f"public/{ANA}", customer_id=ANA, in_reply_to="404")
    refused = mastodon.outcome(talk.call(mastodon.reply(sent, talk.secret, talk.now)))
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.NEVER


def test_going_forward_misses_nothing_between_two_full_pages(talk):
    items = [note(number) for number in range(100, 200)]
    talk.delivers({"account_id": ACCOUNT, "feed": "notifications", "items": items})
    found, cursor = [], "99"
    for _ in range(10):
        page = talk.asks("notifications", cursor=cursor)
        if not page.items:
            break
        found += [item.item_id for item in page.items]
        cursor = page.cursor
    assert sorted(found) == sorted(f"s{number}" for number in range(100, 200))


def test_statuses_are_looked_at_again_together(talk):
    talk.shows("message__mention")
    talk.shows("message__private-mention")
    page = talk.asks("notifications", ids=("115520000000000101", "115520000000000104", "gone"))
    assert [item.item_id for item in page.items] == ["115520000000000101", "115520000000000104"]


def test_a_hit_was_said_to_nobody_unless_it_names_us(talk):
    talk.shows("message__found-by-its-hashtag")
    talk.shows("message__found-but-said-to-us")
    (by_tag,) = talk.events("tag", talk.asks("tag", phrase="Lantern Bikes"))
    (by_words,) = talk.events("search", talk.asks("search", phrase="lantern bikes"))
    assert (by_tag.unaddressed, by_words.unaddressed) == (True, False)
