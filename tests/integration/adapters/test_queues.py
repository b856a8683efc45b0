from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.archive import S3Archive
from shared.adapters.clients import Clients
from shared.adapters.queues import LONGEST_IN_MESSAGE, SqsInbox, SqsOutbox, Waited, delivery_of, send_key_of
from shared.domain.exchange import Delivery
from shared.domain.records import Key
from shared.errors import Unavailable, Unreadable
from tests.fakes.effects import MemoryArchive

RECEIVED = datetime(2026, 11, 20, 12, 0, 0, 123000, tzinfo=UTC)
MOST_IN_SQS = 1024 * 1024  # bytes of a message


def delivery(body: bytes) -> Delivery:
    return Delivery(delivery_id="d1", channel="web", body=body, received_at=RECEIVED)


@pytest.fixture
def queue(clients: Clients) -> str:
    return clients.sqs.create_queue(QueueName="queue")["QueueUrl"]


TOPIC = "arn:aws:sns:eu-central-1:123456789012:inbound-sms"


def read(message: str, fetch: Callable[[str], bytes]) -> Delivery:
    """As intake reads a message that the queue took a minute later."""
    return delivery_of(Waited(body=message, sent_at=RECEIVED + timedelta(minutes=1)), fetch, {TOPIC: "aws_sms"})


def taken(clients: Clients, queue: str) -> str:
    (message,) = clients.sqs.receive_message(QueueUrl=queue)["Messages"]
    return message["Body"]


@pytest.mark.parametrize("body", [b"", b"{}", bytes(range(256)), b"\xff" * LONGEST_IN_MESSAGE])
def test_a_delivery_comes_out_of_the_queue_as_it_went_in(clients: Clients, queue: str, body: bytes):
    archive = MemoryArchive()
    SqsInbox(clients, queue, archive).put(delivery(body))
    assert read(taken(clients, queue), archive.get) == delivery(body)
    assert archive.kept == {}


@pytest.mark.parametrize("repairs", [True, False])
def test_what_a_webhook_missed_is_known_as_such_on_the_other_side(clients: Clients, queue: str, repairs: bool):
    given = replace(delivery(b"{}"), repairs=repairs)
    SqsInbox(clients, queue, MemoryArchive()).put(given)
    assert read(taken(clients, queue), MemoryArchive().get) == given


def test_a_body_too_long_for_a_message_goes_to_the_archive_first(clients: Clients, queue: str):
    clients.s3.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    archive = S3Archive(clients, "archive")
    long = delivery(b"\x00" * (LONGEST_IN_MESSAGE + 1))
    SqsInbox(clients, queue, archive).put(long)
    assert archive.get("big/d1") == long.body
    message = taken(clients, queue)
    assert len(message) < 1000
    assert read(message, archive.get) == long


def test_the_longest_message_leaves_room_below_the_limit_of_the_queue(clients: Clients, queue: str):
    SqsInbox(clients, queue, MemoryArchive()).put(delivery(b"\x00" * LONGEST_IN_MESSAGE))
    assert len(taken(clients, queue)) < MOST_IN_SQS * 0.9


def test_a_long_body_that_the_archive_does_not_take_is_not_announced(clients: Clients, queue: str):
    class Refusing(MemoryArchive):
        def put(self, key: str, body: bytes) -> None:
            raise Unavailable("not now")

    with pytest.raises(Unavailable):
        SqsInbox(clients, queue, Refusing()).put(delivery(b"\x00" * (LONGEST_IN_MESSAGE + 1)))
    assert "Messages" not in clients.sqs.receive_message(QueueUrl=queue)


def test_a_ledger_entry_comes_out_of_the_queue_as_it_went_in(clients: Clients, queue: str):
    key = Key("C#abc", "S#reply-ü")
    SqsOutbox(clients, queue).put(key)
    assert send_key_of(taken(clients, queue)) == key


def test_a_body_that_is_gone_from_the_archive_is_said_to_be_gone(clients: Clients, queue: str):
    SqsInbox(clients, queue, MemoryArchive()).put(delivery(b"\x00" * (LONGEST_IN_MESSAGE + 1)))
    with pytest.raises(KeyError):
        read(taken(clients, queue), MemoryArchive().get)


SOUND = {"channel": "web", "delivery_id": "d1", "received_at": "2026-11-20T12:00:00.000000Z", "body": "e30="}


def test_what_the_inbox_writes_is_what_its_reader_expects():
    assert read(json.dumps(SOUND), MemoryArchive().get).body == base64.b64decode("e30=")


@pytest.mark.parametrize("missing", SOUND)
def test_a_message_of_the_inbox_that_lacks_something_is_unreadable(missing: str):
    with pytest.raises(Unreadable):
        read(json.dumps({name: value for name, value in SOUND.items() if name != missing}), MemoryArchive().get)


# -- what a topic puts into the inbox ---------------------------------------------------------------------------------


TEXT = json.dumps({"originationNumber": "+15550100001", "messageBody": "Wo bleibt es? 📦"}, ensure_ascii=False)
NOTIFICATION = {
    "Type": "Notification",
    "MessageId": "5d0f8c2e-0000-4000-8000-000000000001",
    "TopicArn": TOPIC,
    "Message": TEXT,
    "Timestamp": "2026-11-20T11:59:59.000Z",
    "SignatureVersion": "1",
    "MessageAttributes": {"origin": {"Type": "String", "Value": "x"}},
}


def test_a_text_that_comes_through_the_topic_is_a_delivery_whole_envelope_and_all(clients: Clients, queue: str):
    topic = clients.sns.create_topic(Name="inbound-sms")["TopicArn"]
    arn = clients.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    clients.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    published = clients.sns.publish(TopicArn=topic, Message=TEXT)["MessageId"]
    message = taken(clients, queue)
    assert topic == TOPIC
    found = read(message, MemoryArchive().get)
    assert found == Delivery(
        delivery_id=published,
        channel="aws_sms",
        body=message.encode(),
        received_at=RECEIVED + timedelta(minutes=1),
    )
    assert json.loads(json.loads(found.body)["Message"]) == json.loads(TEXT)


@pytest.mark.parametrize(
    "change",
    [
        {"TopicArn": TOPIC + "-of-somebody"},
        {"TopicArn": None},
        {"TopicArn": [TOPIC]},
        {"MessageId": None},
        {"Type": "SubscriptionConfirmation"},
        {"Type": "UnsubscribeConfirmation"},
    ],
)
def test_a_notification_of_any_other_kind_or_topic_is_unreadable(change: dict[str, object]):
    with pytest.raises(Unreadable):
        read(json.dumps(NOTIFICATION | change), MemoryArchive().get)


def test_a_message_of_ours_that_calls_itself_a_notification_is_not_taken_for_one():
    with pytest.raises(Unreadable):
        read(json.dumps(SOUND | {"Type": "Notification"}), MemoryArchive().get)


@given(st.text() | st.builds(json.dumps, st.dictionaries(st.sampled_from([*SOUND, "partition", "sort"]), st.text())))
def test_no_text_makes_the_readers_raise_anything_but_unreadable(text: str):
    with suppress(Unreadable):
        read(text, lambda _: b"")
    with suppress(Unreadable):
        send_key_of(text)
