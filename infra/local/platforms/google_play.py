"""Google Play's reviews: of the last week, newest first, with room for one answer each.

Source: developers.google.com/android-publisher, "Reply to Reviews" and the reference of the resource `reviews`.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from infra.local.platforms import google, graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Post, Shown, World, page_behind

CHANNEL = "google_play"
ACCOUNT = "com.lantern.bikes"
HOSTS = ("androidpublisher.googleapis.com",)
DEMO = "review__new"

_PATH = re.compile(r"/androidpublisher/v3/applications/([^/]+)/reviews(?:/([^/]+?))?(:reply)?")
_SHOWN_FOR = timedelta(days=7)
_LIMIT = 350
_MARKUP = re.compile(r"<[^<>]*>")


def credentials() -> dict[str, str]:
    """A service account with a key of its own, whose access token has just ended."""
    return {
        "client_email": f"desk-{secrets.token_hex(4)}@lantern-bikes.iam.gserviceaccount.com",
        "private_key": google.private_key(),
        "expires_at": "2026-01-01T00:00:00Z",
    }


def learn(world: World, delivery: object, now: datetime) -> None:
    """Show the reviews of a delivery from now on."""
    package = graph.word(delivery, "account_id")
    for review in graph.parts(delivery, "items"):
        review_id = graph.word(review, "reviewId")
        if package is None or review_id is None:
            continue
        shown = Shown(
            channel=CHANNEL, account_id=package, feed="reviews", item_id=review_id,
            at=_modified(review, now).timestamp(), raw=dict(review),
        )  # fmt: skip
        world.show(shown)


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001 - as the others
    """The host is Google Play's alone."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """`GET .../reviews`, `GET .../reviews/{id}`, `POST .../reviews/{id}:reply`."""
    path = _PATH.fullmatch(unquote(call.path))
    if path is None:
        raise google.error(404, "NOT_FOUND", f"The requested URL {call.path} was not found on this server.")
    package, review_id, replies = path.groups()
    google.holder(call, world, CHANNEL, package)
    if call.method == "POST" and review_id and replies:
        return _reply(call, world, package, review_id)
    if call.method != "GET" or replies:
        raise google.error(405, "METHOD_NOT_ALLOWED", "The method is not allowed here.")
    if review_id:
        return PlatformAnswer(body=_review(world, package, review_id, call.now).raw)
    return _list(call, world, package)


def trouble(kind: str, channel: str) -> Refusal:
    """The error of a bad day."""
    return google.trouble(kind, channel)


def _list(call: PlatformCall, world: World, package: str) -> PlatformAnswer:
    """One page; its token names the last review on it, so that what is new above shifts nothing."""
    oldest = (call.now - _SHOWN_FOR).timestamp()
    shown = [s for s in world.feed(CHANNEL, package, "reviews") if s.at >= oldest]
    size = min(int(call.text("maxResults") or 10), 100)
    after = call.text("token")
    page = page_behind(shown, after, size)
    if page is None:
        raise google.error(400, "INVALID_ARGUMENT", "Invalid Value: token")
    rows, more = page
    body: dict[str, object] = {"reviews": [s.raw for s in rows]} if rows else {}
    if more:
        body["tokenPagination"] = {"nextPageToken": more}
    return PlatformAnswer(body=body)


def _reply(call: PlatformCall, world: World, package: str, review_id: str) -> PlatformAnswer:
    review = _review(world, package, review_id, call.now)
    given = call.text("replyText")
    if given is None or not given.strip():
        raise google.error(400, "INVALID_ARGUMENT", "Reply text is required.")
    text = _MARKUP.sub("", given)
    if len(text) > _LIMIT:
        raise google.error(400, "INVALID_ARGUMENT", "The reply text is too long.")
    time = {"seconds": str(int(call.now.timestamp())), "nanos": call.now.microsecond * 1000}
    kept = [c for c in graph.parts(review.raw, "comments") if "developerComment" not in c]
    review.raw["comments"] = [*kept, {"developerComment": {"text": text, "lastModified": time}}]
    post = Post(
        channel=CHANNEL, account=package, kind="reply", thread=review_id,
        recipient=graph.word(review.raw, "authorName"),
        text=text, native_id=f"{review_id}/reply", at=call.now.timestamp(), request=dict(call.params),
    )  # fmt: skip
    world.posts.append(post)
    return PlatformAnswer(body={"result": {"replyText": text, "lastEdited": time}})


def _review(world: World, package: str, review_id: str, now: datetime) -> Shown:
    for shown in world.feed(CHANNEL, package, "reviews"):
        if shown.item_id == review_id and shown.at >= (now - _SHOWN_FOR).timestamp():
            return shown
    raise google.error(404, "NOT_FOUND", "Review not found.")


def _modified(review: Json, now: datetime) -> datetime:
    said = [graph.part(comment, "userComment") for comment in graph.parts(review, "comments")]
    times = [graph.instant(graph.part(one, "lastModified").get("seconds"), now) for one in said if one]
    return max(times, default=now.astimezone(UTC))
