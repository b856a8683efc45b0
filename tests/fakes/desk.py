"""The table in memory: the same rules of commit and the same indexes as shared/adapters/table.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import TypeVar

from shared.adapters.record_codec import (
    check_commit,
    check_read,
    customer_owner,
    listed_under,
    next_checkpoint,
    waiting_since,
)
from shared.domain.records import Conversation, Key, Message, Obligation, Quarantined, Record, Send
from shared.errors import Conflict

Kept = TypeVar("Kept", Message, Conversation, Obligation, Send, Quarantined)


@dataclass
class MemoryDesk:
    """Records by key."""

    records: dict[Key, Record] = field(default_factory=dict)
    _one_at_a_time: Lock = field(default_factory=Lock, repr=False)

    def read(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        check_read(keys)
        return {key: self.records[key] for key in keys if key in self.records}

    def commit(self, records: Sequence[Record], unchanged: Sequence[Record] = ()) -> None:
        check_commit(records, unchanged)
        with self._one_at_a_time:
            for record in (*records, *unchanged):
                if self._version(record.key) != record.version:
                    raise Conflict(f"{record.key.sort} of {record.key.partition} moved on.")
            for record in records:
                self.records[record.key] = replace(record, version=record.version + 1)

    def sends(self, conversation_id: str) -> tuple[Send, ...]:
        mine = [send for send in self._all(Send) if send.conversation_id == conversation_id]
        return tuple(sorted(mine, key=lambda send: send.key))

    def obligations(self, conversation_id: str) -> tuple[Obligation, ...]:
        mine = [one for one in self._all(Obligation) if one.conversation_id == conversation_id]
        return tuple(sorted(mine, key=lambda one: one.key))

    def messages(self, conversation_id: str) -> tuple[Message, ...]:
        return tuple(self._listed(Message, conversation_id))

    def undone(self, before: datetime, limit: int = 100) -> tuple[Key, ...]:
        return self._keys_by(waiting_since, before, limit)

    def due(self, before: datetime, limit: int = 100) -> tuple[Key, ...]:
        return self._keys_by(next_checkpoint, before, limit)

    def quarantined(self, limit: int = 100) -> tuple[Quarantined, ...]:
        newest = sorted(self._all(Quarantined), key=lambda kept: (kept.received_at, kept.key), reverse=True)
        return tuple(newest[:limit])

    def conversations(self, channel: str, account_id: str, customer_id: str) -> tuple[Conversation, ...]:
        listed = self._listed(Conversation, customer_owner(channel, account_id, customer_id))
        return tuple(one for one in listed if one.account_id == account_id and one.customer_id == customer_id)

    def _version(self, key: Key) -> int:
        return self.records[key].version if key in self.records else 0

    def _all(self, kind: type[Kept]) -> Iterable[Kept]:
        return [record for record in tuple(self.records.values()) if isinstance(record, kind)]

    def _listed(self, kind: type[Kept], owner: str) -> list[Kept]:
        found = [(listed_under(record), record) for record in self._all(kind)]
        mine = [(place[1], record.key, record) for place, record in found if place is not None and place[0] == owner]
        return [record for _, _, record in sorted(mine, key=lambda one: one[:2])]

    def _keys_by(self, time_of: Callable[[Record], datetime | None], before: datetime, limit: int) -> tuple[Key, ...]:
        timed = ((time_of(record), key) for key, record in tuple(self.records.items()))
        waiting = sorted((at, key) for at, key in timed if at is not None and at < before)
        return tuple(key for _, key in waiting[:limit])
