"""Webhooks of platforms that sign nothing: the address they were given holds an account's signing key, `?key=...`.

It is a password and binds no body, so what such a webhook says is fetched from the platform before anybody is told. A
gateway in front may take it out of the address and send it as a header instead.
"""

from __future__ import annotations

import hmac
from datetime import datetime

from shared.channels._calling import encoded
from shared.channels._keys import current_key, holder, keys_of, require
from shared.domain.exchange import Request, Secret

HEADER = "x-webhook-key"


def verify(request: Request, secrets: tuple[Secret, ...], now: datetime) -> None:  # noqa: ARG001 - no time is signed
    """Accept what was sent to an address with one of the keys. Raises SignatureRejected and nothing else."""
    require(_digest(encoded(_presented(request))), keys_of(secrets), _digest)


def sign(body: bytes, secret: Secret, now: datetime, delivery_id: str) -> dict[str, str]:  # noqa: ARG001 - a password
    """The key as a header. Raises Misconfigured where the account has none."""
    key = current_key(secret).decode("utf-8", "surrogatepass")
    return {"content-type": "application/json", HEADER: key}


def addressee(request: Request, secrets: tuple[Secret, ...]) -> str | None:
    """The account whose key the address holds."""
    return holder(_digest(encoded(_presented(request))), secrets, _digest)


def _presented(request: Request) -> str:
    return request.headers.get(HEADER) or request.query.get("key") or ""


def _digest(key: bytes) -> bytes:
    """Of one length, whatever the key's: comparing tells nothing about it."""
    return hmac.digest(b"address key", key, "sha256")
