"""TikTok's Business API: 200 for everything, and `code` tells. Comments to be fetched, messages in their window.

Source: business-api.tiktok.com/portal/docs: /business/comment/list/, /business/comment/reply/create/,
/business/message/send/, /business/webhook/update/, /tt_user/oauth2/refresh_token/, "Return codes".
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import datetime

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal, Telling
from infra.local.platforms.world import Account, Post, Shown, World, digits, wrote

CHANNEL = "tiktok"
ACCOUNT = "biz-open-id-1"
DEMO = "message__text"
HOSTS = ("business-api.tiktok.com",)

_COMMENTS = "comments"
_WINDOW_SECONDS, _MOST_IN_WINDOW = 48 * 3600, 10
_COMMENT_LIMIT, _MESSAGE_LIMIT = 150, 6000
_LIFE_SECONDS, _REFRESH_SECONDS = 86_400, 31_536_000
_RECEIVED = ("im_receive_msg", "im_receive_msg_eu")


def credentials() -> dict[str, str]:
    """What an app holds for an account that allowed it."""
    return {"refresh_token": f"rft.{secrets.token_urlsafe(40)}", "client_id": digits(19)}


def learn(world: World, delivery: object, now: datetime) -> None:
    """Take in deliveries and what was fetched: who opened a conversation, and which comments there are."""
    account_id = graph.word(delivery, "account_id")
    for item in graph.parts(delivery, "items"):
        if account_id is not None:
            _show(world, account_id, dict(item), now)
    if isinstance(delivery, dict):
        for envelope in graph.parts(delivery, "events") or [delivery]:
            _hear(world, envelope, now)


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """The host is one channel."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """An endpoint of version 1.3."""
    path = call.path.removeprefix("/open_api/v1.3")
    match call.method, path:
        case "POST", "/tt_user/oauth2/refresh_token/":
            return _tokens(call, world)
        case "POST", "/business/webhook/update/":
            return _registered(call, world)
        case "POST", "/business/message/send/":
            return _send(call, world, _account(call, world))
        case "POST", "/business/comment/reply/create/":
            return _reply(call, world, _account(call, world))
        case "GET", "/business/comment/list/":
            return _comments(call, world, _account(call, world))
        case "GET", "/business/get/":
            _account(call, world)
            return _ok({"username": "lantern.bikes", "display_name": "Lantern Bikes"})
        case _:
            raise Refusal(404, {"code": 40000, "message": f"No such endpoint: {path}", "request_id": digits(20)})


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day."""
    if kind == "throttle":
        return _refused(40100, "Too many requests. Please retry in some time.")
    if kind == "revoked_token":
        return _refused(40105, "Access token is incorrect or has been revoked.")
    return _refused(50000, "System error")


def _account(call: PlatformCall, world: World) -> Account:
    """The account whose token the call bears and whose id it names."""
    token = call.headers.get("access-token")
    if not token:
        raise _refused(40104, "Access token is empty")
    found = next((a for a in world.accounts if a.channel == CHANNEL and a.token == token), None)
    if found is None:
        raise _refused(40105, "Access token is incorrect or has been revoked.")
    if call.text("business_id") != found.account_id:
        raise _refused(40001, "No permission to operate this business account")
    return found


def _hear(world: World, envelope: object, now: datetime) -> None:
    account_id, name = graph.word(envelope, "user_openid"), graph.word(envelope, "event") or ""
    content = _content(envelope)
    if account_id is None:
        return
    conversation = graph.word(content, "conversation_id")
    if name in _RECEIVED and conversation is not None:
        person = world.meet(CHANNEL, account_id, conversation)
        person.handle, customer = graph.word(content, "from"), graph.word(graph.part(content, "from_user"), "id")
        person.aliases = [customer] if customer else []
        wrote(person, graph.instant(content.get("timestamp"), now))
    comment_id, action = graph.word(content, "comment_id"), graph.word(content, "comment_action") or "insert"
    if not name.startswith("comment.") or comment_id is None:
        return
    if action == "delete":
        world.shown[:] = [s for s in world.shown if (s.channel, s.item_id) != (CHANNEL, comment_id)]
        return
    if action == "insert":
        author = graph.word(content, "unique_identifier") or f"user-{comment_id}"
        item: dict[str, object] = {
            "comment_id": comment_id, "video_id": graph.word(content, "video_id"), "unique_identifier": author,
            "user_id": author, "create_time": str(graph.seconds(graph.instant(content.get("timestamp"), now))),
            "text": content.get("text"), "owner": False, "status": "PUBLIC", "likes": 0,
            "username": "ana.rides", "display_name": "Ana Rides",
        }  # fmt: skip
        if graph.word(content, "parent_comment_id"):
            item["parent_comment_id"] = graph.word(content, "parent_comment_id")
        _show(world, account_id, item, now)


def _content(envelope: object) -> Json:
    written = envelope.get("content") if isinstance(envelope, dict) else None
    try:
        read = json.loads(written) if isinstance(written, str) else written
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _show(world: World, account_id: str, item: dict[str, object], now: datetime) -> None:
    comment_id = graph.word(item, "comment_id")
    if comment_id is not None:
        at = graph.instant(item.get("create_time"), now).timestamp()
        world.show(
            Shown(channel=CHANNEL, account_id=account_id, feed=_COMMENTS, item_id=comment_id, at=at, raw=item)
        )  # fmt: skip


def _comments(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    """The comments of a video that were asked for by their ids; without ids, the newest."""
    video_id = call.text("video_id")
    if not video_id:
        raise _refused(40002, "video_id: Missing data for required field.")
    given = call.params.get("comment_ids")
    wanted = json.loads(given) if isinstance(given, str) else given
    if wanted is not None and (not isinstance(wanted, list) or len(wanted) > 30):
        raise _refused(40002, "comment_ids: Not a valid list.")
    of_video = [s for s in _shown(world, account) if s.raw.get("video_id") == video_id]
    found = [s.raw for s in of_video if wanted is None or s.item_id in wanted]
    return _ok({"comments": found[:30], "cursor": len(found), "has_more": False})


def _shown(world: World, account: Account) -> Iterator[Shown]:
    yield from world.feed(CHANNEL, account.account_id, _COMMENTS)


def _reply(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    """An answer below a comment of a video of the account's own."""
    text, video_id = call.text("text") or "", call.text("video_id")
    question = next((s for s in _shown(world, account) if s.item_id == call.text("comment_id")), None)
    if not text.strip() or len(text) > _COMMENT_LIMIT:
        raise _refused(40002, f"text: Length must be between 1 and {_COMMENT_LIMIT}.")
    if question is None or question.raw.get("video_id") != video_id:
        raise _refused(40002, "comment_id: The comment does not exist or is not on your video.")
    top = graph.word(question.raw, "parent_comment_id") or question.item_id
    comment_id = f"7412{digits(15)}"
    item: dict[str, object] = {
        "comment_id": comment_id, "video_id": video_id, "parent_comment_id": top, "text": text, "owner": True,
        "create_time": str(graph.seconds(call.now)), "status": "PUBLIC", "username": "lantern.bikes",
        "display_name": "Lantern Bikes", "unique_identifier": f"self-{account.account_id}", "likes": 0,
    }  # fmt: skip
    _show(world, account.account_id, item, call.now)
    _posted(call, world, account, "comment", f"{video_id}:{top}", comment_id, text)
    content = {
        "comment_id": int(comment_id), "video_id": int(str(video_id)), "parent_comment_id": int(top),
        "comment_type": "reply", "comment_action": "insert", "timestamp": graph.seconds(call.now),
    }  # fmt: skip
    return _ok({"comment_id": comment_id, "text": text}, _envelope(call, account, "comment.update", content))


def _send(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    """A message into a conversation that its customer opened less than 48 hours ago, one of ten."""
    text, conversation = call.section("text").get("body"), call.text("recipient") or ""
    if call.text("recipient_type") != "CONVERSATION" or call.text("message_type") != "TEXT":
        raise _refused(40002, "recipient_type and message_type: Must be CONVERSATION and TEXT.")
    if not isinstance(text, str) or not text.strip() or len(text) > _MESSAGE_LIMIT:
        raise _refused(40002, f"text.body: Length must be between 1 and {_MESSAGE_LIMIT}.")
    person = world.person(CHANNEL, account.account_id, conversation)
    if person is None or person.wrote_at is None:
        raise _refused(40002, "recipient: The conversation does not exist.")
    if call.now.timestamp() - person.wrote_at > _WINDOW_SECONDS:
        raise _refused(40002, "The messaging window of 48 hours is closed.")
    since = [p for p in world.posts if (p.channel, p.thread) == (CHANNEL, conversation) and p.at >= person.wrote_at]
    if len(since) >= _MOST_IN_WINDOW:
        raise _refused(40002, "The limit of 10 messages in the messaging window has been reached.")
    message_id = f"dm-{digits(18)}"
    _posted(call, world, account, "dm", conversation, message_id, text)
    content = {
        "from": "lantern.bikes", "to": person.handle, "conversation_id": conversation, "message_id": message_id,
        "from_user": {"id": account.account_id, "role": "business_account"},
        "to_user": {"id": next(iter(person.aliases), None), "role": "personal_account"},
        "timestamp": graph.milliseconds(call.now), "type": "text", "text": {"body": text},
    }  # fmt: skip
    return _ok({"message": {"message_id": message_id}}, _envelope(call, account, "im_send_msg", content))


def _posted(
    call: PlatformCall, world: World, account: Account, kind: str, thread: str, native_id: str, text: str
) -> None:
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind=kind, thread=thread, recipient=None, text=text,
            native_id=native_id, at=call.now.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip


def _envelope(call: PlatformCall, account: Account, event: str, content: Json) -> Telling:
    """What TikTok tells of it: the content is JSON within JSON."""
    envelope = {
        "client_key": account.credentials.get("client_id", ""), "event": event, "create_time": graph.seconds(call.now),
        "user_openid": account.account_id, "content": json.dumps(content),
    }  # fmt: skip
    return Telling(CHANNEL, account.account_id, json.dumps(envelope).encode())


def _registered(call: PlatformCall, world: World) -> PlatformAnswer:
    ours = [a for a in world.accounts if a.channel == CHANNEL and a.credentials.get("client_id") == call.text("app_id")]
    if not any(call.text("secret") in a.signing for a in ours):
        raise _refused(40001, "The app id or its secret is wrong")
    if call.text("event_type") not in {"COMMENT", "VIDEO", "DIRECT_MESSAGE"}:
        raise _refused(40002, "event_type: Not a valid choice.")
    if not (call.text("callback_url") or "").startswith("https://"):
        raise _refused(40002, "callback_url: Not a valid URL.")
    return _ok({"event_type": call.text("event_type"), "callback_url": call.text("callback_url")})


def _tokens(call: PlatformCall, world: World) -> PlatformAnswer:
    """New tokens; the refresh token that was asked with is worth nothing from now on."""
    if call.text("grant_type") != "refresh_token":
        raise _refused(40002, "grant_type: Not a valid choice.")
    for account in world.accounts:
        held = account.credentials
        if account.channel != CHANNEL or held.get("refresh_token") != call.text("refresh_token"):
            continue
        if call.text("client_id") != held.get("client_id") or call.text("client_secret") not in account.signing:
            raise _refused(40001, "The app id or its secret is wrong")
        held["access_token"], held["refresh_token"] = (
            f"act.{secrets.token_urlsafe(40)}",
            f"rft.{secrets.token_urlsafe(40)}",
        )
        return _ok(
            {
                "access_token": held["access_token"], "refresh_token": held["refresh_token"], "token_type": "Bearer",
                "expires_in": _LIFE_SECONDS, "refresh_token_expires_in": _REFRESH_SECONDS,
                "open_id": account.account_id,
            }
        )  # fmt: skip
    raise _refused(40103, "Refresh token is expired or has been used")


def _ok(data: Json, *tellings: Telling) -> PlatformAnswer:
    return PlatformAnswer(body={"code": 0, "message": "OK", "request_id": digits(20), "data": data}, tellings=tellings)


def _refused(code: int, message: str) -> Refusal:
    return Refusal(200, {"code": code, "message": message, "request_id": digits(20), "data": {}})
