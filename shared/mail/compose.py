"""Mail to agents: text first, with a plain HTML part that says the same.

Both parts are made from the same blocks. Nothing of the customer's becomes markup or a header beyond name and handle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.domain.events import Visibility, iso
from shared.domain.exchange import Capability
from shared.domain.notices import Mail, Notice
from shared.domain.policy import Agent
from shared.domain.records import Conversation, Message, Obligation, Send, SendKind, SendState
from shared.mail import wording
from shared.mail.blocks import Block, Envelope, heading, mail, said, words
from shared.mail.cleaning import header_text

_MOST_EARLIER = 20


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
    """A text of ours that did not simply arrive, or was never meant to be posted."""

    letter: Letter
    send: Send
    parts: tuple[Send, ...] = ()  # all of them, in their order, where the text was split
    link: str | None = None  # where a person sees what it answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An agent's mail that was not posted."""

    conversation: Conversation | None  # None where the mail did not tell which
    agent: Agent
    reason: str  # a sentence
    advice: str  # a sentence: what to do now
    text: str  # what would have been posted; may be empty
    by_hand: bool = False  # only a person can answer it, on the platform
    mail_id: str | None  # Message-ID of the agent's mail
    company: str
    reply_to: str | None
    sender: str
    mail_domain: str


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
    """The mail that says what became of a text that was not simply posted."""
    send, conversation = about.send, about.letter.conversation
    envelope = _envelope(about.letter, answers=send.mail_id)
    if send.kind is SendKind.BY_HAND:
        return mail(envelope, [*_noted(conversation), *_concerns(conversation)])
    reason = f"Reason: {header_text(send.reason, 1_000)}" if send.reason else ""
    return mail(
        envelope,
        [
            words(f"{_which(send)} {_happened(send, conversation)}", reason),
            *_parts(about),
            *_advice(about),
            heading(f"The text, of {wording.short_moment(send.written_at, about.letter.zone)}:"),
            said(wording.shown(_unposted(about))),
            *_concerns(conversation),
        ],
    )


def returned(about: Refused) -> Mail:
    """The mail that gives an agent's answer back, with the reason."""
    text = [heading("What would have been posted:"), said(wording.shown(about.text))] if about.text else []
    conversation = about.conversation
    by_hand = _answer_there(conversation, conversation.link) if conversation is not None and about.by_hand else ()
    return mail(
        Envelope(
            conversation=conversation,
            agent=about.agent,
            company=about.company,
            sender=about.sender,
            reply_to=about.reply_to,
            mail_domain=about.mail_domain,
            answers=about.mail_id,
        ),
        [
            words("Your mail was NOT posted.", f"Reason: {header_text(about.reason, 1_000)}"),
            words(header_text(about.advice, 1_000)),
            *by_hand,
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
    return mail(_envelope(about.letter), [words(opening), *_facts(about), *_messages(about), *_how_to_answer(about)])


def _envelope(letter: Letter, answers: str | None = None) -> Envelope:
    return Envelope(
        conversation=letter.conversation,
        agent=letter.agent,
        company=letter.company,
        sender=letter.sender,
        reply_to=letter.reply_to,
        mail_domain=letter.mail_domain,
        answers=answers,
    )


def _which(send: Send) -> str:
    if send.kind is SendKind.ACKNOWLEDGEMENT:
        return "The automatic acknowledgement"
    return f"Part {send.part} of {send.parts} of your answer" if send.parts > 1 else "Your answer"


def _happened(send: Send, conversation: Conversation) -> str:
    place = wording.place(conversation)
    match send.state:
        case SendState.FAILED if send.by_hand:
            return f"was NOT posted: {place} takes it only from a person."
        case SendState.FAILED:
            return f"was NOT posted on {place}."
        case SendState.WITHHELD:
            return f"was not posted on {place}."
        case SendState.UNKNOWN:
            lost = "the answer of the platform was lost. It is not sent again by itself."
            return f"may or may not be on {place}: {lost}"
        case SendState.SENT:
            return f"is on {place} after all. What follows it is not."
        case _:
            return f"is on its way to {place}."


def _parts(about: Settled) -> Iterator[Block]:
    """Which parts of a split text are there."""
    if len(about.parts) < 2:
        return
    there, unknown = _numbers(about.parts, {SendState.SENT}), _numbers(about.parts, {SendState.UNKNOWN})
    missing = _numbers(about.parts, set(SendState) - {SendState.SENT, SendState.UNKNOWN})
    yield words(
        f"Your answer was split over {len(about.parts)} posts.",
        f"On {wording.place(about.letter.conversation)}: part {there or 'none'}.",
        f"Not known: part {unknown}." if unknown else "",
        f"Not there: part {missing}." if missing else "",
    )


def _numbers(parts: Sequence[Send], states: set[SendState]) -> str:
    return ", ".join(str(part.part) for part in parts if part.state in states)


def _advice(about: Settled) -> Iterator[Block]:
    send, conversation = about.send, about.letter.conversation
    place = wording.place(conversation)
    if send.by_hand:
        yield from _answer_there(conversation, about.link)
        return
    again = "Answer this mail with what is missing." if len(about.parts) > 1 else "Answer this mail to try again."
    advice = {
        SendState.SENT: again,
        SendState.FAILED: f"The customer has not seen it. {again}",
        SendState.WITHHELD: "Answer this mail if the customer still needs an answer.",
        SendState.UNKNOWN: f"Look at the conversation on {place}. Answer this mail only if the text is not there.",
    }.get(send.state, "There is nothing to do.")
    see = f"See it on {place}: {wording.link(about.link)}" if about.link else ""
    yield words(advice, see, f"The platform takes {wording.length_limit(about.letter.capability)}.")


def _unposted(about: Settled) -> str:
    """The words a customer cannot read, or perhaps cannot."""
    missing = [part.text for part in about.parts if part.state is not SendState.SENT]
    return "\n\n".join(missing) or about.send.text


def _noted(conversation: Conversation) -> Iterator[Block]:
    place = wording.place(conversation)
    yield words(f"Noted: the customer was answered on {place} itself. Nothing was posted, and the clock has stopped.")
    yield words("If the customer was to read your word itself, answer this mail with a few more words.")


def _answer_there(conversation: Conversation, link: str | None) -> Iterator[Block]:
    """How to answer where only a person can."""
    place = wording.place(conversation)
    yield words(f"Answer there: {wording.link(link)}" if link else f"Answer on {place} itself; it gave us no link.")
    yield words("Then reply to this mail with the one word: done. The clock stops, and the word is not posted.")


def _concerns(conversation: Conversation) -> tuple[Block, Block]:
    lines = f"Who: {wording.who(conversation)}", f"Where: {wording.where(conversation)}"
    return heading("The conversation"), words(*lines)


def _facts(about: HandOff) -> Iterator[Block]:
    conversation, zone = about.letter.conversation, about.letter.zone
    place = wording.place(conversation)
    lines = [f"Who: {wording.who(conversation)}", f"Where: {wording.where(conversation)}"]
    link = _link(about)
    if link is not None:
        lines.append(f"See it: {wording.link(link)}")
    if conversation.unaddressed:
        lines.append("Nobody said this to us: found by listening.")
    if any(message.repaired for message in about.fresh):
        lines.append(f"{place} had not told us of it: found by asking.")
    if about.obligation is not None:
        lines.append(f"Answer by: {wording.moment(about.obligation.due_at, zone)}")
    end = wording.window_end(conversation, about.letter.capability)
    if end is not None:
        lines.append(f"{place} takes no answer after: {wording.moment(end, zone)}")
    yield words(*lines)


def _link(about: HandOff) -> str | None:
    """Where a person sees the newest of it."""
    links = [message.link for message in about.fresh if message.link and message.deleted_at is None]
    return links[-1] if links else about.letter.conversation.link


def _messages(about: HandOff) -> Iterator[Block]:
    if about.fresh:
        yield heading("New")
        yield from _thread(about.fresh, about)
    if about.acknowledged:
        yield words("The customer was told automatically:")
        yield said(wording.shown(about.acknowledged))
    else:
        yield words("The customer has had no automatic answer.")
    if about.earlier:
        yield heading("Before that")
        yield from _thread(about.earlier[-_MOST_EARLIER:], about)


def _thread(messages: Sequence[Message], about: HandOff) -> Iterator[Block]:
    for message in messages:
        edited = ", edited" if _was_edited(message) else ""
        name = wording.author(message, about.letter.conversation, about.letter.company)
        yield words(f"{name}, {wording.short_moment(message.sent_at, about.letter.zone)}{edited}:")
        yield said(wording.said(message))


def _was_edited(message: Message) -> bool:
    """Whether it was changed after it was sent: some platforms tell of a text and of its change in one."""
    changed_at = None if message.deleted_at is not None else message.edited_at
    return changed_at is not None and (message.sent_at is None or changed_at > message.sent_at)


def _how_to_answer(about: HandOff) -> Iterator[Block]:
    conversation, capability = about.letter.conversation, about.letter.capability
    place = wording.place(conversation)
    yield heading("How to answer")
    if not capability.replies:
        yield words(f"This cannot be answered by mail: {place} takes no answers from programs here.")
        yield from _answer_there(conversation, _link(about))
        return
    public = conversation.visibility is Visibility.PUBLIC
    readers = "PUBLICLY, for everyone to read" if public else "privately, for the customer alone"
    yield words(
        f"Just answer this mail. Your text is posted on {place} as {header_text(about.letter.company)}: {readers}.",
        f"It may have {wording.length_limit(capability)}. Attachments are not posted.",
        "There is room for one answer only: a second is not posted." if capability.single_slot else "",
        "Quoted text and signature are left out. You hear from us only if it could not be posted.",
        "Only your own address may answer this mail; a colleague answers from their own copy.",
        f"If you have answered on {place} itself, reply to this mail with the one word done.",
    )
