"""A seeded run of the poller: a platform whose feeds change while they are read, and faults at every port call.

Replay one seed with its trace: python -m tests.simulation.polling SEED
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.domain.exchange import Answer, Call, Delivery, Outbound, Outcome, Refusal, Refused, Secret, Unclear
from shared.domain.polling import Feed, Purpose, Quota
from shared.domain.records import Intent, Message, Record, Watch, message_key, watch_key
from shared.errors import Conflict, NightdeskError, Unavailable
from shared.services.intake import Intake
from shared.services.poll import Outcome as Turn
from shared.services.poll import Poller
from tests.fakes.asked import ACCOUNT, CHANNEL, AskedChannel, AskedPlatform, Said
from tests.fakes.given import FakeSecrets
from tests.simulation.ports import SkewedClock, WorldArchive, WorldClock, WorldDesk, WorldIds, WorldInbox
from tests.simulation.world import START, AnswerLost, Queue, World
from tests.unit.services.stage import POLICY

NEWS, LOG, SWEEP = "news", "log", "sweep"
LATE = timedelta(minutes=6)  # by which an item may show late
ASTRAY = timedelta(minutes=1, seconds=30)  # by which it may stand out of its place
OVERLAP = timedelta(minutes=10)  # more than LATE and twice ASTRAY
SETTLE = timedelta(minutes=3)
BUSY = timedelta(minutes=80)  # after which nothing new is said
FIRST = timedelta(hours=1)
TICK = timedelta(minutes=10)
QUIET_TICK = timedelta(minutes=25)
END = timedelta(hours=4, minutes=30)
ZONES = ("Asia/Tokyo", "Australia/Adelaide")  # their midnight is three hours, and one and a half, after the start


@dataclass(frozen=True)
class Manners:
    """How the platform behaves in this seed, and how many pollers the schedule starts."""

    limits: tuple[int, ...]
    empties: float
    throttled: float
    expired: float  # a page token of another run is refused
    pages: int
    pollers: int
    quota: Quota | None
    blocked: tuple[timedelta, timedelta]  # after the start: between them the account is not let in

    @classmethod
    def drawn(cls, rng: random.Random) -> Manners:
        """Each seed has its own mix."""
        out = timedelta(minutes=rng.randrange(50))
        units, zone = rng.choice([(70, ZONES[0]), (160, ZONES[0]), (160, ZONES[1]), (None, ""), (None, "")])
        return cls(
            limits=rng.choice([(2, 3, 5), (3, 8), (5, 20), (20,)]),
            empties=rng.choice([0.0, 0.0, 0.2]),
            throttled=rng.choice([0.0, 0.05, 0.15]),
            expired=rng.choice([0.0, 0.0, 0.3]),
            pages=rng.choice([1, 2, 4]),
            pollers=rng.choice([1, 1, 2]),
            quota=None if units is None else Quota(units=units, zone=zone, replies=units // 10),
            blocked=(out, out + timedelta(minutes=rng.choice([0, 0, 0, 20, 45]))),
        )


def feeds(manners: Manners) -> tuple[Feed, ...]:
    """A feed with answers below its items, a log, and the sweep of what a webhook may have missed; one quota for all."""
    common: dict[str, Any] = {"every": TICK, "overlap": OVERLAP, "first": FIRST, "quota": manners.quota}
    return (
        Feed(name=NEWS, pages=manners.pages, revisit=timedelta(hours=24), batch=20, **common),
        Feed(name=LOG, pages=manners.pages, forward=True, **common),
        Feed(name=SWEEP, pages=manners.pages, purpose=Purpose.BACKSTOP, settle=SETTLE, **common),
    )


def people(rng: random.Random) -> list[Said]:
    """What is said, when it shows, where it stands, how it is edited and when it is gone."""
    said: list[Said] = []
    for number in range(rng.randrange(10, 34)):
        feed = rng.choice([NEWS, NEWS, LOG, SWEEP])
        at = START + timedelta(seconds=rng.uniform(-3 * 3600, BUSY.total_seconds()))
        if rng.random() < 0.3:
            at = at.replace(second=0, microsecond=0) - timedelta(minutes=at.minute % 10)  # many at the same time
        threads = [one for one in said if one.feed == NEWS and one.parent is None and one.shown_at < at]
        parent = rng.choice(threads).item_id if feed == NEWS and threads and rng.random() < 0.35 else None
        said.append(_said(rng, f"{feed}-{number}", feed, at, parent))
    return said


def _said(rng: random.Random, name: str, feed: str, at: datetime, parent: str | None) -> Said:
    shown_at = at + (LATE * rng.random() if rng.random() < 0.3 else timedelta(seconds=rng.random()))
    astray = ASTRAY * rng.uniform(-1, 1) if rng.random() < 0.3 else timedelta(0)
    one = Said(item_id=name, feed=feed, at=at, shown_at=shown_at, place=at + astray, parent=parent)
    if rng.random() < 0.03:
        one.at = shown_at + timedelta(minutes=rng.randrange(1, 3))  # somebody's clock is ahead
    if feed != SWEEP:
        moments = [shown_at + timedelta(seconds=rng.uniform(1, 5400)) for _ in range(rng.choice([0, 0, 0, 1, 2]))]
        one.edits = [(moment, f"words, edited {turn + 1}") for turn, moment in enumerate(sorted(moments))]
    if rng.random() < 0.15:
        one.gone_at = shown_at + timedelta(seconds=rng.uniform(1, 7200))
    return one


@dataclass
class Teller:
    """Stands for the stream: people are told of a watch some time after it says so."""

    world: World
    tell: Callable[[Any], None]

    def put(self, key: Any) -> None:
        """A record with intents was written."""
        if key.partition.startswith("W#"):
            self.world.soon(lambda: self.world.invoke("tell", lambda: self.tell(key), _done, _failed))


@dataclass
class PollDesk(WorldDesk):
    """The table, and how often each message was stored for the first time."""

    stored: Counter[str] = field(default_factory=Counter)

    def store(self, records: Sequence[Record], unchanged: Sequence[Record] = ()) -> None:
        """As a commit does."""
        before = {record.key: self.inner.records.get(record.key) for record in records}
        super().store(records, unchanged)
        for record in records:
            known = before[record.key]
            if isinstance(record, Message) and record.author and not (isinstance(known, Message) and known.author):
                self.stored[record.message_id] += 1


@dataclass
class PollInbox(WorldInbox):
    """The inbox, and how often each item was put there at each revision."""

    handed: Counter[tuple[str, str]]

    def put(self, delivery: Delivery) -> None:
        """As the queue takes it."""

        def act() -> None:
            self.handed.update((raw["id"], raw["rev"]) for raw in json.loads(delivery.body)["items"])
            self.queue.put(delivery)

        self.world.cross("inbox.put", act)


@dataclass
class PlatformPort:
    """The port to the platform, with its quota, its throttling and its forgetful tokens."""

    world: World
    platform: AskedPlatform
    manners: Manners
    used: Counter[tuple[str, str]] = field(default_factory=Counter)  # units by the platform's own day
    tokens: dict[str, datetime] = field(default_factory=dict)

    def post(self, outbound: Outbound) -> Outcome:
        """Nothing is posted here."""
        raise NotImplementedError

    def perform(self, call: Call) -> Answer | Refused | Unclear:
        """As shared/adapters/platforms.py: what was not sent is Refused, a lost answer is Unclear."""
        try:
            return self.world.cross("platforms.perform", lambda: self._answer(call))
        except AnswerLost:
            return Unclear("The answer was lost.")
        except Unavailable:
            return Refused(refusal=Refusal.LATER, reason="The platform could not be reached.")

    def _answer(self, call: Call) -> Answer:
        rng, ask = self.world.rng, json.loads(call.body or b"{}")
        if self.manners.quota is not None:
            day = self.world.now.astimezone(ZoneInfo(self.manners.quota.zone)).date()
            self.used[day.isoformat(), ask["feed"]] += 1
        self.world.note(f"  asked for {ask['feed']}: {ask['token'] or ask['ids'] or ask['cursor'] or 'newest'}")
        if self.manners.blocked[0] <= self.world.now - START < self.manners.blocked[1]:
            return Answer(status=401)
        if not self.world.healed and rng.random() < self.manners.throttled:
            return Answer(status=429, headers=rng.choice([{}, {"retry-after": "200"}]))
        token = ask["token"]
        old = token is not None and self.world.now - self.tokens.get(token, self.world.now) > timedelta(minutes=1)
        if old and not self.world.healed and rng.random() < self.manners.expired:
            return Answer(status=400)
        answer = self.platform.answer(call, self.world.now)
        self.tokens[json.loads(answer.body).get("next") or ""] = self.world.now
        return answer


class PollStage:
    """Everything of one seed."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        rng = self.world.rng
        self.manners = Manners.drawn(rng)
        self.said = people(rng)
        self.platform = AskedPlatform(
            forward=frozenset({LOG}),
            said=self.said,
            limit=lambda: rng.choice(self.manners.limits),
            empties=lambda: rng.random() < self.manners.empties,
        )
        self.port = PlatformPort(self.world, self.platform, self.manners)
        self.channel = AskedChannel(FEEDS=feeds(self.manners))
        self.desk = PollDesk(self.world, Teller(self.world, self.tell))  # type: ignore[arg-type]  # as a stream: put
        archive = WorldArchive(self.world)
        self.intake = Intake(self.desk, archive, self.channel, POLICY, WorldClock(self.world))
        self.handed: Counter[tuple[str, str]] = Counter()
        self.inbox = PollInbox(self.world, Queue(self.world, "intake", self.intake.take), self.handed)
        self.secrets = FakeSecrets({CHANNEL: (Secret(account_id=ACCOUNT),)})
        self.poller = Poller(
            self.desk,
            self.secrets,
            self.port,
            self.channel,
            self.inbox,
            POLICY,
            SkewedClock(self.world),
            WorldIds(self.world),
        )
        self.expected: dict[str, str] = {}  # what a run that read to the end could see -> when that was
        self.turns: Counter[str] = Counter()
        self.told: list[datetime] = []

    def tell(self, key: Any) -> None:
        """What carries out the intent does: people are told, then it is forgotten."""
        found = self.desk.read([key]).get(key)
        if isinstance(found, Watch) and Intent.REPORT in found.intents:
            self.told.append(self.world.now)
            try:
                self.desk.commit([replace(found, intents=())])
            except Conflict:
                self.tell(key)

    def poll(self) -> None:
        """One run of the function: each feed whose turn it is."""
        for job in self.poller.due():
            began = self.world.now
            try:
                read = self.poller.read(job)
            except NightdeskError as error:
                self.turns[type(error).__name__] += 1
                self.world.note(f"  {job.feed}: {type(error).__name__}")
                continue
            self.turns[read.outcome] += 1
            self.world.note(f"  {job.feed}: {read.outcome}, {read.new} new, {read.calls} calls")
            if read.outcome is Turn.READ:
                self._expect(job.feed, began)

    def _expect(self, feed: str, began: datetime) -> None:
        """What showed during a whole run that left nothing unread has to be there in the end."""
        settled = began - (SETTLE + timedelta(seconds=5) if feed == SWEEP else timedelta(0))
        for one in self.said:
            if one.at is None:
                continue
            # An answer shows below its item only when that is looked at again: what is there in the end tells of those.
            own = one.feed == feed and one.parent is None and one.item_id not in self.expected
            if own and one.shown_at <= began and one.shows(self.world.now) and one.at <= settled and self.counts(one):
                self.expected[one.item_id] = f"read to the end at {self.world.now:%H:%M:%S}"

    def counts(self, one: Said) -> bool:
        """Whether it was said, by whichever clock, after the time at which our first look began."""
        found = self.desk.inner.records.get(watch_key(CHANNEL, ACCOUNT, one.feed))
        since = found.since if isinstance(found, Watch) else None
        return since is not None and one.at is not None and min(one.at, one.shown_at) >= since

    def run(self) -> None:
        """A schedule that now and then starts two at once; in the end all that fails is mended."""
        for tick in range(int(BUSY / TICK)):
            self._start(START + tick * TICK, self.manners.pollers)
        self.world.run(START + BUSY)
        self.world.heal()
        for tick in range(int((END - BUSY) / QUIET_TICK)):
            self._start(START + BUSY + LATE + tick * QUIET_TICK, 1)
        self.world.run(START + END)

    def _start(self, at: datetime, pollers: int) -> None:
        for _ in range(pollers):
            self.world.at(at, lambda: self.world.invoke("poll", self.poll, _done, _failed))


def _done(_: Any) -> None:
    """Nothing follows."""


def _failed() -> None:
    """The schedule comes again."""


# -- what must hold ---------------------------------------------------------------------------------------------------


def missed(stage: PollStage) -> list[str]:
    """What can be read on the platform in the end, or could while somebody read to the end, and is not on the desk."""
    end = stage.world.now
    due = {one.item_id: "still there" for one in stage.said if one.shows(end) and _reachable(stage, one, end)}
    found = {name: why for name, why in (stage.expected | due).items() if not stage.desk.stored[name]}
    return [f"{name} ({why})" for name, why in found.items()]


def _reachable(stage: PollStage, one: Said, end: datetime) -> bool:
    """An answer to something that is gone is gone with it."""
    parents = [s for s in stage.said if s.item_id == one.parent]
    return stage.counts(one) and all(_remembered(stage, parent, end) for parent in parents)


def _remembered(stage: PollStage, parent: Said, end: datetime) -> bool:
    return parent.shows(end) and parent.at is not None


def twice(stage: PollStage) -> list[str]:
    """What was stored more than once."""
    return [f"{name}, {times} times" for name, times in stage.desk.stored.items() if times > 1]


def handed_twice(stage: PollStage) -> list[str]:
    """What was handed on more than once though nothing failed and nobody was in the way. An item below which an answer
    has gone may look again as it did before.
    """
    manners = stage.manners
    if stage.world.faults or manners.pollers > 1 or manners.throttled or manners.expired:
        return []
    again = {one.parent for one in stage.said if one.gone_at is not None}
    found = {name: times for (name, _), times in stage.handed.items() if times > 1 and name not in again}
    return [f"{name}, {times} times" for name, times in found.items()]


def stale(stage: PollStage) -> list[str]:
    """What was edited and is still there, but reads otherwise on the desk. The sweep asks for no edits."""
    found, end = [], stage.world.now
    for one in stage.said:
        kept = stage.desk.inner.records.get(message_key(CHANNEL, ACCOUNT, one.item_id))
        if one.feed == SWEEP or not one.shows(end) or not _reachable(stage, one, end):
            continue
        if isinstance(kept, Message) and kept.text != one.reads(end):
            found.append(f"{one.item_id}: {kept.text!r} for {one.reads(end)!r}")
    return found


def overspent(stage: PollStage) -> list[str]:
    """Days on which more was asked than the quota leaves for asking."""
    quota = stage.manners.quota
    if quota is None:
        return []
    days: Counter[str] = Counter()
    for (day, _), units in stage.port.used.items():
        days[day] += units
    return [f"{units} units on {day}" for day, units in days.items() if units > quota.units - quota.replies]


def unfinished(stage: PollStage) -> list[str]:
    """What failed though nothing did any more, and feeds that are still held."""
    watches = [r for r in stage.desk.inner.records.values() if isinstance(r, Watch) and r.watermark is not None]
    held = [f"{w.feed} is {w.owner}'s" for w in watches if w.owner is not None]
    return [*stage.world.stuck, *held]


CHECKS = (missed, twice, handed_twice, stale, overspent, unfinished)


def violations(stage: PollStage) -> list[str]:
    """Everything that must not have happened; empty for a good run."""
    return [f"{check.__name__}: {what}" for check in CHECKS for what in check(stage)]


def play(seed: int) -> PollStage:
    """The run of a seed."""
    stage = PollStage(seed)
    stage.run()
    return stage


def replay(seed: int) -> int:
    """Print what happened in a seed, and what was wrong with it."""
    stage = play(seed)
    found = violations(stage)
    sys.stdout.write("\n".join([f"seed {seed}: {stage.manners}", *stage.world.trace, *(found or ["no violation"]), ""]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(replay(int(sys.argv[1])))
