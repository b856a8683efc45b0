"""An agent's mail, from any bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMail:
    """What a mail says, once its packing is off."""

    from_address: str | None  # lower case; only where exactly one From names exactly one address
    from_fault: str | None  # why there is no from_address
    message_id: str | None  # with its angle brackets
    subject: str
    automatic: str | None  # why it is machine mail and never to be posted, or answered
    text: str  # the reply alone: no quotes, no signature; empty where nothing was written above our line
    attachments: tuple[str, ...]  # file names
    markers: tuple[str, ...]  # ids of the conversations whose line was found in it, in order


def read_mail(mime: bytes) -> AgentMail:
    """Read a mail. Total: whatever the bytes, there is an AgentMail, in time linear to their number."""
    raise NotImplementedError
