"""Mail that is no agent's answer: what a customer wrote to an address of ours, or a platform wrote about one.

It goes to the inbox as a delivery of the channel `email` or `notice`, and from there like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.events import iso
from shared.domain.exchange import Delivery, Secret
from shared.domain.records import Message, conversation_key, message_key, short_hash
from shared.mail.read import Letter, read_letter
from shared.mail.receipt import Receipt, Verdict
from shared.ports import Clock, Desk, Inbox, Secrets
from shared.services.answering import Ended, NotTaken

EMAIL, NOTICE = "email", "notice"
MOST_OPENED, WITHIN = 5, timedelta(hours=24)  # conversations of one sender before they get no automatic answer
_TO_AGENTS = "r+"  # the beginning of a reply address (shared/domain/reply_address.py)
_SES_HOST = ".amazonses.com>"  # of the Message-IDs that SES gives our own mails


@dataclass(frozen=True, slots=True)
class ReceivedMails:
    """Sorts mail by the address it came to."""

    desk: Desk
    inbox: Inbox
    secrets: Secrets
    clock: Clock
    mail_domain: str

    def take(self, receipt: Receipt, mime: bytes) -> Ended | None:
        """Put it on the inbox; None where it is for agents. Raises NotTaken, Unavailable: taking it again is fine."""
        platforms, accounts = self._platforms(receipt), self._accounts(receipt)
        if not platforms and not accounts:
            return None
        if Verdict.FAIL in {receipt.virus, receipt.spam}:
            raise NotTaken("SES found a virus or spam in it.")
        letter = read_letter(mime)
        if letter.from_address is None:
            raise NotTaken(letter.from_fault or "It does not say clearly who wrote it.")
        for platform in platforms:
            self._put(NOTICE, platform, receipt, letter, self._notice(platform, receipt, letter))
        for account in accounts:
            self._put(EMAIL, account.account_id, receipt, letter, self._mail(account, receipt, letter))
        return Ended.DELIVERED

    # -- for whom -----------------------------------------------------------------------------------------------------

    def _local_parts(self, receipt: Receipt) -> Iterator[str]:
        """What stands before our domain in the addresses of the envelope; the header proves nothing."""
        for recipient in receipt.recipients:
            local, _, domain = recipient.strip().casefold().rpartition("@")
            if domain == self.mail_domain.casefold() and not local.startswith(_TO_AGENTS):
                yield local

    def _platforms(self, receipt: Receipt) -> tuple[str, ...]:
        named = (local.partition("+") for local in self._local_parts(receipt))
        return tuple(dict.fromkeys(detail for name, _, detail in named if name == NOTICE and detail))

    def _accounts(self, receipt: Receipt) -> tuple[Secret, ...]:
        """The accounts of the channel whose local part it came to, with or without a detail (RFC 5233)."""
        locals_ = list(self._local_parts(receipt))
        if not locals_:
            return ()
        named = {*locals_, *(local.partition("+")[0] for local in locals_)}
        return tuple(one for one in self.secrets.channel(EMAIL) if one.account_id.casefold() in named)

    # -- what it says -------------------------------------------------------------------------------------------------

    def _mail(self, account: Secret, receipt: Receipt, letter: Letter) -> dict[str, object]:
        """A customer's mail. One whose sender is not proven is taken too, and marked."""
        sender, authenticated = letter.from_address or "", receipt.dmarc is Verdict.PASS
        if sender.rpartition("@")[2] == self.mail_domain.casefold():
            raise NotTaken("It is one of our own mails come back.")
        if letter.automatic is not None:
            raise NotTaken(f"A machine wrote it: {letter.automatic}")
        own = sender == account.credentials.get("address", "").strip().casefold()
        if own and not authenticated:
            raise NotTaken(f"It says that it comes from our own address; DMARC says {receipt.dmarc}.")
        customer = letter.reply_to or sender
        return {
            "type": "mail",
            "thread": self._our_thread(account.account_id, letter),
            "reply_to": letter.reply_to,
            "text": letter.text,
            "attachments": list(letter.attachments),
            "authenticated": authenticated,
            "outbound": own,
            "quiet": None if own else self._why_quiet(account.account_id, customer, letter, receipt),
        }

    def _why_quiet(self, account_id: str, customer: str, letter: Letter, receipt: Receipt) -> str | None:
        """Why no automatic answer may go there: to a forged address it is spam, to a machine the start of a loop."""
        if receipt.dmarc is not Verdict.PASS:
            return f"Its sender is not proven: DMARC says {receipt.dmarc}."
        if customer.rpartition("@")[2] != (letter.from_address or "").rpartition("@")[2]:
            return "Its answer goes to another address than its sender's."
        since = self.clock.now() - WITHIN
        opened = self.desk.conversations(EMAIL, account_id, customer)
        lately = sum(1 for conversation in opened if conversation.opened_at > since)
        return f"Its sender began {lately} conversations in a day." if lately >= MOST_OPENED else None

    def _our_thread(self, account_id: str, letter: Letter) -> str | None:
        """The thread of our own mail that this one answers. SES gives our mails ids of its own, and some programs name
        only the mail they answer: then nothing else tells the thread.
        """
        named = dict.fromkeys(n for n in (*letter.references[:1], letter.in_reply_to) if n and n.endswith(_SES_HOST))
        keys = [message_key(EMAIL, account_id, name.strip("<>").partition("@")[0]) for name in named]
        found = self.desk.read(keys) if keys else {}
        ours = next((m for m in found.values() if isinstance(m, Message) and m.conversation_id), None)
        if ours is None:
            return None
        head_at = conversation_key(ours.conversation_id or "")
        head = self.desk.read([head_at]).get(head_at)
        return getattr(head, "thread_id", None)

    def _notice(self, platform: str, receipt: Receipt, letter: Letter) -> dict[str, object]:
        """A platform's mail about something that was said. Whether its sender is the platform, the channel knows."""
        if letter.answers_us is not None:
            raise NotTaken(f"It is no notice: {letter.answers_us}")
        accounts = self.secrets.channel(NOTICE)
        account = next((one for one in accounts if one.account_id.casefold() == platform), None)
        known: Mapping[str, str] = account.credentials if account is not None else {}
        return {
            "type": "notice",
            "platform": platform,
            "text": letter.whole,
            "dmarc": str(receipt.dmarc),
            "senders": _listed(known.get("senders", "")),
            "forwarder": known.get("forwarder", "").strip().casefold() or None,
        }

    def _put(self, channel: str, account_id: str, receipt: Receipt, letter: Letter, says: Mapping[str, object]) -> None:
        body = {
            **says,
            "account_id": account_id,
            "message_id": letter.message_id or f"<{receipt.ses_id}@ses>",
            "from": {"name": letter.from_name or None, "address": letter.from_address},
            "to": [one for one in letter.to if one.rpartition("@")[2] != self.mail_domain.casefold()],
            "subject": letter.subject,
            "references": list(letter.references),
            "in_reply_to": letter.in_reply_to,
            "date": iso(receipt.received_at),
            "object_key": receipt.object_key,
        }
        self.inbox.put(
            Delivery(
                delivery_id=short_hash(channel, account_id, receipt.ses_id),
                channel=channel,
                body=json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
                received_at=receipt.received_at,
            )
        )


def _listed(value: str) -> list[str]:
    """The entries of a list written with commas or blanks."""
    return [entry.casefold() for entry in value.replace(",", " ").split()]
