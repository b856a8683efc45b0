from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.record_codec import encode
from shared.domain.exchange import Refusal, Refused
from shared.domain.polling import Feed, Item, Page
from shared.domain.reading import (
    LONGEST_ID,
    LONGEST_TOKEN,
    MOST_DEAD_ENDS,
    MOST_SEEN,
    UNDATED_KEPT,
    Memory,
    Stretch,
    Verdict,
    after_forward,
    after_walk,
    floor,
    gives_up,
    name_of,
    remembered,
    revisited,
    revisits,
)
from shared.domain.records import Seen, Watch
from shared.domain.watching import begun

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FEED = Feed(name="news", overlap=10 * MINUTE, first=HOUR)
STARTED = begun(Watch(channel="asked", account_id="acme", feed="news"), FEED, NOW - DAY)
WATCH = replace(STARTED, watermark=NOW - 5 * MINUTE, succeeded_at=NOW - MINUTE)
NEVER = Refused(refusal=Refusal.NEVER, reason="There is no such page.")
LATER = Refused(refusal=Refusal.LATER, reason="Too many calls.")


def item(name: str, age: timedelta | None = timedelta(0), revision: str = "", below: str | None = None) -> Item:
    """An item that is so old."""
    return Item(item_id=name, revision=revision, at=None if age is None else NOW - age, raw={"id": name}, below=below)


def knows(*seen: Seen, watch: Watch = WATCH, feed: Feed = FEED) -> Memory:
    return Memory.of(replace(watch, seen=seen), feed, NOW)


def seen(name: str, age: timedelta = timedelta(0), **known: object) -> Seen:
    return Seen(item_id=name, at=NOW - age, **known)  # type: ignore[arg-type]  # the fields are those of Seen


class TestWhatIsNew:
    def test_an_item_is_new_until_it_was_seen(self):
        assert knows().judge(item("a")) is Verdict.NEW
        assert knows(seen("a")).judge(item("a")) is Verdict.KNOWN

    def test_an_item_that_was_changed_is_new_however_old_it_is(self):
        assert knows(seen("a", 3 * DAY, revision="1")).judge(item("a", 3 * DAY, "2")) is Verdict.NEW

    def test_a_late_item_is_new_within_the_overlap_and_taken_for_known_beyond(self):
        assert knows().judge(item("late", 15 * MINUTE)) is Verdict.NEW
        assert knows().judge(item("late", 16 * MINUTE)) is Verdict.BYGONE

    def test_a_late_item_is_new_for_as_long_as_items_are_revisited(self):
        assert knows(feed=replace(FEED, revisit=DAY)).judge(item("late", 20 * HOUR)) is Verdict.NEW

    def test_what_was_said_before_our_time_is_remembered_and_not_handed_on(self):
        feed = replace(FEED, revisit=DAY)
        first = begun(Watch(channel="asked", account_id="acme", feed="news"), feed, NOW)

        assert knows(watch=first, feed=feed).judge(item("old", 2 * HOUR)) is Verdict.BEFORE_US
        assert knows(watch=first, feed=feed).judge(item("young", HOUR)) is Verdict.NEW

    def test_items_without_a_time_are_remembered_on_the_first_run_and_new_afterwards(self):
        first = replace(STARTED, succeeded_at=None)

        assert knows(watch=first).judge(item("a", None)) is Verdict.BEFORE_US
        assert knows().judge(item("a", None)) is Verdict.NEW

    def test_what_is_too_young_is_left_to_the_webhook(self):
        sweep = replace(FEED, settle=5 * MINUTE)

        assert knows(feed=sweep).judge(item("a", 4 * MINUTE)) is Verdict.UNSETTLED
        assert knows(feed=sweep).judge(item("a", 5 * MINUTE)) is Verdict.NEW

    def test_a_cursor_moves_past_an_item_only_once_so_nothing_behind_one_is_left_or_dropped(self):
        log = replace(FEED, forward=True, settle=5 * MINUTE)
        behind = replace(WATCH, cursor="c7")

        assert knows(feed=log, watch=behind).judge(item("a")) is Verdict.NEW
        assert knows(feed=log, watch=behind).judge(item("a", 9 * DAY)) is Verdict.NEW
        assert knows(feed=log).judge(item("a", 9 * DAY)) is Verdict.BYGONE

    @pytest.mark.parametrize("name", ["x" * (LONGEST_ID + 1), "ü" * LONGEST_ID, "\ud800"])
    def test_an_id_that_cannot_be_kept_is_known_by_its_hash(self, name):
        kept, _ = name_of(item(name))

        assert kept.startswith("sha256 ")
        assert name_of(item(name)) == (kept, "")
        assert knows(seen(kept)).judge(item(name)) is Verdict.KNOWN


class TestWhereAWalkEnds:
    def ends(self, *items: Item, more: str | None = "more", memory: Memory | None = None) -> bool:
        return (memory or knows()).walked(Page(items=items, next=more), floor(WATCH, FEED))

    def test_at_the_last_page(self):
        assert self.ends(item("a"), more=None)
        assert self.ends(more=None)

    def test_at_a_page_that_is_mostly_older_than_the_overlap(self):
        assert self.ends(item("a"), item("b", HOUR), item("c", 2 * HOUR))

    def test_not_at_an_empty_page_with_another_behind_it(self):
        assert not self.ends()

    def test_not_at_an_item_that_is_pinned_to_the_top(self):
        assert not self.ends(item("pinned", 90 * DAY), item("a"), item("b"))

    def test_not_at_an_old_item_that_stands_last_by_chance(self):
        assert not self.ends(item("a"), item("b"), item("astray", HOUR))

    def test_not_at_the_first_item_that_is_known(self):
        assert not self.ends(item("a"), item("b"), memory=knows(seen("a"), seen("b")))

    def test_where_nothing_has_a_time_at_a_page_without_anything_new(self):
        known = knows(seen("a", undated=True), seen("b", undated=True))

        assert self.ends(item("a", None), item("b", None), memory=known)
        assert not self.ends(item("a", None), item("c", None), memory=known)


class TestTheWatermark:
    def test_moves_to_the_newest_item_once_everything_was_read(self):
        moved = after_walk(WATCH, FEED, Stretch(items=(item("a", MINUTE),), pages=1, ended=True), None, NOW)

        assert moved.watermark == NOW - MINUTE
        assert moved.succeeded_at == NOW

    def test_never_moves_back(self):
        moved = after_walk(WATCH, FEED, Stretch(items=(item("a", HOUR),), pages=1, ended=True), None, NOW)

        assert moved.watermark == WATCH.watermark

    def test_does_not_believe_a_time_in_the_future(self):
        moved = after_walk(WATCH, FEED, Stretch(items=(item("a", -9 * DAY),), pages=1, ended=True), None, NOW)

        assert moved.watermark == NOW

    def test_does_not_pass_what_is_left_to_the_webhook(self):
        sweep = replace(FEED, settle=3 * MINUTE)
        items = (item("a", MINUTE), item("b", 4 * MINUTE))

        moved = after_walk(WATCH, sweep, Stretch(items=items, pages=1, ended=True), None, NOW)

        assert moved.watermark == NOW - 4 * MINUTE

    def test_stays_while_there_are_pages_left_and_the_page_is_kept(self):
        moved = after_walk(WATCH, FEED, Stretch(items=(item("a", MINUTE),), pages=10, token="p11"), None, NOW)

        assert (moved.watermark, moved.resume, moved.head) == (WATCH.watermark, "p11", NOW - MINUTE)
        assert moved.succeeded_at == WATCH.succeeded_at

    def test_stays_where_not_even_the_first_page_came(self):
        assert after_walk(WATCH, FEED, Stretch(refused=LATER), None, NOW) == WATCH

    def test_an_unfinished_walk_goes_on_at_its_page_whatever_came_in_above(self):
        behind = replace(WATCH, resume="p11", head=NOW - 3 * MINUTE)

        moved = after_walk(
            behind,
            FEED,
            Stretch(items=(item("b"),), pages=5, token="p6"),
            Stretch(items=(item("z", HOUR),), pages=5, token="p16"),
            NOW,
        )

        assert moved == replace(behind, resume="p16")

    def test_when_it_has_ended_what_came_in_above_is_a_walk_of_its_own(self):
        behind = replace(WATCH, resume="p11", head=NOW - 3 * MINUTE)

        moved = after_walk(
            behind, FEED, Stretch(items=(item("b"),), pages=5, token="p6"), Stretch(pages=1, ended=True), NOW
        )

        assert (moved.watermark, moved.head, moved.resume) == (NOW - 3 * MINUTE, NOW, "p6")
        assert moved.succeeded_at == NOW

    def test_when_both_have_ended_nothing_is_left(self):
        behind = replace(WATCH, resume="p11", head=NOW - 3 * MINUTE)
        top = Stretch(items=(item("b", MINUTE),), pages=1, ended=True)

        moved = after_walk(behind, FEED, top, Stretch(pages=1, ended=True), NOW)

        assert (moved.watermark, moved.head, moved.resume) == (NOW - MINUTE, None, None)
        assert moved.succeeded_at == NOW

    def test_a_page_token_that_has_expired_sends_the_next_walk_to_the_top(self):
        behind = replace(WATCH, resume="p11", head=NOW)

        moved = after_walk(behind, FEED, Stretch(pages=1, ended=True), Stretch(refused=NEVER, token="p11"), NOW)

        assert moved == WATCH

    def test_a_page_that_never_comes_is_given_up_after_half_an_hour_of_walks(self):
        broken = Stretch(items=(item("a", MINUTE),), pages=3, token="p4", refused=NEVER)
        watch = WATCH
        for _ in range(MOST_DEAD_ENDS - 1):
            before, watch = watch, after_walk(watch, FEED, broken, None, NOW)
            assert watch.watermark == WATCH.watermark
            assert not gives_up(before, watch)

        given_up = after_walk(watch, FEED, broken, None, NOW)

        assert given_up.watermark == NOW - MINUTE
        assert gives_up(watch, given_up)

    @pytest.mark.parametrize("token", ["t" * (LONGEST_TOKEN + 1), "\ud800"], ids=["long", "no UTF-8"])
    def test_a_token_that_cannot_be_kept_is_done_without(self, token):
        odd = Stretch(items=(item("a"),), pages=10, token=token)

        assert after_walk(WATCH, FEED, odd, None, NOW).resume is None


class TestACursor:
    def test_moves_with_every_page_and_the_watermark_at_the_end(self):
        behind = replace(WATCH, cursor="c1")

        on = after_forward(behind, FEED, Stretch(items=(item("a"),), pages=2, cursor="c3"), NOW)
        end = after_forward(on, FEED, Stretch(items=(item("b"),), pages=1, cursor="c4", ended=True), NOW)

        assert (on.cursor, on.watermark) == ("c3", WATCH.watermark)
        assert (end.cursor, end.watermark, end.succeeded_at) == ("c4", NOW, NOW)

    def test_stays_where_a_page_brings_none(self):
        behind = replace(WATCH, cursor="c1")

        assert after_forward(behind, FEED, Stretch(pages=1, ended=True), NOW).cursor == "c1"

    def test_that_is_refused_is_dropped_so_that_the_next_run_begins_at_the_watermark(self):
        behind = replace(WATCH, cursor="c1", resume="p2")

        dropped = after_forward(behind, FEED, Stretch(refused=NEVER), NOW)

        assert (dropped.cursor, dropped.resume, dropped.watermark) == (None, None, WATCH.watermark)


class TestMemory:
    def test_keeps_what_the_feed_may_show_again(self):
        watch = replace(WATCH, seen=(seen("gone", 16 * MINUTE), seen("kept", 15 * MINUTE)))

        kept = remembered(watch, FEED, [item("new")], [], NOW)

        assert [one.item_id for one in kept.seen] == ["kept", "new"]
        assert kept.forgotten == 0

    def test_keeps_what_is_to_be_revisited(self):
        watch = replace(WATCH, seen=(seen("young", DAY),))

        assert remembered(watch, replace(FEED, revisit=2 * DAY), [], [], NOW).seen == watch.seen

    def test_keeps_one_revision_unless_two_are_shown_beside_each_other(self):
        watch = replace(WATCH, seen=(seen("a", revision="1"), seen("b", revision="1")))

        kept = remembered(
            watch, FEED, [item("a", revision="2"), item("b", revision="1"), item("b", revision="2")], [], NOW
        )

        assert {(one.item_id, one.revision) for one in kept.seen} == {("a", "2"), ("b", "1"), ("b", "2")}

    def test_keeps_what_has_no_time_for_a_year_after_it_was_last_shown(self):
        watch = replace(
            WATCH, seen=(seen("shown", UNDATED_KEPT, undated=True), seen("gone", UNDATED_KEPT + HOUR, undated=True))
        )

        kept = remembered(watch, FEED, [item("shown", None)], [], NOW)

        assert kept.seen == (seen("shown", undated=True),)

    def test_forgets_the_oldest_of_too_many_and_says_how_many(self):
        shown = [item(f"{n:04}", n * timedelta(microseconds=1)) for n in range(MOST_SEEN + 7)]

        kept = remembered(WATCH, FEED, shown, [], NOW)

        assert len(kept.seen) == MOST_SEEN
        assert kept.forgotten == 7
        assert kept.seen[-1].item_id == "0000"

    def test_fits_into_an_item_of_dynamodb_even_when_all_of_it_is_as_long_as_can_be(self):
        names = [f"{n:04}".ljust(LONGEST_ID, "x") for n in range(2 * MOST_SEEN)]
        shown = [item(name, n * timedelta(microseconds=1), revision="r" * 40) for n, name in enumerate(names)]
        token = "t" * LONGEST_TOKEN
        watch = replace(WATCH, cursor=token, resume=token, reason="w" * 500, phrase="p" * 500)

        full = replace(watch, seen=remembered(WATCH, FEED, shown, shown[:1], NOW).seen)

        assert size(encode(full)) < 350_000


class TestLookingAgain:
    def test_is_for_young_items_that_were_not_shown_just_now(self):
        feed = replace(FEED, revisit=DAY, batch=2)
        names = [seen(name, HOUR) for name in "abcd"]
        watch = replace(WATCH, seen=(*names, seen("old", 2 * DAY), seen("reply", below=True), seen("x", undated=True)))

        batches = revisited(watch, feed, [item("c")], NOW)

        assert sorted(name for batch in batches for name in batch) == ["a", "b", "d"]
        assert sorted(len(batch) for batch in batches) == [1, 2]

    def test_does_not_always_leave_the_same_batch_for_the_end(self):
        feed = replace(FEED, revisit=DAY, batch=1)
        watch = replace(WATCH, seen=(seen("a", HOUR), seen("b", HOUR)))

        first = {revisited(watch, feed, [], NOW + n * feed.revisit_every)[0] for n in range(2)}

        assert first == {("a",), ("b",)}

    def test_has_its_own_pace(self):
        feed = replace(FEED, revisit=DAY)

        assert not revisits(WATCH, FEED, NOW)
        assert revisits(WATCH, feed, NOW)
        assert not revisits(replace(WATCH, revisited_at=NOW - feed.revisit_every + MINUTE), feed, NOW)
        assert revisits(replace(WATCH, revisited_at=NOW - feed.revisit_every), feed, NOW)


def size(attributes: object) -> int:
    """Bytes of a DynamoDB item: names and values, and up to three for each value inside a list or map (developer guide,
    "DynamoDB item sizes and formats").
    """
    if isinstance(attributes, dict):
        return sum(len(str(name).encode()) + size(value) for name, value in attributes.items())
    if isinstance(attributes, list):
        return sum(3 + size(value) for value in attributes)
    return len(str(attributes).encode())
