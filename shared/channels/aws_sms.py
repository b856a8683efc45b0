"""Text messages through AWS End User Messaging: two-way SMS that arrives on a topic and never crosses the internet.

An account is one of our numbers, by its digits. Credentials: `region`, and perhaps `origination_identity` (a number,
pool or sender id to answer from, where it is not the number itself). No key: the topic's policy and the function's role
prove who calls. Sources: docs.aws.amazon.com/sms-voice/latest/userguide/two-way-sms-payload.html,
docs.aws.amazon.com/pinpoint/latest/apireference_smsvoicev2 (SendTextMessage), docs.aws.amazon.com/sns ("HTTP/HTTPS
notification JSON format").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from shared.channels._calling import (
    blocked,
    by_status,
    content,
    credential,
    json_call,
    json_object,
    later,
    misfit,
    never,
    posted,
    quoted,
    unclear,
)
from shared.channels._reading import ident, obj, read_json, text, when
from shared.channels._sms import LIMIT, account_of, is_command, is_number, number_of
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Event, Kind, Surface, Visibility
from shared.domain.exchange import About, Answer, Call, Capability, How, Outbound, Outcome, Refused, Secret

ABOUT = About(
    title="SMS through AWS End User Messaging",
    how=(How.QUEUE,),
    docs="https://docs.aws.amazon.com/sms-voice/latest/userguide/two-way-sms.html",
    checked=date(2026, 10, 31),
    acknowledging="on: the customer wrote to us in private; never to STOP or HELP, which the carrier answers",
    author="the telephone number only; there is nothing to look up",
    unproven="everything: no number was at hand, and the emulator has no such service, so the sandbox plays it",
)

CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.DM: Capability(replies=True, limit=LIMIT, acknowledges=True),
}

SETUP = Setup(
    wanted=(
        Wanted(
            name="account_id",
            ask="The number that customers write to, digits only with the country code",
            where="AWS console, End User Messaging, Phone numbers",
            secret=False,
        ),
        Wanted(name="region", ask="The region the number is in", where="the same page, at the top", secret=False),
        Wanted(
            name="origination_identity",
            ask="The number, pool or sender id to answer from, if it is not the number itself",
            where="AWS console, End User Messaging, Pools",
            secret=False,
            optional=True,
        ),
    ),
    ticks=(
        "End User Messaging, the number, Two-way SMS: on, destination SNS, the stack's output InboundSmsTopicArn",
        "Opt-out lists: leave AWS to answer STOP by itself",
    ),
)

_CHANNEL = "aws_sms"
_SERVICE = "sms-voice"
_TARGET = "PinpointSMSVoiceV2"
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_LIVES = 15 * 60  # seconds; a text that is this late is worth less than none (the default is three days)

_WORN_OUT = frozenset({"ThrottlingException", "TooManyRequestsException"})
_ACCOUNT = frozenset(
    {
        "AccessDeniedException",
        "ResourceNotFoundException",
        "ServiceQuotaExceededException",
        "UnrecognizedClientException",
    }
)
_OPTED_OUT = "DESTINATION_PHONE_NUMBER_OPTED_OUT"


# Reading


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the topic says when it was published
    """The one event of a notification, whose `Message` is JSON again. Raises Unreadable."""
    envelope = obj(read_json(body))
    said = json_object((text(envelope.get("Message")) or "").encode())
    message_id = ident(said.get("inboundMessageId"))
    customer, ours = text(said.get("originationNumber")), text(said.get("destinationNumber"))
    words = text(said.get("messageBody"))
    whole = bool(message_id and customer and ours)
    event = Event(
        kind=Kind.MESSAGE if whole else Kind.UNKNOWN,
        channel=_CHANNEL,
        account_id=account_of(ours),
        surface=Surface.DM if whole else None,
        visibility=Visibility.PRIVATE if whole else None,
        thread_id=customer,
        message_id=message_id,
        author_id=customer,
        text=words,
        sent_at=when(envelope.get("Timestamp")),
        in_reply_to=ident(said.get("previousPublishedMessageId")),
        customer_id=customer,
        detail=_detail(words, whole=whole),
        automated=whole and (is_command(words) or not is_number(customer)),
    )
    return (event,)


def _detail(words: str | None, *, whole: bool) -> str | None:
    if not whole:
        return "a notification that is no text message"
    return f"keyword {(words or '').strip().upper()}" if is_command(words) else None


# Answering


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - no window
    """The call that sends it; it is signed with the function's own role."""
    if outbound.surface is not Surface.DM:
        return never(f"A text message cannot answer on the surface {outbound.surface}.")
    if not is_number(outbound.thread_id):
        return never("The sender is not a telephone number, so no text message can reach it.")
    unfit = misfit(outbound.text, CAPABILITIES[Surface.DM])
    if unfit is not None:
        return unfit
    return _asked(
        secret,
        "SendTextMessage",
        {
            "DestinationPhoneNumber": outbound.thread_id,
            "OriginationIdentity": secret.credentials.get("origination_identity", "").strip()
            or number_of(secret.account_id),
            "MessageBody": text(outbound.text) or "",
            "MessageType": "TRANSACTIONAL",
            "TimeToLive": _LIVES,
        },
    )


def outcome(answer: Answer) -> Outcome:
    """What the service's answer means, by the type of its error. Total."""
    said = content(answer)
    native_id = ident(said.get("MessageId"))
    if 200 <= answer.status < 300:
        return posted(native_id) if native_id else unclear("AWS", answer)
    if answer.status >= 500:
        return unclear("AWS", answer)
    error = (text(said.get("__type")) or "").rpartition("#")[2]
    words = said.get("message") or said.get("Message")
    if error in _WORN_OUT:
        return later("AWS", answer)
    if error in _ACCOUNT:
        return blocked(f"AWS does not let this number send ({error}).{quoted(words)}")
    if error == "ConflictException" and text(said.get("Reason")) == _OPTED_OUT:
        return never("The customer has opted out (STOP): nothing may be sent until they write START.")
    return never(f"AWS refused it ({error}).{quoted(words)}") if error else by_status("AWS", answer, words)


def _asked(secret: Secret, action: str, payload: Mapping[str, object]) -> Call | Refused:
    region = credential(secret, "region")
    if isinstance(region, Refused):
        return region
    if _REGION.fullmatch(region) is None:
        return blocked(
            f"The account {secret.account_id} has no region but {region[:40]!r}: write it like eu-central-1."
        )
    headers = {"x-amz-target": f"{_TARGET}.{action}", "content-type": "application/x-amz-json-1.0"}
    call = json_call("POST", f"https://{_SERVICE}.{region}.amazonaws.com/", headers, payload)
    return replace(call, aws_service=_SERVICE)


# Connecting


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the console does it
    """Nothing by itself: the destination is a topic, which a person names on the number's page."""
    return ()


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """A look at the number itself."""
    call = _asked(secret, "DescribePhoneNumbers", {"MaxResults": 1})
    return None if isinstance(call, Refused) else call


def proven(answer: Answer) -> Proof | Refused:
    """Whether the account has a number in the region. Total."""
    said = content(answer)
    if answer.status != 200:
        refused = outcome(answer)
        return refused if isinstance(refused, Refused) else never(f"AWS could not be asked ({answer.status}).")
    numbers = said.get("PhoneNumbers")
    first = obj(numbers[0]) if isinstance(numbers, list) and numbers else {}
    named = text(first.get("PhoneNumber"))
    return Proof(who=named) if named else blocked("This AWS account has no phone number in this region.")
