"""Reddit's things as events: comments (t1), posts (t3) and private messages (t4), by the listing they stand in.

Source: www.reddit.com/dev/api, "overview", and github.com/reddit-archive/reddit/wiki/JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from shared.channels._reading import Json, obj, text, when
from shared.domain.events import Event, Kind, Surface, Visibility

SEARCH = "search"

_SITE = "https://www.reddit.com"
_GONE = frozenset({"[deleted]", "[removed]", "[ Removed by Reddit ]"})
_POST_OF = re.compile(r"/comments/([A-Za-z0-9]+)(?:/|$)")
_MENTIONS = frozenset({"username_mention", "username mention"})


def events(base: Event, feed: str, thing: Json) -> Iterator[Event]:
    """What a thing says: that it is there, what it says now where it was edited, or that it is gone."""
    data = obj(thing.get("data"))
    name, kind = text(data.get("name")), text(thing.get("kind")) or "none"
    if name is None or kind not in {"t1", "t3", "t4"}:
        yield replace(base, detail=f"a thing of the kind {kind[:10]} that is not read")
        return
    about = _placed(_private(base, name, data) if kind == "t4" else _public(base, feed, name, data), data)
    if _is_gone(data):
        yield replace(
            about, kind=Kind.DELETION, text=None, author_id=None, author_handle=None, customer_id=None, sent_at=None
        )
        return
    yield about
    edited_at = when(data.get("edited"))
    if edited_at is not None and about.kind is Kind.MESSAGE:
        yield replace(about, kind=Kind.EDIT, sent_at=edited_at)


def revision(data: Json) -> str:
    """Changes when there is something new to read: Reddit dates edits, and takes away what was deleted."""
    if _is_gone(data):
        return "gone"
    edited_at = when(data.get("edited"))
    return str(int(edited_at.timestamp())) if edited_at is not None else ""


def made_at(data: Json) -> datetime | None:
    """When it was written: seconds as a fraction, in UTC."""
    return when(data.get("created_utc"))


def _public(base: Event, feed: str, name: str, data: Json) -> Event:
    mentions = feed in {"mentions", SEARCH} or _MENTIONS & {text(data.get("type")), text(data.get("subject"))} != set()
    parent = text(data.get("parent_id"))
    return replace(
        base,
        surface=Surface.MENTION if mentions else Surface.COMMENT,
        visibility=Visibility.PUBLIC,
        thread_id=text(data.get("link_id")) or _post_of(data) or name,
        message_id=name,
        text=_words(data),
        in_reply_to=parent,
        link=_link(data),
        unaddressed=feed == SEARCH,
    )


def _private(base: Event, name: str, data: Json) -> Event:
    """A private message. Its thread in both directions is the other person: Reddit starts a new one for each subject.

    What moderators of a community write comes without an author and with the community's name.
    """
    ours = _same(text(data.get("author")), base.account_id)
    person = text(data.get("dest")) if ours else (text(data.get("author")) or text(data.get("subreddit")))
    return replace(
        base,
        surface=Surface.DM,
        visibility=Visibility.PRIVATE,
        thread_id=person or name,
        message_id=name,
        text=_titled(text(data.get("subject")), text(data.get("body"))),
        in_reply_to=text(data.get("parent_id")),
        link=f"{_SITE}/message/messages/{name.removeprefix('t4_')}" if name.startswith("t4_") else None,
        customer_id=person if ours else None,
    )


def _placed(about: Event, data: Json) -> Event:
    author = text(data.get("author"))
    known = author if author is not None and author not in _GONE else None
    ours = _same(known, about.account_id)
    customer = about.customer_id if ours else (known or (about.thread_id if about.surface is Surface.DM else None))
    return replace(
        about,
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        author_id=known,
        author_handle=known,
        sent_at=made_at(data),
        customer_id=customer,
        unaddressed=about.unaddressed and not ours,
        automated=data.get("distinguished") == "admin",
    )


def _same(name: str | None, account_id: str | None) -> bool:
    """Usernames are the same whatever their case."""
    return name is not None and account_id is not None and name.casefold() == account_id.casefold()


def _is_gone(data: Json) -> bool:
    said = text(data.get("body")) or text(data.get("selftext"))
    return said in _GONE or (data.get("author") == "[deleted]" and said is None)


def _words(data: Json) -> str | None:
    """A comment's text, or a post's title, text and the address it points to."""
    if "title" not in data:
        return text(data.get("body"))
    target = text(data.get("url")) if data.get("is_self") is False else None
    return _titled(text(data.get("title")), text(data.get("selftext")) or target)


def _titled(title: str | None, words: str | None) -> str | None:
    return "\n\n".join(part for part in (title, words) if part) or None


def _post_of(data: Json) -> str | None:
    """The post that a comment of the inbox belongs to, which only its address tells."""
    found = _POST_OF.search(text(data.get("context")) or text(data.get("permalink")) or "")
    return f"t3_{found[1]}" if found else None


def _link(data: Json) -> str | None:
    """A page of Reddit; anything but a path there is no link."""
    path = text(data.get("context")) or text(data.get("permalink")) or ""
    return f"{_SITE}{path}" if path.startswith(("/r/", "/user/", "/u/")) else None
