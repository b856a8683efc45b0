"""The SLA state machine: its form, which no linter reads, and its paths with the transitions each of them costs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from jsonata import Jsonata

from shared import errors
from shared.domain.events import wait_until
from shared.domain.records import Obligation, State, Target
from shared.services.clock import next_look, reached
from tests.infra.machine import TaskFailed, execute, expressions, targets
from tests.infra.stack import ROOT, functions, resources, spell

MACHINE = resources("AWS::Serverless::StateMachine")["SlaStateMachine"]
TEXT = (ROOT / MACHINE["DefinitionUri"]).read_text()
DEFINITION = json.loads(TEXT)
STATES = DEFINITION["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}

SINCE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WARN = SINCE + timedelta(minutes=45)
DUE = SINCE + timedelta(minutes=60)
INPUT = {"conversation_id": "abc", "target": "first_response", "revision": 3, "at": wait_until(WARN)}


class Desk:
    """One obligation, looked at as the clock function does, by the same rules."""

    def __init__(self):
        self.looks = []
        self.asked = []
        self.obligation = Obligation(
            conversation_id="abc",
            target=Target.FIRST_RESPONSE,
            revision=3,
            channel="facebook",
            since=SINCE,
            warn_at=WARN,
            due_at=DUE,
            rule="default",
            policy_version="1",
        )

    def look(self, payload, now):
        self.asked.append(payload)
        self.looks.append(now)
        if self.obligation.state is not State.OPEN:
            return {"again": None}
        self.obligation = reached(self.obligation, now)
        again = next_look(self.obligation)
        return {"again": wait_until(again) if again else None}


class Failing(Desk):
    """Fails with errors of these names before it answers."""

    def __init__(self, *names):
        super().__init__()
        self.names = list(names)

    def look(self, payload, now):
        if self.names:
            raise TaskFailed(self.names.pop(0))
        return super().look(payload, now)


def run(desk, *, start=SINCE, answered=None):
    return execute(DEFINITION, INPUT, desk.look, start=start, stop=answered)


# --- the paths and what they cost


def test_an_answer_before_the_warning_costs_one_transition():
    desk = Desk()
    done = run(desk, answered=WARN - timedelta(seconds=1))
    assert (done.status, done.entered, desk.looks) == ("ABORTED", ["Wait"], [])


def test_an_answer_after_the_warning_costs_four_transitions():
    desk = Desk()
    done = run(desk, answered=DUE - timedelta(seconds=1))
    assert (done.status, done.entered) == ("ABORTED", ["Wait", "Look", "More", "Wait"])
    assert desk.looks == [WARN]
    assert (desk.obligation.warned_at, desk.obligation.breached_at) == (WARN, None)


def test_a_breach_costs_seven_transitions():
    desk = Desk()
    done = run(desk)
    assert (done.status, done.entered) == ("SUCCEEDED", ["Wait", "Look", "More", "Wait", "Look", "More", "Done"])
    assert desk.looks == [WARN, DUE]
    assert desk.obligation.breached_at == DUE


def test_every_look_is_told_the_same_obligation():
    desk = Desk()
    run(desk)
    assert desk.asked == [{"conversation_id": "abc", "target": "first_response", "revision": 3}] * 2


@pytest.mark.parametrize("late", [timedelta(minutes=50), timedelta(hours=5)])
def test_a_late_start_moves_no_deadline(late):
    desk = Desk()
    run(desk, start=SINCE + late)
    assert desk.looks[0] == SINCE + late
    assert desk.obligation.breached_at == max(DUE, SINCE + late)


def test_an_obligation_that_was_met_unnoticed_ends_the_execution_at_its_first_look():
    desk = Desk()
    desk.obligation = replace(desk.obligation, state=State.MET)
    assert run(desk).entered == ["Wait", "Look", "More", "Done"]


@pytest.mark.parametrize("name", ["Unavailable", "Conflict", "Lambda.TooManyRequestsException", "States.Timeout"])
def test_what_passes_by_itself_is_tried_again(name):
    desk = Failing(name, name)
    done = run(desk)
    assert (done.status, done.retries) == ("SUCCEEDED", 2)
    assert desk.obligation.breached_at == DUE


@pytest.mark.parametrize(("desk", "retries"), [(Failing("Misconfigured"), 0), (Failing(*["Unavailable"] * 9), 8)])
def test_what_does_not_pass_ends_the_execution_with_a_reason_that_names_the_obligation(desk, retries):
    done = run(desk)
    assert (done.status, done.error, done.retries) == ("FAILED", "NotLooked", retries)
    assert done.entered == ["Wait", "Look", "NotLooked"]
    assert done.cause is not None
    assert "first_response revision 3 of conversation abc" in done.cause


# --- its form


def test_every_target_exists_and_every_state_is_reached():
    reached_states, ahead = set(), {DEFINITION["StartAt"]}
    while ahead:
        name = ahead.pop()
        reached_states.add(name)
        ahead |= targets(STATES[name]) - reached_states
    assert reached_states == set(STATES)


def test_every_placeholder_is_substituted_and_every_substitution_is_used():
    assert set(re.findall(r"\$\{(\w+)\}", TEXT)) == set(MACHINE["DefinitionSubstitutions"])


def test_every_expression_parses():
    found = list(expressions(DEFINITION))
    assert len(found) > 5
    for expression in found:
        assert Jsonata(expression)


def test_every_mark_of_an_expression_is_closed():
    assert len(list(expressions(DEFINITION))) == TEXT.count('"{%') == TEXT.count('%}"')


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_retry_with_backoff_a_catch_and_a_timeout(name):
    task = TASKS[name]
    assert all(r["BackoffRate"] > 1 and r["JitterStrategy"] == "FULL" for r in task["Retry"])
    assert [catch["ErrorEquals"] for catch in task["Catch"]] == [["States.ALL"]]
    assert task["TimeoutSeconds"] > functions()["clock"]["Timeout"]


def test_what_is_retried_are_our_errors_that_say_so_and_none_that_do_not():
    retried = {name for retrier in TASKS["Look"]["Retry"] for name in retrier["ErrorEquals"]}
    ours = {error.__name__: error for error in vars(errors).values() if isinstance(error, type)}
    assert {name for name, error in ours.items() if getattr(error, "retry", False)} <= retried
    assert not {name for name, error in ours.items() if getattr(error, "retry", True) is False} & retried


def test_it_waits_for_absolute_times_only():
    waits = [state for state in STATES.values() if state["Type"] == "Wait"]
    assert waits
    assert all("Timestamp" in wait and "Seconds" not in wait for wait in waits)


def test_it_holds_ids_and_times_and_nothing_a_customer_wrote():
    read = set(re.findall(r"\$states\.input\.(\w+)", TEXT))
    assert read == {*INPUT, "error"}


def test_it_is_standard_and_logs_errors_without_their_data():
    assert MACHINE["Type"] == "STANDARD"
    assert (MACHINE["Logging"]["Level"], MACHINE["Logging"]["IncludeExecutionData"]) == ("ERROR", False)
    assert spell(MACHINE["Role"]) == "SlaRole"


def test_it_is_given_to_dispatch_and_not_to_the_clock_it_invokes():
    knows = {name for name, f in functions().items() if "SLA_STATE_MACHINE_ARN" in f["Environment"]["Variables"]}
    assert knows == {"dispatch"}
    assert spell(MACHINE["DefinitionSubstitutions"]["ClockFunctionArn"]) == "ClockFunction"
