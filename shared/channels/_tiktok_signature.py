"""TikTok's signature. Source: developers.tiktok.com/doc/webhooks-verification.

TikTok leaves the tolerance open. Five minutes: deliveries are checked before anything slow, but come late under load.
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime, timedelta

from shared.channels._keys import current_key, keys_of, require
from shared.domain.exchange import Request, Response, Secret
from shared.errors import SignatureRejected

TOLERANCE = timedelta(minutes=5)

_LONGEST_HEADER = 300
_LONGEST_TIMESTAMP = 12
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")


def challenge(request: Request, secrets: tuple[Secret, ...]) -> Response | None:  # noqa: ARG001 - nothing of it is secret
    """TikTok documents no handshake; where it asks with a plain `challenge` all the same, it gets that back. Total."""
    if request.method == "POST":
        return None
    token = request.query.get("challenge", "")
    if request.method == "GET" and _TOKEN.fullmatch(token):
        return Response(200, token)
    return Response(405, "Only POST is answered here.")


def verify(request: Request, secrets: tuple[Secret, ...], now: datetime) -> None:
    """Accept what any account's app secret signed within five minutes of `now`, either way.

    Raises SignatureRejected and nothing else.
    """
    stamp, presented = _presented(request)
    age = now.timestamp() - int(stamp)
    if abs(age) > TOLERANCE.total_seconds():
        raise SignatureRejected(f"The delivery was signed {'too long ago' if age > 0 else 'in the future'}.")
    require(presented, keys_of(secrets), lambda key: _signature(key, stamp, request.body))


def sign(body: bytes, secret: Secret, now: datetime, delivery_id: str) -> dict[str, str]:  # noqa: ARG001 - no id is signed
    """The headers with which TikTok sends this body. Raises Misconfigured for an account without a key."""
    stamp = str(int(now.timestamp()))
    proof = _signature(current_key(secret), stamp, body).decode("ascii")
    return {"content-type": "application/json", "tiktok-signature": f"t={stamp},s={proof}"}


def _presented(request: Request) -> tuple[str, bytes]:
    """Time and signature, in any order, each exactly once."""
    header = request.headers.get("tiktok-signature")
    if not header:
        raise SignatureRejected("The delivery has no tiktok-signature header.")
    if len(header) > _LONGEST_HEADER or not header.isascii():
        raise SignatureRejected("The tiktok-signature header is not a signature.")
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamps, proofs = ([value for name, _, value in parts if name == wanted] for wanted in ("t", "s"))
    if len(stamps) != 1 or len(proofs) != 1:
        raise SignatureRejected("The tiktok-signature header does not hold one time and one signature.")
    if not stamps[0].isdigit() or len(stamps[0]) > _LONGEST_TIMESTAMP:
        raise SignatureRejected("The tiktok-signature header's time is not a time in whole seconds.")
    return stamps[0], proofs[0].encode("ascii")


def _signature(key: bytes, stamp: str, body: bytes) -> bytes:
    return hmac.new(key, stamp.encode("ascii") + b"." + body, "sha256").hexdigest().encode("ascii")
