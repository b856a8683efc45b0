"""What reaches intake without anybody having told us: pointers, what a webhook missed, what nobody said to us."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any, ClassVar

import pytest

from shared.domain.events import Kind, Surface, Visibility
from shared.domain.exchange import Delivery
from shared.domain.records import Errand, Intent, State, errand_key
from tests.unit.services.stage import FRIDAY_NIGHT, FRIDAY_NOON, Stage, about, echo, message

MINUTE = timedelta(minutes=1)
KEY = errand_key("scripted", "acc", "reviews/7")


def pointer(*, at=FRIDAY_NOON, **changes):
    return about("reviews/7", Kind.POINTER, at=at, **changes)


def errand(stage) -> Errand:
    found = stage.kept(KEY)
    assert isinstance(found, Errand)
    return found


class TestPointers:
    def test_what_was_pointed_at_is_to_be_fetched(self):
        stage = Stage()

        stage.deliver(pointer())

        found = errand(stage)
        assert (found.reference, found.heard_at, found.intents) == ("reviews/7", FRIDAY_NOON, (Intent.FETCH,))
        assert stage.desk.quarantined() == ()

    def test_a_second_delivery_of_a_pointer_changes_nothing(self):
        stage = Stage()
        body = stage.channel.delivery(pointer())
        stage.take(body)
        before = dict(stage.desk.records)

        stage.clock.advance(MINUTE)
        stage.take(body)

        assert stage.desk.records == before

    def test_a_pointer_without_a_time_is_heard_of_when_it_came(self):
        stage = Stage()

        stage.deliver(pointer(at=None))

        assert errand(stage).heard_at == stage.clock.now()

    @pytest.mark.parametrize("fetched_at", [FRIDAY_NOON + MINUTE, FRIDAY_NOON + 9 * MINUTE, None])
    def test_a_newer_pointer_has_it_fetched_again_whatever_became_of_the_first(self, fetched_at):
        stage = Stage()
        stage.deliver(pointer())
        over = replace(errand(stage), fetched_at=fetched_at, attempts=5, rest_until=None, reason="x", intents=())
        stage.put(over)

        stage.deliver(pointer(at=FRIDAY_NOON + 5 * MINUTE))

        found = errand(stage)
        assert found.intents == (Intent.FETCH,)
        assert (found.heard_at, found.fetched_at) == (FRIDAY_NOON + 5 * MINUTE, fetched_at)
        assert (found.attempts, found.rest_until, found.reason) == (0, None, None)

    def test_a_newer_pointer_does_not_shorten_the_rest_of_one_that_is_being_tried(self):
        stage = Stage()
        stage.deliver(pointer())
        stage.put(replace(errand(stage), attempts=2, rest_until=FRIDAY_NOON, reason="Not now."))

        stage.deliver(pointer(at=FRIDAY_NOON + MINUTE))

        found = errand(stage)
        assert (found.heard_at, found.attempts, found.rest_until) == (FRIDAY_NOON + MINUTE, 2, FRIDAY_NOON)

    def test_an_older_pointer_that_comes_late_says_nothing_new(self):
        stage = Stage()
        stage.deliver(pointer(at=FRIDAY_NOON + 5 * MINUTE))
        done = replace(errand(stage), fetched_at=FRIDAY_NOON + 6 * MINUTE, intents=())
        stage.put(done)

        stage.deliver(pointer())

        assert errand(stage) == replace(done, version=done.version + 1)

    @pytest.mark.parametrize("missing", ["account_id", "message_id"])
    def test_a_pointer_to_nothing_is_in_quarantine(self, missing):
        stage = Stage()

        stage.deliver(replace(pointer(), **{missing: None}))

        assert [kept.stage for kept in stage.desk.quarantined()] == ["commit"]
        assert stage.kept(KEY) is None


def missed(stage, *events):
    """A delivery that was fetched because a webhook may have missed it."""
    body = stage.channel.delivery(*events)
    given = Delivery(delivery_id="d", channel="scripted", body=body, received_at=stage.clock.now(), repairs=True)
    return stage.intake.take(given)


class TestRepairs:
    def test_what_is_new_in_it_was_missed_and_is_counted_and_marked(self):
        stage = Stage()
        stage.deliver(message("m1"))

        counts = missed(stage, message("m1"), message("m2", at=FRIDAY_NOON + MINUTE))

        assert counts == {"message": 2, "repaired": 1}
        assert (stage.message("m1").repaired, stage.message("m2").repaired) == (False, True)

    def test_nothing_is_counted_where_nothing_was_missed(self):
        stage = Stage()
        stage.deliver(message("m1"))

        assert missed(stage, message("m1"), echo("e1")) == {"message": 1, "echo": 1}

    def test_what_only_was_edited_or_deleted_before_is_new_all_the_same(self):
        stage = Stage()
        stage.deliver(replace(about("m1", Kind.EDIT), text="edited"))

        assert missed(stage, message("m1"))["repaired"] == 1
        assert stage.message("m1").repaired

    def test_the_webhooks_own_delivery_counts_no_repair(self):
        stage = Stage()
        body = stage.channel.delivery(message("m1"))

        counts = stage.intake.take(
            Delivery(delivery_id="d", channel="scripted", body=body, received_at=stage.clock.now())
        )

        assert counts == {"message": 1}
        assert not stage.message("m1").repaired


def hit(mid="m1", **changes):
    public = {"surface": Surface.COMMENT, "visibility": Visibility.PUBLIC, "thread_id": "post", "customer_id": "cust"}
    return message(mid, **{"unaddressed": True, **public, **changes})


class TestWhatNobodySaidToUs:
    def test_a_hit_is_handed_over_and_known_as_one(self):
        stage = Stage()

        stage.deliver(hit())

        assert stage.conversation("post").unaddressed
        assert stage.message("m1").intents == (Intent.HAND_OFF,)
        assert len(stage.obligations_of(stage.conversation("post"))) == 1

    def test_it_is_never_acknowledged_automatically_even_where_the_rule_allows_it_in_public(self):
        rule = replace(Stage().policy.rules[0], acknowledge=True)
        stage = Stage(policy=replace(Stage().policy, rules=(rule,)))
        stage.clock.at = FRIDAY_NIGHT

        stage.deliver(hit(at=FRIDAY_NIGHT))
        stage.deliver(hit("m2", at=FRIDAY_NIGHT, thread_id="other", unaddressed=False))

        assert stage.sends_of(stage.conversation("post")) == ()
        assert len(stage.sends_of(stage.conversation("other"))) == 1

    def test_as_soon_as_the_customer_speaks_to_us_it_is_a_conversation_like_any_other(self):
        for order in permutations([hit("m1"), hit("m2", at=FRIDAY_NOON + MINUTE, unaddressed=False)]):
            stage = Stage()
            stage.deliver(*order)

            assert not stage.conversation("post").unaddressed

    def test_what_listening_found_first_and_the_platform_then_delivers_was_said_to_us(self):
        for order in permutations([hit("m1"), hit("m1", unaddressed=False)]):
            stage = Stage()
            for event in order:
                stage.deliver(event)

            assert not stage.conversation("post").unaddressed
            assert len(stage.conversation("post").waiting) == 1

    def test_where_we_spoke_first_nobody_is_a_stranger(self):
        stage = Stage()
        stage.deliver(echo("e1", surface=Surface.COMMENT, visibility=Visibility.PUBLIC, thread_id="post"))

        stage.deliver(hit(at=FRIDAY_NOON + MINUTE))

        assert not stage.conversation("post").unaddressed


def known(**changes):
    return {"link": "https://p.example/1", "author_followers": 10, "author_verified": False} | changes


def described(stage):
    head = stage.conversation()
    return head.link, head.customer_followers, head.customer_verified


class TestWhatIsKnownOfTheCustomer:
    def test_link_followers_and_mark_are_kept_with_message_and_conversation(self):
        stage = Stage()

        stage.deliver(message("m1", **known()))

        assert described(stage) == ("https://p.example/1", 10, False)
        assert stage.message("m1").link == "https://p.example/1"

    def test_the_newest_message_that_tells_something_wins_in_any_order_and_silence_erases_nothing(self):
        newer = known(link="https://p.example/2", author_followers=11, author_verified=True)
        facts = [
            message("m1", **known()),
            message("m2", at=FRIDAY_NOON + MINUTE, **newer),
            message("m3", at=FRIDAY_NOON + 2 * MINUTE),
        ]
        for order in permutations(facts):
            if order.index(facts[2]) < order.index(facts[1]):
                continue  # what came last tells nothing, so the first that tells stays
            stage = Stage()
            for event in order:
                stage.deliver(event)

            assert described(stage) == ("https://p.example/2", 11, True)

    def test_of_messages_of_the_same_instant_all_orders_agree(self):
        facts = [message("m1", **known()), message("m2", **known(link="https://p.example/2", author_followers=11))]
        for order in permutations(facts):
            stage = Stage()
            stage.deliver(*order)

            assert described(stage) == ("https://p.example/2", 11, False)

    def test_our_own_words_have_no_say(self):
        stage = Stage()
        stage.deliver(message("m1", **known()))

        stage.deliver(echo("e1", at=FRIDAY_NOON + MINUTE, **known(link="https://p.example/9", author_followers=999)))

        assert described(stage) == ("https://p.example/1", 10, False)


class TestReviews:
    """A review that was changed is another one to those who answer it."""

    REVIEW: ClassVar[dict[str, Any]] = {"surface": Surface.REVIEW, "visibility": Visibility.PUBLIC, "rating": 5}

    def answered(self) -> Stage:
        stage = Stage()
        stage.deliver(message("r1", text="Great.", **self.REVIEW))
        stage.dispatch_all()
        stage.mailer.sent.clear()
        stage.clock.advance(MINUTE)
        stage.deliver(echo("a1", at=FRIDAY_NOON + MINUTE, in_reply_to="r1", **self.REVIEW))
        return stage

    def changed(self, stage: Stage, **changes: object) -> None:
        stage.clock.advance(MINUTE)
        fields = {**self.REVIEW, "kind": Kind.EDIT, "text": "Great.", **changes}
        stage.deliver(message("r1", at=stage.clock.now(), **fields))

    @pytest.mark.parametrize("changes", [{"text": "It broke."}, {"rating": 1}])
    def test_other_words_or_stars_are_handed_to_people_and_owed_an_answer_again(self, changes):
        stage = self.answered()

        self.changed(stage, **changes)
        stage.dispatch_all()

        owed = stage.obligations_of(stage.conversation())[-1]
        assert (owed.state, owed.since) == (State.OPEN, FRIDAY_NOON + 2 * MINUTE)
        assert len(stage.mailer.sent) == 1
        kept = stage.message("r1")
        assert (kept.text, kept.rating) == (changes.get("text", "Great."), changes.get("rating", 5))

    def test_the_same_words_and_stars_are_nothing_new(self):
        stage = self.answered()

        self.changed(stage)
        stage.dispatch_all()

        assert stage.obligations_of(stage.conversation())[-1].state is State.MET
        assert stage.mailer.sent == []

    def test_a_change_heard_twice_is_told_once(self):
        stage = self.answered()
        body = stage.channel.delivery(
            message("r1", at=FRIDAY_NOON + 2 * MINUTE, **{**self.REVIEW, "kind": Kind.EDIT, "rating": 1})
        )
        for _ in range(2):
            stage.take(body)
            stage.dispatch_all()

        assert len(stage.mailer.sent) == 1

    def test_a_change_while_it_still_waits_keeps_the_time_it_has_waited(self):
        stage = Stage()
        stage.deliver(message("r1", text="Great.", **self.REVIEW))

        self.changed(stage, rating=1)

        assert stage.obligations_of(stage.conversation())[-1].since == FRIDAY_NOON
        assert stage.conversation().unhanded == ("r1",)

    def test_the_change_of_a_comment_is_only_written_down(self):
        stage = Stage()
        public: dict[str, Any] = {"surface": Surface.COMMENT, "visibility": Visibility.PUBLIC}
        stage.deliver(message("c1", **public))
        stage.dispatch_all()
        stage.mailer.sent.clear()

        stage.deliver(message("c1", kind=Kind.EDIT, text="other", at=FRIDAY_NOON + MINUTE, **public))
        stage.dispatch_all()

        assert stage.mailer.sent == []
