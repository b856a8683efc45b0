"""Signing keys: which there are, whose, and whether one of them made a proof. Timing tells nothing about them."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable

from shared.channels._calling import encoded
from shared.domain.exchange import Request, Response, Secret
from shared.errors import Misconfigured, SignatureRejected


def keys_of(secrets: Iterable[Secret]) -> list[bytes]:
    """All keys of all accounts, current and previous. Raises SignatureRejected where there is none."""
    keys = [encoded(key) for secret in secrets for key in secret.signing if key.strip()]
    if not keys:
        raise SignatureRejected("No signing key is configured for this channel, so nothing can be accepted.")
    return keys


def require(presented: bytes, keys: Iterable[bytes], proof: Callable[[bytes], bytes]) -> None:
    """Accept what one of the keys made; all are tried, whichever matches. Raises SignatureRejected."""
    matches = [hmac.compare_digest(proof(key), presented) for key in keys]
    if not any(matches):
        raise SignatureRejected("The signature does not match the delivery.")


def holder(presented: bytes, secrets: Iterable[Secret], proof: Callable[[bytes], bytes]) -> str | None:
    """The first account with a key that made the proof; all keys of all accounts are tried, whichever matches."""
    held = ((s.account_id, [proof(encoded(key)) for key in s.signing if key.strip()]) for s in secrets)
    known = [account for account, proofs in held if any([hmac.compare_digest(p, presented) for p in proofs])]  # noqa: C419 - a list: all are compared
    return next(iter(known), None)


def current_key(secret: Secret) -> bytes:
    """The key that signs for an account. Raises Misconfigured where it has none."""
    key = next((key for key in secret.signing if key.strip()), None)
    if key is None:
        raise Misconfigured(f"The account {secret.account_id} has no signing key: put one under `signing`.")
    return encoded(key)


def knows_word(word: str | None, secrets: Iterable[Secret]) -> bool:
    """Whether a handshake brings the verify token of one of the accounts."""
    offered = encoded(word or "")
    known = [encoded(s.verify_token) for s in secrets if s.verify_token and s.verify_token.strip()]
    return any([hmac.compare_digest(offered, token) for token in known])  # noqa: C419 - a list: all are compared


def no_handshake(request: Request, secrets: tuple[Secret, ...]) -> Response | None:  # noqa: ARG001 - the protocol's signature
    """The `challenge` of a platform that asks nothing before it delivers: None for a POST, a delivery. Total."""
    return None if request.method == "POST" else Response(405, "Only POST is answered here.")
