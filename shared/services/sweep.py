"""Step 8: a second look at what should be done by now. What stream, timer or queue have lost is found here and done.

It decides nothing by itself: undone intents are carried out as by the stream, passed checkpoints are looked at as by
the timer, a send that was too long on its lane is put there again. All three may be done twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.domain import ledger
from shared.domain.records import Key, Obligation, Send
from shared.errors import NightdeskError
from shared.ports import Clock, Desk
from shared.services.clock import ObligationClock
from shared.services.dispatch import Dispatch

PATIENCE = timedelta(minutes=1)  # how long stream and timers have before the sweep does it


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How much was found and done, and how much has to wait for the next sweep."""

    carried_out: int
    looked_at: int
    left: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """Sweeps the two sparse indexes of open work."""

    desk: Desk
    dispatch: Dispatch
    obligations: ObligationClock
    clock: Clock

    def run(self) -> Swept:
        """Do what is overdue. Raises Unavailable when the indexes cannot be asked; single records are left instead."""
        before = self.clock.now() - PATIENCE
        undone, due = self.desk.undone(before), self.desk.due(before)
        resting = self.dispatch.resting(undone)
        carried_out = _each([key for key in undone if key not in resting], self.dispatch.carry_out)
        looked_at = _each(due, self._look)
        return Swept(
            carried_out=carried_out, looked_at=looked_at, left=len(undone) + len(due) - carried_out - looked_at
        )

    def _look(self, key: Key) -> None:
        found = self.desk.read([key]).get(key)
        if isinstance(found, Obligation):
            self.obligations.look(found.conversation_id, found.target, found.revision)
        if isinstance(found, Send) and ledger.looked_for_at(found) is not None:
            self.desk.commit([ledger.queued_again(found, self.clock.now())])


def _each(keys: Sequence[Key], deed: Callable[[Key], object]) -> int:
    """Do it for each key; one that must be tried later does not keep the others waiting. Returns how many were done."""
    done = 0
    for key in keys:
        try:
            deed(key)
        except NightdeskError as error:
            if not error.retry:
                raise
        else:
            done += 1
    return done
