"""The receipt notification of Amazon SES: what came in, for whom, and what SES found out about it.

Shape: "Contents of notifications for Amazon SES email receiving", SES developer guide, for the S3 action with a topic.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from shared.errors import Unreadable

_SETUP_ID = "AMAZON_SES_SETUP_NOTIFICATION"
_EMPTY: Mapping[str, object] = {}


class Verdict(StrEnum):
    """What a check of SES says. SES delivers mail that failed; whoever reads the receipt has to act on it."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    GRAY = "GRAY"  # DMARC: the domain publishes no policy
    PROCESSING_FAILED = "PROCESSING_FAILED"  # no answer; also what a missing or new word is read as
    DISABLED = "DISABLED"  # the receipt rule does not scan


class SetupNotification(Unreadable):
    """SES tried out a new receipt rule: there is no mail, and nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One mail that SES took and stored. Times are aware, UTC."""

    ses_id: str  # SES's own id of the mail: the same for every copy of this notification
    bucket: str
    object_key: str
    recipients: tuple[str, ...]  # of the envelope, as far as the receipt rule matched them; headers prove nothing
    source: str  # sender of the envelope; empty for a bounce
    spam: Verdict
    virus: Verdict
    dmarc: Verdict
    received_at: datetime


def read_receipt(notification: str) -> Receipt:
    """The receipt in the text of an SNS message.

    Raises SetupNotification for SES's own test of a rule, Unreadable for anything else that is no such receipt.
    """
    said = _object(_json(notification))
    if said.get("notificationType") != "Received":
        raise Unreadable("The notification does not tell of a received mail.")
    receipt, mail = _object(said.get("receipt")), _object(said.get("mail"))
    action = _object(receipt.get("action"))
    ses_id = _word(mail.get("messageId"), "mail.messageId")
    object_key = _word(action.get("objectKey"), "receipt.action.objectKey")
    if _SETUP_ID in {ses_id, object_key.rpartition("/")[2]}:
        raise SetupNotification("Amazon SES tried out a new receipt rule.")
    return Receipt(
        ses_id=ses_id,
        bucket=_word(action.get("bucketName"), "receipt.action.bucketName"),
        object_key=object_key,
        recipients=_recipients(receipt.get("recipients")),
        source=_source(mail.get("source")),
        spam=_verdict(receipt.get("spamVerdict")),
        virus=_verdict(receipt.get("virusVerdict")),
        dmarc=_verdict(receipt.get("dmarcVerdict")),
        received_at=_time(receipt.get("timestamp")),
    )


def _json(notification: str) -> object:
    try:
        return json.loads(notification)
    except json.JSONDecodeError as error:
        raise Unreadable(f"The notification is not JSON: {error.msg} at column {error.colno}.") from error
    except (RecursionError, ValueError) as error:
        raise Unreadable("The notification is not usable JSON: nested too deeply, or a number too long.") from error


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else _EMPTY


def _word(value: object, name: str) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise Unreadable(f"The notification has no usable {name}.")
    return value


def _recipients(value: object) -> tuple[str, ...]:
    named = tuple(r for r in value if isinstance(r, str) and r) if isinstance(value, list) else ()
    if not named:
        raise Unreadable("The notification names no recipient.")
    return named


def _source(value: object) -> str:
    address = value.strip() if isinstance(value, str) else ""
    return "" if address == "<>" else address


def _verdict(value: object) -> Verdict:
    status = _object(value).get("status")
    known = {verdict.value for verdict in Verdict}
    return Verdict(status) if isinstance(status, str) and status in known else Verdict.PROCESSING_FAILED


def _time(value: object) -> datetime:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        if at is not None:
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable("The notification's time of receipt is not a time.") from error
    raise Unreadable("The notification has no time of receipt.")
