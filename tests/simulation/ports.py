"""The ports as the simulated world offers them: each call crosses the world and may fail there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.domain.exchange import Delivery, Secret
from shared.domain.notices import Mail, Notice
from shared.domain.records import Conversation, Key, Message, Obligation, Quarantined, Record, Send
from shared.ports import Timer
from tests.fakes.desk import MemoryDesk
from tests.simulation.venues import SECRETS
from tests.simulation.world import Machine, Queue, Stream, World

LAG = timedelta(seconds=2)  # of the reads that may lag behind a commit
SKEW = 2.0  # seconds by which the clock of one function may be off


@dataclass
class WorldClock:
    world: World

    def now(self) -> datetime:
        return self.world.now


@dataclass
class SkewedClock:
    """The clock of a machine that is a little off."""

    world: World

    def now(self) -> datetime:
        return self.world.now + timedelta(seconds=round(self.world.rng.uniform(-SKEW, SKEW), 3))


@dataclass
class WorldIds:
    world: World

    def new(self) -> str:
        return f"{self.world.rng.getrandbits(80):020x}"


@dataclass
class WorldDesk:
    """The table with its stream: what is committed with intents appears there."""

    world: World
    stream: Stream
    inner: MemoryDesk = field(default_factory=MemoryDesk)
    committed_at: dict[Key, datetime] = field(default_factory=dict)
    taken_back: dict[Key, datetime] = field(default_factory=dict)  # when we knew

    def read(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        return self.world.cross("desk.read", lambda: self.inner.read(keys))

    def commit(self, records: Sequence[Record], unchanged: Sequence[Record] = ()) -> None:
        self.world.cross("desk.commit", lambda: self.store(records, unchanged))

    def store(self, records: Sequence[Record], unchanged: Sequence[Record] = ()) -> None:
        """What a commit does when it is its turn."""
        self.inner.commit(records, unchanged)
        for record in records:
            self.committed_at.setdefault(record.key, self.world.now)
            if isinstance(record, Message) and record.deleted_at is not None:
                self.taken_back.setdefault(record.key, self.world.now)
            if getattr(record, "intents", ()):
                self.stream.put(record.key)

    def sends(self, conversation_id: str) -> tuple[Send, ...]:
        return self.world.cross("desk.sends", lambda: self.inner.sends(conversation_id))

    def obligations(self, conversation_id: str) -> tuple[Obligation, ...]:
        return self.world.cross("desk.obligations", lambda: self.inner.obligations(conversation_id))

    def messages(self, conversation_id: str) -> tuple[Message, ...]:
        def act() -> tuple[Message, ...]:
            listed = self.inner.messages(conversation_id)
            since = self.world.now - LAG
            return tuple(m for m in listed if self.committed_at[m.key] <= since or self.world.rng.random() < 0.5)

        return self.world.cross("desk.messages", act)

    def undone(self, before: datetime, limit: int = 100) -> tuple[Key, ...]:
        return self.world.cross("desk.undone", lambda: self.inner.undone(before, limit))

    def due(self, before: datetime, limit: int = 100) -> tuple[Key, ...]:
        return self.world.cross("desk.due", lambda: self.inner.due(before, limit))

    def quarantined(self, limit: int = 100) -> tuple[Quarantined, ...]:
        return self.world.cross("desk.quarantined", lambda: self.inner.quarantined(limit))

    def conversations(self, channel: str, account_id: str, customer_id: str) -> tuple[Conversation, ...]:
        return self.world.cross("desk.customer", lambda: self.inner.conversations(channel, account_id, customer_id))


@dataclass
class WorldInbox:
    world: World
    queue: Queue

    def put(self, delivery: Delivery) -> None:
        self.world.cross("inbox.put", lambda: self.queue.put(delivery))


@dataclass
class WorldOutbox:
    world: World
    queue: Queue

    def put(self, send: Key) -> None:
        self.world.cross("outbox.put", lambda: self.queue.put(send))


@dataclass
class WorldArchive:
    world: World
    kept: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, body: bytes) -> None:
        self.world.cross("archive.put", lambda: self.kept.__setitem__(key, body))

    def get(self, key: str) -> bytes:
        return self.world.cross("archive.get", lambda: self.kept[key])


@dataclass
class WorldTimers:
    world: World
    machine: Machine

    def start(self, timer: Timer) -> None:
        self.world.cross("timers.start", lambda: self.machine.start(timer.name, timer.at, timer))

    def stop(self, name: str, cause: str) -> None:
        self.world.cross("timers.stop", lambda: self.machine.stop(name, cause))


@dataclass
class WorldMailer:
    """SES: no client token, so a repeated call is a second mail."""

    world: World
    sent: list[Mail] = field(default_factory=list)
    readers: list[Any] = field(default_factory=list)

    def send(self, mail: Mail) -> str:
        def act() -> str:
            self.sent.append(mail)
            for reader in self.readers:
                reader(mail)
            return f"ses-{len(self.sent)}"

        return self.world.cross("mailer.send", act)


@dataclass
class WorldNotifier:
    world: World
    published: list[Notice] = field(default_factory=list)

    def publish(self, notice: Notice) -> None:
        self.world.cross("notifier.publish", lambda: self.published.append(notice))


@dataclass
class WorldSecrets:
    def channel(self, name: str) -> tuple[Secret, ...]:
        return SECRETS.get(name, ())

    def account(self, name: str, account_id: str) -> Secret:
        return next(secret for secret in SECRETS[name] if secret.account_id == account_id)

    def fresh(self, name: str, account_id: str) -> Secret:
        return self.account(name, account_id)

    def everything(self) -> Mapping[str, tuple[Secret, ...]]:
        return SECRETS

    def store(self, name: str, secret: Secret) -> None:
        raise NotImplementedError("no account of the simulated world is renewed")

    def reply_keys(self) -> tuple[bytes, ...]:
        return (b"a key of the simulated world, 32 b",)
