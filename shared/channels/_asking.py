"""What the channels share that are asked: reading answers to a question, and credentials that are renewed by OAuth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.channels._calling import by_status, content, later
from shared.channels._reading import text, when, whole
from shared.domain.events import iso
from shared.domain.exchange import Answer, Refusal, Refused, Secret

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
EXPIRES_AT = "expires_at"  # the credential that says when `access_token` ends, in ISO 8601

_LONGEST_LIFE = timedelta(days=3650)


def trouble(platform: str, answer: Answer, words: object = None, after: timedelta | None = None) -> Refused | None:
    """Why an answer holds nothing of what was asked for; None where it may. Asking again is always harmless."""
    if 200 <= answer.status < 300:
        return None
    if 300 <= answer.status < 400:
        reason = f"{platform} sends this call elsewhere ({answer.status}): nothing can be read there for the moment."
        return Refused(refusal=Refusal.LATER, reason=reason, after=after)
    if answer.status == 429:
        return later(platform, answer, after)
    meant = by_status(platform, answer, words)
    if isinstance(meant, Refused):
        return meant
    return Refused(refusal=Refusal.LATER, reason=f"{platform} has trouble ({answer.status}).", after=after)


def expiry(secret: Secret) -> datetime | None:
    """When the access token ends, as it was noted when it came; long past where there is none yet, None where nobody
    knows.
    """
    if not secret.credentials.get("access_token", "").strip():
        return LONG_AGO
    return when(secret.credentials.get(EXPIRES_AT))


def with_tokens(platform: str, secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
    """The account with the tokens of an answer from a token endpoint (RFC 6749, 5.1). A new refresh token replaces the
    old one, which from now on may be worth nothing.
    """
    said = content(answer)
    token, life = text(said.get("access_token")), whole(said.get("expires_in"))
    if not 200 <= answer.status < 300 or token is None:
        return _not_renewed(platform, answer, said)
    ends = now + min(timedelta(seconds=min(life, 10**9)), _LONGEST_LIFE) if life else None
    changed = {
        "access_token": token,
        "refresh_token": text(said.get("refresh_token")) or secret.credentials.get("refresh_token", ""),
        EXPIRES_AT: iso(ends) or "",
    }
    kept = {name: value for name, value in changed.items() if value}
    others = {name: value for name, value in secret.credentials.items() if name != EXPIRES_AT}
    return replace(secret, credentials={**others, **kept})


def _not_renewed(platform: str, answer: Answer, said: Mapping[str, object]) -> Refused:
    """A refusal of the token endpoint is final but for its faults (RFC 6749, 5.2): `invalid_grant` and its like."""
    if answer.status == 429 or answer.status >= 500:
        return trouble(platform, answer) or later(platform, answer)
    error = text(said.get("error"))
    word = f' ("{error[:40]}")' if error else f" ({answer.status})"
    reason = f"{platform} gives no new access token{word}: connect the account again."
    return Refused(refusal=Refusal.BLOCKED, reason=reason)
