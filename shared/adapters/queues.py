"""The two queues on SQS, and reading their messages back.

A message holds at most 1 MiB (SQS, quotas), and base64 makes three bytes four; a longer body goes to the archive first
and the message holds where it is.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from shared.adapters.clients import Clients, aws_errors
from shared.adapters.record_codec import stamp
from shared.domain.exchange import Delivery
from shared.domain.records import Key
from shared.errors import Unreadable
from shared.ports import Archive

LONGEST_IN_MESSAGE = 600 * 1024  # bytes of a raw body; 800 KiB as base64


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


def delivery_of(message: str, fetch: Callable[[str], bytes]) -> Delivery:
    """The delivery in a message of the inbox; `fetch` gets a long body from the archive.

    Raises Unreadable for what SqsInbox has not written, and what `fetch` raises.
    """
    read = _fields(message, "inbox")
    try:
        content = fetch(read["body_key"]) if "body_key" in read else base64.b64decode(read["body"], validate=True)
        return Delivery(
            delivery_id=read["delivery_id"],
            channel=read["channel"],
            body=content,
            received_at=datetime.fromisoformat(read["received_at"]),
        )
    except ValueError as error:
        raise Unreadable("A message of the inbox holds a body or a time that cannot be read.") from error


def send_key_of(message: str) -> Key:
    """The ledger entry a message of the outbox names. Raises Unreadable for what SqsOutbox has not written."""
    read = _fields(message, "outbox")
    return Key(read["partition"], read["sort"])


def _envelope(delivery: Delivery) -> dict[str, str]:
    return {
        "channel": delivery.channel,
        "delivery_id": delivery.delivery_id,
        "received_at": stamp(delivery.received_at),
    }


_EXPECTED = {"inbox": {"channel", "delivery_id", "received_at"}, "outbox": {"partition", "sort"}}


def _fields(message: str, queue: str) -> dict[str, str]:
    try:
        read: Any = json.loads(message)
    except ValueError as error:
        raise Unreadable(f"A message of the {queue} is not JSON.") from error
    complete = isinstance(read, dict) and _EXPECTED[queue] <= read.keys()
    if queue == "inbox" and complete:
        complete = "body" in read or "body_key" in read
    if not complete or not all(isinstance(value, str) for value in read.values()):
        raise Unreadable(f"A message of the {queue} lacks what it should name.")
    return dict(read)
