"""App Store Connect: customer reviews of an app, newest first, and one response to each.

Source: developer.apple.com/documentation/appstoreconnectapi, "Customer Reviews", "Customer Review Responses",
"Generating Tokens for API Requests", "Interpreting and Handling Errors".
"""

from __future__ import annotations

import re
import secrets
import uuid
from datetime import datetime, timedelta
from urllib.parse import unquote

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, Post, Shown, World, page_behind
from shared.domain.events import iso

CHANNEL = "app_store"
ACCOUNT = "6449000001"
HOSTS = ("api.appstoreconnect.apple.com",)
DEMO = "review__new"

_LIST = re.compile(r"/v1/apps/([^/]+)/customerReviews")
_APP = re.compile(r"/v1/apps/([^/]+)")
_ONE = re.compile(r"/v1/customerReviews/([^/]+)")
_LIMIT = 5970
_MOST = 200
_LONGEST_LIFE = timedelta(minutes=20)
_RATE = {"x-rate-limit": "user-hour-lim:3500;user-hour-rem:3120;"}


def credentials() -> dict[str, str]:
    """A key of App Store Connect, made on the spot."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    return {
        "issuer_id": str(uuid.uuid4()),
        "key_id": secrets.token_hex(5).upper(),
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    }


def learn(world: World, delivery: object, now: datetime) -> None:
    """Show the reviews of a delivery, and their responses, from now on."""
    app = graph.word(delivery, "account_id")
    for document in graph.parts(delivery, "items"):
        review = graph.part(document, "data")
        review_id = graph.word(review, "id")
        if app is None or review_id is None:
            continue
        at = _created(graph.part(review, "attributes"), now)
        raw: dict[str, object] = {"data": dict(review), "included": graph.parts(document, "included")}
        world.show(
            Shown(channel=CHANNEL, account_id=app, feed="reviews", item_id=review_id, at=at.timestamp(), raw=raw)
        )


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001 - as the others
    """The host is App Store Connect's alone."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """Lists, single reviews, the app's name, and `POST /v1/customerReviewResponses`."""
    mine, path = _mine(call, world), unquote(call.path)
    if (call.method, path) == ("POST", "/v1/customerReviewResponses"):
        return _respond(call, world, mine)
    listed, one, app = _LIST.fullmatch(path), _ONE.fullmatch(path), _APP.fullmatch(path)
    if call.method == "GET" and listed:
        return _list(call, world, _app(mine, listed[1]))
    if call.method == "GET" and one:
        return PlatformAnswer(body=_review(world, mine, one[1]).raw, headers=_RATE)
    if call.method == "GET" and app:
        data = {"type": "apps", "id": _app(mine, app[1]).account_id, "attributes": {"name": "Lantern Bikes"}}
        return PlatformAnswer(body={"data": data}, headers=_RATE)
    raise _error(404, "PATH_ERROR", "The URL path is not valid", f"The resource '{path}' does not exist")


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001 - as the others
    """The error of a bad day."""
    if kind == "throttle":
        return _error(429, "RATE_LIMIT_EXCEEDED", "The request rate limit has been reached.", "Try again later.")
    if kind == "revoked_token":
        return _unauthorized()
    return _error(500, "UNEXPECTED_ERROR", "An unexpected error occurred.", "There was a problem on the server side.")


def _mine(call: PlatformCall, world: World) -> list[Account]:
    """The apps the token's key may act for. Raises 401."""
    token = call.bearer()
    found = [a for a in world.accounts if a.channel == CHANNEL and _signed(token, a, call.now)]
    if not found:
        raise _unauthorized()
    return found


def _signed(token: str, account: Account, now: datetime) -> bool:
    """Whether the account's key made the token: ES256, for this API, now, and for at most twenty minutes."""
    import jwt
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    held = account.credentials
    try:
        key = load_pem_private_key(held.get("private_key", "").encode(), None)
        if jwt.get_unverified_header(token).get("kid") != held.get("key_id"):
            return False
        if not isinstance(key, EllipticCurvePrivateKey):
            return False
        claims = jwt.decode(
            token, key.public_key(), algorithms=["ES256"], audience="appstoreconnect-v1", issuer=held.get("issuer_id"),
            options={"verify_exp": False, "verify_iat": False},  # by the sandbox's clock, below
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    issued, ends = claims.get("iat", 0), claims.get("exp", 0)
    lives = bool(issued - 60 <= now.timestamp() < ends)
    return lives and ends - issued <= _LONGEST_LIFE.total_seconds()


def _app(mine: list[Account], app: str) -> Account:
    account = next((a for a in mine if a.account_id == app), None)
    if account is None:
        raise _error(404, "NOT_FOUND", "The specified resource does not exist", f"There is no resource 'apps' {app}")
    return account


def _list(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    """One page; its cursor names the last review on it, so that what is new above shifts nothing."""
    if call.text("sort") not in {None, "-createdDate"} or int(call.text("limit") or 20) > _MOST:
        raise _error(400, "PARAMETER_ERROR.INVALID", "A parameter has an invalid value", "sort, limit")
    shown = world.feed(CHANNEL, account.account_id, "reviews")
    size, after = int(call.text("limit") or 20), call.text("cursor")
    page = page_behind(shown, after, size)
    if page is None:
        raise _error(400, "PARAMETER_ERROR.INVALID", "A parameter has an invalid value", "cursor")
    rows, more = page
    address = f"https://{HOSTS[0]}/v1/apps/{account.account_id}/customerReviews"
    links: dict[str, str] = {"self": address}
    if more:
        links["next"] = f"{address}?cursor={more}&limit={size}&sort=-createdDate&include=response"
    body: dict[str, object] = {"data": [graph.part(s.raw, "data") for s in rows], "links": links}
    if call.text("include") == "response":
        body["included"] = [response for s in rows for response in graph.parts(s.raw, "included")]
    body["meta"] = {"paging": {"total": len(shown), "limit": size}}
    return PlatformAnswer(body=body, headers=_RATE)


def _respond(call: PlatformCall, world: World, mine: list[Account]) -> PlatformAnswer:
    data = call.section("data")
    text = graph.word(graph.part(data, "attributes"), "responseBody")
    named = graph.part(graph.part(graph.part(data, "relationships"), "review"), "data")
    if data.get("type") != "customerReviewResponses" or named.get("type") != "customerReviews":
        raise _error(409, "ENTITY_ERROR", "There is a problem with the request entity", "type")
    if text is None or not text.strip():
        raise _error(409, "ENTITY_ERROR.ATTRIBUTE.REQUIRED", "The attribute 'responseBody' is required", "responseBody")
    if len(text) > _LIMIT:
        raise _error(409, "ENTITY_ERROR.ATTRIBUTE.INVALID.TOO_LONG", "The attribute is too long", "responseBody")
    review = _review(world, mine, graph.word(named, "id") or "")
    response = _put(review, text, call.now)
    post = Post(
        channel=CHANNEL, account=review.account_id, kind="reply", thread=review.item_id,
        recipient=graph.word(graph.part(graph.part(review.raw, "data"), "attributes"), "reviewerNickname"),
        text=text, native_id=str(response["id"]), at=call.now.timestamp(), request=dict(call.params),
    )  # fmt: skip
    world.posts.append(post)
    return PlatformAnswer(status=201, body={"data": response}, headers=_RATE)


def _put(review: Shown, text: str, now: datetime) -> dict[str, object]:
    """The one response of a review: a second takes the first one's place."""
    known = graph.parts(review.raw, "included")
    response_id = graph.word(known[0], "id") if known else str(uuid.uuid4())
    attributes = {"responseBody": text, "lastModifiedDate": iso(now), "state": "PENDING_PUBLISH"}
    response: dict[str, object] = {"type": "customerReviewResponses", "id": response_id, "attributes": attributes}
    data = dict(graph.part(review.raw, "data"))
    data["relationships"] = {"response": {"data": {"type": "customerReviewResponses", "id": response_id}}}
    review.raw.update(data=data, included=[response])
    return response


def _review(world: World, mine: list[Account], review_id: str) -> Shown:
    apps = {account.account_id for account in mine}
    for shown in world.shown:
        if shown.channel == CHANNEL and shown.account_id in apps and shown.item_id == review_id:
            return shown
    raise _error(
        404, "NOT_FOUND", "The specified resource does not exist", f"There is no 'customerReviews' {review_id}"
    )


def _created(attributes: Json, now: datetime) -> datetime:
    try:
        return datetime.fromisoformat(graph.word(attributes, "createdDate") or "")
    except ValueError:
        return now


def _unauthorized() -> Refusal:
    return _error(401, "NOT_AUTHORIZED", "Authentication credentials are missing or invalid.", "Provide a valid token.")


def _error(status: int, code: str, title: str, detail: str) -> Refusal:
    error = {"id": str(uuid.uuid4()), "status": str(status), "code": code, "title": title, "detail": detail}
    return Refusal(status, {"errors": [error]})
