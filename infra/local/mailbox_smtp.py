"""The SMTP side of the mailbox: takes every mail for everybody, on 127.0.0.1 only."""

from __future__ import annotations

import asyncio

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from infra.local.mailbox_desk import Mailbox
from shared.errors import NightdeskError

_LARGEST_MAIL = 40 * 1024 * 1024  # what SES takes (SES developer guide, "Service quotas")


class _Sink:
    """The handler aiosmtpd calls."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, ARG002  aiosmtpd's names
        raw = envelope.original_content or b""
        recipients = tuple(envelope.rcpt_tos)
        try:
            await asyncio.to_thread(self._mailbox.receive, envelope.mail_from or "", recipients, raw)
        except NightdeskError as error:
            words = str(error).encode("ascii", "replace").decode()
            return f"451 {' '.join(words.split())[:400]}"
        return "250 OK"


def controller(mailbox: Mailbox, port: int) -> Controller:
    """The server, in a thread of its own once `start` is called."""
    return Controller(_Sink(mailbox), hostname="127.0.0.1", port=port, data_size_limit=_LARGEST_MAIL)
