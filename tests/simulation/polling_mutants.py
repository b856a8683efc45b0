"""The poller as one might write it at first. The checks have to catch every one of these, or they prove nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import Any
from unittest.mock import patch

from shared.domain import reading
from shared.domain.exchange import Answer, Refusal, Refused, Secret
from shared.domain.polling import Ask, Feed, Item, Page, Polled
from shared.domain.reading import Memory, Name, Remembered, Stretch, Verdict
from shared.domain.records import Watch
from shared.domain.watching import READ_FOR
from shared.services import poll_walk
from shared.services.poll import Outcome, Poller, Read
from shared.services.poll_handing import HandingOn, Job
from shared.services.poll_walk import Asking, Budget, gather
from tests.simulation.polling import play, violations

CATCHING_SEEDS = 300  # within which every mutant has to be caught

Rig = Callable[[], AbstractContextManager[Any]]

_after_walk, _spend, _read_below = reading.after_walk, Budget.spend, poll_walk._read_below
_judge, _add = Memory.judge, poll_walk._Heap.add


def _writes_down_first(self: Poller, job: Job, channel: Polled, feed: Feed, secret: Secret, held: Watch) -> Read:
    """Says how far it has read, and then hands on what it has read."""
    budget, until = Budget(self.desk, self.clock), self.clock.now() + READ_FOR
    found = gather(Asking(channel, feed, secret, held, self.platforms, budget, self.clock, until))
    seen = reading.remembered(found.watch, feed, found.shown, found.below, self.clock.now()).seen
    self._settle(job, feed, replace(found.watch, seen=seen), found, before=held.seen)
    HandingOn(self.desk, self.inbox, self.clock).hand_on(job, feed, channel, found.new, ())
    return Read(outcome=Outcome.READ if found.complete else Outcome.GAP)


def _no_overlap(watch: Watch, feed: Feed) -> datetime:
    """Reads back to the newest item it knows."""
    assert watch.watermark is not None
    return watch.watermark


def _first_known(self: Any, items: Any) -> None:
    """Reads a page down to the first item it knows."""
    unknown = takewhile(lambda item: self.memory.judge(item) is not Verdict.KNOWN, items)
    _add(self, list(unknown))


def _empty_is_the_end(self: Memory, page: Page, back_to: datetime) -> bool:
    """Takes an empty page for the last."""
    times = [item.at for item in page.items if item.at is not None]
    return page.next is None or not page.items or times[-1] < back_to


def _pays_afterwards(self: Asking, ask: Ask) -> Page | Refused:
    """Counts the call when its answer is there."""
    call = self.channel.ask(ask, self.secret)
    assert not isinstance(call, Refused)
    answer = self.platforms.perform(call)
    unpaid = self.budget.spend(self.watch.channel, self.watch.account_id, self.feed)
    if unpaid is not None or isinstance(answer, Refused):
        return unpaid if isinstance(unpaid, Refused) else _lost(answer)
    return self.channel.page(ask, answer, self.secret) if isinstance(answer, Answer) else _lost(answer)


def _lost(answer: object) -> Refused:
    return answer if isinstance(answer, Refused) else Refused(refusal=Refusal.LATER, reason="lost")


def _counts_per_feed(self: Budget, channel: str, account_id: str, feed: Feed) -> Refused | None:
    """Keeps a count of its own for each feed."""
    own = feed.quota and replace(feed.quota, name=feed.name)
    return _spend(self, channel, account_id, replace(feed, quota=own))


def _ignores_the_gap(watch: Watch, feed: Feed, top: Stretch, deep: Stretch | None, now: datetime) -> Watch:
    """Takes the pages it was allowed to read for all there are."""
    return _after_walk(watch, feed, replace(top, ended=True, token=None), None, now) if top.pages else watch


def _begins_at_the_top(watch: Watch, feed: Feed, top: Stretch, deep: Stretch | None, now: datetime) -> Watch:
    """Forgets at which page it had to stop."""
    return replace(_after_walk(watch, feed, top, deep, now), resume=None, head=None)


def _ignores_revisions(item: Item) -> Name:
    """Knows an item by its id alone."""
    return item.item_id, ""


def _forgets_what_is_below(asking: Asking, heap: Any) -> Refused | None:
    """Takes what hangs below for read, whatever the platform said."""
    _read_below(asking, heap)
    heap.waiting.clear()
    return None


def _remembers_nothing(*_: Any) -> Remembered:
    """Trusts the watermark."""
    return Remembered((), 0)


def _drops_old_items(self: Memory, item: Item) -> Verdict:
    """Takes what is older than the newest item for known."""
    watermark = self.watch.watermark
    if item.at is not None and watermark is not None and item.at <= watermark:
        return Verdict.KNOWN
    return _judge(self, item)


MUTANTS: Mapping[str, Rig] = {
    "written down before it is handed on": lambda: patch.object(Poller, "_run", _writes_down_first),
    "no overlap": lambda: patch.object(reading, "floor", _no_overlap),
    "stops at the first known item": lambda: patch.object(poll_walk._Heap, "add", _first_known),
    "older than the newest is known": lambda: patch.object(Memory, "judge", _drops_old_items),
    "an empty page is the last": lambda: patch.object(Memory, "walked", _empty_is_the_end),
    "counted after the call": lambda: patch.object(Asking, "page", _pays_afterwards),
    "counted per feed": lambda: patch.object(Budget, "spend", _counts_per_feed),
    "gap ignored": lambda: patch.object(reading, "after_walk", _ignores_the_gap),
    "every walk begins at the top": lambda: patch.object(reading, "after_walk", _begins_at_the_top),
    "revision ignored": lambda: patch.object(reading, "name_of", _ignores_revisions),
    "answers below forgotten": lambda: patch.object(poll_walk, "_read_below", _forgets_what_is_below),
    "remembers nothing": lambda: patch.object(reading, "remembered", _remembers_nothing),
}


def first_caught(rig: Rig, seeds: int = CATCHING_SEEDS) -> tuple[int | None, str]:
    """The first seed in which the checks object, and their first objection; None where they never do."""
    with rig():
        for seed in range(seeds):
            found = violations(play(seed))
            if found:
                return seed, found[0]
    return None, "not caught"
