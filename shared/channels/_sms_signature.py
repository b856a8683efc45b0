"""Twilio's signature: over the address as it was called, and over every parameter.

Source: twilio.com/docs/usage/webhooks/webhooks-security. The address is the account's own `webhook_url`, never what the
request says of itself: behind a gateway that is another one, and a forger may choose it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from shared.channels._calling import FORM, encoded
from shared.channels._keys import current_key
from shared.domain.exchange import Request, Secret
from shared.errors import Misconfigured, SignatureRejected

_LONGEST_SIGNATURE = 100


def verify(request: Request, secrets: tuple[Secret, ...], now: datetime) -> None:  # noqa: ARG001 - no time is signed
    """Accept what an account's auth token signed over that account's `webhook_url` and all parameters.

    Raises SignatureRejected and nothing else.
    """
    presented, claimed = _presented(request), _claimed_hash(request)
    expected = [
        _signature(encoded(key), _signed(url, request.body, claimed))
        for secret in secrets
        for key in secret.signing
        if key.strip()
        for url in _spellings(secret.credentials.get("webhook_url", ""))
    ]
    if not expected:
        raise SignatureRejected("No account has both an auth token and a webhook_url, so nothing can be accepted.")
    if not any([hmac.compare_digest(one, presented) for one in expected]):  # noqa: C419 - a list: all are compared
        raise SignatureRejected("The signature does not match the configured webhook_url and the parameters.")


def sign(body: bytes, secret: Secret, now: datetime, delivery_id: str) -> dict[str, str]:  # noqa: ARG001 - no time, no id
    """The headers with which Twilio sends this form. Raises Misconfigured without an auth token or a webhook_url."""
    key = current_key(secret)
    url = next(iter(_spellings(secret.credentials.get("webhook_url", ""))), None)
    if url is None:
        raise Misconfigured(f"The account {secret.account_id} has no webhook_url: put one among its credentials.")
    return {"content-type": FORM, "x-twilio-signature": _signature(key, _signed(url, body, None)).decode("ascii")}


def _presented(request: Request) -> bytes:
    header = request.headers.get("x-twilio-signature")
    if not header:
        raise SignatureRejected("The delivery has no x-twilio-signature header.")
    if len(header) > _LONGEST_SIGNATURE or not header.isascii():
        raise SignatureRejected("The x-twilio-signature header is not a signature.")
    return header.encode("ascii")


def _claimed_hash(request: Request) -> bytes | None:
    """The hash that stands for a body of JSON, which has no parameters; None for a form.

    Raises SignatureRejected where the hash is not the body's.
    """
    claimed = request.query.get("bodySHA256")
    if claimed is None:
        return None
    if not hmac.compare_digest(encoded(claimed), hashlib.sha256(request.body).hexdigest().encode("ascii")):
        raise SignatureRejected("The bodySHA256 of the query is not the body's.")
    return encoded(claimed)


def _signed(url: bytes, body: bytes, claimed: bytes | None) -> bytes:
    if claimed is None:
        return url + _listed(body)
    return url + (b"&" if b"?" in url else b"?") + b"bodySHA256=" + claimed


def _listed(body: bytes) -> bytes:
    """Name and value of every parameter, sorted, blank ones too; the values of one name each once, in their order."""
    form = parse_qsl(body.decode("utf-8", "surrogateescape"), keep_blank_values=True, errors="surrogateescape")
    return "".join(name + value for name, value in sorted(set(form))).encode("utf-8", "surrogateescape")


def _spellings(webhook_url: str) -> Iterator[bytes]:
    """The address without a port and with one: Twilio signs now this, now that. A fragment is never sent."""
    try:
        parts = urlsplit(webhook_url.strip())
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return
    if not parts.hostname or port is None:
        return
    host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc
    for netloc in (host, f"{host}:{port}"):
        yield encoded(urlunsplit((parts.scheme, netloc, parts.path, parts.query, "")))


def _signature(key: bytes, signed: bytes) -> bytes:
    return base64.b64encode(hmac.digest(key, signed, "sha1"))
