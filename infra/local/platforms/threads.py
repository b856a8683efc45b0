"""Threads as the sandbox plays it: texts published in one call, posts by their ids, mentions, tokens that are renewed.

Sources: developers.facebook.com, Threads API, "Publishing", "Webhooks", "Mentions", "Rate Limiting", "Long-Lived
Tokens"; Graph API, "Handle Errors".
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal, Telling
from infra.local.platforms.world import Account, Post, Shown, Text, World, digits
from shared.domain.exchange import Unit
from shared.domain.length import length

CHANNEL = "threads"
ACCOUNT = "2300000000000001"
HOSTS = ("graph.threads.net",)
DEMO = "comment__reply"

_MEDIA = "media"  # every post the sandbox has heard of, as the API shows it
_LIMIT = 500
_REPLIES_A_DAY = 1000
_SIXTY_DAYS = int(timedelta(days=60).total_seconds()) - 56


def credentials() -> dict[str, str]:
    """The account's own handle."""
    return {"username": "acme.care"}


# Learning


def learn(world: World, delivery: object, now: datetime) -> None:
    """Take in a delivery, or the posts a feed shows. What is public is there for every account."""
    for account in [a.account_id for a in world.accounts if a.channel == CHANNEL] or [ACCOUNT]:
        for item in graph.parts(delivery, "items"):
            _learn(world, account, item, now, mention=graph.word(delivery, "feed") == "mentions")
        for change in _changes(delivery):
            if change.get("field") in {"replies", "mentions"}:
                _learn(world, account, graph.part(change, "value"), now, mention=change.get("field") == "mentions")


def _changes(update: object) -> Iterator[Json]:
    yield from graph.parts(update, "values")
    single = graph.part(update, "values")
    if single:
        yield single


def _learn(world: World, account_id: str, media: Json, now: datetime, *, mention: bool) -> None:
    media_id, handle = graph.word(media, "id"), graph.word(media, "username")
    if media_id is None:
        return
    at, root = _when(media.get("timestamp"), now), graph.word(graph.part(media, "root_post"), "id") or media_id
    raw = {**media, "mentions_us": mention}
    world.show(Shown(channel=CHANNEL, account_id=account_id, feed=_MEDIA, item_id=media_id, at=at.timestamp(), raw=raw))
    world.put_text(
        Text(
            channel=CHANNEL, account_id=account_id, object_id=media_id, author_id=handle, author_name=handle,
            text=graph.word(media, "text"), top=media_id, root=root, created_at=at.timestamp(),
        )
    )  # fmt: skip


# Playing


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """The host is one channel's."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """One call of the Threads API. Raises Refusal with a Graph error."""
    if call.path == "/refresh_access_token":
        return _refresh(call, world)
    account = _holder(call, world)
    match (call.method, *_node(call)):
        case ("POST", owner, "threads") if owner in {"me", account.account_id}:
            return _publish(call, world, account)
        case ("GET", "me"):
            known = {"id": account.account_id, "username": _handle(account)}
            return PlatformAnswer(body=graph.selected(call, known))
        case ("GET", owner, "mentions") if owner in {"me", account.account_id}:
            return _mentions(call, world, account)
        case ("GET", media_id):
            return _media(call, world, account, media_id)
    raise graph.error(100, f"Unsupported {call.method.lower()} request.", subcode=33, kind="THApiException")


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day."""
    if kind == "throttle":
        return graph.error(4, "(#4) Application request limit reached", status=403)
    if kind == "revoked_token":
        return graph.revoked(401)
    return graph.error(2, "An unexpected error has occurred. Please retry your request later.", status=500)


def _holder(call: PlatformCall, world: World) -> Account:
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else call.text("access_token")
    account = next((a for a in world.accounts if a.channel == CHANNEL and given and a.token == given), None)
    if account is None:
        raise graph.error(190, "Invalid OAuth 2.0 Access Token", status=401)
    return account


def _node(call: PlatformCall) -> tuple[str, ...]:
    version, _, rest = call.path.strip("/").partition("/")
    return tuple(rest.split("/")) if version == "v1.0" and rest else ()


def _refresh(call: PlatformCall, world: World) -> PlatformAnswer:
    """The token is replaced by one that lasts sixty days."""
    account = _holder(call, world)
    if call.text("grant_type") != "th_refresh_token":
        raise graph.missing("grant_type")
    fresh = "THAA" + secrets.token_urlsafe(32)
    account.credentials["access_token"] = fresh
    return PlatformAnswer(body={"access_token": fresh, "token_type": "bearer", "expires_in": _SIXTY_DAYS})


# Publishing


def _publish(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    """A text, made and published at once, below a post the account can see."""
    text = graph.required_text(call.params.get("text"), "text")
    if call.text("media_type") != "TEXT" or call.text("auto_publish_text") != "true":
        raise graph.error(100, "The sandbox publishes only texts, and those at once.", kind="THApiException")
    if length(text, Unit.EMOJI_BYTES) > _LIMIT:
        raise graph.error(100, "Param text must be at most 500 characters long.", kind="THApiException")
    answered = world.text(CHANNEL, graph.required_text(call.params.get("reply_to_id"), "reply_to_id"))
    if answered is None or answered.account_id != account.account_id:
        raise graph.error(24, "The requested resource does not exist", subcode=4279009, kind="THApiException")
    _within_quota(call, world, account)
    media = _own(call, account, answered, text)
    _learn(world, account.account_id, media, call.now, mention=False)
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="reply", thread=answered.root,
            recipient=answered.author_id, text=text, native_id=str(media["id"]), at=call.now.timestamp(),
            request=dict(call.params),
        )
    )  # fmt: skip
    return PlatformAnswer(body={"id": media["id"]}, tellings=(_told(call, account, media),))


def _within_quota(call: PlatformCall, world: World, account: Account) -> None:
    day_ago = call.now.timestamp() - 86400
    posted = [p for p in world.posts if p.channel == CHANNEL and p.account == account.account_id and p.at > day_ago]
    if len(posted) >= _REPLIES_A_DAY:
        raise graph.error(4, "(#4) You have exceeded the number of replies allowed within 24 hours.", status=403)


def _own(call: PlatformCall, account: Account, answered: Text, text: str) -> dict[str, object]:
    handle, short = _handle(account), secrets.token_urlsafe(8)
    return {
        "id": digits(17), "username": handle, "text": text, "media_type": "TEXT_POST", "is_reply": True,
        "is_reply_owned_by_me": True,
        "permalink": f"https://www.threads.net/@{handle}/post/{quote(short)}",
        "timestamp": call.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "replied_to": {"id": answered.object_id}, "root_post": {"id": answered.root},
    }  # fmt: skip


def _told(call: PlatformCall, account: Account, media: Json) -> Telling:
    """The `publish` notification: it tells neither the text nor what it answers."""
    value = {name: media[name] for name in ("id", "media_type", "permalink", "timestamp", "username")}
    update = {
        "app_id": "1111", "topic": "interaction", "target_id": account.account_id, "time": graph.seconds(call.now),
        "subscription_id": "3333", "has_uid_field": False, "values": {"value": value, "field": "publish"},
    }  # fmt: skip
    return Telling(CHANNEL, account.account_id, json.dumps(update).replace("/", "\\/").encode())


# Reading


def _media(call: PlatformCall, world: World, account: Account, media_id: str) -> PlatformAnswer:
    for shown in world.feed(CHANNEL, account.account_id, _MEDIA):
        if shown.item_id == media_id:
            return PlatformAnswer(body=graph.selected(call, shown.raw))
    raise graph.error(24, "The requested resource does not exist", subcode=4279009, kind="THApiException")


def _mentions(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    """Newest first, a page at a time, with the cursor of Graph's pages."""
    since, size = int(call.text("since") or 0), int(call.text("limit") or 25)
    everything = world.feed(CHANNEL, account.account_id, _MEDIA)
    shown = [s for s in everything if s.raw.get("mentions_us") is True and s.at >= since]
    start = int(call.text("after") or 0)
    found = [graph.selected(call, s.raw) for s in shown[start : start + size]]
    paging: dict[str, object] = {"cursors": {"before": str(start), "after": str(start + size)}}
    if start + size < len(shown):
        paging["next"] = f"https://{HOSTS[0]}{call.path}?after={start + size}"
    return PlatformAnswer(body={"data": found, "paging": paging})


def _handle(account: Account) -> str:
    return account.credentials.get("username", "acme.care")


def _when(value: object, otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    except ValueError:
        return otherwise
