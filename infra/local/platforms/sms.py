"""Twilio's REST API for messages: basic authentication, opt-outs, the error codes, status callbacks.

Source: twilio.com/docs/messaging/api/message-resource, /docs/usage/api/account, /docs/api/errors.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from infra.local.platforms.exchange import PlatformAnswer, PlatformCall, Refusal, Telling
from infra.local.platforms.world import Account, Post, Shown, World, wrote

CHANNEL = "sms"
ACCOUNT = "447700900999"
DEMO = "message__plain"
HOSTS = ("api.twilio.com",)
_LIMIT = 1600
_PATH = re.compile(r"/2010-04-01/Accounts/(AC[0-9a-f]{32})(?:/(.+))?\.json")
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_CHOICES = "opted out"  # a feed of our own making: who said STOP or START last
_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
_START = frozenset({"START", "YES", "UNSTOP"})


def credentials() -> dict[str, str]:
    """What an account needs besides its auth token, which signs and authenticates."""
    return {"account_sid": "AC" + secrets.token_hex(16), "webhook_url": "https://desk.example/webhooks/sms"}


def learn(world: World, delivery: object, now: datetime) -> None:
    """Take in what a customer wrote to one of our numbers, and whether they want to hear from it."""
    form = dict(parse_qsl(delivery.decode("utf-8", "replace"))) if isinstance(delivery, bytes) else {}
    sender, number = form.get("From"), form.get("To", "").removeprefix("+")
    if not sender or not number or form.get("SmsStatus") != "received":
        return
    wrote(world.meet(CHANNEL, number, sender), now)
    word = (form.get("OptOutType") or form.get("Body", "")).strip().upper()
    if word in _STOP | _START:
        choice: dict[str, object] = {"opted_out": word in _STOP}
        world.show(Shown(channel=CHANNEL, account_id=number, feed=_CHOICES, item_id=sender, at=0.0, raw=choice))


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """The host carries text messages alone."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """The account, its messages, the settings of its numbers."""
    asked = _PATH.fullmatch(call.path)
    if asked is None:
        raise _refused(404, 20404, f"The requested resource {call.path} was not found")
    mine = _accounts(call, world, asked[1])
    if call.method == "GET" and asked[2] is None:
        return PlatformAnswer(body={"sid": asked[1], "friendly_name": "Lantern Bikes", "status": "active"})
    if call.method == "POST" and asked[2] == "Messages":
        return _send(call, world, mine)
    if call.method == "POST" and re.fullmatch(r"IncomingPhoneNumbers/PN[0-9a-f]{32}", asked[2] or ""):
        return PlatformAnswer(body={"sid": str(asked[2]).partition("/")[2], "sms_url": call.text("SmsUrl")})
    raise _refused(404, 20404, f"The requested resource {call.path} was not found")


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day."""
    if kind == "throttle":
        return _refused(429, 20429, "Too Many Requests", {"retry-after": "2"})
    if kind == "revoked_token":
        return _refused(401, 20003, "Authenticate")
    return _refused(500, 20500, "Internal Server Error")


def _accounts(call: PlatformCall, world: World, account_sid: str) -> list[Account]:
    """The numbers of the Twilio account that the call proves to be of. Raises the platform's refusal."""
    user, token = call.basic() or ("", "")
    mine = [a for a in world.accounts if a.channel == CHANNEL and a.credentials.get("account_sid") == user]
    if user != account_sid or not any(token in a.signing for a in mine):
        raise _refused(401, 20003, "Authenticate")
    return [a for a in mine if token in a.signing]


def _send(call: PlatformCall, world: World, mine: list[Account]) -> PlatformAnswer:
    account, to, text = _sender(call, mine), call.text("To") or "", _text(call)
    if not _NUMBER.fullmatch(to):
        raise _refused(400, 21211, f"The 'To' number {to} is not a valid phone number.")
    if any(s.item_id == to and s.raw["opted_out"] for s in world.feed(CHANNEL, account.account_id, _CHOICES)):
        raise _refused(400, 21610, "Attempt to send to unsubscribed recipient")
    sid = f"SM{secrets.token_hex(16)}"
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="dm", thread=to, recipient=to, text=text, native_id=sid,
            at=call.now.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip
    body = {"sid": sid, "status": "queued", "to": to, "from": _written(account), "body": text, "error_code": None}
    return PlatformAnswer(status=201, body=body, tellings=tuple(_callbacks(call, account, to, sid)))


def _sender(call: PlatformCall, mine: list[Account]) -> Account:
    """Whose number sends: named, or the only one behind a messaging service."""
    service, number = call.text("MessagingServiceSid"), call.text("From")
    if service is None and number is None:
        raise _refused(400, 21603, "A 'From' phone number is required.")
    found = [
        a
        for a in mine
        if (a.credentials.get("messaging_service_sid") if service else _written(a)) == (service or number)
    ]
    if not found:
        raise _refused(400, 21660 if number else 21705, "The sender does not belong to this account.")
    return found[0]


def _written(account: Account) -> str:
    return account.account_id if len(account.account_id) < 7 else f"+{account.account_id}"


def _text(call: PlatformCall) -> str:
    # The form as it came: the sandbox would read a text that begins like JSON as a structure.
    form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
    text = form.get("Body", "")
    if not text.strip():
        raise _refused(400, 21602, "Message body is required.")
    if len(text) > _LIMIT:
        raise _refused(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    return text


def _callbacks(call: PlatformCall, account: Account, to: str, sid: str) -> Iterator[Telling]:
    """What became of it, as Twilio tells a StatusCallback."""
    if call.text("StatusCallback") is None:
        return
    ends: tuple[Mapping[str, str], ...] = ({"MessageStatus": "sent"}, {"MessageStatus": "delivered"})
    if account.fails_late:
        ends = ({"MessageStatus": "undelivered", "ErrorCode": "30007"},)
    for end in ends:
        form = {
            "SmsSid": sid, "SmsStatus": end["MessageStatus"], **end, "To": to, "MessageSid": sid,
            "AccountSid": account.credentials.get("account_sid", ""), "From": _written(account),
            "ApiVersion": "2010-04-01",
        }  # fmt: skip
        yield Telling(CHANNEL, account.account_id, urlencode(form).encode())


def _refused(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> Refusal:
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Refusal(status, body, headers)
