"""Platforms that only send e-mail: there is nothing to call, so nothing to play. Their mails come by the mailbox."""

from __future__ import annotations

from datetime import datetime

from infra.local.platforms.world import World

CHANNEL = "notice"
ACCOUNT = "pinterest"
DEMO = "message__pinterest-comment"


def credentials() -> dict[str, str]:
    """Nothing: the senders of the platforms that are played here are known to the channel."""
    return {}


def learn(world: World, delivery: object, now: datetime) -> None:
    """A platform that takes no answer needs to know nobody."""
