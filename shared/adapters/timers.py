"""SLA timers on Step Functions: one Standard execution per obligation and revision."""

from __future__ import annotations

import json

from botocore.exceptions import ClientError

from shared.adapters.clients import Clients, aws_errors, code_of
from shared.domain.events import wait_until
from shared.ports import Timer


class StepFunctionsTimers:
    """Executions of the SLA machine. A name is used once in 90 days (StartExecution), so a start may be repeated."""

    def __init__(self, clients: Clients, machine_arn: str) -> None:
        self._clients = clients
        self._machine_arn = machine_arn

    def start(self, timer: Timer) -> None:
        """Start it; one of that name that runs or ran is fine, and so is a time that has passed. Raises Unavailable."""
        with aws_errors():
            try:
                self._clients.stepfunctions.start_execution(
                    stateMachineArn=self._machine_arn, name=timer.name, input=_input(timer)
                )
            except ClientError as error:
                if code_of(error) != "ExecutionAlreadyExists":
                    raise

    def stop(self, name: str, cause: str) -> None:
        """Stop it; one that has ended or never was is fine. Raises Unavailable."""
        with aws_errors():
            try:
                self._clients.stepfunctions.stop_execution(executionArn=self._execution_arn(name), cause=cause)
            except ClientError as error:
                if code_of(error) != "ExecutionDoesNotExist":
                    raise

    def _execution_arn(self, name: str) -> str:
        return f"{self._machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}"


def _input(timer: Timer) -> str:
    """Canonical and without any "now": the same timer is the same input, which makes a second start harmless."""
    known = {
        "at": wait_until(timer.at),
        "conversation_id": timer.conversation_id,
        "revision": timer.revision,
        "target": str(timer.target),
    }
    return json.dumps(known, sort_keys=True, separators=(",", ":"))
