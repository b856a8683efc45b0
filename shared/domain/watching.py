"""The poller's rules over a watch: whether it is its turn, who holds it, how long it rests, when people are told.

What a feed shows and how far it was read is in shared/domain/reading.py, what a day allows in allowance.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.events import iso
from shared.domain.exchange import Refusal, Refused
from shared.domain.polling import Feed, Purpose
from shared.domain.records import Intent, Watch

LEASE = timedelta(minutes=2)
READ_FOR = timedelta(seconds=60)  # then no further page is asked for: well before somebody else may take over
EARLY = timedelta(seconds=15)  # a schedule by the minute may come that much sooner than a minute after the last time
FIRST_REST = timedelta(minutes=1)  # doubled with each failure
LONGEST_REST = timedelta(hours=1)
LONGEST_REST_FROM_NEVER = timedelta(hours=6)
LONGEST_WAIT = timedelta(hours=24)  # that a platform may ask for: no quota is counted for longer than a day
BETWEEN_REPORTS = timedelta(hours=24)
TROUBLE_AFTER = timedelta(hours=1)  # of failing: before that it may mend itself
BEHIND_AFTER = timedelta(hours=24)  # without a walk that was read to its end
LONGEST_REASON = 500


class Idle(StrEnum):
    """Why a feed is not asked just now."""

    NOT_DUE = "not due"
    RESTING = "resting"
    HELD = "held"


# -- turns ------------------------------------------------------------------------------------------------------------


def idle(watch: Watch, feed: Feed, now: datetime) -> Idle | None:
    """Why it is not this feed's turn, or None where it is.

    After a failure the rest decides and not the feed's own pace. A walk back that is unfinished goes on at once, but
    not when listening, for a search may find without end, nor where calls are counted: the pace is what keeps a
    platform's hour (Google Play: 200 calls), which the day's quota does not count.
    """
    if held(watch, now):
        return Idle.HELD
    if watch.rest_until is not None and now < watch.rest_until:
        return Idle.RESTING
    if watch.asked_at is None or watch.failures:
        return None
    if _stopped_short(watch) and feed.purpose is not Purpose.LISTENING and feed.quota is None:
        return None
    early = min(EARLY, feed.every / 4)
    return Idle.NOT_DUE if now < watch.asked_at + feed.every - early else None


def _stopped_short(watch: Watch) -> bool:
    """Whether the last run had to stop, and did not end an older walk either."""
    if watch.resume is None or watch.asked_at is None:
        return False
    return watch.succeeded_at is None or watch.succeeded_at < watch.asked_at


def held(watch: Watch, now: datetime) -> bool:
    """Whether somebody works on it. A lease that has run out was left behind by one who died."""
    return watch.owner is not None and watch.lease_until is not None and now < watch.lease_until


def claimed(watch: Watch, owner: str, now: datetime) -> Watch:
    """Held by `owner` from now on."""
    return replace(watch, owner=owner, lease_until=now + LEASE, asked_at=now)


def released(watch: Watch) -> Watch:
    """Held by nobody."""
    return replace(watch, owner=None, lease_until=None)


def begun(watch: Watch, feed: Feed, now: datetime) -> Watch:
    """With its starting point. It is set once, when the feed is first asked, so that a first run that fails for days
    still reads from there. Items to be revisited are read from further back, to be known.
    """
    if watch.watermark is not None:
        return watch
    back = max(feed.first, feed.revisit)
    return replace(watch, since=now - feed.first, watermark=now - back + feed.overlap)


def begun_at(watch: Watch, feed: Feed) -> datetime | None:
    """When the feed was first asked."""
    return None if watch.since is None else watch.since + feed.first


# -- failures ---------------------------------------------------------------------------------------------------------


def failed(watch: Watch, refused: Refused, now: datetime) -> Watch:
    """After a failure: rests as long as the platform asked, else twice as long as after the failure before."""
    failures = watch.failures + 1
    return replace(
        watch,
        failures=failures,
        failing_since=watch.failing_since or now,
        rest_until=now + rest(refused, failures),
        reason=refused.reason[:LONGEST_REASON],
    )


def succeeded(watch: Watch) -> Watch:
    """After a run without a failure. The reason stays for as long as people have not been told of it."""
    reason = watch.reason if Intent.REPORT in watch.intents else None
    return replace(watch, failures=0, failing_since=None, rest_until=None, reason=reason)


def abandoned(watch: Watch, feed: Feed, now: datetime) -> Watch:
    """After somebody who held it died, of the platform's page or of a fault of ours: nobody else counts that failure.

    Once may have been a deployment, and it is read again at once. From the second in a row on it rests, and people are
    told as of any other failure.
    """
    began = "" if watch.asked_at is None else f" that began at {iso(watch.asked_at)}"
    why = Refused(refusal=Refusal.LATER, reason=f"A reading{began} did not end. The poll function's log says why.")
    after = failed(watch, why, now)
    after = reported(after, trouble(after, feed, why, now), now)
    return released(after if after.failures > 1 else replace(after, rest_until=None))


def rest(refused: Refused, failures: int) -> timedelta:
    """How long nothing is asked after so many failures in a row."""
    if refused.after is not None and refused.after > timedelta(0):
        return min(refused.after, LONGEST_WAIT)
    longest = LONGEST_REST if refused.refusal in {Refusal.LATER, Refusal.BLOCKED} else LONGEST_REST_FROM_NEVER
    return min(longest, FIRST_REST * (1 << min(failures - 1, 16)))


# -- telling people ---------------------------------------------------------------------------------------------------


def trouble(watch: Watch, feed: Feed, refused: Refused | None, now: datetime) -> str | None:
    """What people have to be told of this feed, as a sentence they can act on; None where nothing is wrong enough."""
    if refused is not None and refused.refusal is Refusal.BLOCKED:
        return refused.reason
    since = watch.succeeded_at or begun_at(watch, feed)
    if since is not None and now - since > _patience(feed):
        return _behind(watch, feed, since)
    stuck = watch.failing_since is not None and now - watch.failing_since >= TROUBLE_AFTER
    if stuck and feed.purpose is not Purpose.LISTENING:
        return f"It has failed since {iso(watch.failing_since)}. {watch.reason or ''}".strip()
    return None


def reported(watch: Watch, sentence: str | None, now: datetime) -> Watch:
    """With the intent to tell people, once a day; what they were not told of yet is not said twice."""
    if sentence is None:
        return watch
    spoken = watch.reported_at is not None and now - watch.reported_at < BETWEEN_REPORTS
    if spoken or Intent.REPORT in watch.intents:
        return watch
    return replace(watch, intents=(*watch.intents, Intent.REPORT), reported_at=now, reason=sentence[:LONGEST_REASON])


def lost(watch: Watch, sentence: str, now: datetime) -> Watch:
    """With the intent to tell people of a loss, whatever they heard that day: no later report would say it."""
    intents = tuple(dict.fromkeys((*watch.intents, Intent.REPORT)))
    return replace(watch, intents=intents, reported_at=now, reason=sentence[:LONGEST_REASON])


def _patience(feed: Feed) -> timedelta:
    """A seventh of the time after which the platform forgets: a day for one that shows a week."""
    return BEHIND_AFTER if feed.lost_after is None else feed.lost_after / 7


def _behind(watch: Watch, feed: Feed, since: datetime) -> str:
    said = f"It has not been read to its end since {iso(since)}."
    if feed.lost_after is not None:
        said += f" The platform shows nothing older than {_spelt(feed.lost_after)}: from "
        said += f"{iso(since + feed.lost_after)} on something is lost."
    return f"{said} {watch.reason}" if watch.reason else f"{said} More comes in than is read: raise its limits."


def _spelt(span: timedelta) -> str:
    days, rest_of = span.days, span - timedelta(days=span.days)
    return f"{days} days" if days and not rest_of else f"{span / timedelta(hours=1):g} hours"
