"""An agent at their mailbox: a real hand-off is answered as mail programs do it, and SES tells of the answer."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.message import EmailMessage
from itertools import count

from shared.domain.notices import Mail
from shared.domain.records import Send, SendKind
from shared.services.agent_mail import Ended
from tests.unit.mail.build import opened, text_of
from tests.unit.services.stage import ANA, FRIDAY_NOON, Stage, message

VERDICTS = ("spam", "virus", "spf", "dkim", "dmarc")
OURS = "in.company.example"


def receipt(ses_id: str, recipients: tuple[str, ...], at: datetime, **verdicts: str) -> str:
    """The notification of an S3 action (SES developer guide, "Contents of notifications")."""
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    known = {f"{name}Verdict": {"status": verdicts.get(name, "PASS")} for name in VERDICTS}
    where = {"type": "S3", "bucketName": "inbound", "objectKey": f"in/{ses_id}"}
    received = {"timestamp": stamp, "recipients": list(recipients), "action": where, **known}
    mail = {"timestamp": stamp, "source": ANA.address, "messageId": ses_id, "destination": list(recipients)}
    return json.dumps({"notificationType": "Received", "receipt": received, "mail": mail})


def answer_mime(mail: Mail, text: str, number: int = 1, **headers: str | None) -> bytes:
    """The answer as a web mailer sends it: text and HTML, ours quoted below. A header that is None is left out."""
    hand_off, answer = opened(mail), EmailMessage(policy=policy.SMTP)
    fields: dict[str, str | None] = {
        "From": f"Ana <{ANA.address}>",
        "To": str(hand_off["Reply-To"]),
        "Subject": f"Re: {hand_off['Subject']}",
        "Message-ID": f"<answer-{number}@company.example>",
        "In-Reply-To": str(hand_off["In-Reply-To"]),
    }
    for name, value in (fields | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        if value is not None:
            answer[name] = value
    attribution = f"On Fri, 20 Nov 2026 at 13:00, {hand_off['From']} wrote:"
    quoted = "\n".join(f"> {line}".rstrip() for line in text_of(mail).split("\n"))
    answer.set_content(f"{text}\n\n{attribution}\n{quoted}\n")
    page = f'<div dir="ltr">{html.escape(text)}</div><div class="gmail_quote">{html.escape(attribution)}'
    page += f'<blockquote class="gmail_quote">{html.escape(text_of(mail))}</blockquote></div>'
    answer.add_alternative(page, subtype="html")
    return answer.as_bytes()


@dataclass
class Mailbox:
    """Ana was handed a customer's message of noon; now it is five past."""

    stage: Stage = field(default_factory=Stage)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.stage.deliver(message("m1", text="Where is my parcel?", author_name="Zoë Sample"))
        self.stage.dispatch.carry_out(self.stage.message("m1").key)
        (self.hand_off,) = self.stage.mailer.sent
        self.stage.mailer.sent.clear()
        self.stage.clock.at = FRIDAY_NOON.replace(minute=5)
        self.stage.crossings.calls.clear()

    @property
    def reply_to(self) -> str:
        """The signed address of the hand-off."""
        return str(opened(self.hand_off)["Reply-To"])

    def take(
        self, mime: bytes, *, to: tuple[str, ...] | None = None, ses_id: str | None = None, **verdicts: str
    ) -> Ended:
        """What became of a mail that SES received now."""
        ses_id = ses_id or f"ses-{next(self.numbers)}"
        self.stage.mails.kept[f"in/{ses_id}"] = mime
        recipients = (self.reply_to,) if to is None else to
        return self.stage.agent_mails.take(receipt(ses_id, recipients, self.stage.clock.now(), **verdicts))

    def answer(self, text: str = "It is on its way.", number: int = 1, **headers: str | None) -> bytes:
        """An answer to the hand-off."""
        return answer_mime(self.hand_off, text, number, **headers)

    @property
    def replies(self) -> list[Send]:
        """The replies on the ledger."""
        sends = self.stage.sends_of(self.stage.conversation())
        return [send for send in sends if send.kind is SendKind.REPLY]

    @property
    def returned(self) -> list[tuple[str, str]]:
        """Whom our mails went to, and what they say."""
        return [(mail.to, text_of(mail)) for mail in self.stage.mailer.sent]

    @property
    def reasons(self) -> list[str]:
        """Why mails are in quarantine."""
        return [kept.reason for kept in self.stage.desk.quarantined()]
