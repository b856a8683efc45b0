"""Bluesky as the sandbox plays it: an account's server with its sessions, feeds, posts and direct messages.

Source: github.com/bluesky-social/atproto, lexicons of com.atproto.server, com.atproto.repo, app.bsky and chat.bsky;
docs.bsky.app, "Rate Limits"; atproto.com/specs/record-key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from datetime import UTC, datetime

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, Post, Shown, World, digits
from shared.domain.events import iso
from shared.domain.exchange import Unit
from shared.domain.length import length

CHANNEL = "bluesky"
ACCOUNT = "did.plc.lanternbikes22desk4444aa"
HOSTS = ("bsky.social",)
DEMO = "message__mention"

_ACCESS_SECONDS = 2 * 3600
_REFRESH_SECONDS = 90 * 86400
_LOGINS_IN_FIVE_MINUTES = 30
_POSTS = "app.bsky.feed.post"
_TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_REASONS = frozenset({"mention", "reply", "quote"})
_LISTS = {"notifications": "notifications", "own": "feed", "search": "posts"}


def credentials() -> dict[str, str]:
    """An account with its app password and a session that has begun."""
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    now = int(time.time())
    return {"pds": HOSTS[0], "app_password": password, **_session(password, now)}


def learn(world: World, delivery: object, now: datetime) -> None:
    """Show what a feed holds to the next that asks; whoever writes privately has a conversation from then on."""
    account_id, feed = graph.word(delivery, "account_id"), graph.word(delivery, "feed")
    if account_id is None or feed is None:
        return
    for number, item in enumerate(graph.parts(delivery, "items")):
        at = _at(item, now)
        _show(world, account_id, feed, _name(item) or f"{at}-{number}", at, item)
        convo = graph.word(item, "convoId")
        if convo is not None:
            world.meet(CHANNEL, account_id, convo)


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """The server is one channel's."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """One method of XRPC, named by the path. Raises Refusal."""
    if call.malformed:
        raise _refused("InvalidRequest", "Unable to decode JSON body")
    match (call.method, call.path.removeprefix("/xrpc/")):
        case ("POST", "com.atproto.server.createSession"):
            return _log_in(call, world)
        case ("POST", "com.atproto.server.refreshSession"):
            return _refresh(call, world)
        case ("GET", method):
            return _read(call, world, _holder(call, world, "access"), method)
        case ("POST", "com.atproto.repo.createRecord"):
            return _create(call, world, _holder(call, world, "access"))
        case ("POST", "chat.bsky.convo.sendMessage"):
            return _send(call, world, _holder(call, world, "access"))
    raise _refused("MethodNotImplemented", "Method Not Implemented", 501)


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day."""
    if kind == "throttle":
        return _refused("RateLimitExceeded", "Rate Limit Exceeded", 429)
    if kind == "revoked_token":
        return _refused("InvalidToken", "Token could not be verified")
    return _refused("InternalServerError", "Internal Server Error", 500)


# Sessions


def _session(password: str, now: int) -> dict[str, str]:
    return {
        "access_token": _token(password, "access", now + _ACCESS_SECONDS),
        "refresh_token": _token(password, "refresh", now + _REFRESH_SECONDS),
    }


def _token(password: str, scope: str, ends: int) -> str:
    """A JWT that the account's password signs, so that tokens outlive a restart of the sandbox."""
    claims = {"scope": scope, "exp": ends, "jti": secrets.token_hex(8)}
    signed = f"{_part({'typ': 'at+jwt', 'alg': 'HS256'})}.{_part(claims)}"
    return f"{signed}.{_seal(password, signed)}"


def _part(value: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _seal(password: str, signed: str) -> str:
    digest = hmac.digest(password.encode(), signed.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _holder(call: PlatformCall, world: World, scope: str) -> Account:
    """The account whose token of that scope the call carries."""
    account, claims = _claims(call, world)
    if claims.get("scope") != scope:
        raise _refused("InvalidToken", "Bad token scope")
    ends = claims.get("exp")
    if not isinstance(ends, int) or ends <= call.now.timestamp():
        raise _refused("ExpiredToken", "Token has expired")
    return account


def _claims(call: PlatformCall, world: World) -> tuple[Account, Json]:
    token = call.bearer()
    if not token:
        raise _refused("AuthMissing", "Authentication Required", 401)
    signed, _, seal = token.rpartition(".")
    for account in world.accounts:
        password = account.credentials.get("app_password", "")
        if account.channel == CHANNEL and password and _seal(password, signed) == seal:
            claims = signed.partition(".")[2]
            return account, json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    raise _refused("InvalidToken", "Token could not be verified")


def _log_in(call: PlatformCall, world: World) -> PlatformAnswer:
    """A new session: 30 in five minutes and no more."""
    identifier, password = call.text("identifier") or "", call.text("password") or ""
    account = world.account(CHANNEL, identifier.replace(":", "."))
    if account is None or account.credentials.get("app_password") != password:
        raise _refused("AuthenticationRequired", "Invalid identifier or password", 401)
    now = call.now.timestamp()
    place = f"{CHANNEL}:logins:{account.account_id}"
    recent = [t for t in world.taken.get(place, "").split() if now - float(t) < 300]
    if len(recent) >= _LOGINS_IN_FIVE_MINUTES:
        raise _refused("RateLimitExceeded", "Rate Limit Exceeded", 429)
    world.taken[place] = " ".join([*recent, str(now)])
    return _begun(account, call)


def _refresh(call: PlatformCall, world: World) -> PlatformAnswer:
    """The next pair of tokens; a refresh token works once."""
    account = _holder(call, world, "refresh")
    place = f"{CHANNEL}:refresh:{_claims(call, world)[1].get('jti')}"
    if place in world.taken:
        raise _refused("ExpiredToken", "Token has been revoked")
    world.taken[place] = "used"
    return _begun(account, call)


def _begun(account: Account, call: PlatformCall) -> PlatformAnswer:
    made = _session(account.credentials.get("app_password", ""), int(call.now.timestamp()))
    who = {"did": _did(account), "handle": _handle(account)}
    return PlatformAnswer(body={"accessJwt": made["access_token"], "refreshJwt": made["refresh_token"], **who})


# Reading


def _read(call: PlatformCall, world: World, account: Account, method: str) -> PlatformAnswer:
    match method:
        case "com.atproto.server.getSession":
            return PlatformAnswer(body={"did": _did(account), "handle": _handle(account), "active": True})
        case "app.bsky.notification.listNotifications":
            return PlatformAnswer(body=_notifications(_page(call, world, account, "notifications")))
        case "app.bsky.feed.getAuthorFeed" if call.text("actor") in {_did(account), _handle(account)}:
            return PlatformAnswer(body=_page(call, world, account, "own"))
        case "app.bsky.feed.searchPosts" if call.text("q"):
            return PlatformAnswer(body=_page(call, world, account, "search"))
        case "app.bsky.actor.getProfile" if call.text("actor"):
            return PlatformAnswer(body=_profile(call.text("actor") or ""))
        case "chat.bsky.convo.getLog":
            _chatting(call)
            return PlatformAnswer(body=_log(call, world, account))
    raise _refused("InvalidRequest", "Error: Params must have the required properties")


def _page(call: PlatformCall, world: World, account: Account, feed: str) -> dict[str, object]:
    """Newest first; the cursor is a time, and goes back."""
    cursor, limit = call.text("cursor"), _limit(call)
    wanted = (call.text("q") or "").strip('"').casefold()
    shown = [s for s in world.feed(CHANNEL, account.account_id, feed) if cursor is None or _stamped(s.at) < cursor]
    if feed == "search":
        shown = [s for s in shown if wanted in str(graph.part(s.raw, "record").get("text")).casefold()]
    page = shown[:limit]
    more = {"cursor": _stamped(page[-1].at)} if len(shown) > limit else {}
    return {**more, _LISTS[feed]: [s.raw for s in page]}


def _notifications(page: dict[str, object]) -> dict[str, object]:
    """The wanted reasons are picked after the page was cut, so a page may be short and still have a cursor."""
    listed = graph.parts(page, "notifications")
    return {**page, "notifications": [n for n in listed if n.get("reason") in _REASONS], "priority": False}


def _log(call: PlatformCall, world: World, account: Account) -> dict[str, object]:
    """Forward, oldest first; the cursor stands at the last entry, also where there is nothing after it."""
    cursor, limit = call.text("cursor") or "", 20
    entries = list(reversed(world.feed(CHANNEL, account.account_id, "messages")))
    after = [e for e in entries if _place(e) > cursor][:limit]
    return {"cursor": _place(after[-1]) if after else cursor, "logs": [e.raw for e in after]}


def _limit(call: PlatformCall) -> int:
    given = call.text("limit") or "50"
    if not given.isdecimal() or not 1 <= int(given) <= 100:
        raise _refused("InvalidRequest", "Error: limit can not be greater than 100")
    return int(given)


def _profile(actor: str) -> Json:
    person = graph.made_up_person(actor)
    return {"did": actor, "handle": f"{person['first_name'].lower()}.example", "displayName": person["name"],
            "followersCount": sum(actor.encode()) % 5000, "verification": {"verifiedStatus": "none"}}  # fmt: skip


# Posting


def _create(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    """A post. The server checks its form, not what it answers."""
    if call.text("repo") not in {_did(account), _handle(account)}:
        raise _refused("InvalidRequest", "Could not find repo", 401)
    if call.text("collection") != _POSTS:
        raise _refused("InvalidRequest", "Invalid collection")
    key, record = call.text("rkey") or "", call.section("record")
    if _TID.fullmatch(key) is None:
        raise _refused("InvalidRequest", "Invalid record key")
    text = _text(record, 300, 3000)
    if record.get("$type") != _POSTS or _STAMP.fullmatch(str(record.get("createdAt"))) is None:
        raise _refused("InvalidRequest", "Invalid app.bsky.feed.post record: createdAt must be a datetime")
    uri = f"at://{_did(account)}/{_POSTS}/{key}"
    if any(p.native_id.startswith(f"{uri}#") for p in world.posts):
        raise _refused("InvalidRequest", f"There is already a value at key: {_POSTS}/{key}")
    root, parent = (_strong(graph.part(record, "reply"), name) for name in ("root", "parent"))
    cid = "bafyrei" + base64.b32encode(hashlib.sha256(call.body).digest()).decode().lower().rstrip("=")
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="reply", thread=root,
            recipient=parent.removeprefix("at://").partition("/")[0], text=text, native_id=f"{uri}#{cid}",
            at=call.now.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip
    shown = {
        "uri": uri,
        "cid": cid,
        "author": {"did": _did(account), "handle": _handle(account)},
        "record": dict(record),
        "indexedAt": iso(call.now),
    }
    _show(world, account.account_id, "own", uri, call.now.timestamp(), {"post": shown})
    return PlatformAnswer(body={"uri": uri, "cid": cid, "validationStatus": "valid"})


def _send(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    """A direct message into a conversation that there is."""
    _chatting(call)
    convo = call.text("convoId") or ""
    if world.person(CHANNEL, account.account_id, convo) is None:
        raise _refused("InvalidConvo", "Invalid conversation")
    text = _text(call.section("message"), 1000, 10_000)
    message = {
        "$type": "chat.bsky.convo.defs#messageView",
        "id": f"3m{digits(11)}",
        "rev": f"3m{digits(11)}",
        "text": text,
        "sender": {"did": _did(account)},
        "sentAt": iso(call.now),
    }
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="dm", thread=convo, recipient=convo, text=text,
            native_id=str(message["id"]), at=call.now.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip
    entry = {"$type": "chat.bsky.convo.defs#logCreateMessage", "rev": message["rev"], "convoId": convo}
    _show(
        world, account.account_id, "messages", str(message["id"]), call.now.timestamp(), {**entry, "message": message}
    )
    return PlatformAnswer(body={name: value for name, value in message.items() if name != "$type"})


def _text(holder: Json, graphemes: int, size: int) -> str:
    text = holder.get("text")
    if not isinstance(text, str):
        raise _refused("InvalidRequest", "Input must have the property text")
    if length(text, Unit.GRAPHEMES) > graphemes or length(text, Unit.BYTES) > size:
        raise _refused("InvalidRequest", f"text must not be longer than {graphemes} graphemes")
    for facet in graph.parts(holder, "facets"):
        index, raw = graph.part(facet, "index"), text.encode()
        start, end = index.get("byteStart"), index.get("byteEnd")
        if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end <= len(raw):
            raise _refused("InvalidRequest", "facets must lie inside the text")
    return text


def _strong(reply: Json, name: str) -> str:
    """The address of one end of a reply, which must come with its cid."""
    named = graph.part(reply, name)
    uri, cid = graph.word(named, "uri"), graph.word(named, "cid")
    if uri is None or cid is None or not uri.startswith("at://"):
        raise _refused("InvalidRequest", f"Invalid app.bsky.feed.post record: reply/{name} must have uri and cid")
    return uri


def _chatting(call: PlatformCall) -> None:
    if call.headers.get("atproto-proxy") != "did:web:api.bsky.chat#bsky_chat":
        raise _refused("MethodNotImplemented", "Method Not Implemented", 501)


# What is shown


def _show(world: World, account_id: str, feed: str, item_id: str, at: float, raw: Json) -> None:
    world.show(Shown(channel=CHANNEL, account_id=account_id, feed=feed, item_id=item_id, at=at, raw=dict(raw)))


def _name(item: Json) -> str | None:
    shown = graph.part(item, "post") or item
    kind = (graph.word(item, "$type") or "").rpartition("#log")[2]
    message = graph.word(graph.part(item, "message"), "id")
    return graph.word(shown, "uri") or (f"{kind} {message}" if message else None)


def _at(item: Json, now: datetime) -> float:
    shown = graph.part(item, "post") or item
    given = graph.word(shown, "indexedAt") or graph.word(graph.part(item, "reaction"), "createdAt")
    stamp = given or graph.word(graph.part(item, "message"), "sentAt")
    try:
        return datetime.fromisoformat(stamp or "").timestamp()
    except ValueError:
        return now.timestamp()


def _place(entry: Shown) -> str:
    return f"{entry.at:017.3f} {entry.item_id}"


def _stamped(at: float) -> str:
    """As the platform writes times, in cursors too."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _did(account: Account) -> str:
    return account.account_id.replace(".", ":", 2)


def _handle(account: Account) -> str:
    return account.credentials.get("handle", "lantern.example")


def _refused(name: str, message: str, status: int = 400) -> Refusal:
    return Refusal(status, {"error": name, "message": message})
