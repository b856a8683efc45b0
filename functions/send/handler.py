"""The outbound queue: texts go to the platforms."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.bootstrap import read_send_key, sender
from shared.observability import failures_told, logger

PROCESSOR = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Carry a batch; what the platform wants later comes back by itself."""
    return process_partial_response(event=event, record_handler=_carry, processor=PROCESSOR, context=context)


def _carry(record: SQSRecord) -> None:
    with failures_told("send"):
        key = read_send_key(record.body)
        carried = sender().carry(key)
        logger("send").info("carried", send=key.sort, outcome=str(carried))
