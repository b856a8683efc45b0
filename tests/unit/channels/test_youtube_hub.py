"""YouTube's hub: subscriptions that only we confirm, deliveries that prove themselves, XML that does no harm."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime

import pytest

from shared.channels import youtube
from shared.domain.events import Kind
from shared.domain.exchange import Request, Response, Secret
from shared.errors import Misconfigured, SignatureRejected, Unreadable
from tests.unit.channels._talking import EVENTS, Talk

NOW = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
ACCOUNT = "UClanternbikes0000000001"
TOPIC = f"https://www.youtube.com/xml/feeds/videos.xml?channel_id={ACCOUNT}"


def secret():
    return Secret(account_id=ACCOUNT, signing=("key",), verify_token="word")


def push(**query):
    given = {f"hub.{name}": value for name, value in query.items() if name != "verify"}
    ours = {"verify": query["verify"]} if "verify" in query else {}
    return Request(method="GET", headers={}, query={**given, **ours}, body=b"")


def status(request):
    response = youtube.challenge(request, (secret(),))
    assert isinstance(response, Response), response
    return response.status


def test_a_subscription_of_ours_is_confirmed_with_the_challenge_alone():
    for word in ({"verify_token": "word"}, {"verify": "word"}):
        asked_for = push(mode="subscribe", topic=TOPIC, challenge="abc-123_4.5~+/=", lease_seconds="432000", **word)
        assert youtube.challenge(asked_for, (secret(),)) == Response(200, "abc-123_4.5~+/=")


def test_googles_other_name_of_the_topic_is_ours_too():
    topic = f"https://www.youtube.com/feeds/videos.xml?channel_id={ACCOUNT}"
    assert status(push(mode="subscribe", topic=topic, challenge="x", verify="word")) == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"topic": TOPIC + "x"},
        {"topic": "https://evil.example/?channel_id=" + ACCOUNT},
        {"topic": TOPIC + "&channel_id=UCother"},
        {"topic": "https://[x"},
        {"verify": "other"},
        {"verify": ""},
        {"challenge": "<script>"},
        {"challenge": ""},
        {"challenge": "x" * 513},
        {"challenge": "sha1=\n"},
        {"mode": "publish"},
    ],
)
def test_what_we_did_not_subscribe_is_not_confirmed(changed):
    given = {"mode": "subscribe", "topic": TOPIC, "challenge": "abc", "verify": "word", **changed}
    assert status(push(**given)) == 404


def test_nobody_can_have_us_unsubscribed_without_our_word():
    assert status(push(mode="unsubscribe", topic=TOPIC, challenge="abc")) == 404


def test_a_denied_subscription_is_taken_note_of():
    assert youtube.challenge(push(mode="denied", topic=TOPIC), (secret(),)) == Response(200)


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_every_method_of_the_specification_is_accepted(method):
    digest = hmac.digest(b"key", b"<feed/>", method).hex()
    request = Request(method="POST", headers={"x-hub-signature": f"{method}={digest}"}, query={}, body=b"<feed/>")
    youtube.verify(request, (secret(),), NOW)


@pytest.mark.parametrize(
    ("method", "digits"),
    [
        ("sha1", "3e44bde21c47dcd72ae8dd979ed8b68d904bad7c"),
        ("sha256", "9ff7c9516ac49d25c16848e5aaa67cae4d144d540e551c09186c7c2b5b3d5456"),
    ],
)
def test_known_signatures_are_computed_alike(method, digits):
    held = Secret(account_id=ACCOUNT, signing=("example-hub-secret",))
    request = Request(method="POST", headers={"x-hub-signature": f"{method}={digits}"}, query={}, body=b"<feed/>")
    youtube.verify(request, (held,), NOW)


@pytest.mark.parametrize("method", ["md5", "sha224", "sha3_256", "SHA1", "blake2b", "", "sha1 "])
def test_a_method_that_the_header_makes_up_is_never_computed(method):
    digits = "0" * 40 if method in {"", "SHA1", "sha1 "} else hmac.digest(b"key", b"x", method).hex()
    request = Request(method="POST", headers={"x-hub-signature": f"{method}={digits}"}, query={}, body=b"x")
    with pytest.raises(SignatureRejected):
        youtube.verify(request, (secret(),), NOW)


def test_a_key_that_the_hub_would_not_take_signs_nothing():
    with pytest.raises(Misconfigured):
        youtube.sign(b"<feed/>", Secret(account_id=ACCOUNT, signing=("x" * 200,)), NOW, "d")


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><feed>&b;</feed>',
        b'<!DOCTYPE x SYSTEM "http://evil.example/x.dtd" [<!ENTITY x SYSTEM "file:///etc/passwd">]><feed>&x;</feed>',
        b"<feed",
        b'<?xml version="1.0" encoding="no-such"?><feed/>',
        b"<" * 1000,
        b"<\xff\xfe",
    ],
)
def test_xml_that_means_harm_or_nothing_is_unreadable(body):
    with pytest.raises(Unreadable):
        youtube.parse(body, NOW)


def test_a_new_video_points_to_its_comments(tmp_path):
    talk = Talk("youtube", ACCOUNT, tmp_path, NOW)
    (pointer,) = youtube.parse((EVENTS / "youtube" / "pointer__new-video.xml").read_bytes(), NOW)
    assert (pointer.kind, pointer.account_id) == (Kind.POINTER, ACCOUNT)
    talk.shows("message__below-a-new-video")
    (said,) = talk.events("video", talk.asks("video", reference=pointer.message_id))
    assert said.text == "First!"
