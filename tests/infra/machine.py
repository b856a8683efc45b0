"""A state machine of Wait, Task, Choice, Succeed and Fail run in the blink of an eye: time is a number that Wait moves.

It follows the Amazon States Language with JSONata (states-language.net, Step Functions developer guide) for what
infra/statemachines uses, and refuses the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jsonata import Jsonata

State = Mapping[str, Any]
Task = Callable[[Mapping[str, Any], datetime], Any]


class TaskFailed(Exception):
    """A task failed with an error of that name."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(name)
        self.name = name
        self.cause = cause


@dataclass
class Run:
    """What became of an execution. Every state entered is a transition on the bill, and so is every retry."""

    now: datetime
    status: str = "RUNNING"
    entered: list[str] = field(default_factory=list)
    retries: int = 0
    error: str | None = None
    cause: str | None = None


def expressions(node: Any) -> Iterator[str]:
    """Every JSONata expression below a node, without its marks."""
    if isinstance(node, str):
        if node.startswith("{%"):
            yield node.removeprefix("{%").removesuffix("%}")
    elif isinstance(node, Mapping):
        for child in node.values():
            yield from expressions(child)
    elif isinstance(node, list):
        for child in node:
            yield from expressions(child)


def targets(state: State) -> set[str]:
    """Where a state may lead."""
    branches = [state, *state.get("Choices", ()), *state.get("Catch", ())]
    return {branch[key] for branch in branches for key in ("Next", "Default") if key in branch}


def evaluate(node: Any, states: Mapping[str, Any]) -> Any:
    """A node with its expressions replaced by what they yield."""
    if isinstance(node, Mapping):
        return {key: evaluate(child, states) for key, child in node.items()}
    if isinstance(node, str) and node.startswith("{%"):
        expression = Jsonata(next(expressions(node)))
        frame = expression.create_frame()
        frame.bind("states", states)
        return expression.evaluate(None, frame)
    return node


def execute(
    definition: Mapping[str, Any],
    given: Mapping[str, Any],
    task: Task,
    *,
    start: datetime,
    stop: datetime | None = None,
) -> Run:
    """Run to the end, or until StopExecution at `stop`, which comes before anything else of that instant."""
    run = Run(now=start)
    name, data = definition["StartAt"], dict(given)
    while run.status == "RUNNING":
        state = definition["States"][name]
        run.entered.append(name)
        name, data = _STEPS[state["Type"]](run, state, data, task, stop)
    return run


def _wait(run: Run, state: State, data: dict[str, Any], _task: Task, stop: datetime | None) -> tuple[str, Any]:
    text = evaluate(state["Timestamp"], {"input": data})
    until = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    if stop is not None and run.now <= stop <= until:
        run.now, run.status = stop, "ABORTED"
    run.now = max(run.now, until) if run.status == "RUNNING" else run.now
    return state["Next"], data


def _task(run: Run, state: State, data: dict[str, Any], task: Task, _stop: datetime | None) -> tuple[str, Any]:
    arguments = evaluate(state["Arguments"], {"input": data})
    attempts: Counter[int] = Counter()
    while True:
        try:
            result = {"Payload": task(arguments["Payload"], run.now)}
        except TaskFailed as failure:
            if _retries(state, failure, attempts):
                run.retries += 1
                continue
            return _caught(run, state, data, failure)
        return state["Next"], evaluate(state["Output"], {"input": data, "result": result})


def _retries(state: State, failure: TaskFailed, attempts: Counter[int]) -> bool:
    for index, retrier in enumerate(state["Retry"]):
        if failure.name in retrier["ErrorEquals"] or "States.ALL" in retrier["ErrorEquals"]:
            attempts[index] += 1
            return attempts[index] <= int(retrier["MaxAttempts"])
    return False


def _caught(run: Run, state: State, data: dict[str, Any], failure: TaskFailed) -> tuple[str, Any]:
    for catcher in state["Catch"]:
        if failure.name in catcher["ErrorEquals"] or "States.ALL" in catcher["ErrorEquals"]:
            error = {"Error": failure.name, "Cause": failure.cause}
            return catcher["Next"], evaluate(catcher["Output"], {"input": data, "errorOutput": error})
    run.status, run.error = "FAILED", failure.name
    return "", data


def _choice(_run: Run, state: State, data: dict[str, Any], _task: Task, _stop: datetime | None) -> tuple[str, Any]:
    for choice in state["Choices"]:
        if evaluate(choice["Condition"], {"input": data}) is True:
            return choice["Next"], data
    return state["Default"], data


def _succeed(run: Run, _state: State, data: dict[str, Any], _task: Task, _stop: datetime | None) -> tuple[str, Any]:
    run.status = "SUCCEEDED"
    return "", data


def _fail(run: Run, state: State, data: dict[str, Any], _task: Task, _stop: datetime | None) -> tuple[str, Any]:
    run.status = "FAILED"
    run.error = evaluate(state["Error"], {"input": data})
    run.cause = evaluate(state["Cause"], {"input": data})
    return "", data


_STEPS = {"Wait": _wait, "Task": _task, "Choice": _choice, "Succeed": _succeed, "Fail": _fail}
