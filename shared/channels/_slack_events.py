"""Slack's events, read: who said what in which thread, and on which side of the shared channel they stand.

Sources: docs.slack.dev/apis/events-api, /reference/events/message and its subtypes, /apis/slack-connect.
A message is named by its channel and its `ts`, a text of digits that is no time to calculate with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from shared.channels._reading import Json, ident, link, obj, objects, read_json, text, when
from shared.channels._slack_text import plain
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility

CHANNEL = "slack"

_SAID = frozenset({"", "file_share", "me_message", "thread_broadcast", "bot_message"})
# Somebody joined, a topic was set: nobody said anything, and nobody has to look at it.
_NOTICE = re.compile(
    r"(?:channel|group|bot|app_conversation)_[a-z_]{1,40}|(?:un)?pinned_item|reminder_add|message_replied|tombstone|"
    r"ekm_access_denied|huddle_thread|sh_room_[a-z_]{1,40}|joiner_notification[a-z_]{0,40}|tabbed_canvas_updated|"
    r"assistant_app_thread"
)
_TS = re.compile(r"[0-9]{9,11}\.[0-9]{6}")


@dataclass(frozen=True, slots=True)
class _Side:
    """On which side of the channel somebody stands, and why nobody has to answer them."""

    kind: Kind
    automated: bool = False
    detail: str | None = None


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """The one event of a delivery. Raises Unreadable for what is not JSON."""
    payload = obj(read_json(body))
    event = obj(payload.get("event"))
    if payload.get("type") != "event_callback" or not event:
        return (_unknown(payload, text(payload.get("type")) or "a payload without a type"),)
    kind = text(event.get("type")) or "an event without a type"
    if kind in {"message", "app_mention"}:
        return (_message(payload, event),)
    if kind in {"reaction_added", "reaction_removed"}:
        return (_reaction(payload, event, kind),)
    return (_unknown(payload, kind),)


def message_id(channel: object, ts: object) -> str | None:
    """The name of a message; None where either half is missing."""
    place, stamp = ident(channel), text(ts)
    return f"{place}:{stamp}" if place and stamp else None


def _unknown(payload: Json, what: str) -> Event:
    return Event(kind=Kind.UNKNOWN, channel=CHANNEL, account_id=_workspace(payload), detail=what)


def _workspace(payload: Json) -> str | None:
    """The workspace through which we hear of it: in a shared channel `team_id` may be the other side's."""
    installed: Json = next(objects(payload.get("authorizations")), {})
    named = (payload.get("context_team_id"), installed.get("team_id"), payload.get("team_id"))
    return next(filter(None, map(ident, named)), None)


def _message(payload: Json, event: Json) -> Event:
    subtype = text(event.get("subtype")) or ""
    if subtype in _SAID:
        return _said(payload, event)
    if subtype == "message_changed":
        return _changed(payload, event)
    if subtype == "message_deleted":
        before = obj(event.get("previous_message"))
        return _deleted(payload, event, event.get("deleted_ts"), before.get("thread_ts"))
    if _NOTICE.fullmatch(subtype):
        return replace(_unknown(payload, subtype), kind=Kind.STATUS)
    return _of_another_kind(payload, event, subtype)


def _of_another_kind(payload: Json, event: Json, subtype: str) -> Event:
    """A subtype that is not known here: from a customer it is their word until a person has looked at it."""
    said = _said(payload, event)
    if said.kind is not Kind.MESSAGE:
        return _unknown(payload, subtype)
    return replace(said, kind=Kind.UNKNOWN, detail=subtype)


def _place(payload: Json, event: Json, ts: object, thread_ts: object) -> Event:
    """A message's place. Everybody in a channel reads it; a direct message is a thread of its own, without a `ts`."""
    channel, root = ident(event.get("channel")), text(thread_ts)
    direct = event.get("channel_type") == "im"
    name = message_id(channel, ts)
    return Event(
        kind=Kind.UNKNOWN,
        channel=CHANNEL,
        account_id=_workspace(payload),
        surface=Surface.DM if direct else Surface.COMMENT,
        visibility=Visibility.PRIVATE if direct else Visibility.PUBLIC,
        thread_id=message_id(channel, root) if root else channel if direct else name,
        message_id=name,
        in_reply_to=message_id(channel, root) if root and root != ts else None,
        link=_permalink(payload, channel, text(ts)),
    )


def _said(payload: Json, event: Json) -> Event:
    side = _side(payload, event)
    author = ident(event.get("user")) or ident(event.get("bot_id"))
    said = replace(
        _place(payload, event, event.get("ts"), event.get("thread_ts")),
        kind=side.kind,
        author_id=author,
        author_name=text(obj(event.get("user_profile")).get("real_name")) or text(event.get("username")),
        text=_words(event),
        attachments=tuple(_file(one) for one in objects(event.get("files"))),
        sent_at=when(payload.get("event_time")) or _time(event.get("ts")),
        detail=side.detail,
        automated=side.automated,
    )
    if side.kind is Kind.UNKNOWN:
        return replace(said, surface=None, visibility=None)
    if side.kind is Kind.ECHO:
        token = obj(obj(event.get("metadata")).get("event_payload")).get("client_token")
        return replace(said, client_token=text(token))
    return replace(said, customer_id=author if said.surface is Surface.DM else _team(event) or author)


def _side(payload: Json, event: Json) -> _Side:
    """Our app, our people, or a customer: whoever is not known to belong to our workspace."""
    program = event.get("subtype") == "bot_message" or ident(event.get("bot_id")) is not None
    if _is_our_app(payload, event):
        return _Side(Kind.ECHO, automated=True)
    if _team(event) is None or _team(event) != _workspace(payload):
        return _Side(Kind.MESSAGE, automated=program)
    if program:
        return _Side(Kind.UNKNOWN, automated=True, detail="another program of our workspace")
    if event.get("channel_type") == "im":
        return _Side(Kind.UNKNOWN, detail="one of our own people to the app")
    return _Side(Kind.ECHO)


def _team(event: Json) -> str | None:
    """The workspace of who wrote, in the order in which Slack is sure of it."""
    named = (event.get("user_team"), event.get("source_team"), event.get("team"))
    return next(filter(None, map(ident, named)), None)


def _is_our_app(payload: Json, event: Json) -> bool:
    app = ident(payload.get("api_app_id"))
    wrote = {ident(event.get("app_id")), ident(obj(event.get("bot_profile")).get("app_id"))}
    ours = {ident(one.get("user_id")) for one in objects(payload.get("authorizations")) if one.get("is_bot") is True}
    return (app is not None and app in wrote) or (ident(event.get("user")) or "") in ours


def _changed(payload: Json, event: Json) -> Event:
    """An edit; a deletion where answers are left below it; else Slack itself added a preview or counted answers."""
    message = obj(event.get("message"))
    if message.get("subtype") == "tombstone":
        return _deleted(payload, event, message.get("ts"), message.get("thread_ts"))
    edited = obj(message.get("edited"))
    if not edited:
        return replace(_unknown(payload, "message_changed, but by nobody"), kind=Kind.STATUS)
    return replace(
        _place(payload, event, message.get("ts"), message.get("thread_ts")),
        kind=Kind.EDIT,
        author_id=ident(message.get("user")) or ident(message.get("bot_id")),
        text=_words(message),
        attachments=tuple(_file(one) for one in objects(message.get("files"))),
        sent_at=_time(edited.get("ts")) or when(payload.get("event_time")),
    )


def _deleted(payload: Json, event: Json, ts: object, thread_ts: object) -> Event:
    gone = _place(payload, event, ts, thread_ts)
    at = _time(event.get("event_ts")) or when(payload.get("event_time"))
    return replace(gone, kind=Kind.DELETION, link=None, sent_at=at)


def _reaction(payload: Json, event: Json, kind: str) -> Event:
    item = obj(event.get("item"))
    about = _place(payload, {"channel": item.get("channel")}, item.get("ts"), None)
    # Which kind of conversation it is in is not said.
    return replace(
        about,
        kind=Kind.REACTION,
        surface=None,
        visibility=None,
        thread_id=None,
        author_id=ident(event.get("user")),
        text=text(event.get("reaction")),
        sent_at=_time(event.get("event_ts")) or when(payload.get("event_time")),
        detail="react" if kind == "reaction_added" else "unreact",
    )


def _words(message: Json) -> str | None:
    return text(plain(text(message.get("text")) or ""))


def _file(file: Json) -> Attachment:
    """A file; its permalink is for people, `url_private` wants our token."""
    sort = (text(file.get("mimetype")) or "").partition("/")[0]
    shown = sort if sort in {"image", "video", "audio"} else "file"
    return Attachment(shown, link(file.get("permalink")) or link(file.get("url_private")))


def _time(ts: object) -> datetime | None:
    """The time that a `ts` tells, in milliseconds."""
    stamp = text(ts) or ""
    return when(int(stamp[:-3].replace(".", ""))) if _TS.fullmatch(stamp) else None


def _permalink(payload: Json, channel: str | None, ts: str | None) -> str | None:
    workspace = _workspace(payload) or ""
    usable = workspace.isalnum() and (channel or "").isalnum() and _TS.fullmatch(ts or "")
    ours = f"{workspace}{channel}".isascii()
    return f"https://app.slack.com/client/{workspace}/{channel}/thread/{channel}-{ts}" if usable and ours else None
