"""Queues, archive, timers, mail, notices and platforms in memory. What reached the outside world is in their fields."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import count

from shared.domain.exchange import Answer, Call, Delivery, Outbound, Outcome, Posted, Refused, Unclear
from shared.domain.notices import Mail, Notice
from shared.domain.records import Key
from shared.ports import Timer


@dataclass
class MemoryInbox:
    """Deliveries that wait for intake."""

    waiting: list[Delivery] = field(default_factory=list)

    def put(self, delivery: Delivery) -> None:
        self.waiting.append(delivery)


@dataclass
class MemoryOutbox:
    """Ledger entries that wait to be posted."""

    waiting: list[Key] = field(default_factory=list)

    def put(self, send: Key) -> None:
        self.waiting.append(send)


@dataclass
class MemoryArchive:
    """Bytes by key."""

    kept: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, body: bytes) -> None:
        self.kept[key] = body

    def get(self, key: str) -> bytes:
        return self.kept[key]


@dataclass
class MemoryTimers:
    """Executions by name. A name is used once, as in Step Functions."""

    started: dict[str, Timer] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)  # name -> cause

    @property
    def running(self) -> tuple[Timer, ...]:
        """The timers nobody has stopped, by their time."""
        left = (timer for name, timer in self.started.items() if name not in self.stopped)
        return tuple(sorted(left, key=lambda timer: (timer.at, timer.name)))

    def start(self, timer: Timer) -> None:
        self.started.setdefault(timer.name, timer)

    def stop(self, name: str, cause: str) -> None:
        if name in self.started:
            self.stopped.setdefault(name, cause)


@dataclass(frozen=True)
class LostAnswer:
    """The platform has the text, but its answer got lost."""

    reason: str = "The answer was lost."


@dataclass
class FakePlatforms:
    """Platforms that take what they are given, unless the script says otherwise for the next calls."""

    script: deque[Outcome | LostAnswer] = field(default_factory=deque)
    posted: defaultdict[str, list[Outbound]] = field(default_factory=lambda: defaultdict(list))  # per thread: the truth
    asked: list[Outbound] = field(default_factory=list)
    answers: deque[Answer | Refused | Unclear] = field(default_factory=deque)  # to calls that read or renew
    calls: list[Call] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def post(self, outbound: Outbound) -> Outcome:
        self.asked.append(outbound)
        outcome = self.script.popleft() if self.script else Posted(f"native-{next(self._numbers)}")
        if isinstance(outcome, Posted | LostAnswer):
            self.posted[outbound.thread_id].append(outbound)
        return Unclear(outcome.reason) if isinstance(outcome, LostAnswer) else outcome

    def perform(self, call: Call) -> Answer | Refused | Unclear:
        self.calls.append(call)
        return self.answers.popleft() if self.answers else Answer(status=404)


@dataclass
class MemoryMailer:
    """Mails that were accepted, in their order."""

    sent: list[Mail] = field(default_factory=list)

    def send(self, mail: Mail) -> str:
        self.sent.append(mail)
        return f"mail-{len(self.sent)}"


@dataclass
class MemoryNotifier:
    """Notices that were published, in their order."""

    published: list[Notice] = field(default_factory=list)

    def publish(self, notice: Notice) -> None:
        self.published.append(notice)
