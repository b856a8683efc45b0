"""An AWS account in this process: moto, with what template.yaml declares as far as the functions call it.

The functions run unchanged: their handlers, what bootstrap wires and the real adapters. Given in their place are only
the time, the clients' session, so that it can be heard, and the platform at the far end of the post.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import requests
import urllib3
from moto import mock_aws
from requests.adapters import BaseAdapter

from infra.bench.bodies import PHONE_NUMBER_ID
from infra.bench.capacity import Capacity, declared
from infra.bench.given import KEY
from infra.bench.metering import Meter
from shared import bootstrap
from shared.adapters.clients import Clients
from tests.fakes.given import FixedClock
from tests.infra.stack import resources
from tests.integration.adapters.aws import ACCOUNT, REGION, FixedSession, create_desk_table

DEFINITION = Path(__file__).parents[1] / "statemachines" / "sla.asl.json"
MAIL_DOMAIN, DESK_ADDRESS = "desk.example.com", "team@example.com"
TABLE, ARCHIVE, INBOUND_MAIL, SECRETS_PATH = "desk", "archive", "inbound-mail", "/nightdesk/bench"
_WIRED = ("webhook", "intake", "dispatch", "clock", "sender", "agent_mail")


class CountedOutput(io.TextIOBase):
    """A stdout that keeps the length of what is written."""

    written = 0

    def write(self, text: str) -> int:
        """Count the bytes."""
        self.written += len(text.encode())
        return len(text)


OUTPUT = CountedOutput()  # one for all: loggers keep the stream they first see


class Account:
    """The resources, the hearing clients, and clients of our own that nobody counts."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.own = Clients(FixedSession())
        table = resources("AWS::DynamoDB::Table")["DeskTable"]
        self.meter = Meter(Capacity(declared(table)))
        self.posts = AgreeingPlatform()
        session = FixedSession()
        self.meter.listen(session)
        self.heard = Clients(session)
        self.settings = self._made()

    def _made(self) -> dict[str, str]:
        create_desk_table(self.own, TABLE)
        for bucket in (ARCHIVE, INBOUND_MAIL):
            self.own.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self._secret(f"channels/whatsapp/{PHONE_NUMBER_ID}", signing=[KEY], credentials={"access_token": "token"})
        self._secret("mail/reply-keys", current=KEY)
        self.own.sesv2.create_email_identity(EmailIdentity=MAIL_DOMAIN)
        self.own.sesv2.create_configuration_set(ConfigurationSetName="nightdesk")
        machine = self.own.stepfunctions.create_state_machine(
            name="sla", definition=DEFINITION.read_text(), roleArn=f"arn:aws:iam::{ACCOUNT}:role/sla"
        )
        return {
            "DESK_TABLE": TABLE,
            "ARCHIVE_BUCKET": ARCHIVE,
            "INBOUND_MAIL_BUCKET": INBOUND_MAIL,
            "SECRETS_PATH": SECRETS_PATH,
            "POLICY_FILE": "policy.yaml",
            "MAIL_DOMAIN": MAIL_DOMAIN,
            "DESK_ADDRESS": DESK_ADDRESS,
            "CONFIGURATION_SET": "nightdesk",
            "POWERTOOLS_SERVICE_NAME": "nightdesk",
            "INBOX_QUEUE_URL": self.own.sqs.create_queue(QueueName="inbox")["QueueUrl"],
            "OUTBOUND_QUEUE_URL": self.own.sqs.create_queue(QueueName="outbound")["QueueUrl"],
            "HAND_OFF_TOPIC_ARN": self.own.sns.create_topic(Name="hand-off")["TopicArn"],
            "SLA_STATE_MACHINE_ARN": machine["stateMachineArn"],
            "INBOUND_SMS_TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:inbound-sms",
        }

    def _secret(self, name: str, **value: object) -> None:
        path = f"{SECRETS_PATH}/{name}"
        self.own.ssm.put_parameter(Name=path, Value=json.dumps(value), Type="SecureString")

    def received(self, queue: str) -> list[dict[str, Any]]:
        """The messages that wait in a queue, taken off it, as Lambda's poller hands them on."""
        url = self.settings[f"{queue.upper()}_QUEUE_URL"]
        taken = self.own.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in taken:
            self.own.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        sent = {"SentTimestamp": "1795176000000"}
        return [
            {"messageId": m["MessageId"], "body": m["Body"], "attributes": sent, "eventSource": "aws:sqs"}
            for m in taken
        ]

    def timer_input(self) -> dict[str, Any]:
        """What the execution that was started last was given."""
        arn = self.settings["SLA_STATE_MACHINE_ARN"]
        executions = self.own.stepfunctions.list_executions(stateMachineArn=arn)["executions"]
        newest = max(executions, key=lambda execution: execution["startDate"])
        given = self.own.stepfunctions.describe_execution(executionArn=newest["executionArn"])["input"]
        return cast("dict[str, Any]", json.loads(given))


class AgreeingPlatform(BaseAdapter):
    """The Graph API in the way of requests: takes every post and gives it an id."""

    taken = 0

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        """Take it."""
        self.taken += 1
        body = json.dumps({"messages": [{"id": f"wamid.ours{self.taken}"}]}).encode()
        response = requests.Response()
        response.status_code = 200
        response.request = request
        response.raw = urllib3.HTTPResponse(io.BytesIO(body), status=200, preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is open."""

    def session(self) -> requests.Session:
        """A session that reaches this platform and nothing else."""
        session = requests.Session()
        session.mount("https://", self)
        return session


@contextmanager
def account(at: datetime) -> Iterator[Account]:
    """An account of its own, in which it is `at`, until the block ends."""
    clock = FixedClock(at)
    with ExitStack() as held:
        held.enter_context(mock_aws())
        held.enter_context(redirect_stdout(OUTPUT))
        made = Account(clock)
        held.enter_context(patch.dict(os.environ, made.settings))
        held.enter_context(patch("shared.adapters.system.SystemClock", lambda: clock))
        held.enter_context(patch("shared.adapters.platforms.one_attempt_session", made.posts.session))
        held.enter_context(patch.object(bootstrap, "clients", lambda: made.heard))
        _forget_what_is_wired()
        held.callback(_forget_what_is_wired)
        yield made


def _forget_what_is_wired() -> None:
    for name in _WIRED:
        getattr(bootstrap, name).cache_clear()
