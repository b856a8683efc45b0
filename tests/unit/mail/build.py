"""Records and mails the tests of this folder share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from shared.domain.events import Surface, Visibility
from shared.domain.exchange import Capability
from shared.domain.notices import Mail
from shared.domain.policy import Agent
from shared.domain.records import Author, Conversation, Message, Obligation, Target
from shared.mail.compose import HandOff, Letter

NOW = datetime(2026, 10, 2, 8, 30, tzinfo=UTC)
CONVERSATION_ID = "abcdefghijklmn23"
REPLY_TO = "r+abcdefghijklmn23.zyxwvu76.b20773.c4qigndimbnjeqqhzkbt@in.shop.example"
SENDER = "desk@in.shop.example"


def conversation(**changes: object) -> Conversation:
    fields: dict[str, object] = {
        "conversation_id": CONVERSATION_ID,
        "channel": "instagram",
        "account_id": "17841400000000001",
        "surface": Surface.DM,
        "visibility": Visibility.PRIVATE,
        "thread_id": "thread-7",
        "customer_id": "customer-7",
        "customer_name": "Zoë Müller",
        "customer_handle": "@zoe",
        "opened_at": NOW,
        "last_inbound_at": NOW,
    }
    return Conversation(**(fields | changes))  # type: ignore[arg-type]  # fields by name, changed one by one


def message(text: str | None = "Where is my parcel?", **changes: object) -> Message:
    fields: dict[str, object] = {
        "channel": "instagram",
        "account_id": "17841400000000001",
        "message_id": "m1",
        "author": Author.CUSTOMER,
        "author_name": "Zoë Müller",
        "text": text,
        "sent_at": NOW,
        "received_at": NOW,
    }
    return Message(**(fields | changes))  # type: ignore[arg-type]


def obligation(**changes: object) -> Obligation:
    fields: dict[str, object] = {
        "conversation_id": CONVERSATION_ID,
        "target": Target.FIRST_RESPONSE,
        "revision": 1,
        "channel": "instagram",
        "since": NOW,
        "warn_at": NOW + timedelta(hours=3),
        "due_at": NOW + timedelta(hours=4),
        "rule": "default",
        "policy_version": "1",
    }
    return Obligation(**(fields | changes))  # type: ignore[arg-type]


def letter(**changes: object) -> Letter:
    fields: dict[str, object] = {
        "conversation": conversation(),
        "agent": Agent("anna@shop.example", "Anna Muster"),
        "company": "Blue Shop",
        "zone": "Europe/Berlin",
        "capability": Capability(replies=True, limit=1000, window=timedelta(hours=24)),
        "reply_to": REPLY_TO,
        "sender": SENDER,
        "mail_domain": "in.shop.example",
    }
    return Letter(**(fields | changes))  # type: ignore[arg-type]


def handed_off(**changes: object) -> HandOff:
    """A hand-off; changes may be its own or its letter's."""
    own: dict[str, object] = {"fresh": (message(),), "earlier": (), "obligation": obligation(), "acknowledged": None}
    of_letter = {name: value for name, value in changes.items() if name not in own}
    changed = {name: value for name, value in changes.items() if name in own}
    return HandOff(letter=letter(**of_letter), **(own | changed))  # type: ignore[arg-type]


def opened(mail: Mail) -> EmailMessage:
    """A mail of ours as any mail program reads it."""
    read = BytesParser(policy=policy.default).parsebytes(mail.mime)
    assert isinstance(read, EmailMessage)
    return read


def text_of(mail: Mail) -> str:
    return _content(mail, "plain")


def html_of(mail: Mail) -> str:
    return _content(mail, "html")


def _content(mail: Mail, kind: str) -> str:
    body = opened(mail).get_body((kind,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def answer(text: str | None = "It is on its way.", html: str | None = None, **headers: str) -> bytes:
    """A mail as an agent's client sends it; names of headers with underscores for dashes."""
    mail = EmailMessage(policy=policy.SMTP)
    fields = {"From": "Anna Muster <anna@shop.example>", "Subject": "Re: parcel", "Message-ID": "<m1@shop.example>"}
    for name, value in (fields | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        mail[name] = value
    if text is not None:
        mail.set_content(text)
        if html is not None:
            mail.add_alternative(html, subtype="html")
    elif html is not None:
        mail.set_content(html, subtype="html")
    return mail.as_bytes()
