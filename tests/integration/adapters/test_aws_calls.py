"""Calls to AWS: signed as AWS checks it, for AWS alone."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import replace
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ConnectionClosedError, CredentialRetrievalError

from shared.adapters.aws_calls import AwsSigner
from shared.adapters.platforms import HttpPlatforms, one_attempt_session
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused
from tests.fakes.given import FixedClock
from tests.integration.adapters.server import Heard, answering
from tests.integration.adapters.test_platforms import OUTBOUND, SECRETS, Replying

ID, KEY, SESSION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "of the role, for an hour"
HOST = "sms-voice.eu-central-1.amazonaws.com"
CALL = Call(
    method="POST",
    url=f"https://{HOST}/",
    headers={"content-type": "application/x-amz-json-1.0", "x-amz-target": "PinpointSMSVoiceV2.SendTextMessage"},
    body='{"MessageBody": "Déjà vu"}'.encode(),
    aws_service="sms-voice",
)


def signer(session: str | None = SESSION) -> AwsSigner:
    return AwsSigner(lambda: Credentials(ID, KEY, session))


def signed(call: Call = CALL, session: str | None = SESSION) -> Call:
    made = signer(session).signed(call)
    assert isinstance(made, Call)
    return made


def expected_signature(host: str, headers: dict[str, str], body: bytes, region: str, service: str) -> str:
    """As the IAM user guide writes Signature Version 4 down, step by step; not by botocore."""
    found = re.search(r"SignedHeaders=([^,]+), Signature=([0-9a-f]+)$", headers["authorization"])
    assert found is not None
    known = headers | {"host": host}
    listed = "".join(f"{name}:{known[name]}\n" for name in found[1].split(";"))
    canonical = "\n".join(("POST", "/", "", listed, found[1], hashlib.sha256(body).hexdigest()))
    at = headers["x-amz-date"]
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    key = b"AWS4" + KEY.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join(("AWS4-HMAC-SHA256", at, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    return f"AWS4-HMAC-SHA256 Credential={ID}/{scope}, SignedHeaders={found[1]}, Signature=" + (
        hmac.digest(key, text.encode(), "sha256").hex()
    )


def lowered(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def test_the_signature_is_the_one_that_aws_computes_for_service_and_region_of_the_host():
    headers = lowered(signed().headers)
    assert headers["authorization"] == expected_signature(HOST, headers, CALL.body or b"", "eu-central-1", "sms-voice")
    assert headers["x-amz-security-token"] == SESSION
    assert {"content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target"} == set(
        headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    )


def test_method_address_and_body_stay_as_they_are():
    made = signed()
    assert (made.method, made.url, made.body) == (CALL.method, CALL.url, CALL.body)
    assert made.headers["x-amz-target"] == CALL.headers["x-amz-target"]


def test_what_reaches_the_platform_carries_the_signature_both_ways(serve: Any):
    server = serve(answering(200, b"{}"))
    adapter = HttpPlatforms(
        lambda _: Replying(call=CALL), SECRETS, FixedClock(), origin=server.origin, session=one_attempt_session(),
        signer=signer(),
    )  # fmt: skip
    assert adapter.post(OUTBOUND) == Posted("42")
    assert isinstance(adapter.perform(CALL), Answer)
    assert [one.path for one in server.heard] == [f"/{HOST}/"] * 2
    assert all(is_signed(one) for one in server.heard)


def is_signed(request: Heard) -> bool:
    expected = expected_signature(HOST, request.headers, request.body, "eu-central-1", "sms-voice")
    return request.headers["authorization"] == expected


def test_a_call_that_names_no_service_of_aws_is_not_signed(serve: Any):
    server = serve(answering())
    adapter = HttpPlatforms(
        lambda _: Replying(), SECRETS, FixedClock(), origin=server.origin, session=one_attempt_session(),
        signer=AwsSigner(lambda: pytest.fail("nobody asks for credentials")),
    )  # fmt: skip
    adapter.perform(replace(CALL, aws_service=None))
    assert "authorization" not in server.heard[0].headers


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://email.us-gov-west-1.amazonaws.com/v2/email/outbound-emails", "us-gov-west-1"),
        ("https://sms-voice.cn-north-1.amazonaws.com.cn/", "cn-north-1"),
        ("https://email.eu-south-2.api.aws", "eu-south-2"),
    ],
)
def test_the_region_is_the_one_the_host_names(url: str, region: str):
    made = signed(replace(CALL, url=url))
    assert f"/{region}/sms-voice/aws4_request" in lowered(made.headers)["authorization"]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/?.eu-central-1.amazonaws.com/",
        "https://evil.example/x.eu-central-1.amazonaws.com/",
        "https://sms-voice.eu-central-1.amazonaws.com.evil.example/",
        "https://sms-voice.eu-central-1.amazonaws.com@evil.example/",
        "http://sms-voice.eu-central-1.amazonaws.com/",
        "https://amazonaws.com/",
        "",
    ],
)
def test_nobody_but_aws_is_sent_a_signature(url: str):
    refused = signer().signed(replace(CALL, url=url))
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.BLOCKED


def test_without_credentials_the_call_is_blocked_and_says_so(serve: Any):
    server = serve(answering())
    adapter = HttpPlatforms(
        lambda _: Replying(call=CALL), SECRETS, FixedClock(), origin=server.origin, session=one_attempt_session(),
        signer=AwsSigner(lambda: None),
    )  # fmt: skip
    outcome = adapter.post(OUTBOUND)
    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.BLOCKED
    assert server.heard == []


@pytest.mark.parametrize(
    ("failure", "refusal"),
    [
        (ConnectionClosedError(endpoint_url="aws"), Refusal.LATER),
        (CredentialRetrievalError(provider="role", error_msg="no"), Refusal.BLOCKED),
    ],
)
def test_credentials_that_cannot_be_had_are_refused_by_what_helps(failure: Exception, refusal: Refusal):
    def fail() -> Credentials:
        raise failure

    refused = AwsSigner(fail).signed(CALL)
    assert isinstance(refused, Refused)
    assert refused.refusal is refusal


def test_what_cannot_be_signed_is_blocked_and_not_a_crash():
    refused = signer().signed(replace(CALL, headers={"x-odd": "\ud800"}))
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.BLOCKED
