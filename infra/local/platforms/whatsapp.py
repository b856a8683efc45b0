"""WhatsApp's Cloud API as the sandbox plays it.

Source: Meta, WhatsApp Cloud API, "Messages", "Error Codes", "Webhooks: messages, statuses", "Business-scoped user ids".
"""

from __future__ import annotations

import base64
import re
import secrets
from datetime import datetime

from infra.local.platforms import graph, messaging
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal, Telling
from infra.local.platforms.world import Account, Person, Post, World, digits, wrote

CHANNEL = "whatsapp"
ACCOUNT = "106540352242922"
DEMO = "message__text"  # the delivery of events/ that a demonstration plays
_TEXT_LIMIT = 4096
_CALLBACK_LIMIT = 512
_SCOPED_USER = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
_PHONE = re.compile(r"\+?[0-9]{5,15}")
_CLOSED = (
    "Message failed to send because more than 24 hours have passed since the customer last replied to this number."
)


def credentials() -> dict[str, str]:
    """The business that the number belongs to."""
    return {"waba_id": digits(15)}


def learn(world: World, delivery: object, now: datetime) -> None:
    """Take in a delivery: who wrote and when, under which of their ids, and what they are called."""
    for entry in graph.parts(delivery, "entry"):
        for change in graph.parts(entry, "changes"):
            _learn_value(world, graph.word(entry, "id"), graph.part(change, "value"), now)
    _learn_value(world, None, graph.part(delivery, "value"), now)  # the dashboard's samples have no envelope


def _learn_value(world: World, business: str | None, value: Json, now: datetime) -> None:
    number = graph.word(graph.part(value, "metadata"), "phone_number_id") or business
    if number is None:
        return
    contacts = graph.parts(value, "contacts")
    only_writer = _words(contacts[0], "user_id", "wa_id") if len(contacts) == 1 else []
    for message in graph.parts(value, "messages"):
        writer = _words(message, "from_user_id", "from") or only_writer
        if writer:
            wrote(_meet(world, number, writer), graph.instant(message.get("timestamp"), now))
    for contact in contacts:
        ids = _words(contact, "user_id", "wa_id")
        if ids:
            person = _meet(world, number, ids)
            person.name = graph.word(graph.part(contact, "profile"), "name") or person.name


def _words(value: Json, *names: str) -> list[str]:
    return [word for word in (graph.word(value, name) for name in names) if word is not None]


def _meet(world: World, number: str, ids: list[str]) -> Person:
    known = next((p for p in (world.person(CHANNEL, number, i) for i in ids) if p is not None), None)
    person = known or world.meet(CHANNEL, number, ids[0])
    person.aliases.extend(i for i in ids if i != person.person_id and i not in person.aliases)
    return person


def post(call: PlatformCall, world: World, account: Account, node: tuple[str, ...]) -> PlatformAnswer:
    """`/{phone number id}/messages`: a text, a template, or "read"."""
    match node:
        case (number, "messages") if account.is_called(number):
            if call.params.get("messaging_product") != "whatsapp":
                raise graph.missing("messaging_product")
            if call.params.get("status") == "read":
                return PlatformAnswer(body={"success": True})
            return _send(call, world, account)
    raise graph.invisible(node[0], call.method)


def get(call: PlatformCall, world: World, account: Account, node: tuple[str, ...]) -> PlatformAnswer:  # noqa: ARG001  as the others
    """The phone number itself; WhatsApp has no profiles and no history."""
    if len(node) == 1 and account.is_called(node[0]):
        return PlatformAnswer(body={"id": node[0], "verified_name": "The Number", "quality_rating": "GREEN"})
    raise graph.invisible(node[0], call.method)


def _send(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    text = _content(call)
    given, person = _recipient(call, world, account)
    late = None
    try:
        _inside_window(call, person)
    except Refusal as refusal:
        if not account.fails_late:
            raise
        late = refusal
    wamid = "wamid." + base64.b64encode(secrets.token_bytes(36)).decode()
    if late is None:
        world.posts.append(
            Post(
                channel=CHANNEL, account=account.account_id, kind="dm", thread=given, recipient=given, text=text,
                native_id=wamid, at=call.now.timestamp(), request=dict(call.params),
            )
        )  # fmt: skip
    reader = person or Person(channel=CHANNEL, account_id=account.account_id, person_id=given)
    told = [{"status": "sent"}, {"status": "delivered"}] if late is None else [_failed(late)]
    tellings = tuple(
        Telling(CHANNEL, account.account_id, _status(call, account, reader, {"id": wamid, **status})) for status in told
    )
    key = "user_id" if _SCOPED_USER.fullmatch(given) else "wa_id"
    contact = {"input": call.params.get("to") or given, key: given}
    body = {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": wamid}]}
    return PlatformAnswer(body=body, tellings=tellings)


def _content(call: PlatformCall) -> str:
    """What will be read, once it is found to be well formed."""
    callback = call.params.get("biz_opaque_callback_data")
    if callback is not None and (not isinstance(callback, str) or len(callback) > _CALLBACK_LIMIT):
        raise _invalid(f"biz_opaque_callback_data must be text of at most {_CALLBACK_LIMIT} characters.")
    kind = call.params.get("type", "text")
    if kind == "template":
        return f"[template {graph.required_text(call.section('template').get('name'), 'template[name]')}]"
    if kind != "text":
        raise graph.error(131051, "(#131051) Unsupported message type", details=f"Message type {kind!r} is not played.")
    said = call.section("text").get("body")
    if not isinstance(said, str) or not said.strip():
        raise graph.error(
            131008, "(#131008) Required parameter is missing", details="The parameter text['body'] is required."
        )
    if len(said) > _TEXT_LIMIT:
        raise _invalid(f"Param text['body'] must be at most {_TEXT_LIMIT} characters long.")
    return said


def _recipient(call: PlatformCall, world: World, account: Account) -> tuple[str, Person | None]:
    """Phone number in `to`, scoped user id in `recipient`; where both are given, `to` is taken."""
    to, scoped = call.text("to"), call.text("recipient")
    if to is None and scoped is None:
        raise graph.missing("to")
    if to is not None and not (_PHONE.fullmatch(to) or _SCOPED_USER.fullmatch(to)):
        raise _invalid("Param to is not a phone number.")
    if to is None and scoped is not None and not _SCOPED_USER.fullmatch(scoped):
        raise _invalid("Param recipient is not a business-scoped user id.")
    given = (to or scoped or "").removeprefix("+")
    return given, world.person(CHANNEL, account.account_id, given)


def _inside_window(call: PlatformCall, person: Person | None) -> None:
    """Free text goes to people who wrote in the last 24 hours; a template goes to anybody."""
    if call.params.get("type") == "template":
        return
    if person is None or person.wrote_at is None:
        raise graph.error(
            131026, "(#131026) Message undeliverable", details="The recipient never wrote to this number."
        )
    if not graph.within(person.wrote_at, call.now, graph.DAY):
        raise graph.error(131047, "(#131047) Re-engagement message", details=_CLOSED)


def _failed(refusal: Refusal) -> dict[str, object]:
    """The status that tells afterwards what would have been an error at once."""
    error = graph.part(refusal.answer.body, "error")
    title = str(error.get("message")).partition(") ")[2]
    told = {"code": error.get("code"), "title": title, "message": title, "error_data": graph.part(error, "error_data")}
    return {"status": "failed", "errors": [told]}


def _status(call: PlatformCall, account: Account, reader: Person, status: Json) -> bytes:
    told = {**status, "timestamp": str(graph.seconds(call.now))}
    for alias in (reader.person_id, *reader.aliases):
        told["recipient_user_id" if _SCOPED_USER.fullmatch(alias) else "recipient_id"] = alias
    if "biz_opaque_callback_data" in call.params:
        told["biz_opaque_callback_data"] = call.params["biz_opaque_callback_data"]
    if "errors" not in told:
        told["pricing"] = {"billable": True, "pricing_model": "PMP", "category": "service", "type": "regular"}
    value: dict[str, object] = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": account.credentials.get("display_phone_number", "15550100000"),
            "phone_number_id": account.account_id,
        },
        "statuses": [told],
    }
    business = account.credentials.get("business_account_id", "555000111")
    entry = {"id": business, "changes": [{"value": value, "field": "messages"}]}
    return messaging.envelope("whatsapp_business_account", entry)


def _invalid(details: str) -> Refusal:
    return graph.error(100, "(#100) Invalid parameter", details=details)
