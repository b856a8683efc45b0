"""Records as DynamoDB items and back, and which sparse indexes each record is in.

A field becomes the attribute of its name; what is None or an empty tuple is left out, so that an absent attribute reads
as the field's default and an unknown one is ignored: two releases can read each other's items. Times are UTC text of
fixed width, which sorts as time does.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from shared.domain.ledger import looked_for_at
from shared.domain.records import (
    Conversation,
    Customer,
    Errand,
    Key,
    Message,
    Obligation,
    Quarantined,
    Record,
    Send,
    State,
    Watch,
    short_hash,
)

Attribute = Mapping[str, Any]  # one typed value as the low-level API has it: {"S": "text"}
Item = Mapping[str, Attribute]

TODO_SHARDS = tuple(f"intent#{n}" for n in range(8))
DUE_SHARDS = tuple(f"due#{n}" for n in range(8))
QUARANTINE_SHARDS = tuple(f"quarantine#{n}" for n in range(4))
KEPT = timedelta(days=400)  # after the last thing that happened: a year of history, and a month to look at it
MOST_READ = 100  # keys of one BatchGetItem
MOST_COMMITTED = 25  # what the port promises; TransactWriteItems takes 100

_TYPES: Mapping[str, type[Record]] = {
    "message": Message,
    "conversation": Conversation,
    "obligation": Obligation,
    "send": Send,
    "quarantined": Quarantined,
    "watch": Watch,
    "errand": Errand,
    "customer": Customer,
}
_TIMES: Mapping[type[Record], tuple[str, ...]] = {  # when something happened to it
    Message: ("received_at", "sent_at", "edited_at", "deleted_at", "answered_at"),
    Conversation: ("opened_at", "last_inbound_at", "last_person_at", "last_bot_at"),
    Obligation: ("since", "warned_at", "breached_at", "met_at"),
    Send: ("written_at", "settled_at"),
    Quarantined: ("received_at",),
    Watch: ("asked_at", "reported_at"),
    Errand: ("heard_at", "rest_until", "fetched_at"),
    Customer: ("looked_up_at",),
}
_NAMES = {kind: name for name, kind in _TYPES.items()}
_ATTRIBUTE_OF = {"owner": "claimed_by", "due_at": "owed_at"}  # the fields' own names are keys of indexes
_LONGEST_OWNER = 512  # bytes


# -- records and items ------------------------------------------------------------------------------------------------


def encode(record: Record) -> dict[str, Attribute]:
    """The item of a record, index attributes included. Raises ValueError for a time without a zone."""
    own = {_ATTRIBUTE_OF.get(name, name): value for name, value in _encoded_fields(record).items()}
    head = {"pk": record.key.partition, "sk": record.key.sort, "type": _NAMES[type(record)]}
    return {name: {"S": text} for name, text in (head | index_attributes(record)).items()} | own | _expiry(record)


def _expiry(record: Record) -> dict[str, Attribute]:
    """When DynamoDB may delete the item: retention only, never timing, for deletion comes days late."""
    newest = newest_time(record)
    return {} if newest is None else {"expires_at": {"N": str(int((newest + KEPT).timestamp()))}}


def decode(item: Item) -> Record:
    """The record of an item. Raises KeyError or ValueError for what no release has written."""
    kind = _TYPES[item["type"]["S"]]
    return cast("Record", _decoded_fields(kind, item, _ATTRIBUTE_OF))


def key_of(item: Item) -> Key:
    """Where an item lives."""
    return Key(item["pk"]["S"], item["sk"]["S"])


def stamp(at: datetime) -> str:
    """A time as text that sorts as time does. Raises ValueError where it has no zone."""
    if at.tzinfo is None:
        raise ValueError("A time without a zone cannot be stored.")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def check_commit(records: Sequence[Record], unchanged: Sequence[Record]) -> None:
    """Refuse what no commit can mean. Raises ValueError: too many records, or one of them twice."""
    keys = [record.key for record in (*records, *unchanged)]
    if len(keys) > MOST_COMMITTED:
        raise ValueError(f"{len(keys)} records in one commit; at most {MOST_COMMITTED} are taken.")
    if len(set(keys)) < len(keys):
        raise ValueError("One record stands twice in a commit.")


def check_read(keys: Sequence[Key]) -> None:
    """Raises ValueError for more keys than one read takes."""
    if len(keys) > MOST_READ:
        raise ValueError(f"{len(keys)} keys in one read; at most {MOST_READ} are taken.")


# -- membership of indexes --------------------------------------------------------------------------------------------


def index_attributes(record: Record) -> dict[str, str]:
    """The keys of the sparse indexes the record is in: `todo`, `due` and `listing`."""
    found: dict[str, str] = {}
    waits = waiting_since(record)
    if waits is not None:
        found |= {"todo_shard": _shard(record.key, TODO_SHARDS), "todo_at": stamp(waits)}
    checkpoint = next_checkpoint(record)
    if checkpoint is not None:
        found |= {"due_shard": _shard(record.key, DUE_SHARDS), "due_at": stamp(checkpoint)}
    listed = listed_under(record)
    if listed is not None:
        found |= {"owner": listed[0], "at": stamp(listed[1])}
    return found


def waiting_since(record: Record) -> datetime | None:
    """Since when a record's intents wait: the newest time it tells of. None where it intends nothing."""
    if isinstance(record, Conversation | Quarantined | Customer) or not record.intents:
        return None
    # A record that tells of no time at all has waited too long already; a watch is asked anew every minute.
    since = record.reported_at if isinstance(record, Watch) else newest_time(record)
    return since or datetime(1970, 1, 1, tzinfo=UTC)


def newest_time(record: Record) -> datetime | None:
    """The newest time that a record tells of: when something last happened to it."""
    times = (getattr(record, name) for name in _TIMES[type(record)])
    return max((at for at in times if at is not None), default=None)


def next_checkpoint(record: Record) -> datetime | None:
    """When an open obligation has to be looked at next, or a send has been on its lane too long; None for all else."""
    if isinstance(record, Send):
        return looked_for_at(record)
    if not isinstance(record, Obligation) or record.state is not State.OPEN or record.breached_at is not None:
        return None
    return record.warn_at if record.warned_at is None else record.due_at


def listed_under(record: Record) -> tuple[str, datetime] | None:
    """Whose list a record is on, and its time there."""
    match record:
        case Message(conversation_id=str(conversation_id)):
            at = record.sent_at or record.received_at
            return (conversation_id, at) if at is not None else None
        case Conversation(customer_id=str(customer_id)):
            return customer_owner(record.channel, record.account_id, customer_id), record.opened_at
        case Quarantined():
            return _shard(record.key, QUARANTINE_SHARDS), record.received_at
        case _:
            return None


def customer_owner(channel: str, account_id: str, customer_id: str) -> str:
    """The name of a customer's list. Long ids are hashed to fit a key of an index (2,048 bytes in DynamoDB)."""
    native = customer_id if len(customer_id.encode()) <= _LONGEST_OWNER else short_hash(customer_id, characters=52)
    return f"customer#{channel}#{account_id}#{native}"


def _shard(key: Key, shards: tuple[str, ...]) -> str:
    return shards[zlib.crc32(key.partition.encode()) % len(shards)]


# -- values -----------------------------------------------------------------------------------------------------------


def _encoded_fields(value: object) -> dict[str, Attribute]:
    found = ((f, getattr(value, f.name)) for f in fields(cast("Any", value)))
    return {f.name: _encoded(one) for f, one in found if one not in (None, ()) and not (one is False is f.default)}


def _encoded(value: object) -> Attribute:
    match value:
        case str():
            return {"S": str(value)}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(int(value))}
        case datetime():
            return {"S": stamp(value)}
        case tuple():
            return {"L": [_encoded(one) for one in value]}
        case _ if is_dataclass(value):
            return {"M": _encoded_fields(value)}
        case _:
            raise TypeError(f"No attribute is known for a {type(value).__name__}.")


def _decoded_fields(kind: type, item: Item, renamed: Mapping[str, str]) -> object:
    named = ((name, renamed.get(name, name), read) for name, read in _readers(kind).items())
    known = {name: read(item[attribute]) for name, attribute, read in named if attribute in item}
    return kind(**(_left_out(kind) | known))


@cache
def _left_out(kind: type) -> dict[str, object]:
    """What an absent attribute means for the fields that have no default of their own but may hold nothing."""
    hints = get_type_hints(kind)
    bare = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    return {name: None for name in bare if NoneType in get_args(hints[name])} | {
        name: () for name in bare if get_origin(hints[name]) is tuple
    }


@cache
def _readers(kind: type) -> dict[str, Callable[[Attribute], object]]:
    hints = get_type_hints(kind)
    return {f.name: _reader(hints[f.name]) for f in fields(kind)}


def _reader(hint: Any) -> Callable[[Attribute], object]:  # noqa: ANN401 - a type hint has no type of its own
    if get_origin(hint) in {Union, UnionType}:
        (hint,) = (choice for choice in get_args(hint) if choice is not NoneType)
    if get_origin(hint) is tuple:
        read = _reader(get_args(hint)[0])
        return lambda value: tuple(read(one) for one in value["L"])
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda value: _decoded_fields(hint, value["M"], {})
    if hint is datetime:
        return lambda value: datetime.fromisoformat(value["S"])
    if hint is bool:
        return lambda value: bool(value["BOOL"])
    if issubclass(hint, StrEnum):
        return lambda value: hint(value["S"])
    return (lambda value: int(value["N"])) if hint is int else (lambda value: value["S"])
