from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from shared.adapters.clients import Clients
from shared.adapters.timers import StepFunctionsTimers
from shared.ports import Timer
from tests.fakes.effects import MemoryTimers
from tests.integration.adapters import aws

WAIT = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}}
TIMER = Timer(
    name="first-response-abc", conversation_id="c1", target="first_response", revision=2,
    at=datetime(2026, 11, 20, 12, 0, 0, 500_000, tzinfo=UTC),
)  # fmt: skip


@pytest.fixture
def machine(clients: Clients) -> str:
    role = "arn:aws:iam::123456789012:role/sla"
    made = clients.stepfunctions.create_state_machine(name="sla", definition=json.dumps(WAIT), roleArn=role)
    return made["stateMachineArn"]


@pytest.fixture
def timers(clients: Clients, machine: str) -> StepFunctionsTimers:
    return StepFunctionsTimers(clients, machine)


def execution(clients: Clients, machine: str) -> str:
    (one,) = clients.stepfunctions.list_executions(stateMachineArn=machine)["executions"]
    return one["executionArn"]


def test_a_timer_is_an_execution_of_its_name_that_knows_ids_and_the_first_look(
    clients: Clients, machine: str, timers: StepFunctionsTimers
):
    timers.start(TIMER)
    found = clients.stepfunctions.describe_execution(executionArn=execution(clients, machine))
    assert found["name"] == TIMER.name
    assert found["input"] == (
        '{"at":"2026-11-20T12:00:01Z","conversation_id":"c1","revision":2,"target":"first_response"}'
    )


def test_a_second_start_is_harmless_whatever_it_says(clients: Clients, machine: str, timers: StepFunctionsTimers):
    timers.start(TIMER)
    timers.start(TIMER)
    timers.start(replace(TIMER, revision=3))
    assert json.loads(
        clients.stepfunctions.describe_execution(executionArn=execution(clients, machine))["input"]
    )["revision"] == 2  # fmt: skip


def test_a_timer_is_stopped_with_its_cause(clients: Clients, machine: str, timers: StepFunctionsTimers, hook: aws.Hook):
    said: list[str] = []
    hook(
        clients.stepfunctions, "provide-client-params.*.StopExecution", lambda params, **_: said.append(params["cause"])
    )
    timers.start(TIMER)
    timers.stop(TIMER.name, "it is met")
    found = clients.stepfunctions.describe_execution(executionArn=execution(clients, machine))
    assert found["status"] == "ABORTED"
    assert said == ["it is met"]


def test_stopping_what_never_was_or_has_ended_is_harmless(timers: StepFunctionsTimers):
    timers.stop("never", "it is met")
    timers.start(TIMER)
    timers.stop(TIMER.name, "it is met")
    timers.stop(TIMER.name, "it is met")


def test_a_name_that_step_functions_refuses_is_raised_as_it_is(timers: StepFunctionsTimers):
    with pytest.raises(ClientError, match="InvalidName"):
        timers.start(replace(TIMER, name="a name"))


def test_the_twin_runs_a_name_once_and_stops_only_what_was_started():
    twin = MemoryTimers()
    twin.stop(TIMER.name, "too early")
    twin.start(TIMER)
    twin.start(replace(TIMER, revision=3))
    assert twin.running == (TIMER,)
    twin.stop(TIMER.name, "it is met")
    assert not any(twin.running)
    assert twin.stopped == {TIMER.name: "it is met"}
