"""The YouTube Data API as the sandbox plays it, with its quota, and the hub that takes subscriptions to new videos.

Source: developers.google.com/youtube/v3/docs (commentThreads, comments, search, channels, errors),
.../determine_quota_cost, .../guides/push_notifications.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from zoneinfo import ZoneInfo

from infra.local.platforms import google, graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, Post, Shown, World, opaque, page_behind
from shared.domain.events import iso

CHANNEL = "youtube"
ACCOUNT = "UClanternbikes0000000001"
_API, _HUB = "youtube.googleapis.com", "pubsubhubbub.appspot.com"
HOSTS = (_API, _HUB)
DEMO = "message__comment"

_LIMIT = 10_000
_INLINED = 5  # of a thread's replies come with it
_UNITS = {"comments": 1, "commentThreads": 1, "channels": 1, "search": 0}
_INSERTING = 50
_UNITS_A_DAY, _SEARCHES_A_DAY = 10_000, 100
_PACIFIC = ZoneInfo("America/Los_Angeles")


def credentials() -> dict[str, str]:
    """An OAuth client and a refresh token, whose access token has just ended."""
    return {
        "client_id": f"{secrets.randbelow(10**12)}.apps.googleusercontent.com",
        "client_secret": "GOCSPX-" + secrets.token_urlsafe(20),
        "refresh_token": "1//" + secrets.token_urlsafe(40),
        "expires_at": "2026-01-01T00:00:00Z",
    }


def learn(world: World, delivery: object, now: datetime) -> None:
    """Show threads, replies and videos to the next that asks. A push of the hub tells nothing of comments."""
    account_id, feed = graph.word(delivery, "account_id"), graph.word(delivery, "feed")
    if account_id is None or feed is None:
        return
    for item in graph.parts(delivery, "items"):
        if feed == "search":
            _show(world, account_id, "search", graph.word(graph.part(item, "id"), "videoId"), item, now)
        elif graph.part(graph.part(item, "snippet"), "topLevelComment"):
            _show(world, account_id, "threads", graph.word(item, "id"), item, now)
            for reply in graph.parts(graph.part(item, "replies"), "comments"):
                _show_reply(world, account_id, reply, now)
        else:
            _show_reply(world, account_id, item, now)


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """Both hosts are one channel's."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """One method of the API, paid for in units, or a subscription. Raises Refusal."""
    if call.host == _HUB:
        return _subscribe(call)
    account = _holder(call, world)
    resource = call.path.removeprefix("/youtube/v3/")
    if resource not in _UNITS:
        raise google.error(404, "NOT_FOUND", f"The requested URL {call.path} was not found on this server.")
    _pay(call, world, account, resource)
    if call.method == "POST":
        return _insert(call, world, account, resource)
    return _list(call, world, account, resource)


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day."""
    if kind == "throttle":
        return _error(403, "quotaExceeded", "The request cannot be completed because you have exceeded your quota.")
    if kind == "revoked_token":
        return google.unauthenticated()
    return _error(503, "backendError", "Backend Error")


def _holder(call: PlatformCall, world: World) -> Account:
    token = call.bearer()
    for account in world.accounts:
        given = {account.token, account.credentials.get("issued_token")}
        if account.channel == CHANNEL and token and token in given:
            return account
    raise google.unauthenticated()


def _pay(call: PlatformCall, world: World, account: Account, resource: str) -> None:
    """Searches have a bucket of their own; the day ends at midnight in California."""
    day = call.now.astimezone(_PACIFIC).date().isoformat()
    bucket, most = ("searches", _SEARCHES_A_DAY) if resource == "search" else ("units", _UNITS_A_DAY)
    cost = 1 if resource == "search" else _INSERTING if call.method == "POST" else _UNITS[resource]
    place = f"{CHANNEL}:{bucket}:{account.account_id}:{day}"
    spent = int(world.taken.get(place, "0"))
    if spent + cost > most:
        raise trouble("throttle", CHANNEL)
    world.taken[place] = str(spent + cost)


# Reading


def _list(call: PlatformCall, world: World, account: Account, resource: str) -> PlatformAnswer:
    if not call.text("part"):
        raise _error(400, "missingRequiredParameter", "No filter selected.")
    match resource:
        case "channels":
            return PlatformAnswer(body={"items": [_channel(call.text("id") or account.account_id)]})
        case "search":
            wanted = (call.text("q") or "").strip('"').casefold()
            found = [s for s in world.feed(CHANNEL, account.account_id, "search") if wanted in str(s.raw).casefold()]
            return _page(call, found)
        case "comments":
            return _page(call, world.feed(CHANNEL, account.account_id, f"replies {call.text('parentId')}"))
    threads = world.feed(CHANNEL, account.account_id, "threads")
    if ids := call.text("id"):
        return PlatformAnswer(body={"items": [s.raw for s in threads if s.item_id in ids.split(",")]})
    if call.text("allThreadsRelatedToChannelId") == account.account_id:
        return _page(call, threads)
    video_id = call.text("videoId")
    return _page(call, [s for s in threads if graph.part(s.raw, "snippet").get("videoId") == video_id])


def _page(call: PlatformCall, shown: list[Shown]) -> PlatformAnswer:
    """One page; its token names the last item on it, so that what is new above shifts nothing."""
    size, after = int(call.text("maxResults") or 20), call.text("pageToken")
    if not 1 <= size <= 100:
        raise _error(400, "invalidValue", "Invalid value for maxResults.")
    page = page_behind(shown, after, size)
    if page is None:
        raise _error(400, "invalidPageToken", "The request specifies an invalid page token.")
    rows, more = page
    onward = {"nextPageToken": more} if more else {}
    return PlatformAnswer(body={"kind": "youtube#listResponse", **onward, "items": [s.raw for s in rows]})


def _channel(channel_id: str) -> Json:
    title = "Lantern Bikes" if channel_id == ACCOUNT else graph.made_up_person(channel_id)["name"]
    numbers = {"subscriberCount": str(sum(channel_id.encode()) % 5000), "hiddenSubscriberCount": False}
    snippet = {"title": title, "customUrl": "@" + title.lower().replace(" ", "-")}
    return {"kind": "youtube#channel", "id": channel_id, "snippet": snippet, "statistics": numbers}


# Posting


def _insert(call: PlatformCall, world: World, account: Account, resource: str) -> PlatformAnswer:
    if call.malformed or call.text("part") != "snippet":
        raise _error(400, "missingRequiredParameter", "The request is missing a required parameter.")
    said = call.section("snippet")
    if resource == "comments":
        return PlatformAnswer(body=_reply(call, world, account, said))
    if resource != "commentThreads":
        raise google.error(405, "METHOD_NOT_ALLOWED", "The method is not allowed here.")
    video_id, channel_id = graph.word(said, "videoId"), graph.word(said, "channelId")
    if video_id is None or channel_id is None:
        raise _error(400, "channelOrVideoIdMissing", "Each comment thread must be linked to a channel or a video.")
    text = _text(graph.part(graph.part(said, "topLevelComment"), "snippet"))
    comment = _comment(call, account, opaque("Ugx", 15), text, None, video_id)
    _post(call, world, account, comment, video_id, channel_id)
    return PlatformAnswer(body={"kind": "youtube#commentThread", "id": comment["id"], "snippet": {"videoId": video_id}})


def _reply(call: PlatformCall, world: World, account: Account, said: Json) -> Json:
    """A reply below a thread's first comment. A thread that takes none says so in `canReply`."""
    text, parent_id = _text(said), graph.word(said, "parentId")
    if parent_id is None:
        raise _error(400, "parentIdMissing", "The comment that you are inserting must be linked to a parent comment.")
    thread = next((s for s in world.feed(CHANNEL, account.account_id, "threads") if s.item_id == parent_id), None)
    if thread is None:
        raise _error(404, "parentCommentNotFound", "The specified parent comment could not be found.")
    about = graph.part(thread.raw, "snippet")
    if about.get("canReply") is False:
        raise _error(400, "operationNotSupported", "The API user is not able to insert a comment in reply.")
    author = graph.part(graph.part(graph.part(about, "topLevelComment"), "snippet"), "authorChannelId")
    comment = _comment(call, account, f"{parent_id}.{opaque('', 15)}", text, parent_id, graph.word(about, "videoId"))
    _post(call, world, account, comment, parent_id, graph.word(author, "value"))
    _show_reply(world, account.account_id, comment, call.now)
    _grow(thread, comment)
    return comment


def _grow(thread: Shown, comment: Json) -> None:
    """The thread counts its replies, and shows some of them."""
    about = dict(graph.part(thread.raw, "snippet"))
    count = about.get("totalReplyCount")
    about["totalReplyCount"] = (count if isinstance(count, int) else 0) + 1
    shown = [*graph.parts(graph.part(thread.raw, "replies"), "comments"), comment][:_INLINED]
    thread.raw |= {"snippet": about, "replies": {"comments": shown}}


def _text(said: Json) -> str:
    text = said.get("textOriginal")
    if not isinstance(text, str) or not text.strip():
        raise _error(400, "commentTextRequired", "Comments cannot be empty.")
    if len(text) > _LIMIT:
        raise _error(400, "commentTextTooLong", "The comment has too many characters.")
    return text


def _comment(
    call: PlatformCall, account: Account, comment_id: str, text: str, parent_id: str | None, video_id: str | None
) -> dict[str, object]:
    at = iso(call.now.replace(microsecond=0))
    snippet: dict[str, object] = {
        "textDisplay": text,
        "textOriginal": text,
        "authorDisplayName": "@lantern-bikes",
        "authorChannelId": {"value": account.account_id},
        "publishedAt": at,
        "updatedAt": at,
    }
    named = {"parentId": parent_id, "videoId": video_id}
    snippet |= {name: value for name, value in named.items() if value is not None}
    return {"kind": "youtube#comment", "id": comment_id, "snippet": snippet}


def _post(
    call: PlatformCall, world: World, account: Account, comment: Json, thread: str, recipient: str | None
) -> None:
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="comment", thread=thread, recipient=recipient,
            text=str(graph.part(comment, "snippet").get("textOriginal")), native_id=str(comment["id"]),
            at=call.now.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip


def _subscribe(call: PlatformCall) -> PlatformAnswer:
    """The hub takes a subscription and asks the callback afterwards, which the sandbox leaves to its own command."""
    if (call.method, call.path) != ("POST", "/subscribe") or call.text("hub.mode") not in {"subscribe", "unsubscribe"}:
        raise Refusal(400, {"error": "Invalid value for hub.mode"})
    if not (call.text("hub.topic") or "").startswith("https://www.youtube.com/") or not call.text("hub.callback"):
        raise Refusal(400, {"error": "Invalid parameter: hub.topic or hub.callback"})
    if len((call.text("hub.secret") or "").encode()) >= 200:
        raise Refusal(400, {"error": "Invalid parameter: hub.secret"})
    return PlatformAnswer(status=202)


# What is shown


def _show_reply(world: World, account_id: str, reply: Json, now: datetime) -> None:
    comment_id = graph.word(reply, "id") or ""
    parent_id = graph.word(graph.part(reply, "snippet"), "parentId") or comment_id.partition(".")[0]
    _show(world, account_id, f"replies {parent_id}", comment_id, reply, now)


def _show(world: World, account_id: str, feed: str, item_id: str | None, item: Json, now: datetime) -> None:
    if item_id is None:
        return
    about = graph.part(item, "snippet")
    first = graph.part(graph.part(about, "topLevelComment"), "snippet")
    stamp = graph.word(first, "publishedAt") or graph.word(about, "publishedAt") or ""
    try:
        at = datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        at = now.timestamp()
    world.show(Shown(channel=CHANNEL, account_id=account_id, feed=feed, item_id=item_id, at=at, raw=dict(item)))


def _error(status: int, reason: str, message: str) -> Refusal:
    error = {"message": message, "domain": "youtube", "reason": reason}
    return Refusal(status, {"error": {"code": status, "message": message, "errors": [error]}})
