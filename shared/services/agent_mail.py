"""Step 6: an agent's mail becomes a reply on the platform, any other goes to the inbox. Every mail ends as posted,
delivered, returned, ignored or kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.policy import Agent
from shared.domain.records import Conversation, Quarantined, short_hash
from shared.domain.reply_address import ReplyAddress, ReplyAddressRejected, is_one, read
from shared.errors import Conflict
from shared.mail import compose
from shared.mail.read import AgentMail, read_mail
from shared.mail.receipt import Receipt, SetupNotification, Verdict, read_receipt
from shared.ports import Archive, Channels, Clock, Desk, Inbox, Mailer, Secrets
from shared.services.answering import Answering, Ended, NotTaken, Words
from shared.services.commit import until_settled
from shared.services.people import Office
from shared.services.received_mail import ReceivedMails

__all__ = ["AgentMails", "Ended"]


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
        mime = self.mails.get(receipt.object_key)
        mail = read_mail(mime)
        try:
            ended = None if self._is_answer(receipt, mail) else self._received().take(receipt, mime)
            if ended is not None:
                return ended
            address, agent = self._proven(receipt, mail)
            words = self._words(address, agent, mail, receipt)
            return until_settled(lambda: self._answering().accept(words))
        except NotTaken as refusal:
            return self._refuse(receipt, mail, refusal)

    def _is_answer(self, receipt: Receipt, mail: AgentMail) -> bool:
        """Whether it says that an agent answers with it: then it is no customer's, even if the desk is copied."""
        return self._agent(mail.from_address or "") is not None and bool(self._reply_addresses(receipt))

    def _reply_addresses(self, receipt: Receipt) -> list[str]:
        return [r for r in receipt.recipients if is_one(r, self.office.mail_domain)]

    def _proven(self, receipt: Receipt, mail: AgentMail) -> tuple[ReplyAddress, Agent]:
        """Who wrote, and to which conversation: by SES's own verdicts and the signed address, never by the text."""
        if Verdict.FAIL in {receipt.virus, receipt.spam}:
            raise NotTaken("SES found a virus or spam in it.")
        if receipt.dmarc is not Verdict.PASS:
            raise NotTaken(f"Its sender is not proven: DMARC says {receipt.dmarc}.")
        if mail.from_address is None:
            raise NotTaken(mail.from_fault or "It does not say clearly who wrote it.")
        if mail.automatic is not None:
            raise NotTaken(f"A machine wrote it: {mail.automatic}")
        agent = self._agent(mail.from_address)
        domain = "@" + self.office.mail_domain.casefold()
        ours = self._reply_addresses(receipt) or [r for r in receipt.recipients if r.casefold().endswith(domain)]
        if len(ours) != 1:
            raise NotTaken("It went to no conversation, or to several at once.", agent)
        try:
            address = read(
                ours[0], keys=self.secrets.reply_keys(), domain=self.office.mail_domain, now=self.clock.now()
            )
        except ReplyAddressRejected as error:
            raise NotTaken(str(error), agent) from error
        if agent is None or agent.agent_id != address.agent_id:
            raise NotTaken("It does not come from the person the hand-off was sent to.", agent)
        return address, agent

    def _words(self, address: ReplyAddress, agent: Agent, mail: AgentMail, receipt: Receipt) -> Words:
        return Words(
            conversation_id=address.conversation_id,
            agent=agent,
            text=mail.text,
            mail_id=mail.message_id or f"ses-{receipt.ses_id}",
            message_id=mail.message_id,
            written_at=min(receipt.received_at, self.clock.now()),
        )

    def _received(self) -> ReceivedMails:
        return ReceivedMails(self.desk, self.inbox, self.secrets, self.clock, self.office.mail_domain)

    def _answering(self) -> Answering:
        return Answering(self.desk, self.channels, self.secrets, self.office.policy, self.clock)

    def _refuse(self, receipt: Receipt, mail: AgentMail, refusal: NotTaken) -> Ended:
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

    def _returned(self, mail: AgentMail, refusal: NotTaken, agent: Agent) -> compose.Refused:
        return compose.Refused(
            conversation=refusal.about,
            agent=agent,
            reason=refusal.reason,
            advice=refusal.advice,
            text=mail.text,
            by_hand=refusal.by_hand,
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
