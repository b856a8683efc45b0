"""What a platform only pointed at is asked for, and enters as a delivery like any other.

Fetched at least once: what is found goes into the inbox before the errand is recorded as done, and intake knows every
item by its id. A failure is recorded and not raised: the stream would try again at once, the sweep does in time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.domain import errands
from shared.domain.exchange import Refusal, Refused, Secret
from shared.domain.polling import Ask, Feed, Item, Page, Polled, polled
from shared.domain.records import Errand, Intent, Watch
from shared.errors import Misconfigured
from shared.ports import Channels, Clock, Desk, Inbox, Platforms, Secrets
from shared.services.commit import until_settled
from shared.services.poll_handing import HandingOn, Job
from shared.services.poll_walk import OUT_OF_TIME, Asking, Budget

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
MOST_CALLS = 10  # for one errand, pages and what hangs below their items together
LONGEST = timedelta(seconds=20)  # for one errand; then no further call is made


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Carries out errands."""

    desk: Desk
    channels: Channels
    secrets: Secrets
    platforms: Platforms
    inbox: Inbox
    clock: Clock

    def fetch(self, errand: Errand) -> bool:
        """Ask for it, unless it rests. Whether what it pointed at is in the inbox now.

        Raises Unavailable, Conflict, UnknownChannel.
        """
        asked_at = self.clock.now()
        if errands.rests(errand, asked_at):
            return False
        failure = self._hand_on(errand, asked_at)
        if failure is not None:
            until_settled(lambda: self._failed(errand, failure))
            return False
        until_settled(lambda: self._fetched(errand, asked_at))
        return True

    def _hand_on(self, errand: Errand, now: datetime) -> Refused | None:
        """Put what there is into the inbox; why it cannot be had."""
        channel = polled(self.channels(errand.channel))
        feed = errands.feed_of(channel, errand) if channel is not None else None
        if channel is None or feed is None:
            return Refused(refusal=Refusal.NEVER, reason="Nightdesk cannot fetch this from the platform.")
        try:
            secret = self.secrets.account(errand.channel, errand.account_id)
        except Misconfigured as error:
            return Refused(refusal=Refusal.BLOCKED, reason=str(error))
        first = Ask(feed=feed.name, since=LONG_AGO, now=now, reference=errand.reference)
        found, failure = _all_pages(self._asking(errand, channel, feed, secret), first)
        job = Job(errand.channel, errand.account_id, feed.name)
        HandingOn(self.desk, self.inbox, self.clock).hand_on(job, feed, channel, found, ())
        return failure

    def _asking(self, errand: Errand, channel: Polled, feed: Feed, secret: Secret) -> Asking:
        return Asking(
            channel=channel,
            feed=feed,
            secret=secret,
            watch=Watch(channel=errand.channel, account_id=errand.account_id, feed=feed.name),
            platforms=self.platforms,
            budget=Budget(self.desk, self.clock),
            clock=self.clock,
            until=self.clock.now() + LONGEST,
        )

    def _failed(self, errand: Errand, why: Refused) -> None:
        current = self._current(errand)
        if current is not None:
            self.desk.commit([errands.failed(current, why, self.clock.now())])

    def _fetched(self, errand: Errand, asked_at: datetime) -> None:
        current = self._current(errand)
        if current is not None:
            self.desk.commit([errands.fetched(current, asked_at, errand.heard_at)])

    def _current(self, errand: Errand) -> Errand | None:
        """As it stands now: a pointer may have come meanwhile, or another invocation may have been faster."""
        found = self.desk.read([errand.key]).get(errand.key)
        return found if isinstance(found, Errand) and Intent.FETCH in found.intents else None


def _all_pages(asking: Asking, first: Ask) -> tuple[Sequence[Item], Refused | None]:
    """Every item from the first page on, with what hangs below each; no more than MOST_CALLS pages. Of a platform that
    is too slow, what there was time for, and why it has to be asked again.
    """
    found: list[Item] = []
    ahead = deque([first])
    onwards = replace(first, reference=None)
    while ahead and asking.calls < MOST_CALLS and not asking.over:
        page = asking.page(ahead.popleft())
        if isinstance(page, Refused):
            return (), page
        found += page.items
        ahead.extend(replace(onwards, token=token) for token in _further(page))
    return found, OUT_OF_TIME if ahead and asking.over else None


def _further(page: Page) -> Sequence[str]:
    tokens = (*(item.below for item in page.items), page.next)
    return [token for token in tokens if token is not None]
