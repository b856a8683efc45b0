"""One conversation told in the order of time, with reasons."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infra.cli.desk import is_called
from infra.cli.timeline import entries
from infra.local.running import Execution
from shared.domain.records import Author, Intent, SendState, State
from tests.fakes import records

NOON = records.NOON
LATER = NOON + timedelta(hours=1)
TIMER = Execution(
    name="sla-1",
    status="ABORTED",
    conversation_id=records.CONVERSATION,
    target="first_response",
    revision=1,
    at="2026-11-20T12:30:00Z",
    started_at=NOON + timedelta(seconds=2),
    ended_at=LATER,
    cause="answered",
)


def told(messages=(), obligations=(), sends=(), executions=()):
    return entries(records.conversation(), messages, obligations, sends, executions)


def test_everything_stands_in_the_order_of_time():
    lines = told([records.message(sent_at=LATER)], [records.obligation()], [records.send()], [TIMER])
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert {line.what for line in lines} >= {"message", "obligation", "send", "timer"}


def test_a_message_is_told_with_who_wrote_it_and_what_came_with_it():
    (line,) = told([records.message(author_name="Ada", text="Look", rating=2)])
    assert line.text == "customer Ada: Look [image] [audio] (2 stars)"


def test_a_message_that_came_late_says_by_how_much():
    (line,) = told([records.message(received_at=NOON + timedelta(minutes=5))])
    assert line.reason == "reached us 0:05:00 later"


def test_a_deletion_of_an_unknown_message_is_told_without_the_message():
    (line,) = told([records.message(author=None, text=None, deleted_at=LATER)])
    assert (line.what, line.text, line.at) == ("deletion", "m1", LATER)


def test_what_is_left_to_do_is_told_with_its_record():
    lines = told([records.message(intents=(Intent.HAND_OFF,))])
    assert [(line.what, line.text, line.reason) for line in lines][1:] == [("intent", "hand_off", "not done yet")]


def test_a_stopped_timer_says_why():
    started, stopped = told(executions=[TIMER])
    assert started.reason == "sla-1"
    assert (stopped.text, stopped.reason) == ("first_response 1 aborted", "answered")


def test_a_missed_target_that_was_met_in_the_end_tells_both():
    owed = replace(records.obligation(), breached_at=LATER, met_at=LATER, state=State.MET)
    assert [line.text.split(" ", 2)[2] for line in told(obligations=[owed])][1:] == ["breached", "met"]


def test_a_withdrawn_obligation_says_that_nothing_is_left_to_answer():
    cancelled = replace(records.obligation(), state=State.CANCELLED)
    assert told(obligations=[cancelled])[-1].reason == "nothing is left to answer"


def test_a_send_that_failed_says_why():
    failed = replace(records.send(), state=SendState.FAILED, settled_at=LATER, reason="The window is closed.")
    assert told(sends=[failed])[-1].reason == "The window is closed."


def test_a_bots_words_are_told_as_the_bots():
    (line,) = told([records.message(author=Author.BOT, author_id="shop", text="We are away.", attachments=())])
    assert line.text == "bot shop: We are away."


@pytest.mark.parametrize("name", [records.CONVERSATION, records.CONVERSATION[:4], "thread", "ada", "@ada", "Ada L."])
def test_a_conversation_goes_by_its_ids_and_its_customers_names(name):
    named = records.conversation(customer_handle="@ada", customer_name="Ada L.")
    assert is_called(named, name)


def test_a_conversation_does_not_go_by_a_part_of_somebodys_name():
    assert not is_called(records.conversation(), "ad")


def test_times_are_kept_with_their_zone():
    assert all(line.at.tzinfo is not None for line in told([records.message()], executions=[TIMER]))
    assert datetime(2026, 11, 20, 12, tzinfo=UTC) == NOON
