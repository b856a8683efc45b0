"""Yelp: a secret address instead of a signature, leads that are fetched, reviews with one answer and no emoji."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.channels import yelp
from shared.domain.conversation import is_from_customer
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Outbound, Posted, Refusal, Refused, Request, Secret, Unclear
from shared.domain.polling import Ask, Page
from shared.errors import SignatureRejected
from tests.unit.channels._talking import Talk, delivered

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


def events(count):
    return [{"id": f"ev-{n}", "time_created": "2026-09-02T08:00:00+00:00", "cursor": f"c{n}"} for n in range(count)]


def test_a_full_page_goes_on_before_its_first_event_for_the_newest_comes_last():
    first = Ask(feed="lead", since=NOW, now=NOW, reference="ld-1")
    page = yelp.page(first, answered(200, {"events": events(20)}), ACCOUNT)
    assert isinstance(page, Page)
    assert page.items[0].raw["lead_id"] == "ld-1"
    call = yelp.ask(replace(first, reference=None, token=page.next), ACCOUNT)
    assert isinstance(call, Call)
    assert call.url == "https://api.yelp.com/v3/leads/ld-1/events?limit=20&older_than_cursor=c0"


@pytest.mark.parametrize(("count", "token"), [(19, "ld-1"), (0, "ld-1"), (20, "ld-1 c0")])
def test_a_page_that_is_not_full_or_names_itself_as_the_next_is_the_last(count, token):
    ask = Ask(feed="lead", since=NOW, now=NOW, token=token)
    page = yelp.page(ask, answered(200, {"events": events(count)}), ACCOUNT)
    assert isinstance(page, Page)
    assert page.next is None


@pytest.mark.parametrize("text", ["Thanks 🙏", "Thanks ❤️", "Thanks ☺", "x" * 5001, "  "])
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
        (400, "R2R_INVALID_RESPONSE_TEXT", Refusal.NEVER),
        (400, "R2R_REVIEW_DOES_NOT_EXIST", Refusal.NEVER),
        (400, "R2R_PROBLEM_WITH_USER_PHOTO", Refusal.BLOCKED),
        (400, "R2R_COMMENTS_NOT_ALLOWED", Refusal.BLOCKED),
        (400, "INSUFFICIENT_SCOPE", Refusal.BLOCKED),
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


@pytest.mark.parametrize(
    ("word", "kind"),
    [("REVIEW_EDITED_EVENT", Kind.EDIT), ("REVIEW_REMOVED_EVENT", Kind.DELETION), ("REVIEW_X_EVENT", Kind.UNKNOWN)],
)
def test_only_a_new_review_is_a_message(word, kind):
    update = {"event_type": word, "review_id": "rv-1", "user_id": "us-1"}
    body = {"time": "2026-09-02T10:30:00.731910", "data": {"id": "biz-1", "updates": [update]}}
    (event,) = yelp.parse(json.dumps(body).encode(), NOW)
    assert (event.kind, event.message_id, event.customer_id) == (kind, "rv-1", "us-1")


@pytest.mark.parametrize(
    ("kind_of_user", "kind", "customer"),
    [
        ("CONSUMER", Kind.MESSAGE, "ld-1"),
        (None, Kind.MESSAGE, "ld-1"),
        ("BIZ", Kind.ECHO, "ld-1"),
        ("biz_owner", Kind.ECHO, "ld-1"),
        ("SYSTEM", Kind.UNKNOWN, "ld-1"),
    ],
)
def test_only_what_a_consumer_says_in_a_lead_is_a_message_and_what_nobody_knows_goes_to_a_person(
    kind_of_user, kind, customer
):
    said = {"id": "ev-1", "lead_id": "ld-1", "user_id": "us-1", "user_type": kind_of_user}
    body = {"account_id": "biz-1", "feed": "lead", "items": [said]}
    (event,) = yelp.parse(json.dumps(body).encode(), NOW)
    assert (event.kind, event.customer_id) == (kind, customer)
    assert is_from_customer(event) is (kind is not Kind.ECHO)


# With Yelp's side of the sandbox

BUSINESS = "biz-lantern-1"


@pytest.fixture
def place(tmp_path):
    return Talk("yelp", BUSINESS, tmp_path, NOW)


def lead(place):
    place.learns(delivered("yelp", "pointer__lead"))
    (pointer,) = yelp.parse(delivered("yelp", "pointer__lead"), NOW)
    ask = Ask(feed="lead", since=NOW, now=NOW, reference=pointer.message_id)
    found = yelp.page(ask, place.call(yelp.ask(ask, place.secret)), place.secret)
    assert isinstance(found, Page)
    items = [dict(item.raw) for item in found.items]
    return yelp.parse(json.dumps({"account_id": BUSINESS, "feed": "lead", "items": items}).encode(), NOW)


def test_a_lead_is_fetched_answered_and_the_answer_read_back_as_ours(place):
    (asked,) = lead(place)
    outcome = yelp.outcome(place.call(yelp.reply(place.answers(asked, "Yes, at ten."), place.secret, NOW)))
    assert isinstance(outcome, Posted)
    again = lead(place)
    assert [(e.kind, e.text) for e in again] == [(Kind.MESSAGE, asked.text), (Kind.ECHO, "Yes, at ten.")]
    assert again[1].message_id == outcome.native_id


def test_a_long_lead_is_read_from_its_end_to_its_beginning(place):
    items = [
        {"id": f"e{n}", "lead_id": "ld-9", "cursor": f"c{n}", "time_created": (NOW + timedelta(minutes=n)).isoformat()}
        for n in range(50)
    ]
    place.learns(json.dumps({"account_id": BUSINESS, "feed": "lead", "items": items}).encode())
    ask, seen = Ask(feed="lead", since=NOW, now=NOW, reference="ld-9"), []
    while True:
        found = yelp.page(ask, place.call(yelp.ask(ask, place.secret)), place.secret)
        assert isinstance(found, Page)
        seen += [item.item_id for item in found.items]
        if found.next is None:
            break
        ask = replace(ask, reference=None, token=found.next)
    assert sorted(seen) == sorted(f"e{n}" for n in range(50))
    assert seen[:20] == [f"e{n}" for n in range(30, 50)]


def test_a_review_is_answered_once_known_and_refused_where_it_is_not(place):
    place.learns(delivered("yelp", "review__new"))
    (review,) = yelp.parse(delivered("yelp", "review__new"), NOW)
    assert isinstance(yelp.outcome(place.call(yelp.reply(place.answers(review), place.secret, NOW))), Posted)
    strange = place.answers(replace(review, thread_id="rv-none"))
    refused = yelp.outcome(place.call(yelp.reply(strange, place.secret, NOW)))
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.NEVER


def test_the_week_of_an_access_token_is_renewed_by_the_refresh_token_which_stays(place):
    account = yelp.renewed(place.secret, place.call(yelp.renew(place.secret, NOW)), NOW)
    assert isinstance(account, Secret)
    assert yelp.expires(account) == NOW + timedelta(days=7)
    assert account.credentials["refresh_token"] == place.secret.credentials["refresh_token"]
    assert not isinstance(yelp.proven(place.call(yelp.prove(account, NOW))), Refused)
    spent = replace(account, credentials={**account.credentials, "refresh_token": "spent"})
    refused = yelp.renewed(spent, place.call(yelp.renew(spent, NOW)), NOW)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.BLOCKED


def test_businesses_are_subscribed_by_the_partners_key_and_not_by_the_owners_token(place):
    (call,) = yelp.subscribe(place.secret, "https://desk.example/webhooks/yelp")
    assert place.call(call).status == 202
    assert yelp.subscribe(ACCOUNT, "https://desk.example/webhooks/yelp") == ()
