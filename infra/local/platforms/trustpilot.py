"""Trustpilot's API: reviews of a business unit, newest first, one answer to each, tokens by key and secret.

Source: developers.trustpilot.com, "Service Reviews API", "Authentication".
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from urllib.parse import parse_qs

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, Post, Shown, World, digits
from shared.domain.events import iso

CHANNEL = "trustpilot"
HOSTS = ("api.trustpilot.com",)
DEMO = "review__new"

_TOKENS = "/v1/oauth/oauth-business-users-for-applications/accesstoken"
_LIST = re.compile(r"/v1/private/business-units/([^/]+)/reviews")
_ONE = re.compile(r"/v1/private/reviews/([^/]+)(/reply)?")
_LIMIT = 5000


def credentials() -> dict[str, str]:
    """An application with an access token that has ended."""
    return {
        "api_key": secrets.token_hex(16),
        "api_secret": secrets.token_hex(16),
        "business_user_id": secrets.token_hex(12),
        "expires_at": "2026-01-01T00:00:00Z",
    }


def learn(world: World, delivery: object, now: datetime) -> None:
    """Show the reviews of a delivery from now on; a webhook tells of one without naming the business unit."""
    for told in graph.parts(delivery, "events"):
        _learn_told(world, graph.part(told, "eventData"), now)
    unit = graph.word(delivery, "account_id")
    for review in graph.parts(delivery, "items"):
        review_id = graph.word(review, "id")
        if unit and review_id:
            at = _at(review.get("createdAt"), now)
            shown = Shown(channel=CHANNEL, account_id=unit, feed="reviews", item_id=review_id, at=at, raw=dict(review))
            world.show(shown)


def _learn_told(world: World, data: Json, now: datetime) -> None:
    """The review behind a webhook's event, as the API shows it, at every unit that there is."""
    review_id, person = graph.word(data, "id"), graph.part(data, "consumer")
    for account in world.accounts:
        if account.channel != CHANNEL or not review_id:
            continue
        consumer = {"id": person.get("id"), "displayName": person.get("name")}
        raw = {**data, "consumer": consumer, "companyReply": None, "updatedAt": data.get("updatedAt")}
        at = _at(data.get("createdAt"), now)
        world.show(
            Shown(channel=CHANNEL, account_id=account.account_id, feed="reviews", item_id=review_id, at=at, raw=raw)
        )


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001 - as the others
    """The host is Trustpilot's alone."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """Tokens, the list of reviews, one review, an answer to it."""
    if (call.method, call.path) == ("POST", _TOKENS):
        return _token(call, world)
    account = _account(call, world)
    listed, one = _LIST.fullmatch(call.path), _ONE.fullmatch(call.path)
    if call.method == "GET" and listed is not None and listed[1] == account.account_id:
        return _reviews(call, world, account)
    if one is not None:
        review = _review(world, account, one[1])
        if call.method == "POST" and one[2]:
            return _reply(call, world, account, review)
        if call.method == "GET" and not one[2]:
            return PlatformAnswer(body=review.raw)
    raise _refused(404, "Not found")


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001 - as the others
    """The error of a bad day."""
    if kind == "throttle":
        return Refusal(429, {"message": "Too many requests"}, {"retry-after": "30"})
    return _refused(401, "Unauthorized") if kind == "revoked_token" else _refused(500, "Internal error")


def _token(call: PlatformCall, world: World) -> PlatformAnswer:
    given = call.basic()
    asked = parse_qs(call.body.decode("utf-8", "replace")).get("grant_type")
    for account in world.accounts:
        held = account.credentials
        mine = account.channel == CHANNEL and (held.get("api_key"), held.get("api_secret")) == given
        if mine and asked == ["client_credentials"]:
            held["access_token"] = secrets.token_urlsafe(24)
            return PlatformAnswer(body={"access_token": held["access_token"], "expires_in": "359999"})
    raise Refusal(401, {"error": "invalid_client"})


def _account(call: PlatformCall, world: World) -> Account:
    token = call.bearer()
    for account in world.accounts:
        if account.channel == CHANNEL and token and account.token == token:
            return account
    raise _refused(401, "Unauthorized")


def _reviews(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    size, number = int(call.text("perPage") or 20), int(call.text("page") or 1)
    if not 1 <= size <= 100 or number < 1:
        raise _refused(400, "perPage must be between 1 and 100")
    shown = world.feed(CHANNEL, account.account_id, "reviews")[(number - 1) * size : number * size]
    return PlatformAnswer(body={"links": [], "reviews": [s.raw for s in shown]})


def _review(world: World, account: Account, review_id: str) -> Shown:
    for shown in world.feed(CHANNEL, account.account_id, "reviews"):
        if shown.item_id == review_id:
            return shown
    raise _refused(404, "Review not found")


def _reply(call: PlatformCall, world: World, account: Account, review: Shown) -> PlatformAnswer:
    text = call.text("message") or ""
    if not text.strip() or len(text) > _LIMIT:
        raise _refused(400, "message is required")
    if call.text("authorBusinessUserId") != account.credentials.get("business_user_id"):
        raise _refused(403, "The business user does not belong to the business unit")
    review.raw["companyReply"] = {"text": text, "createdAt": iso(call.now), "updatedAt": None}
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="reply", thread=review.item_id,
            recipient=graph.word(graph.part(review.raw, "consumer"), "id"), text=text, native_id=f"reply-{digits(9)}",
            at=call.now.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip
    return PlatformAnswer(status=201)


def _at(value: object, otherwise: datetime) -> float:
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        return otherwise.timestamp()


def _refused(status: int, message: str) -> Refusal:
    return Refusal(status, {"message": message})
