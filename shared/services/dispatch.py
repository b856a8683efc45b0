"""Step 3: intents are carried out. Each may be carried out twice and is harmless then; none is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.domain.records import (
    Errand,
    Intent,
    Key,
    Message,
    Obligation,
    Quarantined,
    Send,
    State,
    Watch,
    quarantined_key,
    short_hash,
)
from shared.errors import Misconfigured, NightdeskError
from shared.ports import Desk, Outbox, Timer, Timers
from shared.services.clock import next_look
from shared.services.commit import until_settled
from shared.services.fetch import Fetcher
from shared.services.people import People
from shared.services.profiles import Profiles
from shared.services.reporting import Reporting

Intending = Obligation | Send | Watch | Errand
REST = timedelta(hours=1)  # before what was set aside is tried again: a try may mail those who can be reached once more


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Carries out what commits have left to be done."""

    desk: Desk
    timers: Timers
    outbox: Outbox
    people: People
    profiles: Profiles
    fetcher: Fetcher
    reporting: Reporting

    def carry_out(self, key: Key) -> tuple[Intent, ...]:
        """Do what the record still intends, then record it as done. Returns what was done.

        Raises Unavailable or Conflict: the stream brings the record back. What no repetition can mend is set aside in
        quarantine, its intents still undone, so that it does not hold up the shard behind it.
        """
        try:
            return self._carry_out(key)
        except NightdeskError as error:
            if error.retry:
                raise
            self._set_aside(key, str(error))
        except Exception as error:  # noqa: BLE001 - the edge of one record: a fault of ours in it must not stop the stream
            self._set_aside(key, f"{type(error).__name__} in Nightdesk itself")
        return ()

    def _carry_out(self, key: Key) -> tuple[Intent, ...]:
        record = self.desk.read([key]).get(key)
        if isinstance(record, Message) and Intent.HAND_OFF in record.intents:
            self.profiles.complete(record)
            self.people.hand_off(record)
            return (Intent.HAND_OFF,)
        if isinstance(record, Errand) and Intent.FETCH in record.intents:
            return (Intent.FETCH,) if self.fetcher.fetch(record) else ()
        if not isinstance(record, Intending):
            return ()
        if isinstance(record, Watch) and record.intents and self.resting([key]):
            return ()  # the poller writes it twice a minute, and the stream brings it each time
        for intent in record.intents:
            self._do(intent, record)
        if record.intents:
            until_settled(lambda: self._forget(record))
        return record.intents

    def _do(self, intent: Intent, record: Intending) -> None:
        match intent, record:
            case Intent.START_TIMER, Obligation():
                self._start(record)
            case Intent.STOP_TIMER, Obligation():
                self.timers.stop(timer_name(record), f"{record.target} {record.revision} is {record.state}")
            case Intent.WARN, Obligation():
                self.people.warn(record)
            case Intent.ESCALATE, Obligation():
                self.people.escalate(record)
            case Intent.POST, Send():
                self.outbox.put(record.key)
            case Intent.TELL, Send():
                self.people.tell(record)
            case Intent.REPORT, Watch() | Errand():
                self.reporting.report(record)
            case _:
                raise Misconfigured(f"A record of type {type(record).__name__} cannot intend {intent}.")

    def _start(self, obligation: Obligation) -> None:
        at = next_look(obligation)
        if obligation.state is not State.OPEN or at is None:
            return
        self.timers.start(
            Timer(
                name=timer_name(obligation),
                conversation_id=obligation.conversation_id,
                target=obligation.target,
                revision=obligation.revision,
                at=at,
            )
        )

    def resting(self, keys: Sequence[Key]) -> set[Key]:
        """Those of these keys (at most 100) whose records were set aside within the last hour."""
        kept = self.desk.read([_aside(key) for key in keys])
        since = self.people.clock.now() - REST
        aside = {key: kept.get(_aside(key)) for key in keys}
        return {key for key, known in aside.items() if isinstance(known, Quarantined) and known.received_at > since}

    def _set_aside(self, key: Key, reason: str) -> None:
        kept = Quarantined(
            quarantine_id=_aside_id(key),
            source="dispatch",
            stage="carry out",
            reason=f"{reason} Its intents are still undone.",
            archive_key=f"{key.partition} {key.sort}",
            size=0,
            received_at=self.people.clock.now(),
        )
        known = self.desk.read([kept.key]).get(kept.key)
        self.desk.commit([replace(kept, version=known.version if known is not None else 0)])

    def _forget(self, carried: Intending) -> None:
        record = self.desk.read([carried.key]).get(carried.key)
        if not isinstance(record, Intending):
            return
        telling = {Intent.TELL, Intent.REPORT} if _says_another_thing(carried, record) else set()
        done = {intent for intent in carried.intents if intent not in telling}
        left = tuple(intent for intent in record.intents if intent not in done)
        if left != record.intents:
            self.desk.commit([replace(record, intents=left)])


def _says_another_thing(carried: Intending, record: Intending) -> bool:
    """What was told of another state, or reported earlier, leaves the present one to be told."""
    match carried, record:
        case Send(), Send():
            return record.state is not carried.state
        case Watch(), Watch():
            return record.reported_at != carried.reported_at
        case _:
            return False


def _aside_id(key: Key) -> str:
    return short_hash("dispatch", *key)


def _aside(key: Key) -> Key:
    return quarantined_key(_aside_id(key))


def timer_name(obligation: Obligation) -> str:
    """The execution's name: the same for every start of this revision (at most 80 characters; Step Functions,
    StartExecution).
    """
    parts = (obligation.conversation_id, obligation.target, str(obligation.revision))
    return f"sla-{short_hash(*parts, characters=32)}"
