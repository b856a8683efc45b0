"""Google Play: what is asked for and what it may cost, one short answer a review, and Google's errors."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from infra.local.platforms import google
from shared.channels import _google, google_play
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Outbound, Posted, Refusal, Refused, Secret, Unclear
from shared.domain.polling import Ask, Page
from shared.services.poll_walk import MOST_REVISITS
from tests.unit.channels._talking import Talk, delivered, said

NOW = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
APP = "com.lantern.bikes"
SECRET = Secret(account_id=APP, credentials={"access_token": "ya29.test"})
ASK = Ask(feed="reviews", since=NOW - timedelta(days=1), now=NOW)
OUTBOUND = Outbound(
    channel="google_play",
    account_id=APP,
    surface=Surface.REVIEW,
    thread_id="gp:AOqp/1",
    customer_id="gp:AOqp/1",
    in_reply_to="gp:AOqp/1",
    text="Fixed in 4.1.1.",
    by_person=True,
    last_inbound_at=NOW,
    client_token="conversation.reply-1",
)


def answer(status, payload, **headers):
    return Answer(status=status, headers=headers, body=json.dumps(payload).encode())


def error(status, word="", **more):
    return answer(status, {"error": {"code": status, "message": "No.", "status": word, **more}})


def refused(outcome, refusal):
    assert isinstance(outcome, Refused)
    assert outcome.refusal is refusal
    return outcome.reason


# Asking


def test_the_first_page_is_the_newest_hundred_and_the_next_goes_on_by_googles_token():
    first, following = google_play.ask(ASK, SECRET), google_play.ask(replace(ASK, token="t+2"), SECRET)
    assert isinstance(first, Call)
    assert isinstance(following, Call)
    assert first.url.endswith("/applications/com%2Elantern%2Ebikes/reviews?maxResults=100")
    assert following.url.endswith("&token=t%2B2")
    assert first.headers["authorization"] == "Bearer ya29.test"


def test_a_day_of_full_runs_stays_within_the_quota_and_an_hour_within_googles():
    (feed,) = google_play.FEEDS
    in_an_hour = timedelta(hours=1) / feed.every * feed.pages + timedelta(hours=1) / feed.revisit_every * MOST_REVISITS
    assert in_an_hour <= 200
    assert feed.quota is not None
    assert feed.quota.units >= in_an_hour * 24
    assert feed.lost_after == timedelta(days=7)


def test_a_page_without_reviews_is_an_empty_object():
    assert google_play.page(ASK, answer(200, {}), SECRET) == Page(items=[])


def test_an_item_changes_when_the_customer_changes_it_and_when_we_answer():
    comment = {"userComment": {"text": "\tHm", "lastModified": {"seconds": "1794248700"}}}
    ours = {"developerComment": {"text": "Ah", "lastModified": {"seconds": "1794248760"}}}
    revisions = set()
    for comments in ([comment], [comment, ours], [{"userComment": {"lastModified": {"seconds": "1794248999"}}}]):
        found = google_play.page(ASK, answer(200, {"reviews": [{"reviewId": "r", "comments": comments}]}), SECRET)
        assert isinstance(found, Page)
        (item,) = found.items
        assert item.item_id == "r"
        revisions.add(item.revision)
    assert len(revisions) == 3


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        (error(429, "RESOURCE_EXHAUSTED"), Refusal.LATER),
        (error(403, errors=[{"reason": "quotaExceeded"}]), Refusal.LATER),
        (error(403, "PERMISSION_DENIED"), Refusal.BLOCKED),
        (error(401, "UNAUTHENTICATED"), Refusal.BLOCKED),
        (error(503, "UNAVAILABLE"), Refusal.LATER),
        (error(404, "NOT_FOUND"), Refusal.NEVER),
    ],
)
def test_an_answer_without_reviews_says_what_to_do(given, refusal):
    refused(google_play.page(ASK, given, SECRET), refusal)


def test_a_quota_of_nothing_is_an_access_that_was_never_approved_and_not_a_matter_of_waiting():
    details = [{"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"quota_limit_value": "0"}}]
    assert "not approved" in refused(google_play.page(ASK, error(429, details=details), SECRET), Refusal.BLOCKED)


# Answering


def test_an_answer_goes_below_its_review():
    call = google_play.reply(OUTBOUND, SECRET, NOW)
    assert isinstance(call, Call)
    assert (call.method, json.loads(call.body or b"")) == ("POST", {"replyText": "Fixed in 4.1.1."})
    assert call.url.endswith("/applications/com%2Elantern%2Ebikes/reviews/gp%3AAOqp%2F1:reply")


def test_350_characters_are_taken_and_one_more_is_refused_with_the_count():
    assert isinstance(google_play.reply(replace(OUTBOUND, text="ü" * 350), SECRET, NOW), Call)
    assert "351" in refused(google_play.reply(replace(OUTBOUND, text="ü" * 351), SECRET, NOW), Refusal.NEVER)


def test_what_google_would_take_out_is_refused_before():
    assert "HTML" in refused(google_play.reply(replace(OUTBOUND, text="Tap <b>Save</b>"), SECRET, NOW), Refusal.NEVER)
    assert isinstance(google_play.reply(replace(OUTBOUND, text="I <3 bikes, 2 > 1"), SECRET, NOW), Call)


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        (error(400, "INVALID_ARGUMENT"), Refusal.NEVER),
        (error(404, "NOT_FOUND"), Refusal.NEVER),
        (error(401, "UNAUTHENTICATED"), Refusal.BLOCKED),
        (error(403, "PERMISSION_DENIED"), Refusal.BLOCKED),
        (error(429, "RESOURCE_EXHAUSTED"), Refusal.LATER),
    ],
)
def test_a_refused_answer_says_what_to_do(given, refusal):
    refused(google_play.outcome(given), refusal)


def test_a_fault_of_googles_and_a_success_without_the_reply_leave_it_unclear():
    assert isinstance(google_play.outcome(error(500)), Unclear)
    assert isinstance(google_play.outcome(answer(200, {})), Unclear)


# The account


def test_a_service_account_asks_with_an_assertion_it_signed_for_an_hour():
    key = google.private_key()
    account = Secret(account_id=APP, credentials={"client_email": "desk@x.example", "private_key": key})
    call = google_play.renew(account, NOW)
    assert isinstance(call, Call)
    assert call.url == _google.TOKEN_URL
    assertion = (call.body or b"").decode().rpartition("assertion=")[2].replace("%2E", ".")
    claims = jwt.decode(assertion, options={"verify_signature": False})
    assert claims["scope"] == "https://www.googleapis.com/auth/androidpublisher"
    assert claims["exp"] - claims["iat"] == 3600
    assert jwt.get_unverified_header(assertion)["alg"] == "RS256"


def test_a_key_copied_with_its_line_ends_written_out_is_read():
    key = google.private_key().replace("\n", "\\n")
    account = Secret(account_id=APP, credentials={"client_email": "desk@x.example", "private_key": key})
    assert isinstance(google_play.renew(account, NOW), Call)


@pytest.mark.parametrize("key", ["", "not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_without_a_usable_key_a_person_is_told(key):
    account = Secret(account_id=APP, credentials={"client_email": "desk@x.example", "private_key": key})
    refused(google_play.renew(account, NOW), Refusal.BLOCKED)


# With Google Play's side of the sandbox


@pytest.fixture
def store(tmp_path):
    return Talk("google_play", APP, tmp_path, NOW)


def test_a_review_is_found_answered_and_the_answer_recognised_when_it_is_read_again(store):
    store.learns(delivered("google_play", "review__new"))
    found = google_play.page(ASK, store.call(google_play.ask(ASK, store.secret)), store.secret)
    assert isinstance(found, Page)
    assert [(item.item_id, item.raw["authorName"]) for item in found.items] == [("gp:AOqpTOE1hl0aG5Kq", "Uma Example")]

    body = json.dumps({"account_id": APP, "feed": "reviews", "items": [dict(i.raw) for i in found.items]}).encode()
    outcome = google_play.outcome(
        store.call(google_play.reply(store.answers(said("google_play", body, NOW)), store.secret, NOW))
    )
    again = google_play.page(ASK, store.call(google_play.ask(ASK, store.secret)), store.secret)

    assert isinstance(outcome, Posted)
    assert isinstance(again, Page)
    assert again.items[0].revision != found.items[0].revision
    body = json.dumps({"account_id": APP, "feed": "reviews", "items": [dict(i.raw) for i in again.items]}).encode()
    echo = google_play.parse(body, NOW)[-1]
    assert (echo.kind, echo.message_id, echo.in_reply_to) == (Kind.ECHO, outcome.native_id, "gp:AOqpTOE1hl0aG5Kq")
    assert store.world.posts[-1].text == "We are looking into it."


def test_pages_are_walked_to_their_end_and_nothing_older_than_a_week_is_shown(store):
    items = [
        {
            "reviewId": f"r{n}",
            "comments": [{"userComment": {"text": "\tHi", "lastModified": {"seconds": str(int(at.timestamp()))}}}],
        }
        for n in range(230)
        for at in [NOW - timedelta(hours=n)]
    ]
    store.learns(json.dumps({"account_id": APP, "feed": "reviews", "items": items}).encode())
    seen, token = [], None
    while True:
        ask = replace(ASK, token=token)
        found = google_play.page(ask, store.call(google_play.ask(ask, store.secret)), store.secret)
        assert isinstance(found, Page)
        seen += [item.item_id for item in found.items]
        token = found.next
        if token is None:
            break
    assert seen == [f"r{n}" for n in range(7 * 24 + 1)]


def test_one_review_is_asked_for_by_its_id(store):
    store.learns(delivered("google_play", "review__new"))
    ask = replace(ASK, reference="gp:AOqpTOE1hl0aG5Kq")
    found = google_play.page(ask, store.call(google_play.ask(ask, store.secret)), store.secret)
    assert isinstance(found, Page)
    assert [item.item_id for item in found.items] == ["gp:AOqpTOE1hl0aG5Kq"]


def test_a_renewed_token_is_good_and_ends_in_an_hour(store):
    assert google_play.expires(store.secret) == datetime(2026, 1, 1, tzinfo=UTC)
    account = google_play.renewed(store.secret, store.call(google_play.renew(store.secret, NOW)), NOW)
    assert isinstance(account, Secret)
    assert account.credentials["access_token"] != store.secret.credentials["access_token"]
    ends = google_play.expires(account)
    assert ends is not None
    assert timedelta(minutes=59) < ends - NOW <= timedelta(hours=1)
    assert not isinstance(google_play.proven(store.call(google_play.prove(account, NOW))), Refused)


def test_a_token_of_nobody_and_one_of_another_app_are_refused(store):
    nobody = replace(store.secret, credentials={"access_token": "nobody"})
    refused(google_play.page(ASK, store.call(google_play.ask(ASK, nobody)), nobody), Refusal.BLOCKED)
    another = replace(store.secret, account_id="com.other")
    refused(google_play.page(ASK, store.call(google_play.ask(ASK, another)), another), Refusal.BLOCKED)


@pytest.mark.parametrize(
    ("kind", "refusal"), [("throttle", Refusal.LATER), ("revoked_token", Refusal.BLOCKED), ("server_error", None)]
)
def test_trouble_is_understood(store, kind, refusal):
    store.learns(delivered("google_play", "review__new"))
    store.meets(kind, "androidpublisher.googleapis.com")
    outbound = store.answers(said("google_play", delivered("google_play", "review__new"), NOW))
    outcome = google_play.outcome(store.call(google_play.reply(outbound, store.secret, NOW)))
    assert isinstance(outcome, Unclear) if refusal is None else refused(outcome, refusal)
