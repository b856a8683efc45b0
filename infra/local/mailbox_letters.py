"""Mails that no agent writes: a customer's, or a platform's notice, made into MIME out of a delivery of events/.

A delivery of the channels `email` and `notice` is what the desk makes of a mail. This is the way back, so that the same
example can be sent through the whole route: receipt, bucket, topic, function, inbox.
"""

from __future__ import annotations

import email.policy
import email.utils
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage

from infra.local.mailbox_drop import Arrival
from shared.errors import Misconfigured

NOTICE = "notice"


def letter(delivery: Mapping[str, object], mail_domain: str, now: datetime) -> Arrival:
    """The mail of a delivery, on its way to the address it came to. Raises Misconfigured where it is no mail's."""
    kind, account_id, given = delivery.get("type"), delivery.get("account_id"), delivery.get("from")
    sender = given if isinstance(given, dict) else {}
    address = sender.get("address")
    if kind not in {"mail", NOTICE} or not isinstance(account_id, str) or not isinstance(address, str):
        raise Misconfigured("This is no delivery of a mail: type, account_id and from.address have to say whose it is.")
    to = f"{NOTICE}+{delivery.get('platform') or account_id}" if kind == NOTICE else account_id
    to = f"{to}@{mail_domain}"
    authenticated = delivery.get("authenticated", True) is True
    dmarc = delivery.get("dmarc") if isinstance(delivery.get("dmarc"), str) else "PASS" if authenticated else "GRAY"
    mime = _mime(delivery, email.utils.formataddr((str(sender.get("name") or ""), address)), to, now)
    return Arrival(mime=mime, sender=address, recipients=(to,), at=now, verdicts={"dmarc": str(dmarc)})


def _mime(delivery: Mapping[str, object], sender: str, to: str, now: datetime) -> bytes:
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["From"] = sender
    others = delivery.get("to")
    named = [str(one) for one in others if one != to] if isinstance(others, list) else []
    mail["To"] = ", ".join([to, *named])
    mail["Date"] = email.utils.format_datetime(now)
    fields = {
        "Subject": delivery.get("subject"),
        "Reply-To": delivery.get("reply_to"),
        "Message-ID": delivery.get("message_id"),
        "In-Reply-To": delivery.get("in_reply_to"),
        "References": " ".join(map(str, _listed(delivery.get("references")))),
    }
    for field, value in fields.items():
        if isinstance(value, str) and value:
            mail[field] = value
    mail.set_content(f"{delivery.get('text') or ''}\n")
    for name in _listed(delivery.get("attachments")):
        mail.add_attachment(b"an example", maintype="application", subtype="octet-stream", filename=str(name))
    return mail.as_bytes()


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
