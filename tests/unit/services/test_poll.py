from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.connecting import renewing
from shared.domain.exchange import Answer, Refusal, Refused, Secret, Unclear
from shared.domain.listening import ListeningRule
from shared.domain.polling import Feed, Purpose, Quota
from shared.domain.records import Intent, Watch, watch_key
from shared.domain.watching import LEASE
from shared.errors import Unavailable, UnknownChannel
from shared.services.poll import Outcome
from shared.services.poll_handing import Job
from tests.fakes.asked import ACCOUNT, CHANNEL
from tests.unit.services.asking import DAY, FEED, HOUR, MINUTE, Desk
from tests.unit.services.stage import POLICY


def test_what_is_new_becomes_a_delivery_in_the_form_that_channels_read():
    desk = Desk()
    desk.say("a")

    read = desk.read()

    assert (read.outcome, read.new, read.calls) == (Outcome.READ, 1, 1)
    (delivery,) = desk.inbox.waiting
    assert delivery.channel == CHANNEL
    assert not delivery.repairs
    body = json.loads(delivery.body)
    assert (body["account_id"], body["feed"]) == (ACCOUNT, "news")
    assert [raw["id"] for raw in body["items"]] == ["a"]


def test_what_was_handed_on_is_not_handed_on_again():
    desk = Desk()
    desk.say("a")
    desk.read()
    desk.handed()

    read = desk.read(MINUTE)

    assert (read.outcome, read.new) == (Outcome.READ, 0)
    assert desk.handed() == []


def test_an_edit_is_handed_on():
    desk = Desk()
    one = desk.say("a")
    desk.read()
    desk.handed()
    one.edits.append((desk.clock.now(), "otherwise"))

    desk.read(MINUTE)

    assert desk.handed() == ["a"]


def test_items_are_handed_on_oldest_first():
    desk = Desk()
    for name, age in (("b", 2), ("c", 1), ("a", 3)):
        desk.say(name, age * MINUTE)

    desk.read()

    assert desk.handed() == ["a", "b", "c"]


def test_the_first_run_reads_no_further_back_than_the_feed_says():
    desk = Desk()
    desk.say("young", 59 * MINUTE)
    desk.say("old", 61 * MINUTE)

    desk.read()

    assert desk.handed() == ["young"]


def test_the_time_from_an_item_to_us_is_told_but_not_of_the_first_run():
    desk = Desk()
    desk.say("a", 50 * MINUTE)
    assert desk.read().lag is None

    desk.say("b", shown_at=desk.clock.now())
    assert desk.read(3 * MINUTE).lag == 3 * MINUTE


class TestATurn:
    def test_is_not_due_before_its_time(self):
        desk = Desk()
        desk.read()

        assert desk.read(timedelta(seconds=30)).outcome is Outcome.NOT_DUE
        assert desk.read(timedelta(seconds=30)).outcome is Outcome.READ

    def test_is_held_while_another_run_reads(self):
        desk = Desk()
        desk.table.commit([Watch(channel=CHANNEL, account_id=ACCOUNT, feed="news", owner="other",
                                 lease_until=desk.clock.now() + LEASE)])  # fmt: skip

        assert desk.read().outcome is Outcome.HELD
        assert desk.read(LEASE).outcome is Outcome.READ

    def test_is_nobodys_where_there_is_no_such_feed(self):
        desk = Desk()

        assert desk.read(job=Job(CHANNEL, ACCOUNT, "nothing")).outcome is Outcome.NO_SUCH_FEED

    def test_is_the_renewals_where_the_credentials_have_ended(self):
        desk = Desk()
        desk.channel.renew = lambda *_: None  # type: ignore[attr-defined]
        desk.channel.expires = lambda _: desk.clock.now()  # type: ignore[attr-defined]
        assert renewing(desk.channel) is not None

        assert desk.read().outcome is Outcome.ENDED
        assert desk.port.calls == []
        assert desk.table.records == {}

    def test_that_took_too_long_writes_nothing_down(self):
        desk = Desk()
        desk.say("a")
        put = desk.inbox.put

        def slow(delivery: Any) -> None:
            put(delivery)
            desk.table.commit([replace(desk.watch(), owner="other")])

        desk.inbox.put = slow  # type: ignore[method-assign]

        assert desk.read().outcome is Outcome.OVERTAKEN
        assert desk.watch().owner == "other"
        assert desk.watch().seen == ()


class TestWhatIsDue:
    def jobs(self, desk: Desk) -> list[str]:
        return [job.feed + (f" {job.phrase}" if job.phrase else "") for job in desk.poller.due()]

    def test_is_every_feed_of_every_account_in_its_turn(self):
        desk = Desk(feeds=(FEED, Feed(name="log", forward=True, every=HOUR)))
        desk.secrets.store(CHANNEL, Secret(account_id="other"))

        assert len(desk.poller.due()) == 4
        for job in desk.poller.due():
            desk.poller.read(job)
        assert desk.poller.due() == []
        desk.clock.advance(MINUTE)
        assert self.jobs(desk) == ["news", "news"]

    def test_is_nothing_that_only_a_pointer_asks_for(self):
        desk = Desk(feeds=(FEED, Feed(name="review", purpose=Purpose.POINTED)))

        assert self.jobs(desk) == ["news"]
        assert desk.read(job=Job(CHANNEL, ACCOUNT, "review")).outcome is Outcome.NO_SUCH_FEED

    def test_is_one_job_for_each_phrase_that_is_listened_for_there(self):
        rules = (
            ListeningRule(name="brand", phrases=("acme", "acme boots")),
            ListeningRule(name="product", phrases=("acme", "rocket")),
            ListeningRule(name="elsewhere", phrases=("nothing",), channels=frozenset({"bluesky"})),
        )
        desk = Desk(feeds=(Feed(name="search", purpose=Purpose.LISTENING),), policy=replace(POLICY, listening=rules))

        assert self.jobs(desk) == ["search acme", "search acme boots", "search rocket"]

    def test_is_nothing_of_a_name_that_is_no_channels(self):
        desk = Desk()

        def unknown(name: str) -> Any:
            raise UnknownChannel(name)

        assert replace(desk.poller, channels=unknown).due() == []


class TestFailing:
    def test_a_throttled_feed_rests_as_long_as_the_platform_asks(self):
        desk = Desk()
        desk.port.script = [Answer(status=429, headers={"retry-after": "600"})]

        read = desk.read()

        assert (read.outcome, read.reason) == (Outcome.REFUSED, "It answered 429.")
        assert desk.read(9 * MINUTE).outcome is Outcome.RESTING
        assert desk.read(MINUTE).outcome is Outcome.READ
        assert desk.watch().failures == 0

    @pytest.mark.parametrize("answer", [Unclear("lost"), Refused(refusal=Refusal.LATER, reason="not reached")])
    def test_an_answer_that_did_not_come_is_asked_for_again(self, answer):
        desk = Desk()
        desk.say("a")
        desk.port.script = [answer]

        assert desk.read().outcome is Outcome.REFUSED
        desk.read(MINUTE)

        assert desk.handed() == ["a"]

    def test_a_blocked_account_is_told_of_once_a_day(self):
        desk = Desk()
        desk.port.script = [Answer(status=401) for _ in range(40)]
        told = []
        for _ in range(30):
            assert desk.read().outcome is Outcome.BLOCKED
            if desk.watch().intents:
                told.append(desk.clock.now())
                desk.table.commit([replace(desk.watch(), intents=())])
            desk.clock.at = desk.watch().rest_until or desk.clock.at

        assert len(told) == 2
        assert told[1] - told[0] >= DAY

    def test_who_is_telling_people_while_it_is_read_is_not_in_the_way(self):
        desk = Desk()
        desk.port.script = [Answer(status=401), Answer(status=401)]
        desk.read()
        desk.clock.advance(HOUR)
        perform = desk.port.perform

        def meanwhile(call: Any) -> Any:
            desk.table.commit([replace(desk.watch(), intents=())])
            return perform(call)

        desk.port.perform = meanwhile  # type: ignore[method-assign]

        assert desk.read().outcome is Outcome.BLOCKED
        assert desk.watch().intents == ()
        assert desk.watch().owner is None

    def test_a_page_that_will_never_come_is_not_asked_for_at_full_rate(self):
        desk = Desk()
        desk.port.script = [Answer(status=404) for _ in range(100)]
        until, turns = desk.clock.now() + DAY, 0
        while desk.clock.now() < until:
            turns += desk.read().outcome is Outcome.REFUSED
            desk.clock.advance(MINUTE)

        assert turns < 20
        assert Intent.REPORT in desk.watch().intents

    def test_nothing_is_written_down_where_it_could_not_be_handed_on(self):
        desk = Desk()
        desk.say("a")
        put = desk.inbox.put

        def away(delivery: Any) -> None:
            raise Unavailable("away")

        desk.inbox.put = away  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            desk.read()
        desk.inbox.put = put  # type: ignore[method-assign]
        desk.read(LEASE)

        assert desk.handed() == ["a"]


class TestAQuota:
    QUOTA = Quota(units=10, replies=4)

    def test_is_shared_by_the_feeds_of_an_account_and_never_exceeded(self):
        feeds = (Feed(name="news", cost=2, quota=self.QUOTA), Feed(name="log", forward=True, quota=self.QUOTA))
        desk = Desk(feeds=feeds)
        until = desk.clock.now() + 10 * HOUR
        while desk.clock.now() < until:
            for job in desk.poller.due():
                desk.poller.read(job)
            desk.clock.advance(MINUTE)

        cost = sum({"news": 2, "log": 1}[asked["feed"]] for asked in desk.platform.asked)
        assert cost in {5, 6}

    def test_comes_back_with_the_day(self):
        desk = Desk(feeds=(replace(FEED, quota=Quota(units=1)),))
        desk.read()

        assert desk.read(MINUTE).outcome is Outcome.REFUSED
        assert desk.read(11 * HOUR).outcome is Outcome.RESTING
        assert desk.read(HOUR).outcome is Outcome.READ

    def test_is_counted_before_the_call(self):
        desk = Desk(feeds=(replace(FEED, quota=self.QUOTA),))

        def dies(call: Any) -> Any:
            raise KeyboardInterrupt

        desk.port.perform = dies  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            desk.read()

        counted = desk.table.records[watch_key(CHANNEL, ACCOUNT, "quota day 10 UTC")]
        assert isinstance(counted, Watch)
        assert counted.spent == 1


class TestASweep:
    FEEDS = (replace(FEED, purpose=Purpose.BACKSTOP, settle=3 * MINUTE),)

    def test_leaves_what_is_young_to_the_webhook_and_marks_the_rest_as_repairs(self):
        desk = Desk(feeds=self.FEEDS)
        desk.read()
        desk.clock.advance(10 * MINUTE)
        desk.say("missed", 5 * MINUTE)
        desk.say("young", MINUTE)

        read = desk.read()

        assert (read.new, read.repaired) == (1, 1)
        assert desk.inbox.waiting[0].repairs
        assert desk.handed() == ["missed"]
        desk.read(2 * MINUTE)
        assert desk.handed() == ["young"]

    def test_takes_nothing_for_missed_that_was_said_before_anybody_listened(self):
        desk = Desk(feeds=self.FEEDS)
        desk.say("earlier", 30 * MINUTE)
        desk.say("between", 2 * MINUTE)

        read = desk.read()
        assert (read.new, read.repaired) == (1, 0)
        assert not desk.inbox.waiting[0].repairs
        desk.say("missed", timedelta(0), shown_at=desk.clock.now())
        read = desk.read(5 * MINUTE)
        assert (read.new, read.repaired) == (2, 1)
        assert [(delivery.repairs) for delivery in desk.inbox.waiting] == [False, False, True]


class TestListening:
    RULE = ListeningRule(name="brand", phrases=("acme",), exclude=("jobs",), per_day=2)
    JOB = Job(CHANNEL, ACCOUNT, "search", "acme")

    def desk(self) -> Desk:
        feeds = (replace(FEED, name="search", purpose=Purpose.LISTENING),)
        return Desk(feeds=feeds, policy=replace(POLICY, listening=(self.RULE,)))

    def test_searches_for_the_phrase_and_hands_on_what_the_rule_wants(self):
        desk = self.desk()
        desk.say("a", feed="search", text="My ACME boots leak")
        desk.say("b", feed="search", text="acme jobs")
        desk.say("c", feed="search", text="loosely matched")

        read = desk.read(job=self.JOB)

        assert desk.handed() == ["a"]
        assert (read.new, read.withheld) == (1, 0)
        assert desk.platform.asked[0]["phrase"] == "acme"

    def test_hands_on_no_more_than_the_rule_has_room_for_in_a_day(self):
        desk = self.desk()
        for n in range(5):
            desk.say(f"a{n}", n * MINUTE, feed="search", text="acme")

        read = desk.read(job=self.JOB)

        assert (read.new, read.withheld) == (2, 3)
        assert len(desk.handed()) == 2
        desk.say("next", feed="search", text="acme", shown_at=desk.clock.now())
        assert desk.read(MINUTE, self.JOB).withheld == 1
        desk.say("tomorrow", -DAY, feed="search", text="acme")
        assert desk.read(DAY, self.JOB).new == 1

    def test_a_phrase_that_no_rule_has_any_more_wants_nothing(self):
        desk = self.desk()
        desk.say("a", feed="search", text="acme")

        assert desk.read(job=Job(CHANNEL, ACCOUNT, "search", "gone")).new == 0
