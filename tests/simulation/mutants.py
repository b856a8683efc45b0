"""Senders as one might write them at first. The checker has to catch every one of them, or it proves nothing."""

from __future__ import annotations

from dataclasses import replace

from shared.domain import ledger
from shared.domain.exchange import Posted
from shared.domain.records import Conversation, Key, Send, SendState
from shared.services.send import Carried, Sender, TryLater, _outbound


class ChecksThenActs(Sender):
    """Reads the state, posts if it is not sent yet, writes the state: the naive variant."""

    def carry(self, key: Key) -> Carried:
        send, conversation = self._read(key)
        if send is None or conversation is None or send.state is SendState.SENT:
            return Carried.DONE_BEFORE
        outcome = self.platforms.post(_outbound(send, conversation))
        if not isinstance(outcome, Posted):
            raise TryLater("The queue brings it back.")
        self._record_sent(send, outcome.native_id)
        return Carried.SENT


class ResendsWhatIsUnknown(Sender):
    """Takes a lost answer for a failure."""

    def _claim(self, key: Key, owner: str) -> tuple[Send, Conversation] | Carried:
        send, _ = self._read(key)
        if send is not None and send.state is SendState.UNKNOWN:
            self.desk.commit([replace(send, state=SendState.PENDING)])
        return super()._claim(key, owner)

    def _record(self, send: Send, outcome: ledger.Outcome) -> Carried:
        carried = super()._record(send, outcome)
        if carried is Carried.UNKNOWN:
            raise TryLater("Let us try that again.")
        return carried


class RetakesTheLease(Sender):
    """Takes an expired claim for one that did nothing."""

    def _held_by_another(self, send: Send) -> Carried:
        if ledger.abandoned(send, self.clock.now()):
            self.desk.commit([replace(send, state=SendState.PENDING, owner=None, lease_until=None)])
        raise TryLater("The queue brings it back.")


class ForgetsWhatWasRefused(Sender):
    """Swallows the platform's wish to be asked later."""

    def carry(self, key: Key) -> Carried:
        try:
            return super().carry(key)
        except TryLater:
            return Carried.FAILED


ALL = (ChecksThenActs, ResendsWhatIsUnknown, RetakesTheLease, ForgetsWhatWasRefused)
