"""A mail of ours to an agent, made of blocks: the text part first, with a plain HTML part that says the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shared.domain.mail_format import MAIL_FORMAT
from shared.domain.notices import Mail
from shared.domain.policy import Agent
from shared.domain.records import Conversation
from shared.mail import marker, wording
from shared.mail.cleaning import header_text

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, some lines of ours, or what somebody said. Foreign lines have to come from `wording`."""

    kind: Literal["heading", "words", "said"]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What all our mails have in common."""

    conversation: Conversation | None
    agent: Agent
    company: str
    sender: str
    reply_to: str | None
    mail_domain: str
    answers: str | None = None  # Message-ID of the agent's mail that this one is about
    subject: str | None = None  # of a mail that is about neither a conversation nor an agent's mail


def heading(text: str) -> Block:
    """A heading."""
    return Block("heading", (text,))


def words(*lines: str) -> Block:
    """Lines of ours; empty ones are left out."""
    return Block("words", tuple(line for line in lines if line))


def said(lines: Sequence[str]) -> Block:
    """What somebody said, set apart."""
    return Block("said", tuple(lines))


def mail(envelope: Envelope, blocks: Sequence[Block]) -> Mail:
    """The mail. Blocks without words are left out."""
    blocks = [block for block in blocks if any(block.lines)]
    first = marker.line(envelope.conversation.conversation_id) if envelope.conversation else ""
    message = EmailMessage(policy=MAIL_FORMAT)
    for name, value in _headers(envelope):
        message[name] = value
    message.set_content(_as_text(first, blocks), cte="quoted-printable")
    html = _template().render(marker=first, blocks=blocks)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return Mail(sender=envelope.sender, to=envelope.agent.address, mime=message.as_bytes())


def _headers(envelope: Envelope) -> Iterator[tuple[str, str | Address]]:
    conversation = envelope.conversation
    yield "From", _mailbox(_from_name(conversation, envelope.company), envelope.sender)
    yield "To", _mailbox(envelope.agent.name, envelope.agent.address)
    if envelope.reply_to is not None:
        yield "Reply-To", envelope.reply_to
    yield "Subject", envelope.subject or _subject(conversation)
    root = f"<conv-{conversation.conversation_id}@{envelope.mail_domain}>" if conversation else None
    answers = header_text(envelope.answers or "", 500) or None
    references = [reference for reference in (root, answers) if reference is not None]
    if references:
        yield "In-Reply-To", references[-1]
        yield "References", " ".join(references)
    # RFC 3834: nobody's program answers this, and ours recognises it should it come back.
    yield "Auto-Submitted", "auto-generated"
    yield "X-Auto-Response-Suppress", "All"
    yield "List-Id", f"Nightdesk <nightdesk.{envelope.mail_domain}>"
    yield "X-Nightdesk-Loop", conversation.conversation_id if conversation else "none"


def _from_name(conversation: Conversation | None, company: str) -> str:
    via = f"{header_text(company, 60)} Nightdesk".strip()
    return f"{wording.customer_name(conversation)} via {via}" if conversation else via


def _subject(conversation: Conversation | None) -> str:
    """The same in every mail of a conversation: clients build their threads on it."""
    if conversation is None:
        return "[Nightdesk] Your mail was not posted"
    named = header_text(conversation.customer_handle or "", 60) or wording.customer_name(conversation)
    return f"[Nightdesk] {conversation.channel}: {named} #{conversation.conversation_id[:6]}"


def _mailbox(name: str, address: str) -> Address:
    """A name that looks like an address would alarm readers, so it loses its at sign."""
    return Address(display_name=header_text(name.replace("@", " "), 140), addr_spec=address)


def _as_text(first: str, blocks: Sequence[Block]) -> str:
    parts = [first] if first else []
    for block in blocks:
        if block.kind == "heading":
            parts.append(block.lines[0] + "\n" + "-" * len(block.lines[0]))
        else:
            prefix = "| " if block.kind == "said" else ""
            parts.append("\n".join(f"{prefix}{line}".rstrip() for line in block.lines))
    return "\n\n".join(parts) + "\n"


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader  # costs 30 ms; only who writes mail pays it

    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    return environment.get_template("mail.html.j2")
