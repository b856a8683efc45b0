"""Standard Webhooks: what is proven, what is read, and how we answer."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.channels import web
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Outbound, Posted, Refusal, Refused, Request, Response, Secret, Unclear
from shared.errors import Misconfigured, SignatureRejected

# The vector of the scheme's own libraries.
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
FOREIGN = "v1," + base64.b64encode(b"\0" * 32).decode()


def account(*keys, **credentials):
    return Secret(account_id="shop-site", signing=keys, credentials=credentials)


def request(family="webhook", **changes):
    headers = {"id": ID, "timestamp": "1614265330", "signature": SIGNATURE, **changes}
    return Request(method="POST", headers={f"{family}-{k}": v for k, v in headers.items()}, query={}, body=BODY)


def refusal(delivery, secret=None, now=AT):
    with pytest.raises(SignatureRejected) as caught:
        web.verify(delivery, (secret or account(KEY),), now)
    return str(caught.value)


def test_the_published_vector_is_accepted():
    web.verify(request(), (account(KEY),), AT)


def test_the_published_vector_is_what_we_would_send():
    assert web.sign(BODY, account(KEY), AT, ID)["webhook-signature"] == SIGNATURE


def test_the_older_header_names_are_accepted():
    web.verify(request("svix"), (account(KEY),), AT)


def test_headers_of_the_two_families_are_not_mixed():
    mixed = request()
    headers = {**mixed.headers, "svix-id": ID}
    del headers["webhook-id"]
    assert "webhook-id" in refusal(replace(mixed, headers=headers))


@pytest.mark.parametrize(
    "signatures",
    [
        f"{FOREIGN} {SIGNATURE}",
        f"{SIGNATURE} {FOREIGN}",
        f"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw== {SIGNATURE}",
        f"v1 {SIGNATURE}",
        f"garbage v1, v1,a,b  {SIGNATURE} v2,x",
        f"junk,,, {SIGNATURE} ,,",
    ],
)
def test_one_good_signature_of_a_list_is_enough_and_malformed_parts_are_skipped(signatures):
    web.verify(request(signature=signatures), (account(KEY),), AT)


@pytest.mark.parametrize(
    "signatures", ["v1", "v1,", "v2," + SIGNATURE[3:], "v1a," + SIGNATURE[3:], "v1=" + SIGNATURE[3:]]
)
def test_without_a_v1_signature_nothing_is_proven(signatures):
    assert "no v1 signature" in refusal(request(signature=signatures))


@pytest.mark.parametrize("written", [KEY, KEY.removeprefix("whsec_"), f" {KEY}\n", KEY + "=="])
def test_a_key_is_decoded_with_or_without_its_prefix_and_padding(written):
    web.verify(request(), (account(written),), AT)


@pytest.mark.parametrize("written", ["whsec_", "whsec_%%%", "whsec_\u00e9", "whsk_6Xb/dCcHpPea21PS1N9VY_", "a"])
def test_a_key_that_cannot_be_decoded_is_no_key(written):
    assert "No usable signing key" in refusal(request(), account(written))
    with pytest.raises(Misconfigured):
        web.sign(BODY, account(written), AT, ID)


@pytest.mark.parametrize(
    "secrets", [(), (account(),), (account(""),), (account("whsec_"),), (account("", secret_form="raw"),)]
)
def test_what_anybody_can_sign_with_an_empty_key_is_refused_where_no_key_is_configured(secrets):
    digest = hmac.digest(b"", f"{ID}.1614265330.".encode() + BODY, "sha256")
    forged = request(signature="v1," + base64.b64encode(digest).decode())
    with pytest.raises(SignatureRejected):
        web.verify(forged, secrets, AT)


def test_an_unreadable_key_does_not_stop_the_other():
    web.verify(request(), (account("whsec_%%%", KEY),), AT)


def test_a_raw_key_is_taken_as_its_own_bytes():
    raw = account("not base64 at all \u00e9", secret_form="raw")
    signed = Request(method="POST", headers=web.sign(BODY, raw, AT, ID), query={}, body=BODY)
    web.verify(signed, (raw,), AT)
    assert "No usable" in refusal(signed, account("not base64 at all \u00e9"))


@pytest.mark.parametrize("seconds", [-300, 300])
def test_five_minutes_either_way_are_tolerated(seconds):
    web.verify(request(), (account(KEY),), AT + timedelta(seconds=seconds))


@pytest.mark.parametrize(("seconds", "word"), [(301, "too long ago"), (-301, "in the future")])
def test_more_than_five_minutes_are_not(seconds, word):
    assert word in refusal(request(), now=AT + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "timestamp", ["1614265330.0", "+1614265330", " 1614265330", "-1", "1e9", "\u0661" * 10, "1" * 5000]
)
def test_a_time_is_whole_seconds_in_ascii_digits(timestamp):
    assert "whole seconds" in refusal(request(timestamp=timestamp))


@pytest.mark.parametrize("webhook_id", ["a.b", "x" * 257, "tab\t", "\u00e9"])
def test_an_id_is_short_printable_and_has_no_dot(webhook_id):
    assert "webhook-id" in refusal(request(id=webhook_id))


def test_a_moved_boundary_between_time_and_body_is_not_the_same_delivery():
    delivery = request(id=f"{ID}.1614265330")
    refusal(replace(delivery, body=BODY))


# Answering

OUTBOUND = Outbound(
    channel="web",
    account_id="shop-site",
    surface=Surface.DM,
    thread_id="chat-17",
    customer_id="chat-17",
    in_reply_to="m-1",
    text="Grüße! 📦",
    by_person=True,
    last_inbound_at=None,
    client_token="abcdefgh.reply-1",
)
URL = "https://shop.example/hooks/nightdesk"


def replied(secret=None, now=AT, **changes):
    return web.reply(replace(OUTBOUND, **changes), secret or account(KEY, reply_url=URL), now)


def answered(*args, **changes) -> tuple[Call, bytes]:
    call = replied(*args, **changes)
    assert isinstance(call, Call)
    assert call.body is not None
    return call, call.body


def as_request(call: Call, body: bytes) -> Request:
    return Request(method=call.method, headers=call.headers, query={}, body=body)


def test_an_answer_is_a_delivery_of_the_same_scheme_to_the_accounts_address():
    call, body = answered()
    assert (call.method, call.url) == ("POST", URL)
    web.verify(as_request(call, body), (account(KEY),), AT)
    assert call.headers["webhook-id"] == "abcdefgh_reply-1"


def test_an_answer_signed_in_a_rotation_uses_the_current_key():
    call, body = answered(account(KEY, "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZA", reply_url=URL))
    web.verify(as_request(call, body), (account(KEY),), AT)


def test_the_same_send_has_the_same_id_however_late_so_that_the_receiver_takes_it_once():
    now, later = answered()[0], answered(now=AT + timedelta(hours=1))[0]
    assert later.headers["webhook-id"] == now.headers["webhook-id"]


@pytest.mark.parametrize(
    ("surface", "word"), [(Surface.DM, "direct"), (Surface.COMMENT, "public"), (Surface.REVIEW, "review")]
)
def test_an_answer_says_all_that_the_receiver_needs(surface, word):
    payload = json.loads(answered(surface=surface)[1])
    assert payload == {
        "type": "message.created",
        "timestamp": "2021-02-25T15:02:10Z",
        "data": {
            "direction": "outbound",
            "account_id": "shop-site",
            "visibility": word,
            "thread_id": "chat-17",
            "recipient": {"id": "chat-17"},
            "in_reply_to": "m-1",
            "text": "Grüße! 📦",
            "automated": False,
            "client_token": "abcdefgh.reply-1",
        },
    }


def test_our_answer_sent_back_to_us_is_an_echo_with_our_token():
    (event,) = web.parse(answered(by_person=False)[1], AT)
    assert event.kind is Kind.ECHO
    assert event.automated
    assert (event.account_id, event.thread_id, event.client_token) == ("shop-site", "chat-17", "abcdefgh.reply-1")


@pytest.mark.parametrize("address", ["", "ftp://shop.example", "//shop.example", "javascript:1"])
def test_without_an_address_nothing_is_sent(address):
    refused = web.reply(OUTBOUND, account(KEY, reply_url=address), AT)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.BLOCKED
    assert "reply_url" in refused.reason


def test_without_a_key_nothing_is_sent():
    refused = web.reply(OUTBOUND, account(reply_url=URL), AT)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.BLOCKED


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"text": "x" * 10_001}, "10000"),
        ({"text": " \n"}, "no text"),
        ({"surface": Surface.MENTION}, "mention"),
    ],
)
def test_what_can_never_be_posted_is_refused_before_the_call(changes, word):
    refused = replied(**changes)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.NEVER
    assert word in refused.reason


@pytest.mark.parametrize(
    ("status", "body", "native_id"),
    [
        (200, b'{"id": "m-6"}', "m-6"),
        (201, b'{"id": 42}', "42"),
        (202, b'{"data": {"external_id": "m-6"}}', "m-6"),
        (204, b"", ""),
        (200, b"OK", ""),
        (200, b"[1]", ""),
        (409, b"", ""),
        (409, b'{"id": "m-6"}', "m-6"),
    ],
)
def test_a_taken_answer_is_posted_under_the_receivers_id_if_it_names_one(status, body, native_id):
    assert web.outcome(Answer(status=status, body=body)) == Posted(native_id)


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (429, Refusal.LATER),
        (502, Refusal.LATER),
        (503, Refusal.LATER),
        (504, Refusal.LATER),
        (401, Refusal.BLOCKED),
        (403, Refusal.BLOCKED),
        (410, Refusal.BLOCKED),
        (301, Refusal.BLOCKED),
        (400, Refusal.NEVER),
        (404, Refusal.NEVER),
        (422, Refusal.NEVER),
    ],
)
def test_a_refusal_says_what_to_do(status, refusal):
    outcome = web.outcome(Answer(status=status))
    assert isinstance(outcome, Refused)
    assert outcome.refusal is refusal
    assert str(status) in outcome.reason


@pytest.mark.parametrize("status", [0, 100, 199, 500, 501, 599])
def test_any_other_status_leaves_it_open(status):
    assert isinstance(web.outcome(Answer(status=status)), Unclear)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("99999999", timedelta(hours=24)),
        ("0", None),
        ("-5", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("9" * 400, None),
    ],
)
def test_the_wait_the_receiver_asks_for_is_kept_within_a_day(header, wait):
    outcome = web.outcome(Answer(status=429, headers={"retry-after": header}))
    assert isinstance(outcome, Refused)
    assert outcome.after == wait


def test_there_is_no_handshake_and_nothing_but_post():
    assert web.challenge(request(), ()) is None
    assert web.challenge(replace(request(), method="GET"), ()) == Response(405, "Only POST is answered here.")
