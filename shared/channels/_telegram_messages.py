"""A message of Telegram: where it stands, who wrote it, what is in it.

Source: core.telegram.org/bots/api, "Message", "Chat", "User".
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from shared.channels._reading import Json, ident, obj, objects, text, when
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility

PRIVATE = "private"
_GROUPS = frozenset({"group", "supergroup"})
_ATTACHED = (
    "animation", "audio", "document", "live_photo", "photo", "sticker", "story", "video", "video_note", "voice",
    "paid_media", "contact", "dice", "game", "poll", "checklist", "venue", "location", "rich_message",
)  # fmt: skip
_IS_ALSO = {"animation": "document", "venue": "location"}  # Telegram sets the older field beside the newer one
_WORDS = frozenset({"text", "caption", *_ATTACHED})
_HANDLE = re.compile(r"[A-Za-z0-9_]{3,32}")
_START = re.compile(r"/start(?: [A-Za-z0-9_-]{1,64})?")  # core.telegram.org/bots/features#deep-linking
_MESSAGE_ID = re.compile(r"-?\d{1,19}(?:@[\w-]{1,200})?:(\d{1,19})", re.ASCII)
_THREAD = re.compile(r"(-?\d{1,19})(?:#(\d{1,19})|@([\w-]{1,200}))?", re.ASCII)


class Place(NamedTuple):
    """Where a text goes: a chat, perhaps one topic of it, or somebody's own chat that a bot may write in."""

    chat: int
    topic: int | None = None
    connection: str | None = None


def place(thread_id: str) -> Place | None:
    """The place a thread names; None for what is no thread of Telegram."""
    found = _THREAD.fullmatch(thread_id)
    if found is None:
        return None
    return Place(int(found[1]), int(found[2]) if found[2] else None, found[3])


def number(message_id: str | None) -> int | None:
    """The number of a message within its chat."""
    found = _MESSAGE_ID.fullmatch(message_id or "")
    return int(found[1]) if found else None


def key(holder: Json, message_id: object) -> str | None:
    """The id of a message: its number is unique only within its chat, and in a business account's chats apart."""
    chat_id, numbered = ident(obj(holder.get("chat")).get("id")), ident(message_id)
    connection = text(holder.get("business_connection_id"))
    if chat_id is None or numbered is None:
        return None
    return f"{chat_id}@{connection}:{numbered}" if connection is not None else f"{chat_id}:{numbered}"


def said(base: Event, message: Json) -> Event:
    """What somebody said in a chat with the bot or where the bot is a member."""
    chat = obj(message.get("chat"))
    about = _placed(base, chat, message)
    if not _WORDS.intersection(message):
        return _without_words(base, about, message)
    if message.get("is_automatic_forward") is True:
        return unknown(base, "a post of the channel that this group belongs to")
    words = text(message.get("text")) or text(message.get("caption"))
    if about.surface is Surface.DM and _START.fullmatch(words or ""):
        return unknown(base, "start: the customer opened the conversation")
    replied_to = obj(message.get("reply_to_message"))
    return replace(
        about, text=words, attachments=_attachments(message), in_reply_to=key(message, replied_to.get("message_id"))
    )


def said_as_us(base: Event, message: Json) -> Event:
    """A post of the channel the bot administers: the company speaking."""
    chat = obj(message.get("chat"))
    message_id = key(message, message.get("message_id"))
    return replace(
        base,
        kind=Kind.ECHO,
        surface=Surface.COMMENT,
        visibility=Visibility.PUBLIC,
        thread_id=message_id,
        message_id=message_id,
        author_id=ident(chat.get("id")),
        author_name=text(chat.get("title")),
        text=text(message.get("text")) or text(message.get("caption")),
        attachments=_attachments(message),
        sent_at=when(message.get("date")),
        link=link(chat, message.get("message_id")),
    )


def with_author(event: Event, user: Json) -> Event:
    """The event with what Telegram tells of a person: no followers and no mark."""
    names = (text(user.get("first_name")), text(user.get("last_name")))
    return replace(
        event,
        author_id=ident(user.get("id")),
        author_name=" ".join(name for name in names if name) or None,
        author_handle=text(user.get("username")),
        language=text(user.get("language_code")),
        automated=user.get("is_bot") is True,
    )


def thread(chat: Json, message: Json) -> str | None:
    """The thread's name, from which an answer finds its place again."""
    chat_id, connection = ident(chat.get("id")), text(message.get("business_connection_id"))
    if chat_id is None or connection is not None:
        return f"{chat_id}@{connection}" if chat_id is not None else None
    topic = ident(message.get("message_thread_id")) if message.get("is_topic_message") is True else None
    return f"{chat_id}#{topic}" if topic is not None else chat_id


def link(chat: Json, message_id: object) -> str | None:
    """Where a message of a group or channel is seen (core.telegram.org/api/links); private chats have no page."""
    chat_id, handle, numbered = ident(chat.get("id")) or "", text(chat.get("username")), ident(message_id)
    if chat.get("type") == PRIVATE or numbered is None or not numbered.isdecimal():
        return None
    if handle is not None and _HANDLE.fullmatch(handle):
        return f"https://t.me/{handle}/{numbered}"
    inner = chat_id.removeprefix("-100")
    return f"https://t.me/c/{inner}/{numbered}" if inner != chat_id and inner.isdecimal() else None


def unknown(base: Event, detail: str) -> Event:
    """What is no customer's word or could not be understood, by Telegram's words for it."""
    return replace(base, kind=Kind.UNKNOWN, detail=detail)


def _placed(base: Event, chat: Json, message: Json) -> Event:
    """Who speaks where. In a person's own chat, whoever is not that chat's other side is us.

    A group that speaks under its own name is its administrators.
    """
    business = message.get("business_connection_id") is not None
    user, kind = obj(message.get("from")), text(chat.get("type"))
    sender = ident(user.get("id"))
    owner = business and sender is not None and sender != ident(chat.get("id"))
    ours = owner or _is_group_itself(chat, message)
    direct = kind == PRIVATE
    surface = Surface.DM if direct else Surface.COMMENT if kind in _GROUPS else None
    about = _written_by(base, message)
    customer = ident(chat.get("id")) if direct else None if ours else about.author_id
    return replace(
        about,
        kind=Kind.ECHO if ours else Kind.MESSAGE if surface is not None else Kind.UNKNOWN,
        surface=surface,
        visibility=Visibility.PRIVATE if direct else Visibility.PUBLIC if surface is not None else None,
        thread_id=thread(chat, message),
        message_id=key(message, message.get("message_id")),
        sent_at=when(message.get("edit_date")) or when(message.get("date")),
        customer_id=customer,
        link=link(chat, message.get("message_id")),
        detail=None if surface is not None else "a message in a chat of another kind",
        automated=about.automated or "sender_business_bot" in message,
    )


def _written_by(base: Event, message: Json) -> Event:
    """The person; or the channel or group in whose name somebody wrote, then the person is a made-up one."""
    chat = obj(message.get("sender_chat"))
    if ident(chat.get("id")) is None:
        return with_author(base, obj(message.get("from")))
    return replace(
        base,
        author_id=ident(chat.get("id")),
        author_name=text(chat.get("title")),
        author_handle=text(chat.get("username")),
    )


def _is_group_itself(chat: Json, message: Json) -> bool:
    sender = ident(obj(message.get("sender_chat")).get("id"))
    return sender is not None and sender == ident(chat.get("id"))


# The fields of service messages (core.telegram.org/bots/api, Message)
_SERVICE = re.compile(
    r"(?:new_chat|left_chat|channel_chat|group_chat|supergroup_chat|chat_owner|community_chat|forum_topic|"
    r"general_forum_topic|video_chat|voice_chat|giveaway|suggested_post|checklist_tasks|migrate)_[a-z_]{1,40}|"
    r"giveaway|delete_chat_photo|message_auto_delete_timer_changed|pinned_message|successful_payment|refunded_payment|"
    r"users?_shared|chat_shared|gift|unique_gift|gift_upgrade_sent|connected_website|write_access_allowed|"
    r"proximity_alert_triggered|boost_added|chat_background_set|(?:direct|paid)_message_price_changed"
)
_FRAME = frozenset({
    "message_id", "message_thread_id", "from", "sender_chat", "date", "chat", "business_connection_id", "edit_date",
    "is_topic_message", "reply_to_message", "via_bot", "author_signature", "has_protected_content", "media_group_id",
    "sender_business_bot", "sender_boost_count", "is_automatic_forward", "external_reply", "quote", "forward_origin",
    "reply_markup", "effect_id", "entities", "caption_entities", "is_from_offline", "direct_messages_topic",
})  # fmt: skip


def _without_words(base: Event, about: Event, message: Json) -> Event:
    """A message without anything that is known to be said in one.

    Nobody said anything where somebody joined, the title changed, the group moved. Else it is something of a later
    release: a customer's word until a person has looked at it.
    """
    notice = next((name for name in message if _SERVICE.fullmatch(name)), None)
    moved = ident(message.get("migrate_to_chat_id"))
    if notice is not None:
        return unknown(base, f"the group moved to {moved}" if moved is not None else word(notice))
    named = next((name for name in message if name not in _FRAME), None)
    said_by_them = about.kind is Kind.MESSAGE
    return unknown(about if said_by_them else base, "a message with nothing in it" if named is None else word(named))


def word(value: object) -> str:
    """A name of Telegram's own, safe to show; "something" for what does not look like one."""
    name = text(value) or ""
    return name if name.isascii() and name.isidentifier() and len(name) <= 40 else "something"


def _attachments(message: Json) -> tuple[Attachment, ...]:
    """What was sent beside the words. Telegram's links to files hold the bot's token, so none is kept."""
    covered = {older for newer, older in _IS_ALSO.items() if newer in message}
    return tuple(Attachment(name) for name in _ATTACHED if message.get(name) and name not in covered)


def reactions(base: Event, update: Json) -> Event:
    """Somebody changed what they feel about a message; all of it gone is taken back."""
    chat = obj(update.get("chat"))
    now = [text(one.get("emoji")) or text(one.get("type")) for one in objects(update.get("new_reaction"))]
    about = with_author(base, obj(update.get("user")))
    actor = ident(obj(update.get("actor_chat")).get("id"))
    direct = chat.get("type") == PRIVATE
    return replace(
        about,
        kind=Kind.REACTION,
        surface=Surface.DM if direct else Surface.COMMENT,
        visibility=Visibility.PRIVATE if direct else Visibility.PUBLIC,
        thread_id=ident(chat.get("id")),
        message_id=key(update, update.get("message_id")),
        author_id=about.author_id or actor,
        customer_id=ident(chat.get("id")) if direct else about.author_id,
        text=" ".join(one for one in now if one) or None,
        sent_at=when(update.get("date")),
        detail="react" if now else "unreact",
    )
