"""Long-lived tokens of Instagram Login and Threads: sixty days, and before they end another sixty for the asking.

Sources: developers.facebook.com/docs/instagram-platform/reference/refresh_access_token and
developers.facebook.com/docs/threads/get-started/long-lived-tokens.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.channels._asking import LONG_AGO, expiry
from shared.channels._calling import bearer, query
from shared.domain.connecting import Wanted
from shared.domain.exchange import Call, Refused, Secret

RENEW_BEFORE = timedelta(days=20)  # of sixty: many tries before it is too late for any

ENDS = Wanted(
    name="expires_at", ask="When the token ends, sixty days after it was made: 2026-12-31T00:00:00Z",
    where="the day it was made", secret=False, optional=True,
)  # fmt: skip


def expires(secret: Secret) -> datetime | None:
    """When the token ends, where somebody noted it; where there is none, nothing can be renewed either."""
    ends = expiry(secret)
    return None if ends == LONG_AGO else ends


def refresh(host: str, grant_type: str, secret: Secret) -> Call | Refused:
    """The call that makes the token last sixty days from now. It must be a day old and not have ended."""
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    token = proof["authorization"].removeprefix("Bearer ")
    return Call(
        method="GET", url=f"{host}/refresh_access_token?{query({'grant_type': grant_type, 'access_token': token})}"
    )
