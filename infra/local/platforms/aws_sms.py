"""AWS End User Messaging SMS: `SendTextMessage` and `DescribePhoneNumbers`, as JSON 1.0.

Source: docs.aws.amazon.com/pinpoint/latest/apireference_smsvoicev2.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from uuid import uuid4

from infra.local.platforms import graph
from infra.local.platforms.exchange import PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, Post, World, wrote

CHANNEL = "aws_sms"
REGION = "eu-central-1"
HOSTS = (f"sms-voice.{REGION}.amazonaws.com",)
ACCOUNT = "15550100999"
DEMO = "message__plain"

_LIMIT = 1600
_NUMBER = re.compile(r"\+?[1-9][0-9]{1,14}")
_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/[0-9]{8}/([a-z0-9-]+)/sms-voice/aws4_request")
_TYPES = ("TRANSACTIONAL", "PROMOTIONAL")


def credentials() -> dict[str, str]:
    """Where the number is; what is called with is the function's own role."""
    return {"region": REGION}


def learn(world: World, delivery: object, now: datetime) -> None:
    """Take in a notification: who wrote to which number, and who has had enough."""
    written = graph.word(delivery, "Message") or ""
    try:
        said = json.loads(written)
    except ValueError:
        return
    customer, number = graph.word(said, "originationNumber"), graph.word(said, "destinationNumber")
    if customer is None or number is None:
        return
    person = world.meet(CHANNEL, number.removeprefix("+"), customer)
    wrote(person, now)
    stopped = (graph.word(said, "messageBody") or "").strip().upper() == "STOP"
    person.aliases = ["opted out"] if stopped else []


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """The host carries text messages alone."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """One action, named by X-Amz-Target."""
    signed = _SIGNED.match(call.headers.get("authorization", ""))
    if signed is None or signed[1] != REGION:
        raise _refused(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    action = call.headers.get("x-amz-target", "").rpartition(".")[2]
    if action == "SendTextMessage":
        return _send(call, world)
    if action == "DescribePhoneNumbers":
        numbers = [{"PhoneNumber": f"+{a.account_id}", "Status": "ACTIVE"} for a in _accounts(world)]
        return PlatformAnswer(body={"PhoneNumbers": numbers[:1]})
    raise _refused(400, "UnknownOperationException", "")


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day."""
    if kind == "throttle":
        return _refused(400, "ThrottlingException", "Rate exceeded")
    if kind == "revoked_token":
        return _refused(400, "AccessDeniedException", "The role may not call SendTextMessage")
    return _refused(500, "InternalServerException", "The API encountered an unexpected error")


def _accounts(world: World) -> list[Account]:
    return [a for a in world.accounts if a.channel == CHANNEL]


def _send(call: PlatformCall, world: World) -> PlatformAnswer:
    to, text = call.text("DestinationPhoneNumber") or "", call.text("MessageBody") or ""
    if not _NUMBER.fullmatch(to) or not text or len(text) > _LIMIT or call.text("MessageType") not in _TYPES:
        raise _refused(400, "ValidationException", "1 validation error detected", Reason="FIELD_VALIDATION_FAILED")
    account = _sender(call, world)
    person = world.person(CHANNEL, account.account_id, to)
    if person is not None and "opted out" in person.aliases:
        raise _refused(400, "ConflictException", "", Reason="DESTINATION_PHONE_NUMBER_OPTED_OUT")
    native_id = str(uuid4())
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="dm", thread=to, recipient=to, text=text,
            native_id=native_id, at=call.now.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip
    return PlatformAnswer(body={"MessageId": native_id})


def _sender(call: PlatformCall, world: World) -> Account:
    identity = call.text("OriginationIdentity") or ""
    for account in _accounts(world):
        if identity.removeprefix("+") == account.account_id or identity == account.credentials.get(
            "origination_identity"
        ):
            return account
    raise _refused(400, "ResourceNotFoundException", "", ResourceType="phone-number", ResourceId=identity)


def _refused(status: int, kind: str, message: str, **more: str) -> Refusal:
    body = {"__type": f"com.amazonaws.pinpointsmsvoicev2#{kind}", "Message": message, **more}
    return Refusal(status, body)
