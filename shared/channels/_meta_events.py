"""What Facebook Pages and Instagram accounts deliver alike: entries, changes and direct messages.

Sources: developers.facebook.com/docs/graph-api/webhooks/getting-started and
developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from shared.channels._reading import Json, ident, link, obj, objects, read_json, text, when, whole
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility

ReadChange = Callable[[Event, str, Json], Event]
"""The event of one change: from what is known of its entry, its field and its value."""

_TEST_ACCOUNT = "0"  # the dashboard's test button sends this as the account
_TEST_MESSAGE = "random_mid"
_DIRECT_FIELDS = ("message", "messaging", "standby")  # how fields of direct messages begin when they come as changes


def events(body: bytes, channel: str, expected: frozenset[str], read_change: ReadChange) -> tuple[Event, ...]:
    """All events of a delivery whose `object` is one of `expected`, in its order; at least one. Raises Unreadable."""
    base = Event(kind=Kind.UNKNOWN, channel=channel)
    content = read_json(body)
    if not isinstance(content, dict):
        return (unknown(base, "delivery that is not an object"),)
    about = ident(content.get("object"))
    if about is not None and about not in expected:
        return (unknown(base, f"delivery for {word(about)}"),)
    found = [event for entry in _items(content.get("entry")) for event in _entry(base, entry, read_change)]
    return tuple(found) or (unknown(base, "delivery without an entry"),)


def unknown(base: Event, detail: str) -> Event:
    """What could not be understood, named by the platform's words for it and never by a customer's."""
    return replace(base, kind=Kind.UNKNOWN, detail=detail, message_id=None)


def word(value: object) -> str:
    """A name of the platform's own, safe to show; "something" for what does not look like one."""
    name = text(value) or ""
    plain = name.replace("-", "_").replace(" ", "_")
    return name if plain.isascii() and plain.isidentifier() and len(name) <= 40 else "something"


def attachments(value: object) -> tuple[Attachment, ...]:
    """The attachments of a direct message. A payload may be missing, null or a text, and its link relative."""
    return tuple(
        Attachment(
            text(item.get("type")) or "unknown", link(obj(item.get("payload")).get("url")) or link(item.get("url"))
        )
        for item in objects(value)
    )


# Entries and changes


def _items(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _entry(base: Event, entry: object, read_change: ReadChange) -> list[Event]:
    if not isinstance(entry, dict):
        return [unknown(base, "entry that is not an object")]
    account_id, at = ident(entry.get("id")), when(entry.get("time"))
    test = account_id == _TEST_ACCOUNT
    known = Event(kind=Kind.UNKNOWN, channel=base.channel, account_id=account_id, sent_at=at, test=test)
    return list(_entry_events(known, entry, read_change)) or [unknown(known, "entry with nothing known in it")]


def _entry_events(base: Event, entry: Json, read_change: ReadChange) -> Iterator[Event]:
    for key, value in entry.items():
        if key in {"messaging", "standby"}:
            for item in _items(value):
                yield from _direct(base, item, standby=key == "standby")
        elif key == "changes":
            for change in _items(value):
                yield from _change(base, change, read_change)
    if "field" in entry and "changes" not in entry:  # Instagram Login documents changes without their list
        yield from _change(base, entry, read_change)


def _change(base: Event, change: object, read_change: ReadChange) -> Iterator[Event]:
    if not isinstance(change, dict):
        yield unknown(base, "change that is not an object")
        return
    field, value = text(change.get("field")), change.get("value")
    if field is None:
        yield unknown(base, "change without a field")
    elif not isinstance(value, dict):
        yield unknown(base, f"{word(field)} without a value")
    elif field.startswith(_DIRECT_FIELDS):
        yield from _direct(base, value, standby=field == "standby")
    else:
        yield read_change(base, field, value)


# Direct messages


def _direct(base: Event, item: object, *, standby: bool) -> Iterator[Event]:
    about = _about(base, obj(item), standby=standby)
    if not isinstance(item, dict):
        yield unknown(about, "messaging item that is not an object")
        return
    facts = [key for key in item if key in _READERS and item[key] is not None]
    if not facts:
        yield unknown(about, _named(item))
    for key in facts:
        if isinstance(item[key], dict):
            yield from _READERS[key](about, item[key], item)
        else:
            test = about.test or item[key] == "TEST_MESSAGE"  # as in the curl command of the dashboard
            yield unknown(replace(about, test=test), f"{key} that is not an object")


def _about(base: Event, item: Json, *, standby: bool) -> Event:
    """Who speaks to whom. The thread is the customer's id, whoever of the two sent this."""
    sender = ident(obj(item.get("sender")).get("id"))
    recipient = ident(obj(item.get("recipient")).get("id"))
    is_echo = obj(item.get("message")).get("is_echo") is True
    ours = is_echo or (sender is not None and sender == base.account_id)
    customer = recipient if ours else sender
    return Event(
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        channel=base.channel,
        account_id=base.account_id or (sender if ours else recipient),
        surface=Surface.DM,
        visibility=Visibility.PRIVATE,
        thread_id=customer,
        author_id=sender,
        sent_at=when(item.get("timestamp")) or base.sent_at,
        customer_id=customer,
        standby=standby,
        test=base.test,
    )


def _named(item: Json) -> str:
    """Which of the platform's other items it is, such as optin or pass_thread_control."""
    other = next((key for key in item if key not in {"sender", "recipient", "timestamp", *_READERS}), None)
    return "messaging item with nothing known in it" if other is None else word(other)


def _message(about: Event, message: Json, _item: Json) -> Iterator[Event]:
    mid = ident(message.get("mid"))
    if mid is None:
        yield unknown(about, "message without mid")
        return
    if message.get("is_deleted") is True:
        yield replace(about, kind=Kind.DELETION, message_id=mid)
        return
    enclosed = attachments(message.get("attachments"))
    if message.get("is_unsupported") is True:
        enclosed = (*enclosed, Attachment("unsupported"))
    in_story = any(attachment.type == "story_mention" for attachment in enclosed)
    replied_to = obj(message.get("reply_to"))
    yield replace(
        about,
        surface=Surface.MENTION if in_story else Surface.DM,
        message_id=mid,
        text=text(message.get("text")),
        attachments=enclosed,
        in_reply_to=ident(replied_to.get("mid")) or ident(obj(replied_to.get("story")).get("id")),
        client_token=text(message.get("metadata")) if about.kind is Kind.ECHO else None,
        test=about.test or mid == _TEST_MESSAGE,
    )


def _edit(about: Event, edit: Json, _item: Json) -> Iterator[Event]:
    """An edit; but edit number 0 is how new messages were seen to come to apps that are not published."""
    mid = ident(edit.get("mid"))
    if mid is None:
        yield unknown(about, "message_edit without mid")
        return
    kind = about.kind if whole(edit.get("num_edit")) == 0 else Kind.EDIT
    yield replace(about, kind=kind, message_id=mid, text=text(edit.get("text")))


def _reaction(about: Event, reaction: Json, _item: Json) -> Iterator[Event]:
    yield replace(
        about,
        kind=Kind.REACTION,
        message_id=ident(reaction.get("mid")),
        text=text(reaction.get("emoji")) or text(reaction.get("reaction")),
        detail="unreact" if text(reaction.get("action")) == "unreact" else "react",
    )


def _postback(about: Event, postback: Json, item: Json) -> Iterator[Event]:
    """A tap on a button: its title is what the customer says. In standby it comes without its payload."""
    payload = text(postback.get("payload"))
    yield replace(
        about,
        message_id=ident(postback.get("mid")) or _tap_id(about, item, payload or ""),
        text=text(postback.get("title")),
        detail="postback" if payload is None else f"postback:{payload}",
    )


def _tap_id(about: Event, item: Json, payload: str) -> str:
    parts = (about.author_id or "", ident(item.get("timestamp")) or "", payload)
    return "postback-" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def _delivered(about: Event, delivery: Json, item: Json) -> Iterator[Event]:
    at = when(item.get("timestamp")) or when(delivery.get("watermark")) or about.sent_at
    status = replace(about, kind=Kind.STATUS, sent_at=at, detail="delivered")
    mids: list[str | None] = [mid for mid in map(ident, _items(delivery.get("mids"))) if mid is not None]
    for mid in mids or [None]:
        yield replace(status, message_id=mid)


def _read(about: Event, read: Json, _item: Json) -> Iterator[Event]:
    """Messenger gives the time up to which all was read; Instagram the message."""
    at = when(read.get("watermark")) or about.sent_at
    yield replace(about, kind=Kind.READ, message_id=ident(read.get("mid")), sent_at=at)


_READERS: Mapping[str, Callable[[Event, Json, Json], Iterator[Event]]] = {
    "message": _message,
    "message_edit": _edit,
    "reaction": _reaction,
    "postback": _postback,
    "delivery": _delivered,
    "read": _read,
}
