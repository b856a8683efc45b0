"""The only place that makes loggers and metrics. Log lines hold ids, counts, lengths and verdicts: never a customer's
words, name, handle, address or number, and never a body, token or signature.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


def line(function: str, **facts: str | int) -> None:
    """One JSON line for the webhook, which starts without the logging toolkit."""
    sys.stdout.write(json.dumps({"service": function, **facts}) + "\n")


@cache
def logger(function: str) -> Logger:
    """The logger of a function; lines are JSON with the request's id."""
    from aws_lambda_powertools import Logger

    return Logger(service=function)
