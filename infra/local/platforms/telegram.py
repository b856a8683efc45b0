"""Telegram's Bot API as the sandbox plays it: sendMessage, setWebhook, getMe, getWebhookInfo.

Source: core.telegram.org/bots/api, "Making requests", "sendMessage", "setWebhook", "ResponseParameters".
"""

from __future__ import annotations

import json
import re
import secrets
from datetime import datetime, timedelta

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal, Telling
from infra.local.platforms.world import Account, Person, Post, World, digits, wrote

CHANNEL = "telegram"
ACCOUNT = "7000000009"
HOSTS = ("api.telegram.org",)
DEMO = "dm__plain"

_PATH = re.compile(r"/bot([^/]+)/(\w+)")
_LIMIT = 4096
_DAY = timedelta(hours=24)
_PORTS = frozenset({"", "443", "80", "88", "8443"})
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_SAID = ("message", "business_message", "guest_message")


def credentials() -> dict[str, str]:
    """A token as BotFather hands it out."""
    return {"bot_token": f"{digits(10)}:{secrets.token_urlsafe(26)[:35]}"}


def signing_key() -> str:
    """A secret token in the letters Telegram allows."""
    return secrets.token_urlsafe(32)


def learn(world: World, delivery: object, now: datetime) -> None:
    """Take in an update: which chats there are, who left them. It does not say whose it is: every bot sees it."""
    for account in [a.account_id for a in world.accounts if a.channel == CHANNEL] or [ACCOUNT]:
        _learn(world, account, delivery, now)


def _learn(world: World, account_id: str, update: object, now: datetime) -> None:
    for name in _SAID:
        message = graph.part(update, name)
        chat = graph.word(graph.part(message, "chat"), "id")
        if chat is not None:
            person = world.meet(CHANNEL, account_id, _chat(chat, graph.word(message, "business_connection_id")))
            person.name = graph.word(graph.part(message, "from"), "first_name")
            wrote(person, graph.instant(message.get("date"), now))
            _learn_number(person, graph.word(message, "message_id"))
            _learn_move(world, account_id, chat, graph.word(message, "migrate_to_chat_id"))
    _learn_membership(world, account_id, graph.part(update, "my_chat_member"))


def _chat(chat: str, connection: str | None) -> str:
    return f"{chat}@{connection}" if connection else chat


def _learn_number(person: Person, number: str | None) -> None:
    """The numbers of the messages of a chat are kept as names of it."""
    if number is not None:
        person.aliases.append(f"message {person.person_id}:{number}")


def _learn_move(world: World, account_id: str, chat: str, moved: str | None) -> None:
    if moved is not None:
        world.taken[f"{CHANNEL}:{account_id}:moved:{chat}"] = moved


def _learn_membership(world: World, account_id: str, update: Json) -> None:
    chat = graph.word(graph.part(update, "chat"), "id")
    status = graph.word(graph.part(update, "new_chat_member"), "status")
    if chat is not None and status is not None:
        world.taken[f"{CHANNEL}:{account_id}:status:{chat}"] = status


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """The host is one channel's."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """One method for the bot whose token the path holds. Raises Refusal."""
    found = _PATH.fullmatch(call.path)
    if found is None:
        raise error(404, "Not Found")
    account = next(
        (a for a in world.accounts if a.channel == CHANNEL and a.credentials.get("bot_token") == found[1]), None
    )
    if account is None:
        raise error(401, "Unauthorized")
    if call.malformed:
        raise error(400, "Bad Request: can't parse JSON object")
    match found[2].lower():
        case "sendmessage":
            return _send(call, world, account)
        case "setwebhook":
            return _set_webhook(call, world, account)
        case "getwebhookinfo":
            url = world.taken.get(f"{CHANNEL}:{account.account_id}:webhook", "")
            return _done({"url": url, "has_custom_certificate": False, "pending_update_count": 0})
        case "getme":
            return _done({"id": _bot_id(account), "is_bot": True, "first_name": "Acme", "username": "acme_care_bot"})
    raise error(404, "Not Found: method not found")


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day."""
    if kind == "throttle":
        return error(429, "Too Many Requests: retry after 17", {"retry_after": 17})
    if kind == "revoked_token":
        return error(401, "Unauthorized")
    return error(502, "Bad Gateway")


def error(code: int, description: str, parameters: Json | None = None) -> Refusal:
    """Telegram's error answer."""
    body = {"ok": False, "error_code": code, "description": description}
    return Refusal(code, {**body, **({"parameters": parameters} if parameters else {})})


def _done(result: object) -> PlatformAnswer:
    return PlatformAnswer(body={"ok": True, "result": result})


def _bot_id(account: Account) -> int:
    return int(account.credentials["bot_token"].partition(":")[0])


def _send(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    text, chat = call.params.get("text"), graph.word(call.params, "chat_id")
    connection = call.text("business_connection_id")
    if not isinstance(text, str) or not text.strip():
        raise error(400, "Bad Request: message text is empty")
    if len(text.encode("utf-16-le", "replace")) // 2 > _LIMIT:
        raise error(400, "Bad Request: message is too long")
    if call.params.get("parse_mode") and re.search(r"[_*<&`\[]", text):
        raise error(400, "Bad Request: can't parse entities")
    person = _reachable(call, world, account, chat, connection)
    _check_answered(call, person)
    number = int(digits(6))
    _learn_number(person, str(number))
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="dm" if int(chat or 0) > 0 else "group",
            thread=person.person_id, recipient=chat, text=text, native_id=f"{person.person_id}:{number}",
            at=call.now.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip
    message = _message(call, account, person, number, text)
    if connection is not None:
        message["business_connection_id"] = connection
    return PlatformAnswer(body={"ok": True, "result": message}, tellings=_echo(account, message))


def _reachable(call: PlatformCall, world: World, account: Account, chat: str | None, connection: str | None) -> Person:
    """The chat, where the bot may write in it."""
    if chat is None:
        raise error(400, "Bad Request: chat_id is empty")
    moved = world.taken.get(f"{CHANNEL}:{account.account_id}:moved:{chat}")
    if moved is not None:
        description = "Bad Request: group chat was upgraded to a supergroup chat"
        raise error(400, description, {"migrate_to_chat_id": int(moved)})
    status = world.taken.get(f"{CHANNEL}:{account.account_id}:status:{chat}")
    if status in {"kicked", "left"}:
        private = not chat.startswith("-")
        raise error(403, f"Forbidden: bot was {'blocked by the user' if private else 'kicked from the group chat'}")
    person = world.person(CHANNEL, account.account_id, _chat(chat, connection))
    if person is None:
        raise error(400, "Bad Request: chat not found")
    if connection is not None and not graph.within(person.wrote_at, call.now, _DAY):
        raise error(400, "Bad Request: BUSINESS_PEER_USAGE_MISSING")
    return person


def _check_answered(call: PlatformCall, person: Person) -> None:
    parameters = call.section("reply_parameters")
    answered = graph.word(parameters, "message_id")
    known = f"message {person.person_id}:{answered}" in person.aliases
    if answered is not None and not known and parameters.get("allow_sending_without_reply") is not True:
        raise error(400, "Bad Request: message to be replied not found")


def _message(call: PlatformCall, account: Account, person: Person, number: int, text: str) -> dict[str, object]:
    chat = int(str(call.params["chat_id"]))
    kind = {"type": "private", "first_name": person.name or "Jo"} if chat > 0 else {"type": "supergroup", "title": "G"}
    bot = {"id": _bot_id(account), "is_bot": True, "first_name": "Acme", "username": "acme_care_bot"}
    return {
        "message_id": number,
        "from": bot,
        "chat": {"id": chat, **kind},
        "date": graph.seconds(call.now),
        "text": text,
    }


def _echo(account: Account, message: Json) -> tuple[Telling, ...]:
    """A bot does not hear itself, except in a business account's chats, in whose owner's name it speaks."""
    if "business_connection_id" not in message:
        return ()
    owner = {"id": 7_100_000_099, "is_bot": False, "first_name": "Acme"}
    told = {**message, "from": owner, "sender_business_bot": message["from"]}
    update = {"update_id": int(digits(9)), "business_message": told}
    return (Telling(CHANNEL, account.account_id, json.dumps(update).encode()),)


def _set_webhook(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    """HTTPS, on one of four ports, with a secret in the letters Telegram allows."""
    url, secret = call.text("url") or "", call.text("secret_token")
    port = url.removeprefix("https://").partition("/")[0].partition(":")[2]
    if not url.startswith("https://") or port not in _PORTS:
        raise error(400, "Bad Request: bad webhook: an HTTPS URL must be provided for webhook")
    if secret is not None and not _SECRET.fullmatch(secret):
        raise error(400, "Bad Request: secret token contains unallowed characters")
    world.taken[f"{CHANNEL}:{account.account_id}:webhook"] = url
    return PlatformAnswer(body={"ok": True, "result": True, "description": "Webhook was set"})
