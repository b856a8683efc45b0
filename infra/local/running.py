"""The running stack, seen from outside: deliver to it, and look at what it keeps, does and says."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local.accounts import secret_of, signing_key
from infra.local.addresses import MAIL_DOMAIN, AddressBook, Home
from infra.local.emulator import EmulatorSession
from infra.local.entering import arrival, known_as, published
from infra.local.mailbox_drop import DropSettings, into_aws
from infra.local.stack import webhook_url
from shared import channels
from shared.adapters.clients import Clients
from shared.adapters.record_codec import decode
from shared.adapters.table import DynamoDesk
from shared.domain.exchange import Channel, How, Secret, pushing
from shared.domain.polling import polled
from shared.domain.records import Conversation, Watch, watch_key
from shared.errors import Conflict, Misconfigured, Unreadable
from shared.ports import Desk

_DIRECT = build_opener(ProxyHandler({}))
_JSON = {"content-type": "application/json"}
_PATIENCE_SECONDS = 90.0
_TICK_SECONDS = 0.2
_MOST_TRIES = 4
_DEAD_LETTERS = {
    "inbox": "InboxDeadLetterUrl",
    "dispatch": "DispatchDeadLetterUrl",
    "outbound": "OutboundDeadLetterUrl",
    "mail": "MailDeadLetterUrl",
}
_QUEUES = {"inbox": "InboxQueueUrl", "outbound": "OutboundQueueUrl"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One SLA timer as Step Functions tells it."""

    name: str
    status: str
    conversation_id: str
    target: str
    revision: int
    at: str  # the first checkpoint, as it was started with
    started_at: datetime
    ended_at: datetime | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """What a function said."""

    at: datetime
    function: str
    text: str


class RunningStack:
    """A deployed stack on the emulator. Made by `Engine`; holds no process of its own."""

    def __init__(self, home: Home, book: AddressBook) -> None:
        if book.deployed is None:
            raise Misconfigured("No stack is deployed. Start it with `nightdesk up`.")
        self.home = home
        self.book = book
        self.outputs: Mapping[str, str] = book.deployed.outputs
        self.policy_file = book.deployed.policy_file

    # -- addresses ----------------------------------------------------------------------------------------------------

    @property
    def webhook_url(self) -> str:
        """Where platforms deliver; the channel's name follows."""
        return webhook_url(self.book, self.outputs)

    @property
    def sandbox_url(self) -> str:
        """The platform sandbox."""
        return self.book.url("sandbox")

    @property
    def mailbox_url(self) -> str:
        """The agents' mailbox, for people and programs."""
        return self.book.url("mailbox")

    @cached_property
    def session(self) -> EmulatorSession:
        """For any other AWS client that somebody needs."""
        return EmulatorSession(self.book.url("emulator"))

    @cached_property
    def clients(self) -> Clients:
        """The product's own clients, pointed at the emulator."""
        return Clients(self.session)

    @cached_property
    def desk(self) -> Desk:
        """The desk table through the product's own adapter."""
        return DynamoDesk(self.clients, self.outputs["DeskTableName"])

    # -- delivering ---------------------------------------------------------------------------------------------------

    def deliver(
        self,
        channel: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        forged: bool = False,
        delivery_id: str | None = None,
    ) -> tuple[int, str]:
        """Bring one delivery in as the platform would: to the webhook, signed with the account's key or with `headers`
        exactly as given; through the topic, or as mail; or shown to the poller, which is run at once.

        `forged` signs with a key that is not ours. Returns an HTTP status and a text. Raises UnknownChannel, and
        Misconfigured when nobody answers.
        """
        spoken = channels.load(channel)
        if headers is not None or forged or (pushing(spoken) is not None and not _was_fetched(body)):
            return self._push(channel, body, headers, forged=forged, delivery_id=delivery_id)
        if How.QUEUE in spoken.ABOUT.how:
            return self._publish(channel, body)
        if How.MAIL in spoken.ABOUT.how:
            return self._hand_in(channel, body)
        self._teach_sandbox(channel, body)
        return self._ask(channel)

    def poll(self) -> tuple[int, str]:
        """Run the poller now, as its schedule does every minute. Returns 200, or 500 and what went wrong."""
        patient = Config(read_timeout=_PATIENCE_SECONDS * 4, retries={"total_max_attempts": 1})
        functions = self.session.create_client("lambda", config=patient)
        ended = functions.invoke(FunctionName=self.outputs["PollFunctionName"], Payload=b"{}")
        told = ended["Payload"].read().decode("utf-8", "replace")
        return (500, told) if ended.get("FunctionError") else (200, "")

    def _ask(self, channel: str) -> tuple[int, str]:
        """Have every feed of a channel read at once, whenever it was read last."""
        self.settle_until(lambda: self._make_due(channel))
        told = self.poll()
        self.settle_until(lambda: not any(watch.owner for watch in self._watches(channel)))
        return told

    def _make_due(self, channel: str) -> bool:
        """Forget when the feeds of a channel were asked; False while one of them is being read."""
        watches = self._watches(channel)
        if any(watch.owner for watch in watches):
            return False
        try:
            for watch in watches:
                self.desk.commit([replace(watch, asked_at=None, rest_until=None)])
        except Conflict:
            return False
        return True

    def _watches(self, channel: str) -> list[Watch]:
        asked = polled(channels.load(channel))
        names = [feed.name for feed in asked.FEEDS] if asked is not None else []
        keys = [watch_key(channel, account, name) for account in self.book.accounts.get(channel, {}) for name in names]
        found = self.desk.read(keys) if keys else {}
        return [record for record in found.values() if isinstance(record, Watch)]

    def _push(
        self, channel: str, body: bytes, headers: Mapping[str, str] | None, *, forged: bool, delivery_id: str | None
    ) -> tuple[int, str]:
        told = headers if headers is not None else self.signed(channel, body, forged=forged, delivery_id=delivery_id)
        if not forged:
            self._teach_sandbox(channel, body)
        return _post(self.webhook_url + channel, body, _JSON | {name.lower(): value for name, value in told.items()})

    def _publish(self, channel: str, body: bytes) -> tuple[int, str]:
        """As a service of AWS does that has a text for us."""
        self._teach_sandbox(channel, body)
        topic = self.outputs["InboundSmsTopicArn"]
        return 200, self.clients.sns.publish(TopicArn=topic, Message=published(body))["MessageId"]

    def _hand_in(self, channel: str, body: bytes) -> tuple[int, str]:
        """As Amazon SES does with a mail to our domain."""
        self._teach_sandbox(channel, known_as(channel, body, MAIL_DOMAIN))
        settings = DropSettings(
            endpoint_url=self.book.url("emulator"),
            bucket=self.outputs["InboundMailBucketName"],
            topic_arn=self.outputs["InboundMailTopicArn"],
            mail_domain=MAIL_DOMAIN,
        )
        return 200, into_aws(settings)(arrival(channel, body, MAIL_DOMAIN, datetime.now(UTC)))

    def signed(
        self, channel: str, body: bytes, *, forged: bool = False, delivery_id: str | None = None
    ) -> dict[str, str]:
        """The headers that prove the body, made now. Raises UnknownChannel, Misconfigured."""
        spoken = channels.load_pushing(channel)
        secret = self.account_for(channel, spoken, body)
        if forged:
            secret = replace(secret, signing=(signing_key(channel),))
        return spoken.sign(body, secret, datetime.now(UTC), delivery_id or f"evt_{secrets.token_hex(8)}")

    def account_for(self, channel: str, spoken: Channel, body: bytes) -> Secret:
        """The account a body is for; the channel's first where the body does not say. Raises Misconfigured."""
        accounts = self.book.accounts.get(channel, {})
        if not accounts:
            raise Misconfigured(f"The engine has no account for {channel}. Stop and start it: `nightdesk down`, `up`.")
        try:
            named = [e.account_id for e in spoken.parse(body, datetime.now(UTC)) if e.account_id in accounts]
        except Unreadable:
            named = []
        account_id = named[0] if named and named[0] else next(iter(accounts))
        return secret_of(account_id, accounts[account_id])

    def _teach_sandbox(self, channel: str, body: bytes) -> None:
        """Let the sandbox know who wrote, as the platform does before it delivers: it then takes an answer to them."""
        wish = {"channel": channel, "body": base64.b64encode(body).decode()}
        _post(f"{self.sandbox_url}/_sandbox/deliveries", json.dumps(wish).encode(), _JSON)

    # -- looking ------------------------------------------------------------------------------------------------------

    def conversations(self) -> tuple[Conversation, ...]:
        """All conversations, newest first. A laptop's table is small enough to scan; the product never does."""
        pages = self.clients.dynamodb.get_paginator("scan").paginate(
            TableName=self.outputs["DeskTableName"],
            FilterExpression="sk = :sort",
            ExpressionAttributeValues={":sort": {"S": "conversation"}},
        )
        found = [decode(item) for page in pages for item in page["Items"]]
        return tuple(sorted((one for one in found if isinstance(one, Conversation)), key=_opened, reverse=True))

    def executions(self) -> tuple[Execution, ...]:
        """All SLA timers that run or ran, oldest first."""
        machines = self.clients.stepfunctions
        pages = machines.get_paginator("list_executions").paginate(stateMachineArn=self.outputs["SlaStateMachineArn"])
        arns = [one["executionArn"] for page in pages for one in page["executions"]]
        found = [_execution(machines.describe_execution(executionArn=arn)) for arn in arns]
        return tuple(sorted(found, key=lambda one: one.started_at))

    def transitions(self, name: str) -> tuple[str, ...]:
        """The states one timer has entered, in order."""
        arn = f"{self.outputs['SlaStateMachineArn'].replace(':stateMachine:', ':execution:', 1)}:{name}"
        pages = self.clients.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
        entered = (event.get("stateEnteredEventDetails") for page in pages for event in page["events"])
        return tuple(details["name"] for details in entered if details)

    def dead_letters(self) -> dict[str, int]:
        """How many messages nobody could deal with, by queue."""
        return {name: self._waiting(self.outputs[output]) for name, output in _DEAD_LETTERS.items()}

    def queued(self) -> dict[str, int]:
        """How many messages wait or are being worked on, by queue."""
        return {name: self._waiting(self.outputs[output]) for name, output in _QUEUES.items()}

    def settle(self, seconds: float = _PATIENCE_SECONDS) -> bool:
        """Wait until the queues are empty and no intent is undone; whether that came in time."""
        return self.settle_until(self.is_quiet, seconds)

    def settle_until(self, reached: Callable[[], bool], seconds: float = _PATIENCE_SECONDS) -> bool:
        """Wait until something is so; whether that came in time."""
        deadline = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > deadline:
                return False
            time.sleep(_TICK_SECONDS)
        return True

    def is_quiet(self) -> bool:
        """Whether nothing is left to do at this moment; timers may still run."""
        return sum(self.queued().values()) == 0 and not self.desk.undone(datetime.now(UTC) + timedelta(minutes=1), 1)

    def logs(self, limit: int = 1000) -> tuple[LogLine, ...]:
        """What the functions said lately, oldest first."""
        cloudwatch = self.session.create_client("logs")
        lines = [
            LogLine(datetime.fromtimestamp(event["timestamp"] / 1000, UTC), group.rpartition("/")[2], event["message"])
            for group in self._log_groups(cloudwatch)
            for event in _events(cloudwatch, group)
        ]
        return tuple(sorted(lines, key=lambda one: one.at))[-limit:]

    def _log_groups(self, cloudwatch: Any) -> list[str]:  # noqa: ANN401 - a client without published types
        pages = cloudwatch.get_paginator("describe_log_groups").paginate()
        return [group["logGroupName"] for page in pages for group in page["logGroups"]]

    def _waiting(self, url: str) -> int:
        told = self.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(told["ApproximateNumberOfMessages"]) + int(told["ApproximateNumberOfMessagesNotVisible"])


def _was_fetched(body: bytes) -> bool:
    """Whether a body is what the poller makes of a page, and no platform sends by itself."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(read, dict) and {"account_id", "feed", "items"} <= read.keys()


def _opened(conversation: Conversation) -> datetime:
    return conversation.opened_at


def _events(cloudwatch: Any, group: str) -> list[dict[str, Any]]:  # noqa: ANN401 - a client without published types
    try:
        found: list[dict[str, Any]] = cloudwatch.filter_log_events(logGroupName=group)["events"]
    except ClientError:
        return []  # the group went away between the two calls
    return found


def _execution(told: Mapping[str, Any]) -> Execution:
    started_with = json.loads(told["input"])
    return Execution(
        name=told["name"],
        status=told["status"],
        conversation_id=started_with["conversation_id"],
        target=started_with["target"],
        revision=started_with["revision"],
        at=started_with["at"],
        started_at=told["startDate"],
        ended_at=told.get("stopDate"),
        cause=told.get("cause"),
    )


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """Send as a platform does: again when the connection breaks before there is an answer."""
    for _ in range(_MOST_TRIES):
        try:
            return _post_once(url, body, headers)
        except ConnectionResetError:
            continue  # the emulator resets connections while many functions start at once
    raise Misconfigured(f"{url} broke the connection {_MOST_TRIES} times. The emulator's log may say why.")


def _post_once(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    request = Request(url, data=body, method="POST", headers=dict(headers))  # noqa: S310 - our own engine
    try:
        with _DIRECT.open(request, timeout=_PATIENCE_SECONDS) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")
    except ConnectionResetError:
        raise
    except OSError as error:
        raise Misconfigured(f"Nobody answers at {url} ({error}). Start the stack with `nightdesk up`.") from error
