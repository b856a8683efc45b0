"""One customer's journey through the application, an invocation at a time, as AWS would make them on a quiet desk:
every message alone in its batch.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Protocol, cast

import functions.clock.handler
import functions.dispatch.handler
import functions.intake.handler
import functions.mail.handler
import functions.send.handler
import functions.webhook.handler
from infra.bench import prices
from infra.bench.account import DEFINITION, DESK_ADDRESS, INBOUND_MAIL, MAIL_DOMAIN, OUTPUT, TABLE, Account, account
from infra.bench.bodies import whatsapp_message
from infra.bench.given import OneSecret, api_event
from infra.bench.metering import Invocation
from infra.local.mailbox_drop import Arrival, DropSettings, as_stored, notification
from shared import channels
from shared.adapters.table import DynamoDesk
from tests.infra.machine import execute
from tests.infra.stack import functions as declared_functions
from tests.infra.stack import resources

WORDS = 25  # of a customer's message
AFTER_EVERYTHING = datetime(9999, 1, 1, tzinfo=UTC)


class LambdaHandler(Protocol):
    """What Lambda calls."""

    def __call__(self, event: dict[str, Any], context: Any, /) -> Any:
        """Take one event."""


HANDLERS: Mapping[str, LambdaHandler] = {
    "webhook": functions.webhook.handler.handler,
    "intake": functions.intake.handler.handler,
    "dispatch": functions.dispatch.handler.handler,
    "clock": functions.clock.handler.handler,
    "send": functions.send.handler.handler,
    "mail": functions.mail.handler.handler,
}


@dataclass(frozen=True, slots=True)
class Path:
    """When the customer writes, and how long after the first message a person answers."""

    name: str
    starts: datetime
    answered_after: timedelta
    messages: int = 3
    apart: timedelta = timedelta(minutes=1)
    in_one_go: bool = False  # the stream gathers the messages for a second, so they are handed off in one mail


@dataclass
class Travelled:
    """What a journey took."""

    path: Path
    invocations: list[Invocation] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    charged: dict[str, float] = field(default_factory=dict)


def travel(path: Path) -> Travelled:
    """Send one customer down a path, in an account of its own."""
    with account(path.starts) as made:
        return _Journey(made, path).whole()


class _Journey:
    def __init__(self, made: Account, path: Path) -> None:
        self._account = made
        self._path = path
        self._desk = DynamoDesk(made.own, TABLE)
        self._beside: dict[str, float] = {}  # what is charged without a call of ours

    def whole(self) -> Travelled:
        for number in range(self._path.messages):
            self._account.clock.at = self._path.starts + number * self._path.apart
            self._message(number)
            if not self._path.in_one_go:
                self._follow("first message" if number == 0 else "later message")
        self._follow("burst")
        run = execute(
            json.loads(DEFINITION.read_text()),
            self._account.timer_input(),
            self._look,
            start=self._account.clock.at,
            stop=self._path.starts + self._path.answered_after,
        )
        self._account.clock.at = self._path.starts + self._path.answered_after
        self._answer()
        travelled = Travelled(self._path, self._account.meter.invocations, run.entered)
        travelled.charged = self._charges(run.entered)
        return travelled

    def _message(self, number: int) -> None:
        now = self._account.clock.at
        body = whatsapp_message("15557654321", int(now.timestamp()), WORDS)
        headers = channels.load_pushing("whatsapp").sign(body, OneSecret().channel("whatsapp")[0], now, "")
        answer = self._invoke("webhook", "delivery", api_event("whatsapp", body, headers))
        if answer["statusCode"] != 200:
            raise RuntimeError(f"The webhook answered {answer}.")
        self._charge("HTTP API requests")
        self._charge("log bytes", prices.ACCESS_LOG_BYTES)
        self._from_queue("inbox", "intake", "first message" if number == 0 else "later message")

    def _follow(self, label: str) -> None:
        self._intents(label)
        self._from_queue("outbound", "send", "acknowledgement")
        self._intents("acknowledgement sent")

    def _look(self, payload: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        self._account.clock.at = now
        answer = cast("dict[str, Any]", self._invoke("clock", "look", dict(payload)))
        self._intents("warning" if answer["again"] else "escalation")
        return answer

    def _answer(self) -> None:
        settings = DropSettings(
            endpoint_url="", bucket=INBOUND_MAIL, topic_arn="inbound-mail-topic", mail_domain=MAIL_DOMAIN
        )
        original = self._last_mail()
        arrival = Arrival(
            mime=_answer_to(original),
            sender=DESK_ADDRESS,
            recipients=(str(original["Reply-To"]),),
            at=self._account.clock.at,
        )
        self._account.own.s3.put_object(Bucket=INBOUND_MAIL, Key="in/mail-1", Body=as_stored(arrival, "mail-1"))
        told = json.dumps(notification(arrival, "mail-1", settings))
        self._invoke("mail", "answer", {"Records": [{"Sns": {"Message": told}}]})
        for item in (prices.MAIL, "S3 puts", "SNS publishes"):  # what SES does with a mail that comes in
            self._charge(item)
        self._intents("answer accepted")
        posts = self._account.posts.taken
        self._from_queue("outbound", "send", "answer")
        if self._account.posts.taken != posts + 1:
            raise RuntimeError("The answer was not posted: the figures would be of another journey.")
        self._intents("answer posted")

    def _last_mail(self) -> EmailMessage:
        data = json.loads(self._account.meter.mails[-1])["Content"]["Raw"]["Data"]
        return message_from_bytes(base64.b64decode(data), policy=policy.default)

    def _from_queue(self, queue: str, function: str, label: str) -> None:
        for record in self._account.received(queue):
            self._invoke(function, label, {"Records": [record]})
            self._charge("SQS requests", 2)  # Lambda's poller receives and deletes

    def _intents(self, label: str) -> None:
        while keys := self._desk.undone(AFTER_EVERYTHING):
            records = [_stream_record(key.partition, key.sort) for key in keys]
            self._invoke("dispatch", label, {"Records": records})

    def _invoke(self, function: str, label: str, event: dict[str, Any]) -> Any:
        running = self._account.meter.begin(function, label)
        written, posted = OUTPUT.written, self._account.posts.taken
        answer = HANDLERS[function](event, None)
        if isinstance(answer, dict) and answer.get("batchItemFailures"):
            raise RuntimeError(f"{function} failed: the figures would be of another journey.")
        posts = self._account.posts.taken - posted
        running.charged["log bytes"] += OUTPUT.written - written
        running.charged["Lambda requests"] += 1
        running.charged["Lambda GB-seconds"] += _gigabyte_seconds(function, running.calls_for_the_work.total(), posts)
        return answer

    def _charge(self, item: str, quantity: float = 1) -> None:
        self._beside[item] = self._beside.get(item, 0) + quantity

    def _charges(self, states: list[str]) -> dict[str, float]:
        machine = resources("AWS::Serverless::StateMachine")["SlaStateMachine"]
        traced = machine.get("Tracing", {}).get("Enabled", False)
        found = self._beside | {"state transitions": len(states), "X-Ray traces": 1 if traced else 0}
        for invocation in self._account.meter.invocations:
            for item, quantity in invocation.charged.items():
                found[item] = found.get(item, 0) + quantity
        return found


def _gigabyte_seconds(function: str, calls: int, posts: int) -> float:
    milliseconds = prices.OWN_MILLISECONDS + calls * prices.CALL_MILLISECONDS + posts * prices.PLATFORM_MILLISECONDS
    return float(declared_functions()[function]["MemorySize"]) / 1024 * milliseconds / 1000


def _stream_record(partition: str, sort: str) -> dict[str, Any]:
    keys = {"pk": {"S": partition}, "sk": {"S": sort}}
    about = {"Keys": keys, "SequenceNumber": f"{partition} {sort}", "StreamViewType": "NEW_IMAGE"}
    return {"eventID": f"{partition} {sort}", "eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": about}


def _answer_to(original: EmailMessage) -> bytes:
    answer = EmailMessage(policy=policy.SMTP)
    answer["From"], answer["To"] = DESK_ADDRESS, str(original["Reply-To"])
    answer["Subject"], answer["Message-ID"] = f"Re: {original['Subject']}", "<answer-1@example.com>"
    answer["In-Reply-To"] = str(original["Message-ID"])
    answer.set_content("Hello, your parcel left our house this morning and should be with you tomorrow.\n")
    return answer.as_bytes()
