"""What was found goes to intake: as deliveries like any other, in the form that channels read back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from shared.domain import allowance, listening
from shared.domain.conversation import is_from_customer
from shared.domain.events import Event, Kind
from shared.domain.exchange import Delivery
from shared.domain.listening import ListeningRule
from shared.domain.polling import Feed, Item, Json, Polled, Purpose
from shared.domain.records import Key, Message, Watch, message_key, short_hash, watch_key
from shared.errors import Unreadable
from shared.ports import Clock, Desk, Inbox
from shared.services.commit import until_settled

LONGEST_DELIVERY = 200_000  # bytes
MOST_KEYS = 100  # of one read
RULE_FEED = "listening"  # the feed name under which a rule's hits are counted, with the rule's name as phrase


class Job(NamedTuple):
    """One feed of one account to be read; `phrase` is what a listening feed searches for."""

    channel: str
    account_id: str
    feed: str
    phrase: str = ""

    @property
    def key(self) -> Key:
        """Of its watch."""
        return watch_key(self.channel, self.account_id, self.feed, self.phrase)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """How many items went to intake, how many messages in them a webhook had missed, how many hits were too many."""

    items: int = 0
    repaired: int = 0
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class HandingOn:
    """Hands new items on. Doing so twice is harmless: intake knows messages by the platform's ids."""

    desk: Desk
    inbox: Inbox
    clock: Clock

    def hand_on(
        self,
        job: Job,
        feed: Feed,
        channel: Polled,
        items: Sequence[Item],
        rules: Sequence[ListeningRule],
        listened_since: datetime | None = None,
    ) -> Handed:
        """Put the items on the inbox; of a listening feed those that a rule wants and still has room for. Nobody missed
        what was said before `listened_since`.

        Raises Unavailable, Conflict: then some of them may be there.
        """
        chosen, withheld = list(items), 0
        if feed.purpose is Purpose.LISTENING:
            chosen, withheld = self._hits(job, channel, items, rules)
        earlier = [item for item in chosen if _before(item, listened_since)]
        later = [item for item in chosen if not _before(item, listened_since)]
        self._put(job, channel, earlier, repairs=False)
        repaired = self._put(job, channel, later, repairs=feed.purpose is Purpose.BACKSTOP)
        return Handed(items=len(chosen), repaired=repaired, withheld=withheld)

    def _put(self, job: Job, channel: Polled, items: Sequence[Item], *, repairs: bool) -> int:
        """Put deliveries on the inbox; how many messages in them were missed."""
        repaired = 0
        for body in bodies(job, [item.raw for item in items]):
            repaired += self._missed(channel, body) if repairs else 0
            self.inbox.put(_delivery(job, body, self.clock.now(), repairs=repairs))
        return repaired

    def _hits(
        self, job: Job, channel: Polled, items: Sequence[Item], rules: Sequence[ListeningRule]
    ) -> tuple[list[Item], int]:
        chosen, withheld = [], 0
        for item in items:
            events = _events(channel, body_of(job, [item.raw]), self.clock.now())
            wanting = [rule for rule in rules if any(_hit(rule, event) for event in events)]
            if any(self._has_room(job, rule) for rule in wanting):
                chosen.append(item)
            elif wanting:
                withheld += 1
        return chosen, withheld

    def _has_room(self, job: Job, rule: ListeningRule) -> bool:
        return until_settled(lambda: self._take(job, rule))

    def _take(self, job: Job, rule: ListeningRule) -> bool:
        """Count the hit before it is handed on: a crash in between costs the day one hit, and never adds one."""
        key = watch_key(job.channel, job.account_id, RULE_FEED, rule.name)
        found = self.desk.read([key]).get(key)
        new = Watch(channel=job.channel, account_id=job.account_id, feed=RULE_FEED, phrase=rule.name)
        counted = allowance.taken(found if isinstance(found, Watch) else new, rule.per_day, self.clock.now())
        if counted is not None:
            self.desk.commit([counted])
        return counted is not None

    def _missed(self, channel: Polled, body: bytes) -> int:
        """How many messages of a backstop's delivery the desk does not have."""
        told = [e for e in _events(channel, body, self.clock.now()) if is_from_customer(e) or e.kind is Kind.ECHO]
        keys = sorted({_message_key(e) for e in told if e.account_id is not None and e.message_id is not None})
        known = 0
        for start in range(0, len(keys), MOST_KEYS):
            found = self.desk.read(keys[start : start + MOST_KEYS]).values()
            known += sum(isinstance(record, Message) and record.author is not None for record in found)
        return len(keys) - known


# -- deliveries -------------------------------------------------------------------------------------------------------


def bodies(job: Job, raws: Iterable[Json]) -> Iterator[bytes]:
    """The items as deliveries of at most LONGEST_DELIVERY bytes; an item that is longer has one for itself."""
    envelope = len(body_of(job, []))
    chunk: list[Json] = []
    size = envelope
    for raw in raws:
        longer = len(_encoded(raw)) + 1
        if chunk and size + longer > LONGEST_DELIVERY:
            yield body_of(job, chunk)
            chunk, size = [], envelope
        chunk.append(raw)
        size += longer
    if chunk:
        yield body_of(job, chunk)


def body_of(job: Job, raws: Sequence[Json]) -> bytes:
    """A delivery of fetched items: {"account_id", "feed", "items"}, in ASCII, so that no text breaks it."""
    return _encoded({"account_id": job.account_id, "feed": job.feed, "items": raws})


def _before(item: Item, since: datetime | None) -> bool:
    return since is not None and item.at is not None and item.at < since


def _delivery(job: Job, body: bytes, now: datetime, *, repairs: bool) -> Delivery:
    """Named by its content, so that handing the same items on again is the same delivery."""
    return Delivery(
        delivery_id=f"poll-{short_hash(job.channel, body.decode())}",
        channel=job.channel,
        body=body,
        received_at=now,
        repairs=repairs,
    )


def _encoded(value: Any) -> bytes:  # noqa: ANN401 - JSON of any shape
    return json.dumps(value, separators=(",", ":"), default=dict).encode()


def _events(channel: Polled, body: bytes, now: datetime) -> tuple[Event, ...]:
    try:
        return channel.parse(body, now)
    except Unreadable:
        return ()


def _hit(rule: ListeningRule, event: Event) -> bool:
    """Only what a customer says: our own account names us all day long."""
    return event.kind is Kind.MESSAGE and listening.wanted(rule, event)


def _message_key(event: Event) -> Key:
    return message_key(event.channel, event.account_id or "", event.message_id or "")
