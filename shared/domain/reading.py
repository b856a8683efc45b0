"""What a feed shows, held against what it showed before: what is new on a page, where a walk back ends, what is kept.

A cursor or watermark only says how far to read; which items are new is decided by what was seen. Nothing is lost by
forgetting: an item that is forgotten too early is handed on once more, and intake knows it by its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.exchange import Refusal, Refused
from shared.domain.polling import Feed, Item, Page
from shared.domain.records import Seen, Watch, short_hash

MOST_SEEN = 1000  # of at most some 300 bytes each, so that a watch stays below DynamoDB's 400 kB
LONGEST_ID = 128  # bytes of an id that is kept as it is; a longer one is hashed and not asked for again
LONGEST_REVISION = 40
LONGEST_TOKEN = 4096  # characters of a cursor or page token that is kept
UNDATED_KEPT = timedelta(days=365)  # after it was last shown: a feed may stay as it is for months
UNDATED_NOTED = timedelta(days=1)  # how seldom it is noted that it was shown, so as not to write all of it each time
MOST_DEAD_ENDS = 6  # walks in a row, half an hour in all, that end at one page; then what lies behind is given up

_HASHED = "sha256 "

Name = tuple[str, str]


class Verdict(StrEnum):
    """What an item on a page is to us."""

    NEW = "new"  # or changed: it is handed on
    KNOWN = "known"
    BEFORE_US = "before us"  # older than our first look: remembered, not handed on
    BYGONE = "bygone"  # so old that we do not know any more whether it was seen: it was
    UNSETTLED = "unsettled"  # left to the webhook for a while longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Pages that were read one after another.

    `token` is the page at which it had to stop, None at the end or where not even the first page came. `cursor` is
    where a forward feed goes on.
    """

    items: tuple[Item, ...] = ()
    pages: int = 0
    ended: bool = False
    token: str | None = None
    cursor: str | None = None
    refused: Refused | None = None

    @property
    def dead_end(self) -> bool:
        """Whether it met a page that will not come."""
        return self.refused is not None and self.refused.refusal in {Refusal.NEVER, Refusal.BY_HAND}


# -- what is new ------------------------------------------------------------------------------------------------------


def floor(watch: Watch, feed: Feed) -> datetime:
    """How far back a walk has to read. Raises ValueError for a watch that has not begun."""
    if watch.watermark is None:
        raise ValueError("the watch has no watermark yet")
    return watch.watermark - feed.overlap


def known_since(watch: Watch, feed: Feed, now: datetime) -> datetime:
    """From when on everything the feed showed is remembered."""
    return min(floor(watch, feed), now - feed.revisit)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known of a feed at the beginning of a run."""

    watch: Watch
    feed: Feed
    now: datetime
    names: frozenset[Name]
    ids: frozenset[str]

    @classmethod
    def of(cls, watch: Watch, feed: Feed, now: datetime) -> Memory:
        """As the watch tells."""
        names = frozenset((seen.item_id, seen.revision) for seen in watch.seen)
        return cls(watch, feed, now, names, frozenset(item_id for item_id, _ in names))

    def judge(self, item: Item) -> Verdict:
        """What an item is to us."""
        name = name_of(item)
        if name in self.names:
            return Verdict.KNOWN
        if item.at is not None and self._unsettled(item.at):
            return Verdict.UNSETTLED
        if name[0] in self.ids or (self.feed.forward and self.watch.cursor is not None):
            return Verdict.NEW
        if item.at is None:
            return Verdict.BEFORE_US if self.watch.succeeded_at is None else Verdict.NEW
        if item.at < known_since(self.watch, self.feed, self.now):
            return Verdict.BYGONE
        return Verdict.BEFORE_US if self.watch.since is not None and item.at < self.watch.since else Verdict.NEW

    def walked(self, page: Page, back_to: datetime) -> bool:
        """Whether a walk back may end at this page.

        One old item proves nothing: it may be pinned, or stand out of its place. So most of the page has to be old, and
        its last item too. Where nothing has a time, a page without anything new is the end.
        """
        times = [item.at for item in page.items if item.at is not None]
        if page.next is None:
            return True
        if not times:
            return bool(page.items) and all(self.judge(item) is Verdict.KNOWN for item in page.items)
        return times[-1] < back_to and 2 * sum(at < back_to for at in times) > len(times)

    def _unsettled(self, at: datetime) -> bool:
        """Not for forward feeds: their cursor moves past an item only once."""
        return bool(self.feed.settle) and not self.feed.forward and at > self.now - self.feed.settle


def name_of(item: Item) -> Name:
    """Id and revision as they are remembered."""
    return _short(item.item_id, LONGEST_ID), _short(item.revision, LONGEST_REVISION)


def _short(name: str, longest: int) -> str:
    if name.isascii() and len(name) <= longest:
        return name
    fits = len(name) <= longest and len(name.encode("utf-8", "replace")) <= longest and _storable(name)
    return name if fits else _HASHED + short_hash(repr(name), characters=26)


def _storable(name: str) -> bool:
    """Lone surrogates are no UTF-8."""
    return not any("\ud800" <= c <= "\udfff" for c in name)


# -- how far it was read ----------------------------------------------------------------------------------------------


def after_walk(watch: Watch, feed: Feed, top: Stretch, deep: Stretch | None, now: datetime) -> Watch:
    """Where a feed stands after its newest pages (`top`) and those where an unfinished walk went on (`deep`).

    The watermark moves only when nothing is left between it and where the walk began. A walk that had to stop keeps its
    page and goes on there, whatever comes in above; what came in above is a walk of its own when that one has ended.
    """
    if not top.pages:
        return watch
    if deep is None:
        return _walked(watch, top, _newest(top.items, feed, now, None), now)
    if deep.ended:
        below = replace(watch, watermark=_later(watch.watermark, watch.head), dead_ends=0, succeeded_at=now)
        return _walked(below, top, _newest(top.items, feed, now, watch.head), now)
    if deep.dead_end and deep.pages == 0:
        return replace(watch, head=None, resume=None)  # a page token that has expired: the next walk begins at the top
    if deep.dead_end:
        return _dead_end(watch, watch.head)
    return replace(watch, resume=kept(deep.token))


def _walked(watch: Watch, top: Stretch, newest: datetime | None, now: datetime) -> Watch:
    if top.ended:
        mark = _later(watch.watermark, newest)
        return replace(watch, watermark=mark, head=None, resume=None, dead_ends=0, succeeded_at=now)
    return _dead_end(watch, newest) if top.dead_end else replace(watch, head=newest, resume=kept(top.token))


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at is not None), default=None)


def after_forward(watch: Watch, feed: Feed, read: Stretch, now: datetime) -> Watch:
    """Where a forward feed stands. A cursor that is refused is dropped: the next run begins at the watermark."""
    if read.dead_end and read.pages == 0:
        return replace(watch, cursor=None, resume=None)
    mark = _newest(read.items, feed, now, watch.watermark) if read.ended else watch.watermark
    moved = replace(watch, cursor=kept(read.cursor) or watch.cursor, resume=kept(read.token), watermark=mark)
    return replace(moved, succeeded_at=now) if read.ended else moved


def kept(token: str | None) -> str | None:
    """A token as it is kept; one that is too long or no UTF-8 is not, and the next run finds its way without."""
    return token if token is not None and len(token) <= LONGEST_TOKEN and _storable(token) else None


def gives_up(before: Watch, after: Watch) -> bool:
    """Whether a walk has given up what lies behind a page that does not come."""
    return before.dead_ends == MOST_DEAD_ENDS - 1 and after.dead_ends == 0 and after.watermark != before.watermark


def _dead_end(watch: Watch, head: datetime | None) -> Watch:
    dead_ends = watch.dead_ends + 1
    if dead_ends < MOST_DEAD_ENDS:
        return replace(watch, head=None, resume=None, dead_ends=dead_ends)
    return replace(watch, head=None, resume=None, dead_ends=0, watermark=_later(watch.watermark, head))


def _newest(items: Iterable[Item], feed: Feed, now: datetime, than: datetime | None) -> datetime | None:
    """The newest time among items that count. One in the future is somebody's wrong clock and would hide the rest."""
    settled = now - feed.settle if feed.settle and not feed.forward else None
    times = [min(item.at, now) for item in items if item.at is not None and (settled is None or item.at <= settled)]
    return _later(max(times, default=None), than)


# -- what is remembered -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is kept in mind, and how many had to go though the feed may show them again: they will come twice."""

    seen: tuple[Seen, ...]
    forgotten: int


def remembered(watch: Watch, feed: Feed, shown: Sequence[Item], below: Sequence[Item], now: datetime) -> Remembered:
    """The watch's memory with what was shown and dealt with; `watch` already stands where the run has brought it.

    Kept is what lies behind the watermark by less than the overlap or is to be revisited, and what has no time for a
    year after it was last shown. An older revision goes unless it was shown beside the newer one. Of too many the
    oldest go.
    """
    fresh = {name_of(item): _seen(item, now, below=False) for item in shown}
    fresh |= {name_of(item): _seen(item, now, below=True) for item in below}
    shown_ids = {item_id for item_id, _ in fresh}
    known = {(s.item_id, s.revision): s for s in watch.seen}
    old = {name: s for name, s in known.items() if name[0] not in shown_ids}
    fresh = {name: _noted(s, known.get(name), now) for name, s in fresh.items()}
    since = known_since(watch, feed, now)
    live = [s for s in (old | fresh).values() if s.at >= (now - UNDATED_KEPT if s.undated else since)]
    ordered = sorted(live, key=lambda s: (s.at, s.item_id, s.revision))
    return Remembered(tuple(ordered[-MOST_SEEN:]), max(0, len(ordered) - MOST_SEEN))


def worth_writing(before: Sequence[Seen], after: Sequence[Seen]) -> bool:
    """Whether what is kept in mind has to be stored anew. What has only grown old does no harm where it is, and goes
    with the next that is new.
    """
    ids = {seen.item_id for seen in after}
    return bool(set(after) - set(before)) or any(seen.item_id in ids for seen in set(before) - set(after))


def revisits(watch: Watch, feed: Feed, now: datetime) -> bool:
    """Whether it is time to ask for young items again."""
    early = watch.revisited_at is not None and now < watch.revisited_at + feed.revisit_every
    return bool(feed.revisit) and not early


def revisited(watch: Watch, feed: Feed, shown: Iterable[Item], now: datetime) -> tuple[tuple[str, ...], ...]:
    """The ids to be asked for again, in batches: young items that this run has not been shown.

    Which batch is first changes with the time, so that a run which is cut short does not always leave out the same.
    """
    just = {name_of(item)[0] for item in shown}
    young = (s for s in watch.seen if s.at >= now - feed.revisit and not (s.below or s.undated))
    ids = sorted({s.item_id for s in young if s.item_id not in just and not s.item_id.startswith(_HASHED)})
    batches = [tuple(ids[start : start + feed.batch]) for start in range(0, len(ids), feed.batch)]
    first = int(now.timestamp() // feed.revisit_every.total_seconds()) % len(batches) if batches else 0
    return (*batches[first:], *batches[:first])


def _noted(seen: Seen, before: Seen | None, now: datetime) -> Seen:
    """What has no time keeps the one it was noted with for a while."""
    same = before is not None and seen.undated and replace(before, at=seen.at) == seen
    return before if before is not None and same and now - before.at < UNDATED_NOTED else seen


def _seen(item: Item, now: datetime, *, below: bool) -> Seen:
    item_id, revision = name_of(item)
    return Seen(item_id=item_id, revision=revision, at=item.at or now, undated=item.at is None, below=below)
