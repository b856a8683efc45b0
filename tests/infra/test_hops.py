"""The hops between functions: nothing that fails on the way is lost, nothing is repeated more than it must be."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from functions.poll import handler as poll
from shared.adapters.platforms import CONNECT_SECONDS, READ_SECONDS
from shared.domain.ledger import MOST_ATTEMPTS
from shared.domain.watching import LEASE, READ_FOR
from tests.infra.stack import events, functions, listed, resources, spell

QUEUES = resources("AWS::SQS::Queue")
WORK = [name for name in QUEUES if name.endswith("Queue")]
DEAD_LETTERS = [name for name in QUEUES if name.endswith("DeadLetters")]
DAY = 24 * 3600
POLLED = [(name, source) for name, function in functions().items() for source in events(function, "SQS")]


def test_the_queues_are_the_inbox_and_the_outbound_and_what_failed_at_each_hop():
    assert set(WORK) == {"InboxQueue", "OutboundQueue"}
    assert set(DEAD_LETTERS) == {"InboxDeadLetters", "OutboundDeadLetters", "DispatchDeadLetters", "MailDeadLetters"}
    assert {(name, spell(source["Queue"])) for name, source in POLLED} == {
        ("intake", "InboxQueue"),
        ("send", "OutboundQueue"),
    }


@pytest.mark.parametrize("queue", WORK)
def test_a_message_that_keeps_failing_is_kept_apart_for_longer_than_it_could_wait(queue):
    redrive = QUEUES[queue]["RedrivePolicy"]
    dead_letters = spell(redrive["deadLetterTargetArn"])
    assert dead_letters == queue.replace("Queue", "DeadLetters")
    assert redrive["maxReceiveCount"] >= 5
    assert QUEUES[dead_letters]["MessageRetentionPeriod"] > QUEUES[queue]["MessageRetentionPeriod"]


@pytest.mark.parametrize("queue", DEAD_LETTERS)
def test_what_failed_is_kept_for_fourteen_days(queue):
    assert QUEUES[queue]["MessageRetentionPeriod"] == 14 * DAY


@pytest.mark.parametrize("queue", QUEUES)
def test_queues_are_encrypted_and_standard(queue):
    assert QUEUES[queue]["SqsManagedSseEnabled"] is True
    assert "FifoQueue" not in QUEUES[queue]


@pytest.mark.parametrize(("name", "source"), POLLED)
def test_a_message_stays_hidden_for_six_times_as_long_as_its_function_may_run(name, source):
    hidden = QUEUES[spell(source["Queue"])]["VisibilityTimeout"]
    assert hidden >= 6 * functions()[name]["Timeout"] + source.get("MaximumBatchingWindowInSeconds", 0)


@pytest.mark.parametrize(("name", "source"), POLLED)
def test_one_bad_message_does_not_bring_back_its_neighbours(name, source):
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_no_consumer_of_a_queue_reserves_concurrency():
    # The poller would be throttled and every throttle counts as a receive (Lambda developer guide, SQS scaling).
    assert not [name for name, _ in POLLED if "ReservedConcurrentExecutions" in functions()[name]]


def test_the_ledger_gives_up_on_a_send_and_says_so_before_the_queue_gives_it_up_in_silence():
    assert QUEUES["OutboundQueue"]["RedrivePolicy"]["maxReceiveCount"] >= 2 * MOST_ATTEMPTS


def test_platforms_are_posted_to_by_a_few_functions_at_once():
    (source,) = events(functions()["send"], "SQS")
    assert 2 <= source["ScalingConfig"]["MaximumConcurrency"] <= 10


def test_the_stream_gives_dispatch_records_with_undone_intents_only():
    (stream,) = events(functions()["dispatch"], "DynamoDB")
    (pattern,) = [json.loads(f["Pattern"]) for f in stream["FilterCriteria"]["Filters"]]
    assert pattern == {"dynamodb": {"NewImage": {"todo_shard": {"S": [{"exists": True}]}}}}
    assert stream["StartingPosition"] == "TRIM_HORIZON"
    assert stream["MaximumBatchingWindowInSeconds"] == 1


def test_a_record_that_dispatch_cannot_carry_out_is_set_aside_after_a_while():
    (stream,) = events(functions()["dispatch"], "DynamoDB")
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert 100 <= stream["MaximumRetryAttempts"] <= 10_000  # an outage of hours loses nothing, and it ends
    assert 60 <= stream["MaximumRecordAgeInSeconds"] < DAY  # the stream itself forgets after a day
    assert spell(stream["DestinationConfig"]["OnFailure"]["Destination"]) == "DispatchDeadLetters"


def test_a_mail_that_cannot_be_taken_is_set_aside_on_both_ways_in():
    mail = functions()["mail"]
    (notice,) = events(mail, "SNS")
    assert spell(notice["Topic"]) == "InboundMailTopic"
    assert spell(notice["RedrivePolicy"]["deadLetterTargetArn"]) == "MailDeadLetters"
    assert spell(mail["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"]) == "MailDeadLetters"
    assert mail["EventInvokeConfig"]["MaximumRetryAttempts"] == 2


def test_every_event_source_is_one_whose_failures_are_tested_here():
    kinds = {event["Type"] for f in functions().values() for event in f.get("Events", {}).values()}
    assert kinds == {"SQS", "DynamoDB", "SNS", "ScheduleV2"}


def test_the_sweep_comes_every_minute_and_a_failed_one_is_followed_by_the_next():
    (sweep,) = events(functions()["dispatch"], "ScheduleV2")
    assert sweep == {"ScheduleExpression": "rate(1 minute)", "RetryPolicy": {"MaximumRetryAttempts": 0}}


def test_the_poller_comes_every_minute_and_a_failed_run_is_followed_by_the_next():
    (schedule,) = events(functions()["poll"], "ScheduleV2")
    assert schedule == {"ScheduleExpression": "rate(1 minute)", "RetryPolicy": {"MaximumRetryAttempts": 0}}
    assert functions()["poll"]["EventInvokeConfig"] == {"MaximumRetryAttempts": 0}


def test_a_feed_that_is_begun_is_finished_before_the_poller_is_stopped():
    longest_call = timedelta(seconds=CONNECT_SECONDS + READ_SECONDS)
    assert READ_FOR + 2 * longest_call <= poll.ENOUGH  # the last page, and the hands that put it away
    assert timedelta(seconds=functions()["poll"]["Timeout"]) >= 2 * poll.ENOUGH
    assert READ_FOR + 2 * longest_call <= LEASE


def test_only_our_own_topics_put_anything_into_a_queue():
    let_in = {
        (statement["Action"], spell(queue), spell(statement["Condition"]["ArnEquals"]["aws:SourceArn"]))
        for policy in resources("AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        for queue in listed(statement["Resource"])
        if statement["Principal"] == {"Service": "sns.amazonaws.com"}
    }
    assert let_in == {
        ("sqs:SendMessage", "MailDeadLetters", "InboundMailTopic"),
        ("sqs:SendMessage", "InboxQueue", "InboundSmsTopic"),
        ("sqs:SendMessage", "InboxDeadLetters", "InboundSmsTopic"),
    }
    for policy in resources("AWS::SQS::QueuePolicy").values():
        named = {spell(q) for s in policy["PolicyDocument"]["Statement"] for q in listed(s["Resource"])}
        assert {spell(queue) for queue in policy["Queues"]} == named


def test_the_hand_off_topic_is_encrypted():
    assert resources("AWS::SNS::Topic")["HandOffTopic"]["KmsMasterKeyId"] == "alias/aws/sns"
