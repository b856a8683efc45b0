"""Every minute: credentials that run out are renewed, and platforms are asked for what nobody told us of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.poll.figures import figures
from shared.bootstrap import poller
from shared.observability import failures_told, logger, measured
from shared.services.poll_handing import Job

ENOUGH = timedelta(seconds=100)  # to finish a feed that is begun


def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    """Read feed after feed while there is time; what is left is due again in the next run."""
    with failures_told("poll"):
        due = poller().due()
    for job in due:
        if timedelta(milliseconds=context.get_remaining_time_in_millis()) < ENOUGH:
            break
        _read(job)


def _read(job: Job) -> None:
    """One feed. What goes wrong with it is told, and does not keep the others waiting."""
    of = {"channel": job.channel, "feed": job.feed}
    try:
        with failures_told("poll"):
            read = poller().read(job)
    except Exception:  # noqa: BLE001 - the outermost edge: told above, by type and place
        measured("poll", of, {"PollFailed": 1})
        return
    logger("poll").info("read", extra=of | {"account": job.account_id, "outcome": read.outcome, "calls": read.calls})
    measured("poll", of, figures(read))
