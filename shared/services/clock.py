"""Step 4: one look at an obligation. Decided in one commit, conditional on nobody having answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain.records import Intent, Obligation, State, Target, obligation_key
from shared.ports import Clock, Desk
from shared.services.commit import until_settled


@dataclass(frozen=True, slots=True)
class ObligationClock:
    """Looks at obligations when their timers say so."""

    desk: Desk
    clock: Clock

    def look(self, conversation_id: str, target: Target, revision: int) -> datetime | None:
        """Act on what has come due and say when to look again; None when there is nothing left to look for.

        Looking twice, early or late is harmless. Raises Conflict, Unavailable.
        """
        key = obligation_key(conversation_id, target, revision)

        def attempt() -> datetime | None:
            found = self.desk.read([key]).get(key)
            if not isinstance(found, Obligation) or found.state is not State.OPEN:
                return None
            changed = reached(found, self.clock.now())
            if changed != found:
                self.desk.commit([changed])
            return next_look(changed)

        return until_settled(attempt)


def reached(obligation: Obligation, now: datetime) -> Obligation:
    """The obligation after the checkpoints that lie behind `now`. A breach that comes before its warning needs none."""
    if now >= obligation.due_at:
        if obligation.breached_at is not None:
            return obligation
        return replace(obligation, breached_at=now, intents=_with(obligation, Intent.ESCALATE))
    if now >= obligation.warn_at and obligation.warned_at is None:
        return replace(obligation, warned_at=now, intents=_with(obligation, Intent.WARN))
    return obligation


def next_look(obligation: Obligation) -> datetime | None:
    """The next checkpoint of an open obligation, or None after its breach."""
    if obligation.breached_at is not None:
        return None
    return obligation.warn_at if obligation.warned_at is None else obligation.due_at


def _with(obligation: Obligation, intent: Intent) -> tuple[Intent, ...]:
    # A breach makes a warning that nobody has mailed yet pointless.
    kept = tuple(i for i in obligation.intents if i is not Intent.WARN)
    return (*kept, intent)
