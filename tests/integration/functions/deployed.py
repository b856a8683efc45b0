"""The functions as Lambda calls them, wired by shared/bootstrap.py to an AWS account that moto plays."""

from __future__ import annotations

import base64
import email
import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from io import BytesIO
from typing import Any

import requests
from aws_lambda_powertools.utilities.typing import LambdaContext
from moto.ses.models import ses_backends
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from functions.dispatch.handler import handler as dispatch
from functions.intake.handler import handler as intake
from functions.mail.handler import handler as mail
from functions.poll.handler import handler as poll
from functions.send.handler import handler as send
from functions.webhook.handler import handler as webhook
from shared import channels
from shared.adapters.clients import Clients
from shared.adapters.record_codec import decode
from shared.adapters.table import DynamoDesk
from shared.domain.exchange import Secret
from shared.domain.records import Key, Message, Record
from tests.fakes.given import FixedClock
from tests.integration.adapters import aws
from tests.unit.services.agents import receipt

PAGE = Secret(account_id="100200300", signing=("the app's secret",), credentials={"access_token": "token"})
AGENT, DOMAIN, TABLE = "ana@company.example", "in.company.example", "desk"
QUEUES = f"https://sqs.{aws.REGION}.amazonaws.com/{aws.ACCOUNT}"
ARN = f"{aws.REGION}:{aws.ACCOUNT}"
ENVIRONMENT = {
    "DESK_TABLE": TABLE,
    "ARCHIVE_BUCKET": "archive",
    "INBOUND_MAIL_BUCKET": "inbound",
    "INBOX_QUEUE_URL": f"{QUEUES}/inbox",
    "OUTBOUND_QUEUE_URL": f"{QUEUES}/outbound",
    "SLA_STATE_MACHINE_ARN": f"arn:aws:states:{ARN}:stateMachine:sla",
    "HAND_OFF_TOPIC_ARN": f"arn:aws:sns:{ARN}:hand-off",
    "SECRETS_PATH": "/nightdesk/test",
    "POLICY_FILE": "policy.yaml",
    "MAIL_DOMAIN": DOMAIN,
    "DESK_ADDRESS": AGENT,
    "CONFIGURATION_SET": "nightdesk",
    "MAX_BODY_BYTES": "3145728",
    "INBOUND_SMS_TOPIC_ARN": f"arn:aws:sns:{ARN}:inbound-sms",
}
CONTEXT = LambdaContext()  # nobody asks it anything
WAIT = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}}


def deploy(clients: Clients) -> None:
    """What template.yaml declares, as far as the functions call it."""
    aws.create_desk_table(clients, TABLE)
    for bucket in ("archive", "inbound"):
        clients.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for queue in ("inbox", "outbound", "subscriber"):
        clients.sqs.create_queue(QueueName=queue)
    topic = clients.sns.create_topic(Name="hand-off")["TopicArn"]
    clients.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{ARN}:subscriber")
    texts = clients.sns.create_topic(Name="inbound-sms")["TopicArn"]
    clients.sns.subscribe(TopicArn=texts, Protocol="sqs", Endpoint=f"arn:aws:sqs:{ARN}:inbox")
    role = f"arn:aws:iam::{aws.ACCOUNT}:role/sla"
    clients.stepfunctions.create_state_machine(name="sla", definition=json.dumps(WAIT), roleArn=role)
    clients.sesv2.create_email_identity(EmailIdentity=DOMAIN)
    clients.sesv2.create_configuration_set(ConfigurationSetName="nightdesk")
    account = {"signing": list(PAGE.signing), "verify_token": "word", "credentials": dict(PAGE.credentials)}
    _secret(clients, f"channels/facebook/{PAGE.account_id}", account)
    _secret(clients, "mail/reply-keys", {"current": "a key that signs reply addresses"})


def _secret(clients: Clients, name: str, value: Mapping[str, Any]) -> None:
    clients.ssm.put_parameter(Name=f"/nightdesk/test/{name}", Value=json.dumps(value), Type="SecureString")


@dataclass
class Platform(BaseAdapter):
    """The platform's API at the edge of the HTTP library."""

    asked: list[requests.PreparedRequest] = field(default_factory=list)
    answers: deque[tuple[int, Mapping[str, Any]]] = field(default_factory=deque)  # the next ones; then it posts

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        self.asked.append(request)
        posted = (200, {"recipient_id": "1", "message_id": f"m_out-{len(self.asked)}"})
        status, answer = self.answers.popleft() if self.answers else posted
        response = requests.Response()
        response.status_code, response.request = status, request
        response.raw = HTTPResponse(BytesIO(json.dumps(answer).encode()), status=status, preload_content=False)
        return response

    def close(self) -> None:
        """Nothing to close."""

    @property
    def texts(self) -> list[str]:
        """What customers read."""
        return [json.loads(r.body or b"")["message"]["text"] for r in self.asked if r.method == "POST"]


@dataclass
class Deployed:
    """Every hop of a message's journey, one call each."""

    clients: Clients
    clock: FixedClock
    platform: Platform

    @property
    def desk(self) -> DynamoDesk:
        return DynamoDesk(self.clients, TABLE)

    def request(self, body: bytes, headers: Mapping[str, str], *, channel: str = "facebook") -> dict[str, Any]:
        """An event of the HTTP API, payload format 2.0, as API Gateway makes it of a POST."""
        return {
            "version": "2.0",
            "routeKey": "ANY /webhooks/{channel}",
            "rawPath": f"/webhooks/{channel}",
            "rawQueryString": "",
            "headers": {"Content-Type": "application/json", **headers},
            "requestContext": {"http": {"method": "POST", "path": f"/webhooks/{channel}", "sourceIp": "192.0.2.1"}},
            "pathParameters": {"channel": channel},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }

    def deliver(self, body: bytes) -> dict[str, Any]:
        """A signed delivery of the page."""
        headers = channels.load_pushing("facebook").sign(body, PAGE, self.clock.now(), "")
        return webhook(self.request(body, headers), None)

    def queued(self, queue: str) -> list[dict[str, Any]]:
        """What waits in a queue, as an event source mapping hands it over; it is gone from the queue."""
        url, found = f"{QUEUES}/{queue}", []
        while messages := self.clients.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                self.clients.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(sqs_record(message["Body"], message["MessageId"]))
        return found

    def intake(self) -> Any:
        return intake({"Records": self.queued("inbox")}, CONTEXT)

    def poll(self, milliseconds: int = 300_000) -> None:
        """The schedule, with so much time until the function is stopped."""
        context = LambdaContext()
        context.get_remaining_time_in_millis = lambda: milliseconds  # type: ignore[method-assign]  # as Lambda gives it
        poll({}, context)

    def send(self) -> Any:
        return send({"Records": self.queued("outbound")}, CONTEXT)

    def dispatch(self) -> Any:
        """The stream brings every record that still intends something."""
        return dispatch({"Records": [stream_record(key) for key in self.undone()]}, CONTEXT)

    def undone(self) -> tuple[Key, ...]:
        return self.desk.undone(self.clock.now() + timedelta(days=30))

    def receive_mail(self, mime: bytes, ses_id: str, recipient: str) -> None:
        """SES takes a mail, stores it and tells the topic."""
        self.clients.s3.put_object(Bucket="inbound", Key=f"in/{ses_id}", Body=mime)
        mail(sns_event(receipt(ses_id, (recipient,), self.clock.now())), None)

    def mails(self) -> list[EmailMessage]:
        """What people got."""
        sent = ses_backends[aws.ACCOUNT][aws.REGION].sent_messages
        return [email.message_from_string(one.raw_data, policy=policy.default) for one in sent]

    def notices(self) -> list[str]:
        """What subscribers of the topic got."""
        return [record["body"] for record in self.queued("subscriber")]

    def stored(self) -> Iterable[Record]:
        """Everything on the desk."""
        items = self.clients.dynamodb.scan(TableName=TABLE)["Items"]
        return [decode(item) for item in items]

    def message(self, mid: str) -> Message:
        (found,) = (r for r in self.stored() if isinstance(r, Message) and r.message_id == mid)
        return found


def sqs_record(body: str, message_id: str = "one") -> dict[str, Any]:
    """A record of an SQS batch."""
    sent = {"SentTimestamp": "1795176000000"}
    return {"messageId": message_id, "receiptHandle": "h", "body": body, "attributes": sent, "eventSource": "aws:sqs"}


def stream_record(key: Key, event_name: str = "MODIFY", number: str | None = None) -> dict[str, Any]:
    """A record of a DynamoDB stream batch."""
    keys = {"pk": {"S": key.partition}, "sk": {"S": key.sort}}
    place = number or f"seq-{key.partition}-{key.sort}"
    return {"eventName": event_name, "eventSource": "aws:dynamodb", "dynamodb": {"Keys": keys, "SequenceNumber": place}}


def sns_event(*messages: str) -> dict[str, Any]:
    """A notification of a topic."""
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Type": "Notification", "Message": m}} for m in messages]}


def page_delivery(*items: Mapping[str, Any]) -> bytes:
    """A delivery of the page's messages."""
    entry = {"id": PAGE.account_id, "time": 0, "messaging": list(items)}
    return json.dumps({"object": "page", "entry": [entry]}).encode()


def item(mid: str, text: str, at: float, sender: str = "7700112233") -> dict[str, Any]:
    """A customer's message; `at` in seconds since 1970."""
    people = {"sender": {"id": sender}, "recipient": {"id": PAGE.account_id}}
    return {**people, "timestamp": int(at * 1000), "message": {"mid": mid, "text": text}}
