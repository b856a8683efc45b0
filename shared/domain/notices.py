"""What goes to people: mails and the short words of the fan-out topic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail of ours, complete as MIME. `sender` and `to` are bare addresses for the envelope."""

    sender: str
    to: str
    mime: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A short word to everyone who subscribed. Holds ids and times, never a customer's words or name."""

    kind: str
    subject: str
    facts: Mapping[str, str]
