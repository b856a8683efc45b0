"""What DynamoDB charges for a call, worked out from the sizes of the items and the indexes they are in.

Rules: DynamoDB developer guide, "Item sizes and formats", "DynamoDB read and write operations", "Using global secondary
indexes: provisioned throughput considerations" and "Amazon DynamoDB transactions". What moto answers as consumed
capacity does not follow them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

Item = Mapping[str, Mapping[str, Any]]

_WRITE_UNIT = 1024
_READ_UNIT = 4096


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index: its key, and whether it holds the whole item or keys only."""

    keys: tuple[str, ...]
    whole: bool

    def entry(self, item: Item) -> Item | None:
        """What of an item is in the index; None where it lacks a key."""
        if not all(key in item for key in self.keys):
            return None
        return item if self.whole else {key: item[key] for key in ("pk", "sk", *self.keys)}

    def write_units(self, before: Item | None, after: Item | None) -> int:
        """Nothing for an entry that stays as it is, one write for a change, two where its key moves."""
        old = self.entry(before) if before else None
        new = self.entry(after) if after else None
        if old == new:
            return 0
        if old is None or new is None:
            return _writes(size(old or new or {}))
        if any(old[key] != new[key] for key in self.keys):
            return _writes(size(old)) + _writes(size(new))
        return _writes(max(size(old), size(new)))


def declared(table: Mapping[str, Any]) -> tuple[Index, ...]:
    """The indexes of a table as a template declares it."""
    return tuple(
        Index(
            keys=tuple(key["AttributeName"] for key in index["KeySchema"]),
            whole=index["Projection"]["ProjectionType"] == "ALL",
        )
        for index in table["GlobalSecondaryIndexes"]
    )


@dataclass
class Capacity:
    """A picture of the table, kept from the calls that changed it; tells what each call costs."""

    indexes: tuple[Index, ...]
    items: dict[tuple[str, str], Item] = field(default_factory=dict)

    def write_units(self, operation: str, asked: Mapping[str, Any]) -> float:
        """Write units of a call that was carried out; the picture follows."""
        if operation == "PutItem":
            return self._put(asked["Item"], factor=1)
        if operation == "TransactWriteItems":
            return sum(self._action(action) for action in asked["TransactItems"])
        return 0

    def read_units(self, operation: str, asked: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
        """Read units of a call that was carried out. An item that is not there costs as the smallest."""
        if operation == "GetItem":
            return self._get(asked["Key"], consistent=asked.get("ConsistentRead", False))
        if operation == "BatchGetItem":
            (of_table,) = asked["RequestItems"].values()
            consistent = of_table.get("ConsistentRead", False)
            return sum(self._get(key, consistent=consistent) for key in of_table["Keys"])
        if operation == "Query":
            together = sum(size(item) for item in answer["Items"])
            return _reads(together, consistent=asked.get("ConsistentRead", False))
        return 0

    def _action(self, action: Mapping[str, Any]) -> float:
        if "Put" in action:
            return self._put(action["Put"]["Item"], factor=2)
        return 2 * _writes(size(self.items.get(_place(action["ConditionCheck"]["Key"]), {})))

    def _put(self, item: Item, factor: int) -> float:
        before = self.items.get(_place(item))
        self.items[_place(item)] = item
        larger = max(size(item), size(before or {}))
        return factor * _writes(larger) + sum(index.write_units(before, item) for index in self.indexes)

    def _get(self, key: Item, *, consistent: bool) -> float:
        return _reads(size(self.items.get(_place(key), {})), consistent=consistent)


def size(item: Item) -> int:
    """Bytes of an item: names and values in UTF-8, a few for each list and map."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, held),) = value.items()
    if kind == "S":
        return len(held.encode())
    if kind == "N":
        return ceil(len(held.lstrip("-")) / 2) + 1
    if kind in {"L", "M"}:
        return 3 + sum(1 + inner for inner in _inner_sizes(held))
    raise ValueError(f"The desk's items hold no {kind}.")


def _inner_sizes(held: Sequence[Any] | Mapping[str, Any]) -> Iterator[int]:
    if isinstance(held, Mapping):
        return (len(name.encode()) + _value_size(value) for name, value in held.items())
    return (_value_size(value) for value in held)


def _place(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _writes(size_in_bytes: int) -> int:
    return max(1, ceil(size_in_bytes / _WRITE_UNIT))


def _reads(size_in_bytes: int, *, consistent: bool) -> float:
    return max(1, ceil(size_in_bytes / _READ_UNIT)) * (1 if consistent else 0.5)
