"""Text messages through Twilio: its published signatures, words that it answers itself, what its errors mean."""

from __future__ import annotations

import base64
import hmac
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import pytest

from infra.local.platforms import sms as twilio
from shared.channels import sms
from shared.domain.events import Event, Kind, Surface
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused, Request, Secret, Unclear, accepted
from shared.errors import Misconfigured, SignatureRejected
from tests.unit.channels._talking import Talk, delivered, said

NOW = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
NUMBER = "447700900999"

# The vectors of Twilio's own Python library (tests/unit/test_request_validator.py).
TOKEN = "12345"
FORM = {
    "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309",
    "To": "+18005551212",
}  # fmt: skip
HTTPS = "https://mycompany.com/myapp.php?foo=1&bar=2"
PUBLISHED = [
    (HTTPS, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    ("https://mycompany.com:443/myapp.php?foo=1&bar=2", "kvajT1Ptam85bY51eRf/AJRuM3w="),
    ("http://mycompany.com:80/myapp.php?foo=1&bar=2", "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
]


def account(url=HTTPS, *keys, **credentials):
    signing = keys or (TOKEN,)
    return Secret(account_id=NUMBER, signing=signing, credentials={"webhook_url": url, **credentials})


def request(signature, body, query=None):
    return Request(method="POST", headers={"x-twilio-signature": signature}, query=query or {}, body=body)


def refused(delivery, *secrets):
    with pytest.raises(SignatureRejected):
        sms.verify(delivery, secrets, NOW)


@pytest.mark.parametrize(("url", "signature"), PUBLISHED)
def test_the_published_signatures_of_a_form_are_accepted(url, signature):
    sms.verify(request(signature, urlencode(FORM).encode()), (account(url),), NOW)


@pytest.mark.parametrize("configured", [HTTPS, "https://mycompany.com:443/myapp.php?foo=1&bar=2"])
def test_a_url_is_taken_with_and_without_its_port_whichever_is_configured(configured):
    body = urlencode(FORM).encode()
    sms.verify(request(PUBLISHED[0][1], body), (account(configured),), NOW)
    sms.verify(request(PUBLISHED[1][1], body), (account(configured),), NOW)


def test_the_overrides_behind_a_hash_sign_are_not_part_of_what_is_signed():
    sms.verify(request(PUBLISHED[0][1], urlencode(FORM).encode()), (account(HTTPS + "#rc=2&rp=all"),), NOW)


def test_we_would_send_the_published_signature():
    assert sms.sign(urlencode(FORM).encode(), account(), NOW, "x")["x-twilio-signature"] == PUBLISHED[0][1]


def test_the_published_signature_of_repeated_names_is_accepted_whatever_their_order():
    for digits in ("5678 1234 1234", "1234 5678 1234"):
        pairs = [("Sid", "CA123"), ("SidAccount", "AC123"), *(("Digits", one) for one in digits.split())]
        sms.verify(request("IK+Dwps556ElfBT0I3Rgjkr1wJU=", urlencode(pairs).encode()), (account(),), NOW)


JSON_BODY = b'{"property": "value", "boolean": true}'
JSON_HASH = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
JSON_SIGNATURE = "a9nBmqA0ju/hNViExpshrM61xv4="


def test_the_published_signature_of_json_is_accepted_by_the_hash_in_the_query():
    query = {"foo": "1", "bar": "2", "bodySHA256": JSON_HASH}
    sms.verify(request(JSON_SIGNATURE, JSON_BODY, query), (account(),), NOW)
    refused(request(JSON_SIGNATURE, JSON_BODY + b" ", query), account())
    refused(request(JSON_SIGNATURE, JSON_BODY, {**query, "bodySHA256": "0" * 64}), account())
    refused(request(JSON_SIGNATURE, JSON_BODY), account())


def test_a_blank_value_is_part_of_what_is_signed():
    body = b"Body=&From=%2B447700900123"
    with_blank = base64.b64encode(hmac.digest(b"12345", HTTPS.encode() + b"BodyFrom+447700900123", "sha1")).decode()
    sms.verify(request(with_blank, body), (account(),), NOW)
    refused(request(with_blank, b"From=%2B447700900123"), account())


def test_what_the_request_says_of_its_address_is_not_asked():
    elsewhere = account("https://elsewhere.example/sms")
    body = urlencode(FORM).encode()
    delivery = request(sms.sign(body, elsewhere, NOW, "x")["x-twilio-signature"], body)
    refused(replace(delivery, headers={**delivery.headers, "host": "elsewhere.example"}), account())


def test_an_auth_token_signs_only_for_its_own_accounts_address():
    body = urlencode(FORM).encode()
    mixed = Secret(account_id="1", signing=("other-token",), credentials={"webhook_url": HTTPS})
    delivery = request(PUBLISHED[0][1], body)
    refused(delivery, mixed, account("https://elsewhere.example/sms"))
    sms.verify(delivery, (mixed, account()), NOW)


@pytest.mark.parametrize("url", ["", "not a url", "https://[broken", "https://host:port/", "ftp://host/"])
def test_without_a_usable_address_nothing_is_accepted_and_nothing_signed(url):
    refused(request(PUBLISHED[0][1], urlencode(FORM).encode()), account(url))
    with pytest.raises(Misconfigured):
        sms.sign(b"", account(url), NOW, "x")


def test_twilio_is_told_an_empty_response_in_xml_because_other_text_would_be_sent_to_the_customer():
    assert (accepted(sms).body, accepted(sms).content_type) == ("<Response/>", "text/xml")


@pytest.mark.parametrize("stem", ["message__stop", "message__start", "message__help",
                                  "message__stop-without-advanced-opt-out", "message__own-keyword-of-advanced-opt-out"])  # fmt: skip
def test_a_word_that_twilio_answers_itself_is_never_acknowledged(stem):
    assert said("sms", delivered("sms", stem), NOW).automated


@pytest.mark.parametrize("words", ["Please stop", "yes", "end of story", "help me please", ""])
def test_a_sentence_with_such_a_word_is_a_customers_message_like_any_other(words):
    (event,) = sms.parse(
        urlencode({"MessageSid": "SM1", "From": "+15005550100", "To": "+1", "Body": words}).encode(), NOW
    )
    assert (event.kind, event.automated) == (Kind.MESSAGE, False)


def test_the_first_value_of_a_repeated_parameter_counts_and_hostile_counts_cost_nothing():
    (event,) = sms.parse(b"MessageSid=SM1&MessageSid=SM2&From=%2B4912345678&To=%2B1&NumMedia=999999999999", NOW)
    assert (event.message_id, event.attachments) == ("SM1", ())


@pytest.fixture
def phone(tmp_path):
    made = Talk("sms", NUMBER, tmp_path, NOW)
    made.learns(delivered("sms", "message__plain"))
    return made


QUESTION = said("sms", delivered("sms", "message__plain"), NOW)


def test_an_answer_goes_from_the_number_that_the_customer_wrote_to(phone):
    answer = phone.call(sms.reply(phone.answers(QUESTION, "On its way 😀 & paid + 1"), phone.secret, NOW))
    (post,) = phone.world.posts
    assert sms.outcome(answer) == Posted(post.native_id)
    assert (post.recipient, post.text) == ("+447700900123", "On its way 😀 & paid + 1")


def test_an_answer_asks_to_be_told_what_becomes_of_it():
    secret = account(HTTPS, account_sid="AC1")
    call = sms.reply(_answer(), secret, NOW)
    assert isinstance(call, Call)
    form = dict(parse_qsl((call.body or b"").decode()))
    assert form == {"To": "+447700900123", "From": f"+{NUMBER}", "Body": "Hi", "StatusCallback": HTTPS}
    assert base64.b64decode(call.headers["authorization"].removeprefix("Basic ")) == b"AC1:12345"


def test_an_answer_goes_through_the_messaging_service_where_there_is_one():
    call = sms.reply(_answer(), account(HTTPS, account_sid="AC1", messaging_service_sid="MG7"), NOW)
    assert isinstance(call, Call)
    form = dict(parse_qsl((call.body or b"").decode()))
    assert form["MessagingServiceSid"] == "MG7"
    assert "From" not in form


def test_a_short_code_is_written_without_a_plus_sign():
    secret = replace(account(HTTPS, account_sid="AC1"), account_id="60606")
    call = sms.reply(_answer(), secret, NOW)
    assert isinstance(call, Call)
    assert dict(parse_qsl((call.body or b"").decode()))["From"] == "60606"


def _answer(text="Hi", **changed):
    from shared.domain.exchange import Outbound

    plain = {
        "channel": "sms", "account_id": NUMBER, "surface": Surface.DM, "thread_id": "+447700900123",
        "customer_id": "+447700900123", "in_reply_to": "SM1", "text": text, "by_person": True,
        "last_inbound_at": NOW, "client_token": "c.s",
    }  # fmt: skip
    return Outbound(**{**plain, **changed})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_answer("x" * 1601), "1,600"),
        (_answer(thread_id="PARCELCO"), "not a telephone number"),
        (_answer(thread_id="whatsapp:+447700900123"), "not a telephone number"),
        (_answer(surface=Surface.COMMENT), "surface"),
    ],
)
def test_what_no_text_message_can_do_is_refused_before_any_call(answer, words):
    refusal = sms.reply(answer, account(HTTPS, account_sid="AC1"), NOW)
    assert isinstance(refusal, Refused)
    assert refusal.refusal is Refusal.NEVER
    assert words in refusal.reason


@pytest.mark.parametrize("secret", [account(HTTPS), account(HTTPS, " ", account_sid="AC1")])
def test_without_account_sid_or_auth_token_the_account_has_to_be_put_right(secret):
    refusal = sms.reply(_answer(), secret, NOW)
    assert isinstance(refusal, Refused)
    assert refusal.refusal is Refusal.BLOCKED


def test_who_wrote_stop_is_not_written_to_until_they_write_start(phone):
    phone.learns(delivered("sms", "message__stop"))
    refusal = sms.outcome(phone.call(sms.reply(phone.answers(QUESTION), phone.secret, NOW)))
    assert isinstance(refusal, Refused)
    assert (refusal.refusal, "opted out" in refusal.reason) == (Refusal.NEVER, True)
    phone.learns(delivered("sms", "message__start"))
    assert isinstance(sms.outcome(phone.call(sms.reply(phone.answers(QUESTION), phone.secret, NOW))), Posted)


@pytest.mark.parametrize(("trouble", "expected"), [("throttle", Refusal.LATER), ("revoked_token", Refusal.BLOCKED)])
def test_a_bad_day_at_twilio_is_told_apart_by_what_to_do(phone, trouble, expected):
    phone.meets(trouble, twilio.HOSTS[0])
    refusal = sms.outcome(phone.call(sms.reply(phone.answers(QUESTION), phone.secret, NOW)))
    assert isinstance(refusal, Refused)
    assert refusal.refusal is expected


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_after_a_fault_of_twilios_own_nobody_knows_and_nothing_is_repeated(status):
    assert isinstance(sms.outcome(Answer(status=status, body=b'{"code": 20429}')), Unclear)


def test_a_message_that_is_created_as_failed_was_not_sent():
    refusal = sms.outcome(Answer(status=201, body=b'{"sid": "SM1", "status": "failed", "error_code": 30007}'))
    assert isinstance(refusal, Refused)
    assert "filtered" in refusal.reason


def test_a_callback_of_twilio_is_proven_and_is_a_status(phone):
    call = sms.reply(phone.answers(QUESTION), phone.secret, NOW)
    assert isinstance(call, Call)
    told = list(twilio._callbacks(_call(call), phone.account, "+447700900123", "SM1"))
    events: list[Event] = []
    for telling in told:
        headers = sms.sign(telling.body, phone.secret, NOW, "x")
        sms.verify(Request(method="POST", headers=headers, query={}, body=telling.body), (phone.secret,), NOW)
        events += sms.parse(telling.body, NOW)
    assert [(e.kind, e.message_id, e.detail, e.account_id) for e in events] == [
        (Kind.STATUS, "SM1", "sent", NUMBER),
        (Kind.STATUS, "SM1", "delivered", NUMBER),
    ]


def _call(call):
    from infra.local.platforms.exchange import PlatformCall

    params = dict(parse_qsl((call.body or b"").decode()))
    return PlatformCall(host="api.twilio.com", method="POST", path="/", headers={}, params=params,
                        body=call.body or b"", malformed=False, now=NOW)  # fmt: skip


def test_an_account_proves_itself_and_its_number_is_set_where_its_sid_is_known(phone):
    assert "Lantern" in getattr(sms.proven(phone.call(sms.prove(phone.secret, NOW))), "who", "")
    assert sms.subscribe(phone.secret, "https://desk.example/x") == ()
    known = replace(phone.secret, credentials={**phone.secret.credentials, "number_sid": "PN" + "0" * 32})
    (call,) = sms.subscribe(known, "https://desk.example/x")
    assert phone.call(call).status == 200


@pytest.mark.parametrize(("status", "body"), [(401, b"{}"), (200, b'{"status": "suspended"}'), (500, b"")])
def test_an_account_that_cannot_send_is_not_proven(status, body):
    assert isinstance(sms.proven(Answer(status=status, body=body)), Refused)
