"""The scheme of Standard Webhooks: its three headers, its signature, its keys.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import datetime, timedelta

from shared.domain.exchange import Secret
from shared.errors import SignatureRejected

TOLERANCE = timedelta(minutes=5)

_LONGEST_ID = 256
_LONGEST_SIGNATURES = 4096
_LONGEST_TIMESTAMP = 12


def presented_id(header: str | None) -> str:
    """The webhook-id. Raises SignatureRejected."""
    if not header:
        raise SignatureRejected("The delivery has no webhook-id header.")
    if len(header) > _LONGEST_ID or "." in header or not (header.isascii() and header.isprintable()):
        raise SignatureRejected("The webhook-id header is not an id: short, printable ASCII without dots.")
    return header


def presented_time(header: str | None, now: datetime) -> str:
    """The header's text, as it is part of what is signed."""
    if not header:
        raise SignatureRejected("The delivery has no webhook-timestamp header.")
    if len(header) > _LONGEST_TIMESTAMP or not (header.isascii() and header.isdigit()):
        raise SignatureRejected("The webhook-timestamp header is not a time in whole seconds.")
    age = now.timestamp() - int(header)
    if abs(age) > TOLERANCE.total_seconds():
        raise SignatureRejected(f"The delivery was signed {'too long ago' if age > 0 else 'in the future'}.")
    return header


def presented_signatures(header: str | None) -> list[bytes]:
    """The v1 signatures of the list, still in base64. A header that came twice reaches us joined by a comma."""
    if not header:
        raise SignatureRejected("The delivery has no webhook-signature header.")
    parts = [part.split(",") for part in header.split(" ")]
    came_twice = any(len(part) > 2 and part[0] == "v1" and not part[-1] for part in parts)
    if len(header) > _LONGEST_SIGNATURES or not header.isascii() or came_twice:
        raise SignatureRejected("The webhook-signature header is not one short list of signatures.")
    signatures = [part[1].encode("ascii") for part in parts if len(part) == 2 and part[0] == "v1" and part[1]]
    if not signatures:
        raise SignatureRejected("The webhook-signature header holds no v1 signature.")
    return signatures


def signature(key: bytes, webhook_id: str, timestamp: str, body: bytes) -> bytes:
    """The signature over id, time and body, in base64."""
    signed = b".".join((webhook_id.encode("utf-8", "surrogatepass"), timestamp.encode("ascii"), body))
    return base64.b64encode(hmac.digest(key, signed, "sha256"))


def keys(secret: Secret) -> tuple[bytes, ...]:
    """The account's keys as bytes; a key that cannot be read is none."""
    raw = secret.credentials.get("secret_form") == "raw"
    read = (_raw_key(key) if raw else _decoded_key(key) for key in secret.signing)
    return tuple(key for key in read if key)


def _raw_key(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass") if key.strip() else b""


def _decoded_key(key: str) -> bytes:
    """The bytes behind `whsec_...`; the prefix and the padding may be missing, as in the scheme's own libraries."""
    digits = key.strip().removeprefix("whsec_").rstrip("=")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
