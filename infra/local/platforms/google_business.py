"""Google Business Profile: reviews of a location, notifications through Pub/Sub, one reply below each review.

Sources: developers.google.com/my-business, reference of accounts.locations.reviews and of NotificationSetting.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from datetime import datetime, timedelta
from urllib.parse import unquote

from infra.local.platforms import google, graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, Post, Shown, World, page_behind
from shared.domain.events import iso

CHANNEL = "google_business"
ACCOUNT = "9876543210"
HOSTS = ("mybusiness.googleapis.com", "mybusinessnotifications.googleapis.com")
DEMO = "notification__new-review"

_OWNER = "1100220033"
_NAME = re.compile(r"accounts/([\w-]+)/locations/([\w-]+)/reviews/([\w=.-]+)")
_PATH = re.compile(r"/v4/accounts/([^/]+)/locations/([^/]+)/reviews(?:/([^/]+))?(/reply)?")
_SETTING = re.compile(r"/v1/accounts/([^/]+)/notificationSetting")
_LIMIT = 4096  # bytes
_MOST = 50


def credentials() -> dict[str, str]:
    """An OAuth client whose access token has just ended, and a push subscription."""
    return {
        "account": _OWNER,
        "client_id": f"{secrets.token_hex(8)}.apps.googleusercontent.com",
        "client_secret": secrets.token_urlsafe(20),
        "refresh_token": "1//" + secrets.token_urlsafe(32),
        "audience": "https://desk.example/webhooks/google_business",
        "push_email": "reviews-push@lantern-bikes.iam.gserviceaccount.com",
        "topic": "projects/lantern-bikes/topics/reviews",
        "expires_at": "2026-01-01T00:00:00Z",
        "certs_expire_at": "2026-01-01T00:00:00Z",
    }


def signing_key() -> str:
    """A certificate of Google's as a JSON Web Key, with the private part by which the sandbox plays Google."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from jwt.algorithms import RSAAlgorithm

    key = RSAAlgorithm.to_jwk(rsa.generate_private_key(public_exponent=65537, key_size=2048), as_dict=True)
    return json.dumps({**key, "kid": secrets.token_hex(20), "use": "sig", "alg": "RS256"})


def learn(world: World, delivery: object, now: datetime) -> None:
    """Show the reviews of a delivery, whole or only named in a notification: then somebody wrote it just now."""
    for review in graph.parts(delivery, "items"):
        _show(world, graph.word(review, "name"), review, now)
    encoded = graph.word(graph.part(delivery, "message"), "data") or ""
    try:
        notice = base64.b64decode(encoded).decode("utf-8", "replace")
    except ValueError:
        return
    for name in _NAME.finditer(notice):
        if _known(world, name[0]) is None:
            _show(world, name[0], _made_up(name[0], now), now)


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001 - as the others
    """The hosts are Business Profile's alone."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """`GET .../reviews`, `GET .../reviews/{id}`, `PUT .../reviews/{id}/reply`, `PATCH .../notificationSetting`."""
    setting = _SETTING.fullmatch(call.path)
    if setting is not None and call.host == HOSTS[1]:
        return _set_notifications(call, world, setting[1])
    path = _PATH.fullmatch(unquote(call.path))
    if path is None:
        raise google.error(404, "NOT_FOUND", f"The requested URL {call.path} was not found on this server.")
    owner, location, review_id, replies = path.groups()
    account = google.holder(call, world, CHANNEL, location)
    if account.credentials.get("account") != owner:
        raise google.error(403, "PERMISSION_DENIED", "The caller does not have permission")
    if call.method == "PUT" and replies:
        return _reply(call, world, account, f"accounts/{owner}/locations/{location}/reviews/{review_id}")
    if call.method != "GET" or replies:
        raise google.error(405, "METHOD_NOT_ALLOWED", "The method is not allowed here.")
    if review_id:
        return PlatformAnswer(body=_review(world, f"accounts/{owner}/locations/{location}/reviews/{review_id}").raw)
    return _list(call, world, location)


def trouble(kind: str, channel: str) -> Refusal:
    """The error of a bad day."""
    return google.trouble(kind, channel)


def _list(call: PlatformCall, world: World, location: str) -> PlatformAnswer:
    """One page, the newest changed first; its token names the last review on it."""
    if (call.text("orderBy") or "updateTime desc") != "updateTime desc":
        raise google.error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
    shown = world.feed(CHANNEL, location, "reviews")
    size, after = min(int(call.text("pageSize") or _MOST), _MOST), call.text("pageToken")
    page = page_behind(shown, after, size)
    if page is None:
        raise google.error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
    rows, more = page
    body: dict[str, object] = {"totalReviewCount": len(shown), "averageRating": 3.5}
    if rows:
        body["reviews"] = [s.raw for s in rows]
    if more:
        body["nextPageToken"] = more
    return PlatformAnswer(body=body)


def _reply(call: PlatformCall, world: World, account: Account, name: str) -> PlatformAnswer:
    review = _review(world, name)
    text = call.text("comment")
    if text is None or not text.strip() or len(text.encode("utf-8", "replace")) > _LIMIT:
        raise google.error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
    below: dict[str, object] = {"comment": text, "updateTime": iso(call.now), "reviewReplyState": "PENDING"}
    review.raw["reviewReply"] = below
    post = Post(
        channel=CHANNEL, account=account.account_id, kind="reply", thread=name,
        recipient=_author(review.raw), text=text, native_id=f"{name}/reply", at=call.now.timestamp(),
        request=dict(call.params),
    )  # fmt: skip
    world.posts.append(post)
    return PlatformAnswer(body=below)


def _set_notifications(call: PlatformCall, world: World, owner: str) -> PlatformAnswer:
    account = next((a for a in world.accounts if a.channel == CHANNEL and a.credentials.get("account") == owner), None)
    if account is None:
        raise google.error(403, "PERMISSION_DENIED", "The caller does not have permission")
    google.holder(call, world, CHANNEL, account.account_id)
    types = call.params.get("notificationTypes")
    if call.method != "PATCH" or not call.text("updateMask") or not isinstance(types, list):
        raise google.error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
    body = {"name": call.text("name"), "pubsubTopic": call.text("pubsubTopic"), "notificationTypes": types}
    return PlatformAnswer(body=body)


def _review(world: World, name: str) -> Shown:
    shown = _known(world, name)
    if shown is None:
        raise google.error(404, "NOT_FOUND", "Requested entity was not found.")
    return shown


def _known(world: World, name: str) -> Shown | None:
    return next((s for s in world.shown if s.channel == CHANNEL and s.item_id == name), None)


def _show(world: World, name: str | None, review: Json, now: datetime) -> None:
    parts = _NAME.fullmatch(name or "")
    if parts is None:
        return
    shown = Shown(
        channel=CHANNEL, account_id=parts[2], feed="reviews", item_id=parts[0],
        at=_changed(review, now).timestamp(), raw=dict(review),
    )  # fmt: skip
    world.show(shown)


def _changed(review: Json, now: datetime) -> datetime:
    try:
        return datetime.fromisoformat(graph.word(review, "updateTime") or "")
    except ValueError:
        return now


def _made_up(name: str, now: datetime) -> dict[str, object]:
    person = graph.made_up_person(name)
    written = iso(now - timedelta(minutes=1))
    return {
        "name": name,
        "reviewId": name.rpartition("/")[2],
        "reviewer": {"displayName": person["name"]},
        "starRating": "TWO",
        "comment": "Friendly people, but my bike was not ready on the day they promised.",
        "createTime": written,
        "updateTime": written,
    }


def _author(review: Json) -> str | None:
    return graph.word(graph.part(review, "reviewer"), "displayName")
