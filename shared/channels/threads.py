"""Threads: answers below our posts, posts that mention us, and what we publish ourselves.

Source: developers.facebook.com/docs/threads/webhooks. Credentials of an account: `access_token` (long-lived), perhaps
`expires_at`. Its signing key is the Threads app secret.

A reply's delivery tells whose the first post is, which need not be ours, and names its author by handle alone. So where
who opened the thread writes in it again, it may be we or a customer: then the reply is fetched, and says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

from shared.channels import _meta, _threads_calls
from shared.channels._calling import bearer, fetched, form_call, json_object, misfit, never
from shared.channels._meta_events import unknown, word
from shared.channels._reading import Json, ident, link, obj, objects, read_json, text, when
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility
from shared.domain.exchange import About, Call, Capability, How, Outbound, Refused, Request, Secret, Unit
from shared.errors import SignatureRejected

ABOUT = About(
    title="Threads",
    how=(How.PUSH, How.POLL),
    docs="https://developers.facebook.com/docs/threads/webhooks",
    checked=date(2026, 11, 21),
    acknowledging="off: everything on Threads is public, and everybody would read it",
    author="handle and mark come along; Threads tells neither names nor followers, so nothing is looked up",
    unproven="everything: no live app was at hand; that the Threads app secret signs deliveries, that a text published "
    "at once is answered with the id of the post, that other people's answers may be fetched by their ids, and whether "
    "our own answer below another person's post comes as one of `replies`, too",
)

CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.COMMENT: Capability(replies=True, limit=500, unit=Unit.EMOJI_BYTES),
    Surface.MENTION: Capability(replies=True, limit=500, unit=Unit.EMOJI_BYTES),
}

# Handshake, signature and the reading of errors are the same for all of Meta's platforms.
challenge, verify, sign, outcome = _meta.challenge, _meta.verify, _meta.sign, _meta.outcome
FEEDS, ask, page = _threads_calls.FEEDS, _threads_calls.ask, _threads_calls.page
SETUP, RENEW_BEFORE = _threads_calls.SETUP, _threads_calls.RENEW_BEFORE
subscribe, prove, proven = _threads_calls.subscribe, _threads_calls.prove, _threads_calls.proven
expires, renew, renewed = _threads_calls.expires, _threads_calls.renew, _threads_calls.renewed

_CHANNEL = "threads"
_EVER = datetime(1970, 1, 1, tzinfo=UTC)  # Meta signs no time
_NO_ATTACHMENT = frozenset({None, "TEXT_POST", "TEXT", "REPOST_FACADE"})


def addressee(request: Request, secrets: tuple[Secret, ...]) -> str | None:
    """Whose a verified delivery is: the account it names; where it names none of ours, the only one its key is of."""
    ours = [secret.account_id for secret in secrets if _signed_for(secret, request)]
    named = [account for account in _accounts_in(json_object(request.body)) if account in ours]
    return next(iter(named or (ours if len(ours) == 1 else [])), None)


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """All events of a delivery, or of posts that were fetched. Raises Unreadable for what is not JSON."""
    payload = obj(read_json(body))
    base = Event(kind=Kind.UNKNOWN, channel=_CHANNEL)
    listed = fetched(payload)
    if listed is not None:
        account_id, feed, items = listed
        known = replace(base, account_id=account_id)
        found = [_fetched(known, feed, item) for item in items]
    else:
        found = list(_delivered(base, payload))
    return tuple(found) or (unknown(base, "a delivery without an event"),)


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature; Threads has no windows
    """The call that answers a post. With `auto_publish_text` the post is made and published in one call.

    Source: developers.facebook.com/docs/threads/reference/publishing.
    """
    capability = CAPABILITIES.get(outbound.surface)
    if capability is None:
        return never("Threads has neither direct messages nor reviews to answer.")
    unfit = misfit(outbound.text, capability)
    if unfit is not None:
        return unfit
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    form = {
        "media_type": "TEXT",
        "text": outbound.text,
        "reply_to_id": outbound.in_reply_to or outbound.thread_id,
        "auto_publish_text": "true",
    }
    return form_call(f"{_threads_calls.API}/me/threads", form, proof)


# Deliveries


def _signed_for(secret: Secret, request: Request) -> bool:
    try:
        verify(request, (secret,), _EVER)
    except SignatureRejected:
        return False
    return True


def _accounts_in(update: Json) -> Iterator[str | None]:
    """Every id in a delivery that may be an account's."""
    yield ident(update.get("target_id"))
    for change in objects(update.get("values")):
        value = obj(change.get("value"))
        yield ident(obj(value.get("root_post")).get("owner_id"))
        yield ident(obj(value.get("owner")).get("owner_id"))


def _delivered(base: Event, update: Json) -> Iterator[Event]:
    """`values` is one object in the documents and a list in practice."""
    known = replace(base, sent_at=when(update.get("time")))
    for change in objects(update.get("values")):
        field, value = text(change.get("field")), change.get("value")
        yield (
            _change(known, field, value)
            if isinstance(value, dict)
            else unknown(known, f"{word(field)} without a value")
        )


def _change(base: Event, field: str | None, value: Json) -> Event:
    match field:
        case "replies" if _by_who_opened_the_thread(value):
            return _pointed(base, value)
        case "replies":
            return _said(base, value, Surface.COMMENT)
        case "mentions":
            return _said(base, value, Surface.MENTION)
        case "publish":
            return _pointed(base, value)
        case "delete":
            return _deleted(base, value)
    return unknown(base, word(field))


def _by_who_opened_the_thread(value: Json) -> bool:
    handle = text(value.get("username"))
    return handle is not None and handle == text(obj(value.get("root_post")).get("username"))


def _said(base: Event, value: Json, surface: Surface) -> Event:
    """A customer's text. The handle is all that Threads tells of its author, so it is the id as well."""
    media_id, handle = ident(value.get("id")), text(value.get("username"))
    if media_id is None:
        return unknown(base, "a text without an id")
    answered = ident(obj(value.get("replied_to")).get("id"))
    return replace(
        base,
        kind=Kind.MESSAGE,
        surface=surface,
        visibility=Visibility.PUBLIC,
        thread_id=ident(obj(value.get("root_post")).get("id")) or answered or media_id,
        message_id=media_id,
        author_id=handle,
        author_handle=handle,
        author_verified=_verified(value.get("is_verified")),
        text=text(value.get("text")),
        attachments=_attachments(value),
        sent_at=when(value.get("timestamp")) or base.sent_at,
        in_reply_to=answered,
        link=link(value.get("permalink")),
        customer_id=handle,
    )


def _verified(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _pointed(base: Event, value: Json) -> Event:
    """Something that has to be fetched, to know what it says or whose it is. What we publish is only named."""
    media_id = ident(value.get("id"))
    if media_id is None:
        return unknown(base, "a post without an id")
    at = when(value.get("timestamp")) or base.sent_at
    return replace(
        base, kind=Kind.POINTER, message_id=media_id, detail=_threads_calls.POST, sent_at=at,
        link=link(value.get("permalink")),
    )  # fmt: skip


def _deleted(base: Event, value: Json) -> Event:
    media_id = ident(value.get("id"))
    if media_id is None:
        return unknown(base, "a deletion without an id")
    return replace(
        base, kind=Kind.DELETION, message_id=media_id, author_id=text(value.get("username")),
        sent_at=when(value.get("deleted_at")) or base.sent_at,
    )  # fmt: skip


def _fetched(base: Event, feed: str, item: Json) -> Event:
    """A post that was asked for: one that mentions us; or one that may be ours, which it then says itself.

    A post that answers nothing and was asked for by its id is one that we published.
    """
    if feed == _threads_calls.MENTIONS:
        return _said(base, item, Surface.MENTION)
    said = _said(base, item, Surface.COMMENT)
    ours = item.get("is_reply_owned_by_me") is True or item.get("is_reply") is False
    return replace(said, kind=Kind.ECHO, customer_id=None) if ours and said.kind is Kind.MESSAGE else said


def _attachments(value: Json) -> tuple[Attachment, ...]:
    kind, gif = text(value.get("media_type")), link(value.get("gif_url"))
    shown = link(value.get("media_url")) or link(value.get("thumbnail_url"))
    media = () if kind in _NO_ATTACHMENT else (Attachment((kind or "media").lower(), shown),)
    return (*media, Attachment("gif", gif)) if gif is not None else media
