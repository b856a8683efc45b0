"""One run over one feed: its pages, what hangs below them, and what is asked for again. Nothing is stored here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.domain import allowance, reading
from shared.domain.exchange import Refusal, Refused, Secret, Unclear
from shared.domain.polling import Ask, Feed, Item, Page, Polled, Quota
from shared.domain.reading import Memory, Name, Stretch, Verdict
from shared.domain.records import Watch, watch_key
from shared.ports import Clock, Desk, Platforms
from shared.services.commit import until_settled

MOST_REVISITS = 20  # calls of one run
ASK_AGAIN = frozenset({Refusal.LATER, Refusal.BLOCKED})  # what is refused so may come another time
OUT_OF_TIME = Refused(refusal=Refusal.LATER, reason="The run's time is up.")


@dataclass(frozen=True, slots=True)
class Budget:
    """Counts what calls cost, before they are made. One record counts for all feeds that share a quota."""

    desk: Desk
    clock: Clock

    def spend(self, channel: str, account_id: str, feed: Feed) -> Refused | None:
        """Count one call of this feed; why it may not be made where its day has no units left for it.

        Raises Unavailable, Conflict: then it may have been counted, and is not made.
        """
        quota = feed.quota
        return None if quota is None else until_settled(lambda: self._spend(channel, account_id, feed, quota))

    def _spend(self, channel: str, account_id: str, feed: Feed, quota: Quota) -> Refused | None:
        name = allowance.quota_name(quota)
        key = watch_key(channel, account_id, name)
        found = self.desk.read([key]).get(key)
        known = found if isinstance(found, Watch) else Watch(channel=channel, account_id=account_id, feed=name)
        counted = allowance.spent(known, quota, feed, self.clock.now())
        if isinstance(counted, Refused):
            return counted
        self.desk.commit([counted])
        return None


@dataclass(slots=True)
class Asking:
    """Asks one feed on behalf of one run, until the run's time is up."""

    channel: Polled
    feed: Feed
    secret: Secret
    watch: Watch
    platforms: Platforms
    budget: Budget
    clock: Clock
    until: datetime
    calls: int = 0

    def page(self, ask: Ask) -> Page | Refused:
        """One page, paid for before it is asked for. A lost answer is LATER: to ask again is harmless."""
        call = self.channel.ask(ask, self.secret)
        if isinstance(call, Refused):
            return call
        unpaid = self.budget.spend(self.watch.channel, self.watch.account_id, self.feed)
        if unpaid is not None:
            return unpaid
        self.calls += 1
        answer = self.platforms.perform(call)
        if isinstance(answer, Unclear):
            return Refused(refusal=Refusal.LATER, reason=answer.reason)
        return answer if isinstance(answer, Refused) else self.channel.page(ask, answer, self.secret)

    def first(self, since: datetime) -> Ask:
        """The question for the first page."""
        return Ask(feed=self.feed.name, since=since, now=self.clock.now(), phrase=self.watch.phrase or None)

    @property
    def over(self) -> bool:
        """Whether no further page may be asked for."""
        return self.clock.now() >= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What one run has found, and where it brings the watch (`watch`, whose memory is still the old one).

    `shown` and `below` are to be remembered: what was known, and what is new with all that hangs below it. Where
    something below an item could not be read, that item is not among them and the watch stays where it was.
    """

    watch: Watch
    new: tuple[Item, ...]  # oldest first
    shown: tuple[Item, ...]
    below: tuple[Item, ...]
    refused: Refused | None
    complete: bool
    gave_up: bool


def gather(asking: Asking) -> Gathered:
    """Read the feed as far as it has to be read. Raises what the budget's desk raises."""
    now = asking.clock.now()
    heap = _Heap(Memory.of(asking.watch, asking.feed, now))
    moved, refused = (_walk_forward if asking.feed.forward else _walk_back)(asking, heap)
    gave_up = reading.gives_up(asking.watch, moved)
    if refused is None:
        moved, refused = _revisit(asking, heap, moved, now)
    return Gathered(
        watch=moved,
        new=tuple(sorted(heap.new.values(), key=lambda item: item.at or now)),
        shown=tuple(item for name, item in heap.shown.items() if name not in heap.waiting),
        below=tuple(heap.below.values()),
        refused=refused,
        complete=moved.succeeded_at != asking.watch.succeeded_at and moved.resume is None and moved.head is None,
        gave_up=gave_up,
    )


@dataclass(slots=True)
class _Heap:
    """What a run was shown, by what it is to us. `waiting` are items whose lower part was not read yet."""

    memory: Memory
    new: dict[Name, Item] = field(default_factory=dict)
    shown: dict[Name, Item] = field(default_factory=dict)
    below: dict[Name, Item] = field(default_factory=dict)
    waiting: dict[Name, str] = field(default_factory=dict)

    def add(self, items: Iterable[Item]) -> None:
        """Items of the feed itself."""
        for item in items:
            verdict, name = self.memory.judge(item), reading.name_of(item)
            if verdict in {Verdict.BYGONE, Verdict.UNSETTLED}:
                continue
            self.shown[name] = item
            if verdict is Verdict.NEW:
                self.new[name] = item
            if verdict is not Verdict.KNOWN and item.below is not None:
                self.waiting[name] = item.below

    def add_below(self, items: Iterable[Item]) -> None:
        """Items that hang below another."""
        for item in items:
            verdict, name = self.memory.judge(item), reading.name_of(item)
            if verdict in {Verdict.BYGONE, Verdict.UNSETTLED} or name in self.shown:
                continue
            self.below[name] = item
            if verdict is Verdict.NEW:
                self.new[name] = item


# -- walking ----------------------------------------------------------------------------------------------------------


def _walk_back(asking: Asking, heap: _Heap) -> tuple[Watch, Refused | None]:
    """From the newest item back to what was read before. Half of the pages go on where an unfinished walk had to stop:
    however much comes in, what is old is reached, and however much is old, what is new is read.
    """
    watch, feed = asking.watch, asking.feed
    bottom = reading.floor(watch, feed)
    if watch.resume is None:
        top = _stretch(asking, heap, asking.first(bottom), feed.pages)
        return reading.after_walk(watch, feed, top, None, asking.clock.now()), top.refused
    near = bottom if watch.head is None else max(bottom, watch.head - feed.overlap)
    top = _stretch(asking, heap, asking.first(near), max(1, feed.pages // 2))
    if top.refused is not None and not (top.dead_end and top.pages):
        return watch, top.refused  # a page that will not come is no reason to stay: it would stop the walk for good
    onwards = replace(asking.first(bottom), token=watch.resume)
    deep = _stretch(asking, heap, onwards, max(1, feed.pages - top.pages))
    expired = deep.dead_end and deep.pages == 0
    moved = reading.after_walk(watch, feed, top, deep, asking.clock.now())
    return moved, top.refused if expired else deep.refused or top.refused


def _stretch(asking: Asking, heap: _Heap, ask: Ask, most: int) -> Stretch:
    """Pages one after another, back to `ask.since`, at most so many. A page is read when all below its items is."""
    items: list[Item] = []
    for number in range(most):
        page = _whole_page(asking, heap, ask) if number == 0 or not asking.over else OUT_OF_TIME
        if isinstance(page, Refused):
            return _stopped(items, number, page, ask)
        items += page.items
        if heap.memory.walked(page, ask.since):
            return Stretch(items=tuple(items), pages=number + 1, ended=True)
        ask = replace(ask, token=page.next)
    return Stretch(items=tuple(items), pages=most, token=ask.token)


def _walk_forward(asking: Asking, heap: _Heap) -> tuple[Watch, Refused | None]:
    """From the cursor on until nothing more comes."""
    read = _forward_stretch(asking, heap)
    return reading.after_forward(asking.watch, asking.feed, read, asking.clock.now()), read.refused


def _forward_stretch(asking: Asking, heap: _Heap) -> Stretch:
    """Pages one after another. A cursor counts once all pages that belong to it were read."""
    watch = asking.watch
    items: list[Item] = []
    ask = replace(asking.first(reading.floor(watch, asking.feed)), cursor=watch.cursor, token=watch.resume)
    offered = watch.cursor
    for number in range(asking.feed.pages):
        page = _whole_page(asking, heap, ask) if number == 0 or not asking.over else OUT_OF_TIME
        if isinstance(page, Refused):
            return _stopped(items, number, page, ask)
        items += page.items
        offered = page.cursor or offered
        if page.next is None and (offered == ask.cursor or not page.items):
            return Stretch(items=tuple(items), pages=number + 1, ended=True, cursor=offered)
        ask = replace(ask, token=page.next, cursor=offered if page.next is None else ask.cursor)
    return Stretch(items=tuple(items), pages=asking.feed.pages, token=ask.token, cursor=ask.cursor)


def _stopped(items: list[Item], pages: int, refused: Refused, ask: Ask) -> Stretch:
    why = None if refused is OUT_OF_TIME else refused
    return Stretch(items=tuple(items), pages=pages, token=ask.token, cursor=ask.cursor, refused=why)


# -- pages ------------------------------------------------------------------------------------------------------------


def _whole_page(asking: Asking, heap: _Heap, ask: Ask) -> Page | Refused:
    """A page, and all that hangs below what is new on it. What was read is on the heap also where it stops midway."""
    page = asking.page(ask)
    if isinstance(page, Refused):
        return page
    heap.add(page.items)
    return _read_below(asking, heap) or page


def _read_below(asking: Asking, heap: _Heap) -> Refused | None:
    """Read what hangs below new and changed items. What is refused for good is not there any more."""
    for name, token in tuple(heap.waiting.items()):
        refused = _read_one_below(asking, heap, token)
        if refused is not None and refused.refusal in ASK_AGAIN:
            return refused
        del heap.waiting[name]
    return None


def _read_one_below(asking: Asking, heap: _Heap, token: str | None) -> Refused | None:
    ask = asking.first(reading.known_since(asking.watch, asking.feed, asking.clock.now()))
    while token is not None:
        if asking.over:
            return OUT_OF_TIME
        page = asking.page(replace(ask, token=token))
        if isinstance(page, Refused):
            return page
        heap.add_below(page.items)
        token = page.next
    return None


# -- looking again ----------------------------------------------------------------------------------------------------


def _revisit(asking: Asking, heap: _Heap, moved: Watch, now: datetime) -> tuple[Watch, Refused | None]:
    """Ask for young items again by their ids. A batch that is refused for good is left out: one id may spoil it."""
    if not reading.revisits(asking.watch, asking.feed, now):
        return moved, None
    ask = asking.first(reading.known_since(asking.watch, asking.feed, now))
    batches = reading.revisited(asking.watch, asking.feed, tuple(heap.shown.values()), now)
    for ids in batches[:MOST_REVISITS]:
        page = OUT_OF_TIME if asking.over else _whole_page(asking, heap, replace(ask, ids=ids))
        if isinstance(page, Refused) and page.refusal in ASK_AGAIN:
            return moved, None if page is OUT_OF_TIME else page
    return replace(moved, revisited_at=now), None
