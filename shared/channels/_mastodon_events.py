"""What a Mastodon server shows, as events: notifications, statuses, and statuses found by searching.

Sources: docs.joinmastodon.org/entities/Notification, .../Status, .../Account, .../MediaAttachment.

A person is named by `acct`, the name that mentions them, and a public conversation by how far it is seen and by whom it
is with, "unlisted/ana@exa.mple": a server names no thread, and an answer has to be seen as far as what it answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from shared.channels._calling import fetched
from shared.channels._markup import plain
from shared.channels._mastodon_text import unaddressed
from shared.channels._reading import Json, ident, link, obj, objects, read_json, text, when, whole
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility

NOTIFICATIONS, OWN, TAG, SEARCH = "notifications", "own", "tag", "search"
ADDRESSED = ("mention", "quote", "update")
SEEN_BY = ("public", "unlisted", "private")  # to everybody, to whoever looks, to followers
_CHANNEL = "mastodon"


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


def _notified(base: Event, item: Json) -> Event:
    """A notification, or the status of one that is looked at again for edits."""
    kind = text(item.get("type"))
    if kind is None:
        return _again(base, item)
    if kind not in ADDRESSED:
        return replace(base, detail="a notification of another type")
    said = _status(base, obj(item.get("status")))
    if kind == "update":
        return _edited(said, obj(item.get("status")))
    # The server's time: an author's own server may write any time into a status.
    return replace(said, sent_at=when(item.get("created_at")) or said.sent_at)


def _again(base: Event, status: Json) -> Event:
    said = _status(base, status)
    return _edited(said, status) if when(status.get("edited_at")) is not None else said


def _edited(said: Event, status: Json) -> Event:
    """An edit of a customer's words; our own are ours in any wording."""
    if said.kind is not Kind.MESSAGE:
        return said
    return replace(said, kind=Kind.EDIT, sent_at=when(status.get("edited_at")) or said.sent_at)


def _hit(base: Event, status: Json) -> Event:
    """A status that was found: said to us only where it names us or answers us."""
    said = _status(base, status)
    to_us = base.account_id in {ident(one.get("id")) for one in objects(status.get("mentions"))}
    to_us = to_us or said.surface in {Surface.DM, Surface.COMMENT}
    return replace(said, unaddressed=not to_us) if said.kind is Kind.MESSAGE else said


def _status(base: Event, status: Json) -> Event:
    author, status_id = obj(status.get("account")), ident(status.get("id"))
    if status_id is None:
        return replace(base, detail="a status without an id")
    ours = base.account_id is not None and ident(author.get("id")) == base.account_id
    acct = text(author.get("acct"))
    customer = _answered(status, base.account_id) if ours else acct
    seen_by = text(status.get("visibility")) or "public"
    private = seen_by == "direct"
    return replace(
        base,
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        surface=_surface(base, status),
        visibility=Visibility.PRIVATE if private else Visibility.PUBLIC,
        thread_id=customer if private else _thread(seen_by, None if ours else acct),
        message_id=status_id,
        author_id=acct,
        author_name=text(author.get("display_name")),
        author_handle=acct,
        author_followers=whole(author.get("followers_count")),
        text=_words(status, (customer or _first_named(status)) if ours else None),
        language=text(status.get("language")),
        attachments=tuple(_enclosed(status)),
        sent_at=when(status.get("created_at")),
        in_reply_to=ident(status.get("in_reply_to_id")),
        link=link(status.get("url")),
        customer_id=customer,
        automated=author.get("bot") is True and not ours,
    )


def _surface(base: Event, status: Json) -> Surface:
    """A status to followers only counts as public: a crowd reads it, and what we answer there."""
    if text(status.get("visibility")) == "direct":
        return Surface.DM
    answered = ident(status.get("in_reply_to_account_id"))
    return Surface.COMMENT if answered is not None and answered == base.account_id else Surface.MENTION


def _thread(seen_by: str, acct: str | None) -> str | None:
    """None for our own words: in the app a person may show an answer to fewer or more than the question was."""
    if acct is None:
        return None
    return f"{seen_by if seen_by in SEEN_BY else 'private'}/{acct}"


def _answered(status: Json, account_id: str | None) -> str | None:
    """The name of whom our own status answers; None where it goes on below one of ours."""
    answered = ident(status.get("in_reply_to_account_id"))
    if answered is None or answered == account_id:
        return None
    named = (text(one.get("acct")) for one in objects(status.get("mentions")) if ident(one.get("id")) == answered)
    return next(named, None)


def _first_named(status: Json) -> str | None:
    return next((text(one.get("acct")) for one in objects(status.get("mentions"))), None)


def _words(status: Json, answered: str | None) -> str | None:
    """What it says, behind the warning that hides it; of our own answers without whom they are for."""
    content = plain(status.get("content"))
    said = (text(status.get("spoiler_text")), unaddressed(content, answered) if answered else content)
    return "\n\n".join(words for words in said if words) or None


def _enclosed(status: Json) -> Iterator[Attachment]:
    for one in objects(status.get("media_attachments")):
        yield Attachment(text(one.get("type")) or "unknown", link(one.get("url")) or link(one.get("remote_url")))
    if obj(status.get("poll")):
        yield Attachment("poll")
    if obj(status.get("quote")):
        yield Attachment("quote")


_READERS: Mapping[str, Callable[[Event, Json], Event]] = {
    NOTIFICATIONS: _notified,
    OWN: _status,
    TAG: _hit,
    SEARCH: _hit,
}
