"""Slack's Web API: everything is 200, and `ok` tells. The app is in every channel it has heard of.

Source: docs.slack.dev/reference/methods/chat.postMessage, /auth.test, /users.info, /team.info; /apis/events-api.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal, Telling
from infra.local.platforms.world import Account, Post, Text, World, digits, wrote

CHANNEL = "slack"
ACCOUNT = "T0DESK0001"
DEMO = "message__in-a-shared-channel"
HOSTS = ("slack.com",)
_APP, _BOT, _BOT_USER = "A0DESK0001", "B0DESK0001", "U0DESKBOT1"
_CUT_AT = 40_000
_SAID = (None, "file_share", "me_message", "thread_broadcast")


def credentials() -> dict[str, str]:
    """A bot token in Slack's form."""
    return {"access_token": f"xoxb-{digits(12)}-{secrets.token_hex(12)}"}


def learn(world: World, delivery: object, now: datetime) -> None:
    """Take in an event: which channel the app is in, which messages are there, who wrote."""
    event = graph.part(delivery, "event")
    workspace = graph.word(delivery, "context_team_id") or graph.word(delivery, "team_id")
    channel, user = graph.word(event, "channel"), graph.word(event, "user")
    if workspace is None or channel is None or event.get("type") not in {"message", "app_mention"}:
        return
    if event.get("subtype") == "message_deleted":
        world.remove_text(CHANNEL, workspace, f"{channel}:{graph.word(event, 'deleted_ts')}", now.timestamp())
    stamp = graph.word(event, "ts")
    if event.get("subtype") not in _SAID or stamp is None or user is None:
        return
    person = world.meet(CHANNEL, workspace, user)
    person.name, person.handle = person.name or f"Person {user}", person.handle or user.lower()
    wrote(person, now)
    root = graph.word(event, "thread_ts") or stamp
    world.put_text(
        Text(
            channel=CHANNEL, account_id=workspace, object_id=f"{channel}:{stamp}", author_id=user,
            author_name=person.name, text=graph.word(event, "text"), top=f"{channel}:{root}",
            root=channel, created_at=now.timestamp(),
        )
    )  # fmt: skip


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """The host is one channel."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """A method of the Web API."""
    account = _account(call, world)
    match call.path:
        case "/api/chat.postMessage":
            return _post(call, world, account)
        case "/api/auth.test":
            return _ok(team="Lantern Bikes", user="desk", team_id=account.account_id, user_id=_BOT_USER, bot_id=_BOT)
        case "/api/users.info":
            return _person(call, world, account)
        case "/api/team.info":
            team = call.text("team") or account.account_id
            return _ok(team={"id": team, "name": f"Workspace {team}", "domain": team.lower()})
        case _:
            raise _refused("unknown_method")


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day."""
    if kind == "throttle":
        return Refusal(429, {"ok": False, "error": "ratelimited"}, {"retry-after": "30"})
    if kind == "revoked_token":
        return _refused("token_revoked")
    return _refused("internal_error")


def _account(call: PlatformCall, world: World) -> Account:
    token = call.bearer()
    if not token:
        raise _refused("not_authed")
    found = next((a for a in world.accounts if a.channel == CHANNEL and a.token == token), None)
    if found is None:
        raise _refused("invalid_auth")
    return found


def _post(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    """Post into a channel the app is in, below a message that is there; what is too long is cut, not refused."""
    if call.malformed:
        raise _refused("invalid_json")
    channel, text, thread_ts = call.text("channel"), call.text("text"), call.text("thread_ts")
    if channel is None or not any(t.channel == CHANNEL and t.root == channel for t in world.texts):
        raise _refused("channel_not_found")
    if not text or not text.strip():
        raise _refused("no_text")
    if thread_ts is not None and world.text(CHANNEL, f"{channel}:{thread_ts}") is None:
        raise _refused("cannot_reply_to_message")
    stamp, said = f"{graph.seconds(call.now)}.{digits(6)}", _unescaped(text[:_CUT_AT])
    top = f"{channel}:{thread_ts or stamp}"
    question = world.text(CHANNEL, top)
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="reply" if thread_ts else "message", thread=top,
            recipient=question.author_id if question else None, text=said, native_id=f"{channel}:{stamp}",
            at=call.now.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip
    world.put_text(
        Text(
            channel=CHANNEL, account_id=account.account_id, object_id=f"{channel}:{stamp}", author_id=_BOT_USER,
            author_name=None, text=said, top=top, root=channel, created_at=call.now.timestamp(), own=True,
        )
    )  # fmt: skip
    message = _message(account, channel, stamp, text, thread_ts)
    telling = Telling(CHANNEL, account.account_id, _echo(call, account, message))
    return PlatformAnswer(body={"ok": True, "channel": channel, "ts": stamp, "message": message}, tellings=(telling,))


def _message(account: Account, channel: str, stamp: str, text: str, thread_ts: str | None) -> dict[str, object]:
    below = {"thread_ts": thread_ts} if thread_ts else {}
    return {
        "type": "message", "user": _BOT_USER, "bot_id": _BOT, "app_id": _APP, "team": account.account_id, "text": text,
        "ts": stamp, "channel": channel, "event_ts": stamp, **below,
        "bot_profile": {"id": _BOT, "app_id": _APP, "name": "desk", "team_id": account.account_id},
    }  # fmt: skip


def _echo(call: PlatformCall, account: Account, message: Json) -> bytes:
    """The event of the app's own message, as the app itself gets it."""
    direct = str(message["channel"]).startswith("D")
    metadata = {"metadata": call.section("metadata")} if call.section("metadata") else {}
    envelope = {
        "token": "XXYYZZ", "team_id": account.account_id, "context_team_id": account.account_id, "api_app_id": _APP,
        "event": {**message, **metadata, "channel_type": "im" if direct else "channel"}, "type": "event_callback",
        "event_id": f"Ev{digits(9)}", "event_time": graph.seconds(call.now),
        "authorizations": [{"team_id": account.account_id, "user_id": _BOT_USER, "is_bot": True}],
    }  # fmt: skip
    return json.dumps(envelope).encode()


def _person(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    person = world.person(CHANNEL, account.account_id, call.text("user") or "")
    if person is None:
        raise _refused("user_not_found")
    shown = {"real_name": person.name, "display_name": person.handle}
    return _ok(user={"id": person.person_id, "name": person.handle, "real_name": person.name, "profile": shown})


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _ok(**body: object) -> PlatformAnswer:
    return PlatformAnswer(body={"ok": True, **body})


def _refused(error: str) -> Refusal:
    return Refusal(200, {"ok": False, "error": error})
