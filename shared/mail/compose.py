"""Mail to agents: text first, with a plain HTML part that says the same."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.exchange import Capability
from shared.domain.notices import Mail, Notice
from shared.domain.policy import Agent
from shared.domain.records import Conversation, Message, Obligation, Send


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """What an agent is told about a conversation, and how the answer finds its way."""

    conversation: Conversation
    fresh: tuple[Message, ...]  # what the agent was not told of yet
    earlier: tuple[Message, ...]  # what was said before
    obligation: Obligation | None
    agent: Agent
    company: str
    zone: str  # IANA name: times are shown in it
    capability: Capability
    reply_to: str  # the signed reply address
    sender: str  # bare address of the desk
    mail_domain: str
    acknowledged: str | None  # the automatic acknowledgement the customer got, in its words


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A text of ours that did not simply arrive, and whom to tell."""

    send: Send
    conversation: Conversation
    agent: Agent
    company: str
    zone: str
    capability: Capability
    reply_to: str
    sender: str
    mail_domain: str


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


def hand_off(about: HandOff) -> Mail:
    """The mail that hands a conversation to an agent."""
    raise NotImplementedError


def warning(about: HandOff) -> Mail:
    """The mail that says an answer is due soon."""
    raise NotImplementedError


def escalation(about: HandOff) -> Mail:
    """The mail that says the time for an answer has passed."""
    raise NotImplementedError


def told(about: Settled) -> Mail:
    """The mail that says a text of ours failed, was withheld, or may or may not be on the platform."""
    raise NotImplementedError


def returned(about: Refused) -> Mail:
    """The mail that gives an agent's answer back, with the reason."""
    raise NotImplementedError


def notice(kind: str, conversation: Conversation, obligation: Obligation | None = None) -> Notice:
    """The short word to subscribers of the fan-out topic: ids and times, never a customer's words or name."""
    raise NotImplementedError
