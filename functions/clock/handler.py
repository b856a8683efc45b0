"""The task of the SLA state machine: one look at one obligation."""

from __future__ import annotations

from typing import Any

from shared.bootstrap import clock
from shared.domain.events import wait_until
from shared.domain.records import Target
from shared.observability import failures_told, logger


def handler(event: dict[str, Any], _context: object) -> dict[str, str | None]:
    """Look, and say when to look again (`YYYY-MM-DDTHH:MM:SSZ`, never before the instant) or null."""
    with failures_told("clock"):
        again = clock().look(event["conversation_id"], Target(event["target"]), int(event["revision"]))
    logger("clock").info("looked", target=event["target"], revision=event["revision"], again=bool(again))
    return {"again": wait_until(again) if again else None}
