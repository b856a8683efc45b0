"""Receipts of agents' mails: answers go back to the platforms."""

from __future__ import annotations

from typing import Any

from shared.bootstrap import agent_mail
from shared.observability import failures_told, logger


def handler(event: dict[str, Any], _context: object) -> None:
    """Take the receipts of one notification; an error brings all of them back, which is harmless."""
    for record in event["Records"]:
        with failures_told("mail"):
            outcome = agent_mail().take(record["Sns"]["Message"])
        logger("mail").info("taken", outcome=str(outcome))
