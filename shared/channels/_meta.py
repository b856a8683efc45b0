"""What the channels of Meta share: handshake, signature, calls to the Graph API and what its answers mean."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.channels._calling import bearer, content, json_call, json_object, misfit, never, segment
from shared.channels._keys import current_key, keys_of, knows_word, require
from shared.channels._reading import Json, ident, objects, text, whole
from shared.domain.exchange import (
    Answer,
    Call,
    Capability,
    Outbound,
    Outcome,
    Posted,
    Refusal,
    Refused,
    Request,
    Response,
    Secret,
    Unclear,
)
from shared.errors import SignatureRejected

GRAPH = "https://graph.facebook.com/v26.0"
"""Host and version of every Graph API call; other hosts take their version from here. A version is served for two
years after the next one is released (developers.facebook.com/docs/apps/versions).
"""
VERSION = GRAPH.rpartition("/")[2]

_SIGNATURE_HEADER = "x-hub-signature-256"
_PREFIX = "sha256="
_HEX = frozenset("0123456789abcdef")
_SIGNATURE_LENGTH = len(_PREFIX) + 64
_LONGEST_CHALLENGE = 64
_LONGEST_WAIT = timedelta(hours=24)


def verify(request: Request, secrets: tuple[Secret, ...], now: datetime) -> None:  # noqa: ARG001 - the protocol's signature; Meta signs no time
    """Accept a delivery whose X-Hub-Signature-256 was made with any account's signing key, over the raw bytes.

    All keys are tried, whichever matches, so that timing tells nothing about them. Raises SignatureRejected and nothing
    else. Source: developers.facebook.com/docs/graph-api/webhooks/getting-started, "Validating payloads".
    """
    presented = _presented(request.headers.get(_SIGNATURE_HEADER))
    require(presented, keys_of(secrets), lambda key: hmac.digest(key, request.body, "sha256"))


def sign(body: bytes, secret: Secret, now: datetime, delivery_id: str) -> dict[str, str]:  # noqa: ARG001 - the protocol's signature; Meta signs the body alone
    """The headers with which Meta would send this body. Raises Misconfigured where the account has no signing key."""
    return {
        "content-type": "application/json",
        _SIGNATURE_HEADER: _PREFIX + hmac.digest(current_key(secret), body, "sha256").hex(),
    }


def challenge(request: Request, secrets: tuple[Secret, ...]) -> Response | None:
    """The answer to Meta's verification request; None for a POST, which is a delivery. Total.

    The challenge goes back as the bare body, and only if it is the number Meta documents: whatever else it held would
    be somebody else's text under our name. Source: the same page, "Verification requests".
    """
    if request.method == "POST":
        return None
    if request.method != "GET":
        return Response(405, "Only GET and POST are answered here.")
    if request.query.get("hub.mode") != "subscribe":
        return Response(400, "This is not a verification request: hub.mode is not subscribe.")
    if not knows_word(request.query.get("hub.verify_token"), secrets):
        return Response(403, "The verify token is not the one configured here.")
    number = request.query.get("hub.challenge") or ""
    if not (number.isascii() and number.isdigit() and len(number) <= _LONGEST_CHALLENGE):
        return Response(403, "hub.challenge is not a number.")
    return Response(200, number)


def post(url: str, secret: Secret, payload: Mapping[str, object]) -> Call | Refused:
    """The call that posts a payload as JSON with the account's token, or why it cannot be made."""
    proof = bearer(secret)
    return proof if isinstance(proof, Refused) else json_call("POST", url, proof, payload)


def edge(host: str, node_id: str, name: str) -> str:
    """The address of an edge such as {comment-id}/replies. The id comes from a delivery: it stays one path segment."""
    return f"{host}/{segment(node_id)}/{name}"


def direct_message(
    outbound: Outbound, secret: Secret, now: datetime, url: str, capability: Capability, *, metadata: bool
) -> Call | Refused:
    """The call that posts a direct message: as a response in the window, later only a person's words and tagged so.

    Only Messenger takes `metadata`, to hand it back in the echo. Source:
    developers.facebook.com/docs/messenger-platform/send-messages and its page on message tags.
    """
    unfit = misfit(outbound.text, capability)
    if unfit is not None:
        return unfit
    manner = _manner(outbound, now, capability)
    if isinstance(manner, Refused):
        return manner
    message = {"text": outbound.text, **({"metadata": outbound.client_token} if metadata else {})}
    return post(url, secret, {"recipient": {"id": outbound.thread_id}, **manner, "message": message})


def _manner(outbound: Outbound, now: datetime, capability: Capability) -> dict[str, str] | Refused:
    if outbound.last_inbound_at is None:
        return never("Meta takes direct messages only after the customer has written, and this one has not.")
    age = now - outbound.last_inbound_at
    if capability.window is None or age <= capability.window:
        return {"messaging_type": "RESPONSE"}
    if not outbound.by_person:
        return never("The 24 hours in which Meta takes an automatic answer have passed.")
    if capability.person_window is None or age <= capability.person_window:
        return {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    return never("The 7 days in which Meta takes a person's answer have passed; the customer has to write again.")


def outcome(answer: Answer) -> Outcome:
    """What an answer of the Graph API to a post means. Total.

    A post is not idempotent, so only an error that says the request was turned away before it was carried out may be
    tried again. Sources: developers.facebook.com/docs/graph-api/guides/error-handling and
    developers.facebook.com/docs/messenger-platform/error-codes.
    """
    said = content(answer)
    error = said.get("error")
    if answer.status >= 500:
        return Unclear(f"Meta answered {answer.status}: whether the text was posted is not known.")
    if isinstance(error, dict):
        return _refusal(answer, error)
    if answer.status == 429:
        return _later(answer, "429")
    native_id = _native_id(said)
    if 200 <= answer.status < 300 and "error" not in said and native_id is not None:
        return Posted(native_id)
    return Unclear(f"Meta answered {answer.status} without an id or a readable error.")


class _Meaning(NamedTuple):
    refusal: Refusal
    sentence: str


_WINDOW = _Meaning(
    Refusal.NEVER,
    "The time in which Meta takes an answer has passed; it opens again when the customer writes.",
)
_NOT_REACHABLE = _Meaning(Refusal.NEVER, "Meta does not deliver to this person: the account is closed or blocks us.")
_TOKEN = _Meaning(Refusal.BLOCKED, "The access token has expired or was revoked: make a new one and store it.")
_PERMISSION = _Meaning(Refusal.BLOCKED, "The app lacks a permission for this: grant it in the Meta app dashboard.")
_ACCOUNT = _Meaning(Refusal.BLOCKED, "Meta has restricted this account: look into its Account Quality page.")
_REQUEST = _Meaning(Refusal.NEVER, "Meta does not accept this text in this place.")
_GONE = _Meaning(Refusal.NEVER, "What is answered is gone, or not visible to our account any more.")
_ALREADY = _Meaning(Refusal.NEVER, "There was a private reply to this comment already; Meta takes only one.")
_WITHHELD = _Meaning(Refusal.LATER, "Meta holds this message back; it may be tried again after a day.")

_BY_SUBCODE: Mapping[tuple[int, int], _Meaning] = {
    (10, 2018278): _WINDOW,
    (10, 2534022): _WINDOW,
    (10, 2018108): _NOT_REACHABLE,
    (100, 2018001): _NOT_REACHABLE,
    (100, 33): _GONE,
}
_BY_CODE: Mapping[int, _Meaning] = {
    3: _PERMISSION,
    10: _PERMISSION,
    100: _REQUEST,
    102: _TOKEN,
    190: _TOKEN,
    230: _Meaning(Refusal.NEVER, "This person has not agreed to be written to by this account."),
    368: _ACCOUNT,
    551: _NOT_REACHABLE,
    10900: _ALREADY,
    10903: _NOT_REACHABLE,
    1545041: _NOT_REACHABLE,
    130472: _WITHHELD,
    130497: _ACCOUNT,
    131005: _PERMISSION,
    131008: _REQUEST,
    131009: _REQUEST,
    131021: _NOT_REACHABLE,
    131026: _NOT_REACHABLE,
    131030: _NOT_REACHABLE,
    131031: _ACCOUNT,
    131037: _ACCOUNT,
    131042: _Meaning(
        Refusal.BLOCKED, "Meta has no valid way of payment for this account: put it right in its billing."
    ),
    131045: _ACCOUNT,
    131047: _WINDOW,
    131049: _WITHHELD,
    131051: _REQUEST,
    131053: _REQUEST,
    131062: _REQUEST,
}
_THROTTLED = frozenset({4, 17, 32, 613, *range(80000, 80015), 130429, 131048, 131056, 131057, 133016})
_MAYBE_DONE = frozenset({1, 2, 131000, 131016, 133004, 135000})
_QUOTED = frozenset({_REQUEST, _GONE})


def _refusal(answer: Answer, error: Json) -> Outcome:
    code, subcode = whole(error.get("code")), whole(error.get("error_subcode"))
    label = _label(code, subcode)
    if code in _THROTTLED:
        return _later(answer, label)
    meaning = None if code is None else _meaning(code, subcode)
    if meaning is not None:
        after = _LONGEST_WAIT if meaning is _WITHHELD else None
        words = _quoted(error) if meaning in _QUOTED else ""
        return Refused(refusal=meaning.refusal, reason=f"{meaning.sentence}{words} (Meta {label})", after=after)
    if answer.status == 429:
        return _later(answer, label)
    if code is None or code in _MAYBE_DONE or error.get("is_transient") is True or not 400 <= answer.status < 500:
        return Unclear(f"Meta reports a fault of its own (Meta {label}): whether the text was posted is not known.")
    return Refused(refusal=Refusal.NEVER, reason=f"Meta refused it.{_quoted(error)} (Meta {label})")


def _meaning(code: int, subcode: int | None) -> _Meaning | None:
    exact = _BY_SUBCODE.get((code, subcode)) if subcode is not None else None
    by_code = exact or _BY_CODE.get(code)
    if by_code is None and 200 <= code <= 299:
        return _PERMISSION
    if by_code is None and 132000 <= code <= 132999:
        return _REQUEST
    return by_code


def _later(answer: Answer, label: str) -> Refused:
    return Refused(
        refusal=Refusal.LATER,
        reason=f"Meta takes no more from this account for the moment (Meta {label}).",
        after=_wait(answer.headers),
    )


def _wait(headers: Mapping[str, str]) -> timedelta | None:
    """How long Meta asks to wait: Retry-After in seconds, or the longest estimate of the usage header, in minutes.

    Source: developers.facebook.com/docs/graph-api/overview/rate-limiting.
    """
    seconds = [whole(headers.get("retry-after")) or 0]
    seconds += [minutes * 60 for minutes in _regain_minutes(headers.get("x-business-use-case-usage", ""))]
    longest = max(seconds)
    return timedelta(seconds=min(longest, int(_LONGEST_WAIT.total_seconds()))) if longest else None


def _regain_minutes(header: str) -> Iterator[int]:
    for usages in json_object(header.encode("utf-8", "replace")).values():
        for usage in objects(usages):
            yield whole(usage.get("estimated_time_to_regain_access")) or 0


def _native_id(content: Json) -> str | None:
    """Messages answer with `message_id`, comments with `id`, WhatsApp with `messages[].id`."""
    first = next(objects(content.get("messages")), {})
    return ident(content.get("message_id")) or ident(content.get("id")) or ident(first.get("id"))


def _label(code: int | None, subcode: int | None) -> str:
    number = "without a code" if code is None else f"error {code}"
    return number if not subcode else f"{number}/{subcode}"


def _quoted(error: Json) -> str:
    """Meta's own words, short. Words as long as a token are left out: some messages repeat the token they refuse."""
    said = text(error.get("error_user_msg")) or text(error.get("message")) or ""
    words = " ".join(word if len(word) <= 40 else "..." for word in said[:1000].split())
    return f' Meta says: "{words[:200]}"' if words else ""


def _presented(header: str | None) -> bytes:
    """The digest a delivery brings. A header that came twice reaches us joined by a comma, so its length tells."""
    if not header:
        raise SignatureRejected("The delivery has no X-Hub-Signature-256 header.")
    if len(header) != _SIGNATURE_LENGTH:
        raise SignatureRejected("The X-Hub-Signature-256 header does not have the length of one SHA-256 signature.")
    digits = header[len(_PREFIX) :]
    if not header.startswith(_PREFIX) or not _HEX.issuperset(digits):
        raise SignatureRejected('The X-Hub-Signature-256 header is not "sha256=" and 64 hexadecimal digits.')
    return bytes.fromhex(digits)
