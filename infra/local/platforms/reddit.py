"""Reddit's API: a listing for each part of the inbox, search, comments, and the token endpoint.

Sources: www.reddit.com/dev/api; github.com/reddit-archive/reddit/wiki/OAuth2; Reddit Data API Wiki on user agents.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import datetime

from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, Post, Shown, World, digits

CHANNEL = "reddit"
HOSTS = ("oauth.reddit.com", "www.reddit.com")
ACCOUNT = "AcmeHelp"
DEMO = "message__mention"

_LISTINGS = ("mentions", "comments", "selfreply", "inbox")
_MOST = 100
_LIMIT = 10_000
_AGENT = re.compile(r"[^:\s]+:[^:\s]+:\S+ \(by /u/[\w-]+\)")
_LIFE_SECONDS = 86_400


def credentials() -> dict[str, str]:
    """What an approved app and its account hold."""
    return {
        "client_id": secrets.token_urlsafe(16),
        "client_secret": secrets.token_urlsafe(20),
        "refresh_token": f"{digits(12)}-{secrets.token_urlsafe(20)}",
        "user_agent": "aws:nightdesk.sandbox:v1.0 (by /u/AcmeHelp)",
        "private_replies": "agreed",
    }


def learn(world: World, delivery: object, now: datetime) -> None:
    """Show what a fetched delivery holds in the listing it came from."""
    held = delivery if isinstance(delivery, dict) else {}
    account_id, feed, items = held.get("account_id"), held.get("feed"), held.get("items")
    if not isinstance(account_id, str) or not isinstance(feed, str) or not isinstance(items, list):
        return
    for item in items:
        data = _data(item)
        name, at = data.get("name"), data.get("created_utc")
        if isinstance(name, str):
            made_at = float(at) if isinstance(at, int | float) else now.timestamp()
            world.show(
                Shown(channel=CHANNEL, account_id=account_id, feed=feed, item_id=name, at=made_at, raw=dict(item))
            )


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """Reddit is one channel."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """A listing, things by their names, a comment, who one is, or a new token."""
    if not _AGENT.fullmatch(call.headers.get("user-agent", "")):
        raise Refusal(429, {"message": "Too Many Requests", "error": 429})
    if call.host == "www.reddit.com":
        return _token(call, world)
    account = _account(call, world)
    if (call.method, call.path) == ("POST", "/api/comment"):
        return _comment(call, world, account)
    if call.method != "GET":
        raise _refused(404, "Not Found")
    if call.path == "/api/v1/me":
        return PlatformAnswer(body={"name": account.account_id, "id": "2acme", "is_suspended": False})
    if call.path == "/api/info":
        names = (call.text("id") or "").split(",")
        return _page([s for s in _all(world, account) if s.item_id in names], None)
    return _listing(call, world, account)


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day; being too fast is said with status 200."""
    if kind == "throttle":
        words = "Looks like you've been doing that a lot. Take a break for 9 minutes before trying again."
        return Refusal(200, {"json": {"ratelimit": 540.0, "errors": [["RATELIMIT", words, "ratelimit"]]}})
    if kind == "revoked_token":
        return _refused(401, "Unauthorized")
    return _refused(503, "Service Unavailable")


def _listing(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    if call.path == "/search":
        found = _matching(world.feed(CHANNEL, account.account_id, "search"), call.text("q") or "")
    else:
        feed = call.path.removeprefix("/message/")
        if feed not in _LISTINGS:
            raise _refused(404, "Not Found")
        found = _all(world, account) if feed == "inbox" else world.feed(CHANNEL, account.account_id, feed)
        found = [s for s in found if s.feed != "search"]
    limit = min(int(call.text("limit") or 25), _MOST)
    after = call.text("after")
    if after is not None:
        places = [place for place, shown in enumerate(found) if shown.item_id == after]
        found = found[places[0] + 1 :] if places else []
    more = found[limit - 1].item_id if len(found) > limit else None
    return _page(found[:limit], more)


def _matching(found: list[Shown], phrase: str) -> list[Shown]:
    """Search is loose: any word of the phrase will do."""
    wanted = [word.casefold() for word in phrase.replace('"', " ").split()]
    return [s for s in found if any(word in str(s.raw).casefold() for word in wanted)]


def _all(world: World, account: Account) -> list[Shown]:
    found = {s.item_id: s for s in world.shown if (s.channel, s.account_id) == (CHANNEL, account.account_id)}
    return sorted(found.values(), key=lambda s: (s.at, s.item_id), reverse=True)


def _page(found: Iterable[Shown], after: str | None) -> PlatformAnswer:
    children = [shown.raw for shown in found]
    body = {"kind": "Listing", "data": {"after": after, "before": None, "dist": len(children), "children": children}}
    return PlatformAnswer(body=body, headers={"x-ratelimit-remaining": "99.0", "x-ratelimit-reset": "120"})


def _comment(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    name, words = call.text("thing_id"), call.text("text") or ""
    thing = next((s for s in _all(world, account) if s.item_id == name), None)
    if thing is None and not any(post.native_id == name for post in world.posts):
        return _error("DELETED_COMMENT", "that comment has been deleted", "parent")
    if not words.strip():
        return _error("NO_TEXT", "we need something here", "text")
    if len(words) > _LIMIT:
        return _error("TOO_LONG", f"this is too long (max: {_LIMIT})", "text")
    data = _data(thing.raw) if thing is not None else {}
    if data.get("locked") is True:
        return _error("THREAD_LOCKED", "Comments are locked.", "parent")
    private = str(name).startswith("t4_")
    native_id = f"{'t4' if private else 't1'}_{secrets.token_hex(4)}"
    author = data.get("author")
    post = Post(
        channel=CHANNEL, account=account.account_id, kind="dm" if private else "comment", thread=str(name),
        recipient=author if isinstance(author, str) else None, text=words, native_id=native_id,
        at=call.now.timestamp(), request=dict(call.params),
    )  # fmt: skip
    world.posts.append(post)
    made = {
        "name": native_id, "author": account.account_id, "body": words, "parent_id": name,
        "created_utc": float(int(call.now.timestamp())), "subreddit": data.get("subreddit"), "edited": False,
    }  # fmt: skip
    things = [{"kind": native_id[:2], "data": made}]
    return PlatformAnswer(body={"json": {"errors": [], "data": {"things": things}}})


def _error(code: str, words: str, field: str) -> PlatformAnswer:
    return PlatformAnswer(body={"json": {"errors": [[code, words, field]]}})


def _token(call: PlatformCall, world: World) -> PlatformAnswer:
    if (call.method, call.path) != ("POST", "/api/v1/access_token"):
        raise _refused(404, "Not Found")
    app = call.basic()
    for account in world.accounts:
        held = account.credentials
        if account.channel != CHANNEL or app != (held.get("client_id"), held.get("client_secret")):
            continue
        if call.text("grant_type") != "refresh_token":
            return PlatformAnswer(body={"error": "unsupported_grant_type"})
        if call.text("refresh_token") != held.get("refresh_token"):
            raise Refusal(400, {"error": "invalid_grant"})
        held["access_token"] = secrets.token_urlsafe(32)
        body = {
            "access_token": held["access_token"], "token_type": "bearer", "expires_in": _LIFE_SECONDS,
            "scope": "identity read submit privatemessages",
        }  # fmt: skip
        return PlatformAnswer(body=body)
    raise _refused(401, "Unauthorized")


def _account(call: PlatformCall, world: World) -> Account:
    token = call.bearer()
    for account in world.accounts:
        if account.channel == CHANNEL and token and account.token == token:
            return account
    raise _refused(401, "Unauthorized")


def _data(item: object) -> Json:
    data = item.get("data") if isinstance(item, dict) else None
    return data if isinstance(data, dict) else {}


def _refused(status: int, message: str) -> Refusal:
    return Refusal(status, {"message": message, "error": status})
