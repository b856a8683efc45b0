"""Every minute: credentials that run out are renewed, and platforms are asked for what nobody told us of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.poll import turns
from shared.bootstrap import poller, renewer
from shared.observability import failures_told

ENOUGH = timedelta(seconds=100)  # to finish a feed that is begun


def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    """Renew first, so that nothing is asked with what has ended; then read feed after feed while there is time.

    What is left is due again in the next run.
    """
    with failures_told("poll"):
        accounts = renewer().due()
    for account in accounts:
        if _has_time(context):
            turns.renew(account)
    with failures_told("poll"):
        jobs = poller().due()
    for job in jobs:
        if _has_time(context):
            turns.read(job)


def _has_time(context: LambdaContext) -> bool:
    return timedelta(milliseconds=context.get_remaining_time_in_millis()) >= ENOUGH
