"""The only place that makes loggers and metrics. Log lines hold ids, counts, lengths and verdicts: never a customer's
words, name, handle, address or number, and never a body, token or signature.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from shared.errors import NightdeskError

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


NAMESPACE = "Nightdesk"


def line(function: str, **facts: str | int) -> None:
    """One JSON line for the webhook, which starts without the logging toolkit."""
    sys.stdout.write(json.dumps({"service": function, **facts}) + "\n")


@cache
def logger(function: str) -> Logger:
    """The logger of a function; lines are JSON with the request's id."""
    from aws_lambda_powertools import Logger

    return Logger(service=function)


def measured(function: str, of: Mapping[str, str], values: Mapping[str, float]) -> None:
    """One line in CloudWatch's embedded metric format: these values, of what `of` names. A value whose name ends in
    Seconds is a time, any other a count.
    """
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    metrics = EphemeralMetrics(namespace=NAMESPACE, service=function)
    for dimension, named in of.items():
        metrics.add_dimension(name=dimension, value=named)
    for name, value in values.items():
        metrics.add_metric(
            name=name, unit=MetricUnit.Seconds if name.endswith("Seconds") else MetricUnit.Count, value=value
        )
    metrics.flush_metrics()


@contextmanager
def failures_told(function: str) -> Iterator[None]:
    """Around one record of a batch: the batch processor hands a failure back in silence, so it is told here.

    Only the error's type and place are told for errors nobody raised on purpose: their words may be a customer's.
    """
    try:
        yield
    except NightdeskError as error:
        logger(function).warning("failed", error=type(error).__name__, reason=str(error), retry=error.retry)
        raise
    except Exception as error:
        logger(function).error("failed", error=type(error).__name__, place=_place(error))
        raise


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "unknown"
