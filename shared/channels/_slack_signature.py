"""Slack's handshake and signature. Source: docs.slack.dev/authentication/verifying-requests-from-slack."""

from __future__ import annotations

import hmac
import re
from datetime import datetime, timedelta

from shared.channels._calling import json_object
from shared.channels._keys import current_key, keys_of, require
from shared.domain.exchange import Request, Response, Secret
from shared.errors import SignatureRejected

TOLERANCE = timedelta(minutes=5)

_LONGEST_HANDSHAKE = 4096  # bytes
_LONGEST_SIGNATURE = 200
_LONGEST_TIMESTAMP = 12
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")


def challenge(request: Request, secrets: tuple[Secret, ...]) -> Response | None:
    """Slack's url_verification, which it signs like any delivery, answered with its token; None for a delivery. Total.

    Only a plain token is repeated, and only to who knows the signing secret; its age cannot be judged here and gains
    nobody anything.
    """
    if request.method != "POST":
        return Response(405, "Only POST is answered here.")
    if len(request.body) > _LONGEST_HANDSHAKE or b"url_verification" not in request.body:
        return None
    asked = json_object(request.body)
    token = asked.get("challenge")
    if asked.get("type") != "url_verification" or not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return None
    try:
        _require(request, secrets, _presented_time(request))
    except SignatureRejected:
        return None  # verifying it says why
    return Response(200, token)


def verify(request: Request, secrets: tuple[Secret, ...], now: datetime) -> None:
    """Accept what any account's signing secret signed within five minutes of `now`, either way.

    Raises SignatureRejected and nothing else.
    """
    stamp = _presented_time(request)
    age = now.timestamp() - int(stamp)
    if abs(age) > TOLERANCE.total_seconds():
        raise SignatureRejected(f"The delivery was signed {'too long ago' if age > 0 else 'in the future'}.")
    _require(request, secrets, stamp)


def sign(body: bytes, secret: Secret, now: datetime, delivery_id: str) -> dict[str, str]:  # noqa: ARG001 - Slack signs no id
    """The headers with which Slack sends this body. Raises Misconfigured for an account without a key."""
    stamp = str(int(now.timestamp()))
    return {
        "content-type": "application/json",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": _signature(current_key(secret), stamp, body).decode("ascii"),
    }


def _require(request: Request, secrets: tuple[Secret, ...], stamp: str) -> None:
    header = request.headers.get("x-slack-signature")
    if not header:
        raise SignatureRejected("The delivery has no x-slack-signature header.")
    if len(header) > _LONGEST_SIGNATURE or not header.isascii():
        raise SignatureRejected("The x-slack-signature header is not a signature.")
    require(header.encode("ascii"), keys_of(secrets), lambda key: _signature(key, stamp, request.body))


def _presented_time(request: Request) -> str:
    """The header's text, as it is part of what is signed."""
    header = request.headers.get("x-slack-request-timestamp")
    if not header:
        raise SignatureRejected("The delivery has no x-slack-request-timestamp header.")
    if len(header) > _LONGEST_TIMESTAMP or not (header.isascii() and header.isdigit()):
        raise SignatureRejected("The x-slack-request-timestamp header is not a time in whole seconds.")
    return header


def _signature(key: bytes, stamp: str, body: bytes) -> bytes:
    signed = b"v0:" + stamp.encode("ascii") + b":" + body
    return b"v0=" + hmac.new(key, signed, "sha256").hexdigest().encode("ascii")
