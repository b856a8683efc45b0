"""The company's own website, a chat widget, or any other system that speaks Standard Webhooks.

Scheme of the signature, of retries and of secrets: github.com/standard-webhooks/standard-webhooks,
spec/standard-webhooks.md. The words of `data` are ours; shared/channels/README.md lists them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import date, datetime

from shared.channels import _setup_web, _standard_webhooks
from shared.channels._calling import blocked, never, wait
from shared.channels._keys import no_handshake
from shared.channels._reading import Json, ident, link, obj, read_json, text, when, whole
from shared.domain.connecting import Proof
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility, iso
from shared.domain.exchange import (
    About,
    Answer,
    Call,
    Capability,
    How,
    Outbound,
    Outcome,
    Posted,
    Refusal,
    Refused,
    Request,
    Secret,
    Unclear,
)
from shared.domain.length import length
from shared.errors import Misconfigured, SignatureRejected, Unreadable

LIMIT = 10_000  # ours: the scheme advises small payloads and names no limit

ABOUT = About(
    title="Own website: contact form, chat, any system",
    how=(How.PUSH,),
    docs="https://github.com/standard-webhooks/standard-webhooks",
    checked=date(2026, 10, 31),
    acknowledging="on in private, off in public",
    author="whatever the website sends; nothing to look up",
    unproven="run against this project's own sender and the scheme's published vectors only",
)

CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.DM: Capability(replies=True, limit=LIMIT, acknowledges=True),
    Surface.COMMENT: Capability(replies=True, limit=LIMIT),
    Surface.REVIEW: Capability(replies=True, limit=LIMIT),
}

_CHANNEL = "web"


challenge = no_handshake


def verify(request: Request, secrets: tuple[Secret, ...], now: datetime) -> None:
    """Accept a delivery that any account's key signed within five minutes of `now`, either way.

    Every key is computed, whichever matches, so that timing tells nothing about them. Raises SignatureRejected and
    nothing else.
    """
    family = "webhook" if "webhook-signature" in request.headers else "svix"
    webhook_id = _standard_webhooks.presented_id(request.headers.get(f"{family}-id"))
    timestamp = _standard_webhooks.presented_time(request.headers.get(f"{family}-timestamp"), now)
    signatures = _standard_webhooks.presented_signatures(request.headers.get(f"{family}-signature"))
    keys = [key for secret in secrets for key in _standard_webhooks.keys(secret)]
    if not keys:
        raise SignatureRejected("No usable signing key is configured for this channel, so nothing can be accepted.")
    expected = [_standard_webhooks.signature(key, webhook_id, timestamp, request.body) for key in keys]
    if not any([hmac.compare_digest(e, s) for e in expected for s in signatures]):  # noqa: C419 - a list: all are compared
        raise SignatureRejected("No signature matches the id, the time and the body.")


def sign(body: bytes, secret: Secret, now: datetime, delivery_id: str) -> dict[str, str]:
    """The headers with which a sender delivers this body; dots, which an id must not hold, become underscores.

    Raises Misconfigured where the account has no usable signing key.
    """
    key = next(iter(_standard_webhooks.keys(secret)), None)
    if key is None:
        raise Misconfigured(f"The account {secret.account_id} has no usable signing key: put a whsec_ under `signing`.")
    webhook_id = delivery_id.replace(".", "_")
    timestamp = str(int(now.timestamp()))
    return {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + _standard_webhooks.signature(key, webhook_id, timestamp, body).decode("ascii"),
    }


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """The one event of a delivery. Raises Unreadable for what is not JSON."""
    payload = obj(read_json(body))
    word = text(payload.get("type")) or ""
    if not isinstance(payload.get("data"), dict):
        return (Event(kind=Kind.UNKNOWN, channel=_CHANNEL, detail=f"{word or 'a payload'} without data"),)
    return (_event(word, obj(payload["data"]), when(payload.get("timestamp")), body),)


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
    """A delivery of our own to the account's `reply_url`, and only there: an address inside a payload is never called.

    Its webhook-id is made of the client token, so that a receiver that follows the scheme takes it once.
    """
    url = link(secret.credentials.get("reply_url"))
    if url is None:
        return blocked(f"The account {secret.account_id} has no `reply_url` among its credentials: put one there.")
    if not _standard_webhooks.keys(secret):
        return blocked(f"The account {secret.account_id} has no usable signing key: put a whsec_ under `signing`.")
    if outbound.surface not in CAPABILITIES:
        return never(f"This channel cannot answer on the surface {outbound.surface}.")
    if not outbound.text.strip():
        return never("There is no text to post.")
    if length(outbound.text, CAPABILITIES[outbound.surface].unit) > LIMIT:
        return never(f"The text is longer than {LIMIT} characters: shorten it.")
    body = json.dumps(_payload(outbound, now), ensure_ascii=False).encode("utf-8", "replace")
    return Call(method="POST", url=url, headers=sign(body, secret, now, outbound.client_token), body=body)


def outcome(answer: Answer) -> Outcome:
    """What the receiver's answer means. Total.

    A gateway's 502 or 504 may hide a post that was taken; it may be tried again all the same, because the webhook-id
    stays and the receiver drops the second copy. A 409 says exactly that it did.
    """
    if 200 <= answer.status < 300 or answer.status == 409:
        return Posted(_native_id(answer.body))
    if answer.status in {429, 502, 503, 504}:
        reason = f"The receiver takes nothing for the moment ({answer.status})."
        return Refused(refusal=Refusal.LATER, reason=reason, after=wait(answer))
    if answer.status in {401, 403}:
        return blocked(f"The receiver does not accept our signature ({answer.status}): compare the signing keys.")
    if answer.status == 410 or 300 <= answer.status < 400:
        return blocked(f"The reply_url is gone or has moved ({answer.status}): put the present one into the account.")
    if 400 <= answer.status < 500:
        return never(f"The receiver refused the text ({answer.status}).")
    return Unclear(f"The receiver answered {answer.status}: whether it took the text is not known.")


# Connecting

SETUP = _setup_web.WEBSITE


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the protocol's signature
    """Nothing: the website's owner enters the address."""
    return ()


def prove(secret: Secret, now: datetime) -> Call | None:
    """A delivery of the type `connection.test` to the reply_url, signed as every other."""
    url = link(secret.credentials.get("reply_url"))
    if url is None or not _standard_webhooks.keys(secret):
        return None
    data = {"account_id": secret.account_id, "direction": "outbound"}
    body = json.dumps({"type": "connection.test", "timestamp": iso(now), "data": data}).encode()
    return Call(method="POST", url=url, headers=sign(body, secret, now, f"test_{int(now.timestamp())}"), body=body)


def proven(answer: Answer) -> Proof | Refused:
    """A receiver that takes it has checked the signature. Total."""
    meant = outcome(answer)
    if isinstance(meant, Posted):
        return Proof(who="the website, which took a signed test delivery")
    return meant if isinstance(meant, Refused) else Refused(refusal=Refusal.LATER, reason=meant.reason)


# Parsing

_BY_LAST_WORD: Mapping[str, Kind] = {
    "created": Kind.MESSAGE,
    "message": Kind.MESSAGE,
    "contact": Kind.MESSAGE,
    "updated": Kind.EDIT,
    "edited": Kind.EDIT,
    "deleted": Kind.DELETION,
    "removed": Kind.DELETION,
    "read": Kind.READ,
    "delivered": Kind.STATUS,
    "failed": Kind.STATUS,
}
_BY_FIRST_WORD: Mapping[str, Kind] = {"reaction": Kind.REACTION, "status": Kind.STATUS}
_PLACES: Mapping[str, tuple[Surface, Visibility]] = {
    "direct": (Surface.DM, Visibility.PRIVATE),
    "public": (Surface.COMMENT, Visibility.PUBLIC),
    "review": (Surface.REVIEW, Visibility.PUBLIC),
}
_SAID = frozenset({Kind.MESSAGE, Kind.EDIT})


def _event(word: str, data: Json, timestamp: datetime | None, body: bytes) -> Event:
    kind = _kind(word, data)
    visibility = text(data.get("visibility")) or "direct"
    surface, seen_by = _PLACES.get(visibility.lower(), (None, None))
    if surface is None:
        kind = Kind.UNKNOWN
    elif kind is Kind.UNKNOWN and _is_outbound(data):
        surface = seen_by = None  # so that nobody takes it for something a customer said
    author = obj(data.get("author"))
    message_id = _message_id(kind, data, body)
    thread_id = _thread_id(kind, surface, data, message_id)
    return Event(
        kind=kind,
        channel=_CHANNEL,
        account_id=ident(data.get("account_id")) or ident(data.get("channel")),
        surface=surface,
        visibility=seen_by,
        thread_id=thread_id,
        message_id=message_id,
        author_id=_person(author),
        author_name=text(author.get("name")),
        author_handle=_handle(author),
        text=_emoji(data) if kind is Kind.REACTION else text(data.get("text")),
        attachments=_attachments(data.get("attachments")),
        sent_at=when(data.get("sent_at")) or timestamp,
        in_reply_to=ident(data.get("in_reply_to")),
        rating=whole(data.get("rating")),
        customer_id=thread_id if surface is Surface.DM else _public_customer(data),
        detail=_detail(kind, word, visibility, data),
        client_token=text(data.get("client_token")),
        automated=data.get("automated") is True,
    )


def _kind(word: str, data: Json) -> Kind:
    words = word.lower().split(".")
    kind = _BY_FIRST_WORD.get(words[0]) or _BY_LAST_WORD.get(words[-1], Kind.UNKNOWN)
    return Kind.ECHO if kind is Kind.MESSAGE and _is_outbound(data) else kind


def _is_outbound(data: Json) -> bool:
    return data.get("direction") == "outbound"


def _message_id(kind: Kind, data: Json, body: bytes) -> str | None:
    """The sender's id; a new text without one gets a name that every retry of the same body shares.

    A reaction may have an id of its own: what it answers is the message it is about.
    """
    given = ident(data.get("external_id")) or ident(data.get("id"))
    if kind is Kind.REACTION:
        return ident(data.get("in_reply_to")) or given
    if given is not None or kind not in {Kind.MESSAGE, Kind.ECHO}:
        return given
    return "sha256-" + hashlib.sha256(body).hexdigest()


def _thread_id(kind: Kind, surface: Surface | None, data: Json, message_id: str | None) -> str | None:
    """The sender's thread; without one the customer stands for it in private, the first text in public.

    Our own public answer without one is placed by what it answers: only the desk knows that one's thread.
    """
    given = ident(data.get("thread_id"))
    if given is not None or surface is None:
        return given
    if surface is Surface.DM:
        customer = _person(obj(data.get("recipient" if _is_outbound(data) else "author")))
        return customer or (message_id if kind is Kind.MESSAGE else None)
    if _is_outbound(data):
        return None
    return ident(data.get("in_reply_to")) or (message_id if kind in _SAID else None)


def _public_customer(data: Json) -> str | None:
    return _person(obj(data.get("recipient" if _is_outbound(data) else "author")))


def _person(person: Json) -> str | None:
    return ident(person.get("id")) or text(person.get("email"))


def _handle(author: Json) -> str | None:
    return text((text(author.get("handle")) or "").removeprefix("@"))


def _emoji(data: Json) -> str | None:
    return text(data.get("emoji")) or text(data.get("text"))


def _attachments(value: object) -> tuple[Attachment, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(_attachment(item) for item in items if isinstance(item, (dict, str)) and item)


def _attachment(item: object) -> Attachment:
    described = obj(item)
    return Attachment(text(described.get("type")) or "file", link(described.get("url")) or link(item))


def _detail(kind: Kind, word: str, visibility: str, data: Json) -> str | None:
    last = word.lower().rpartition(".")[2]
    if visibility.lower() not in _PLACES:
        return f"{word} with the visibility {visibility}"
    if kind is Kind.REACTION:
        return "unreact" if last in {"deleted", "removed"} else "react"
    if kind is Kind.STATUS:
        return _status(last, data)
    return (word or "a payload without a type") if kind is Kind.UNKNOWN else None


def _status(last: str, data: Json) -> str:
    """The status word; a failure with the reason that the sender gives."""
    said = text(data.get("status"))
    word = said.lower() if said and last in {"status", "updated", "created"} else last
    reason = text(data.get("reason"))
    return f"{word}: {reason}" if reason and word == "failed" else word


# Answering


def _payload(outbound: Outbound, now: datetime) -> dict[str, object]:
    visibility = next(word for word, (surface, _) in _PLACES.items() if surface is outbound.surface)
    data = {
        "direction": "outbound",
        "account_id": outbound.account_id,
        "visibility": visibility,
        "thread_id": outbound.thread_id,
        "recipient": {"id": outbound.customer_id},
        "in_reply_to": outbound.in_reply_to,
        "text": outbound.text,
        "automated": not outbound.by_person,
        "client_token": outbound.client_token,
    }
    return {"type": "message.created", "timestamp": iso(now), "data": data}


def _native_id(body: bytes) -> str:
    """The receiver's id of the message; empty where it names none, and the client token stands for it."""
    try:
        content = obj(read_json(body))
    except Unreadable:
        return ""
    return ident(content.get("id")) or ident(obj(content.get("data")).get("external_id")) or ""
