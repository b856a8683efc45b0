"""The rules of Facebook Pages that single deliveries do not show, and how the desk answers there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels import facebook
from shared.domain.events import Event, Kind, Surface, as_json
from shared.domain.exchange import Call, Outbound, Refusal, Refused, Secret
from shared.errors import Unreadable
from tests.unit.channels._hostile import ANYTHING, deliveries, spoiled

NOW = datetime(2026, 9, 21, 20, 0, tzinfo=UTC)
SECRET = Secret(account_id="100200300", signing=("k",), credentials={"access_token": "page-token"})


def parse(body: object) -> tuple[Event, ...]:
    return facebook.parse(json.dumps(body).encode(), NOW)


def feed(**value: object) -> Event:
    change = {"field": "feed", "value": value}
    (event,) = parse({"object": "page", "entry": [{"id": "100200300", "time": 1790000005, "changes": [change]}]})
    return event


def outbound(surface: Surface = Surface.DM, **fields: Any) -> Outbound:
    known: dict[str, Any] = {
        "channel": "facebook",
        "account_id": "100200300",
        "surface": surface,
        "thread_id": "7700112233" if surface is Surface.DM else "100200300_555",
        "customer_id": "7700112233",
        "in_reply_to": "m_1" if surface is Surface.DM else "555_777",
        "text": "We look into it.",
        "by_person": True,
        "last_inbound_at": NOW - timedelta(hours=1),
        "client_token": "conversation.send",
    }
    return Outbound(**{**known, **fields})


def call(out: Outbound) -> tuple[str, dict[str, object]]:
    made = facebook.reply(out, SECRET, NOW)
    assert isinstance(made, Call)
    assert made.method == "POST"
    assert made.headers["authorization"] == "Bearer page-token"
    return made.url, json.loads(made.body or b"")


def refusal(out: Outbound) -> Refused:
    refused = facebook.reply(out, SECRET, NOW)
    assert isinstance(refused, Refused)
    return refused


class TestReading:
    @given(body=ANYTHING.map(lambda value: json.dumps(value).encode()) | spoiled(deliveries("facebook")))
    def test_any_json_gives_at_least_one_event_and_raises_nothing(self, body):
        events = facebook.parse(body, NOW)
        assert events
        json.dumps([as_json(event) for event in events]).encode()

    @given(body=st.binary(max_size=60))
    def test_any_bytes_are_read_or_unreadable(self, body):
        try:
            events = facebook.parse(body, NOW)
        except Unreadable:
            return
        assert events

    def test_every_text_of_an_event_can_be_stored(self):
        event = feed(
            item="comment",
            verb="add",
            comment_id="\ud800",
            message="a\udfffb",
            **{"from": {"id": "1", "name": "\ud83d"}},
        )
        assert (event.message_id, event.text, event.author_name) == ("?", "a?b", "?")

    def test_a_spoiled_item_does_not_hold_back_its_neighbours(self):
        good = {"sender": {"id": "7"}, "recipient": {"id": "1"}, "message": {"mid": "m_1", "text": "Hi"}}
        oddities: tuple[object, ...] = (
            None,
            5,
            "x",
            [],
            {},
            {"message": []},
            {"message": {"mid": {}}},
            {"delivery": {"mids": 5}},
        )
        for odd in oddities:
            events = parse({"object": "page", "entry": [{"id": "1", "messaging": [odd, good]}]})
            assert len(events) == 2
            assert events[1].text == "Hi"

    def test_our_own_page_is_known_whether_its_id_is_a_number_or_a_text(self):
        for author in (100200300, "100200300", 100200300.0):
            event = feed(item="comment", verb="add", comment_id="1", **{"from": {"id": author}})
            assert (event.kind, event.customer_id) == (Kind.ECHO, None)

    @pytest.mark.parametrize("item", ["post", "status", "photo", "video", "share"])
    def test_the_author_and_not_the_item_tells_a_visitors_post_from_our_own(self, item):
        visitor = feed(item=item, verb="add", post_id="1_2", **{"from": {"id": "4242"}})
        ours = feed(item=item, verb="add", post_id="1_2", **{"from": {"id": "100200300"}})
        assert (visitor.kind, ours.kind) == (Kind.MESSAGE, Kind.ECHO)
        assert visitor.thread_id == visitor.message_id == "1_2"

    def test_an_unknown_verb_never_counts_as_something_a_customer_said(self):
        event = feed(item="comment", verb="follow", comment_id="1", post_id="2", **{"from": {"id": "4242"}})
        assert (event.kind, event.message_id, event.text) == (Kind.UNKNOWN, None, None)

    def test_the_detail_of_an_unknown_event_never_holds_free_text(self):
        event = feed(item="my name is Ana, call 0170 123", verb="please <b>", message="secret")
        assert event.detail == "feed something something"

    def test_a_deletion_carries_no_content(self):
        event = feed(item="comment", verb="remove", comment_id="1", message="still here", photo="https://x/1.jpg")
        assert (event.kind, event.text, event.attachments) == (Kind.DELETION, None, ())

    @pytest.mark.parametrize(
        ("stars", "rating"), [(1, 1), (5, 5), ("4", 4), (0, None), (6, None), (True, None), ("x", None)]
    )
    def test_a_rating_is_one_to_five_stars_or_nothing(self, stars, rating):
        value = {"item": "rating", "verb": "add", "open_graph_story_id": "9", "rating": stars}
        (event,) = parse({"entry": [{"id": "1", "changes": [{"field": "ratings", "value": value}]}]})
        assert event.rating == rating

    def test_the_same_tap_has_the_same_id_and_another_tap_another(self):
        def tap(payload: str) -> str | None:
            item = {"sender": {"id": "7"}, "timestamp": 1790000000523, "postback": {"title": "Go", "payload": payload}}
            return parse({"entry": [{"id": "1", "messaging": [item]}]})[0].message_id

        assert tap("A") == tap("A") != tap("B")


class TestAnswering:
    def test_a_direct_answer_goes_to_the_person_and_names_its_send(self):
        url, payload = call(outbound())
        assert url == "https://graph.facebook.com/v26.0/100200300/messages"
        assert payload == {
            "recipient": {"id": "7700112233"},
            "messaging_type": "RESPONSE",
            "message": {"text": "We look into it.", "metadata": "conversation.send"},
        }

    def test_after_a_day_a_person_still_may_answer_tagged_as_human(self):
        _, payload = call(outbound(last_inbound_at=NOW - timedelta(hours=24, seconds=1)))
        assert (payload["messaging_type"], payload["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")

    def test_exactly_a_day_and_a_week_are_still_inside(self):
        assert "tag" not in call(outbound(last_inbound_at=NOW - timedelta(hours=24)))[1]
        assert "tag" in call(outbound(last_inbound_at=NOW - timedelta(days=7)))[1]

    def test_a_machine_never_answers_after_a_day_and_never_as_a_human(self):
        for hours in (25, 24 * 6, 24 * 30):
            out = outbound(by_person=False, last_inbound_at=NOW - timedelta(hours=hours))
            assert refusal(out).refusal is Refusal.NEVER
        assert "tag" not in call(outbound(by_person=False))[1]

    def test_after_a_week_or_before_a_first_message_nobody_answers(self):
        late = refusal(outbound(last_inbound_at=NOW - timedelta(days=7, seconds=1)))
        assert (late.refusal, "write again" in late.reason) == (Refusal.NEVER, True)
        assert refusal(outbound(last_inbound_at=None)).refusal is Refusal.NEVER

    def test_length_is_counted_in_characters_and_the_refusal_says_the_numbers(self):
        call(outbound(text="ü" * 2000))
        refused = refusal(outbound(text="ü" * 2001))
        assert refused.refusal is Refusal.NEVER
        assert "2,001" in refused.reason
        assert "2,000" in refused.reason

    def test_an_empty_text_is_not_posted(self):
        assert refusal(outbound(text=" \n")).refusal is Refusal.NEVER
        assert refusal(outbound(Surface.COMMENT, text="")).refusal is Refusal.NEVER

    @pytest.mark.parametrize(
        ("surface", "fields", "target"),
        [
            (Surface.COMMENT, {}, "555_777"),
            (Surface.COMMENT, {"in_reply_to": "100200300_888", "thread_id": "100200300_888"}, "100200300_888"),
            (Surface.COMMENT, {"in_reply_to": None}, "100200300_555"),
            (Surface.MENTION, {"in_reply_to": "901_2", "thread_id": "100200300_901", "customer_id": None}, "901_2"),
            (Surface.REVIEW, {"in_reply_to": "987", "thread_id": "987"}, "987"),
        ],
    )
    def test_a_public_text_is_answered_by_a_comment_below_it_at_any_age(self, surface, fields, target):
        url, payload = call(outbound(surface, last_inbound_at=NOW - timedelta(days=100), **fields))
        assert url == f"https://graph.facebook.com/v26.0/{target}/comments"
        assert payload == {"message": "We look into it."}

    def test_a_review_without_a_story_has_no_place_for_an_answer(self):
        refused = refusal(outbound(Surface.REVIEW, thread_id="review-4242", in_reply_to="review-4242"))
        assert refused.refusal is Refusal.NEVER
        assert "on the Page itself" in refused.reason

    def test_only_direct_messages_are_acknowledged_by_machine(self):
        assert [s for s, c in facebook.CAPABILITIES.items() if c.acknowledges] == [Surface.DM]

    def test_without_a_token_the_account_is_blocked(self):
        refused = facebook.reply(outbound(), Secret(account_id="100200300"), NOW)
        assert isinstance(refused, Refused)
        assert refused.refusal is Refusal.BLOCKED


def test_a_comment_whose_post_is_left_out_is_in_the_thread_of_what_it_answers_or_its_own():
    known = {"item": "comment", "verb": "add", "from": {"id": "4242"}, "message": "Hello?"}
    first = feed(comment_id="555_777", **known)
    second = feed(comment_id="555_778", parent_id="555_777", **known)
    assert (first.thread_id, first.in_reply_to) == ("555_777", None)
    assert (second.thread_id, second.in_reply_to) == ("555_777", "555_777")


def test_a_deletion_whose_post_is_left_out_names_no_other_thread():
    assert feed(item="comment", verb="remove", comment_id="555_777").thread_id is None
