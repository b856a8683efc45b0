"""E-mail: a customer writes to the desk's own address and is answered there.

Mail comes in through Amazon SES and reaches this file as the JSON that shared/services/received_mail.py makes of it;
answers go out through the SES API v2 ("SendEmail", SES API v2 reference). A thread is named by the oldest Message-ID of
its References and by its subject (RFC 5322, 3.6.4; RFC 5256, 2.1): mail programs show mails together by the same two.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from email.headerregistry import Address
from email.message import EmailMessage

from shared.channels import _letters
from shared.channels._calling import blocked, by_status, content, credential, json_call, later, misfit, never, posted
from shared.channels._reading import Json, obj, read_json, text, when
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility
from shared.domain.exchange import About, Answer, Call, Capability, How, Outbound, Outcome, Refused, Secret
from shared.domain.mail_format import MAIL_FORMAT

LIMIT = 50_000  # ours: SES takes 40 MB

ABOUT = About(
    title="E-mail to the desk's own address",
    how=(How.MAIL,),
    docs="https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html",
    checked=date(2026, 11, 21),
    acknowledging="on, to proven senders only: an answer to a forged address is spam",
    author="name and address of the From field; whether DMARC proves them; nothing to look up",
    unproven="the Message-ID that SES gives an answer, and what it answers, are as documented and were not seen",
)

CAPABILITIES: Mapping[Surface, Capability] = {Surface.DM: Capability(replies=True, limit=LIMIT, acknowledges=True)}

SETUP = Setup(
    wanted=(
        Wanted(
            name="account_id",
            ask="What stands before the at sign of the address at the desk's mail domain, for example support",
            where="You choose it; mail to it has to arrive at the desk's mail domain.",
            secret=False,
        ),
        Wanted(
            name="address",
            ask="The address that answers come from",
            where="The same address, or your public one that forwards to it; its domain must be an identity in SES.",
            secret=False,
        ),
        Wanted(name="region", ask="The AWS region of that identity", where="Amazon SES console", secret=False),
        Wanted(name="name", ask="The name that customers see", where="You choose it.", secret=False),
    ),
    ticks=(
        "Amazon SES: verify the domain of the address (DKIM). Leave the sandbox, where only verified people get mail.",
        "If the address is a public one: let your mail system forward it to the account's address at the mail domain.",
    ),
)

_CHANNEL = "email"
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(rf"(?=.{{3,254}}\Z){_ATOM}(?:\.{_ATOM}){{0,20}}@{_LABEL}(?:\.{_LABEL}){{1,20}}")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]{2,12}){1,3}-\d{1,2}")
_ACCOUNT_FAULTS = (
    "AccountSuspended",
    "SendingPaused",
    "MailFromDomainNotVerified",
    "NotFound",
    "AccessDenied",
    "UnrecognizedClient",
    "InvalidSignature",
    "ExpiredToken",
)
_THROTTLED = ("TooManyRequests", "LimitExceeded", "Throttling")


# Reading


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """The one event of a mail. Raises Unreadable for what is not JSON."""
    payload = obj(read_json(body))
    message_id = next(iter(_letters.message_ids(payload.get("message_id"))), None)
    name, address = _letters.sender(payload)
    account_id = text(payload.get("account_id"))
    if payload.get("type") != "mail" or message_id is None or address is None:
        return (Event(kind=Kind.UNKNOWN, channel=_CHANNEL, account_id=account_id, detail="not a mail"),)
    ours = payload.get("outbound") is True
    customer = _addressee(payload, account_id, address) if ours else _address(payload.get("reply_to")) or address
    quiet = text(payload.get("quiet"))
    return (
        Event(
            kind=Kind.ECHO if ours else Kind.MESSAGE,
            channel=_CHANNEL,
            account_id=account_id,
            surface=Surface.DM,
            visibility=Visibility.PRIVATE,
            thread_id=text(payload.get("thread")) or _thread(payload, message_id),
            message_id=message_id,
            author_id=address if ours else customer,
            author_name=name,
            author_handle=address,
            author_verified=None if ours else payload.get("authenticated") is True and customer == address,
            text=_words(payload),
            attachments=_attachments(payload.get("attachments")),
            sent_at=when(payload.get("date")),
            in_reply_to=next(iter(_letters.message_ids(payload.get("in_reply_to"))), None),
            customer_id=customer,
            detail=quiet,
            automated=quiet is not None,  # it gets no automatic answer, as if a program had written it
        ),
    )


def _thread(payload: Json, message_id: str) -> str:
    """The oldest Message-ID that is known of the thread, and its subject."""
    root = next(iter(_letters.message_ids(payload.get("references"))), None)
    root = root or next(iter(_letters.message_ids(payload.get("in_reply_to"))), message_id)
    return f"{root} {_letters.base_subject(text(payload.get('subject')) or '')}".strip()


def _words(payload: Json) -> str | None:
    """What was written; a mail that opens a thread with its subject, which often says what it is about."""
    subject, words = text(payload.get("subject")), text(payload.get("text"))
    if payload.get("in_reply_to") or payload.get("references") or subject is None:
        return words
    return f"{subject}\n\n{words}" if words else subject


def _attachments(value: object) -> tuple[Attachment, ...]:
    names = value if isinstance(value, list) else []
    return tuple(Attachment(named) for named in map(text, names) if named is not None)


def _address(value: object) -> str | None:
    address = (text(value) or "").strip().lower()
    return address if _ADDRESS.fullmatch(address) else None


def _addressee(payload: Json, account_id: str | None, own: str) -> str | None:
    """Whom our own mail went to: the first that is not the account itself. A customer's address may begin like it."""
    given = payload.get("to")
    found = [_address(one) for one in (given if isinstance(given, list) else [])]
    others = [one for one in found if one is not None and one != own]
    return next((one for one in others if one.partition("@")[0] != account_id), next(iter(others), None))


# Answering


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """A mail to the customer in their thread, handed to SES as it will go out (SendEmail with raw content)."""
    capability = CAPABILITIES.get(outbound.surface)
    if capability is None:
        return never(f"There is no {outbound.surface} by e-mail.")
    sends = _sender(secret)
    if isinstance(sends, Refused):
        return sends
    address, region = sends
    customer = _address(outbound.customer_id)
    if customer is None:
        return never("The customer's mail named no address that can be answered.")
    refused = misfit(outbound.text, capability)
    if refused is not None:
        return refused
    mime = _composed(outbound, address, customer, secret.credentials.get("name", ""))
    payload = {
        "FromEmailAddress": address,
        "Destination": {"ToAddresses": [customer]},
        "Content": {"Raw": {"Data": base64.b64encode(mime).decode("ascii")}},
    }
    url = f"https://email.{region}.amazonaws.com/v2/email/outbound-emails"
    return replace(json_call("POST", url, payload=payload), aws_service="ses")


def _sender(secret: Secret) -> tuple[str, str] | Refused:
    """The address that answers come from, and the region that sends them."""
    address, region = credential(secret, "address"), credential(secret, "region")
    if isinstance(address, Refused):
        return address
    if isinstance(region, Refused):
        return region
    if not _ADDRESS.fullmatch(address.lower()) or not _REGION.fullmatch(region):
        return blocked(f"Address or region of the account {secret.account_id} is not written as one.")
    return address.lower(), region


def _composed(outbound: Outbound, address: str, customer: str, name: str) -> bytes:
    mail = EmailMessage(policy=MAIL_FORMAT)
    mail["From"] = Address(display_name=_letters.one_line(name).replace("@", " "), addr_spec=address)
    mail["To"] = Address(addr_spec=customer)
    root, _, subject = outbound.thread_id.partition(" ")
    mail["Subject"] = f"Re: {_letters.base_subject(subject) or 'your mail'}"
    answered = _letters.message_ids(outbound.in_reply_to)
    references = dict.fromkeys((*_letters.message_ids(root), *answered))
    if answered:
        mail["In-Reply-To"] = answered[0]
    if references:
        mail["References"] = " ".join(references)
    # SES puts an id of its own in its place; it stands here for every other way a mail may go out.
    mail["Message-ID"] = f"<{_token(outbound.client_token)}@{address.rpartition('@')[2]}>"
    if not outbound.by_person:  # RFC 3834: no program answers it
        mail["Auto-Submitted"] = "auto-replied"
        mail["X-Auto-Response-Suppress"] = "All"
    mail["X-Nightdesk-Loop"] = "answer"
    words = outbound.text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    mail.set_content(words, charset="utf-8", cte="quoted-printable")
    return mail.as_bytes()


def _token(client_token: str) -> str:
    kept = "".join(c for c in client_token if c.isascii() and (c.isalnum() or c in "._-"))
    return kept[:200].strip(".") or "answer"


def outcome(answer: Answer) -> Outcome:
    """What SES answers ("SendEmail", errors). Total. A refusal of SES's proves that nothing went out."""
    if 200 <= answer.status < 300:
        return posted(text(content(answer).get("MessageId")))
    return _refused(answer)


def _refused(answer: Answer) -> Outcome:
    said = content(answer)
    word = text(answer.headers.get("x-amzn-errortype")) or text(said.get("__type")) or text(said.get("code")) or ""
    reason = text(said.get("message")) or text(said.get("Message"))
    if answer.status < 500 and word.rpartition("#")[2].startswith(_THROTTLED):
        return later("Amazon SES", answer)
    if answer.status < 500 and word.rpartition("#")[2].startswith(_ACCOUNT_FAULTS):
        return blocked(f"Amazon SES does not send for this account ({word[:60]}). {reason or ''}".strip())
    if 400 <= answer.status < 500 and reason is not None and "not verified" in reason:
        return blocked(f"An address is not verified in Amazon SES. {reason[:200]}")
    return by_status("Amazon SES", answer, reason)


# Connecting


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the protocol's signature
    """Nothing: the receipt rule of the mail domain takes mail to every address."""
    return ()


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Ask SES for the identity that answers are sent from ("GetEmailIdentity")."""
    domain = secret.credentials.get("address", "").strip().lower().rpartition("@")[2]
    region = secret.credentials.get("region", "").strip()
    if not re.fullmatch(r"[a-z0-9.-]{3,253}", domain) or not _REGION.fullmatch(region):
        return None
    url = f"https://email.{region}.amazonaws.com/v2/email/identities/{domain}"
    return Call(method="GET", url=url, aws_service="ses")


def proven(answer: Answer) -> Proof | Refused:
    """Whether SES sends for the identity. Total."""
    if answer.status == 200:
        verified = content(answer).get("VerifiedForSendingStatus") is True
        waiting = blocked("Amazon SES has not verified the domain yet: publish the DKIM records it names.")
        return Proof(who="the domain, verified in Amazon SES") if verified else waiting
    refused = _refused(answer)
    return refused if isinstance(refused, Refused) else never(f"Amazon SES did not say: status {answer.status}.")
