"""What Bluesky shows, as events: notifications, our own posts, the log of direct messages, posts found by searching.

Sources: github.com/bluesky-social/atproto, lexicons app.bsky.notification.listNotifications, app.bsky.feed.defs,
app.bsky.feed.post, chat.bsky.convo.defs.

A post is named by its address and its content hash, "at://did/app.bsky.feed.post/key#cid": whoever answers a post must
name both of it and of the thread's first one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from shared.channels._bluesky_calls import MESSAGES, NOTIFICATIONS, OWN, SEARCH, did_of
from shared.channels._calling import fetched
from shared.channels._reading import Json, link, obj, objects, read_json, text, when
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility

_CHANNEL = "bluesky"
_APP = "https://bsky.app"
_LOG = "chat.bsky.convo.defs#log"
_EMBED = "app.bsky.embed."
_ADDRESS = re.compile(r"at://(did:[a-z]+:[A-Za-z0-9._:%-]+)/app\.bsky\.feed\.post/([A-Za-z0-9._:~-]+)")
_HANDLE = re.compile(r"[A-Za-z0-9.-]+")


def events(body: bytes) -> tuple[Event, ...]:
    """All events of what was fetched, in its order; at least one. Raises Unreadable."""
    delivery = fetched(obj(read_json(body)))
    if delivery is None:
        return (Event(kind=Kind.UNKNOWN, channel=_CHANNEL, detail="a delivery that was not fetched"),)
    account_id, feed, items = delivery
    base = Event(kind=Kind.UNKNOWN, channel=_CHANNEL, account_id=text(account_id))
    read = _READERS.get(feed)
    if read is None:
        return (replace(base, detail="a feed that is not known"),)
    return tuple(read(base, item) for item in items) or (replace(base, detail=f"{feed} without an item"),)


def ref(post: Json) -> str | None:
    """The name of a post, from its `uri` and `cid`; None where either is missing."""
    uri, cid = text(post.get("uri")), text(post.get("cid"))
    return f"{uri}#{cid}" if uri and cid else None


# Posts


def _notification(base: Event, item: Json) -> Event:
    """Somebody answers, mentions or quotes us. The server's time counts: an author may write any time into a post."""
    surface = Surface.COMMENT if item.get("reason") == "reply" else Surface.MENTION
    said = _post(base, item, surface)
    if text(item.get("reason")) not in {"reply", "mention", "quote"} and said.kind is Kind.MESSAGE:
        return replace(base, detail="a notification of another reason")
    return said


def _own(base: Event, item: Json) -> Event:
    return _post(base, obj(item.get("post")), Surface.COMMENT)


def _hit(base: Event, item: Json) -> Event:
    """A post that was found by searching: said to us only where it names us or answers us."""
    said = _post(base, item, Surface.MENTION)
    did = did_of(base.account_id or "")
    to_us = did in _mentioned(obj(item.get("record"))) or _owner(said.in_reply_to) == did
    return said if said.kind is not Kind.MESSAGE else replace(said, unaddressed=not to_us)


def _post(base: Event, post: Json, surface: Surface) -> Event:
    record, author = obj(post.get("record")), obj(post.get("author"))
    name = ref(post) or text(post.get("uri"))  # without its hash a person can still answer it by hand
    if name is None:
        return replace(base, detail="a post without an address")
    answers = obj(record.get("reply"))
    parent = ref(obj(answers.get("parent")))
    author_id = text(author.get("did"))
    ours = author_id is not None and author_id == did_of(base.account_id or "")
    return replace(
        _by(base, author),
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        surface=surface,
        visibility=Visibility.PUBLIC,
        thread_id=ref(obj(answers.get("root"))) or name,
        message_id=name,
        text=text(record.get("text")),
        language=_language(record),
        attachments=tuple(_enclosed(obj(post.get("embed")) or obj(record.get("embed")))),
        sent_at=when(post.get("indexedAt")) or when(record.get("createdAt")),
        in_reply_to=parent,
        link=_link(text(post.get("uri")) or "", author),
        customer_id=_answered(parent, author_id) if ours else author_id,
    )


def _by(base: Event, author: Json) -> Event:
    mark = text(obj(author.get("verification")).get("verifiedStatus"))
    return replace(
        base,
        author_id=text(author.get("did")),
        author_name=text(author.get("displayName")),
        author_handle=_handle(author),
        author_verified=None if mark is None else mark == "valid",
    )


def _handle(author: Json) -> str | None:
    handle = text(author.get("handle"))
    return None if handle == "handle.invalid" else handle


def _owner(name: str | None) -> str | None:
    """Whose post a name is: the authority of its address."""
    found = _ADDRESS.match(name or "")
    return None if found is None else found[1]


def _answered(parent: str | None, author_id: str | None) -> str | None:
    """Whom our own post answers; nobody where it goes on below a post of ours."""
    owner = _owner(parent)
    return None if owner == author_id else owner


def _language(record: Json) -> str | None:
    named = record.get("langs")
    return text(named[0]) if isinstance(named, list) and named else None


def _mentioned(record: Json) -> set[object]:
    features = (f for facet in objects(record.get("facets")) for f in objects(facet.get("features")))
    return {text(feature.get("did")) for feature in features}


def _link(uri: str, author: Json) -> str | None:
    """Where a person sees it, by the handle, or by the DID where the handle does not hold."""
    found, handle = _ADDRESS.fullmatch(uri), _handle(author) or ""
    if found is None:
        return None
    return f"{_APP}/profile/{handle if _HANDLE.fullmatch(handle) else found[1]}/post/{found[2]}"


def _enclosed(embed: Json) -> Iterator[Attachment]:
    """Pictures, films, links and quoted posts. Only what comes with its view has an address."""
    kind = (text(embed.get("$type")) or "").removeprefix(_EMBED).partition("#")[0]
    if kind == "recordWithMedia":
        yield from _enclosed(obj(embed.get("media")))
        yield Attachment("quote")
    elif kind == "images":
        yield from (Attachment("image", link(image.get("fullsize"))) for image in objects(embed.get("images")))
    elif kind == "external":
        yield Attachment("link", link(obj(embed.get("external")).get("uri")))
    elif kind == "video":
        yield Attachment("video", link(embed.get("playlist")))
    elif kind == "record":
        yield Attachment("quote")
    elif embed:
        yield Attachment("unknown")


# Direct messages


def _logged(base: Event, item: Json) -> Event:
    kind, convo = (text(item.get("$type")) or "").removeprefix(_LOG), text(item.get("convoId"))
    message = obj(item.get("message"))
    read = _LOGGED.get(kind)
    if read is None or convo is None or text(message.get("id")) is None:
        return replace(base, detail=f"a log entry {kind if kind.isidentifier() else ''}".strip())
    return read(_direct(base, convo, message), item)


def _direct(base: Event, convo: str, message: Json) -> Event:
    """The log names a conversation and who speaks, never who is spoken to: the conversation stands for the customer."""
    return replace(
        base,
        surface=Surface.DM,
        visibility=Visibility.PRIVATE,
        thread_id=convo,
        message_id=text(message.get("id")),
        sent_at=when(message.get("sentAt")),
        link=f"{_APP}/messages/{convo}" if convo.isalnum() else None,
        customer_id=convo,
    )


def _created(about: Event, item: Json) -> Event:
    """A message, or the place of one that its sender has taken back since."""
    message = obj(item.get("message"))
    said = _by(about, _profile(item, text(obj(message.get("sender")).get("did"))))
    if text(message.get("$type")) == "chat.bsky.convo.defs#deletedMessageView":
        return replace(said, kind=Kind.DELETION)
    ours = said.author_id is not None and said.author_id == did_of(about.account_id or "")
    enclosed = tuple(_enclosed(obj(message.get("embed"))))
    return replace(said, kind=Kind.ECHO if ours else Kind.MESSAGE, text=text(message.get("text")), attachments=enclosed)


def _removed(about: Event, item: Json) -> Event:  # noqa: ARG001 - as the others
    """Somebody of ours removed it from our own view: for the customer it is still there (deleteMessageForSelf)."""
    return replace(about, kind=Kind.STATUS, detail="removed for us")


def _reacted(about: Event, item: Json) -> Event:
    reaction = obj(item.get("reaction"))
    by = _by(about, _profile(item, text(obj(reaction.get("sender")).get("did"))))
    gone = text(item.get("$type")) == f"{_LOG}RemoveReaction"
    return replace(
        by,
        kind=Kind.REACTION,
        text=text(reaction.get("value")),
        sent_at=when(reaction.get("createdAt")) or about.sent_at,
        detail="unreact" if gone else "react",
    )


def _profile(item: Json, did: str | None) -> Json:
    """What the log tells of a person beside their DID."""
    known = (one for one in objects(item.get("relatedProfiles")) if did is not None and one.get("did") == did)
    return {**next(known, {}), "did": did}


_LOGGED: Mapping[str, Callable[[Event, Json], Event]] = {
    "CreateMessage": _created,
    "DeleteMessage": _removed,
    "AddReaction": _reacted,
    "RemoveReaction": _reacted,
}

_READERS: Mapping[str, Callable[[Event, Json], Event]] = {
    NOTIFICATIONS: _notification,
    OWN: _own,
    MESSAGES: _logged,
    SEARCH: _hit,
}
