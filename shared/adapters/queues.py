"""The two queues on SQS, and reading their messages back.

A message holds at most 1 MiB (SQS, quotas), and base64 makes three bytes four; a longer body goes to the archive first
and the message holds where it is. A topic of ours may put its notifications into the inbox: what reaches us through
AWS.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.adapters.clients import Clients, aws_errors
from shared.adapters.record_codec import stamp
from shared.domain.exchange import Delivery
from shared.domain.records import Key
from shared.errors import Unreadable
from shared.ports import Archive

LONGEST_IN_MESSAGE = 600 * 1024  # bytes of a raw body; 800 KiB as base64
REPAIRS = "yes"  # what is in it was missed by a webhook


class SqsInbox:
    """The queue between webhook and intake."""

    def __init__(self, clients: Clients, queue_url: str, archive: Archive) -> None:
        self._clients = clients
        self._queue_url = queue_url
        self._archive = archive

    def put(self, delivery: Delivery) -> None:
        """Keep the delivery. Raises Unavailable: it may then be on the queue or not."""
        body = json.dumps(_envelope(delivery) | self._content(delivery), separators=(",", ":"))
        with aws_errors():
            self._clients.sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)

    def _content(self, delivery: Delivery) -> dict[str, str]:
        if len(delivery.body) <= LONGEST_IN_MESSAGE:
            return {"body": base64.b64encode(delivery.body).decode()}
        key = f"big/{delivery.delivery_id}"
        self._archive.put(key, delivery.body)
        return {"body_key": key}


class SqsOutbox:
    """The queue in front of the platforms. A message names a ledger entry; the text stays on the desk."""

    def __init__(self, clients: Clients, queue_url: str) -> None:
        self._clients = clients
        self._queue_url = queue_url

    def put(self, send: Key) -> None:
        """Ask for this ledger entry to be posted. Raises Unavailable."""
        body = json.dumps({"partition": send.partition, "sort": send.sort}, separators=(",", ":"))
        with aws_errors():
            self._clients.sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """A message of the inbox as the queue hands it out, and when the queue took it."""

    body: str
    sent_at: datetime


def delivery_of(message: Waited, fetch: Callable[[str], bytes], topics: Mapping[str, str]) -> Delivery:
    """The delivery in a message of the inbox; `fetch` gets a long body from the archive, `topics` names the channel of
    each topic that puts its notifications there (SNS developer guide, "Parsing Amazon SNS message formats").

    Raises Unreadable for what neither SqsInbox nor one of the topics has written, and what `fetch` raises.
    """
    read = _object(message.body, "inbox")
    if read.get("Type") == "Notification":
        return _notified(message, read, topics)
    read = _complete(read, "inbox")
    try:
        content = fetch(read["body_key"]) if "body_key" in read else base64.b64decode(read["body"], validate=True)
        return Delivery(
            delivery_id=read["delivery_id"],
            channel=read["channel"],
            body=content,
            received_at=datetime.fromisoformat(read["received_at"]),
            repairs=read.get("repairs") == REPAIRS,
            account_id=read.get("account_id"),
        )
    except ValueError as error:
        raise Unreadable("A message of the inbox holds a body or a time that cannot be read.") from error


def _notified(message: Waited, read: Mapping[str, Any], topics: Mapping[str, str]) -> Delivery:
    """The whole envelope is the body: it holds the time and the id that the text itself does not have."""
    channel, delivery_id = topics.get(str(read.get("TopicArn"))), read.get("MessageId")
    if channel is None or not isinstance(delivery_id, str):
        raise Unreadable("A message of the inbox is a notification of no topic of ours.")
    body = message.body.encode("utf-8", "surrogatepass")
    return Delivery(delivery_id=delivery_id, channel=channel, body=body, received_at=message.sent_at)


def send_key_of(message: str) -> Key:
    """The ledger entry a message of the outbox names. Raises Unreadable for what SqsOutbox has not written."""
    read = _complete(_object(message, "outbox"), "outbox")
    return Key(read["partition"], read["sort"])


def _envelope(delivery: Delivery) -> dict[str, str]:
    return {
        "channel": delivery.channel,
        "delivery_id": delivery.delivery_id,
        "received_at": stamp(delivery.received_at),
        **({"repairs": REPAIRS} if delivery.repairs else {}),
        **({"account_id": delivery.account_id} if delivery.account_id is not None else {}),
    }


_EXPECTED = {"inbox": {"channel", "delivery_id", "received_at"}, "outbox": {"partition", "sort"}}


def _object(message: str, queue: str) -> Mapping[str, Any]:
    try:
        read: Any = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"A message of the {queue} is not JSON.") from error
    if not isinstance(read, dict):
        raise Unreadable(f"A message of the {queue} is not a JSON object.")
    return read


def _complete(read: Mapping[str, Any], queue: str) -> dict[str, str]:
    complete = _EXPECTED[queue] <= read.keys()
    if queue == "inbox" and complete:
        complete = "body" in read or "body_key" in read
    if not complete or not all(isinstance(value, str) for value in read.values()):
        raise Unreadable(f"A message of the {queue} lacks what it should name.")
    return dict(read)
