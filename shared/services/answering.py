"""What an agent's words become: entries of the ledger, the note that it was answered by hand, or a reason why not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain import conversation as conversations
from shared.domain import ledger
from shared.domain.exchange import Capability, Refusal, Refused
from shared.domain.length import length
from shared.domain.policy import Agent, Policy
from shared.domain.records import Author, Conversation, Intent, Message, Send, SendKind, SendState, conversation_key
from shared.domain.splitting import split
from shared.errors import Misconfigured
from shared.mail.done import says_done
from shared.ports import Channels, Clock, Desk, Secrets
from shared.services.settlement import settled_records

ANSWER_AGAIN = "Please answer the hand-off mail once more, from the mailbox it was sent to."
LOOK_FIRST = "Please look on the platform. If they are not there, answer this mail in other words, or in ten minutes."
SHORTER = "Please answer this mail with a shorter text."
SAME_TEXT_WITHIN = timedelta(minutes=10)
_GONE = frozenset({SendState.FAILED, SendState.WITHHELD})
_MOST_QUOTED = 200


class Ended(StrEnum):
    """How a mail ended."""

    ACCEPTED = "accepted"  # on the ledger: it will be posted once, or the agent is told why not; or noted as done
    COPY = "copy"  # of a mail that was taken before
    RETURNED = "returned"  # to the agent, with the reason and the text
    KEPT = "kept"  # in quarantine with the reason; nobody is mailed, for nobody has proved who they are
    IGNORED = "ignored"  # the receipt rule's own set-up note
    DELIVERED = "delivered"  # to the inbox: a customer wrote it, or a platform about one


class NotTaken(Exception):
    """Why a mail is not posted; with the agent, where the sender is proven to be one and can be told."""

    def __init__(
        self,
        reason: str,
        agent: Agent | None = None,
        *,
        advice: str = ANSWER_AGAIN,
        about: Conversation | None = None,
        by_hand: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.agent = agent
        self.advice = advice
        self.about = about
        self.by_hand = by_hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What an agent wrote, to which conversation, and when it reached us. `mail_id` is the same in every copy."""

    conversation_id: str
    agent: Agent
    text: str
    mail_id: str
    message_id: str | None  # for the answer in its thread
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Answering:
    """Puts agents' words on the ledger."""

    desk: Desk
    channels: Channels
    secrets: Secrets
    policy: Policy
    clock: Clock

    def accept(self, words: Words) -> Ended:
        """Decide and commit. Raises NotTaken; Conflict, for the caller to try again; Unavailable."""
        conversation = self._conversation(words)
        send = self._reply(conversation, words)
        sends = self.desk.sends(send.conversation_id)
        if any(known.send_id == send.send_id for known in sends):
            return Ended.COPY
        if says_done(words.text, words.agent.name):
            return self._done(conversation, send)
        parts = self._parts(send, conversation, words.agent)
        if self._repeats(parts, sends, conversation, words.agent):
            return Ended.COPY
        self._check_slot(send, sends, conversation, words.agent)
        self._ask_channel(parts[0], conversation, words.agent)
        # The conversation is stored again, so that of two copies that are taken at once the second sees the first.
        self.desk.commit([*parts, conversation])
        return Ended.ACCEPTED

    def _conversation(self, words: Words) -> Conversation:
        key = conversation_key(words.conversation_id)
        found = self.desk.read([key]).get(key)
        if not isinstance(found, Conversation):
            raise NotTaken("Its conversation is not on the desk any more.", words.agent)
        return found

    def _reply(self, conversation: Conversation, words: Words) -> Send:
        return Send(
            conversation_id=conversation.conversation_id,
            send_id=ledger.reply_id(words.agent.address, words.mail_id),
            kind=SendKind.REPLY,
            text=words.text,
            in_reply_to=self.answered(conversation, words.written_at),
            written_at=words.written_at,
            agent=words.agent.address,
            mail_id=words.message_id,
            single_slot=self._capability(conversation).single_slot,
            intents=(Intent.POST,),
        )

    def answered(self, conversation: Conversation, written_at: datetime) -> str | None:
        """The newest message that had reached us when the agent wrote, of those that wait if any does
        (infra/adr/0011). One that was taken back is named only where there is no other: the platform refuses it then,
        which is better than an answer below words it does not answer.
        """
        waiting = [w.message_id for w in conversation.waiting if w.received_at <= written_at]
        if waiting:
            return waiting[-1]
        past = [m for m in self.desk.messages(conversation.conversation_id) if _had_come(m, written_at)]
        standing = [m for m in past if m.deleted_at is None]
        return next((m.message_id for m in reversed(standing or past)), conversation.last_message_id)

    def _done(self, conversation: Conversation, send: Send) -> Ended:
        """The customer was answered on the platform: what had come when the agent wrote so waits no more.

        Where the text could have been meant for the customer, the agent is told that it was not posted.
        """
        now = self.clock.now()
        told = (Intent.TELL,) if self._capability(conversation).replies else ()
        noted = ledger.answered_by_hand(replace(send, intents=told), now)
        after = conversations.answered_by_mail(conversation, send.written_at, now)
        self.desk.commit([noted, *settled_records(self.desk, conversation, after, self.policy, now)])
        return Ended.ACCEPTED

    # -- what may be posted -------------------------------------------------------------------------------------------

    def _parts(self, send: Send, conversation: Conversation, agent: Agent) -> tuple[Send, ...]:
        """The entries of the text: one, or one for each post it is split over."""
        capability = self._capability(conversation)
        if not _is_visible(send.text):
            reason = "It holds no text of your own above the quoted mail."
            raise NotTaken(reason, agent, advice="Please answer this mail, above the line.", about=conversation)
        if not capability.replies:
            raise NotTaken("The platform takes no answers here.", agent, advice="", about=conversation, by_hand=True)
        if length(send.text, capability.unit) <= capability.limit:
            return (send,)
        parts = 1 if capability.single_slot else min(capability.parts, ledger.MOST_PARTS)
        texts = split(send.text, capability.limit, capability.unit, parts)
        if texts is None:
            raise NotTaken(_too_long(send.text, capability, parts), agent, advice=SHORTER, about=conversation)
        return ledger.in_parts(send, texts)

    def _repeats(
        self, parts: tuple[Send, ...], sends: tuple[Send, ...], conversation: Conversation, agent: Agent
    ) -> bool:
        """Whether the same person said the same words minutes ago, unless those certainly failed.

        Raises NotTaken where some of them may be on the platform.
        """
        for known in sends:
            same = tuple(s for s in sends if ledger.whole_id(s) == known.send_id)
            if not _says_the_same(same, parts):
                continue
            states = {part.state for part in same}
            if SendState.UNKNOWN in states:
                reason = "The same words may be on the platform already: its answer to your first mail was lost."
                raise NotTaken(reason, agent, advice=LOOK_FIRST, about=conversation)
            if not states & _GONE:
                return True
            if SendState.SENT in states:
                there = ", ".join(str(part.part) for part in same if part.state is SendState.SENT)
                reason = f"The beginning of the same words is on the platform already: part {there} of {len(same)}."
                advice = "Please answer this mail with what is missing only."
                raise NotTaken(reason, agent, advice=advice, about=conversation)
        return False

    def _check_slot(self, send: Send, sends: tuple[Send, ...], conversation: Conversation, agent: Agent) -> None:
        """Refuse a second answer where it would replace the first."""
        first = self._first_answer(send, sends, conversation) if send.single_slot else None
        if first is not None:
            reason = f"There is room for one answer here, and it is taken. {first}"
            advice = "It was not replaced. If it has to say something else, change it on the platform itself."
            raise NotTaken(reason, agent, advice=advice, about=conversation, by_hand=True)

    def _first_answer(self, send: Send, sends: tuple[Send, ...], conversation: Conversation) -> str | None:
        """Who answered already and what they said, as a sentence."""
        ours = (s for s in sends if s.kind is SendKind.REPLY and s.in_reply_to == send.in_reply_to)
        standing = next((s for s in ours if s.state not in _GONE), None)
        if standing is not None:
            return f'{standing.agent or "Somebody"} answered: "{_excerpt(standing.text)}"'
        waits = any(w.message_id == send.in_reply_to for w in conversation.waiting)
        if waits or conversation.last_person_at is None:
            return None
        past = self.desk.messages(conversation.conversation_id)
        by_hand = next((m for m in reversed(past) if m.author is Author.PERSON and m.deleted_at is None), None)
        if by_hand is None:
            return "A person answered it on the platform itself."
        return f'A person answered: "{_excerpt(by_hand.text or "")}"'

    def _ask_channel(self, send: Send, conversation: Conversation, agent: Agent) -> None:
        """Let the channel say now what it would say when it is to be posted: a closed window, an account without a
        token. What only time can mend is left to the lane.
        """
        channel = self.channels(conversation.channel)
        try:
            secret = self.secrets.account(conversation.channel, conversation.account_id)
        except Misconfigured:
            return  # so it will fail on its lane, unless the account is put right before
        answer = channel.reply(ledger.outbound(send, conversation), secret, self.clock.now())
        if isinstance(answer, Refused) and answer.refusal is not Refusal.LATER:
            by_hand = answer.refusal is Refusal.BY_HAND
            advice = "" if by_hand else "Please answer this mail again when that is put right."
            raise NotTaken(answer.reason, agent, advice=advice, about=conversation, by_hand=by_hand)

    def _capability(self, conversation: Conversation) -> Capability:
        return self.channels(conversation.channel).CAPABILITIES[conversation.surface]


def _says_the_same(known: tuple[Send, ...], parts: tuple[Send, ...]) -> bool:
    """Whether they are the same words of the same person within minutes; `known` are the parts of one text."""
    if len(known) != len(parts) or known[0].kind is not SendKind.REPLY:
        return False
    soon = abs(known[0].written_at - parts[0].written_at) < SAME_TEXT_WITHIN
    by_same = known[0].agent == parts[0].agent
    return soon and by_same and {(k.part, k.text) for k in known} == {(p.part, p.text) for p in parts}


def _had_come(message: Message, written_at: datetime) -> bool:
    by_customer = message.author is Author.CUSTOMER
    return by_customer and message.received_at is not None and message.received_at <= written_at


def _is_visible(text: str) -> bool:
    """Whether a customer would see anything: mail programs leave joiners and other characters without a shape."""
    return any(character.isprintable() and not character.isspace() for character in text)


def _too_long(text: str, capability: Capability, parts: int) -> str:
    size = length(text, capability.unit)
    most = f"{parts} posts of {capability.limit}" if parts > 1 else f"{capability.limit}"
    return f"It has {size} {capability.unit}; the platform takes at most {most}."


def _excerpt(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _MOST_QUOTED else f"{words[:_MOST_QUOTED]}..."
