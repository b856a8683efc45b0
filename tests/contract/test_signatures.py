"""Every channel proves where a delivery comes from, and refuses everything that does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.channels import load, names
from shared.domain.exchange import Secret
from shared.errors import Misconfigured, SignatureRejected
from tests.contract.fixtures import (
    CURRENT,
    FOREIGN,
    NOW,
    PREVIOUS,
    account,
    fixtures,
    signature_headers,
    signed,
    signs_a_time,
)

BODY = '{"what": "déjà vu 📦", "n": 1}'.encode()
HEADERS = [(name, header) for name in names() for header in signature_headers(load(name))]
TIMED = [name for name in names() if signs_a_time(load(name))]

every_channel = pytest.mark.parametrize("name", names())
every_header = pytest.mark.parametrize(("name", "header"), HEADERS)
every_timed_channel = pytest.mark.parametrize("name", TIMED)


def refused(name, request, secrets=None, now=NOW):
    with pytest.raises(SignatureRejected) as caught:
        load(name).verify(request, account(CURRENT) if secrets is None else secrets, now)
    return str(caught.value)


def with_header(request, header, value):
    return replace(request, headers={**request.headers, header: value})


@every_channel
def test_a_good_signature_is_accepted(name):
    load(name).verify(signed(load(name), BODY), account(CURRENT), NOW)


@every_channel
def test_every_documented_delivery_is_accepted_when_signed_and_refused_when_not(name):
    for fixture in fixtures(name):
        request = signed(load(name), fixture.body)
        load(name).verify(request, account(CURRENT), NOW)
        refused(name, replace(request, headers={}))


@every_channel
def test_a_channel_signs_with_a_header_that_depends_on_the_body(name):
    assert signature_headers(load(name))


@every_header
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda v: "", id="empty"),
        pytest.param(lambda v: " ", id="blank"),
        pytest.param(lambda v: v[:-1], id="truncated"),
        pytest.param(lambda v: v[1:], id="beheaded"),
        pytest.param(lambda v: f"{v},{v}", id="doubled"),
        pytest.param(lambda v: f"{v}, {v}", id="doubled and spaced"),
        pytest.param(lambda v: v + "x", id="lengthened"),
        pytest.param(lambda v: v[:-3] + "\u00e9" + v[-2:], id="not ASCII"),
        pytest.param(lambda v: v[:-3] + "\ud800" + v[-2:], id="lone surrogate"),
        pytest.param(lambda v: v[:-3] + "\u0663" + v[-2:], id="another script's digit"),
        pytest.param(lambda v: v[:-3] + "\0" + v[-2:], id="nul"),
        pytest.param(lambda v: v * 10_000, id="over-long"),
        pytest.param(lambda v: v.swapcase() if v.swapcase() != v else "0", id="other case"),
        pytest.param(lambda v: "{}[];" * 3, id="nonsense"),
    ],
)
def test_a_broken_signature_header_is_refused(name, header, broken):
    request = signed(load(name), BODY)
    refused(name, with_header(request, header, broken(request.headers[header])))


@every_header
def test_a_missing_signature_header_is_refused(name, header):
    request = signed(load(name), BODY)
    refused(name, replace(request, headers={k: v for k, v in request.headers.items() if k != header}))


@every_channel
def test_a_change_of_any_single_byte_of_the_body_is_refused(name):
    request = signed(load(name), BODY)
    for place in range(len(BODY)):
        changed = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        refused(name, replace(request, body=changed))


@every_channel
@pytest.mark.parametrize("changed", [b"", BODY + b"\n", BODY + b" ", b"\xef\xbb\xbf" + BODY, BODY[:-1]])
def test_a_longer_or_shorter_body_is_refused(name, changed):
    refused(name, replace(signed(load(name), BODY), body=changed))


@every_channel
def test_during_a_rotation_the_current_and_the_previous_key_are_accepted_and_no_third(name):
    channel, secrets = load(name), account(CURRENT, PREVIOUS)
    channel.verify(signed(channel, BODY, CURRENT), secrets, NOW)
    channel.verify(signed(channel, BODY, PREVIOUS), secrets, NOW)
    refused(name, signed(channel, BODY, FOREIGN), secrets)


@every_channel
def test_the_key_of_any_account_of_the_channel_is_accepted(name):
    channel, secrets = load(name), (*account(PREVIOUS), *account(CURRENT))
    channel.verify(signed(channel, BODY, CURRENT), secrets, NOW)


@every_channel
@pytest.mark.parametrize("secrets", [(), account(), account(""), account(" "), (*account(), *account("\t"))])
def test_without_a_configured_key_everything_is_refused(name, secrets):
    refused(name, signed(load(name), BODY), secrets)


@every_channel
@pytest.mark.parametrize("key", ["", " "])
def test_a_delivery_signed_with_an_empty_key_cannot_even_be_made(name, key):
    with pytest.raises(Misconfigured):
        load(name).sign(BODY, Secret(account_id="contract", signing=(key,)), NOW, "delivery-1")


@every_channel
def test_a_refusal_never_tells_the_expected_signature_or_the_key(name):
    channel = load(name)
    good = signed(channel, BODY)
    reason = refused(name, replace(signed(channel, b"other"), body=BODY))
    proofs = [good.headers[header] for header in signature_headers(channel) if len(good.headers[header]) > 20]
    assert proofs
    assert all(proof not in reason and proof.rpartition("=")[2] not in reason for proof in proofs if proof[-1] != "=")
    assert CURRENT not in reason


@every_timed_channel
@pytest.mark.parametrize("age", [timedelta(minutes=4, seconds=59), -timedelta(minutes=4, seconds=59)])
def test_a_delivery_signed_less_than_five_minutes_away_is_accepted(name, age):
    load(name).verify(signed(load(name), BODY, at=NOW - age), account(CURRENT), NOW)


@every_timed_channel
@pytest.mark.parametrize(
    "age", [timedelta(minutes=5, seconds=1), timedelta(days=400), -timedelta(minutes=5, seconds=1)]
)
def test_a_stale_delivery_and_one_from_the_future_are_refused(name, age):
    refused(name, signed(load(name), BODY, at=NOW - age))


@every_timed_channel
def test_a_fresh_time_does_not_refresh_an_old_signature(name):
    channel = load(name)
    old, fresh = signed(channel, BODY, at=NOW - timedelta(hours=1)), signed(channel, BODY)
    mixed = [replace(old, headers={**old.headers, h: fresh.headers[h]}) for h in signature_headers(channel)]
    for request in mixed:
        if request.headers != fresh.headers:
            refused(name, request)
