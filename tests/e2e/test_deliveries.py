"""Deliveries to the deployed stack: what is proven is taken, everything else is told why not."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from shared import channels
from shared.domain.records import State
from tests.e2e.said import conversation_of, message, unique

CAP_BYTES = 3 * 1024 * 1024


def test_the_template_deploys_with_every_output(stack):
    assert {"DeskTableName", "WebhookUrl", "SlaStateMachineArn", "InboundMailBucketName"} <= stack.outputs.keys()


def test_a_signed_delivery_is_taken_and_reaches_the_table(stack):
    customer = unique("ada")
    assert stack.deliver("web", message(customer, unique("m"), "Is the blue one back?"))[0] == 200
    assert stack.settle()
    conversation = conversation_of(stack, customer)
    (kept,) = stack.desk.messages(conversation.conversation_id)
    assert (kept.text, kept.author_id) == ("Is the blue one back?", customer)


def test_the_first_response_is_owed_and_watched_by_one_timer(stack):
    customer = unique("bob")
    stack.deliver("web", message(customer, unique("m")))
    assert stack.settle()
    known = conversation_of(stack, customer).conversation_id
    (owed,) = stack.desk.obligations(known)
    (timer,) = [one for one in stack.executions() if one.conversation_id == known]
    assert owed.state is State.OPEN
    assert (timer.status, timer.revision, timer.target) == ("RUNNING", owed.revision, "first_response")


@pytest.mark.parametrize("channel", channels.pushing_names())
def test_a_forged_delivery_is_refused_and_leaves_nothing(stack, channel):
    before = stack.queued()
    assert stack.deliver(channel, b'{"object": "page"}', forged=True)[0] == 401
    assert stack.queued() == before


def test_an_unsigned_delivery_is_refused(stack):
    assert stack.deliver("web", b"{}", headers={})[0] == 401


def test_a_body_over_the_cap_is_refused(stack):
    assert stack.deliver("web", b"x" * (CAP_BYTES + 1))[0] == 413


def test_a_channel_that_is_not_there_is_not_found(stack):
    assert requests.post(stack.webhook_url + "pigeon", data=b"{}", timeout=60).status_code == 404


def test_a_channel_that_is_asked_or_comes_by_mail_takes_no_deliveries(stack):
    assert requests.post(stack.webhook_url + "bluesky", data=b"{}", timeout=60).status_code == 404


def test_an_unreadable_delivery_is_taken_and_kept_with_its_reason(stack):
    body = f"{unique('not json')}".encode()
    assert stack.deliver("web", body)[0] == 200
    assert stack.settle()
    kept = [one for one in stack.desk.quarantined() if one.size == len(body) and one.source == "web"]
    assert kept
    assert "JSON" in kept[0].reason


def test_twenty_parallel_deliveries_of_ten_messages_give_one_conversation_each_and_ten_messages(stack):
    customers = [unique(name) for name in ("cleo", "dan", "eve")]
    bodies = [message(customers[n % 3], unique("burst"), f"Question {n}") for n in range(10)] * 2
    random.Random(20).shuffle(bodies)
    with ThreadPoolExecutor(len(bodies)) as senders:
        statuses = Counter(status for status, _ in senders.map(lambda body: stack.deliver("web", body), bodies))
    assert statuses == {200: 20}
    assert stack.settle()
    conversations = [conversation_of(stack, customer).conversation_id for customer in customers]
    kept = [one for known in conversations for one in stack.desk.messages(known)]
    assert sorted(one.text for one in kept) == sorted(f"Question {n}" for n in range(10))
    assert [len(stack.desk.obligations(known)) for known in conversations] == [1, 1, 1]
    assert stack.dead_letters() == {"inbox": 0, "dispatch": 0, "outbound": 0, "mail": 0}
