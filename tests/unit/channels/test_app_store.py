"""The App Store: a token for each call, pages by cursor alone, one response a review, Apple's errors."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from infra.local.platforms import app_store as side
from infra.local.platforms import google
from shared.channels import app_store
from shared.domain.connecting import Proof
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Outbound, Posted, Refusal, Refused, Secret, Unclear
from shared.domain.polling import Ask, Page
from tests.unit.channels._talking import Talk, delivered, said

NOW = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
APP = "6449000001"
SECRET = Secret(account_id=APP, credentials=side.credentials())
ASK = Ask(feed="reviews", since=NOW - timedelta(days=1), now=NOW)
OUTBOUND = Outbound(
    channel="app_store",
    account_id=APP,
    surface=Surface.REVIEW,
    thread_id="r-1",
    customer_id="r-1",
    in_reply_to="r-1",
    text="Fixed in 4.1.1.",
    by_person=True,
    last_inbound_at=NOW,
    client_token="conversation.reply-1",
)


def answer(status, payload, **headers):
    return Answer(status=status, headers=headers, body=json.dumps(payload).encode())


def error(status, code="X", **headers):
    return answer(
        status, {"errors": [{"status": str(status), "code": code, "title": "No.", "detail": "Not so."}]}, **headers
    )


def refused(outcome, refusal):
    assert isinstance(outcome, Refused)
    assert outcome.refusal is refusal
    return outcome


def called(**asked):
    call = app_store.ask(replace(ASK, **asked), SECRET)
    assert isinstance(call, Call)
    return call


# The token


def test_each_call_carries_a_token_of_the_moment_signed_with_the_accounts_key():
    token = called().headers["authorization"].removeprefix("Bearer ")
    key = load_pem_private_key(SECRET.credentials["private_key"].encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    claims = jwt.decode(
        token, key.public_key(), algorithms=["ES256"], audience="appstoreconnect-v1", options={"verify_exp": False}
    )
    assert claims["iss"] == SECRET.credentials["issuer_id"]
    assert claims["iat"] == int(NOW.timestamp())
    assert 0 < claims["exp"] - claims["iat"] <= 20 * 60
    assert jwt.get_unverified_header(token)["kid"] == SECRET.credentials["key_id"]


@pytest.mark.parametrize("name", ["issuer_id", "key_id", "private_key"])
def test_without_a_part_of_the_key_a_person_is_told_which(name):
    secret = replace(SECRET, credentials={**SECRET.credentials, name: " "})
    assert name in refused(app_store.reply(OUTBOUND, secret, NOW), Refusal.BLOCKED).reason
    assert app_store.prove(secret, NOW) is None


def test_a_key_of_another_kind_is_refused_before_any_call():
    secret = replace(SECRET, credentials={**SECRET.credentials, "private_key": google.private_key()})
    refused(app_store.ask(ASK, secret), Refusal.BLOCKED)


# Asking


def test_pages_come_newest_first_with_their_responses():
    assert called().url == (
        f"https://api.appstoreconnect.apple.com/v1/apps/{APP}/customerReviews"
        "?sort=-createdDate&limit=200&include=response"
    )


@pytest.mark.parametrize("host", ["api.appstoreconnect.apple.com", "evil.example"])
def test_of_the_next_pages_address_only_the_cursor_is_followed(host):
    found = app_store.page(
        ASK, answer(200, {"data": [], "links": {"next": f"https://{host}/x?cursor=A%2Fb&limit=1"}}), SECRET
    )
    assert isinstance(found, Page)
    assert found.next == "A/b"
    assert called(token=found.next).url.startswith("https://api.appstoreconnect.apple.com/v1/apps/")
    assert called(token=found.next).url.endswith("&cursor=A%2Fb")


@pytest.mark.parametrize("link", [None, "", 5, "https://[half", "https://api.appstoreconnect.apple.com/v1/x"])
def test_without_a_cursor_there_is_no_next_page(link):
    found = app_store.page(ASK, answer(200, {"data": [], "links": {"next": link}}), SECRET)
    assert isinstance(found, Page)
    assert found.next is None


def test_changed_words_and_a_changed_response_each_make_an_item_new():
    words = {"rating": 2, "title": "A", "body": "B", "createdDate": "2026-11-09T18:00:00Z"}
    review = {"id": "r", "attributes": words}
    linked = {**review, "relationships": {"response": {"data": {"type": "customerReviewResponses", "id": "a"}}}}
    response = {"type": "customerReviewResponses", "id": "a", "attributes": {"state": "PENDING_PUBLISH"}}
    published = {**response, "attributes": {"state": "PUBLISHED"}}
    pages = [
        {"data": [review]},
        {"data": [{**review, "attributes": {**words, "body": "C"}}]},
        {"data": [{**review, "attributes": {**words, "rating": 5}}]},
        {"data": [linked], "included": [response]},
        {"data": [linked], "included": [published]},
    ]
    revisions = set()
    for one in pages:
        found = app_store.page(ASK, answer(200, one), SECRET)
        assert isinstance(found, Page)
        revisions |= {item.revision for item in found.items}
    assert len(revisions) == len(pages)


def test_a_single_reviews_document_is_a_page_of_one():
    found = app_store.page(ASK, answer(200, {"data": {"id": "r", "type": "customerReviews"}}), SECRET)
    assert isinstance(found, Page)
    assert [item.item_id for item in found.items] == ["r"]


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        (error(429, "RATE_LIMIT_EXCEEDED"), Refusal.LATER),
        (error(401, "NOT_AUTHORIZED"), Refusal.BLOCKED),
        (error(403, "FORBIDDEN_ERROR"), Refusal.BLOCKED),
        (error(404, "NOT_FOUND"), Refusal.NEVER),
        (error(500), Refusal.LATER),
    ],
)
def test_an_answer_without_reviews_says_what_to_do(given, refusal):
    refused(app_store.page(ASK, given, SECRET), refusal)


# Answering


def test_a_response_names_its_review():
    call = app_store.reply(OUTBOUND, SECRET, NOW)
    assert isinstance(call, Call)
    data = json.loads(call.body or b"")["data"]
    assert data["attributes"] == {"responseBody": "Fixed in 4.1.1."}
    assert data["relationships"]["review"]["data"] == {"type": "customerReviews", "id": "r-1"}


def test_5970_characters_are_taken_and_one_more_is_refused_with_the_count():
    assert isinstance(app_store.reply(replace(OUTBOUND, text="é" * 5970), SECRET, NOW), Call)
    assert "5,971" in refused(app_store.reply(replace(OUTBOUND, text="é" * 5971), SECRET, NOW), Refusal.NEVER).reason


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        (error(409, "ENTITY_ERROR.ATTRIBUTE.INVALID"), Refusal.NEVER),
        (error(404, "NOT_FOUND"), Refusal.NEVER),
        (error(403, "FORBIDDEN_ERROR"), Refusal.BLOCKED),
        (error(401, "NOT_AUTHORIZED"), Refusal.BLOCKED),
    ],
)
def test_a_refused_response_says_what_to_do_in_apples_words(given, refusal):
    assert "Not so." in refused(app_store.outcome(given), refusal).reason


def test_a_spent_hour_is_waited_for():
    assert refused(app_store.outcome(error(429)), Refusal.LATER).after == timedelta(minutes=10)
    assert refused(app_store.outcome(error(429, **{"retry-after": "60"})), Refusal.LATER).after == timedelta(minutes=1)


def test_a_success_without_a_response_and_a_fault_leave_it_unclear():
    assert isinstance(app_store.outcome(answer(201, {"data": {}})), Unclear)
    assert isinstance(app_store.outcome(error(503)), Unclear)


# With App Store Connect's side of the sandbox


@pytest.fixture
def store(tmp_path):
    return Talk("app_store", APP, tmp_path, NOW)


def fetch(store, **asked):
    ask = replace(ASK, **asked)
    found = app_store.page(ask, store.call(app_store.ask(ask, store.secret)), store.secret)
    assert isinstance(found, Page)
    return found


def body(page):
    return json.dumps({"account_id": APP, "feed": "reviews", "items": [dict(item.raw) for item in page.items]}).encode()


def test_a_review_is_found_answered_and_the_response_recognised_when_it_is_read_again(store):
    store.learns(delivered("app_store", "review__new"))
    found = fetch(store)
    review = said("app_store", body(found), NOW)
    outcome = app_store.outcome(store.call(app_store.reply(store.answers(review), store.secret, NOW)))

    assert isinstance(outcome, Posted)
    again = fetch(store)
    assert again.items[0].revision != found.items[0].revision
    echo = app_store.parse(body(again), NOW)[-1]
    assert (echo.kind, echo.message_id, echo.in_reply_to) == (Kind.ECHO, outcome.native_id, review.message_id)
    assert body(fetch(store, reference=review.message_id)) == body(again)


def test_a_second_response_takes_the_firsts_place_under_the_same_id(store):
    store.learns(delivered("app_store", "review__new"))
    review = said("app_store", delivered("app_store", "review__new"), NOW)
    texts = ("First.", "Second.")
    ids = [
        app_store.outcome(store.call(app_store.reply(store.answers(review, text), store.secret, NOW))) for text in texts
    ]
    assert ids[0] == ids[1]
    assert [e.text for e in app_store.parse(body(fetch(store)), NOW) if e.kind is Kind.ECHO] == ["Second."]


def test_pages_are_walked_to_their_end(store):
    items = [
        {"data": {"type": "customerReviews", "id": f"r{n}", "attributes": {"createdDate": at.isoformat()}}}
        for n in range(430)
        for at in [NOW - timedelta(minutes=n)]
    ]
    store.learns(json.dumps({"account_id": APP, "feed": "reviews", "items": items}).encode())
    seen, token = [], None
    while True:
        found = fetch(store, token=token)
        seen += [item.item_id for item in found.items]
        token = found.next
        if token is None:
            break
    assert seen == [f"r{n}" for n in range(430)]


def test_the_account_is_proven_by_the_apps_name_and_a_foreign_key_is_refused(store):
    assert app_store.proven(store.call(app_store.prove(store.secret, NOW))) == Proof(who="Lantern Bikes")
    refused(app_store.proven(store.call(app_store.prove(SECRET, NOW))), Refusal.BLOCKED)


def test_a_token_of_yesterday_is_refused(store):
    stale = app_store.prove(store.secret, NOW - timedelta(days=1))
    refused(app_store.proven(store.call(stale)), Refusal.BLOCKED)


@pytest.mark.parametrize(
    ("kind", "refusal"), [("throttle", Refusal.LATER), ("revoked_token", Refusal.BLOCKED), ("server_error", None)]
)
def test_trouble_is_understood(store, kind, refusal):
    store.learns(delivered("app_store", "review__new"))
    store.meets(kind, "api.appstoreconnect.apple.com")
    review = said("app_store", delivered("app_store", "review__new"), NOW)
    outcome = app_store.outcome(store.call(app_store.reply(store.answers(review), store.secret, NOW)))
    assert isinstance(outcome, Unclear) if refusal is None else refused(outcome, refusal)
