"""The mail that an agent's mail client makes out of an answer typed above a quoted original."""

from __future__ import annotations

import email.policy
import email.utils
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

from infra.local.mailbox_store import Mail, bare

_LINE_LIMIT = 320  # of References: enough for a thread, and no header grows without end


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How to answer: `sender` instead of the address the mail went to, without the quote, under a given Message-ID."""

    text: str
    sender: str | None = None
    quote: bool = True
    message_id: str | None = None


def compose(original: Mail, wish: Wish, now: datetime) -> EmailMessage:
    """The answer: to the original's Reply-To, in its thread, signed, with the original quoted below."""
    sender = wish.sender or original.to
    answer = EmailMessage(policy=email.policy.SMTP)
    answer["From"] = sender
    answer["To"] = recipient(original)
    answer["Subject"] = original.subject if original.subject.lower().startswith("re:") else f"Re: {original.subject}"
    answer["Date"] = email.utils.format_datetime(now)
    answer["Message-ID"] = wish.message_id or email.utils.make_msgid(domain=bare(sender).rpartition("@")[2] or None)
    if original.message_id:
        answer["In-Reply-To"] = original.message_id
        answer["References"] = _references(original)
    answer["User-Agent"] = "Nightdesk mailbox"
    answer.set_content(_body(original, wish, sender))
    return answer


def recipient(original: Mail) -> str:
    """Where an answer goes: Reply-To, else From."""
    return bare(original.reply_to) or bare(original.sender)


def _references(original: Mail) -> str:
    earlier = original.references.split()
    while earlier and len(" ".join([*earlier, original.message_id])) > _LINE_LIMIT:
        earlier.pop(0)
    return " ".join([*earlier, original.message_id])


def _body(original: Mail, wish: Wish, sender: str) -> str:
    name = email.utils.parseaddr(sender)[0] or bare(sender).partition("@")[0].replace(".", " ").title()
    parts = [wish.text.rstrip(), f"-- \n{name}"]
    if wish.quote:
        quoted = "\n".join(f"> {line}" if line else ">" for line in original.text.splitlines())
        parts.append(f"{_attribution(original)}\n{quoted}")
    return "\n\n".join(parts) + "\n"


def _attribution(original: Mail) -> str:
    """The line above a quote, as widespread clients write it."""
    try:
        sent = email.utils.parsedate_to_datetime(original.date)
    except (ValueError, TypeError):
        sent = datetime.fromisoformat(original.received.at)
    return f"On {sent:%a}, {sent.day} {sent:%b %Y} at {sent:%H:%M}, {original.sender} wrote:"
