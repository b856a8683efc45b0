"""Yelp: a secret address instead of a signature, leads that are fetched, reviews with one answer and no emoji."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.channels import yelp
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Outbound, Posted, Refusal, Refused, Request, Secret, Unclear
from shared.domain.polling import Ask, Page
from shared.errors import SignatureRejected

NOW = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
ACCOUNT = Secret(account_id="biz-1", signing=("key-one", "key-two"), credentials={"access_token": "token"})
ANSWER = Outbound(
    channel="yelp",
    account_id="biz-1",
    surface=Surface.REVIEW,
    thread_id="rv-1",
    customer_id="us-1",
    in_reply_to="rv-1",
    text="Thank you.",
    by_person=True,
    last_inbound_at=NOW,
    client_token="c.s",
)


def request(method="POST", body=b"{}", **query):
    return Request(method=method, headers={}, query=query, body=body)


@pytest.mark.parametrize("key", ["key-one", "key-two"])
def test_the_key_in_the_registered_address_is_the_proof(key):
    yelp.verify(request(key=key), (ACCOUNT,), NOW)


@pytest.mark.parametrize("key", ["", "key-three", "key-one ", "\ud800"])
def test_any_other_address_is_refused(key):
    with pytest.raises(SignatureRejected):
        yelp.verify(request(key=key), (ACCOUNT,), NOW)


@pytest.mark.parametrize("word", ["", "a b", "<script>", '{"a":1}', "x" * 129, "é"])
def test_only_a_plain_word_is_given_back_by_the_verification(word):
    response = yelp.challenge(request("GET", verification=word), (ACCOUNT,))
    assert response is not None
    assert response.status == 400
    assert not word or word not in response.body


def test_a_plain_word_is_given_back():
    response = yelp.challenge(request("GET", verification="abc123"), ())
    assert response is not None
    assert json.loads(response.body) == {"verification": "abc123"}


def test_a_lead_is_a_pointer_with_the_time_it_happened_not_the_time_it_was_sent():
    update = {"event_type": "NEW_EVENT", "lead_id": "ld-1", "interaction_time": "2026-09-02T08:00:00+00:00"}
    body = {"time": "2026-09-02T10:30:00+00:00", "data": {"id": "biz-1", "updates": [update]}}
    (event,) = yelp.parse(json.dumps(body).encode(), NOW)
    assert (event.kind, event.message_id) == (Kind.POINTER, "ld-1")
    assert event.sent_at == datetime(2026, 9, 2, 8, tzinfo=UTC)


def test_a_page_that_goes_on_keeps_the_lead():
    first = Ask(feed="lead", since=NOW, now=NOW, reference="ld-1")
    events = [{"id": "ev-1", "time_created": "2026-09-02T08:00:00+00:00", "cursor": "c1"}]
    page = yelp.page(first, answered(200, {"events": events, "has_more": True}), ACCOUNT)
    assert isinstance(page, Page)
    assert page.items[0].raw["lead_id"] == "ld-1"
    call = yelp.ask(replace(first, reference=None, token=page.next), ACCOUNT)
    assert isinstance(call, Call)
    assert call.url == "https://api.yelp.com/v3/leads/ld-1/events?limit=20&older_than_cursor=c1"


def test_a_page_that_names_itself_as_the_next_is_the_last():
    ask = Ask(feed="lead", since=NOW, now=NOW, token="ld-1 c1")
    page = yelp.page(ask, answered(200, {"events": [{"id": "e", "cursor": "c1"}], "has_more": True}), ACCOUNT)
    assert isinstance(page, Page)
    assert page.next is None


@pytest.mark.parametrize("text", ["Thanks 🙏", "x" * 5001, "  "])
def test_an_answer_that_yelp_would_refuse_is_refused_before_the_call(text):
    refused = yelp.reply(replace(ANSWER, text=text), ACCOUNT, NOW)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.NEVER


def test_a_review_is_answered_with_the_owners_other_token_where_there_is_one():
    account = replace(ACCOUNT, credentials={"access_token": "token", "reviews_token": "other"})
    call = yelp.reply(ANSWER, account, NOW)
    assert isinstance(call, Call)
    assert call.url == "https://partner-api.yelp.com/reviews/v1/rv-1"
    assert call.headers["authorization"] == "Bearer other"


def test_a_lead_may_hold_emoji():
    call = yelp.reply(replace(ANSWER, surface=Surface.DM, thread_id="ld-1", text="Sure 🙂"), ACCOUNT, NOW)
    assert isinstance(call, Call)
    assert json.loads(call.body or b"")["request_content"] == "Sure 🙂"


def answered(status, body):
    return Answer(status=status, body=json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "code", "refusal"),
    [
        (400, "R2R_EMOJI_NOT_ALLOWED", Refusal.NEVER),
        (400, "R2R_COMMENT_QUOTA_EXCEEDED", Refusal.NEVER),
        (401, "INVALID_TOKEN", Refusal.BLOCKED),
        (404, "LEAD_NOT_FOUND", Refusal.NEVER),
        (429, "TOO_MANY_REQUESTS_PER_SECOND", Refusal.LATER),
    ],
)
def test_an_error_means_what_its_id_says(status, code, refusal):
    outcome = yelp.outcome(answered(status, {"error": {"code": code, "description": "words"}}))
    assert isinstance(outcome, Refused)
    assert outcome.refusal is refusal


def test_a_fault_leaves_open_whether_it_was_posted_and_an_error_in_a_success_is_none():
    assert isinstance(yelp.outcome(answered(500, {})), Unclear)
    assert isinstance(yelp.outcome(answered(200, {"error": {"code": "ODD"}})), Unclear)
    assert yelp.outcome(answered(201, {"id": "ev-2"})) == Posted("ev-2")
