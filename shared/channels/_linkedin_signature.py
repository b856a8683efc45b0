"""LinkedIn's handshake and signature: one key, one hash, so what the handshake hashes must never look like a delivery.

Source: learn.microsoft.com/linkedin/shared/api-guide/webhook-validation.
"""

from __future__ import annotations

import hmac
import json
import re
from datetime import datetime

from shared.channels._keys import current_key, keys_of, require
from shared.domain.exchange import Request, Response, Secret
from shared.errors import Misconfigured, SignatureRejected

# A delivery is signed over this prefix and its body: a handshake that hashed any text would sign forged deliveries.
_PREFIX = b"hmacsha256="
_UUID4 = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}")
_LONGEST_SIGNATURE = 200


def challenge(request: Request, secrets: tuple[Secret, ...]) -> Response | None:
    """The validation, repeated every two hours: the code's hash as JSON; None for a delivery. Total.

    Only a strict UUID version 4 is hashed, with the client secret of the application that is named, else the first.
    """
    if request.method == "POST":
        return None
    if request.method != "GET":
        return Response(405, "Only GET and POST are answered here.")
    code = request.query.get("challengeCode", "")
    if _UUID4.fullmatch(code) is None:
        return Response(400, "Only a delivery (POST) or a validation with a challengeCode (GET) is answered here.")
    key = _key_of(request.query.get("applicationId"), secrets)
    if key is None:
        return Response(404, "No client secret is configured for this application.")
    proof = hmac.new(key, code.encode("ascii"), "sha256").hexdigest()
    return Response(200, json.dumps({"challengeCode": code, "challengeResponse": proof}), "application/json")


def verify(request: Request, secrets: tuple[Secret, ...], now: datetime) -> None:  # noqa: ARG001 - LinkedIn signs no time
    """Accept what any application's client secret signed. Raises SignatureRejected and nothing else."""
    header = request.headers.get("x-li-signature")
    if not header:
        raise SignatureRejected("The delivery has no x-li-signature header.")
    if len(header) > _LONGEST_SIGNATURE or not header.isascii():
        raise SignatureRejected("The x-li-signature header is not a signature.")
    presented = header.removeprefix(_PREFIX.decode("ascii")).encode("ascii")
    require(presented, keys_of(secrets), lambda key: _signature(key, request.body))


def sign(body: bytes, secret: Secret, now: datetime, delivery_id: str) -> dict[str, str]:  # noqa: ARG001 - no time, no id
    """The headers with which LinkedIn sends this body. Raises Misconfigured for an account without a key."""
    return {"content-type": "application/json", "x-li-signature": _signature(current_key(secret), body).decode("ascii")}


def _key_of(application_id: str | None, secrets: tuple[Secret, ...]) -> bytes | None:
    named = [s for s in secrets if application_id and s.credentials.get("application_id") == application_id]
    for secret in named or secrets:
        try:
            return current_key(secret)
        except Misconfigured:
            continue
    return None


def _signature(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, _PREFIX + body, "sha256").hexdigest().encode("ascii")
