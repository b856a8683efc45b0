"""The messages edge that Messenger and Instagram share: `POST /{account}/messages`, windows, private replies, echoes.

Source: Meta, Messenger Platform, "Send API", "Private Replies", "Message Echoes"; Instagram Platform, "Send Messages".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal, Telling
from infra.local.platforms.world import Account, Person, Post, Text, World, opaque, wrote
from shared.domain.exchange import Unit
from shared.domain.length import length

_TYPES = ("RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY")
_METADATA_LIMIT = 1000
_DEFAULT_APP_ID = "1742000000000001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """Where the two differ: how a text is measured, what must be said beside it, and which errors they answer with."""

    channel: str
    object: str  # of the envelope
    mid: str  # how message ids begin
    limit: int
    unit: Unit
    names_type: bool  # whether `messaging_type` must be given
    tells_sender: bool  # whether an echo carries `app_id` and `metadata`
    outside_window: int  # subcode of error 10
    stranger: Callable[[Person | None], Refusal]  # told who they are if a comment of theirs is known
    replied_already: Callable[[], Refusal]
    may_not_reply: Callable[[], Refusal]
    reader_of: Callable[[Account, Text], str]  # the id under which the author of a comment is written to


def learn(world: World, manners: Manners, named: str | None, item: Json, now: datetime) -> None:
    """Take in one element of `messaging` or `standby`: whoever writes opens the window. `named` is the entry's id."""
    said = graph.part(item, "message") or graph.part(item, "postback") or graph.part(item, "message_edit")
    sender = graph.word(graph.part(item, "sender"), "id")
    account_id = named or graph.word(graph.part(item, "recipient"), "id")
    if sender is None or account_id is None or not said or said.get("is_echo") or said.get("is_deleted"):
        return
    wrote(world.meet(manners.channel, account_id, sender), graph.instant(item.get("timestamp"), now))


def post(call: PlatformCall, world: World, account: Account, manners: Manners) -> PlatformAnswer:
    """Post one message, to a person or as the private reply to a public text."""
    recipient = call.section("recipient")
    if not recipient:
        raise graph.missing("recipient")
    text = _text(call, manners)
    public_id = graph.word(recipient, "comment_id") or graph.word(recipient, "post_id")
    if public_id is not None:
        reader, kind, thread = _private_reader(call, world, account, manners, public_id), "private_reply", public_id
    else:
        reader, kind = _reader(call, world, account, manners, graph.word(recipient, "id")), "dm"
        thread = reader
    mid = opaque(manners.mid)
    world.posts.append(
        Post(
            channel=manners.channel, account=account.account_id, kind=kind, thread=thread, recipient=reader, text=text,
            native_id=mid, at=call.now.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip
    telling = Telling(manners.channel, account.account_id, _echo(call, account, manners, reader, mid))
    return PlatformAnswer(body={"recipient_id": reader, "message_id": mid}, tellings=(telling,))


def _text(call: PlatformCall, manners: Manners) -> str:
    message = call.section("message")
    text = graph.required_text(message.get("text"), "message[text]")
    if length(text, manners.unit) > manners.limit:
        raise graph.too_long("message[text]", manners.limit)
    metadata = message.get("metadata")
    if metadata is not None and (not isinstance(metadata, str) or len(metadata) > _METADATA_LIMIT):
        raise graph.too_long("message[metadata]", _METADATA_LIMIT)
    return text


def _reader(call: PlatformCall, world: World, account: Account, manners: Manners, person_id: str | None) -> str:
    """The person a message goes to, if the platform lets it: known, and inside the window its type names."""
    if person_id is None:
        raise graph.missing("recipient[id]")
    tagged = _tagged(call, manners)
    person = world.person(manners.channel, account.account_id, person_id)
    if person is None or person.wrote_at is None:
        raise manners.stranger(person)
    if not graph.within(person.wrote_at, call.now, graph.WEEK if tagged else graph.DAY):
        raise graph.error(
            10, "(#10) This message is sent outside of allowed window.", subcode=manners.outside_window, status=403
        )
    return person_id


def _tagged(call: PlatformCall, manners: Manners) -> bool:
    """Whether it is sent under the HUMAN_AGENT tag. Raises the platform's error for any other word."""
    kind, tag = call.params.get("messaging_type"), call.params.get("tag")
    if kind is None and manners.names_type:
        raise graph.missing("messaging_type")
    if kind is not None and kind not in _TYPES:
        raise graph.error(100, f"(#100) Param messaging_type must be one of {{{', '.join(_TYPES)}}}")
    if kind == "MESSAGE_TAG" and tag != "HUMAN_AGENT":
        raise graph.error(100, "(#100) The message tag is missing, invalid or no longer supported.", subcode=2018255)
    return kind == "MESSAGE_TAG"


def _private_reader(call: PlatformCall, world: World, account: Account, manners: Manners, public_id: str) -> str:
    """Who reads a private reply: the author, once per public text and within seven days of it."""
    text = world.text(manners.channel, public_id)
    if text is None or text.account_id != account.account_id:
        raise graph.invisible(public_id, call.method)
    if text.answered_privately:
        raise manners.replied_already()
    if text.own or text.author_id is None or not graph.within(text.created_at, call.now, graph.WEEK):
        raise manners.may_not_reply()
    text.answered_privately = True
    reader = manners.reader_of(account, text)
    person = world.meet(manners.channel, account.account_id, reader)
    person.name = person.name or text.author_name
    return reader


def scoped_id(account: Account, text: Text) -> str:
    """The id under which Messenger knows the author of a comment: another one than the comment's."""
    digest = hashlib.sha256(f"{account.account_id}:{text.author_id}".encode()).digest()
    return str(10**15 + int.from_bytes(digest[:6]))


def _echo(call: PlatformCall, account: Account, manners: Manners, reader: str, mid: str) -> bytes:
    at = graph.milliseconds(call.now)
    sent = call.section("message")
    message: dict[str, object] = {"mid": mid, "text": sent.get("text"), "is_echo": True}
    if manners.tells_sender:
        message["app_id"] = int(account.credentials.get("app_id", _DEFAULT_APP_ID))
        if "metadata" in sent:
            message["metadata"] = sent["metadata"]
    item = {
        "sender": {"id": account.account_id},
        "recipient": {"id": reader},
        "timestamp": at,
        "message": message,
    }
    return envelope(manners.object, {"id": account.account_id, "time": at, "messaging": [item]})


def envelope(kind: str, entry: Json) -> bytes:
    """A delivery as Meta writes it: unicode and slashes escaped, the digest taken over exactly these bytes."""
    return json.dumps({"object": kind, "entry": [entry]}).replace("/", "\\/").encode()
