"""What the YouTube Data API shows, as events: threads of comments, replies, videos found by searching.

Sources: developers.google.com/youtube/v3/docs, the resources commentThread, comment and search result.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace

from shared.channels._calling import fetched
from shared.channels._reading import Json, obj, objects, read_json, text, when
from shared.domain.events import Event, Kind, Surface, Visibility

THREADS, VIDEO, SEARCH = "threads", "video", "search"
_CHANNEL = "youtube"
_ID = re.compile(r"[A-Za-z0-9_.-]{1,120}")
_WATCH = "https://www.youtube.com/watch?v="


def found(body: bytes) -> tuple[Event, ...]:
    """All events of what was fetched, in its order; at least one. Raises Unreadable."""
    delivery = fetched(obj(read_json(body)))
    if delivery is None:
        return (Event(kind=Kind.UNKNOWN, channel=_CHANNEL, detail="a delivery that was not fetched"),)
    account_id, feed, items = delivery
    base = Event(kind=Kind.UNKNOWN, channel=_CHANNEL, account_id=text(account_id))
    if feed == SEARCH:
        events = [_hit(base, item) for item in items]
    elif feed in {THREADS, VIDEO}:
        events = [event for item in items for event in _thread(base, item)]
    else:
        return (replace(base, detail="a feed that is not known"),)
    return tuple(events) or (replace(base, detail=f"{feed} without an item"),)


def _thread(base: Event, item: Json) -> Iterator[Event]:
    """A thread is its first comment and some of its replies; a reply that was fetched by itself is only that."""
    about = obj(item.get("snippet"))
    first = obj(about.get("topLevelComment"))
    if not first:
        yield from _comment(base, item, None)
        return
    video_id = text(about.get("videoId"))
    yield from _comment(base, first, video_id)
    for reply in objects(obj(item.get("replies")).get("comments")):
        yield from _comment(base, reply, video_id)


def _comment(base: Event, comment: Json, video_id: str | None) -> Iterator[Event]:
    """A comment; one that was edited is said and then edited, for it may be seen here for the first time."""
    said = obj(comment.get("snippet"))
    comment_id = text(comment.get("id"))
    if comment_id is None:
        yield replace(base, detail="a comment without an id")
        return
    parent_id = text(said.get("parentId"))
    author_id = text(obj(said.get("authorChannelId")).get("value"))
    ours = author_id is not None and author_id == base.account_id
    event = replace(
        base,
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        surface=Surface.COMMENT,
        visibility=Visibility.PUBLIC,
        thread_id=parent_id or comment_id,
        message_id=comment_id,
        author_id=author_id,
        author_name=text(said.get("authorDisplayName")),
        author_handle=_handle(said),
        text=text(said.get("textOriginal")) or text(said.get("textDisplay")),
        sent_at=when(said.get("publishedAt")),
        in_reply_to=parent_id,
        link=_link(video_id or text(said.get("videoId")), comment_id),
        customer_id=None if ours else author_id,
    )
    yield event
    published, updated = when(said.get("publishedAt")), when(said.get("updatedAt"))
    if not ours and published is not None and updated is not None and updated > published:
        yield replace(event, kind=Kind.EDIT, sent_at=updated)


def _handle(said: Json) -> str | None:
    """The name that is shown is the handle, with its sign, since channels have handles."""
    name = text(said.get("authorDisplayName")) or ""
    return text(name.removeprefix("@")) if name.startswith("@") else None


def _link(video_id: str | None, comment_id: str) -> str | None:
    if video_id is None or not (_ID.fullmatch(video_id) and _ID.fullmatch(comment_id)):
        return None
    return f"{_WATCH}{video_id}&lc={comment_id}"


def _hit(base: Event, item: Json) -> Event:
    """A video that names us. Search results escape their texts as HTML, other resources do not."""
    said, video_id = obj(item.get("snippet")), text(obj(item.get("id")).get("videoId"))
    if video_id is None:
        return replace(base, detail="a hit that is no video")
    author_id = text(said.get("channelId"))
    ours = author_id is not None and author_id == base.account_id
    words = (text(said.get(name)) for name in ("title", "description"))
    return replace(
        base,
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        surface=Surface.MENTION,
        visibility=Visibility.PUBLIC,
        thread_id=video_id,
        message_id=video_id,
        author_id=author_id,
        author_name=text(html.unescape(text(said.get("channelTitle")) or "")),
        text=text("\n\n".join(html.unescape(word) for word in words if word)),
        sent_at=when(said.get("publishedAt")),
        link=f"{_WATCH}{video_id}" if _ID.fullmatch(video_id) else None,
        customer_id=None if ours else author_id,
        unaddressed=not ours,
    )
