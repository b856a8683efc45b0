"""Step 6: an agent's mail becomes a reply on the platform. Every mail ends as posted, returned, ignored or kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain import ledger
from shared.domain.length import length
from shared.domain.policy import Agent
from shared.domain.records import (
    Author,
    Conversation,
    Intent,
    Message,
    Quarantined,
    Send,
    SendKind,
    SendState,
    conversation_key,
    short_hash,
)
from shared.domain.reply_address import ReplyAddress, ReplyAddressRejected, read
from shared.errors import Conflict
from shared.mail import compose
from shared.mail.read import AgentMail, read_mail
from shared.mail.receipt import Receipt, SetupNotification, Verdict, read_receipt
from shared.ports import Archive, Channels, Clock, Desk, Inbox, Mailer, Secrets
from shared.services.commit import until_settled
from shared.services.people import Office

ANSWER_AGAIN = "Please answer the hand-off mail once more, from the mailbox it was sent to."
LOOK_FIRST = "Please look on the platform. If they are not there, answer this mail in other words, or in ten minutes."
SAME_TEXT_WITHIN = timedelta(minutes=10)


class Ended(StrEnum):
    """How a mail ended."""

    ACCEPTED = "accepted"  # on the ledger: it will be posted once, or the agent is told why not
    COPY = "copy"  # of a mail that was taken before
    RETURNED = "returned"  # to the agent, with the reason and the text
    KEPT = "kept"  # in quarantine with the reason; nobody is mailed, for nobody has proved who they are
    IGNORED = "ignored"  # the receipt rule's own set-up note


class _Refused(Exception):
    """Why a mail is not posted; with the agent, where the sender is proven to be one and can be told."""

    def __init__(
        self, reason: str, agent: Agent | None = None, *, advice: str = ANSWER_AGAIN, about: Conversation | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.agent = agent
        self.advice = advice
        self.about = about


@dataclass(frozen=True, slots=True)
class AgentMails:
    """Takes the mails of agents."""

    desk: Desk
    mails: Archive
    mailer: Mailer
    channels: Channels
    secrets: Secrets
    clock: Clock
    office: Office
    inbox: Inbox

    def take(self, notification: str) -> Ended:
        """Take one receipt notification. Raises Unavailable: taking it again is harmless. Raises Unreadable."""
        try:
            receipt = read_receipt(notification)
        except SetupNotification:
            return Ended.IGNORED
        mail = read_mail(self.mails.get(receipt.object_key))
        try:
            address, agent = self._proven(receipt, mail)
            return until_settled(lambda: self._accept(address, agent, mail, receipt))
        except _Refused as refusal:
            return self._refuse(receipt, mail, refusal)

    def _proven(self, receipt: Receipt, mail: AgentMail) -> tuple[ReplyAddress, Agent]:
        """Who wrote, and to which conversation: by SES's own verdicts and the signed address, never by the text."""
        if Verdict.FAIL in {receipt.virus, receipt.spam}:
            raise _Refused("SES found a virus or spam in it.")
        if receipt.dmarc is not Verdict.PASS:
            raise _Refused(f"Its sender is not proven: DMARC says {receipt.dmarc}.")
        if mail.from_address is None:
            raise _Refused(mail.from_fault or "It does not say clearly who wrote it.")
        if mail.automatic is not None:
            raise _Refused(f"A machine wrote it: {mail.automatic}.")
        agent = self._agent(mail.from_address)
        ours = [r for r in receipt.recipients if r.casefold().endswith("@" + self.office.mail_domain.casefold())]
        if len(ours) != 1:
            raise _Refused("It went to no conversation, or to several at once.", agent)
        try:
            address = read(
                ours[0], keys=self.secrets.reply_keys(), domain=self.office.mail_domain, now=self.clock.now()
            )
        except ReplyAddressRejected as error:
            raise _Refused(str(error), agent) from error
        if agent is None or agent.agent_id != address.agent_id:
            raise _Refused("It does not come from the person the hand-off was sent to.", agent)
        return address, agent

    def _conversation(self, address: ReplyAddress, agent: Agent) -> Conversation:
        key = conversation_key(address.conversation_id)
        found = self.desk.read([key]).get(key)
        if not isinstance(found, Conversation):
            raise _Refused("Its conversation is not on the desk any more.", agent)
        return found

    def _accept(self, address: ReplyAddress, agent: Agent, mail: AgentMail, receipt: Receipt) -> Ended:
        conversation = self._conversation(address, agent)
        send = self._reply(conversation, agent, mail, receipt)
        earlier = self._earlier(send)
        if earlier is not None and earlier.state is SendState.UNKNOWN and earlier.send_id != send.send_id:
            reason = "The same words may be on the platform already: its answer to your first mail was lost."
            raise _Refused(reason, agent, advice=LOOK_FIRST, about=conversation)
        if earlier is not None:
            return Ended.COPY
        self._check(send, conversation, agent)
        # The conversation is stored again, so that of two copies that are taken at once the second sees the first.
        self.desk.commit([send, conversation])
        return Ended.ACCEPTED

    def _reply(self, conversation: Conversation, agent: Agent, mail: AgentMail, receipt: Receipt) -> Send:
        mail_id = mail.message_id or f"ses-{receipt.ses_id}"
        written_at = min(receipt.received_at, self.clock.now())
        return Send(
            conversation_id=conversation.conversation_id,
            send_id=ledger.reply_id(agent.address, mail_id),
            kind=SendKind.REPLY,
            text=mail.text,
            in_reply_to=self._answered(conversation, written_at),
            written_at=written_at,
            agent=agent.address,
            mail_id=mail.message_id,
            intents=(Intent.POST,),
        )

    def _answered(self, conversation: Conversation, written_at: datetime) -> str | None:
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

    def _earlier(self, send: Send) -> Send | None:
        """What this mail repeats: the same mail, or the same words of the same person within minutes, unless those
        certainly failed.
        """
        sends = self.desk.sends(send.conversation_id)
        same_mail = (known for known in sends if known.send_id == send.send_id)
        return next(same_mail, None) or next((known for known in sends if _says_the_same(known, send)), None)

    def _check(self, send: Send, conversation: Conversation, agent: Agent) -> None:
        capability = self.channels(conversation.channel).CAPABILITIES[conversation.surface]
        if not _is_visible(send.text):
            reason = "It holds no text of your own above the quoted mail."
            raise _Refused(reason, agent, advice="Please answer this mail, above the line.", about=conversation)
        if not capability.replies:
            advice = "Please answer the customer on the platform itself."
            raise _Refused("The platform takes no answers here.", agent, advice=advice, about=conversation)
        size = length(send.text, capability.unit)
        if size > capability.limit:
            reason = f"It has {size} {capability.unit}; the platform takes at most {capability.limit}."
            raise _Refused(reason, agent, advice="Please answer this mail with a shorter text.", about=conversation)

    def _refuse(self, receipt: Receipt, mail: AgentMail, refusal: _Refused) -> Ended:
        kept = Quarantined(
            quarantine_id=short_hash("mail", receipt.ses_id),
            source="mail",
            stage="read",
            reason=refusal.reason,
            archive_key=receipt.object_key,
            size=0,
            received_at=receipt.received_at,
        )
        if kept.key in self.desk.read([kept.key]):
            return Ended.COPY
        if refusal.agent is not None:
            self.mailer.send(compose.returned(self._returned(mail, refusal, refusal.agent)))
        self._keep(kept)
        return Ended.KEPT if refusal.agent is None else Ended.RETURNED

    def _returned(self, mail: AgentMail, refusal: _Refused, agent: Agent) -> compose.Refused:
        return compose.Refused(
            conversation=refusal.about,
            agent=agent,
            reason=refusal.reason,
            advice=refusal.advice,
            text=mail.text,
            mail_id=mail.message_id,
            company=self.office.policy.company,
            reply_to=self._reply_to(refusal.about, agent),
            sender=self.office.sender,
            mail_domain=self.office.mail_domain,
        )

    def _reply_to(self, conversation: Conversation | None, agent: Agent) -> str | None:
        if conversation is None:
            return None
        return self.office.reply_address(conversation, agent, self.secrets.reply_keys(), self.clock.now())

    def _keep(self, kept: Quarantined) -> None:
        try:
            self.desk.commit([kept])
        except Conflict:
            return  # a copy of the notification was quicker

    def _agent(self, address: str) -> Agent | None:
        known = {a.address.casefold(): a for a in (*self.office.policy.escalate_to, *self.office.policy.agents)}
        return known.get(address.casefold())


def _says_the_same(known: Send, send: Send) -> bool:
    soon = abs(known.written_at - send.written_at) < SAME_TEXT_WITHIN
    return known.state is not SendState.FAILED and known.agent == send.agent and known.text == send.text and soon


def _had_come(message: Message, written_at: datetime) -> bool:
    by_customer = message.author is Author.CUSTOMER
    return by_customer and message.received_at is not None and message.received_at <= written_at


def _is_visible(text: str) -> bool:
    """Whether a customer would see anything: mail programs leave joiners and other characters without a shape."""
    return any(character.isprintable() and not character.isspace() for character in text)
