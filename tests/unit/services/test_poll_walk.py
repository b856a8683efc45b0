from __future__ import annotations

from dataclasses import replace

from shared.domain.exchange import Answer
from shared.domain.polling import Feed
from shared.domain.reading import MOST_DEAD_ENDS
from shared.domain.records import Intent
from shared.services.poll import Outcome, Read
from shared.services.poll_handing import Job
from tests.fakes.asked import ACCOUNT, CHANNEL
from tests.unit.services.asking import DAY, FEED, HOUR, MINUTE, NEWS, Desk


class TestWalkingBack:
    def test_goes_from_page_to_page_until_what_was_read_before(self):
        desk = Desk(limit=2)
        for n in range(5):
            desk.say(f"a{n}", n * MINUTE)
        desk.say("old", 2 * HOUR)

        assert desk.read().calls == 3
        assert len(desk.handed()) == 5

    def test_stops_at_its_last_page_and_goes_on_there(self):
        desk = Desk(feeds=(replace(FEED, pages=4, every=HOUR),), limit=3)
        for n in range(15):
            desk.say(f"a{n}", n * 4 * MINUTE)

        read = desk.read()
        assert (read.outcome, read.gap, read.new) == (Outcome.GAP, True, 12)
        assert desk.poller.due() == [NEWS]
        desk.say("new", shown_at=desk.clock.now())

        assert desk.read(MINUTE).outcome is Outcome.READ
        assert sorted(desk.handed()) == sorted(["new", *(f"a{n}" for n in range(15))])
        assert desk.watch().resume is None

    def test_ends_also_where_more_comes_in_at_once_than_a_run_may_read(self):
        desk = Desk(feeds=(replace(FEED, pages=2),), limit=2)
        for n in range(14):
            desk.say(f"a{n}", n * MINUTE)

        for _ in range(9):
            desk.read(MINUTE)

        assert len(desk.handed()) == 14
        assert desk.watch().succeeded_at is not None
        assert desk.watch().watermark == desk.clock.now() - 9 * MINUTE

    def test_a_page_that_never_comes_is_told_of_and_given_up(self):
        desk = Desk(limit=2)
        for n in range(4):
            desk.say(f"a{n}", n * MINUTE)
        never = Answer(status=404)
        reads: list[Read] = []
        for _ in range(MOST_DEAD_ENDS):
            desk.port.script = [None, never]
            desk.clock.at = desk.watch().rest_until or desk.clock.at if reads else desk.clock.at
            reads.append(desk.read())

        assert [read.outcome for read in reads] == [Outcome.REFUSED] * MOST_DEAD_ENDS
        assert reads[-1].gap
        assert Intent.REPORT in desk.watch().intents
        assert "A page of it does not come" in (desk.watch().reason or "")

    def test_what_hangs_below_is_fetched_only_for_what_is_new_or_changed(self):
        desk = Desk(feeds=(replace(FEED, revisit=DAY, revisit_every=MINUTE),))
        desk.say("thread", 30 * MINUTE)
        desk.say("reply", 20 * MINUTE, parent="thread")
        desk.read()
        assert sorted(desk.handed()) == ["reply", "thread"]

        assert desk.read(MINUTE).calls == 1
        desk.say("another", parent="thread", shown_at=desk.clock.now())
        desk.read(MINUTE)

        assert sorted(desk.handed()) == ["another", "thread"]

    def test_a_thread_from_before_our_time_is_not_handed_on_but_what_is_said_in_it_now_is(self):
        desk = Desk(feeds=(replace(FEED, revisit=7 * DAY, revisit_every=MINUTE),))
        desk.say("thread", 3 * DAY)
        desk.read()
        assert desk.handed() == []

        desk.say("reply", parent="thread", shown_at=desk.clock.now())
        desk.read(MINUTE)

        assert "reply" in desk.handed()

    def test_where_what_hangs_below_did_not_come_the_page_is_read_again(self):
        desk = Desk()
        desk.say("thread", 30 * MINUTE)
        desk.say("reply", 20 * MINUTE, parent="thread")
        desk.port.script = [None, Answer(status=429)]

        assert desk.read().outcome is Outcome.REFUSED
        assert desk.handed() == ["thread"]
        desk.read(MINUTE)

        assert "reply" in desk.handed()


class TestALog:
    JOB = Job(CHANNEL, ACCOUNT, "log")

    def test_is_read_from_its_cursor_until_nothing_more_comes(self):
        desk = Desk(feeds=(Feed(name="log", forward=True),), limit=2)
        for n in range(5):
            desk.say(f"a{n}", n * MINUTE, feed="log")

        assert desk.read(job=self.JOB).outcome is Outcome.READ
        assert len(desk.handed()) == 5
        desk.say("b", feed="log")
        assert desk.read(MINUTE, self.JOB).new == 1

    def test_that_is_longer_than_a_run_goes_on_at_its_cursor(self):
        desk = Desk(feeds=(Feed(name="log", forward=True, pages=1),), limit=2)
        for n in range(5):
            desk.say(f"a{n}", n * MINUTE, feed="log")

        reads = [desk.read(MINUTE, self.JOB) for _ in range(4)]

        assert [read.outcome for read in reads[:2]] == [Outcome.GAP, Outcome.GAP]
        assert reads[-1].outcome is Outcome.READ
        assert len(desk.handed()) == 5

    def test_whose_cursor_is_refused_is_read_again_from_the_watermark(self):
        desk = Desk(feeds=(Feed(name="log", forward=True),))
        desk.say("a", feed="log")
        desk.read(job=self.JOB)
        desk.handed()
        desk.port.script = [Answer(status=400)]
        desk.say("b", feed="log", shown_at=desk.clock.now() + MINUTE)

        assert desk.read(MINUTE, self.JOB).outcome is Outcome.REFUSED
        assert desk.watch(self.JOB).cursor is None
        desk.read(MINUTE, self.JOB)

        assert desk.handed() == ["b"]
