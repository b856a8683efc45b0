"""What channels share that are asked: what an answer without a page means, when a spent limit comes back, and access
tokens that run out and are renewed by OAuth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from shared.channels._calling import LONGEST_WAIT, by_status, content, credential
from shared.channels._reading import text, when, whole
from shared.domain.events import iso
from shared.domain.exchange import Answer, Outcome, Refusal, Refused, Secret

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
EXPIRES_AT = "expires_at"  # the credential that says when `access_token` ends, in ISO 8601

_LONGEST_LIFE = timedelta(days=3650)


# Pages


def no_page(meaning: Outcome) -> Refused:
    """Why there is no page. A reading call may always be made again, so what would be unclear of a post is LATER."""
    if isinstance(meaning, Refused):
        return meaning
    return Refused(refusal=Refusal.LATER, reason="The platform did not answer as documented: it is asked again later.")


def trouble(platform: str, answer: Answer, words: object = None) -> Refused | None:
    """Why an answer holds nothing of what was asked for, by its HTTP status; None where it may hold it."""
    return None if 200 <= answer.status < 300 else no_page(by_status(platform, answer, words))


def no_listing(platform: str) -> Refused:
    """A success without what was asked for: a page of another kind, or one that was cut. No items would be a lie."""
    return Refused(refusal=Refusal.LATER, reason=f"{platform} answered with something that is no page.")


def until_date(answer: Answer) -> timedelta | None:
    """How long until the date in Retry-After (RFC 9110, 10.2.3), by the answer's own Date; a day at most."""
    until, date = _http_date(answer, "retry-after"), answered_at(answer)
    return min(until - date, LONGEST_WAIT) if until is not None and date is not None and until > date else None


def until_reset(answer: Answer, header: str) -> timedelta | None:
    """How long until the time in a header (seconds since 1970, or ISO 8601), by the answer's own Date; a day at most.

    The platform's clock is compared with itself, so ours may be wrong.
    """
    reset, date = when(answer.headers.get(header)), answered_at(answer)
    if reset is None or date is None or reset <= date:
        return None
    return min(reset - date, LONGEST_WAIT)


def answered_at(answer: Answer) -> datetime | None:
    """The time of an answer by the platform's own clock (RFC 9110, 6.6.1); None where it does not say."""
    return _http_date(answer, "date")


def _http_date(answer: Answer, header: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(answer.headers.get(header, ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo is not None else None


# Access tokens


def expiry(secret: Secret) -> datetime | None:
    """When the access token ends, as it was noted when it came; long past where there is none yet, None where nobody
    knows.
    """
    if not secret.credentials.get("access_token", "").strip():
        return LONG_AGO
    return when(secret.credentials.get(EXPIRES_AT))


def refresh_grant(secret: Secret) -> dict[str, str] | Refused:
    """What a token endpoint is told to renew the access token (RFC 6749, 6), or which credential is missing."""
    grant = {"grant_type": "refresh_token"}
    for name in ("client_id", "client_secret", "refresh_token"):
        value = credential(secret, name)
        if isinstance(value, Refused):
            return value
        grant[name] = value
    return grant


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
        return no_page(by_status(platform, answer))
    error = text(said.get("error"))
    word = f' ("{error[:40]}")' if error else f" ({answer.status})"
    reason = f"{platform} gives no new access token{word}: connect the account again."
    return Refused(refusal=Refusal.BLOCKED, reason=reason)
