"""The rules of Instagram that single deliveries do not show, and how the desk answers under either login."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels import instagram
from shared.domain.events import Event, Kind, Surface, as_json
from shared.domain.exchange import Call, Outbound, Refusal, Refused, Secret
from shared.errors import Unreadable
from tests.unit.channels._hostile import ANYTHING, deliveries, spoiled

NOW = datetime(2026, 9, 21, 20, 0, tzinfo=UTC)
ACCOUNT, PERSON, MEDIA = "17840000000000001", "998877", "17900000000000003"
BY_INSTAGRAM = Secret(account_id=ACCOUNT, credentials={"access_token": "ig-token", "flavour": "instagram"})
BY_FACEBOOK = Secret(
    account_id=ACCOUNT, credentials={"access_token": "page-token", "flavour": "facebook", "page_id": "100200300"}
)


def parse(body: object) -> tuple[Event, ...]:
    return instagram.parse(json.dumps(body).encode(), NOW)


def entry(**content: object) -> tuple[Event, ...]:
    return parse({"object": "instagram", "entry": [{"id": ACCOUNT, "time": 1790000005, **content}]})


def outbound(surface: Surface = Surface.DM, **fields: Any) -> Outbound:
    known: dict[str, Any] = {
        "channel": "instagram",
        "account_id": ACCOUNT,
        "surface": surface,
        "thread_id": PERSON if surface is Surface.DM else MEDIA,
        "customer_id": PERSON,
        "in_reply_to": "mid-1" if surface is Surface.DM else "18000000000000009",
        "text": "Yes, tomorrow.",
        "by_person": True,
        "last_inbound_at": NOW - timedelta(hours=1),
        "client_token": "conversation.send",
    }
    return Outbound(**{**known, **fields})


def call(out: Outbound, secret: Secret = BY_INSTAGRAM) -> tuple[str, dict[str, object]]:
    made = instagram.reply(out, secret, NOW)
    assert isinstance(made, Call)
    assert made.headers["authorization"] == f"Bearer {secret.credentials['access_token']}"
    return made.url, json.loads(made.body or b"")


def refusal(out: Outbound, secret: Secret = BY_INSTAGRAM) -> Refused:
    refused = instagram.reply(out, secret, NOW)
    assert isinstance(refused, Refused)
    return refused


class TestReading:
    @given(body=ANYTHING.map(lambda value: json.dumps(value).encode()) | spoiled(deliveries("instagram")))
    def test_any_json_gives_at_least_one_event_and_raises_nothing(self, body):
        events = instagram.parse(body, NOW)
        assert events
        json.dumps([as_json(event) for event in events]).encode()

    @given(body=st.binary(max_size=60))
    def test_any_bytes_are_read_or_unreadable(self, body):
        try:
            events = instagram.parse(body, NOW)
        except Unreadable:
            return
        assert events

    def test_a_comment_is_the_same_event_flat_and_nested(self):
        value = {"id": "1", "from": {"id": PERSON, "username": "ana"}, "text": "Price?", "media": {"id": MEDIA}}
        nested = entry(changes=[{"field": "comments", "value": value}])
        assert nested == entry(field="comments", value=value)
        assert nested[0].kind is Kind.MESSAGE

    def test_an_entry_with_both_shapes_is_not_read_twice(self):
        change = {"field": "comments", "value": {"id": "1", "text": "Price?"}}
        assert len(entry(changes=[change], **change)) == 1

    def test_an_unsend_shares_the_id_of_its_message_but_not_its_kind(self):
        item = {"sender": {"id": PERSON}, "recipient": {"id": ACCOUNT}, "timestamp": 1790000000523}
        said, gone = entry(
            messaging=[
                {**item, "message": {"mid": "mid-1", "text": "Hi"}},
                {**item, "message": {"mid": "mid-1", "is_deleted": True}},
            ]
        )
        assert said.message_id == gone.message_id
        assert (said.kind, gone.kind, gone.text) == (Kind.MESSAGE, Kind.DELETION, None)

    def test_the_thread_of_a_direct_conversation_is_the_customer_in_both_directions(self):
        said, echo = entry(
            messaging=[
                {"sender": {"id": PERSON}, "recipient": {"id": ACCOUNT}, "message": {"mid": "1", "text": "Hi"}},
                {"sender": {"id": ACCOUNT}, "recipient": {"id": PERSON}, "message": {"mid": "2", "is_echo": True}},
            ]
        )
        assert said.thread_id == echo.thread_id == PERSON
        assert (echo.kind, echo.customer_id, echo.account_id) == (Kind.ECHO, PERSON, ACCOUNT)

    @pytest.mark.parametrize("number", [0, "0", 0.0])
    def test_edit_number_zero_is_a_new_message(self, number):
        (event,) = entry(messaging=[{"sender": {"id": PERSON}, "message_edit": {"mid": "1", "num_edit": number}}])
        assert event.kind is Kind.MESSAGE

    def test_a_mention_without_any_id_is_unknown(self):
        (event,) = entry(changes=[{"field": "mentions", "value": {}}])
        assert (event.kind, event.detail) == (Kind.UNKNOWN, "mentions without an id")


class TestAnswering:
    def test_each_login_has_its_host_and_its_node_for_direct_messages(self):
        assert call(outbound())[0] == f"https://graph.instagram.com/v26.0/{ACCOUNT}/messages"
        assert call(outbound(), BY_FACEBOOK)[0] == "https://graph.facebook.com/v26.0/100200300/messages"

    def test_a_direct_answer_hands_over_no_metadata(self):
        _, payload = call(outbound())
        assert payload == {
            "recipient": {"id": PERSON},
            "messaging_type": "RESPONSE",
            "message": {"text": "Yes, tomorrow."},
        }

    def test_after_a_day_only_a_person_may_answer_and_after_a_week_nobody(self):
        late, too_late = NOW - timedelta(days=2), NOW - timedelta(days=8)
        assert call(outbound(last_inbound_at=late))[1]["tag"] == "HUMAN_AGENT"
        assert refusal(outbound(last_inbound_at=late, by_person=False)).refusal is Refusal.NEVER
        assert refusal(outbound(last_inbound_at=too_late)).refusal is Refusal.NEVER

    def test_the_length_of_a_direct_message_is_counted_in_bytes(self):
        call(outbound(text="🙂" * 250))
        refused = refusal(outbound(text="🙂" * 251))
        assert "1,004 bytes" in refused.reason
        assert "1,000" in refused.reason

    def test_the_length_of_a_comment_is_counted_in_characters(self):
        call(outbound(Surface.COMMENT, text="🙂" * 2200))
        assert "2,201 characters" in refusal(outbound(Surface.COMMENT, text="🙂" * 2201)).reason

    @pytest.mark.parametrize(
        ("secret", "host"),
        [(BY_INSTAGRAM, "https://graph.instagram.com/v26.0"), (BY_FACEBOOK, "https://graph.facebook.com/v26.0")],
    )
    def test_a_comment_is_replied_to_below_itself_at_any_age(self, secret, host):
        url, payload = call(outbound(Surface.COMMENT, last_inbound_at=NOW - timedelta(days=90)), secret)
        assert url == f"{host}/18000000000000009/replies"
        assert payload == {"message": "Yes, tomorrow."}

    def test_without_a_comment_to_answer_it_is_a_comment_below_the_media(self):
        assert call(outbound(Surface.COMMENT, in_reply_to=None))[0].endswith(f"/{MEDIA}/comments")

    def test_a_mention_in_a_comment_is_answered_below_that_comment(self):
        url, payload = call(outbound(Surface.MENTION, customer_id=None))
        assert url == f"https://graph.instagram.com/v26.0/{ACCOUNT}/mentions"
        assert payload == {"media_id": MEDIA, "comment_id": "18000000000000009", "message": "Yes, tomorrow."}

    def test_a_mention_in_a_caption_is_answered_below_the_media(self):
        _, payload = call(outbound(Surface.MENTION, customer_id=None, in_reply_to=MEDIA))
        assert payload == {"media_id": MEDIA, "message": "Yes, tomorrow."}

    def test_a_mention_in_a_story_is_answered_as_a_direct_message_with_its_window(self):
        story = {"thread_id": PERSON, "customer_id": PERSON, "in_reply_to": "mid-10"}
        url, payload = call(outbound(Surface.MENTION, **story))
        assert url.endswith(f"/{ACCOUNT}/messages")
        assert payload["recipient"] == {"id": PERSON}
        late = outbound(Surface.MENTION, **story, last_inbound_at=NOW - timedelta(days=8))
        assert refusal(late).refusal is Refusal.NEVER

    @pytest.mark.parametrize(
        ("credentials", "missing"),
        [
            ({"access_token": "t"}, "flavour"),
            ({"access_token": "t", "flavour": "threads"}, "flavour"),
            ({"access_token": "t", "flavour": "facebook"}, "page_id"),
            ({"flavour": "instagram"}, "access_token"),
        ],
    )
    def test_a_missing_credential_blocks_the_account_and_is_named(self, credentials, missing):
        refused = refusal(outbound(), Secret(account_id=ACCOUNT, credentials=credentials))
        assert refused.refusal is Refusal.BLOCKED
        assert missing in refused.reason

    def test_only_direct_messages_are_acknowledged_by_machine(self):
        assert [s for s, c in instagram.CAPABILITIES.items() if c.acknowledges] == [Surface.DM]


def test_there_are_no_reviews_to_answer():
    assert refusal(outbound(Surface.REVIEW)).refusal is Refusal.NEVER


def test_a_text_that_no_encoding_holds_is_counted_as_it_is_posted():
    assert call(outbound(text="\ud800" * 1000))[1]["message"] == {"text": "?" * 1000}
    assert refusal(outbound(text="\ud800" * 1001)).refusal is Refusal.NEVER


def test_a_comment_whose_media_is_left_out_is_in_the_thread_of_what_it_answers_or_its_own():
    first, second = entry(
        changes=[
            {"field": "comments", "value": {"id": "18009", "from": {"id": PERSON}, "text": "Price?"}},
            {"field": "comments", "value": {"id": "18010", "parent_id": "18009", "text": "Anyone?"}},
        ]
    )
    assert (first.thread_id, first.in_reply_to) == ("18009", None)
    assert (second.thread_id, second.in_reply_to) == ("18009", "18009")
