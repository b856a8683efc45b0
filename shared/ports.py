"""The ports: what the services need from the outside world. Adapters implement them; tests have twins in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.exchange import Answer, Call, Channel, Delivery, Outbound, Outcome, Refused, Secret, Unclear
from shared.domain.notices import Mail, Notice
from shared.domain.records import Conversation, Key, Message, Obligation, Quarantined, Record, Send


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""


class Ids(Protocol):
    """Where unguessable names come from."""

    def new(self) -> str:
        """A name nobody has used."""


class Desk(Protocol):
    """The table. Reads are strongly consistent unless a method says otherwise. All methods raise Unavailable."""

    def read(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        """The records that exist under these keys (at most 100)."""

    def commit(self, records: Sequence[Record], unchanged: Sequence[Record] = ()) -> None:
        """Store all records or none. Each must still be at its `version` (0: not stored at all), and so must those in
        `unchanged`, which are not written. Stored versions are one higher. At most 25 in all.

        Raises Conflict when one of them moved on. After Unavailable the commit may or may not have happened.
        """

    def sends(self, conversation_id: str) -> tuple[Send, ...]:
        """The ledger of a conversation."""

    def obligations(self, conversation_id: str) -> tuple[Obligation, ...]:
        """All revisions of a conversation's obligations, oldest first."""

    def messages(self, conversation_id: str) -> tuple[Message, ...]:
        """The messages of a conversation by their time; may lag behind a commit by a moment."""

    def undone(self, before: datetime, limit: int = 100) -> tuple[Key, ...]:
        """Keys of records with intents that have waited since before then; may lag behind a commit by a moment."""

    def due(self, before: datetime, limit: int = 100) -> tuple[Key, ...]:
        """Keys of open obligations whose next checkpoint lies before then, and of sends that should be settled by then;
        may lag behind a commit by a moment.
        """

    def quarantined(self, limit: int = 100) -> tuple[Quarantined, ...]:
        """What is in quarantine, newest first; may lag behind a commit by a moment."""

    def conversations(self, channel: str, account_id: str, customer_id: str) -> tuple[Conversation, ...]:
        """The conversations of a customer; may lag behind a commit by a moment."""


class Inbox(Protocol):
    """The queue between webhook and intake: at least once, in no order."""

    def put(self, delivery: Delivery) -> None:
        """Keep the delivery until intake has dealt with it. Raises Unavailable."""


class Outbox(Protocol):
    """The queue in front of the platforms: at least once, in no order."""

    def put(self, send: Key) -> None:
        """Ask for this ledger entry to be posted. Raises Unavailable."""


class Archive(Protocol):
    """Raw bytes as they came, by key; putting the same thing twice is harmless."""

    def put(self, key: str, body: bytes) -> None:
        """Store. Raises Unavailable."""

    def get(self, key: str) -> bytes:
        """The bytes. Raises Unavailable; KeyError where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """One SLA execution: which obligation it watches and when to look first."""

    name: str
    conversation_id: str
    target: str
    revision: int
    at: datetime


class Timers(Protocol):
    """The SLA state machine."""

    def start(self, timer: Timer) -> None:
        """Start it; a timer of that name that runs or ran is fine. Raises Unavailable."""

    def stop(self, name: str, cause: str) -> None:
        """Stop it; one that has ended or never was is fine. Raises Unavailable."""


class Platforms(Protocol):
    """The platforms' own APIs."""

    def post(self, outbound: Outbound) -> Outcome:
        """Post once, never repeating the call by itself. Raises nothing: what is not known is Unclear."""

    def perform(self, call: Call) -> Answer | Refused | Unclear:
        """Make one call that reads or renews, never repeating it by itself; whatever the platform answers is an Answer.

        Raises nothing: Refused where it certainly was not made, Unclear where its answer was lost.
        """


class Channels(Protocol):
    """The channel files."""

    def __call__(self, name: str) -> Channel:
        """The channel of that name. Raises UnknownChannel."""


class Secrets(Protocol):
    """Signing keys, credentials and reply keys; kept for five minutes at most."""

    def channel(self, name: str) -> tuple[Secret, ...]:
        """All accounts of a channel. Raises Unavailable."""

    def account(self, name: str, account_id: str) -> Secret:
        """One account. Raises Misconfigured where there is none, Unavailable."""

    def fresh(self, name: str, account_id: str) -> Secret:
        """One account as it is stored now, never as it was kept: for who replaces it.

        Raises Misconfigured where there is none, Unavailable.
        """

    def everything(self) -> Mapping[str, tuple[Secret, ...]]:
        """All accounts of all channels. Raises Unavailable, Misconfigured."""

    def store(self, name: str, secret: Secret) -> None:
        """Replace one account of a channel, for all who ask after their five minutes. Raises Unavailable."""

    def reply_keys(self) -> tuple[bytes, ...]:
        """The keys that sign reply addresses, current first. Raises Misconfigured, Unavailable."""


class Mailer(Protocol):
    """Mail to people: at least once."""

    def send(self, mail: Mail) -> str:
        """The id under which it was accepted. Raises Unavailable."""


class Notifier(Protocol):
    """The fan-out topic."""

    def publish(self, notice: Notice) -> None:
        """Tell the subscribers. Raises Unavailable."""
