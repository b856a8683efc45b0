"""What all channels share that answer over HTTP: making calls that are safe to make, and reading what comes back."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from shared.channels._reading import Json, obj, objects, read_json, text, whole
from shared.domain.exchange import Answer, Call, Capability, Outcome, Posted, Refusal, Refused, Secret, Unclear
from shared.domain.length import length
from shared.errors import Unreadable

LONGEST_WAIT = timedelta(hours=24)
FORM = "application/x-www-form-urlencoded"

_SEGMENT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_LONGEST_QUOTE = 200
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")
_LONGEST_HOST = 253  # RFC 1035, 2.3.4


# Calls


def never(reason: str) -> Refused:
    """A refusal of ours, before any call is made."""
    return Refused(refusal=Refusal.NEVER, reason=reason)


def blocked(reason: str) -> Refused:
    """A refusal of ours: the account has to be put right first."""
    return Refused(refusal=Refusal.BLOCKED, reason=reason)


def by_hand(reason: str) -> Refused:
    """A refusal of ours: a person has to answer in the platform's own app."""
    return Refused(refusal=Refusal.BY_HAND, reason=reason)


def misfit(words: str, capability: Capability) -> Refused | None:
    """Why a text does not fit the place, counted as the platform counts; None if it does."""
    size = length(words, capability.unit)
    if size > capability.limit:
        return never(f"The text has {size:,} {capability.unit}, {capability.limit:,} are taken here: shorten it.")
    return None if words.strip() else never("There is no text to post.")


def segment(name: str) -> str:
    """A text as one segment of a path or one value of a query, whatever it holds: ids come from deliveries."""
    return "".join(c if c in _SEGMENT else "".join(f"%{b:02X}" for b in encoded(c)) for c in name)


def query(parameters: Mapping[str, str | int]) -> str:
    """Parameters as the query of a URL, without the question mark."""
    return "&".join(f"{segment(name)}={segment(str(value))}" for name, value in parameters.items())


def json_call(
    method: str, url: str, headers: Mapping[str, str] | None = None, payload: Mapping[str, object] | None = None
) -> Call:
    """A call whose body, if there is one, is JSON."""
    if payload is None:
        return Call(method=method, url=url, headers=dict(headers or {}))
    body = json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")
    return Call(method=method, url=url, headers={"content-type": "application/json", **(headers or {})}, body=body)


def form_call(url: str, fields: Mapping[str, str | int], headers: Mapping[str, str] | None = None) -> Call:
    """A POST whose body is a form."""
    return Call(method="POST", url=url, headers={"content-type": FORM, **(headers or {})}, body=query(fields).encode())


def credential(secret: Secret, name: str) -> str | Refused:
    """A credential of the account, or why nothing can be called without it."""
    value = secret.credentials.get(name, "").strip()
    return value or blocked(f"The account {secret.account_id} has no {name}: put one among its credentials.")


def signing_credential(secret: Secret, name: str) -> str | Refused:
    """The signing key where it pays for our own calls, too, or why nothing can be called without it."""
    key = next((key for key in secret.signing if key.strip()), None)
    return key or blocked(f"The account {secret.account_id} has no {name}: put it under `signing`.")


def own_host(secret: Secret, name: str, otherwise: str = "") -> str | Refused:
    """The host that a credential names, in lower case: a plain public name, never an address, a port or a path."""
    given = secret.credentials.get(name, "").strip().lower().removeprefix("https://").rstrip("/") or otherwise
    if _HOST.fullmatch(given) is None or len(given) > _LONGEST_HOST:
        return blocked(f"The account {secret.account_id} has no {name} that is a host name: put one there.")
    return given


def bearer(secret: Secret, name: str = "access_token") -> dict[str, str] | Refused:
    """The header that proves who calls, or why nothing can be called."""
    token = credential(secret, name)
    return token if isinstance(token, Refused) else {"authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    """The header of basic authentication (RFC 7617)."""
    return {"authorization": "Basic " + base64.b64encode(encoded(f"{user}:{password}")).decode("ascii")}


# Answers


def content(answer: Answer) -> Json:
    """The object in an answer's body; an empty one where there is none. Total."""
    return json_object(answer.body)


def json_object(body: bytes) -> Json:
    """The object that some bytes hold; an empty one where they hold none. Total."""
    try:
        return obj(read_json(body))
    except Unreadable:
        return {}


def quoted(words: object) -> str:
    """The platform's own words, short. Words as long as a token are left out: some repeat the token they refuse."""
    said = " ".join(word if len(word) <= 40 else "..." for word in (text(words) or "")[:1000].split())
    return f' It says: "{said[:_LONGEST_QUOTE]}"' if said else ""


def wait(answer: Answer) -> timedelta | None:
    """How long the answer asks us to wait by Retry-After in seconds (RFC 9110, 10.2.3), a day at most."""
    seconds = whole(answer.headers.get("retry-after"))
    return min(timedelta(seconds=min(seconds, 10**6)), LONGEST_WAIT) if seconds and seconds > 0 else None


def later(platform: str, answer: Answer, after: timedelta | None = None) -> Refused:
    """The platform takes no more for the moment."""
    reason = f"{platform} takes no more from this account for the moment ({answer.status})."
    return Refused(refusal=Refusal.LATER, reason=reason, after=after or wait(answer))


def unclear(platform: str, answer: Answer) -> Unclear:
    """The platform failed in a way that does not tell whether the text was posted."""
    return Unclear(f"{platform} reports a fault of its own ({answer.status}): whether the text was posted is unknown.")


def by_status(platform: str, answer: Answer, words: object = None) -> Outcome:
    """What an answer without a code of the platform's own means, by its HTTP status. Never Posted."""
    said = quoted(words)
    match answer.status:
        case 429:
            return later(platform, answer)
        case 401:
            return blocked(f"{platform} does not accept the account's token any more (401): connect it again.{said}")
        case 403:
            return blocked(f"{platform} does not let this account do that (403): check its permissions.{said}")
        case status if 400 <= status < 500 and status != 408:
            return never(f"{platform} refused it ({status}).{said}")
        case _:
            return unclear(platform, answer)


def posted(native_id: str | None) -> Posted:
    """The platform has it; where it names no id, our token stands for it."""
    return Posted(native_id or "")


# What was fetched


def fetched(payload: Json) -> tuple[str, str, Iterator[Json]] | None:
    """Account, feed and items of a delivery that the poller made; None for any other body."""
    account_id, feed = payload.get("account_id"), payload.get("feed")
    if not isinstance(account_id, str) or not isinstance(feed, str) or not isinstance(payload.get("items"), list):
        return None
    return account_id, feed, objects(payload["items"])


def encoded(value: str) -> bytes:
    """UTF-8 of any text: lone surrogates, which a URL or a secret can hold, must not raise."""
    return value.encode("utf-8", "surrogatepass")
