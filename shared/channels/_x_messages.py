"""Direct messages of X, which both dialects write alike but for the people in them; and encrypted chat.

Sources: docs.x.com/x-api/activity/event-payloads and docs.x.com/x-api/account-activity/introduction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shared.channels._reading import Json, ident, link, obj, objects, text, when
from shared.channels._x_people import user_in, with_author
from shared.channels._x_text import conversation_link, unknown, word, words
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility

MESSAGES = "direct_message_events"
READS = "direct_message_mark_read_events"
TYPING = "direct_message_indicate_typing_events"
_ENCRYPTED = "an encrypted X Chat message, which only X's own app can show: answer it there"


def messages(base: Event, holder: Json) -> Iterator[Event]:
    """The direct messages of an event. There is no conversation id: the thread is the other participant."""
    for item in objects(holder.get(MESSAGES)):
        created = obj(item.get("message_create"))
        target = obj(created.get("target"))
        about = _between(base, ident(created.get("sender_id")), ident(target.get("recipient_id")))
        about = with_author(about, user_in(holder.get("users"), about.author_id))
        about = replace(about, sent_at=when(item.get("created_timestamp")))
        message_id, kind = ident(item.get("id")), text(item.get("type"))
        if kind not in {None, "message_create"} or message_id is None or about.thread_id is None:
            yield unknown(about, f"direct message: {word(kind)}")
            continue
        data = obj(created.get("message_data"))
        yield replace(
            about,
            message_id=message_id,
            text=words(data.get("text"), data.get("entities")),
            attachments=_attachments(data),
        )


def reads(base: Event, holder: Json) -> Iterator[Event]:
    """Who read up to which message."""
    for item in objects(holder.get(READS)):
        about = _between(base, ident(item.get("sender_id")), ident(obj(item.get("target")).get("recipient_id")))
        read = ident(item.get("last_read_event_id"))
        yield replace(about, kind=Kind.READ, message_id=read, sent_at=when(item.get("created_timestamp")))


def typing(base: Event, holder: Json) -> Iterator[Event]:
    """Somebody is typing: nothing to keep."""
    for item in objects(holder.get(TYPING)):
        yield unknown(replace(base, author_id=ident(item.get("sender_id"))), "typing")


def encrypted(base: Event, payload: Json) -> Iterator[Event]:
    """A message of encrypted chat: nobody but X's app can read it, so a person is told that it is there."""
    sender = ident(payload.get("sender_id"))
    parties = (ident(payload.get("conversation_id")) or "").split(":")
    others = [party for party in parties if party and party != base.account_id]
    other = others[0] if len(others) == 1 else None
    ours = sender is not None and sender == base.account_id
    about = _between(base, sender, other if ours else base.account_id)
    about = replace(about, message_id=ident(payload.get("id")), sent_at=when(payload.get("created_at_msec")))
    yield about if ours and about.message_id and about.thread_id else unknown(about, _ENCRYPTED)


def _between(base: Event, sender: str | None, recipient: str | None) -> Event:
    """Who speaks to whom, whoever of the two it is."""
    ours = sender is not None and sender == base.account_id
    customer = recipient if ours else sender
    return replace(
        base,
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        surface=Surface.DM,
        visibility=Visibility.PRIVATE,
        thread_id=customer,
        author_id=sender,
        customer_id=customer,
        link=conversation_link(customer),
    )


def _attachments(data: Json) -> tuple[Attachment, ...]:
    """A picture or video; X shows its address only to the participants."""
    found = []
    for attachment in objects(data.get("attachment")):
        media = obj(attachment.get("media"))
        kind = text(media.get("type")) or text(attachment.get("type")) or "media"
        found.append(Attachment(kind, link(media.get("media_url_https"))))
    return tuple(found)
