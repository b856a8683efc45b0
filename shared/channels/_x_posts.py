"""Posts of X in the words of API v2: as the X Activity API delivers them, and as its search and timelines show them.

Sources: docs.x.com/x-api/activity/event-payloads, docs.x.com/x-api/fundamentals/data-dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from shared.channels import _x_messages
from shared.channels._reading import Json, ident, link, obj, objects, text, when
from shared.channels._x_people import user_in, with_author
from shared.channels._x_text import REVOKED, is_cut, language, own_words, rest_of, status_link, unknown, word, words
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility


def activity(base: Event, event: Json) -> Iterator[Event]:
    """The facts of one event of the X Activity API; at least one."""
    known = replace(base, account_id=ident(obj(event.get("filter")).get("user_id")))
    name, payload = text(event.get("event_type")) or "", obj(event.get("payload"))
    read = _READERS.get(name)
    found = list(read(known, payload, obj(event.get("includes")))) if read else []
    yield from found or [unknown(known, word(name) if name else "an event without a type")]
    post_id = ident(payload.get("id"))
    if post_id is not None and any(one.kind is Kind.MESSAGE and is_cut(one.text) for one in found):
        yield rest_of(known, post_id)


def events(base: Event, post: Json, includes: Json) -> Iterator[Event]:
    """What a post says. A later version of an edited post has an id of its own; all count under the first one's.

    The later version comes as a message too: where the first one did not reach us (it did not name us yet), the edit
    alone would be an edit of nothing.
    """
    post_id = ident(post.get("id"))
    if post_id is None:
        yield unknown(base, "a post without an id")
        return
    reposted = _referenced(post, "retweeted")
    if reposted is not None:
        yield _repost(base, post, includes, reposted)
        return
    said = _said(base, post, post_id, includes)
    yield said
    if said.message_id != post_id:
        yield replace(said, kind=Kind.EDIT)


def whole(base: Event, post: Json, includes: Json) -> Iterator[Event]:
    """A post that was fetched because only its beginning had come: its text takes the place of that."""
    found = list(events(base, post, includes))
    yield from found
    if len(found) == 1 and found[0].kind is Kind.MESSAGE:
        yield replace(found[0], kind=Kind.EDIT)


def first_id(post: Json) -> str | None:
    """The id under which all versions of a post count."""
    post_id, history = ident(post.get("id")), _history(post)
    return history[0] if post_id in history else post_id


def _said(base: Event, post: Json, post_id: str, includes: Json) -> Event:
    author = ident(post.get("author_id"))
    ours = author is not None and author == base.account_id
    answered = ident(post.get("in_reply_to_tweet_id")) or _referenced(post, "replied_to")
    addressee = ident(post.get("in_reply_to_user_id"))
    to_us = addressee is not None and addressee == base.account_id
    about = replace(
        base,
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        surface=Surface.COMMENT if ours or (to_us and answered is not None) else Surface.MENTION,
        visibility=Visibility.PUBLIC,
        thread_id=_thread(post, answered, ours=ours),
        message_id=first_id(post),
        author_id=author,
        text=own_words(_text(post)) if ours and answered is not None else _text(post),
        language=language(post.get("lang")),
        attachments=_attachments(post, includes),
        sent_at=when(post.get("created_at")),
        in_reply_to=answered if ours else answered or _referenced(post, "quoted"),
        customer_id=_customer(base, author, addressee, ours=ours),
        unaddressed=base.unaddressed and not (ours or to_us or _names(post, base.account_id)),
    )
    signed = with_author(about, user_in(includes.get("users"), author))
    return replace(signed, link=status_link(signed.author_handle, post_id))


def _text(post: Json) -> str | None:
    """The whole text, which of a long post stands in a place of its own."""
    note = obj(post.get("note_tweet"))
    return words(note.get("text"), note.get("entities")) or words(post.get("text"), post.get("entities"))


def _customer(base: Event, author: str | None, addressee: str | None, *, ours: bool) -> str | None:
    if not ours:
        return author
    return addressee if addressee != base.account_id else None


def _thread(post: Json, answered: str | None, *, ours: bool) -> str | None:
    """The post that opened the conversation, by its first version."""
    root, history = ident(post.get("conversation_id")), _history(post)
    if root is not None:
        return history[0] if root in history else root
    return answered or (None if ours else first_id(post))


def _repost(base: Event, post: Json, includes: Json, reposted: str) -> Event:
    """Somebody passes a post on: of ours, it is a reaction to it; by us, it is nothing said."""
    author = ident(post.get("author_id"))
    if author is not None and author == base.account_id:
        return unknown(base, "a repost of our own")
    about = replace(
        base, kind=Kind.REACTION, message_id=reposted, author_id=author, customer_id=author, text="repost",
        detail="react", visibility=Visibility.PUBLIC, sent_at=when(post.get("created_at")), unaddressed=False,
    )  # fmt: skip
    return with_author(about, user_in(includes.get("users"), author))


def _deleted(base: Event, payload: Json, _includes: Json) -> Iterator[Event]:
    """X tells of our own posts only."""
    post_id = ident(payload.get("id"))
    if post_id is not None:
        yield replace(base, kind=Kind.DELETION, message_id=post_id, author_id=ident(payload.get("author_id")))


def _reposted(base: Event, payload: Json, includes: Json) -> Iterator[Event]:
    if _referenced(payload, "retweeted") is not None:
        yield from events(base, payload, includes)


def _revoked(base: Event, payload: Json, _includes: Json) -> Iterator[Event]:
    account_id = base.account_id or ident(payload.get("user_id"))
    yield unknown(replace(base, account_id=account_id, sent_at=when(payload.get("date_time"))), REVOKED)


_Reader = Callable[[Event, Json, Json], Iterator[Event]]


def _private(read: Callable[[Event, Json], Iterator[Event]]) -> _Reader:
    """A reader of direct messages, whose people are in the payload itself."""
    return lambda base, payload, _includes: read(base, payload)


_READERS: Mapping[str, _Reader] = {
    "post.mention.create": events,
    "post.reply.create": events,
    "post.quote.create": events,
    "post.create": events,
    "post.repost.create": _reposted,
    "post.delete": _deleted,
    "dm.received": _private(_x_messages.messages),
    "dm.sent": _private(_x_messages.messages),
    "dm.read": _private(_x_messages.reads),
    "dm.indicate_typing": _private(_x_messages.typing),
    "chat.received": _private(_x_messages.encrypted),
    "chat.sent": _private(_x_messages.encrypted),
    "oauth.revoke": _revoked,
}


# Parts of a post


def _referenced(post: Json, kind: str) -> str | None:
    found = (ident(other.get("id")) for other in objects(post.get("referenced_tweets")) if other.get("type") == kind)
    return next(found, None)


def _history(post: Json) -> list[str]:
    versions = post.get("edit_history_tweet_ids")
    found = [ident(version) for version in versions] if isinstance(versions, list) else []
    return [version for version in found if version is not None]


def _names(post: Json, account_id: str | None) -> bool:
    """Whether the text names the account by its handle."""
    mentioned = objects(obj(post.get("entities")).get("mentions"))
    return account_id is not None and any(ident(one.get("id")) == account_id for one in mentioned)


def _attachments(post: Json, includes: Json) -> tuple[Attachment, ...]:
    keys = obj(post.get("attachments")).get("media_keys")
    return tuple(_attachment(ident(key), includes) for key in keys) if isinstance(keys, list) else ()


def _attachment(key: str | None, includes: Json) -> Attachment:
    media = next((m for m in objects(includes.get("media")) if ident(m.get("media_key")) == key), None) or {}
    shown = link(media.get("url")) or link(media.get("preview_image_url"))
    return Attachment(text(media.get("type")) or "media", shown)
