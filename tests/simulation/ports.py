"""The ports as the simulated world offers them: each call crosses the world and may fail there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.domain.exchange import Delivery, Outbound, Outcome, Posted, Refusal, Refused, Secret, Unclear
from shared.domain.notices import Mail, Notice
from shared.domain.records import Conversation, Key, Message, Obligation, Quarantined, Record, Send
from shared.errors import Unavailable
from shared.ports import Timer
from tests.fakes.desk import MemoryDesk
from tests.simulation.world import Died, Machine, Queue, Stream, World


@dataclass
class WorldClock:
    world: World

    def now(self) -> datetime:
        return self.world.now


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

    def read(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        return self.world.cross("desk.read", lambda: self.inner.read(keys))

    def commit(self, records: Sequence[Record], unchanged: Sequence[Record] = ()) -> None:
        def act() -> None:
            self.inner.commit(records, unchanged)
            for record in records:
                if getattr(record, "intents", ()):
                    self.stream.put(record.key)

        self.world.cross("desk.commit", act)

    def sends(self, conversation_id: str) -> tuple[Send, ...]:
        return self.world.cross("desk.sends", lambda: self.inner.sends(conversation_id))

    def obligations(self, conversation_id: str) -> tuple[Obligation, ...]:
        return self.world.cross("desk.obligations", lambda: self.inner.obligations(conversation_id))

    def messages(self, conversation_id: str) -> tuple[Message, ...]:
        return self.world.cross("desk.messages", lambda: self.inner.messages(conversation_id))

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
    secrets: Mapping[str, tuple[Secret, ...]]

    def channel(self, name: str) -> tuple[Secret, ...]:
        return self.secrets[name]

    def account(self, name: str, account_id: str) -> Secret:
        return next(s for s in self.secrets[name] if s.account_id == account_id)

    def reply_keys(self) -> tuple[bytes, ...]:
        return (b"a key of the simulated world, 32 b",)


@dataclass(frozen=True)
class OnPlatform:
    """One text that customers can read: the ground truth."""

    channel: str
    thread_id: str
    text: str
    at: datetime
    by_person: bool


@dataclass
class WorldPlatforms:
    """The platforms: they post what they are asked to, as often as they are asked to, and echo it."""

    world: World
    hear: Any  # called with (outbound, native id) to deliver the echo
    posts: list[OnPlatform] = field(default_factory=list)

    def post(self, outbound: Outbound) -> Outcome:
        def act() -> Outcome:
            self.posts.append(
                OnPlatform(outbound.channel, outbound.thread_id, outbound.text, self.world.now, outbound.by_person)
            )
            native = f"native-{len(self.posts)}"
            self.hear(outbound, native)
            return Posted(native)

        before = len(self.posts)
        try:
            return self.world.cross("platforms.post", act)
        except Unavailable:
            if len(self.posts) > before:
                return Unclear("the answer was lost")
            return Refused(refusal=Refusal.LATER, reason="throttled")
        except Died:
            raise


def receipt(ses_id: str, recipient: str, source: str, at: datetime) -> str:
    """A receipt notification as SES publishes it."""
    verdict = {"status": "PASS"}
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps(
        {
            "notificationType": "Received",
            "receipt": {
                "timestamp": stamp,
                "recipients": [recipient],
                "spamVerdict": verdict,
                "virusVerdict": verdict,
                "spfVerdict": verdict,
                "dkimVerdict": verdict,
                "dmarcVerdict": verdict,
                "action": {"type": "S3", "bucketName": "inbound", "objectKey": f"in/{ses_id}"},
            },
            "mail": {"timestamp": stamp, "source": source, "messageId": ses_id, "destination": [recipient]},
        }
    )
