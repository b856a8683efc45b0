"""Step 7: platforms that do not push are asked, and the others for what a webhook missed.

One feed of one account is read by one run at a time. What is new goes to the inbox first, and only then is it written
down how far the feed was read, in one conditional commit: a crash between any two calls repeats work and loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from shared.domain import reading, watching
from shared.domain.connecting import renewing
from shared.domain.events import iso
from shared.domain.exchange import Refusal, Secret
from shared.domain.listening import ListeningRule
from shared.domain.policy import Policy
from shared.domain.polling import Feed, Polled, Purpose, polled
from shared.domain.records import Key, Record, Seen, Watch
from shared.errors import UnknownChannel
from shared.ports import Channels, Clock, Desk, Ids, Inbox, Platforms, Secrets
from shared.services.commit import until_settled
from shared.services.poll_handing import MOST_KEYS, Handed, HandingOn, Job
from shared.services.poll_walk import Asking, Budget, Gathered, gather

SHOWN = "shown by"  # before a feed's name: the record of what it has shown, a hundred times as long as its watch
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
UNKNOWN_FEED = "unknown"  # of a channel whose feeds cannot be told

GIVEN_UP = (
    "A page of it does not come, in {tries} tries. What stood there, before {until}, is missing: look on the platform."
)


class Outcome(StrEnum):
    """What became of one turn."""

    NO_SUCH_FEED = "no such feed"
    NOT_DUE = "not due"
    RESTING = "resting"
    HELD = "held"  # by another run
    ENDED = "credentials ended"  # the renewal's turn: nothing is asked with what the platform will refuse
    READ = "read"  # to its end
    GAP = "gap"  # there is more; the next run goes on
    REFUSED = "refused"
    BLOCKED = "blocked"
    OVERTAKEN = "overtaken"  # it took so long that another run took over, who will find the same again


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One turn, for logs and metrics. `lag` is the longest time from an item's own time to now."""

    outcome: Outcome
    new: int = 0  # items handed on
    calls: int = 0
    gap: bool = False
    lag: timedelta | None = None
    repaired: int = 0  # messages that a webhook had missed
    withheld: int = 0  # hits over a listening rule's day
    forgotten: int = 0  # items that did not fit into memory, and may be handed on again
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Poller:
    """Asks platforms on a schedule."""

    desk: Desk
    secrets: Secrets
    platforms: Platforms
    channels: Channels
    inbox: Inbox
    policy: Policy
    clock: Clock
    ids: Ids

    def due(self) -> list[Job]:
        """The feeds whose turn it is, of all accounts; who has waited longest comes first, for time may not suffice for
        all. Raises Unavailable, Misconfigured.
        """
        feeds = dict(self._feeds())
        jobs, now = list(feeds), self.clock.now()
        found: dict[Key, Record] = {}
        for start in range(0, len(jobs), MOST_KEYS):
            found |= self.desk.read([job.key for job in jobs[start : start + MOST_KEYS]])
        watches = {job: _watch(job, found.get(job.key)) for job in jobs}
        due = [job for job, feed in feeds.items() if feed is None or watching.idle(watches[job], feed, now) is None]
        return sorted(due, key=lambda job: watches[job].asked_at or LONG_AGO)

    def read(self, job: Job) -> Read:
        """Read one feed if it is its turn.

        Raises Unavailable or Conflict where the table, the secrets or the inbox did not answer: the feed is held until
        its lease ends, and then read again. Raises Misconfigured where the account has no secret.
        """
        channel = self._polled(job.channel)
        feed = None if channel is None else _feed(channel, job.feed)
        if channel is None or feed is None or feed.purpose is Purpose.POINTED:
            return Read(outcome=Outcome.NO_SUCH_FEED)
        secret = self.secrets.account(job.channel, job.account_id)
        if _ended(channel, secret, self.clock.now()):
            return Read(outcome=Outcome.ENDED)
        held = until_settled(lambda: self._claim(job, feed))
        if isinstance(held, Outcome):
            return Read(outcome=held)
        return self._run(job, channel, feed, secret, self._reminded(held))

    def _run(self, job: Job, channel: Polled, feed: Feed, secret: Secret, held: Watch) -> Read:
        budget, until = Budget(self.desk, self.clock), self.clock.now() + watching.READ_FOR
        asking = Asking(channel, feed, secret, held, self.platforms, budget, self.clock, until)
        found = gather(asking)
        handing = HandingOn(self.desk, self.inbox, self.clock)
        rules = [rule for rule in self._rules(job.channel) if job.phrase in rule.phrases]
        handed = handing.hand_on(job, feed, channel, found.new, rules, watching.begun_at(held, feed))
        now = self.clock.now()
        kept = reading.remembered(found.watch, feed, found.shown, found.below, now)
        after = replace(found.watch, seen=kept.seen)
        if not until_settled(lambda: self._settle(job, feed, after, found, before=held.seen)):
            return Read(outcome=Outcome.OVERTAKEN, new=handed.items, calls=asking.calls)
        return _told(found, held, handed, asking.calls, kept.forgotten, now)

    # -- turns --------------------------------------------------------------------------------------------------------

    def _feeds(self) -> Iterator[tuple[Job, Feed | None]]:
        for name, secrets in self.secrets.everything().items():
            try:
                channel = self._polled(name)
            except Exception:  # noqa: BLE001 - it is met again, and told, in a turn of its own: the others are asked
                yield from ((Job(name, secret.account_id, UNKNOWN_FEED), None) for secret in secrets)
                continue
            for feed in () if channel is None else channel.FEEDS:
                for secret in secrets:
                    yield from ((job, feed) for job in self._jobs(name, secret.account_id, feed))

    def _jobs(self, channel: str, account_id: str, feed: Feed) -> Iterator[Job]:
        if feed.purpose is Purpose.LISTENING:
            phrases = dict.fromkeys(phrase for rule in self._rules(channel) for phrase in rule.phrases)
            yield from (Job(channel, account_id, feed.name, phrase) for phrase in phrases)
        elif feed.purpose is not Purpose.POINTED:
            yield Job(channel, account_id, feed.name)

    def _rules(self, channel: str) -> Sequence[ListeningRule]:
        return [rule for rule in self.policy.listening if not rule.channels or channel in rule.channels]

    def _polled(self, name: str) -> Polled | None:
        """A secret may be stored under a name that is no channel's: the others are asked all the same."""
        try:
            return polled(self.channels(name))
        except UnknownChannel:
            return None

    # -- the watch ----------------------------------------------------------------------------------------------------

    def _claim(self, job: Job, feed: Feed) -> Watch | Outcome:
        now = self.clock.now()
        watch = _watch(job, self.desk.read([job.key]).get(job.key))
        idle = watching.idle(watch, feed, now)
        if idle is not None:
            return Outcome(idle.value)
        if watch.owner is not None:
            watch = watching.abandoned(watch, feed, now)
            if watch.rest_until is not None:
                self.desk.commit([watch])
                return Outcome.RESTING
        mine = watching.claimed(watching.begun(watch, feed, now), self.ids.new(), now)
        self.desk.commit([mine])
        return mine

    def _reminded(self, held: Watch) -> Watch:
        """With what the feed has shown, read after the claim: from then on nobody else writes it."""
        shown = self._shown(held)
        return replace(held, seen=shown.seen) if shown.version else held

    def _shown(self, watch: Watch) -> Watch:
        job = Job(watch.channel, watch.account_id, f"{SHOWN} {watch.feed}", watch.phrase)
        return _watch(job, self.desk.read([job.key]).get(job.key))

    def _settle(self, job: Job, feed: Feed, after: Watch, found: Gathered, before: Sequence[Seen]) -> bool:
        """Write down how far it was read, unless another run took over. Who tells people may have touched it."""
        current = self.desk.read([job.key]).get(job.key)
        if not isinstance(current, Watch) or current.owner != after.owner:
            return False
        now = self.clock.now()
        mine = replace(after, version=current.version, intents=current.intents, reported_at=current.reported_at)
        mine = watching.succeeded(mine) if found.refused is None else watching.failed(mine, found.refused, now)
        sentence = watching.trouble(mine, feed, found.refused, now)
        mine = watching.released(watching.reported(mine, sentence, now))
        if found.gave_up:
            given_up = GIVEN_UP.format(tries=reading.MOST_DEAD_ENDS, until=iso(after.watermark))
            mine = watching.lost(mine, given_up, now)
        self.desk.commit([replace(mine, seen=()), *self._written(mine, before, stays=current.seen, now=now)])
        return True

    def _written(self, watch: Watch, before: Sequence[Seen], *, stays: Sequence[Seen], now: datetime) -> list[Watch]:
        """What the feed has shown as a record, where it has to be stored; also out of a watch that still holds it."""
        if not stays and not reading.worth_writing(before, watch.seen):
            return []
        return [replace(self._shown(watch), seen=watch.seen, asked_at=now)]


def _watch(job: Job, found: object) -> Watch:
    if isinstance(found, Watch):
        return found
    return Watch(channel=job.channel, account_id=job.account_id, feed=job.feed, phrase=job.phrase)


def _feed(channel: Polled, name: str) -> Feed | None:
    return next((feed for feed in channel.FEEDS if feed.name == name), None)


def _ended(channel: Polled, secret: Secret, now: datetime) -> bool:
    """Whether the credentials have ended and are to be renewed."""
    renews = renewing(channel)
    ends = None if renews is None else renews.expires(secret)
    return ends is not None and ends <= now


def _told(found: Gathered, before: Watch, handed: Handed, calls: int, forgotten: int, now: datetime) -> Read:
    blocked = found.refused is not None and found.refused.refusal is Refusal.BLOCKED
    refused = Outcome.BLOCKED if blocked else Outcome.REFUSED
    outcome = refused if found.refused is not None else Outcome.READ if found.complete else Outcome.GAP
    times = [item.at for item in found.new if item.at is not None] if before.succeeded_at is not None else []
    return Read(
        outcome=outcome,
        new=handed.items,
        calls=calls,
        gap=found.gave_up or not (found.complete or found.refused),
        lag=now - min(times) if times else None,
        repaired=handed.repaired,
        withheld=handed.withheld,
        forgotten=forgotten,
        reason=None if found.refused is None else found.refused.reason,
    )
