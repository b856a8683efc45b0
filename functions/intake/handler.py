"""The inbox queue: deliveries become facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.bootstrap import intake, read_delivery
from shared.observability import failures_told, logger, measured
from shared.services.intake import REPAIRED

PROCESSOR = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Take a batch; what should be tried again is reported by itself."""
    return process_partial_response(event=event, record_handler=_take, processor=PROCESSOR, context=context)


def _take(record: SQSRecord) -> None:
    with failures_told("intake"):
        sent_at = datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, UTC)
        delivery = read_delivery(record.body, sent_at)
        kinds = intake().take(delivery)
        logger("intake").info("taken", channel=delivery.channel, delivery_id=delivery.delivery_id, kinds=dict(kinds))
        if kinds[REPAIRED]:
            measured("intake", {"channel": delivery.channel}, {"Repaired": kinds[REPAIRED]})
