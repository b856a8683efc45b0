"""Repeats for the dispatch function what it could not do at its first try, as Lambda does on AWS.

A mapping with ReportBatchItemFailures reads a stream again from the record that failed (Lambda developer guide, "Using
AWS Lambda with Amazon DynamoDB"). `ministack` 1.5.33 takes the answer and goes on, and it forgets changes that nobody
had read when it was stopped. The table's index of undone intents names both; they are handed to the function again.

    python -m infra.local.redelivery --port 8083 --emulator http://127.0.0.1:4566
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from infra.local import stack
from infra.local.addresses import REGION, STACK
from infra.local.emulator import EmulatorSession
from infra.local.serving import Incoming, Outgoing, json_answer, server
from shared.adapters.clients import Clients
from shared.adapters.table import DynamoDesk
from shared.domain.records import Key
from shared.errors import NightdeskError
from shared.ports import Desk

FIRST_AFTER = timedelta(seconds=8)  # the stream itself needs about one; a function's cold start some more
LONGEST_GAP = timedelta(minutes=1)
_ROUND_SECONDS = 1.0

Hand = Callable[[Sequence[Key]], None]


class Try(NamedTuple):
    """How often a record was handed over, and when it may be again."""

    made: int
    next_at: datetime


@dataclass(slots=True)
class Redelivery:
    """Which records are to be handed over again, and when. `hand` invokes the function."""

    desk: Desk
    hand: Hand
    tries: dict[Key, Try] = field(default_factory=dict)

    def round(self, now: datetime) -> tuple[Key, ...]:
        """Hand over what has waited long enough; the gap after each try doubles. Returns what was handed over."""
        undone = self.desk.undone(now - FIRST_AFTER)
        self.tries = {key: tried for key, tried in self.tries.items() if key in undone}
        wanted = tuple(key for key in undone if key not in self.tries or self.tries[key].next_at <= now)
        for key in wanted:
            count = self.tries[key].made + 1 if key in self.tries else 1
            self.tries[key] = Try(count, now + min(FIRST_AFTER * 2**count, LONGEST_GAP))
        if wanted:
            self.hand(wanted)
        return wanted


def stream_record(key: Key, image: Mapping[str, Any]) -> dict[str, object]:
    """A change of the table as its stream tells it (DynamoDB Streams API reference, Record)."""
    return {
        "eventID": f"{key.partition}/{key.sort}",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "Keys": {"pk": {"S": key.partition}, "sk": {"S": key.sort}},
            "NewImage": dict(image),
            "SequenceNumber": f"{time.time_ns()}",
            "StreamViewType": "NEW_IMAGE",
        },
    }


def on_emulator(origin: str) -> Redelivery | None:
    """The redelivery of the stack that is deployed there; None while there is none."""
    session = EmulatorSession(origin)
    outputs = stack.outputs(session)
    if not outputs:
        return None
    clients, table = Clients(session), outputs["DeskTableName"]
    resource = session.create_client("cloudformation").describe_stack_resource(
        StackName=STACK, LogicalResourceId="DispatchFunction"
    )
    function = resource["StackResourceDetail"]["PhysicalResourceId"]
    lambda_client = session.create_client("lambda")

    def hand(keys: Sequence[Key]) -> None:
        items = {key: clients.dynamodb.get_item(TableName=table, Key=_key(key)).get("Item") for key in keys}
        records = [stream_record(key, item) for key, item in items.items() if item]
        lambda_client.invoke(FunctionName=function, Payload=json.dumps({"Records": records}))

    return Redelivery(DynamoDesk(clients, table), hand)


def keep_at_it(origin: str) -> None:
    """Rounds until the process ends. Trouble with the emulator is told and waited out."""
    current: Redelivery | None = None
    while True:
        try:
            current = current or on_emulator(origin)
            again = current.round(datetime.now(UTC)) if current else ()
        except (NightdeskError, BotoCoreError, ClientError) as error:
            print(f"{datetime.now(UTC):%H:%M:%S} {type(error).__name__}: {error}", flush=True)  # noqa: T201 - its log
            again = ()
        for key in again:
            print(f"{datetime.now(UTC):%H:%M:%S} again: {key.partition} {key.sort}", flush=True)  # noqa: T201 - its log
        time.sleep(_ROUND_SECONDS)


def _key(key: Key) -> Any:  # noqa: ANN401 - the stubs' own type of a key
    return {"pk": {"S": key.partition}, "sk": {"S": key.sort}}


def _answer(incoming: Incoming) -> Outgoing:
    return json_answer({"ok": incoming.path == "/_health"})


def main() -> None:
    """Work until stopped."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.redelivery", description="Repeats what failed.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--emulator", required=True, help="origin of the emulator")
    options = parser.parse_args()
    threading.Thread(target=keep_at_it, args=(options.emulator,), daemon=True).start()
    server(options.port, _answer).serve_forever()


if __name__ == "__main__":
    main()
