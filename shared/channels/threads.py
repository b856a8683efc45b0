"""Threads: answers below our posts, posts that mention us, and what we publish ourselves.

Source: developers.facebook.com/docs/threads/webhooks. Credentials of an account: `access_token` (long-lived), perhaps
`expires_at`, and `username`, its own handle: Threads names authors by handle alone. Its signing key is the Threads app
secret. A reply's delivery tells whose the first post is and not whose webhook it is: `kept` puts the accounts whose key
signed it around it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

from shared.channels import _meta, _threads_calls
from shared.channels._calling import bearer, fetched, misfit, never, query
from shared.channels._meta_events import unknown, word
from shared.channels._reading import Json, ident, link, obj, objects, read_json, text, when
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility
from shared.domain.exchange import About, Call, Capability, How, Outbound, Refused, Request, Secret, Unit
from shared.errors import SignatureRejected

ABOUT = About(
    title="Threads",
    how=(How.PUSH,),
    docs="https://developers.facebook.com/docs/threads/webhooks",
    checked=date(2026, 11, 21),
    acknowledging="off: everything on Threads is public, and everybody would read it",
    author="handle and mark come along; Threads tells neither names nor followers, so nothing is looked up",
    unproven="everything: no live app was at hand; that the Threads app secret signs deliveries, that owner_id is the "
    "account's id, and that a text published at once is answered with the id of the post",
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

Accounts = Mapping[str, str]  # the ids of our accounts and their handles, as far as they are known


def kept(request: Request, secrets: tuple[Secret, ...]) -> bytes:
    """What is to be kept of a verified delivery: its bytes, and the accounts that one of its keys belongs to."""
    ours = {s.account_id: s.credentials.get("username", "") for s in secrets if _signed_for(s, request)}
    accounts = json.dumps(ours).encode()  # behind the delivery, so that nothing in it can replace them
    return b'{"update":' + request.body + b',"accounts":' + accounts + b"}"


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """All events of a delivery, with or without our accounts around it, or of posts that were fetched.

    Raises Unreadable for what is not JSON.
    """
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
    headers = {"content-type": "application/x-www-form-urlencoded", **proof}
    return Call(method="POST", url=f"{_threads_calls.API}/me/threads", headers=headers, body=query(form).encode())


# Deliveries


def _signed_for(secret: Secret, request: Request) -> bool:
    try:
        verify(request, (secret,), _EVER)
    except SignatureRejected:
        return False
    return True


def _delivered(base: Event, payload: Json) -> Iterator[Event]:
    """`values` is one object in the documents and a list in practice."""
    enveloped = isinstance(payload.get("update"), dict) and "topic" not in payload
    update = obj(payload.get("update")) if enveloped else payload
    handles = obj(payload.get("accounts")) if enveloped else {}
    ours = {account: text(handle) or "" for account, handle in handles.items()}
    known = replace(base, sent_at=when(update.get("time")))
    for change in objects(update.get("values")):
        field, value = text(change.get("field")), change.get("value")
        if not isinstance(value, dict):
            yield unknown(known, f"{word(field)} without a value")
        else:
            yield _change(known, update, field, value, ours)


def _change(base: Event, update: Json, field: str | None, value: Json, ours: Accounts) -> Event:
    target = ident(update.get("target_id"))
    match field:
        case "replies":
            return _said(replace(base, account_id=_owner(value, ours)), value, Surface.COMMENT, ours)
        case "mentions":
            return _said(replace(base, account_id=target), value, Surface.MENTION, ours)
        case "publish":
            return _pointed(replace(base, account_id=target), value)
        case "delete":
            owner = ident(obj(value.get("owner")).get("owner_id")) or target
            return _deleted(replace(base, account_id=owner), value)
    return unknown(replace(base, account_id=target), word(field))


def _owner(value: Json, ours: Accounts) -> str | None:
    """Whose webhook a reply comes to: the first post's owner, or, below another's post, the only account there is."""
    owner = ident(obj(value.get("root_post")).get("owner_id"))
    if not ours or owner in ours:
        return owner
    return next(iter(ours)) if len(ours) == 1 else owner


def _said(base: Event, value: Json, surface: Surface, ours: Accounts) -> Event:
    """A text, of a customer or our own. The handle is all that Threads tells of its author, so it is the id as well."""
    media_id, handle = ident(value.get("id")), text(value.get("username"))
    if media_id is None:
        return unknown(base, "a text without an id")
    own = handle is not None and _is_ours(handle, value, ours)
    answered = ident(obj(value.get("replied_to")).get("id"))
    return replace(
        base,
        kind=Kind.ECHO if own else Kind.MESSAGE,
        surface=Surface.COMMENT if own else surface,
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
        customer_id=None if own else handle,
    )


def _verified(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _is_ours(handle: str, value: Json, ours: Accounts) -> bool:
    """Whether one of our accounts wrote it: by its handle, or as the owner of a first post that is ours."""
    root = obj(value.get("root_post"))
    own_post = ident(root.get("owner_id")) in ours and text(root.get("username")) == handle
    return own_post or handle in {name for name in ours.values() if name}


def _pointed(base: Event, value: Json) -> Event:
    """Something we published: Threads tells neither its text nor what it answers, so it is fetched."""
    media_id = ident(value.get("id"))
    if media_id is None:
        return unknown(base, "a publication without an id")
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
    """A post that was asked for: one of ours by its id, or one that mentions us."""
    if feed == _threads_calls.MENTIONS:
        return _said(base, item, Surface.MENTION, {})
    own = text(item.get("username"))
    return _said(base, item, Surface.COMMENT, {base.account_id or "": own or ""})


def _attachments(value: Json) -> tuple[Attachment, ...]:
    kind, gif = text(value.get("media_type")), link(value.get("gif_url"))
    shown = link(value.get("media_url")) or link(value.get("thumbnail_url"))
    media = () if kind in _NO_ATTACHMENT else (Attachment((kind or "media").lower(), shown),)
    return (*media, Attachment("gif", gif)) if gif is not None else media
