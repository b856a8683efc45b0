"""Telling people: hand-offs, warnings, escalations, and what became of a text that did not simply arrive.

Mail is at least once: each intent is cleared only after its mails were accepted, so a crash repeats a mail and loses
none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain import ledger
from shared.domain.notices import Mail
from shared.domain.policy import Agent, Policy
from shared.domain.records import (
    Conversation,
    Intent,
    Key,
    Message,
    Obligation,
    Record,
    Send,
    SendKind,
    SendState,
    State,
    conversation_key,
    message_key,
)
from shared.domain.reply_address import make
from shared.mail import compose
from shared.ports import Channels, Clock, Desk, Mailer, Notifier, Secrets
from shared.services.commit import until_settled
from shared.services.settlement import other_parts, present_obligation

MOST_EARLIER = 10  # messages of the thread's past in a mail
MOST_RECORDS = 25  # in one commit
NOT_POSTED = frozenset({SendState.FAILED, SendState.WITHHELD})


@dataclass(frozen=True, slots=True)
class Office:
    """Where our mails come from and whose policy they follow."""

    policy: Policy
    mail_domain: str

    @property
    def sender(self) -> str:
        """The address that hand-offs come from. It never posts anything: answers go to the signed reply address."""
        return f"desk@{self.mail_domain}"

    def reply_address(self, conversation: Conversation, agent: Agent, keys: tuple[bytes, ...], now: datetime) -> str:
        """The signed address at which this agent, and nobody else, answers this conversation."""
        return make(conversation.conversation_id, agent.agent_id, keys=keys, domain=self.mail_domain, now=now)


@dataclass(frozen=True, slots=True)
class People:
    """Writes to agents and to the fan-out topic."""

    desk: Desk
    mailer: Mailer
    notifier: Notifier
    channels: Channels
    secrets: Secrets
    clock: Clock
    office: Office

    def hand_off(self, message: Message) -> None:
        """Tell the agents of everything in the message's conversation that they were not told of yet."""
        conversation = self._conversation(message.conversation_id or "")
        if conversation is None:
            return
        names = tuple(dict.fromkeys((*conversation.unhanded, message.message_id)))
        fresh = self._messages(conversation, names)
        if any(m.deleted_at is None for m in fresh):
            obligation = self._open_obligation(conversation)
            self._write(conversation, fresh, obligation, self.office.policy.agents, compose.hand_off)
            self.notifier.publish(compose.notice("hand_off", conversation, obligation))
        until_settled(lambda: self._handed_off(conversation, {m.message_id for m in fresh}))

    def warn(self, obligation: Obligation) -> None:
        """Tell the agents that an answer is due soon; not if it was given meanwhile."""
        if obligation.state is State.OPEN:
            self._tell_of(obligation, "warning", self.office.policy.agents, compose.warning)

    def escalate(self, obligation: Obligation) -> None:
        """Tell the escalation contacts that an answer is overdue."""
        self._tell_of(obligation, "escalation", self.office.policy.escalate_to, compose.escalation)

    def tell(self, send: Send) -> None:
        """Tell who wrote it, or for an automatic text the agents, what became of a send."""
        conversation = self._conversation(send.conversation_id)
        if conversation is None:
            return
        others = other_parts(self.desk, send)
        arrived = send.state is SendState.SENT and send.kind is not SendKind.BY_HAND
        if arrived and not ledger.left_behind(send, others):
            return
        parts = sorted((send, *others), key=lambda part: part.part)
        link = self._link(conversation, send)
        for agent in self._concerned(send):
            letter = self._letter(conversation, agent)
            about = compose.Settled(letter=letter, send=send, parts=tuple(parts), link=link)
            self.mailer.send(compose.told(about))

    def _link(self, conversation: Conversation, send: Send) -> str | None:
        """Where a person sees what the text answers."""
        answered = self._messages(conversation, (send.in_reply_to,) if send.in_reply_to else ())
        return next((message.link for message in answered if message.link), conversation.link)

    def _tell_of(
        self,
        obligation: Obligation,
        kind: str,
        people: Sequence[Agent],
        letter: Callable[[compose.HandOff], Mail],
    ) -> None:
        conversation = self._conversation(obligation.conversation_id)
        if conversation is None:
            return
        waiting = self._messages(conversation, tuple(w.message_id for w in conversation.waiting))
        self._write(conversation, waiting, obligation, people, letter)
        self.notifier.publish(compose.notice(kind, conversation, obligation))

    def _write(
        self,
        conversation: Conversation,
        fresh: tuple[Message, ...],
        obligation: Obligation | None,
        people: Sequence[Agent],
        letter: Callable[[compose.HandOff], Mail],
    ) -> None:
        told = {m.message_id for m in fresh}
        past = self.desk.messages(conversation.conversation_id)
        earlier = tuple(m for m in past if m.message_id not in told)[-MOST_EARLIER:]
        acknowledged = self._acknowledged(conversation, fresh)
        for agent in people:
            about = compose.HandOff(
                letter=self._letter(conversation, agent),
                fresh=fresh,
                earlier=earlier,
                obligation=obligation,
                acknowledged=acknowledged,
            )
            self.mailer.send(letter(about))

    def _handed_off(self, conversation: Conversation, handed: set[str]) -> None:
        keys = [_message_key(conversation, name) for name in sorted(handed)]
        found = self.desk.read([conversation.key, *keys])
        records: list[Record] = [
            replace(m, intents=tuple(i for i in m.intents if i is not Intent.HAND_OFF))
            for m in (found.get(key) for key in keys)
            if isinstance(m, Message) and Intent.HAND_OFF in m.intents
        ]
        head = found.get(conversation.key)
        if isinstance(head, Conversation) and handed.intersection(head.unhanded):
            left = tuple(name for name in head.unhanded if name not in handed)
            records.append(replace(head, unhanded=left))
        for start in range(0, len(records), MOST_RECORDS):
            self.desk.commit(records[start : start + MOST_RECORDS])

    def _acknowledged(self, conversation: Conversation, fresh: tuple[Message, ...]) -> str | None:
        """What the customer is told automatically about these messages: nothing that is certainly not posted, and
        nothing of a closed period that was over before they came.
        """
        until = conversation.acknowledged_until
        if until is None or not any(m.received_at is not None and m.received_at < until for m in fresh):
            return None
        sends = self.desk.sends(conversation.conversation_id)
        newest = next((s for s in reversed(sends) if s.kind is SendKind.ACKNOWLEDGEMENT), None)
        return None if newest is None or newest.state in NOT_POSTED else newest.text

    def _concerned(self, send: Send) -> Sequence[Agent]:
        policy = self.office.policy
        if send.kind is SendKind.ACKNOWLEDGEMENT or send.agent is None:
            return policy.agents
        writer = policy.agent(Agent(send.agent).agent_id)
        return (writer,) if writer is not None else policy.agents

    def _conversation(self, conversation_id: str) -> Conversation | None:
        key = conversation_key(conversation_id)
        found = self.desk.read([key]).get(key)
        return found if isinstance(found, Conversation) else None

    def _messages(self, conversation: Conversation, names: Sequence[str]) -> tuple[Message, ...]:
        if not names:
            return ()
        keys: list[Key] = [_message_key(conversation, name) for name in names]
        found = self.desk.read(keys)
        return tuple(m for m in (found.get(key) for key in keys) if isinstance(m, Message))

    def _open_obligation(self, conversation: Conversation) -> Obligation | None:
        present = present_obligation(self.desk, conversation)
        return present if present is not None and present.state is State.OPEN else None

    def _letter(self, conversation: Conversation, agent: Agent) -> compose.Letter:
        return compose.Letter(
            conversation=conversation,
            agent=agent,
            company=self.office.policy.company,
            zone=self.office.policy.calendar(conversation.channel, conversation.surface).zone,
            capability=self.channels(conversation.channel).CAPABILITIES[conversation.surface],
            reply_to=self.office.reply_address(conversation, agent, self.secrets.reply_keys(), self.clock.now()),
            sender=self.office.sender,
            mail_domain=self.office.mail_domain,
        )


def _message_key(conversation: Conversation, message_id: str) -> Key:
    return message_key(conversation.channel, conversation.account_id, message_id)
