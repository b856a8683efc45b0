"""Every channel answers any input at all in the ways the protocol allows, and in no other."""

from __future__ import annotations

import json
import string
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.channels import load, load_pushing, names
from shared.domain.events import Event, Surface, as_json
from shared.domain.exchange import Answer, Call, Outbound, Posted, Refused, Request, Response, Secret, Unclear
from shared.errors import SignatureRejected, Unreadable
from tests.contract.fixtures import (
    ALL,
    CURRENT,
    NOW,
    PUSHING,
    account,
    credentials,
    fixtures,
    key_of,
    signature_headers,
    signed,
    signs_the_body,
)

every_channel = pytest.mark.parametrize("name", names())
pushing_channel = pytest.mark.parametrize("name", PUSHING)
binding_channel = pytest.mark.parametrize("name", [name for name in PUSHING if signs_the_body(name)])

any_text = st.text(st.characters(), max_size=40)  # lone surrogates too: JSON can hold them
leaves = st.none() | st.booleans() | st.integers() | st.floats() | any_text
any_json = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4), max_leaves=12
)
keys_as_found = sorted({key for fixture in ALL for key in fixture.body.decode("utf-8", "replace").split('"')[1::2]})
words = st.sampled_from(keys_as_found) | any_text
json_with_known_words = st.recursive(
    leaves | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=6),
    max_leaves=20,
)
hostile_bodies = [
    b"",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"{",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"1" * 10_000,
    b"NaN",
    b"null",
    b'""',
    b"[[[]]]",
    b'{"entry": {}}',
    b'{"entry": [null], "object": "page"}',
    b'{"entry": [{"id": 1e999, "changes": [{"value": {"metadata": {"phone_number_id": -1e308}}}]}]}',
    b'{"type": "message.created", "timestamp": 1e308, "data": {"sent_at": "0001-01-01T00:00:00+14:00"}}',
    b'{"type": "message.created", "timestamp": "9999-12-31T23:59:59-14:00", "data": {}}',
    b'{"object": "\\ud800", "entry": [{"id": "\\udfff"}]}',
    b"\x00" * 1000,
]


def check_parse(name, body):
    channel = load(name)
    try:
        events = channel.parse(body, NOW)
    except Unreadable:
        with pytest.raises(Unreadable):
            channel.parse(body, NOW)
        return
    assert events
    assert events == channel.parse(body, NOW)
    for event in events:
        assert isinstance(event, Event)
        json.dumps(as_json(event), ensure_ascii=False, allow_nan=False).encode("utf-8")
        assert isinstance(event.message_id, str | None)


@every_channel
@pytest.mark.parametrize("body", hostile_bodies, ids=lambda body: body[:24])
def test_known_hostile_bodies_are_read_or_unreadable(name, body):
    check_parse(name, body)


@every_channel
@settings(deadline=None, max_examples=150)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_unreadable(name, body):
    check_parse(name, body)


@every_channel
@settings(deadline=None, max_examples=150)
@given(value=any_json)
def test_any_json_is_read_or_unreadable(name, value):
    check_parse(name, json.dumps(value).encode())


@every_channel
@settings(deadline=None, max_examples=300)
@given(value=json_with_known_words)
def test_any_json_that_speaks_in_the_platforms_words_is_read_or_unreadable(name, value):
    check_parse(name, json.dumps(value).encode())


@every_channel
@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_a_documented_delivery_with_any_one_part_replaced_is_read_or_unreadable(name, data):
    fixture = data.draw(st.sampled_from(fixtures(name)))
    check_parse(name, fixture.body[: data.draw(st.integers(0, len(fixture.body)))])
    try:
        value = json.loads(fixture.body)
    except ValueError:
        return  # this platform does not write JSON
    check_parse(name, json.dumps(replaced(value, data)).encode())


def replaced(value, data):
    """The value with one part of it, at any depth, replaced by any JSON."""
    inner = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    if not inner or data.draw(st.integers(0, 9)) == 0:
        return data.draw(any_json)
    key, part = data.draw(st.sampled_from(inner))
    if isinstance(value, dict):
        return {**value, key: replaced(part, data)}
    return [*value[:key], replaced(part, data), *value[key + 1 :]]


@binding_channel
@settings(deadline=None, max_examples=200)
@given(data=st.data(), body=st.binary(max_size=100).filter(lambda body: body != b"{}"))
def test_verifying_anything_that_was_not_signed_refuses_and_raises_nothing_else(name, data, body):
    channel = load_pushing(name)
    proofs = st.sampled_from(signature_headers(name))
    headers = data.draw(st.dictionaries(proofs | any_text, any_text, max_size=5))
    keys = data.draw(st.lists(any_text, max_size=3))
    request = Request(method="POST", headers={**signed(name, b"{}").headers, **headers}, query={}, body=body)
    with pytest.raises(SignatureRejected):
        channel.verify(request, account(name, CURRENT, *keys), NOW)


@pushing_channel
@settings(deadline=None, max_examples=200)
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", ""]) | any_text,
    query=st.dictionaries(
        st.sampled_from(["hub.mode", "hub.verify_token", "hub.challenge", "crc_token"]) | any_text,
        st.sampled_from(["subscribe", "word", "1158201444"]) | any_text,
        max_size=4,
    ),
    body=st.binary(max_size=30),
)
def test_a_handshake_with_anything_is_answered_or_is_none(name, method, query, body):
    request = Request(method=method, headers={}, query=query, body=body)
    answer = load_pushing(name).challenge(request, account(name, CURRENT))
    assert answer is None or isinstance(answer, Response)
    if answer is not None:
        assert 200 <= answer.status < 500
        assert not set("<>&\"'").intersection(answer.body)


@pushing_channel
def test_a_delivery_is_not_taken_for_a_handshake(name):
    assert load_pushing(name).challenge(signed(name, b"{}"), account(name, CURRENT)) is None


@every_channel
@settings(deadline=None, max_examples=200)
@given(
    status=st.integers(0, 999),
    headers=st.dictionaries(
        st.sampled_from(["retry-after", "x-business-use-case-usage"]) | any_text, any_text, max_size=3
    ),
    body=st.binary(max_size=60) | json_with_known_words.map(lambda value: json.dumps(value).encode()),
)
def test_any_answer_of_a_platform_means_something(name, status, headers, body):
    outcome = load(name).outcome(Answer(status=status, headers=headers, body=body))
    assert isinstance(outcome, Posted | Refused | Unclear)
    if isinstance(outcome, Posted):
        assert 200 <= status < 300 or status == 409
        outcome.native_id.encode()
    else:
        assert outcome.reason
        outcome.reason.encode()


@every_channel
@pytest.mark.parametrize("body", hostile_bodies, ids=lambda body: body[:24])
@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_hostile_answer_of_a_platform_means_something(name, status, body):
    assert isinstance(load(name).outcome(Answer(status=status, body=body)), Posted | Refused | Unclear)


unencodable = st.sampled_from(["\ud800", "a\udfff", "..", "1/../2?x=#"])


@every_channel
@settings(deadline=None, max_examples=150)
@given(
    surface=st.sampled_from(Surface),
    ids=st.lists(any_text.filter(bool) | unencodable | st.text(string.digits, min_size=1), min_size=5, max_size=5),
    said=any_text | unencodable,
    by_person=st.booleans(),
    hours=st.integers(-1, 400) | st.none(),
    flavour=st.sampled_from(["", "instagram", "facebook"]),
)
def test_any_text_becomes_a_call_or_a_reason(name, surface, ids, said, by_person, hours, flavour):
    secret = Secret(
        account_id=ids[0],
        signing=(key_of(name, CURRENT),),
        credentials={**credentials(name), "access_token": "EAA-test", **({"flavour": flavour} if flavour else {})},
    )
    outbound = Outbound(
        channel=name,
        account_id=ids[0],
        surface=surface,
        thread_id=ids[1],
        customer_id=ids[2],
        in_reply_to=ids[3],
        text=said,
        by_person=by_person,
        last_inbound_at=None if hours is None else NOW - timedelta(hours=hours),
        client_token=ids[4],
    )
    made = load(name).reply(outbound, secret, NOW)
    if isinstance(made, Call):
        assert made.url.startswith("https://")
        made.url.encode("ascii")
        assert not {".", ".."}.intersection(made.url.split("/"))
        assert "EAA-test" not in made.url
        assert b"EAA-test" not in (made.body or b"")
    else:
        assert made.reason
