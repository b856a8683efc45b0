"""Google Business Profile: whose token proves a push, what a notification points at, and replies that are moderated."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from infra.local.platforms import google_business as side
from shared.channels import _google_push, google_business
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Outbound, Posted, Refusal, Refused, Request, Secret, Unclear
from shared.domain.polling import Ask, Page
from shared.errors import Misconfigured, SignatureRejected
from tests.unit.channels._talking import Talk, delivered, said

NOW = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
LOCATION = "9876543210"
NAME = f"accounts/1100220033/locations/{LOCATION}/reviews/AbFvOqk1"
KEY = side.signing_key()
PUSH = {
    "audience": "https://desk.example/webhooks/google_business",
    "push_email": "push@acme.iam.gserviceaccount.com",
    "access_token": "ya29.test",
    "account": "1100220033",
}
SECRET = Secret(account_id=LOCATION, signing=(KEY,), credentials=PUSH)
ASK = Ask(feed="reviews", since=NOW - timedelta(days=1), now=NOW)
OUTBOUND = Outbound(
    channel="google_business",
    account_id=LOCATION,
    surface=Surface.REVIEW,
    thread_id=NAME,
    customer_id=NAME,
    in_reply_to=NAME,
    text="Sorry!",
    by_person=True,
    last_inbound_at=NOW,
    client_token="conversation.reply-1",
)


def token(key=KEY, algorithm="RS256", kid=None, **changed):
    known = json.loads(key)
    claims = {
        "iss": "https://accounts.google.com",
        "aud": PUSH["audience"],
        "email": PUSH["push_email"],
        "email_verified": True,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 3600,
        **changed,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, jwt.PyJWK.from_dict(known, "RS256").key, algorithm, {"kid": kid or known["kid"]})


def push(bearer, body=b"{}"):
    return Request(method="POST", headers={"authorization": f"Bearer {bearer}"}, query={}, body=body)


def rejected(bearer, secret=SECRET, now=NOW):
    with pytest.raises(SignatureRejected) as caught:
        google_business.verify(push(bearer), (secret,), now)
    return str(caught.value)


def answer(status, payload, **headers):
    return Answer(status=status, headers=headers, body=json.dumps(payload).encode())


def refused(outcome, refusal):
    assert isinstance(outcome, Refused)
    assert outcome.refusal is refusal
    return outcome.reason


# Being called


def test_a_token_of_google_for_our_audience_and_pusher_is_accepted():
    google_business.verify(push(token()), (SECRET,), NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"email": "anybody@elsewhere.iam.gserviceaccount.com"},
        {"email": None},
        {"email_verified": False},
        {"email_verified": "true"},
        {"aud": "https://desk.example/webhooks/other"},
        {"aud": None},
        {"iss": "https://evil.example"},
    ],
)
def test_a_good_token_of_googles_for_or_from_somebody_else_is_refused(changed):
    assert "another" in rejected(token(**changed))


@pytest.mark.parametrize("missing", ["audience", "push_email"])
def test_an_account_that_does_not_say_who_pushes_accepts_nobody(missing):
    secret = replace(SECRET, credentials={**PUSH, missing: " "})
    rejected(token(aud=" ", email=" "), secret)
    rejected(token(), secret)


@pytest.mark.parametrize("changed", [{"iat": None}, {"exp": None}, {"iat": "soon"}])
def test_a_token_without_its_times_is_refused(changed):
    rejected(token(**changed))


def test_a_token_ends_when_it_says_and_never_lives_longer_than_an_hour():
    brief = token(exp=int(NOW.timestamp()) + 60)
    google_business.verify(push(brief), (SECRET,), NOW + timedelta(seconds=60))
    rejected(brief, now=NOW + timedelta(seconds=61))
    rejected(token(exp=int(NOW.timestamp()) + 10**6), now=NOW + timedelta(seconds=3601))


def test_the_key_is_found_by_its_id_and_no_other_is_tried():
    rejected(token(kid="another"))
    second = side.signing_key()
    secret = replace(SECRET, signing=(second, KEY))
    google_business.verify(push(token()), (secret,), NOW)
    google_business.verify(push(token(second)), (secret,), NOW)


def test_a_token_signed_with_a_secret_made_of_the_public_key_is_refused():
    public = json.dumps({name: json.loads(KEY)[name] for name in ("kty", "n", "e", "kid")})
    secret = replace(SECRET, signing=(public,))
    kid, modulus = json.loads(KEY)["kid"], json.loads(KEY)["n"]
    claims = {"email": PUSH["push_email"], "aud": PUSH["audience"]}
    forged = jwt.encode(claims, modulus, "HS256", {"kid": kid})
    rejected(forged, secret)
    unsigned = jwt.encode(claims, "", "none", {"kid": kid})
    rejected(unsigned, secret)
    google_business.verify(push(token()), (secret,), NOW)


@pytest.mark.parametrize(
    "junk", ["not json", "[]", '{"kty": "oct", "k": "AAAA"}', '{"kty": "RSA", "n": "", "e": "AQAB"}']
)
def test_a_key_that_is_no_rsa_key_is_none_and_spoils_no_other(junk):
    rejected(token(), replace(SECRET, signing=(junk,)))
    google_business.verify(push(token()), (replace(SECRET, signing=(junk, KEY)),), NOW)


def test_only_a_private_key_signs():
    public = json.dumps({name: json.loads(KEY)[name] for name in ("kty", "n", "e", "kid")})
    with pytest.raises(Misconfigured):
        google_business.sign(b"", replace(SECRET, signing=(public,)), NOW, "1")


def test_a_notification_nested_as_deep_as_json_allows_is_read():
    inner = '{"a":' * 300 + f'"{NAME}"' + "}" * 300
    (event,) = google_business.parse(inner.encode(), NOW)
    assert (event.kind, event.message_id, event.account_id) == (Kind.POINTER, NAME, LOCATION)


# Asking


def test_a_pointer_is_fetched_by_the_reviews_name_and_nothing_else_is():
    call = google_business.ask(replace(ASK, reference=NAME), SECRET)
    assert isinstance(call, Call)
    assert call.url == f"https://mybusiness.googleapis.com/v4/{NAME}"
    for name in ("accounts/1/locations/2/reviews/../../x", "locations/2/reviews/3", f"{NAME}/reply", f"{NAME}?x=1"):
        refused(google_business.ask(replace(ASK, reference=name), SECRET), Refusal.NEVER)


def test_the_list_comes_newest_changed_first_and_goes_on_by_googles_token():
    call = google_business.ask(replace(ASK, token="t/2"), SECRET)
    assert isinstance(call, Call)
    assert call.url.startswith(
        f"https://mybusiness.googleapis.com/v4/accounts/1100220033/locations/{LOCATION}/reviews?"
    )
    assert call.url.endswith("orderBy=updateTime%20desc&pageToken=t%2F2")


def test_an_edit_an_answer_and_its_moderation_each_make_an_item_new():
    plain = {"name": NAME, "updateTime": "2026-11-09T18:25:00Z"}
    states = [
        plain,
        {**plain, "updateTime": "2026-11-09T18:26:00Z"},
        {**plain, "reviewReply": {"updateTime": "2026-11-09T18:27:00Z", "reviewReplyState": "PENDING"}},
        {**plain, "reviewReply": {"updateTime": "2026-11-09T18:27:00Z", "reviewReplyState": "REJECTED"}},
    ]
    found = google_business.page(ASK, answer(200, {"reviews": states}), SECRET)
    assert isinstance(found, Page)
    assert len({(item.item_id, item.revision) for item in found.items}) == 4


# Answering


def test_4096_bytes_are_taken_and_one_more_is_refused_with_the_count():
    assert isinstance(google_business.reply(replace(OUTBOUND, text="ü" * 2048), SECRET, NOW), Call)
    assert "4,098" in refused(google_business.reply(replace(OUTBOUND, text="ü" * 2049), SECRET, NOW), Refusal.NEVER)


def test_an_answer_is_put_below_its_review():
    call = google_business.reply(OUTBOUND, SECRET, NOW)
    assert isinstance(call, Call)
    assert (call.method, call.url) == ("PUT", f"https://mybusiness.googleapis.com/v4/{NAME}/reply")
    assert json.loads(call.body or b"") == {"comment": "Sorry!"}


def test_a_success_with_a_reply_that_was_turned_down_is_a_refusal():
    given = {"comment": "Sorry!", "reviewReplyState": "REJECTED", "policyViolation": {"type": "SPAM"}}
    assert "SPAM" in refused(google_business.outcome(answer(200, given)), Refusal.NEVER)


def test_a_success_without_the_reply_is_unclear_and_one_without_a_time_has_no_id():
    assert isinstance(google_business.outcome(answer(200, {})), Unclear)
    assert google_business.outcome(answer(200, {"comment": "Sorry!"})) == Posted("")


# The account


def account(**credentials):
    return Secret(account_id=LOCATION, signing=(KEY,), credentials={**PUSH, **credentials})


def test_what_ends_first_is_when_the_account_ends():
    later, sooner = "2026-11-10T00:00:00Z", "2026-11-09T19:00:00Z"
    both = datetime(2026, 11, 9, 19, tzinfo=UTC)
    assert google_business.expires(account(expires_at=sooner, certs_expire_at=later)) == both
    assert google_business.expires(account(expires_at=later, certs_expire_at=sooner)) == both
    assert google_business.expires(account(expires_at=sooner)) == both
    assert google_business.expires(replace(account(expires_at=later), signing=())) == datetime(1970, 1, 1, tzinfo=UTC)


def test_one_renewal_is_one_call_for_whatever_is_about_to_end_the_token_first():
    ended, good = "2026-11-09T18:35:00Z", "2026-11-09T20:00:00Z"
    oauth = {"client_id": "c", "client_secret": "s", "refresh_token": "r"}
    both = google_business.renew(account(expires_at=ended, certs_expire_at=ended, **oauth), NOW)
    certificates = google_business.renew(account(expires_at=good, certs_expire_at=ended, **oauth), NOW)
    assert isinstance(both, Call)
    assert isinstance(certificates, Call)
    assert (both.method, certificates.url) == ("POST", _google_push.CERTS_URL)
    assert google_business.renew(account(expires_at=good, certs_expire_at=good, **oauth), NOW) is None


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("public, max-age=19845, must-revalidate", timedelta(seconds=19845)),
        ("no-cache", timedelta(hours=6)),
        ("max-age=0", timedelta(hours=1)),
        ("max-age=999999999", timedelta(hours=24)),
    ],
)
def test_certificates_are_kept_as_long_as_google_says_within_bounds(header, kept):
    keys = {"keys": [{**json.loads(side.signing_key()), "x5c": ["..."]}]}
    renewed = google_business.renewed(account(), answer(200, keys, **{"cache-control": header}), NOW)
    assert isinstance(renewed, Secret)
    assert KEY not in renewed.signing
    assert "d" not in json.loads(renewed.signing[0])
    assert datetime.fromisoformat(renewed.credentials["certs_expire_at"]) == NOW + kept


def test_a_certificate_that_is_known_stays_as_it_is_written():
    public = {name: json.loads(KEY)[name] for name in ("kty", "kid", "n", "e")}
    renewed = google_business.renewed(account(), answer(200, {"keys": [public]}), NOW)
    assert isinstance(renewed, Secret)
    assert renewed.signing == (KEY,)


@pytest.mark.parametrize(
    "given", [answer(200, {"keys": []}), answer(200, {"keys": [{"kty": "EC"}]}), answer(500, {"keys": [1]})]
)
def test_without_new_certificates_the_old_ones_stay(given):
    refused(google_business.renewed(account(), given, NOW), Refusal.LATER)


def test_a_refresh_token_that_ended_is_a_matter_for_a_person():
    refused(google_business.renewed(account(), answer(400, {"error": "invalid_grant"}), NOW), Refusal.BLOCKED)


# With Google's side of the sandbox


@pytest.fixture
def place(tmp_path):
    return Talk("google_business", LOCATION, tmp_path, NOW)


def fetch(place, **asked):
    ask = replace(ASK, **asked)
    found = google_business.page(ask, place.call(google_business.ask(ask, place.secret)), place.secret)
    assert isinstance(found, Page)
    items = [dict(item.raw) for item in found.items]
    return json.dumps({"account_id": LOCATION, "feed": "reviews", "items": items}).encode()


def test_a_push_points_at_a_review_that_is_fetched_answered_and_recognised(place):
    body = delivered("google_business", "notification__new-review")
    place.learns(body)
    headers = google_business.sign(body, place.secret, NOW, "1")
    google_business.verify(Request(method="POST", headers=headers, query={}, body=body), (place.secret,), NOW)
    (pointer,) = google_business.parse(body, NOW)

    review = said("google_business", fetch(place, reference=pointer.message_id), NOW)
    outcome = google_business.outcome(place.call(google_business.reply(place.answers(review), place.secret, NOW)))

    assert (review.rating, review.account_id, review.thread_id) == (2, LOCATION, pointer.message_id)
    assert isinstance(outcome, Posted)
    echo = google_business.parse(fetch(place), NOW)[-1]
    assert (echo.kind, echo.message_id, echo.in_reply_to) == (Kind.ECHO, outcome.native_id, review.message_id)


def test_token_and_certificates_are_renewed_one_after_the_other(place):
    once = google_business.renewed(place.secret, place.call(google_business.renew(place.secret, NOW)), NOW)
    assert isinstance(once, Secret)
    twice = google_business.renewed(once, place.call(google_business.renew(once, NOW)), NOW)
    assert isinstance(twice, Secret)
    assert google_business.renew(twice, NOW) is None
    assert twice.credentials["access_token"] != place.secret.credentials["access_token"]
    headers = google_business.sign(b"{}", place.secret, NOW, "1")
    google_business.verify(Request(method="POST", headers=headers, query={}, body=b"{}"), (twice,), NOW)
    assert not isinstance(google_business.proven(place.call(google_business.prove(twice, NOW))), Refused)


def test_notifications_are_set_for_the_whole_google_account(place):
    (call,) = google_business.subscribe(place.secret, "https://desk.example/webhooks/google_business")
    told = json.loads(place.call(call).body)
    assert told["notificationTypes"] == ["NEW_REVIEW", "UPDATED_REVIEW"]
    assert told["pubsubTopic"] == "projects/lantern-bikes/topics/reviews"


def test_a_review_that_is_gone_does_not_come_and_a_strangers_location_is_closed(place):
    gone = google_business.ask(replace(ASK, reference=NAME.replace("AbFvOqk1", "none")), place.secret)
    refused(google_business.page(ASK, place.call(gone), place.secret), Refusal.NEVER)
    stranger = google_business.ask(replace(ASK, reference=NAME.replace(LOCATION, "1")), place.secret)
    refused(google_business.page(ASK, place.call(stranger), place.secret), Refusal.BLOCKED)
