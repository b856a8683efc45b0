"""A poller on ports in memory, and a platform that the test lets people speak on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.domain.exchange import Secret
from shared.domain.policy import Policy
from shared.domain.polling import Feed
from shared.domain.records import Watch
from shared.services.poll import Poller, Read
from shared.services.poll_handing import Job
from tests.fakes.asked import ACCOUNT, CHANNEL, AskedChannel, AskedPlatform, AskedPlatforms, Said, names
from tests.fakes.desk import MemoryDesk
from tests.fakes.effects import MemoryInbox
from tests.fakes.given import CountingIds, FakeSecrets, FixedClock
from tests.unit.services.stage import POLICY

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NEWS = Job(CHANNEL, ACCOUNT, "news")
FEED = Feed(name="news", first=HOUR)


@dataclass
class Desk:
    """A poller and all it knows."""

    feeds: tuple[Feed, ...] = (FEED,)
    policy: Policy = POLICY
    clock: FixedClock = field(default_factory=FixedClock)
    table: MemoryDesk = field(default_factory=MemoryDesk)
    inbox: MemoryInbox = field(default_factory=MemoryInbox)
    limit: int = 100

    def __post_init__(self) -> None:
        self.platform = AskedPlatform(limit=lambda: self.limit, forward=frozenset({"log"}))
        self.port = AskedPlatforms(self.platform, self.clock.now)
        self.channel = AskedChannel(FEEDS=self.feeds)
        self.secrets = FakeSecrets({CHANNEL: (Secret(account_id=ACCOUNT),)})
        self.poller = Poller(
            self.table, self.secrets, self.port, self.channel, self.inbox, self.policy, self.clock, CountingIds()
        )

    def say(self, name: str, ago: timedelta | None = timedelta(0), *, feed: str = "news", **known: Any) -> Said:
        """Somebody said something so long ago."""
        at = None if ago is None else self.clock.now() - ago
        one = Said(item_id=name, feed=feed, at=at, **{"shown_at": at or self.clock.now(), **known})
        self.platform.said.append(one)
        return one

    def read(self, after: timedelta = timedelta(0), job: Job = NEWS) -> Read:
        """A turn, some time later."""
        self.clock.advance(after)
        return self.poller.read(job)

    def handed(self) -> list[str]:
        """The items on the inbox since the last look."""
        found = names([delivery.body for delivery in self.inbox.waiting])
        self.inbox.waiting.clear()
        return found

    def watch(self, job: Job = NEWS) -> Watch:
        found = self.table.records[job.key]
        assert isinstance(found, Watch)
        return found
