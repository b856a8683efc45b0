"""What platforms without a usable API tell by e-mail: Pinterest, Yelp, LinkedIn, Google Alerts, whatever comes next.

The company forwards a platform's notification mails to `notice+<platform>@<mail domain>`. A mail counts when DMARC
proves that the platform sent it, or the company's own forwarder (RFC 7489, 6.6). It reaches this file as the JSON that
shared/services/received_mail.py makes of it. Nothing can be answered by program: people answer on the platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from shared.channels import _letters, _notices
from shared.channels._calling import by_hand, never
from shared.channels._reading import Json, obj, read_json, text, when
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Event, Kind, Surface, Visibility
from shared.domain.exchange import About, Answer, Call, Capability, How, Outbound, Outcome, Refused, Secret
from shared.errors import Unreadable

ABOUT = About(
    title="Any platform that sends e-mail",
    how=(How.MAIL,),
    docs="https://www.rfc-editor.org/rfc/rfc7489",
    checked=date(2026, 11, 21),
    acknowledging="off, always: nothing can be posted",
    author="the name in the subject, where the platform's form is known",
    unproven="the platforms document no form of their mails: what is not recognised is handed on as a whole",
)

_BY_HAND = Capability(replies=False, limit=0)
CAPABILITIES: Mapping[Surface, Capability] = dict.fromkeys(Surface, _BY_HAND)

SETUP = Setup(
    wanted=(
        Wanted(
            name="account_id",
            ask=f"The platform's name as it stands in the address: {', '.join(_notices.PLATFORMS)}, or any other",
            where="You choose it: the platform's mails go to notice+<this name>@<mail domain>.",
            secret=False,
        ),
        Wanted(
            name="senders",
            ask="Addresses or domains that the platform's mails come from",
            where="In the From field of such a mail. Not needed for the platforms named above.",
            secret=False,
            optional=True,
        ),
        Wanted(
            name="forwarder",
            ask="The address that forwards them, if your mail system writes itself into the From field",
            where="In the From field of a mail that was forwarded.",
            secret=False,
            optional=True,
        ),
    ),
    ticks=(
        "On the platform: switch on its e-mail notifications for messages, comments, mentions and reviews.",
        "In your mail system: forward these mails, unchanged, to notice+<platform>@<mail domain>.",
        "A provider that wants the forwarding confirmed writes to that address: its mail is in quarantine.",
    ),
)

_CHANNEL = "notice"
_PUBLIC = frozenset({Surface.COMMENT, Surface.REVIEW, Surface.MENTION})


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """What a notice tells of. Raises Unreadable for what is not JSON, and for a mail whose sender is not proven."""
    payload = obj(read_json(body))
    message_id = next(iter(_letters.message_ids(payload.get("message_id"))), None)
    platform = text(payload.get("platform")) or text(payload.get("account_id"))
    if payload.get("type") != "notice" or message_id is None or platform is None:
        return (Event(kind=Kind.UNKNOWN, channel=_CHANNEL, detail="not a notice"),)
    platform = _notices.known(platform)
    _, sender = _letters.sender(payload)
    _check(platform, sender or "", payload)
    subject = _letters.one_line(text(payload.get("subject")) or "")
    found = _notices.said(platform, subject, text(payload.get("text")) or "", sender or "")
    return tuple(_event(said, payload, platform, message_id) for said in found)


def _check(platform: str, sender: str, payload: Json) -> None:
    """Raises Unreadable unless DMARC proves that the platform sent it, or who forwards its mails for the company."""
    if payload.get("dmarc") != "PASS":
        raise Unreadable(
            f"The sender of the notice is not proven: DMARC says {text(payload.get('dmarc')) or 'nothing'}."
        )
    rule = _notices.PLATFORMS.get(platform)
    given = payload.get("senders")
    configured = tuple(s for s in (given if isinstance(given, list) else []) if isinstance(s, str))
    forwarder = text(payload.get("forwarder"))
    if _notices.is_from(sender, (*(rule.senders if rule is not None else ()), *configured)) or sender == forwarder:
        return
    advice = f"If it should, connect the account {platform} of {_CHANNEL} and name its senders or its forwarder."
    raise Unreadable(f"{sender[:200] or 'Nobody'} does not speak for {platform}. {advice}")


def _event(said: _notices.Said, payload: Json, platform: str, mail_id: str) -> Event:
    thread = said.thread or said.item_id or next(iter(_letters.message_ids(payload.get("references"))), mail_id)
    in_private = said.surface is Surface.DM
    return Event(
        kind=Kind.ECHO if said.own else Kind.MESSAGE,
        channel=_CHANNEL,
        account_id=platform,
        surface=said.surface,
        visibility=Visibility.PUBLIC if said.surface in _PUBLIC else Visibility.PRIVATE,
        thread_id=thread,
        message_id=mail_id if said.own else said.item_id or mail_id,
        author_name=None if said.own else said.name,
        text=said.text or None,
        sent_at=when(payload.get("date")),
        in_reply_to=said.item_id if said.own else None,
        link=said.link,
        customer_id=None if said.own else thread if in_private else _customer(said, thread),
        unaddressed=said.unaddressed,
    )


def _customer(said: _notices.Said, thread: str) -> str | None:
    """A name is no id: it stands for a person within one thread of the platform's only."""
    return f"{said.name} at {thread}" if said.name is not None and said.thread is not None else None


# Answering


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """Nothing is posted by program here."""
    return by_hand(f"{secret.account_id} can only be answered by a person, on the platform itself.")


def outcome(answer: Answer) -> Outcome:
    """There is no call whose answer this could be. Total."""
    return never(f"Nothing was called that could answer {answer.status}.")


# Connecting


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the protocol's signature
    """Nothing: the receipt rule of the mail domain takes mail to every address."""
    return ()


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """There is nobody to ask: the first notice proves it."""
    return None


def proven(answer: Answer) -> Proof | Refused:
    """There is no call whose answer this could be. Total."""
    return never(f"Nothing was called that could answer {answer.status}.")
