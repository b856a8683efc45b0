"""The desk table's stream: intents are carried out. And every minute: what was left undone."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.bootstrap import dispatch, sweep
from shared.domain.records import Key
from shared.observability import failures_told, logger

PROCESSOR = BatchProcessor(event_type=EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse | None:
    """Carry out a batch; the stream repeats from the first that failed. An event without records is the schedule's."""
    if "Records" not in event:
        logger("dispatch").info("swept", **asdict(sweep().run()))
        return None
    return process_partial_response(event=event, record_handler=_carry_out, processor=PROCESSOR, context=context)


def _carry_out(record: DynamoDBRecord) -> None:
    with failures_told("dispatch"):
        keys = (record.dynamodb.keys if record.dynamodb else None) or {}
        done = dispatch().carry_out(Key(keys["pk"], keys["sk"]))
        logger("dispatch").info("carried out", intents=[str(intent) for intent in done])
