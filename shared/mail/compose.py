"""Mail to agents: text first, with a plain HTML part that says the same.

Both parts are made from the same blocks. Nothing of the customer's becomes markup or a header beyond name and handle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import EmailPolicy, Policy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shared.domain.events import Visibility, iso
from shared.domain.exchange import Capability
from shared.domain.notices import Mail, Notice
from shared.domain.policy import Agent
from shared.domain.records import Conversation, Message, Obligation, Send, SendKind, SendState
from shared.mail import marker, wording
from shared.mail.cleaning import header_text

if TYPE_CHECKING:
    from jinja2 import Template

_MOST_EARLIER = 20


class _Identifiers(UnstructuredHeader, BaseHeader):
    """Ids in angle brackets, folded between them alone: the library makes encoded words of long ones (RFC 2047, 5)."""

    def fold(self, *, policy: Policy) -> str:
        separator = f"{policy.linesep} "
        return f"{self.name}: {separator.join(str(self).split())}{policy.linesep}"


def _policy() -> EmailPolicy[EmailMessage]:
    registry = HeaderRegistry()
    for name in ("References", "In-Reply-To", "List-Id"):
        registry.map_to_type(name, _Identifiers)
    return EmailPolicy(linesep="\r\n", header_factory=registry, max_line_length=76)


_POLICY = _policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Whom a mail about a conversation goes to, in whose name, and how the answer finds its way."""

    conversation: Conversation
    agent: Agent
    company: str
    zone: str  # IANA name: times are shown in it
    capability: Capability
    reply_to: str  # the signed reply address
    sender: str  # bare address of the desk
    mail_domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """What an agent is told about a conversation."""

    letter: Letter
    fresh: tuple[Message, ...]  # what the agent was not told of yet
    earlier: tuple[Message, ...]  # what was said before
    obligation: Obligation | None
    acknowledged: str | None  # the automatic acknowledgement the customer got, in its words


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A text of ours that did not simply arrive."""

    letter: Letter
    send: Send


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An agent's mail that was not posted."""

    conversation: Conversation | None  # None where the mail did not tell which
    agent: Agent
    reason: str  # a sentence
    advice: str  # a sentence: what to do now
    text: str  # what would have been posted; may be empty
    mail_id: str | None  # Message-ID of the agent's mail
    company: str
    reply_to: str | None
    sender: str
    mail_domain: str


@dataclass(frozen=True, slots=True)
class _Block:
    kind: Literal["heading", "words", "said"]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Envelope:
    """What all our mails have in common."""

    conversation: Conversation | None
    agent: Agent
    company: str
    sender: str
    reply_to: str | None
    mail_domain: str
    answers: str | None = None  # Message-ID of the agent's mail that this one is about


def hand_off(about: HandOff) -> Mail:
    """The mail that hands a conversation to an agent."""
    count = len(about.fresh)
    opening = "A customer wrote." if count == 1 else f"A customer wrote {count} messages."
    return _about_conversation(about, opening)


def warning(about: HandOff) -> Mail:
    """The mail that says an answer is due soon. Same thread, same address for the answer."""
    return _about_conversation(about, "DUE SOON: nobody has answered this customer yet.")


def escalation(about: HandOff) -> Mail:
    """The mail that says the time for an answer has passed. Same thread, same address for the answer."""
    return _about_conversation(about, "MISSED: the time to answer this customer has passed, and nobody has.")


def told(about: Settled) -> Mail:
    """The mail that says a text of ours failed, was withheld, or may or may not be on the platform."""
    send, conversation = about.send, about.letter.conversation
    place = wording.channel_name(conversation.channel)
    by_whom = "Your answer" if send.kind is SendKind.REPLY else "The automatic acknowledgement"
    happened, advice = {
        SendState.FAILED: (
            f"was NOT posted on {place}.",
            "The customer has not seen it. Answer this mail to try again.",
        ),
        SendState.WITHHELD: (f"was not posted on {place}.", "Answer this mail if the customer still needs an answer."),
        SendState.UNKNOWN: (
            f"may or may not be on {place}: the answer of the platform was lost. It is not sent again by itself.",
            f"Look at the conversation on {place}. Answer this mail only if the text is not there.",
        ),
    }.get(send.state, (f"is on its way to {place}.", "There is nothing to do."))
    return _mail(
        _envelope(about.letter, answers=send.mail_id),
        [
            _words(f"{by_whom} {happened}", f"Reason: {header_text(send.reason, 1_000)}" if send.reason else ""),
            _words(advice, f"The platform takes {wording.length_limit(about.letter.capability)}."),
            _heading(f"The text, of {wording.short_moment(send.written_at, about.letter.zone)}:"),
            _Block("said", wording.shown(send.text)),
            *_concerns(conversation),
        ],
    )


def returned(about: Refused) -> Mail:
    """The mail that gives an agent's answer back, with the reason."""
    text = [_heading("What would have been posted:"), _Block("said", wording.shown(about.text))] if about.text else []
    conversation = about.conversation
    return _mail(
        _Envelope(
            conversation=conversation,
            agent=about.agent,
            company=about.company,
            sender=about.sender,
            reply_to=about.reply_to,
            mail_domain=about.mail_domain,
            answers=about.mail_id,
        ),
        [
            _words("Your mail was NOT posted.", f"Reason: {header_text(about.reason, 1_000)}"),
            _words(header_text(about.advice, 1_000)),
            *text,
            *(_concerns(conversation) if conversation is not None else ()),
        ],
    )


def notice(kind: str, conversation: Conversation, obligation: Obligation | None = None) -> Notice:
    """The short word to subscribers of the fan-out topic: ids and times, never a customer's words, name or number."""
    facts = {
        "conversation_id": conversation.conversation_id,
        "channel": conversation.channel,
        "account_id": conversation.account_id,
        "surface": str(conversation.surface),
        "visibility": str(conversation.visibility),
        "opened_at": iso(conversation.opened_at),
        "last_inbound_at": iso(conversation.last_inbound_at),
    }
    if obligation is not None:
        facts |= {
            "target": str(obligation.target),
            "revision": str(obligation.revision),
            "state": str(obligation.state),
            "due_at": iso(obligation.due_at),
            "breached_at": iso(obligation.breached_at),
        }
    return Notice(
        kind=kind,
        subject=header_text(f"Nightdesk {kind}: {conversation.channel} #{conversation.conversation_id[:6]}", 100),
        facts={name: value for name, value in facts.items() if value is not None},
    )


def _about_conversation(about: HandOff, opening: str) -> Mail:
    return _mail(_envelope(about.letter), [_words(opening), *_facts(about), *_messages(about), *_how_to_answer(about)])


def _envelope(letter: Letter, answers: str | None = None) -> _Envelope:
    return _Envelope(
        conversation=letter.conversation,
        agent=letter.agent,
        company=letter.company,
        sender=letter.sender,
        reply_to=letter.reply_to,
        mail_domain=letter.mail_domain,
        answers=answers,
    )


def _concerns(conversation: Conversation) -> tuple[_Block, _Block]:
    lines = f"Who: {wording.who(conversation)}", f"Where: {wording.where(conversation)}"
    return _heading("The conversation"), _words(*lines)


def _facts(about: HandOff) -> Iterator[_Block]:
    lines = [f"Who: {wording.who(about.letter.conversation)}", f"Where: {wording.where(about.letter.conversation)}"]
    if about.obligation is not None:
        lines.append(f"Answer by: {wording.moment(about.obligation.due_at, about.letter.zone)}")
    end = wording.window_end(about.letter.conversation, about.letter.capability)
    if end is not None:
        lines.append(f"{wording.channel_name(about.letter.conversation.channel)} takes no answer after: ")
        lines[-1] += wording.moment(end, about.letter.zone)
    yield _words(*lines)


def _messages(about: HandOff) -> Iterator[_Block]:
    if about.fresh:
        yield _heading("New")
        yield from _thread(about.fresh, about)
    if about.acknowledged:
        yield _words("The customer was told automatically:")
        yield _Block("said", wording.shown(about.acknowledged))
    else:
        yield _words("The customer has had no automatic answer.")
    if about.earlier:
        yield _heading("Before that")
        yield from _thread(about.earlier[-_MOST_EARLIER:], about)


def _thread(messages: Sequence[Message], about: HandOff) -> Iterator[_Block]:
    for message in messages:
        edited = ", edited" if message.edited_at is not None and message.deleted_at is None else ""
        name = wording.author(message, about.letter.conversation, about.letter.company)
        yield _words(f"{name}, {wording.short_moment(message.sent_at, about.letter.zone)}{edited}:")
        yield _Block("said", wording.said(message))


def _how_to_answer(about: HandOff) -> Iterator[_Block]:
    place = wording.channel_name(about.letter.conversation.channel)
    yield _heading("How to answer")
    if not about.letter.capability.replies:
        yield _words(f"This cannot be answered by mail: {place} takes no answers from programs here. Answer it there.")
        return
    public = about.letter.conversation.visibility is Visibility.PUBLIC
    readers = "PUBLICLY, for everyone to read" if public else "privately, for the customer alone"
    yield _words(
        f"Just answer this mail. Your text is posted on {place} as {header_text(about.letter.company)}: {readers}.",
        f"It may have {wording.length_limit(about.letter.capability)}. Attachments are not posted.",
        "Quoted text and signature are left out. You hear from us only if it could not be posted.",
        "Only your own address may answer this mail; a colleague answers from their own copy.",
    )


def _mail(envelope: _Envelope, blocks: Sequence[_Block]) -> Mail:
    blocks = [block for block in blocks if any(block.lines)]
    first = marker.line(envelope.conversation.conversation_id) if envelope.conversation else ""
    message = EmailMessage(policy=_POLICY)
    for name, value in _headers(envelope):
        message[name] = value
    message.set_content(_as_text(first, blocks), cte="quoted-printable")
    html = _template().render(marker=first, blocks=blocks)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return Mail(sender=envelope.sender, to=envelope.agent.address, mime=message.as_bytes())


def _headers(envelope: _Envelope) -> Iterator[tuple[str, str | Address]]:
    conversation = envelope.conversation
    yield "From", _mailbox(_from_name(conversation, envelope.company), envelope.sender)
    yield "To", _mailbox(envelope.agent.name, envelope.agent.address)
    if envelope.reply_to is not None:
        yield "Reply-To", envelope.reply_to
    yield "Subject", _subject(conversation)
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


def _as_text(first: str, blocks: Sequence[_Block]) -> str:
    parts = [first] if first else []
    for block in blocks:
        if block.kind == "heading":
            parts.append(block.lines[0] + "\n" + "-" * len(block.lines[0]))
        else:
            prefix = "| " if block.kind == "said" else ""
            parts.append("\n".join(f"{prefix}{line}".rstrip() for line in block.lines))
    return "\n\n".join(parts) + "\n"


def _heading(text: str) -> _Block:
    return _Block("heading", (text,))


def _words(*lines: str) -> _Block:
    return _Block("words", tuple(line for line in lines if line))


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader  # costs 30 ms; only who writes mail pays it

    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    return environment.get_template("mail.html.j2")
