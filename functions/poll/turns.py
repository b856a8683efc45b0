"""One turn of the poll function: an account renewed, or a feed read. What goes wrong in it stays there and is told."""

from __future__ import annotations

from collections.abc import Mapping

from shared.bootstrap import poller, renewer
from shared.observability import failures_told, logger, measured
from shared.services.poll import Read
from shared.services.poll_handing import Job
from shared.services.renew import Account


def renew(account: Account) -> None:
    """Renew the credentials of one account, if it is time."""
    of = {"channel": account.channel}
    try:
        with failures_told("poll"):
            renewed = renewer().renew(account)
    except Exception:  # noqa: BLE001 - the outermost edge: told above, by type and place
        measured("poll", of, {"RenewFailed": 1})
        return
    logger("poll").info("renewed", extra=of | {"account": account.account_id, "outcome": renewed})


def read(job: Job) -> None:
    """Read one feed, if it is its turn."""
    of = {"channel": job.channel, "feed": job.feed}
    try:
        with failures_told("poll"):
            found = poller().read(job)
    except Exception:  # noqa: BLE001 - the outermost edge: told above, by type and place
        measured("poll", of, {"PollFailed": 1})
        return
    logger("poll").info("read", extra=of | {"account": job.account_id, "outcome": found.outcome, "calls": found.calls})
    measured("poll", of, _figures(found))


def _figures(found: Read) -> Mapping[str, float]:
    """How much was new and how late it is, whether something is left unread, and how much a webhook had missed."""
    lag = 0.0 if found.lag is None else found.lag.total_seconds()
    return {"PollNew": found.new, "PollLagSeconds": lag, "PollGap": int(found.gap), "PollRepaired": found.repaired}
