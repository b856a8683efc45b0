"""Trustpilot: pages by number, edits and answers as revisions, one answer in a user's name, tokens by key and secret."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.platforms import trustpilot as platform
from shared.channels import trustpilot
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Outbound, Posted, Refusal, Refused, Request, Secret
from shared.domain.polling import Ask, Page
from shared.errors import SignatureRejected
from tests.unit.channels._talking import Talk, delivered

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
UNIT = "46d6a890000064000500e0c3"
ACCOUNT = Secret(account_id=UNIT, credentials={**platform.credentials(), "access_token": "token"})
FIRST = Ask(feed="reviews", since=NOW - timedelta(days=1), now=NOW)
ANSWER = Outbound(
    channel="trustpilot",
    account_id=UNIT,
    surface=Surface.REVIEW,
    thread_id="r1",
    customer_id="c1",
    in_reply_to="r1",
    text="Sorry to hear it.",
    by_person=True,
    last_inbound_at=NOW,
    client_token="c.s",
)


def answered(status, body):
    return Answer(status=status, body=json.dumps(body).encode())


def reviews(count):
    return answered(200, {"reviews": [{"id": f"r{n}", "createdAt": "2026-11-20T08:00:00Z"} for n in range(count)]})


def test_a_full_page_goes_on_with_the_next_number_and_a_short_one_is_the_last():
    full, short = trustpilot.page(FIRST, reviews(100), ACCOUNT), trustpilot.page(FIRST, reviews(99), ACCOUNT)
    assert isinstance(full, Page)
    assert isinstance(short, Page)
    assert (full.next, short.next) == ("2", None)
    call = trustpilot.ask(replace(FIRST, token=full.next), ACCOUNT)
    assert isinstance(call, Call)
    assert "page=2" in call.url


def test_an_edit_and_an_answer_each_give_a_review_another_revision():
    plain = {"id": "r", "createdAt": "2026-11-20T08:00:00Z"}
    changed = {**plain, "updatedAt": "2026-11-20T09:00:00Z"}
    replied = {**plain, "companyReply": {"text": "x", "createdAt": "2026-11-20T10:00:00Z"}}
    page = trustpilot.page(FIRST, answered(200, {"reviews": [plain, changed, replied]}), ACCOUNT)
    assert isinstance(page, Page)
    assert len({item.revision for item in page.items}) == 3


def test_an_edited_review_is_told_as_new_and_as_changed_for_nobody_knows_which_was_heard_of():
    review = {"id": "r", "createdAt": "2026-11-20T08:00:00Z", "updatedAt": "2026-11-20T09:00:00Z", "text": "now"}
    body = json.dumps({"account_id": UNIT, "feed": "reviews", "items": [review]}).encode()
    assert [event.kind for event in trustpilot.parse(body, NOW)] == [Kind.MESSAGE, Kind.EDIT]


@pytest.mark.parametrize(
    ("status", "refusal"),
    [(401, Refusal.BLOCKED), (403, Refusal.BLOCKED), (409, Refusal.NEVER), (422, Refusal.NEVER), (429, Refusal.LATER)],
)
def test_a_status_means_what_it_says(status, refusal):
    outcome = trustpilot.outcome(answered(status, {"message": "words"}))
    assert isinstance(outcome, Refused)
    assert outcome.refusal is refusal


def test_a_success_names_no_id():
    assert trustpilot.outcome(Answer(status=201)) == Posted("")


def test_an_answer_is_written_in_the_name_of_the_business_user():
    call = trustpilot.reply(ANSWER, ACCOUNT, NOW)
    assert isinstance(call, Call)
    assert json.loads(call.body or b"")["authorBusinessUserId"] == ACCOUNT.credentials["business_user_id"]


@pytest.mark.parametrize("missing", ["access_token", "business_user_id"])
def test_without_a_credential_nothing_is_called(missing):
    account = replace(ACCOUNT, credentials={n: v for n, v in ACCOUNT.credentials.items() if n != missing})
    refused = trustpilot.reply(ANSWER, account, NOW)
    assert isinstance(refused, Refused)
    assert missing in refused.reason


def test_key_and_secret_give_a_token_that_is_stored_with_its_end():
    call = trustpilot.renew(ACCOUNT, NOW)
    assert isinstance(call, Call)
    assert call.headers["authorization"].startswith("Basic ")
    account = trustpilot.renewed(ACCOUNT, answered(200, {"access_token": "new", "expires_in": "3600"}), NOW)
    assert isinstance(account, Secret)
    assert account.credentials["access_token"] == "new"
    assert trustpilot.expires(account) == NOW + timedelta(hours=1)


def test_a_refused_key_has_to_be_put_right_by_a_person():
    refused = trustpilot.renewed(ACCOUNT, answered(401, {"error": "invalid_client"}), NOW)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.BLOCKED


# Being called

TOLD = Secret(account_id=UNIT, signing=("key-one", "key-two"))


def told(**query):
    return Request(method="POST", headers={}, query=query, body=b"{}")


@pytest.mark.parametrize("key", ["key-one", "key-two"])
def test_the_key_in_the_address_proves_a_webhook_and_says_whose_it_is(key):
    other = Secret(account_id="other", signing=("key-three",))
    trustpilot.verify(told(key=key), (other, TOLD), NOW)
    assert trustpilot.addressee(told(key=key), (other, TOLD)) == UNIT


@pytest.mark.parametrize("key", ["", "key-four", "key-one ", "\ud800"])
def test_any_other_address_is_refused_and_nobodys(key):
    with pytest.raises(SignatureRejected):
        trustpilot.verify(told(key=key), (TOLD,), NOW)
    assert trustpilot.addressee(told(key=key), (TOLD, replace(TOLD, signing=("", " ")))) is None


def test_an_update_at_the_time_of_writing_is_none():
    review = {"id": "r", "createdAt": "2026-11-20T08:00:00Z", "updatedAt": "2026-11-20T08:00:00Z"}
    body = json.dumps({"account_id": UNIT, "feed": "reviews", "items": [review]}).encode()
    assert [event.kind for event in trustpilot.parse(body, NOW)] == [Kind.MESSAGE]


# With Trustpilot's side of the sandbox


@pytest.fixture
def place(tmp_path):
    return Talk("trustpilot", UNIT, tmp_path, NOW)


def test_what_a_webhook_tells_of_is_fetched_answered_and_read_back(place):
    body = delivered("trustpilot", "webhook__new-review")
    place.learns(body)
    (pointer,) = trustpilot.parse(body, NOW)
    assert pointer.kind is Kind.POINTER
    ask = replace(FIRST, feed="review", reference=pointer.message_id)

    def read():
        found = trustpilot.page(ask, place.call(trustpilot.ask(ask, place.secret)), place.secret)
        assert isinstance(found, Page)
        items = [dict(item.raw) for item in found.items]
        return trustpilot.parse(json.dumps({"account_id": UNIT, "feed": "review", "items": items}).encode(), NOW)

    (review,) = read()
    outcome = trustpilot.outcome(place.call(trustpilot.reply(place.answers(review, "Sorry."), place.secret, NOW)))
    assert outcome == Posted("")
    assert [(event.kind, event.text) for event in read()[1:]] == [(Kind.ECHO, "Sorry.")]


def test_the_account_is_renewed_and_proven(place):
    account = trustpilot.renewed(place.secret, place.call(trustpilot.renew(place.secret, NOW)), NOW)
    assert isinstance(account, Secret)
    assert trustpilot.expires(account) == NOW + timedelta(seconds=359999)
    assert not isinstance(trustpilot.proven(place.call(trustpilot.prove(account, NOW))), Refused)


@pytest.mark.parametrize(("kind", "refusal"), [("throttle", Refusal.LATER), ("revoked_token", Refusal.BLOCKED)])
def test_trouble_is_understood(place, kind, refusal):
    place.meets(kind, "api.trustpilot.com")
    outcome = trustpilot.outcome(place.call(trustpilot.reply(ANSWER, place.secret, NOW)))
    assert isinstance(outcome, Refused)
    assert outcome.refusal is refusal
