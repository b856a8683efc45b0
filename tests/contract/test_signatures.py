"""Every channel proves where a delivery comes from, and refuses everything that does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.channels import load_pushing
from shared.domain.exchange import Secret
from shared.errors import Misconfigured, SignatureRejected
from tests.contract.fixtures import (
    CURRENT,
    FOREIGN,
    NOW,
    PREVIOUS,
    PUSHING,
    account,
    fixtures,
    key_of,
    signature_headers,
    signed,
    signs_a_time,
    signs_the_body,
    tolerance,
)

BODY = '{"what": "déjà vu 📦", "n": 1}'.encode()
HEADERS = [(name, header) for name in PUSHING for header in signature_headers(name)]
TIMED = [name for name in PUSHING if signs_a_time(name)]

every_channel = pytest.mark.parametrize("name", PUSHING)
binding_channel = pytest.mark.parametrize("name", [name for name in PUSHING if signs_the_body(name)])
every_header = pytest.mark.parametrize(("name", "header"), HEADERS)
every_timed_channel = pytest.mark.parametrize("name", TIMED)


def refused(name, request, secrets=None, now=NOW):
    with pytest.raises(SignatureRejected) as caught:
        load_pushing(name).verify(request, account(name, CURRENT) if secrets is None else secrets, now)
    return str(caught.value)


def with_header(request, header, value):
    return replace(request, headers={**request.headers, header: value})


@every_channel
def test_a_good_signature_is_accepted(name):
    load_pushing(name).verify(signed(name, BODY), account(name, CURRENT), NOW)


@every_channel
def test_every_documented_delivery_is_accepted_when_signed_and_refused_when_not(name):
    for fixture in fixtures(name):
        request = signed(name, fixture.body)
        load_pushing(name).verify(request, account(name, CURRENT), NOW)
        refused(name, replace(request, headers={}))


@every_channel
def test_a_channel_signs_with_a_header_that_depends_on_the_body(name):
    assert signature_headers(name)


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
    request = signed(name, BODY)
    refused(name, with_header(request, header, broken(request.headers[header])))


@every_header
def test_a_missing_signature_header_is_refused(name, header):
    request = signed(name, BODY)
    refused(name, replace(request, headers={k: v for k, v in request.headers.items() if k != header}))


@binding_channel
def test_a_change_of_any_single_byte_of_the_body_is_refused(name):
    request = signed(name, BODY)
    for place in range(len(BODY)):
        changed = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        refused(name, replace(request, body=changed))


@binding_channel
@pytest.mark.parametrize("changed", [b"", BODY + b"\n", BODY + b" ", b"\xef\xbb\xbf" + BODY, BODY[:-1]])
def test_a_longer_or_shorter_body_is_refused(name, changed):
    refused(name, replace(signed(name, BODY), body=changed))


@every_channel
def test_during_a_rotation_the_current_and_the_previous_key_are_accepted_and_no_third(name):
    channel, secrets = load_pushing(name), account(name, CURRENT, PREVIOUS)
    channel.verify(signed(name, BODY, CURRENT), secrets, NOW)
    channel.verify(signed(name, BODY, PREVIOUS), secrets, NOW)
    refused(name, signed(name, BODY, FOREIGN), secrets)


@every_channel
def test_the_key_of_any_account_of_the_channel_is_accepted(name):
    channel, secrets = load_pushing(name), (*account(name, PREVIOUS), *account(name, CURRENT))
    channel.verify(signed(name, BODY, CURRENT), secrets, NOW)


@every_channel
@pytest.mark.parametrize("keys", [None, (), ("",), (" ",), ("\t", "")])
def test_without_a_configured_key_everything_is_refused(name, keys):
    refused(name, signed(name, BODY), () if keys is None else account(name, *keys))


@every_channel
@pytest.mark.parametrize("key", ["", " "])
def test_a_delivery_signed_with_an_empty_key_cannot_even_be_made(name, key):
    with pytest.raises(Misconfigured):
        load_pushing(name).sign(BODY, Secret(account_id="contract", signing=(key,)), NOW, "delivery-1")


@every_channel
def test_a_refusal_never_tells_the_expected_signature_or_the_key(name):
    good = signed(name, BODY)
    reason = refused(name, signed(name, BODY, FOREIGN))
    proofs = [good.headers[header] for header in signature_headers(name) if len(good.headers[header]) > 20]
    assert proofs
    assert all(proof not in reason and proof.rpartition("=")[2] not in reason for proof in proofs if proof[-1] != "=")
    assert key_of(name, CURRENT) not in reason


@every_timed_channel
def test_a_delivery_signed_within_the_tolerance_is_accepted(name):
    for age in (tolerance(name) - timedelta(seconds=1), -timedelta(minutes=4, seconds=59)):
        load_pushing(name).verify(signed(name, BODY, at=NOW - age), account(name, CURRENT), NOW)


@every_timed_channel
def test_a_stale_delivery_and_one_from_the_future_are_refused(name):
    for age in (tolerance(name) + timedelta(seconds=1), timedelta(days=400), -timedelta(minutes=5, seconds=1)):
        refused(name, signed(name, BODY, at=NOW - age))


@every_timed_channel
def test_a_fresh_time_does_not_refresh_an_old_signature(name):
    old, fresh = signed(name, BODY, at=NOW - timedelta(hours=2)), signed(name, BODY)
    mixed = [replace(old, headers={**old.headers, h: fresh.headers[h]}) for h in signature_headers(name)]
    for request in mixed:
        if request.headers != fresh.headers:
            refused(name, request)
