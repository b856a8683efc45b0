"""The ways into the desk that are no webhook: a topic of AWS, received mail, and being asked."""

from __future__ import annotations

import email
import email.policy
import email.utils
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from infra.local.mailbox_drop import Arrival
from infra.local.mailbox_letters import NOTICE, letter
from shared.errors import Misconfigured

_NO_SENDER = "nobody@customer.example"


def published(body: bytes) -> str:
    """What a service of AWS publishes: the message of a notification, or the body itself where it is none."""
    read = _object(body)
    message = read.get("Message")
    return message if isinstance(message, str) else body.decode("utf-8", "replace")


def arrival(channel: str, body: bytes, mail_domain: str, now: datetime) -> Arrival:
    """The mail behind a delivery of a channel that comes by mail: complete MIME, or what the desk makes of one as JSON.

    Raises Misconfigured for MIME that names no address of ours.
    """
    read = _object(body)
    return letter(_completed(channel, read), mail_domain, now) if read else _as_it_is(body, mail_domain, now)


def known_as(channel: str, body: bytes, mail_domain: str) -> bytes:
    """A delivery by mail as the sandbox's side of the channel learns it: JSON, also where it is MIME."""
    if _object(body):
        return body
    mime = email.message_from_bytes(body, policy=email.policy.default)
    recipients = _ours(mime, mail_domain)
    local = recipients[0].partition("@")[0] if recipients else ""
    known = {
        "account_id": local.partition("+")[2] if channel == NOTICE else local.partition("+")[0],
        "message_id": str(mime.get("Message-ID", "")),
        "from": {"address": email.utils.parseaddr(str(mime.get("From", "")))[1].lower()},
        "reply_to": email.utils.parseaddr(str(mime.get("Reply-To", "")))[1].lower() or None,
    }
    return json.dumps(known).encode()


def _completed(channel: str, said: Mapping[str, Any]) -> dict[str, object]:
    """The delivery with what makes a mail of it, where one written by hand leaves that out. Its channel is known."""
    given = said.get("from")
    sender = given if isinstance(given, dict) else {}
    proven = said.get("authenticated", said.get("dmarc", "PASS") == "PASS") is True
    return {
        **said,
        "type": NOTICE if channel == NOTICE else "mail",
        "account_id": str(said.get("account_id") or ""),
        "from": {**sender, "address": str(sender.get("address") or _NO_SENDER)},
        "dmarc": "PASS" if proven else "FAIL",
    }


def _as_it_is(body: bytes, mail_domain: str, now: datetime) -> Arrival:
    mime = email.message_from_bytes(body, policy=email.policy.default)
    recipients = _ours(mime, mail_domain)
    if not recipients:
        raise Misconfigured(f"The mail is to nobody at {mail_domain}: put such an address into To, or deliver JSON.")
    sender = email.utils.parseaddr(str(mime.get("From", "")))[1] or _NO_SENDER
    return Arrival(mime=body, sender=sender, recipients=recipients, at=now.astimezone(UTC))


def _ours(mime: Any, mail_domain: str) -> tuple[str, ...]:  # noqa: ANN401 - the library's type depends on the policy
    listed = email.utils.getaddresses([str(v) for name in ("To", "Cc", "Delivered-To") for v in mime.get_all(name, [])])
    ours = (address for _, address in listed if address.lower().endswith(f"@{mail_domain.lower()}"))
    return tuple(dict.fromkeys(ours))


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
