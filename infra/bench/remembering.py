"""What the poller writes for a feed that remembers much: python -m infra.bench.remembering

Item sizes as DynamoDB counts them (developer guide, "DynamoDB item sizes and formats"), with ids as YouTube's are;
write units of a quiet run (nothing new: claim and settle), each minute, with what was shown on the watch, and in a
record of its own.
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.adapters.record_codec import Attribute, encode
from shared.domain.reading import MOST_SEEN
from shared.domain.records import Record, Seen, Watch

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RUNS_A_DAY = 24 * 60


def size(record: Record) -> int:
    """Bytes of the record's item."""
    return sum(len(name.encode()) + _value(one) for name, one in encode(record).items())


def _value(attribute: Attribute) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return math.ceil(len(value) / 2) + 1
        case "L":
            return 3 + sum(1 + _value(one) for one in value)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value(one) for name, one in value.items())
        case _:
            return 1


def watch(items: int) -> Watch:
    """A feed that has shown so many comments."""
    shown = (
        Seen(item_id=f"UgxKREWxIgDrw8w2e_Z4{n:06d}", revision=f"{n:032x}", at=NOW - timedelta(minutes=n))
        for n in range(items)
    )
    account = {"channel": "youtube", "account_id": "UC_x5XG1OV2P6uZZ5FSM9Ttw", "feed": "comments"}
    times = {"since": NOW, "watermark": NOW, "asked_at": NOW, "succeeded_at": NOW, "revisited_at": NOW}
    return Watch(**account, **times, seen=tuple(shown))  # type: ignore[arg-type]  # two kinds of fields


def main() -> None:
    """Print a line for each size of what is remembered."""
    sys.stdout.write("items  bytes before  bytes after  units of a quiet run before  after  of a day before  after\n")
    for items in (10, 100, MOST_SEEN):
        before, after = (2 * math.ceil(size(one) / 1024) for one in (watch(items), replace(watch(items), seen=())))
        sizes = f"{size(watch(items)):12,}  {size(replace(watch(items), seen=())):11,}"
        sys.stdout.write(
            f"{items:5}  {sizes}  {before:27}  {after:5}  {before * RUNS_A_DAY:15,}  {after * RUNS_A_DAY:5,}\n"
        )


if __name__ == "__main__":
    main()
