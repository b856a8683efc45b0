"""What the older Account Activity API of X delivers, in the words of API v1.1.

Source: docs.x.com/x-api/account-activity/introduction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from shared.channels import _x_messages
from shared.channels._reading import Json, ident, link, obj, objects, text, when
from shared.channels._x_people import with_author
from shared.channels._x_text import REVOKED, language, own_words, rest_of, status_link, unknown, word, words
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility

_BESIDE = frozenset({"for_user_id", "user_has_blocked", "is_blocked_by", "users", "apps"})
_WRITTEN = "%a %b %d %H:%M:%S %z %Y"  # Wed Sep 02 10:15:30 +0000 2026


def is_account_activity(payload: Json) -> bool:
    """Whether a delivery speaks this dialect."""
    return "for_user_id" in payload or any(key in _READERS for key in payload)


def activity(base: Event, payload: Json) -> Iterator[Event]:
    """The facts of one delivery, of whichever kinds; at least one."""
    known = replace(base, account_id=ident(payload.get("for_user_id")))
    for key in payload:
        if key in _BESIDE:
            continue
        read = _READERS.get(key)
        yield from (list(read(known, payload)) if read else []) or [unknown(known, word(key))]
    if set(payload) <= _BESIDE:
        yield unknown(known, "a delivery without an event")


def _posts(base: Event, payload: Json) -> Iterator[Event]:
    for status in objects(payload.get("tweet_create_events")):
        event = _post(base, status)
        yield event
        if event.kind is Kind.MESSAGE and event.message_id is not None and _lacks_text(status):
            yield rest_of(event, event.message_id)


def _lacks_text(status: Json) -> bool:
    held = obj(status.get("extended_tweet")).get("full_text") or status.get("full_text")
    return status.get("truncated") is True and not held


def _post(base: Event, status: Json) -> Event:
    """A post: of our own account, one that passes another on, an answer to us, or one that names or quotes us."""
    post_id = ident(status.get("id_str")) or ident(status.get("id"))
    user = obj(status.get("user"))
    author = ident(user.get("id_str")) or ident(user.get("id"))
    about = replace(base, author_id=author, sent_at=_at(status.get("created_at")), visibility=Visibility.PUBLIC)
    about = with_author(about, user)
    ours = author is not None and author == base.account_id
    if isinstance(status.get("retweeted_status"), dict):
        return _repost(about, obj(status["retweeted_status"]), ours=ours)
    if post_id is None:
        return unknown(about, "a post without an id")
    return _said(about, status, post_id, ours=ours)


def _said(about: Event, status: Json, post_id: str, *, ours: bool) -> Event:
    """There is no id of the conversation: an answer is placed by what it answers, ours by the desk."""
    answered = _id(status, "in_reply_to_status_id")
    addressee = _id(status, "in_reply_to_user_id")
    to_us = addressee is not None and addressee == about.account_id and answered is not None
    customer = addressee if ours and addressee != about.account_id else None
    extended = obj(status.get("extended_tweet"))
    quoted = _id(status, "quoted_status_id")
    return replace(
        about,
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        surface=Surface.COMMENT if ours or to_us else Surface.MENTION,
        thread_id=None if ours else answered or post_id,
        message_id=post_id,
        text=own_words(_text(status)) if ours and answered is not None else _text(status),
        language=language(status.get("lang")),
        attachments=_attachments(status, extended),
        in_reply_to=answered if ours else answered or quoted,
        customer_id=customer if ours else about.author_id,
        link=status_link(about.author_handle, post_id),
    )


def _text(status: Json) -> str | None:
    extended, entities = obj(status.get("extended_tweet")), status.get("entities")
    whole = words(extended.get("full_text"), extended.get("entities"))
    return whole or words(status.get("full_text"), entities) or words(status.get("text"), entities)


def _repost(about: Event, original: Json, *, ours: bool) -> Event:
    if ours:
        return unknown(replace(about, visibility=None), "a repost of our own")
    reposted = ident(original.get("id_str")) or ident(original.get("id"))
    return replace(
        about, kind=Kind.REACTION, message_id=reposted, customer_id=about.author_id, text="repost", detail="react"
    )


def _deletions(base: Event, payload: Json) -> Iterator[Event]:
    for item in objects(payload.get("tweet_delete_events")):
        status = obj(item.get("status"))
        gone = replace(base, message_id=ident(status.get("id")), author_id=ident(status.get("user_id")))
        yield replace(gone, kind=Kind.DELETION, sent_at=when(item.get("timestamp_ms")))


def _likes(base: Event, payload: Json) -> Iterator[Event]:
    for item in objects(payload.get("favorite_events")):
        status, user = obj(item.get("favorited_status")), obj(item.get("user"))
        author = ident(user.get("id_str")) or ident(user.get("id"))
        about = replace(
            base, kind=Kind.REACTION, message_id=_id(status, "id"), author_id=author, customer_id=author, text="like",
            detail="react", visibility=Visibility.PUBLIC, sent_at=when(item.get("timestamp_ms")),
        )  # fmt: skip
        yield with_author(about, user)


def _user(base: Event, payload: Json) -> Iterator[Event]:
    """The account withdrew the app; this event alone does not say for whom it is."""
    for revoked in objects(obj(payload.get("user_event")).get("revoke")):
        account_id = base.account_id or ident(obj(revoked.get("source")).get("user_id"))
        yield unknown(replace(base, account_id=account_id, sent_at=when(revoked.get("date_time"))), REVOKED)


def _relations(key: str) -> Callable[[Event, Json], Iterator[Event]]:
    """Follows, blocks and mutes, and their contraries, which come under the same key."""

    def read(base: Event, payload: Json) -> Iterator[Event]:
        for item in objects(payload.get(key)):
            yield unknown(base, f"{key}: {word(item.get('type'))}")

    return read


_READERS: Mapping[str, Callable[[Event, Json], Iterator[Event]]] = {
    "tweet_create_events": _posts,
    "tweet_delete_events": _deletions,
    "favorite_events": _likes,
    _x_messages.MESSAGES: _x_messages.messages,
    _x_messages.READS: _x_messages.reads,
    _x_messages.TYPING: _x_messages.typing,
    "user_event": _user,
    **{key: _relations(key) for key in ("follow_events", "block_events", "mute_events")},
}


def _id(status: Json, name: str) -> str | None:
    return ident(status.get(f"{name}_str")) or ident(status.get(name))


def _at(value: object) -> datetime | None:
    written = text(value)
    try:
        return datetime.strptime(written, _WRITTEN).astimezone(UTC) if written and len(written) < 40 else None
    except (ValueError, OverflowError):
        return None


def _attachments(status: Json, extended: Json) -> tuple[Attachment, ...]:
    entities = obj(extended.get("extended_entities")) or obj(status.get("extended_entities"))
    found = objects(entities.get("media"))
    return tuple(Attachment(text(m.get("type")) or "media", link(m.get("media_url_https"))) for m in found)
