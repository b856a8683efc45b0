"""A seeded world: queues, stream, timers, platform and mailbox in memory, with virtual time and faults of one seed.

Every invocation is a greenlet and every port call is a place where the scheduler may turn to another invocation and
where the call may be throttled, done with its answer lost, or where the whole invocation may die before or after it.
The semantics are those that are documented: queues and streams deliver at least once, a stream keeps order per
record, an execution's name is used once, mail and platforms know no idempotency.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

from shared.errors import NightdeskError, Unavailable

T = TypeVar("T")

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday noon
VISIBILITY = timedelta(seconds=360)  # of the queues in template.yaml
STREAM_RETRY = timedelta(seconds=1)
TASK_RETRY = timedelta(seconds=5)
FAULTS = ("throttled", "answer_lost", "died_before", "died_after")
MOST_TRIES_HEALED = 6  # of one queue message, once nothing fails any more: a lease may still have to end


class Died(BaseException):
    """The invocation's process ended here."""


class AnswerLost(Unavailable):
    """The call was carried out, and nobody heard of it."""


@dataclass(frozen=True)
class Planned:
    """One fault at one place and no other: for the systematic runs. Places are port calls, and for the fault "twice"
    the hops between functions; both count from 1.
    """

    place: int
    fault: str


@dataclass(frozen=True)
class Weights:
    """How often a port call fails, by kind, and how often a hop delivers twice."""

    throttled: float = 0.02
    answer_lost: float = 0.02
    died_before: float = 0.01
    died_after: float = 0.01
    twice: float = 0.1
    forgotten: float = 0.0  # a stream record or an execution that is never heard of again: the sweep has to find it

    @classmethod
    def drawn(cls, rng: random.Random) -> Weights:
        """Each seed has its own mix, so that rare pairs of faults are met too."""
        level = rng.choice([0.0, 0.5, 1.0, 2.0])
        return cls(
            throttled=0.02 * level * rng.random() * 2,
            answer_lost=0.02 * level * rng.random() * 2,
            died_before=0.01 * level * rng.random() * 2,
            died_after=0.01 * level * rng.random() * 2,
            twice=rng.choice([0.0, 0.1, 0.3]),
            forgotten=rng.choice([0.0, 0.0, 0.0, 0.2]),
        )


NO_FAULTS = Weights(throttled=0, answer_lost=0, died_before=0, died_after=0, twice=0)


@dataclass
class Invocation:
    """One run of a function, between two port calls."""

    name: str
    run: greenlet
    done: Callable[[Any], None]
    failed: Callable[[], None]


@dataclass
class World:
    """The scheduler and the faults."""

    seed: int
    weights: Weights | None = None
    planned: Planned | None = None
    now: datetime = START
    calls: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.weights = self.weights or Weights.drawn(self.rng)
        self.healed = False
        self.repeats = 0  # invocations that failed or came twice: each may have repeated a mail
        self.crossed: list[str] = []  # every port call in its order, for the systematic runs
        self.stuck: list[str] = []  # queue messages that fail though nothing else does
        self.hops = 0
        self._inside = ""
        self._running: list[Invocation] = []
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._main = getcurrent()

    # -- what the ports use ---------------------------------------------------------------------------------------

    def cross(self, call: str, act: Callable[[], T]) -> T:
        """A port call: let others run, then do it, or fail as this seed says."""
        self.calls[call] += 1
        self._main.switch()
        self.crossed.append(call)
        fault = self._draw()
        if fault is None:
            return act()
        self.faults[f"{call}:{fault}"] += 1
        self.note(f"  FAULT in {self._inside}: call {len(self.crossed)}, {call}, {fault}")
        if fault in {"answer_lost", "died_after"}:
            act()
        if fault.startswith("died"):
            raise Died
        if fault == "answer_lost":
            raise AnswerLost("simulated: the answer was lost")
        raise Unavailable(f"simulated: {fault}")

    def at(self, when: datetime, act: Callable[[], None]) -> None:
        """Put something on the agenda."""
        heapq.heappush(self._agenda, (when, next(self._order), act))

    def soon(self, act: Callable[[], None], most: float = 2.0) -> None:
        """Put something on the agenda within `most` seconds."""
        self.at(self.now + timedelta(seconds=self.rng.random() * most), act)

    def twice(self) -> bool:
        """Whether this hop delivers a second copy."""
        self.hops += 1
        if self.planned is not None:
            twice = self.planned == Planned(self.hops, "twice")
        else:
            twice = not self.healed and self.rng.random() < (self.weights.twice if self.weights else 0)
        self.repeats += twice
        return twice

    def forgets(self) -> bool:
        """Whether this is never heard of again."""
        return not self.healed and self.rng.random() < (self.weights.forgotten if self.weights else 0)

    def invoke(self, name: str, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[], None]) -> None:
        """Start an invocation; one of `done` and `failed` is called when it ends."""
        self._running.append(Invocation(name, greenlet(self._guard(work), parent=self._main), done, failed))

    def note(self, what: str) -> None:
        """A line of the trace of this run."""
        self.trace.append(f"{self.now:%a %H:%M:%S.%f}"[:-3] + f"  {what}")

    # -- the run --------------------------------------------------------------------------------------------------

    def run(self, until: datetime) -> None:
        """Live until then: whatever the agenda holds, interleaved as the seed says."""
        while True:
            if self._running:
                self._step()
            elif self._agenda and self._agenda[0][0] <= until:
                when, _, act = heapq.heappop(self._agenda)
                self.now = max(self.now, when)
                act()
            else:
                self.now = max(self.now, until)
                return

    def heal(self) -> None:
        """From here on nothing fails and nothing comes twice."""
        self.healed = True

    def _step(self) -> None:
        while self._agenda and self._agenda[0][0] <= self.now:
            heapq.heappop(self._agenda)[2]()
        invocation = self._running[self.rng.randrange(len(self._running))]
        self.now += timedelta(milliseconds=self.rng.randrange(1, 40))
        self._inside = invocation.name
        outcome = invocation.run.switch()
        if not invocation.run.dead:
            return
        self._running.remove(invocation)
        if outcome is None or outcome[0] != "done":
            self.repeats += 1
            self.note(f"  {invocation.name} failed: {outcome and outcome[1]}")
            invocation.failed()
        else:
            invocation.done(outcome[1])

    def _guard(self, work: Callable[[], T]) -> Callable[[], tuple[str, Any]]:
        def guarded() -> tuple[str, Any]:
            try:
                return "done", work()
            except NightdeskError as error:
                return "error", f"{type(error).__name__}: {error}"
            except Died:
                return "died", "died"

        return guarded

    def _draw(self) -> str | None:
        if self.planned is not None and self.planned.fault != "twice":
            return self.planned.fault if self.planned.place == len(self.crossed) else None
        if self.healed or self.weights is None:
            return None
        at, weights = self.rng.random(), self.weights
        for name in FAULTS:
            share = getattr(weights, name)
            if at < share:
                return name
            at -= share
        return None


@dataclass
class Queue:
    """A standard queue in front of a function: at least once, in no order, and without a dead-letter queue: what fails
    comes again until it succeeds.
    """

    world: World
    name: str
    work: Callable[[Any], Any]
    batch_window: float = 0.0  # seconds: what comes within one is worked on at the same time, as after a pause
    receives: Counter[int] = field(default_factory=Counter)  # how often a message was worked on -> messages

    def put(self, payload: Any) -> None:
        """Accept a message; it is worked on until that succeeds, now and then twice at the same time."""
        self._soon(payload)
        if self.world.twice():
            self.world.soon(lambda: self._try(payload, again=False), most=240)

    def _soon(self, payload: Any) -> None:
        if self.batch_window:
            window = timedelta(seconds=self.batch_window)
            self.world.at(
                START + (1 + (self.world.now - START) // window) * window, lambda: self._try(payload, again=True)
            )
        else:
            self.world.soon(lambda: self._try(payload, again=True))

    def _try(self, payload: Any, *, again: bool, tries: int = 1, healed: int = 0) -> None:
        healed += self.world.healed

        def done(_: Any) -> None:
            self.receives[tries] += 1

        def failed() -> None:
            if healed > MOST_TRIES_HEALED:
                self.world.stuck.append(f"{self.name} gave up on {payload}")
            elif again:
                self.world.at(
                    self.world.now + VISIBILITY,
                    lambda: self._try(payload, again=True, tries=tries + 1, healed=healed),
                )

        self.world.invoke(self.name, lambda: self.work(payload), done, failed)


@dataclass
class Stream:
    """The table's stream: in order per record, repeated from the first that failed."""

    world: World
    work: Callable[[Any], Any]
    waiting: dict[Any, list[Any]] = field(default_factory=dict)

    def put(self, key: Any) -> None:
        """A new image of a record with undone intents."""
        if self.world.forgets():
            self.world.note(f"  the stream loses {key.sort} of {key.partition}")
            return
        line = self.waiting.setdefault(key, [])
        line.append(key)
        if len(line) == 1:
            self.world.soon(lambda: self._head(key))

    def _head(self, key: Any) -> None:
        def done(_: Any) -> None:
            if not self.world.twice():
                self.waiting[key].pop(0)
            if self.waiting[key]:
                self.world.soon(lambda: self._head(key))

        def failed() -> None:
            self.world.at(self.world.now + STREAM_RETRY, lambda: self._head(key))

        self.world.invoke("dispatch", lambda: self.work(key), done, failed)


@dataclass
class Execution:
    """One run of the SLA state machine."""

    name: str
    stopped: str | None = None
    ended: bool = False


@dataclass
class Machine:
    """The SLA state machine: wait until the checkpoint, look once, wait for the next. Names are used once."""

    world: World
    look: Callable[[Any], datetime | None]
    executions: dict[str, Execution] = field(default_factory=dict)
    started: Counter[tuple[str, str, int]] = field(default_factory=Counter)  # per obligation and revision

    def start(self, name: str, at: datetime, timer: Any) -> None:
        """Start, unless an execution has this name."""
        if name not in self.executions:
            execution = self.executions[name] = Execution(name)
            self.started[timer.conversation_id, timer.target, timer.revision] += 1
            if self.world.forgets():
                self.world.note(f"  the execution {name} is lost")
                execution.ended = True
            else:
                self._wait(execution, at, timer)

    def stop(self, name: str, cause: str) -> None:
        """Stop it if it runs."""
        execution = self.executions.get(name)
        if execution is not None and not execution.ended:
            execution.stopped = cause

    def _wait(self, execution: Execution, at: datetime, timer: Any) -> None:
        self.world.at(max(at, self.world.now), lambda: self._look(execution, timer))

    def _look(self, execution: Execution, timer: Any) -> None:
        if execution.stopped is not None:
            return

        def done(again: datetime | None) -> None:
            if again is None:
                execution.ended = True
            elif execution.stopped is None:
                self._wait(execution, again, timer)

        def failed() -> None:
            self.world.at(self.world.now + TASK_RETRY, lambda: self._look(execution, timer))

        self.world.invoke("clock", lambda: self.look(timer), done, failed)
