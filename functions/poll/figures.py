"""What one reading of a feed is measured by."""

from __future__ import annotations

from collections.abc import Mapping

from shared.services.poll import Read


def figures(read: Read) -> Mapping[str, float]:
    """How much was new and how late it is, whether something is left unread, and how much a webhook had missed."""
    lag = 0.0 if read.lag is None else read.lag.total_seconds()
    return {"PollNew": read.new, "PollLagSeconds": lag, "PollGap": int(read.gap), "PollRepaired": read.repaired}
