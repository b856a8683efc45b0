"""WhatsApp Cloud API: what customers write to a business number, what becomes of our answers, and what the business
writes from its phone.

A customer is named by the business-scoped user id where there is one, else by the phone number: people with a username
come without a number. Sources: developers.facebook.com/docs/whatsapp/cloud-api, pages "Webhooks", "Messages",
"Business-scoped user IDs" and "Error codes".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from shared.channels import _meta, _setup_meta
from shared.channels._reading import EMPTY, Json, ident, obj, objects, read_json, text, when
from shared.channels._whatsapp_content import CONTENTS, content_of, read_content
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility
from shared.domain.exchange import (
    About,
    Call,
    Capability,
    How,
    Outbound,
    Refusal,
    Refused,
    Secret,
)
from shared.domain.length import length

WINDOW = timedelta(hours=24)  # for people and programs alike: there is no HUMAN_AGENT tag here

ABOUT = About(
    title="WhatsApp Business",
    how=(How.PUSH,),
    docs="https://developers.facebook.com/docs/whatsapp/cloud-api",
    checked=date(2026, 10, 31),
    acknowledging="on: the customer wrote first, and nobody else reads it",
    author="profile name with every message; no followers, no verified mark, nothing to look up",
    unproven="everything: no live number was at hand",
)

CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.DM: Capability(replies=True, limit=4096, window=WINDOW, person_window=WINDOW, acknowledges=True)
}

_CHANNEL = "whatsapp"
_OBJECT = "whatsapp_business_account"
_LISTS = frozenset({"messages", "message_echoes", "statuses", "errors"})
_FIELDS = frozenset({"messages", "message_echoes", "smb_message_echoes"})
_BUSINESS_SCOPED_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]+")
_TEST_NUMBER = ("16505551111", "123456123")  # display number and id in the dashboard's test events

# Handshake, signature and the reading of errors are the same for all of Meta's platforms.
challenge, verify, sign, outcome = _meta.challenge, _meta.verify, _meta.sign, _meta.outcome
SETUP, subscribe, proven = _setup_meta.WHATSAPP, _setup_meta.business_subscribed, _setup_meta.proven


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """All events of a delivery, in its order, at least one. Raises Unreadable for what is not JSON."""
    return tuple(_envelope(obj(read_json(body))))


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
    """A text message in answer to a customer's, within 24 hours of their last one."""
    if outbound.surface not in CAPABILITIES:
        return _never("WhatsApp has direct messages only.")
    last = outbound.last_inbound_at
    if last is None or now - last >= WINDOW:
        return _never(
            "The customer's last message is more than 24 hours old: only a template can be sent now, from WhatsApp "
            "Manager, asking them to write again."
        )
    if not outbound.text.strip():
        return _never("There is no text to post.")
    capability = CAPABILITIES[outbound.surface]
    if length(outbound.text, capability.unit) > capability.limit:
        return _never(f"WhatsApp takes at most {capability.limit} characters: shorten the text.")
    recipient = _recipient(outbound.customer_id or outbound.thread_id)
    if recipient is None:
        return _never("The customer has neither a phone number nor a user id to write to.")
    url = _meta.edge(_meta.GRAPH, outbound.account_id, "messages")
    return _meta.post(url, secret, _payload(outbound, recipient))


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Who the token speaks for."""
    return _setup_meta.number_proof(secret)


# The envelope: entry[] -> changes[] -> value -> lists of items


class _Value(NamedTuple):
    """What the items of one change share."""

    account_id: str | None
    contacts: tuple[Json, ...] = ()
    contacts_by_id: Mapping[str, Json] = MappingProxyType({})
    sent_at: datetime | None = None
    test: bool = False

    def unknown(self, detail: str) -> Event:
        return Event(
            kind=Kind.UNKNOWN,
            channel=_CHANNEL,
            account_id=self.account_id,
            sent_at=self.sent_at,
            detail=detail,
            test=self.test,
        )

    def contact(self, *identifiers: str | None) -> Json:
        """The contact that any of the identifiers names; without identifiers the only one there is."""
        wanted = [identifier for identifier in identifiers if identifier is not None]
        if not wanted and len(self.contacts) == 1:
            return self.contacts[0]
        return next((self.contacts_by_id[one] for one in wanted if one in self.contacts_by_id), EMPTY)


def _envelope(payload: Json) -> Iterator[Event]:
    nowhere = _Value(account_id=None)
    named = text(payload.get("object"))
    entries = payload.get("entry")
    if named not in {None, _OBJECT}:
        yield nowhere.unknown(f"object {named}")
    elif isinstance(entries, list) and entries:
        for entry in entries:
            yield from _entry(entry) if isinstance(entry, dict) else [nowhere.unknown("an entry that is not an object")]
    elif "field" in payload and "value" in payload:
        yield from _change(payload, EMPTY)
    else:
        yield nowhere.unknown("not a WhatsApp envelope")


def _entry(entry: Json) -> Iterator[Event]:
    changes = entry.get("changes")
    place = _Value(account_id=ident(entry.get("id")))
    if not isinstance(changes, list) or not changes:
        yield place.unknown("an entry without changes")
        return
    for change in changes:
        if isinstance(change, dict):
            yield from _change(change, entry)
        else:
            yield place.unknown("a change that is not an object")


def _change(change: Json, entry: Json) -> Iterator[Event]:
    about, content = text(change.get("field")) or "messages", obj(change.get("value"))
    metadata = obj(content.get("metadata"))
    number = (ident(metadata.get("display_phone_number")), ident(metadata.get("phone_number_id")))
    contacts = tuple(objects(content.get("contacts")))
    value = _Value(
        account_id=number[1] or ident(entry.get("id")),
        contacts=contacts,
        contacts_by_id=_by_id(contacts),
        sent_at=when(entry.get("time")),
        test=number == _TEST_NUMBER,
    )
    if about not in _FIELDS:
        yield value.unknown(about)
        return
    if not content:
        yield value.unknown(f"{about} without a value")
        return
    events = [event for name, items in content.items() if name in _LISTS for event in _list(name, items, value)]
    yield from events or [value.unknown(f"{about} without content")]


def _by_id(contacts: tuple[Json, ...]) -> Mapping[str, Json]:
    """Contacts by their phone number and by their user id; of two with the same the first counts."""
    found: dict[str, Json] = {}
    for contact in contacts:
        for identifier in (ident(contact.get("wa_id")), ident(contact.get("user_id"))):
            if identifier is not None:
                found.setdefault(identifier, contact)
    return found


def _list(name: str, items: object, value: _Value) -> Iterator[Event]:
    """One event per item, in the list's order; a lone item counts as a list of one."""
    for item in items if isinstance(items, list) else [] if items is None else [items]:
        if not isinstance(item, dict):
            yield value.unknown(f"{name}: not an object")
        elif name == "statuses":
            yield _status(item, value)
        elif name == "errors":
            yield value.unknown(f"error {_error(item)}")
        else:
            yield _said(item, value, by_us=name == "message_echoes")


# Messages and echoes


class _Who(NamedTuple):
    """Whose conversation it is, and who wrote."""

    customer_id: str | None
    author_id: str | None = None
    author_name: str | None = None
    author_handle: str | None = None


def _said(item: Json, value: _Value, *, by_us: bool) -> Event:
    """What one item of `messages` or `message_echoes` tells."""
    kind = text(item.get("type")) or next((name for name in CONTENTS if name in item), "without a type")
    who = _addressee(item, value) if by_us else _writer(item, value)
    content = content_of(item, kind)
    if kind in CONTENTS and content and "group_id" not in item:
        said, attachments = read_content(kind, content)
        return _direct(item, value, who, Kind.ECHO if by_us else Kind.MESSAGE, said, attachments)
    base = _direct(item, value, who)
    if "group_id" in item:
        said = read_content(kind, content)[0]
        thread_id = ident(item.get("group_id"))
        return _unseen(replace(base, thread_id=thread_id, text=said, detail="group message"))
    if kind == "system":
        detail = f"system: {text(content.get('type')) or 'without a type'}"
        return _unseen(replace(base, text=text(content.get("body")), detail=detail))
    if kind in _ABOUT_ANOTHER and content:
        return _ABOUT_ANOTHER[kind](base, content)
    # Somebody said something we cannot read: a customer waits for an answer, and an echo is one.
    errors = [_error(error) for error in objects(item.get("errors"))]
    return replace(base, kind=Kind.ECHO if by_us else Kind.UNKNOWN, detail=": ".join([kind, *errors[:1]]))


def _writer(item: Json, value: _Value) -> _Who:
    phone, user_id = ident(item.get("from")), ident(item.get("from_user_id"))
    contact = value.contact(phone, user_id)
    profile = obj(contact.get("profile"))
    customer_id = _customer(phone, user_id, contact)
    handle = text((text(profile.get("username")) or "").removeprefix("@"))
    return _Who(customer_id, customer_id, text(profile.get("name")), handle)


def _addressee(item: Json, value: _Value) -> _Who:
    phone, user_id = ident(item.get("to")), ident(item.get("to_user_id"))
    return _Who(_customer(phone, user_id, _named(value, phone, user_id)), ident(item.get("from")))


def _direct(
    item: Json,
    value: _Value,
    who: _Who,
    kind: Kind = Kind.UNKNOWN,
    said: str | None = None,
    attachments: tuple[Attachment, ...] = (),
) -> Event:
    """The event of an item, made at once: copying one costs twice what making it does."""
    return Event(
        kind=kind,
        channel=_CHANNEL,
        account_id=value.account_id,
        surface=Surface.DM,
        visibility=Visibility.PRIVATE,
        thread_id=who.customer_id,
        message_id=ident(item.get("id")),
        author_id=who.author_id,
        author_name=who.author_name,
        author_handle=who.author_handle,
        text=said,
        attachments=attachments,
        sent_at=when(item.get("timestamp")) or value.sent_at,
        in_reply_to=ident(obj(item.get("context")).get("id")),
        customer_id=who.customer_id,
        test=value.test,
    )


def _customer(phone: str | None, user_id: str | None, contact: Json) -> str | None:
    return user_id or ident(contact.get("user_id")) or phone or ident(contact.get("wa_id"))


def _named(value: _Value, phone: str | None, user_id: str | None) -> Json:
    return value.contact(phone, user_id) if phone or user_id else EMPTY


def _unseen(event: Event) -> Event:
    """Kept, but on no surface: it is not the beginning of a conversation that we could answer."""
    return replace(event, kind=Kind.UNKNOWN, surface=None, visibility=None)


def _reaction(base: Event, content: Json) -> Event:
    emoji = text(content.get("emoji"))
    return replace(
        base,
        kind=Kind.REACTION,
        message_id=ident(content.get("message_id")),
        text=emoji,
        detail="react" if emoji else "unreact",
    )


def _edit(base: Event, content: Json) -> Event:
    """The edit has an id of its own; what counts is the message it changes."""
    message = obj(content.get("message"))
    kind = text(message.get("type")) or next((name for name in CONTENTS if name in message), "text")
    said, attachments = read_content(kind, content_of(message, kind))
    return replace(
        base,
        kind=Kind.EDIT,
        message_id=ident(content.get("original_message_id")),
        text=said,
        attachments=attachments,
        in_reply_to=base.in_reply_to or ident(obj(message.get("context")).get("id")),
    )


def _revoke(base: Event, content: Json) -> Event:
    return replace(base, kind=Kind.DELETION, message_id=ident(content.get("original_message_id")))


_ABOUT_ANOTHER = {"reaction": _reaction, "edit": _edit, "revoke": _revoke}


def _status(item: Json, value: _Value) -> Event:
    """What became of a message of ours. A failure names its first error, for the person who is told."""
    phone, user_id = ident(item.get("recipient_id")), ident(item.get("recipient_user_id"))
    word = text(item.get("status"))
    base = _direct(item, value, _Who(_customer(phone, user_id, _named(value, phone, user_id))))
    if word is None:
        return _unseen(replace(base, detail="a status without a word"))
    errors = [_error(error) for error in objects(item.get("errors"))] if word == "failed" else []
    return replace(
        base,
        kind=Kind.STATUS,
        detail=": ".join([word, *errors[:1]]),
        client_token=text(item.get("biz_opaque_callback_data")),
    )


def _error(error: Json) -> str:
    said = text(error.get("title")) or text(error.get("message"))
    return " ".join(part for part in (ident(error.get("code")), said) if part) or "without a code"


# Answering


def _recipient(customer_id: str) -> dict[str, str] | None:
    """`to` for a phone number, with its plus: without one Meta may put our own country in front of it."""
    if _BUSINESS_SCOPED_ID.fullmatch(customer_id):
        return {"recipient": customer_id}
    number = customer_id.removeprefix("+")
    return {"to": f"+{number}"} if number.isascii() and number.isdigit() else None


def _payload(outbound: Outbound, recipient: Mapping[str, str]) -> dict[str, object]:
    context = {"context": {"message_id": outbound.in_reply_to}} if outbound.in_reply_to else {}
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **recipient,
        **context,
        "type": "text",
        "text": {"body": outbound.text, "preview_url": False},
        "biz_opaque_callback_data": outbound.client_token,
    }


def _never(reason: str) -> Refused:
    return Refused(refusal=Refusal.NEVER, reason=reason)
