"""Step 5: one text onto one platform, through the ledger: at most once, and never silently."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from shared.domain import ledger
from shared.domain.calendar import ClosedPeriod
from shared.domain.exchange import Outcome, Posted
from shared.domain.policy import Policy
from shared.domain.records import Conversation, Key, Send, SendState, conversation_key
from shared.errors import Fault, NightdeskError, Unavailable
from shared.ports import Clock, Desk, Ids, Platforms
from shared.services.commit import until_settled
from shared.services.settlement import other_parts, record_sent

MOST_RECORDINGS = 4


class Carried(StrEnum):
    """What became of one try."""

    SENT = "sent"
    WITHHELD = "withheld"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DONE_BEFORE = "done_before"
    NOT_YET = "not_yet"  # the part before it is not on the platform: it is put on its lane when it is


class TryLater(NightdeskError):
    """The entry is held by somebody else, or the platform asked to wait."""

    fault = Fault.PROVIDER
    retry = True
    status = 503


@dataclass(frozen=True, slots=True)
class Sender:
    """Carries ledger entries to the platforms."""

    desk: Desk
    platforms: Platforms
    policy: Policy
    clock: Clock
    ids: Ids

    def carry(self, key: Key) -> Carried:
        """Post the entry unless that is done, forbidden or in doubt.

        Raises TryLater when the queue should bring it back, Unavailable when the table could not be reached.
        """
        owner = self.ids.new()
        held = until_settled(lambda: self._claim(key, owner))
        if isinstance(held, Carried):
            return held
        send, conversation = held
        outcome = self.platforms.post(ledger.outbound(send, conversation))
        return self._record(send, outcome)

    def _claim(self, key: Key, owner: str) -> tuple[Send, Conversation] | Carried:
        send, conversation = self._read(key)
        if send is None or conversation is None:
            return Carried.DONE_BEFORE
        now = self.clock.now()
        if send.state is SendState.SENDING:
            return self._held_by_another(send)
        if send.state is not SendState.PENDING or ledger.waits_its_turn(send):
            return Carried.NOT_YET if send.state is SendState.PENDING else Carried.DONE_BEFORE
        reason = ledger.overtaken(send, conversation, self._closed(conversation), self.policy, now)
        if reason is not None:
            self.desk.commit([ledger.withheld(send, reason, now), *self._given_up(send)], unchanged=[conversation])
            return Carried.WITHHELD
        claim = ledger.claimed(send, owner, now)
        try:
            self.desk.commit([claim], unchanged=[conversation])
        except Unavailable:
            return self._perhaps_claimed(key, owner)
        return replace(claim, version=claim.version + 1), conversation

    def _perhaps_claimed(self, key: Key, owner: str) -> tuple[Send, Conversation]:
        """The claim's answer was lost: whoever's name stands there holds it."""
        send, conversation = self._read(key)
        if send is None or conversation is None or send.owner != owner or send.state is not SendState.SENDING:
            raise TryLater("The claim did not go through. The queue brings the entry back.")
        return send, conversation

    def _held_by_another(self, send: Send) -> Carried:
        now = self.clock.now()
        if not ledger.abandoned(send, now):
            raise TryLater("The entry is being sent by another invocation.")
        reason = "The sender ended before it could record the platform's answer."
        self.desk.commit([ledger.unknown(send, reason, now), *self._given_up(send)])
        return Carried.UNKNOWN

    def _given_up(self, send: Send) -> tuple[Send, ...]:
        """The parts that must not follow it any more."""
        return ledger.given_up(send, other_parts(self.desk, send), self.clock.now())

    def _record(self, send: Send, outcome: Outcome) -> Carried:
        if isinstance(outcome, Posted):
            self._record_sent(send, outcome.native_id or send.client_token)
            return Carried.SENT
        state = until_settled(lambda: self._record_unsent(send, outcome))
        if state is SendState.PENDING:
            raise TryLater("The platform asked to try again later.")
        return {SendState.FAILED: Carried.FAILED, SendState.UNKNOWN: Carried.UNKNOWN}.get(state, Carried.DONE_BEFORE)

    def _record_sent(self, send: Send, native_id: str) -> None:
        """Worth insisting on: without this record the send is in doubt, and a person has to look."""
        for _ in range(MOST_RECORDINGS - 1):
            try:
                record_sent(self.desk, self.policy, send.conversation_id, send.send_id, native_id, self.clock.now())
            except Unavailable:
                continue
            return
        record_sent(self.desk, self.policy, send.conversation_id, send.send_id, native_id, self.clock.now())

    def _record_unsent(self, send: Send, outcome: Outcome) -> SendState:
        current, _ = self._read(send.key)
        if current is None or current.state is not SendState.SENDING or current.owner != send.owner:
            return SendState.SENT if current is None else current.state  # an echo settled it meanwhile
        changed = ledger.after(current, outcome, self.clock.now())
        rest = () if changed.state is SendState.PENDING else self._given_up(changed)
        self.desk.commit([changed, *rest])
        return changed.state

    def _read(self, key: Key) -> tuple[Send | None, Conversation | None]:
        head_at = conversation_key(key.partition.removeprefix("C#"))
        found = self.desk.read([key, head_at])
        send, conversation = found.get(key), found.get(head_at)
        return (
            send if isinstance(send, Send) else None,
            conversation if isinstance(conversation, Conversation) else None,
        )

    def _closed(self, conversation: Conversation) -> ClosedPeriod | None:
        calendar = self.policy.calendar(conversation.channel, conversation.surface)
        return calendar.closed_period(self.clock.now())
