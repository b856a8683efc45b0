"""Yelp's two hosts: leads with their events, and answers to reviews.

Sources: docs.developer.yelp.com, "Leads API", "Respond to Reviews API", "Refresh tokens".
"""

from __future__ import annotations

import json
import re
import secrets
from datetime import datetime

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal, Telling
from infra.local.platforms.world import Account, Post, Shown, World, opaque
from shared.domain.events import iso

CHANNEL = "yelp"
HOSTS = ("api.yelp.com", "partner-api.yelp.com")
DEMO = "pointer__lead"

_EVENTS = re.compile(r"/v3/leads/([^/]+)/events")
_REVIEW = re.compile(r"/reviews/v1/([^/]+)")
_BUSINESS = re.compile(r"/v3/businesses/([^/]+)")
_LIMIT = 5000
_PAGE = 20
_WEEK_SECONDS = 604_800
_ISSUED = "issued_token"  # beside the one the account was set up with
_ASKED = "Can you true a wheel on Saturday?"


def credentials() -> dict[str, str]:
    """A partner's application, acting for the owner of a business, whose access token has just ended."""
    return {
        "client_id": secrets.token_urlsafe(16),
        "client_secret": secrets.token_urlsafe(32),
        "refresh_token": secrets.token_hex(64),
        "api_key": secrets.token_urlsafe(48),
        "expires_at": "2026-01-01T00:00:00Z",
    }


def learn(world: World, delivery: object, now: datetime) -> None:
    """Take in a webhook, and have the lead that it points at; or the events of a lead as they are."""
    account_id = graph.word(delivery, "account_id")
    for item in graph.parts(delivery, "items"):
        lead_id = graph.word(item, "lead_id")
        if account_id and lead_id:
            _show(world, account_id, lead_id, item, now)
    data = graph.part(delivery, "data")
    for update in graph.parts(data, "updates"):
        business, lead_id = graph.word(data, "id"), graph.word(update, "lead_id")
        if business and lead_id:
            _show(world, business, lead_id, _asked(update, now), now)
        elif business and graph.word(update, "review_id"):
            review = {"id": graph.word(update, "review_id")}
            world.show(Shown(channel=CHANNEL, account_id=business, feed="reviews", item_id=str(review["id"]),
                             at=now.timestamp(), raw=dict(review)))  # fmt: skip


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001 - as the others
    """Both hosts are Yelp's alone."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """Events of a lead, a new one of ours, an answer to a review, the business itself."""
    if (call.method, call.path) == ("POST", "/oauth2/token"):
        return _token(call, world)
    if (call.method, call.path) == ("POST", "/v3/businesses/subscriptions"):
        return _subscribe(call, world)
    account = _account(call, world)
    lead, review, business = (p.fullmatch(call.path) for p in (_EVENTS, _REVIEW, _BUSINESS))
    if lead is not None:
        return _read(call, world, account, lead[1]) if call.method == "GET" else _write(call, world, account, lead[1])
    if review is not None and call.method == "POST":
        return _respond(call, world, account, review[1])
    if business is not None and call.method == "GET" and business[1] == account.account_id:
        return PlatformAnswer(body={"id": account.account_id, "name": "Lantern Bikes"})
    raise _refused(404, "NOT_FOUND", "Resource could not be found.")


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001 - as the others
    """The error of a bad day."""
    if kind == "throttle":
        return _refused(429, "TOO_MANY_REQUESTS_PER_SECOND", "You have exceeded the queries-per-second limit.")
    if kind == "revoked_token":
        return _refused(401, "INVALID_TOKEN", "The access token is invalid.")
    return _refused(500, "INTERNAL_ERROR", "Something went wrong internally.")


def _account(call: PlatformCall, world: World) -> Account:
    token = call.bearer()
    for account in world.accounts:
        held = {account.token, account.credentials.get("reviews_token"), account.credentials.get(_ISSUED)}
        if account.channel == CHANNEL and token and token in held:
            return account
    raise _refused(401, "INVALID_TOKEN", "The access token is invalid.")


def _token(call: PlatformCall, world: World) -> PlatformAnswer:
    """Another access token for a refresh token, which stays."""
    names = ("client_id", "client_secret", "refresh_token")
    for account in world.accounts:
        mine = account.channel == CHANNEL and all(call.text(n) == account.credentials.get(n, "") for n in names)
        if mine and call.text("grant_type") == "refresh_token":
            account.credentials[_ISSUED] = secrets.token_hex(64)
            body = {"access_token": account.credentials[_ISSUED], "token_type": "Bearer", "expires_in": _WEEK_SECONDS}
            return PlatformAnswer(body=body)
    raise _refused(400, "INVALID_TOKEN", "The refresh token is expired, revoked or invalid.")


def _subscribe(call: PlatformCall, world: World) -> PlatformAnswer:
    key = call.bearer()
    if not any(a.channel == CHANNEL and key and a.credentials.get("api_key") == key for a in world.accounts):
        raise _refused(401, "TOKEN_INVALID", "Invalid access token or authorization header.")
    return PlatformAnswer(status=202, body={})


def _read(call: PlatformCall, world: World, account: Account, lead_id: str) -> PlatformAnswer:
    """The latest events, the oldest of them first; or those before a cursor."""
    events = sorted(_lead(world, account, lead_id), key=lambda s: s.at)
    cursor, size = call.text("older_than_cursor"), int(call.text("limit") or _PAGE)
    if cursor is not None:
        events = events[: next((n for n, s in enumerate(events) if s.raw.get("cursor") == cursor), 0)]
    told = [{k: v for k, v in s.raw.items() if k != "lead_id"} for s in events[-size:]]
    return PlatformAnswer(body={"events": told})


def _write(call: PlatformCall, world: World, account: Account, lead_id: str) -> PlatformAnswer:
    _lead(world, account, lead_id)
    text = call.text("request_content") or ""
    if call.text("request_type") != "TEXT" or not text.strip() or len(text) > _LIMIT:
        raise _refused(400, "VALIDATION_ERROR", "request_content must be a text of at most 5000 characters.")
    event_id = opaque("ev-", 9)
    said: Json = {
        "id": event_id, "event_type": "TEXT", "event_content": {"text": text, "fallback_text": text},
        "user_type": "BIZ", "user_id": "bz-1", "user_display_name": "Lantern Bikes", "time_created": iso(call.now),
        "cursor": event_id, "lead_id": lead_id,
    }  # fmt: skip
    _show(world, account.account_id, lead_id, said, call.now)
    _posted(call, world, account, "dm", lead_id, text, event_id)
    update = {"event_type": "NEW_EVENT", "event_id": event_id, "lead_id": lead_id, "interaction_time": iso(call.now)}
    body = {"time": iso(call.now), "object": "business", "data": {"id": account.account_id, "updates": [update]}}
    telling = Telling(CHANNEL, account.account_id, json.dumps(body).encode())
    return PlatformAnswer(status=201, body={"id": event_id}, tellings=(telling,))


def _respond(call: PlatformCall, world: World, account: Account, review_id: str) -> PlatformAnswer:
    text = call.text("response_text") or ""
    shown = [s for s in world.feed(CHANNEL, account.account_id, "reviews") if s.item_id == review_id]
    if not shown:
        raise _r2r("R2R_REVIEW_DOES_NOT_EXIST", "Review does not exist.")
    if call.text("response_type") != "public_comment":
        raise _r2r("R2R_INVALID_RESPONSE_TYPE", "Invalid response type.")
    if not text.strip() or len(text) > _LIMIT or any(ord(character) > 0xFFFF for character in text):
        raise _r2r("R2R_INVALID_RESPONSE_TEXT", "Invalid response text.")
    shown[0].raw["response"] = text
    native_id = opaque("rr-", 9)
    _posted(call, world, account, "reply", review_id, text, native_id)
    return PlatformAnswer(status=200, body={"id": native_id})


def _posted(
    call: PlatformCall, world: World, account: Account, kind: str, thread: str, text: str, native_id: str
) -> None:
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind=kind, thread=thread, recipient=thread, text=text,
            native_id=native_id, at=call.now.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip


def _lead(world: World, account: Account, lead_id: str) -> list[Shown]:
    events = world.feed(CHANNEL, account.account_id, f"lead {lead_id}")
    if not events:
        raise _refused(404, "LEAD_NOT_FOUND", "The lead does not exist or the token may not see it.")
    return events


def _asked(update: Json, now: datetime) -> Json:
    """What the customer behind a NEW_EVENT said."""
    at = graph.word(update, "interaction_time") or iso(now)
    event_id = graph.word(update, "event_id") or "ev-0"
    return {
        "id": event_id, "event_type": "TEXT", "event_content": {"text": _ASKED, "fallback_text": _ASKED},
        "user_type": "CONSUMER", "user_id": "us-9", "user_display_name": "Noa E.", "time_created": at,
        "cursor": event_id, "lead_id": graph.word(update, "lead_id"),
    }  # fmt: skip


def _show(world: World, account_id: str, lead_id: str, said: Json, now: datetime) -> None:
    item_id = graph.word(said, "id") or "ev-0"
    at = _at(said.get("time_created"), now)
    known = {s.item_id for s in world.feed(CHANNEL, account_id, f"lead {lead_id}")}
    if item_id not in known:
        world.show(Shown(channel=CHANNEL, account_id=account_id, feed=f"lead {lead_id}", item_id=item_id,
                         at=at.timestamp(), raw=dict(said)))  # fmt: skip


def _at(value: object, otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return otherwise


def _refused(status: int, code: str, description: str) -> Refusal:
    return Refusal(status, {"error": {"code": code, "description": description}})


def _r2r(error_id: str, description: str) -> Refusal:
    """An error of Respond to Reviews, which has a form of its own."""
    return Refusal(400, {"error": {"id": error_id, "description": description, "http_code": "400"}})
