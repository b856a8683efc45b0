"""Telegram: a bot's private chats, the groups it is in, and the chats of a business account that lets it answer.

Source: core.telegram.org/bots/api. Credentials of an account: `bot_token`. Its signing key is the secret token of
`setWebhook`: a password that comes with every delivery and binds nothing in it.

An update does not say which bot it is for; the password does.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from shared.channels._calling import (
    LONGEST_WAIT,
    blocked,
    by_hand,
    content,
    credential,
    encoded,
    json_call,
    later,
    misfit,
    never,
    posted,
    quoted,
    unclear,
)
from shared.channels._keys import current_key, holder, keys_of, no_handshake, require
from shared.channels._reading import Json, ident, obj, read_json, text, when, whole
from shared.channels._telegram_messages import (
    Place,
    key,
    number,
    place,
    reactions,
    said,
    said_as_us,
    thread,
    unknown,
    with_author,
    word,
)
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Event, Kind, Surface, Visibility
from shared.domain.exchange import (
    About,
    Answer,
    Call,
    Capability,
    How,
    Outbound,
    Outcome,
    Refusal,
    Refused,
    Request,
    Secret,
    Unclear,
    Unit,
)
from shared.errors import SignatureRejected

ABOUT = About(
    title="Telegram",
    how=(How.PUSH,),
    docs="https://core.telegram.org/bots/api",
    checked=date(2026, 11, 21),
    acknowledging="on in private chats, where people write to the bot first; off in groups, where all would read it",
    author="name and handle come along; Telegram tells bots neither followers nor marks, so nothing is looked up",
    unproven="everything: no live bot was at hand; the documents say characters and not which, so UTF-16 units are "
    "counted, the strictest. Whoever of us writes in a group under a name of their own counts as a customer: answer as "
    "the group. Nobody asks getWebhookInfo whether deliveries fail",
)

_LIMIT = 4096
CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.DM: Capability(replies=True, limit=_LIMIT, unit=Unit.UTF16, acknowledges=True, parts=4),
    Surface.COMMENT: Capability(replies=True, limit=_LIMIT, unit=Unit.UTF16),
}

SETUP = Setup(
    wanted=(
        Wanted(
            name="account_id", ask="The bot's numeric id",
            where="the digits before the colon of its token", secret=False,
        ),
        Wanted(name="bot_token", ask="The bot's token", where="@BotFather, /mybots, API Token"),
        Wanted(name="signing", ask="A secret for Telegram to send along", where="nowhere: it is made up", made=True),
    ),
    ticks=(
        "Telegram is told {webhook_url} by this command; there is nothing to tick for private chats.",
        "For groups: @BotFather, /setprivacy, Disable, or the bot sees only what is said to it.",
        "For a business account: connect the bot in Telegram's own settings, Telegram Business, Chatbots.",
    ),
)  # fmt: skip

_CHANNEL = "telegram"
_HOST = "https://api.telegram.org"
_HEADER = "x-telegram-bot-api-secret-token"
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_TOKEN = re.compile(r"\d{1,19}:[A-Za-z0-9_-]{10,100}")
_BUSINESS_WINDOW = timedelta(hours=24)  # core.telegram.org/bots/api, BusinessBotRights.can_reply
_UPDATES = (
    "message", "edited_message", "channel_post", "edited_channel_post", "business_connection", "business_message",
    "edited_business_message", "deleted_business_messages", "message_reaction", "my_chat_member", "guest_message",
)  # fmt: skip


challenge = no_handshake


def verify(request: Request, secrets: tuple[Secret, ...], now: datetime) -> None:  # noqa: ARG001 - the protocol's signature; nothing is signed
    """Accept a delivery that brings the secret token of any account. Raises SignatureRejected and nothing else.

    Hashes are compared, so that timing tells neither the token nor its length.
    """
    presented = request.headers.get(_HEADER)
    if not presented:
        raise SignatureRejected("The delivery has no X-Telegram-Bot-Api-Secret-Token header.")
    if not _SECRET.fullmatch(presented):
        raise SignatureRejected("The X-Telegram-Bot-Api-Secret-Token header is not such a token.")
    require(_hash(encoded(presented)), keys_of(secrets), _hash)


def sign(body: bytes, secret: Secret, now: datetime, delivery_id: str) -> dict[str, str]:  # noqa: ARG001 - the protocol's signature; nothing is signed
    """The headers with which Telegram would send any body. Raises Misconfigured where the account has no secret."""
    return {"content-type": "application/json", _HEADER: current_key(secret).decode("utf-8", "replace")}


def addressee(request: Request, secrets: tuple[Secret, ...]) -> str | None:
    """The account whose secret token came with a delivery."""
    return holder(_hash(encoded(request.headers.get(_HEADER, ""))), secrets, _hash)


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """The events of one update, which does not say whose it is. Raises Unreadable for no JSON.

    The pictures of an album are messages of their own, in one conversation: they are owed one answer together.
    """
    update = obj(read_json(body))
    base = Event(kind=Kind.UNKNOWN, channel=_CHANNEL)
    return tuple(_events(base, update)) or (unknown(base, "an update without anything in it"),)


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
    """The call that sends a text as it is: without a parse mode no character of it means anything but itself.

    Source: core.telegram.org/bots/api#sendmessage.
    """
    capability = CAPABILITIES.get(outbound.surface)
    if capability is None:
        return never("Telegram has neither mentions nor reviews to answer.")
    unfit = misfit(outbound.text, capability)
    if unfit is not None:
        return unfit
    where = place(outbound.thread_id)
    if where is None:
        return never("The thread is no chat of Telegram.")
    if where.connection is not None and not _within(outbound.last_inbound_at, now):
        return by_hand(
            "Telegram lets a bot write in a business account's chat only within 24 hours of the customer's last "
            "message: answer in Telegram itself."
        )
    return _method(secret, "sendMessage", _sending(outbound, where))


def outcome(answer: Answer) -> Outcome:
    """What an answer to sendMessage means. Total. Telegram's own code counts, not the HTTP status, where both are."""
    told = content(answer)
    if told.get("ok") is True and 200 <= answer.status < 300:
        result = obj(told.get("result"))
        native_id = key(result, result.get("message_id"))
        return posted(native_id) if native_id else Unclear("Telegram says it is done and does not say as what.")
    code = whole(told.get("error_code")) or answer.status
    if told.get("ok") is not False or code >= 500 or code < 400:
        return _unreadable(answer)
    return _refusal(code, answer, told)


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:
    """The call that tells Telegram where to deliver, what, and with which secret. Raises Misconfigured without one."""
    wanted = {
        "url": webhook_url,
        "secret_token": current_key(secret).decode("utf-8", "replace"),
        "allowed_updates": list(_UPDATES),
    }
    call = _method(secret, "setWebhook", wanted)
    return () if isinstance(call, Refused) else (call,)


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Who the token speaks for."""
    call = _method(secret, "getMe")
    return None if isinstance(call, Refused) else call


def proven(answer: Answer) -> Proof | Refused:
    """The bot's handle. Total."""
    told = content(answer)
    handle = text(obj(told.get("result")).get("username"))
    if told.get("ok") is True and handle is not None:
        return Proof(who=f"@{handle}")
    meant = outcome(answer)
    if isinstance(meant, Refused):
        return meant
    return Refused(refusal=Refusal.LATER, reason=f"Telegram did not say whose token this is ({answer.status}).")


# Updates


def _events(base: Event, update: Json) -> Iterator[Event]:
    for name, value in update.items():
        if name == "update_id":
            continue
        read = _READERS.get(name)
        if read is None or not isinstance(value, dict):
            yield unknown(base, word(name))
        else:
            yield from read(base, value)


def _message(base: Event, message: Json) -> Iterator[Event]:
    yield _complete(said(base, message))


def _edited(base: Event, message: Json) -> Iterator[Event]:
    event = _complete(said(base, message))
    yield replace(event, kind=Kind.EDIT) if event.kind in {Kind.MESSAGE, Kind.ECHO} else event


def _channel_post(base: Event, message: Json) -> Iterator[Event]:
    yield _complete(said_as_us(base, message))


def _edited_channel_post(base: Event, message: Json) -> Iterator[Event]:
    event = _complete(said_as_us(base, message))
    yield replace(event, kind=Kind.EDIT, sent_at=when(message.get("edit_date"))) if event.message_id else event


def _complete(event: Event) -> Event:
    """A message that does not say where it stands or which it is, is none."""
    if event.kind is Kind.UNKNOWN or (event.message_id is not None and event.thread_id is not None):
        return event
    return unknown(replace(event, surface=None, visibility=None), "a message without its chat or its number")


def _deleted(base: Event, deleted: Json) -> Iterator[Event]:
    """The business account or its customer took messages back; a bot's own chats never tell that."""
    chat, numbers = obj(deleted.get("chat")), deleted.get("message_ids")
    about = replace(base, surface=Surface.DM, visibility=Visibility.PRIVATE, thread_id=thread(chat, deleted))
    ids = [key(deleted, one) for one in numbers] if isinstance(numbers, list) else []
    for message_id in (one for one in ids if one is not None):
        yield replace(about, kind=Kind.DELETION, message_id=message_id, customer_id=ident(chat.get("id")))


def _reaction(base: Event, update: Json) -> Iterator[Event]:
    yield reactions(base, update)


def _membership(base: Event, update: Json) -> Iterator[Event]:
    """The bot was blocked, unblocked, added to a group or thrown out of it: its new status."""
    chat = obj(update.get("chat"))
    about = with_author(base, obj(update.get("from")))
    status = word(obj(update.get("new_chat_member")).get("status"))
    private = chat.get("type") == "private"
    customer = ident(chat.get("id")) if private else None
    yield replace(
        about, kind=Kind.STATUS, thread_id=ident(chat.get("id")), customer_id=customer, detail=status,
        sent_at=when(update.get("date")), automated=False,
    )  # fmt: skip


def _connection(base: Event, update: Json) -> Iterator[Event]:
    state = "enabled" if update.get("is_enabled") is True else "disabled"
    yield unknown(replace(base, sent_at=when(update.get("date"))), f"business connection {state}")


def _guest(base: Event, message: Json) -> Iterator[Event]:
    """Somebody called the bot into a chat where it is no member: a person looks at it, for it cannot be answered."""
    event = said(base, message)
    yield unknown(event, "guest_message: asked in a chat where the bot is no member, so answer there by hand")


_READERS: Mapping[str, Callable[[Event, Json], Iterator[Event]]] = {
    "message": _message,
    "edited_message": _edited,
    "channel_post": _channel_post,
    "edited_channel_post": _edited_channel_post,
    "business_message": _message,
    "edited_business_message": _edited,
    "deleted_business_messages": _deleted,
    "business_connection": _connection,
    "message_reaction": _reaction,
    "my_chat_member": _membership,
    "guest_message": _guest,
}


# Calls and answers


def _sending(outbound: Outbound, where: Place) -> dict[str, object]:
    """In a group the answer shows what it answers; in a private chat it simply comes next."""
    payload: dict[str, object] = {"chat_id": where.chat, "text": outbound.text}
    answered = number(outbound.in_reply_to)
    if where.connection is not None:
        payload["business_connection_id"] = where.connection
    if where.topic is not None:
        payload["message_thread_id"] = where.topic
    if answered is not None and outbound.surface is not Surface.DM:
        payload["reply_parameters"] = {"message_id": answered, "allow_sending_without_reply": True}
    return payload


def _method(secret: Secret, name: str, payload: Mapping[str, object] | None = None) -> Call | Refused:
    """The token is part of the path, so nothing but a token may get there."""
    token = credential(secret, "bot_token")
    if isinstance(token, Refused):
        return token
    if not _TOKEN.fullmatch(token):
        return blocked(f"The bot_token of {secret.account_id} is no token of Telegram: copy it from @BotFather again.")
    return json_call("POST", f"{_HOST}/bot{token}/{name}", payload=payload or {})


def _refusal(code: int, answer: Answer, told: Json) -> Outcome:
    words, parameters = quoted(told.get("description")), obj(told.get("parameters"))
    moved = ident(parameters.get("migrate_to_chat_id"))
    if code == 429:
        seconds = whole(parameters.get("retry_after"))
        after = min(timedelta(seconds=min(seconds, 10**6)), LONGEST_WAIT) if seconds else None
        return later("Telegram", answer, after)
    if code in {401, 404}:  # a token that is no bot's makes an address that is not there
        return blocked(f"Telegram does not know the bot's token ({code}): copy it from @BotFather again.{words}")
    if code == 403:
        return never(f"Telegram does not let the bot write there: it was blocked, or is no member any more.{words}")
    if moved is not None:
        return never(f"The group has moved to {moved}: answer there.{words}")
    return never(f"Telegram refused it ({code}).{words}")


def _unreadable(answer: Answer) -> Outcome:
    if answer.status >= 500 or answer.status < 400:
        return unclear("Telegram", answer)
    return Unclear(f"Telegram answered {answer.status} in a form it does not document.")


def _within(last_inbound_at: datetime | None, now: datetime) -> bool:
    return last_inbound_at is not None and now - last_inbound_at <= _BUSINESS_WINDOW


def _hash(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
