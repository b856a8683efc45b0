"""Google's ways, common to its channels: access tokens, the error body, names of resources.

Sources: developers.google.com/identity/protocols/oauth2 ("Using OAuth 2.0 for Web Server Applications" and "... for
Server to Server Applications"), cloud.google.com/apis/design/errors (google.rpc.Status).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.channels._asking import no_page, refresh_grant
from shared.channels._calling import blocked, by_status, content, credential, form_call, later
from shared.channels._jwt import signed_token
from shared.channels._reading import Json, obj, objects, text
from shared.domain.exchange import Answer, Call, Outcome, Refused, Secret

TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
TOKEN_LIFE = timedelta(hours=1)  # the longest that Google takes for an assertion

_ASSERTION_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"  # RFC 7523, 2.1
_TOO_MANY = frozenset({"quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"})


# Access tokens


def by_refresh_token(secret: Secret) -> Call | Refused:
    """The call that trades the refresh token, which stays good, for an access token."""
    grant = refresh_grant(secret)
    return grant if isinstance(grant, Refused) else form_call(TOKEN_URL, grant)


def by_assertion(secret: Secret, scope: str, now: datetime) -> Call | Refused:
    """The call by which a service account, `client_email` and `private_key` of its key file, asks for an access token.

    RS256 over issuer, scope, audience and an hour of life (RFC 7523).
    """
    email, key = credential(secret, "client_email"), credential(secret, "private_key")
    if isinstance(email, Refused):
        return email
    if isinstance(key, Refused):
        return key
    ends = now + TOKEN_LIFE
    claims = {
        "iss": email,
        "scope": scope,
        "aud": TOKEN_URL,
        "iat": int(now.timestamp()),
        "exp": int(ends.timestamp()),
    }
    signed = signed_token(claims, key, "RS256", {})
    if signed is None:
        return blocked(f"The private_key of the account {secret.account_id} is no RSA key in PEM: copy it again.")
    return form_call(TOKEN_URL, {"grant_type": _ASSERTION_GRANT, "assertion": signed})


# Answers


def failed(platform: str, answer: Answer) -> Outcome:
    """What an error of one of Google's APIs means for a post. Never Posted."""
    return _quota(platform, answer) or by_status(platform, answer, _error(answer).get("message"))


def unread(platform: str, answer: Answer) -> Refused | None:
    """Why an answer holds nothing of what was asked for; None where it may."""
    return None if 200 <= answer.status < 300 else no_page(failed(platform, answer))


def _quota(platform: str, answer: Answer) -> Refused | None:
    """Too many calls, also where Google says it by 403; or a quota of none at all, which waiting does not change."""
    error = _error(answer)
    reasons = {text(part.get("reason")) for name in ("errors", "details") for part in objects(error.get(name))}
    if answer.status != 429 and not (answer.status == 403 and reasons & _TOO_MANY):
        return None
    limits = {text(obj(part.get("metadata")).get("quota_limit_value")) for part in objects(error.get("details"))}
    if "0" in limits:
        return blocked(f"{platform} gives this project a quota of 0: its access was not approved yet. Apply for it.")
    return later(platform, answer)


def _error(answer: Answer) -> Json:
    return obj(content(answer).get("error")) if answer.status >= 300 else {}
