"""Tumblr's API: notifications, the inbox of asks, tagged posts, reblogs, answers, and tokens that rotate.

Source: github.com/tumblr/docs, api.md and npf-spec.md.
"""

from __future__ import annotations

import html
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, Post, Shown, World, digits

CHANNEL = "tumblr"
HOSTS = ("api.tumblr.com",)
ACCOUNT = "acme-kettles"
DEMO = "message__ask"

_PAGE = 20
_LIMIT = 4_096
_BLOCKS = 1_000
_DAILY = 250
_DAY_SECONDS = 86_400
_LIFE_SECONDS = 2_520


def credentials() -> dict[str, str]:
    """What a registered application and a member of the blog hold; this blog publishes its answers."""
    return {
        "client_id": secrets.token_urlsafe(32),
        "client_secret": secrets.token_urlsafe(32),
        "refresh_token": secrets.token_urlsafe(32),
        "asks": "public",
    }


def learn(world: World, delivery: object, now: datetime) -> None:
    """Show what a fetched delivery holds in the feed it came from."""
    held = delivery if isinstance(delivery, dict) else {}
    account_id, feed, items = held.get("account_id"), held.get("feed"), held.get("items")
    if not isinstance(account_id, str) or not isinstance(feed, str) or not isinstance(items, list):
        return
    for item in items:
        found = item if isinstance(item, dict) else {}
        name, at = found.get("id_string") or found.get("id"), found.get("timestamp")
        if name is not None:
            made_at = float(at) if isinstance(at, int | float) else now.timestamp()
            world.show(
                Shown(
                    channel=CHANNEL, account_id=account_id, feed=feed, item_id=str(name), at=made_at, raw=dict(found)
                )
            )  # fmt: skip


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """Tumblr is one channel."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """One of the routes below."""
    if (call.method, call.path) == ("POST", "/v2/oauth2/token"):
        return _token(call, world)
    account = _account(call, world)
    route = call.path.removeprefix("/v2/").removeprefix(f"blog/{account.account_id}/")
    carry_out = _ROUTES.get((call.method, route))
    if carry_out is None:
        raise _refused(404, "Not Found")
    return carry_out(call, world, account)


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day."""
    if kind == "throttle":
        left = {"x-ratelimit-perhour-remaining": "0", "x-ratelimit-perhour-reset": "1800"}
        return Refusal(429, {"meta": {"status": 429, "msg": "Limit Exceeded"}}, left)
    if kind == "revoked_token":
        return _refused(401, "Unauthorized", 1016, "Unable to authorize")
    return _refused(500, "Internal Server Error")


# Asking


def _user(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:  # noqa: ARG001  as the others
    blogs = [{"name": account.account_id, "uuid": "t:own", "admin": True}]
    return _said({"user": {"name": account.account_id, "blogs": blogs}})


def _notifications(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    before = _whole(call, "before")
    kinds = {value for name, value in call.params.items() if name.startswith("types[")}
    shown = [
        s
        for s in world.feed(CHANNEL, account.account_id, "notifications")
        if (before is None or s.at < before) and (not kinds or s.raw.get("type") in kinds)
    ]
    rolled = shown if call.text("rollups") == "false" else _rolled_up(shown)
    response: dict[str, object] = {"notifications": [s.raw for s in rolled[:_PAGE]]}
    if len(rolled) > _PAGE:
        last = int(rolled[_PAGE - 1].at)
        href = f"/v2/blog/{account.account_id}/notifications?before={last}"
        response["_links"] = {
            "next": {"type": "action", "method": "GET", "href": href, "query_params": {"before": str(last)}}
        }
    return _said(response)


def _rolled_up(shown: list[Shown]) -> list[Shown]:
    """Similar items become one, unless the caller asks for each."""
    kept = {(s.raw.get("type"), str(s.raw.get("target_post_id"))): s for s in reversed(shown)}
    return sorted(kept.values(), key=lambda s: s.at, reverse=True)


def _submissions(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    offset = _whole(call, "offset") or 0
    shown = world.feed(CHANNEL, account.account_id, "submission")
    return _said({"posts": [s.raw for s in shown[offset : offset + _PAGE]]})


def _tagged(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    tag, before = (call.text("tag") or "").casefold(), _whole(call, "before")
    shown = [
        s.raw
        for s in world.feed(CHANNEL, account.account_id, "tagged")
        if tag in [str(one).casefold() for one in _list(s.raw.get("tags"))] and (before is None or s.at < before)
    ]
    return _said(shown[: min(_whole(call, "limit") or _PAGE, _PAGE)])


# Posting


def _reblog(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    words = [_text_of(block) for block in _list(call.params.get("content"))]
    if not words or len(words) > _BLOCKS:
        raise _refused(400, "Bad Request", 8001, "'content' must be an array")
    parent = next((s for s in world.feed(CHANNEL, account.account_id, "tagged") if s.item_id == _parent(call)), None)
    if parent is None or parent.raw.get("reblog_key") != call.text("reblog_key"):
        raise _refused(400, "Bad Request", 8002, "The post you are reblogging cannot be found.")
    if parent.raw.get("can_reblog") is False:
        raise _refused(403, "Forbidden")
    return _kept(call, world, account, parent, "\n\n".join(words))


def _answer_ask(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    """An ask leaves the inbox when it is answered, and keeps its id."""
    asked = next(
        (s for s in world.feed(CHANNEL, account.account_id, "submission") if s.item_id == call.text("id")), None
    )
    if asked is None:
        raise _refused(404, "Not Found")
    given = call.text("answer") or ""
    if not given.strip() or call.text("state") != "published":
        raise _refused(400, "Bad Request", 8016, "The answer is missing.")
    words = html.unescape(given.replace("<br>", "\n"))
    made = _kept(call, world, account, asked, words)
    world.shown.remove(asked)
    return made


def _kept(call: PlatformCall, world: World, account: Account, to: Shown, words: str) -> PlatformAnswer:
    """What was posted: an answer stays what the ask was, a reblog is a new post."""
    today = call.now.timestamp() - _DAY_SECONDS
    if len([p for p in world.posts if p.account == account.account_id and p.at > today]) >= _DAILY:
        raise _refused(403, "Forbidden", 8023, "You've reached your daily post limit.")
    answers = to.feed == "submission"
    author = to.raw.get("asking_name" if answers else "blog_name")
    post = Post(
        channel=CHANNEL, account=account.account_id, kind="answer" if answers else "reblog", thread=to.item_id,
        recipient=author if isinstance(author, str) else None, text=words,
        native_id=to.item_id if answers else digits(18), at=call.now.timestamp(), request=dict(call.params),
    )  # fmt: skip
    world.posts.append(post)
    status, message = (200, "OK") if answers else (201, "Created")
    body = {"meta": {"status": status, "msg": message}, "response": {"id": post.native_id}}
    return PlatformAnswer(status=status, body=body)


def _text_of(block: object) -> str:
    words = block.get("text") if isinstance(block, dict) and block.get("type") == "text" else None
    if not isinstance(words, str) or not words.strip() or len(words) > _LIMIT:
        raise _refused(400, "Bad Request", 8001, f"A text block must hold 1 to {_LIMIT} characters.")
    return words


def _parent(call: PlatformCall) -> str:
    return str(call.params.get("parent_post_id"))


# Who calls


def _token(call: PlatformCall, world: World) -> PlatformAnswer:
    """A refresh token is good for one use."""
    for account in world.accounts:
        held = account.credentials
        right = account.channel == CHANNEL and call.text("client_id") == held.get("client_id")
        if not right or call.text("client_secret") != held.get("client_secret"):
            continue
        if call.text("grant_type") != "refresh_token" or call.text("refresh_token") != held.get("refresh_token"):
            break
        held["access_token"], held["refresh_token"] = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        body = {
            "access_token": held["access_token"], "refresh_token": held["refresh_token"], "token_type": "bearer",
            "expires_in": _LIFE_SECONDS, "scope": "basic write offline_access",
        }  # fmt: skip
        return PlatformAnswer(body=body)
    raise Refusal(401, {"error": "invalid_grant"})


def _account(call: PlatformCall, world: World) -> Account:
    token = call.bearer()
    for account in world.accounts:
        if account.channel == CHANNEL and token and account.token == token:
            return account
    raise _refused(401, "Unauthorized", 1016, "Unable to authorize")


def _said(response: object) -> PlatformAnswer:
    return PlatformAnswer(body={"meta": {"status": 200, "msg": "OK"}, "response": response})


def _refused(status: int, message: str, code: int | None = None, title: str = "") -> Refusal:
    body: dict[str, Json | list[Json]] = {"meta": {"status": status, "msg": message}}
    if code is not None:
        body["errors"] = [{"title": title, "code": code}]
    return Refusal(status, body)


def _whole(call: PlatformCall, name: str) -> int | None:
    value = call.text(name)
    return int(value) if value is not None and value.isdecimal() else None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


_ROUTES: Mapping[tuple[str, str], Callable[[PlatformCall, World, Account], PlatformAnswer]] = {
    ("GET", "user/info"): _user,
    ("GET", "tagged"): _tagged,
    ("GET", "notifications"): _notifications,
    ("GET", "posts/submission"): _submissions,
    ("POST", "posts"): _reblog,
    ("POST", "post/edit"): _answer_ask,
}
