"""Mails as the desk sends them, and a mailbox whose answers go into a list."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from infra.local.mailbox_desk import Mailbox
from infra.local.mailbox_drop import Arrival, DropFailed, verdicts

MORNING = datetime(2026, 11, 3, 7, 30, tzinfo=UTC)
REPLY_TO = "reply+abc123@in.nightdesk.example"
SETTINGS = {
    "endpoint_url": "http://127.0.0.1:9",
    "bucket": "inbound",
    "topic_arn": "arn:aws:sns:eu-central-1:000000000000:mail",
    "mail_domain": "in.nightdesk.example",
}


def hand_off(text: str = "Ana wrote:\n\nWhere is my parcel?", **changed: str) -> EmailMessage:
    """A mail to an agent."""
    mail = EmailMessage()
    fields = {
        "From": "Nightdesk <desk@nightdesk.example>",
        "To": "Ben Agent <ben@shop.example>",
        "Reply-To": REPLY_TO,
        "Subject": "Ana Example on Messenger",
        "Date": "Tue, 03 Nov 2026 08:00:00 +0100",
        "Message-ID": "<m1@eu-central-1.amazonses.com>",
        **changed,
    }
    for name, value in fields.items():
        if value:
            mail[name] = value
    mail.set_content(text)
    return mail


@dataclass
class Post:
    """The drop of a mailbox under test: keeps what is handed in, or fails as told."""

    arrivals: list[Arrival] = field(default_factory=list)
    broken: bool = False

    def __call__(self, arrival: Arrival) -> str:
        if self.broken:
            raise DropFailed("The bucket is away.")
        verdicts(arrival)
        self.arrivals.append(arrival)
        return f"ses-{len(self.arrivals)}"


def mailbox(state: Path, post: Post, settings: dict[str, Any] | None = SETTINGS) -> Mailbox:
    """A mailbox that was told where mail goes."""
    made = Mailbox(state, make_drop=lambda _: post, now=lambda: MORNING)
    if settings is not None:
        made.set_up(settings)
    return made


def receive(box: Mailbox, mail: EmailMessage | None = None, to: str = "ben@shop.example") -> str:
    """Let a mail come in; its id."""
    box.receive("bounce@nightdesk.example", (to,), (mail or hand_off()).as_bytes())
    return box.store.mails()[0].received.id
