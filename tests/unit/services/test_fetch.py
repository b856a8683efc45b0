from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.events import Kind
from shared.domain.exchange import Refusal, Refused, Secret, Unclear
from shared.domain.polling import Feed, Purpose, Quota
from shared.domain.records import Errand, Intent, Watch, errand_key
from shared.errors import Unavailable
from shared.services.fetch import LONGEST, MOST_CALLS
from tests.unit.mail.build import text_of
from tests.unit.services.asked import AskedChannel, saying
from tests.unit.services.stage import ANA, FRIDAY_NOON, Stage, about

MINUTE = timedelta(minutes=1)
KEY = errand_key("scripted", "acc", "r7")
REVIEW = {"id": "r7", "text": "Schön 📦"}


def pointed(*answers, channel=None):
    """A platform pointed at a review, and answers so when it is asked."""
    stage = Stage(channel=channel or AskedChannel())
    stage.secrets.by_channel["scripted"] = (Secret(account_id="acc"),)
    stage.platforms.answers.extend(answers)
    stage.deliver(about("r7", Kind.POINTER))
    return stage


def errand(stage) -> Errand:
    found = stage.kept(KEY)
    assert isinstance(found, Errand)
    return found


def fetched(stage):
    """The deliveries that wait for intake, as plain data."""
    return [json.loads(delivery.body) for delivery in stage.inbox.waiting]


class TestFetching:
    def test_what_was_pointed_at_enters_as_a_delivery_like_any_other(self):
        stage = pointed(saying(items=[REVIEW]))

        assert stage.dispatch.carry_out(KEY) == (Intent.FETCH,)

        assert fetched(stage) == [{"account_id": "acc", "feed": "review", "items": [REVIEW]}]
        (delivery,) = stage.inbox.waiting
        assert (delivery.channel, delivery.repairs) == ("scripted", False)
        assert (errand(stage).fetched_at, errand(stage).intents) == (FRIDAY_NOON, ())

    def test_it_is_asked_for_by_its_reference_with_the_feed_that_is_for_it(self):
        stage = pointed(saying(items=[]))

        stage.dispatch.carry_out(KEY)

        assert [call.url for call in stage.platforms.calls] == ["https://platform.example/review/r7"]

    def test_all_pages_and_what_hangs_below_their_items_is_read(self):
        below, more = {"id": "answer"}, {"id": "r8"}
        stage = pointed(
            saying(items=[REVIEW | {"below": "below-r7"}], next="page-2"), saying(items=[below]), saying(items=[more])
        )

        stage.dispatch.carry_out(KEY)

        assert [item["id"] for item in fetched(stage)[0]["items"]] == ["r7", "answer", "r8"]
        assert [c.url.rpartition("/")[2] for c in stage.platforms.calls] == ["r7", "below-r7", "page-2"]

    def test_a_platform_without_end_is_not_asked_without_end(self):
        stage = pointed(*[saying(items=[{"id": str(n)}], next="more") for n in range(100)])

        stage.dispatch.carry_out(KEY)

        assert len(stage.platforms.calls) == MOST_CALLS
        assert len(fetched(stage)[0]["items"]) == MOST_CALLS
        assert errand(stage).intents == ()

    def test_a_slow_platform_is_not_waited_for_longer_than_the_function_may_run(self):
        stage = pointed(*[saying(items=[REVIEW], next="more")] * 3)
        perform = stage.platforms.perform

        def slowly(call):
            stage.clock.advance(LONGEST)
            return perform(call)

        stage.platforms.perform = slowly
        stage.dispatch.carry_out(KEY)

        assert len(stage.platforms.calls) == 1
        assert [item["id"] for item in fetched(stage)[0]["items"]] == ["r7"]
        assert (errand(stage).attempts, errand(stage).intents) == (1, (Intent.FETCH,))

    def test_what_is_not_there_any_more_is_done_without_a_delivery(self):
        stage = pointed(saying(items=[]))

        stage.dispatch.carry_out(KEY)

        assert (fetched(stage), errand(stage).intents) == ([], ())

    def test_carried_out_twice_it_is_the_same_delivery_and_asked_for_once(self):
        stage = pointed(saying(items=[REVIEW]))
        stage.dispatch.carry_out(KEY)

        assert stage.dispatch.carry_out(KEY) == ()

        assert len(stage.platforms.calls) == len(stage.inbox.waiting) == 1

    def test_a_pointer_that_comes_while_the_platform_is_asked_has_it_asked_again(self):
        stage = pointed(saying(items=[REVIEW]), saying(items=[REVIEW | {"text": "edited"}]))
        perform = stage.platforms.perform

        def meanwhile(call):
            answer = perform(call)
            stage.deliver(about("r7", Kind.POINTER, at=FRIDAY_NOON + MINUTE))
            return answer

        stage.platforms.perform = meanwhile
        stage.dispatch.carry_out(KEY)
        stage.platforms.perform = perform

        assert errand(stage).intents == (Intent.FETCH,)
        assert stage.dispatch.carry_out(KEY) == (Intent.FETCH,)
        assert [delivery["items"][0]["text"] for delivery in fetched(stage)] == ["Schön 📦", "edited"]

    def test_nothing_is_recorded_as_fetched_that_the_inbox_did_not_take(self):
        stage = pointed(saying(items=[REVIEW]))
        stage.crossings.before("inbox.put")

        with pytest.raises(Unavailable):
            stage.dispatch.carry_out(KEY)

        assert errand(stage).intents == (Intent.FETCH,)

    def test_a_call_is_paid_for_out_of_the_accounts_quota(self):
        quota = Quota(units=1)
        channel = AskedChannel(FEEDS=(Feed(name="review", purpose=Purpose.POINTED, quota=quota),))
        stage = pointed(saying(items=[REVIEW], next="more"), saying(items=[]), channel=channel)

        stage.dispatch.carry_out(KEY)

        assert len(stage.platforms.calls) == 1
        assert "units are spent" in (errand(stage).reason or "")


class TestTrouble:
    @pytest.mark.parametrize(
        "trouble", [saying(503), Unclear("lost"), Refused(refusal=Refusal.LATER, reason="not reached")]
    )
    def test_it_is_tried_again_after_a_rest_and_not_before(self, trouble):
        stage = pointed(trouble, saying(items=[REVIEW]))

        assert stage.dispatch.carry_out(KEY) == ()
        assert stage.dispatch.carry_out(KEY) == ()  # as the stream does at once, because the record changed
        assert len(stage.platforms.calls) == 1
        assert errand(stage).attempts == 1

        stage.clock.advance(2 * MINUTE)
        assert stage.dispatch.carry_out(KEY) == (Intent.FETCH,)
        assert len(fetched(stage)) == 1

    def test_the_sweep_finds_it_when_it_has_rested(self):
        stage = pointed(saying(503))
        stage.dispatch.carry_out(KEY)

        assert KEY not in stage.desk.undone(FRIDAY_NOON + 2 * MINUTE)
        assert KEY in stage.desk.undone(FRIDAY_NOON + 3 * MINUTE)

    def test_nothing_of_half_a_fetch_is_handed_on(self):
        stage = pointed(saying(items=[REVIEW], next="page-2"), saying(503))

        stage.dispatch.carry_out(KEY)

        assert fetched(stage) == []

    @pytest.mark.parametrize(("status", "tries"), [(503, 5), (401, 3), (404, 1)])
    def test_when_it_cannot_be_had_all_agents_are_told_where_to_look(self, status, tries):
        stage = pointed(*[saying(status)] * tries)
        for _ in range(tries):
            stage.dispatch.carry_out(KEY)
            stage.clock.advance(timedelta(hours=1))
        assert errand(stage).intents == (Intent.REPORT,)

        assert stage.dispatch.carry_out(KEY) == (Intent.REPORT,)

        (mail,) = stage.mailer.sent
        assert mail.to == ANA.address
        assert "Something new on Scripted could not be fetched: r7" in text_of(mail)
        assert "Look there" in text_of(mail)
        (notice,) = stage.notifier.published
        assert (notice.kind, notice.facts["about"]) == ("trouble", "r7")
        assert errand(stage).intents == ()
        assert len(stage.platforms.calls) == tries

    @pytest.mark.parametrize("lacking", ["secret", "feed"])
    def test_an_account_or_a_channel_that_cannot_fetch_is_told_of_too(self, lacking):
        stage = pointed(channel=AskedChannel(FEEDS=()) if lacking == "feed" else None)
        if lacking == "secret":
            stage.secrets.by_channel.clear()
        for _ in range(3):
            stage.dispatch.carry_out(KEY)
            stage.clock.advance(timedelta(hours=1))

        stage.dispatch.carry_out(KEY)

        assert len(stage.mailer.sent) == 1
        assert stage.platforms.calls == []

    def test_a_report_that_was_not_accepted_is_made_again(self):
        stage = pointed(saying(404))
        stage.dispatch.carry_out(KEY)
        stage.crossings.before("mailer.send")

        with pytest.raises(Unavailable):
            stage.dispatch.carry_out(KEY)

        assert stage.dispatch.carry_out(KEY) == (Intent.REPORT,)
        assert len(stage.mailer.sent) == 1

    def test_a_pointer_that_comes_while_people_are_told_is_not_forgotten_with_the_report(self):
        stage = pointed(saying(404))
        stage.dispatch.carry_out(KEY)
        send = stage.mailer.send

        def meanwhile(mail):
            stage.deliver(about("r7", Kind.POINTER, at=FRIDAY_NOON + MINUTE))
            return send(mail)

        stage.mailer.send = meanwhile
        stage.dispatch.carry_out(KEY)

        assert errand(stage).intents == (Intent.FETCH,)


def test_a_watch_that_is_to_be_reported_is_told_and_keeps_all_else():

    stage = Stage()
    watch = Watch(
        channel="bluesky", account_id="did:plc:1", feed="search", phrase="Lantern Bikes", reason="Token gone.",
        watermark=FRIDAY_NOON, intents=(Intent.REPORT,),
    )  # fmt: skip
    stage.put(watch)

    assert stage.dispatch.carry_out(watch.key) == (Intent.REPORT,)

    (mail,) = stage.mailer.sent
    assert 'Nightdesk has trouble with Bluesky (the search for "Lantern Bikes")' in text_of(mail)
    assert "Token gone." in text_of(mail)
    assert stage.notifier.published[0].facts == {"channel": "bluesky", "account_id": "did:plc:1", "about": "search"}
    assert stage.kept(watch.key) == replace(watch, intents=(), version=2)
