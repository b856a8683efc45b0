"""X: posts that name the account, answer or quote it, and direct messages. Both of its dialects of webhooks.

The X Activity API (docs.x.com/x-api/activity/introduction) delivers one event in the words of API v2, the older Account
Activity API (docs.x.com/x-api/account-activity/introduction) arrays in the words of v1.1.

Credentials of an account: `access_token`, `refresh_token`, `client_id`, perhaps `client_secret`, `expires_at`,
`app_token` and `webhook_id` to subscribe with, and `plan`: "enterprise" where X lets the app answer any post. Its
signing key is the app's API key secret.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime

from shared.channels import _x_account, _x_account_activity, _x_answers, _x_feeds, _x_posts
from shared.channels._calling import bearer, by_hand, fetched, json_call, misfit, never, segment
from shared.channels._keys import current_key, keys_of, require
from shared.channels._reading import Json, obj, objects, read_json
from shared.channels._x_text import POST, unknown
from shared.domain.events import Event, Kind, Surface
from shared.domain.exchange import (
    About,
    Call,
    Capability,
    How,
    Outbound,
    Refused,
    Request,
    Response,
    Secret,
    Unit,
)
from shared.errors import Misconfigured, SignatureRejected

ABOUT = About(
    title="X",
    how=(How.PUSH, How.POLL),
    docs="https://docs.x.com/x-api/activity/introduction",
    checked=date(2026, 11, 21),
    acknowledging="on in direct messages, once and only after the customer wrote; off in public, where X's automation "
    "rules allow customer care only to who asked for it",
    author="handle, name, followers and verified mark come with most events; a look-up is billed as one user read "
    "($0.010)",
    unproven="everything: no live app was at hand; whether the name that a plain answer carries counts as being named, "
    "the length of direct messages, and which token subscribes private events are not documented. An edited post is "
    "answered by its first id. X stops delivering where it finds the webhook invalid: nothing watches that (connect "
    "again), but mentions are asked for",
)

CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.DM: Capability(replies=True, limit=10_000, acknowledges=True),
    # A text is not split in public: each post is billed, and all but the first would answer ourselves.
    Surface.COMMENT: Capability(replies=True, limit=280, unit=Unit.WEIGHTED),
    Surface.MENTION: Capability(replies=True, limit=280, unit=Unit.WEIGHTED),
}

FEEDS = _x_feeds.FEEDS
ask, page = _x_feeds.ask, _x_feeds.page
outcome = _x_answers.outcome
SETUP, RENEW_BEFORE = _x_account.SETUP, _x_account.RENEW_BEFORE
subscribe, prove, proven = _x_account.subscribe, _x_account.prove, _x_account.proven
expires, renew, renewed = _x_account.expires, _x_account.renew, _x_account.renewed
look_up, profile = _x_account.look_up, _x_account.profile

_CHANNEL = "x"
_SIGNATURE_HEADER = "x-twitter-webhooks-signature"
_PREFIX = "sha256="
_SIGNATURE_LENGTH = len(_PREFIX) + 44
_CHALLENGE = re.compile(r"[A-Za-z0-9+/=_-]{16,128}")


def challenge(request: Request, secrets: tuple[Secret, ...]) -> Response | None:
    """The answer to X's challenge-response check; None for a POST, which is a delivery. Total.

    Challenge and deliveries are signed with the same key in the same way, so whoever could have any text signed here
    could forge deliveries: only what looks like a token is signed, which no JSON object does. `nonce` and whatever else
    X adds is not part of it. A refusal is a 4xx: X takes a 2xx with a wrong token for a broken webhook at once.
    Source: docs.x.com/x-api/webhooks/introduction.
    """
    if request.method == "POST":
        return None
    if request.method != "GET":
        return Response(405, "Only GET and POST are answered here.")
    token = request.query.get("crc_token")
    if token is None:
        return Response(400, "This is not a challenge: there is no crc_token.")
    if not _CHALLENGE.fullmatch(token):
        return Response(403, "The crc_token does not look like a token.")
    try:
        key = current_key(next(secret for secret in secrets if any(key.strip() for key in secret.signing)))
    except (StopIteration, Misconfigured):
        return Response(403, "No signing key is configured for this channel.")
    body = json.dumps({"response_token": _signature(key, token.encode()).decode()})
    return Response(200, body, "application/json")


def verify(request: Request, secrets: tuple[Secret, ...], now: datetime) -> None:  # noqa: ARG001 - the protocol's signature; X signs no time
    """Accept a delivery that any account's key signed, over the raw bytes. Raises SignatureRejected and nothing else.

    Source: docs.x.com/x-api/webhooks/introduction, "Validating payloads".
    """
    presented = _presented(request.headers.get(_SIGNATURE_HEADER))
    require(presented, keys_of(secrets), lambda key: _signature(key, request.body))


def sign(body: bytes, secret: Secret, now: datetime, delivery_id: str) -> dict[str, str]:  # noqa: ARG001 - the protocol's signature; X signs the body alone
    """The headers with which X would send this body. Raises Misconfigured where the account has no signing key."""
    return {
        "content-type": "application/json",
        _SIGNATURE_HEADER: _signature(current_key(secret), body).decode(),
    }


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """All events of a delivery in either dialect, or of posts that were fetched. Raises Unreadable for no JSON."""
    payload = read_json(body)
    base = Event(kind=Kind.UNKNOWN, channel=_CHANNEL)
    found = list(_events(base, payload)) if isinstance(payload, dict) else []
    return tuple(found) or (unknown(base, "a delivery without an event"),)


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature; X has no windows
    """The call that answers a post, or writes into a direct conversation.

    Sources: docs.x.com/x-api/posts/manage-tweets/integrate, docs.x.com/x-api/direct-messages/manage/integrate.
    """
    capability = CAPABILITIES.get(outbound.surface)
    if capability is None:
        return never("X has no reviews to answer.")
    unfit = misfit(outbound.text, capability) or _uncalled_for(outbound, secret)
    if unfit is not None:
        return unfit
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    if outbound.surface is Surface.DM:
        url = f"{_x_feeds.API}/dm_conversations/with/{segment(outbound.thread_id)}/messages"
        return json_call("POST", url, proof, {"text": outbound.text})
    answered = {"in_reply_to_tweet_id": outbound.in_reply_to or outbound.thread_id}
    return json_call("POST", f"{_x_feeds.API}/tweets", proof, {"text": outbound.text, "reply": answered})


def _uncalled_for(outbound: Outbound, secret: Secret) -> Refused | None:
    """What X's rules forbid: a program that writes first, and answers to posts that were not addressed to us."""
    if outbound.surface is Surface.DM:
        first = outbound.last_inbound_at is None and not outbound.by_person
        return never("X allows automatic direct messages only after the customer has written.") if first else None
    enterprise = secret.credentials.get("plan", "").strip().lower() == "enterprise"
    return by_hand(_x_answers.UNSUMMONED) if outbound.unaddressed and not enterprise else None


# Proving


def _signature(key: bytes, message: bytes) -> bytes:
    return _PREFIX.encode() + base64.b64encode(hmac.digest(key, message, "sha256"))


def _presented(header: str | None) -> bytes:
    if not header:
        raise SignatureRejected("The delivery has no X-Twitter-Webhooks-Signature header.")
    if len(header) != _SIGNATURE_LENGTH or not header.isascii() or not header.startswith(_PREFIX):
        raise SignatureRejected('The X-Twitter-Webhooks-Signature header is not "sha256=" and one base64 digest.')
    return header.encode()


# Reading


def _events(base: Event, payload: Json) -> Iterator[Event]:
    listed = fetched(payload)
    if listed is not None:
        account_id, feed, items = listed
        known = replace(base, account_id=account_id, unaddressed=feed == _x_feeds.SEARCH)
        read = _x_posts.whole if feed == POST else _x_posts.events
        for item in items:
            yield from read(known, obj(item.get("data")), obj(item.get("includes")))
    elif _x_account_activity.is_account_activity(payload):
        yield from _x_account_activity.activity(base, payload)
    else:
        for event in objects(payload.get("data")):
            yield from _x_posts.activity(base, event)
