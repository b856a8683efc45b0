"""What must not bring asking to a halt, and what people must hear of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from shared.domain.exchange import Answer, Secret
from shared.domain.polling import Feed, Quota
from shared.domain.reading import MOST_DEAD_ENDS
from shared.domain.records import Intent, Watch
from shared.domain.watching import LEASE
from shared.services.poll import Outcome
from shared.services.poll_handing import Job
from shared.services.renew import Account, Renewer
from tests.fakes.asked import ACCOUNT, CHANNEL
from tests.fakes.desk import MemoryDesk
from tests.fakes.given import CountingIds
from tests.unit.services.asking import DAY, FEED, HOUR, MINUTE, NEWS, Desk


class TestAReadingThatDied:
    def dying(self) -> Desk:
        desk = Desk()

        def dies(call: Any) -> Any:
            raise RuntimeError("a fault of ours")

        desk.port.perform = dies  # type: ignore[method-assign]
        return desk

    def play(self, desk: Desk, during: timedelta) -> tuple[int, list[datetime]]:
        """Every minute, as the schedule has it: how often it was tried, when people were to be told."""
        tries, told, until = 0, [], desk.clock.now() + during
        while desk.clock.now() < until:
            try:
                desk.read(MINUTE)
            except RuntimeError:
                tries += 1
            if Intent.REPORT in desk.watch().intents:
                told.append(desk.clock.now())
                desk.table.commit([replace(desk.watch(), intents=())])
        return tries, told

    def test_again_and_again_is_told_within_two_hours_and_then_once_a_day(self):
        desk = self.dying()
        began = desk.clock.now()

        _, told = self.play(desk, 2 * DAY)

        assert told[0] - began <= 2 * HOUR
        assert [b - a >= DAY for a, b in pairwise(told)] == [True]
        assert "did not end" in (desk.watch().reason or "")

    def test_again_and_again_is_tried_less_and_less_often(self):
        tries, _ = self.play(self.dying(), DAY)

        assert tries < 40

    def test_once_is_taken_up_as_soon_as_its_lease_has_ended_and_forgotten_when_all_is_read(self):
        desk = self.dying()
        with pytest.raises(RuntimeError):
            desk.read()
        del desk.port.perform

        assert desk.read(LEASE).outcome is Outcome.READ
        assert (desk.watch().failures, desk.watch().failing_since) == (0, None)


class TestOneThatIsBroken:
    """A channel whose library is missing, say. What is wrong with it is told in its own turn."""

    def test_does_not_keep_the_others_from_being_found_due(self):
        desk = Desk()

        def channels(name: str) -> Any:
            if name == "broken":
                raise ImportError("a library is missing")
            return desk.channel

        desk.secrets.store("broken", Secret(account_id="x"))

        poller = replace(desk.poller, channels=channels)
        broken, other = sorted(poller.due())[::-1]

        assert other == NEWS
        with pytest.raises(ImportError):
            poller.read(broken)

    def test_does_not_keep_the_others_from_being_renewed(self):
        def expires(secret: Secret) -> datetime:
            return datetime.fromisoformat(secret.credentials["ends"])

        desk = Desk()
        desk.channel.renew = lambda *_: None  # type: ignore[attr-defined]
        desk.channel.expires = expires  # type: ignore[attr-defined]
        desk.channel.RENEW_BEFORE = HOUR  # type: ignore[attr-defined]
        desk.secrets.store(CHANNEL, Secret(account_id="soon", credentials={"ends": desk.clock.now().isoformat()}))
        renewer = Renewer(desk.table, desk.secrets, desk.port, desk.channel, desk.clock, CountingIds())

        assert {account.account_id for account in renewer.due()} == {ACCOUNT, "soon"}
        with pytest.raises(KeyError):
            renewer.renew(Account(CHANNEL, ACCOUNT))


def test_who_has_waited_longest_is_read_first():
    desk = Desk(feeds=(FEED, Feed(name="log", forward=True)))
    log = Job(CHANNEL, ACCOUNT, "log")
    desk.read()
    assert desk.poller.due() == [log]
    desk.read(MINUTE, log)
    desk.clock.advance(5 * MINUTE)
    assert desk.poller.due() == [NEWS, log]
    desk.read()
    desk.clock.advance(5 * MINUTE)

    assert desk.poller.due() == [log, NEWS]


def test_a_walk_that_is_unfinished_keeps_to_the_pace_that_a_quota_was_reckoned_with():
    every = replace(FEED, pages=2, every=5 * MINUTE, quota=Quota(units=1000))
    desk = Desk(feeds=(every,), limit=2)
    for n in range(30):
        desk.say(f"a{n}", n * MINUTE)

    assert desk.read().outcome is Outcome.GAP
    assert desk.read(MINUTE).outcome is Outcome.NOT_DUE
    assert desk.read(4 * MINUTE).outcome is Outcome.GAP


def test_a_page_that_never_comes_does_not_stop_a_walk_that_went_on_below_it():
    desk = Desk(feeds=(replace(FEED, pages=4),), limit=2)
    for n in range(14):
        desk.say(f"a{n}", n * MINUTE)
    desk.read()
    for n in range(6):
        desk.say(f"b{n}", timedelta(seconds=n), shown_at=desk.clock.now())
    perform, top = desk.port.perform, []

    def second_page_of_the_top_is_missing(call: Any) -> Any:
        answer = perform(call)
        first = not desk.platform.asked[-1]["token"]
        top.append(first)
        return Answer(status=404) if len(top) > 1 and top[-2] and not first else answer

    desk.port.perform = second_page_of_the_top_is_missing  # type: ignore[method-assign]
    for _ in range(3):
        desk.clock.at = max(desk.clock.at + MINUTE, desk.watch().rest_until or desk.clock.at)
        desk.read()

    assert {f"a{n}" for n in range(14)} <= set(desk.handed())


def test_what_was_given_up_is_told_also_where_people_heard_of_the_feed_that_day():
    desk = Desk(limit=2)
    for n in range(4):
        desk.say(f"a{n}", n * MINUTE)
    desk.read()
    desk.table.commit([replace(desk.watch(), reported_at=desk.clock.now(), watermark=desk.clock.now() - HOUR, seen=())])
    for _ in range(MOST_DEAD_ENDS):
        desk.port.script = [None, Answer(status=404)]
        desk.clock.at = max(desk.clock.at + MINUTE, desk.watch().rest_until or desk.clock.at)
        desk.read()

    assert desk.watch().dead_ends == 0
    assert Intent.REPORT in desk.watch().intents
    assert "is missing" in (desk.watch().reason or "")


@dataclass
class Counting(MemoryDesk):
    """The table, and how many remembered items each commit wrote."""

    wrote: list[int] = field(default_factory=list)

    def commit(self, records: Any, unchanged: Any = ()) -> None:
        self.wrote.append(sum(len(getattr(record, "seen", ())) for record in records))
        super().commit(records, unchanged)


class TestWhatIsRemembered:
    def desk(self) -> tuple[Desk, Counting]:
        table = Counting()
        return Desk(feeds=(replace(FEED, overlap=2 * DAY),), table=table), table

    @pytest.mark.parametrize("ago", [MINUTE, None])
    def test_is_written_when_there_is_something_new_and_not_every_minute(self, ago: timedelta | None):
        desk, table = self.desk()
        desk.read()
        for n in range(20):
            desk.say(f"a{n}", ago)
        desk.read(MINUTE)
        assert sum(table.wrote) == 20
        for _ in range(30):
            desk.read(MINUTE)

        assert sum(table.wrote) == 20
        desk.say("new", ago)
        desk.read(MINUTE)
        assert sum(table.wrote) == 41
        assert len(desk.handed()) == 21

    def test_is_not_lost_where_it_stands_on_the_watch_from_before(self):
        desk, _ = self.desk()
        desk.say("a")
        desk.read()
        seen = next(record for record in desk.table.records.values() if getattr(record, "seen", ()))
        watch = desk.watch()
        desk.table.records.pop(seen.key)
        desk.table.commit([replace(watch, seen=seen.seen)])  # type: ignore[union-attr]
        desk.handed()
        desk.read(MINUTE)

        assert desk.handed() == []
        assert isinstance(desk.watch(), Watch)
