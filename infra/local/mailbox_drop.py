"""Hands a mail in as Amazon SES does when a receipt rule has an S3 action with a topic.

Sources: SES developer guide, "Contents of notifications for Amazon SES email receiving" and "Deliver to S3 bucket
action"; the headers SES adds as its mails show them.
"""

from __future__ import annotations

import email
import email.policy
import email.utils
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from infra.local.mailbox_store import bare
from shared.domain.events import iso
from shared.errors import Fault, Misconfigured, NightdeskError

CHECKS = ("spam", "virus", "spf", "dkim", "dmarc")
VERDICTS = ("PASS", "FAIL", "GRAY", "PROCESSING_FAILED", "DISABLED")
_PREFIX = "in/"
_SUBJECT = "Amazon SES Email Receipt Notification"
_HEADER_BYTES = 10_240


class DropFailed(NightdeskError):
    """Bucket or topic did not take the mail. The message says which and why."""

    fault = Fault.PROVIDER
    retry = True
    status = 502


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A mail on its way in: the bytes as the client sent them, the envelope, and verdicts other than PASS."""

    mime: bytes
    sender: str
    recipients: tuple[str, ...]
    at: datetime
    verdicts: Mapping[str, str] = field(default_factory=dict)


Drop = Callable[[Arrival], str]
"""Hands a mail in and returns the id SES gives it. Raises DropFailed, Misconfigured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DropSettings:
    """Where mail goes in. `mail_domain`: the domain whose MX is ours."""

    endpoint_url: str
    bucket: str
    topic_arn: str
    mail_domain: str

    @classmethod
    def of(cls, wish: Mapping[str, object]) -> DropSettings:
        """The settings in a control call. Raises Misconfigured naming what is missing."""
        names = ("endpoint_url", "bucket", "topic_arn", "mail_domain")
        given = {name: value for name in names if isinstance(value := wish.get(name), str) and value}
        missing = [name for name in names if name not in given]
        if missing:
            raise Misconfigured(f"POST /_mailbox/settings needs {', '.join(missing)} as text.")
        return cls(**given)

    def takes(self, address: str) -> bool:
        """Whether an address is in our domain."""
        return bare(address).rpartition("@")[2].lower() == self.mail_domain.lower()


def into_aws(settings: DropSettings) -> Drop:
    """A drop into bucket and topic at the settings' endpoint."""
    return into(_client("s3", settings), _client("sns", settings), settings)


def into(s3: Any, sns: Any, settings: DropSettings) -> Drop:  # noqa: ANN401 - botocore makes its clients at run time
    """A drop through these clients: first the object, then the notification, as the receipt rule does."""

    def drop(arrival: Arrival) -> str:
        ses_id = secrets.token_hex(20)
        try:
            s3.put_object(Bucket=settings.bucket, Key=_PREFIX + ses_id, Body=as_stored(arrival, ses_id))
            message = json.dumps(notification(arrival, ses_id, settings))
            sns.publish(TopicArn=settings.topic_arn, Subject=_SUBJECT, Message=message)
        except (BotoCoreError, ClientError) as error:
            raise DropFailed(
                f"The mail could not be handed in: {error}. Is the stack running (`nightdesk up`)?"
            ) from error
        return ses_id

    return drop


def as_stored(arrival: Arrival, ses_id: str) -> bytes:
    """The object SES writes: its own headers in front of the mail as it came."""
    checked = verdicts(arrival)
    domain = arrival.sender.rpartition("@")[2]
    results = {check: checked[check].lower() for check in ("spf", "dkim", "dmarc")}
    lines = [
        f"Return-Path: <{arrival.sender}>",
        f"Received: from mail.{domain or 'invalid'} (mail.{domain or 'invalid'} [192.0.2.10])",
        f" by inbound-smtp.amazonaws.com with SMTP id {ses_id}",
        f" for {arrival.recipients[0]};",
        f" {email.utils.format_datetime(arrival.at)}",
        f"X-SES-Spam-Verdict: {checked['spam']}",
        f"X-SES-Virus-Verdict: {checked['virus']}",
        f"Received-SPF: {results['spf']} (spfCheck: domain of {domain}) client-ip=192.0.2.10;",
        f" envelope-from={arrival.sender};",
        f"Authentication-Results: amazonses.com; spf={results['spf']} client-ip=192.0.2.10;",
        f" dkim={results['dkim']} header.i=@{domain}; dmarc={results['dmarc']} header.from={domain};",
        f"X-SES-RECEIPT: {secrets.token_urlsafe(48)}",
    ]
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n" + arrival.mime


def notification(arrival: Arrival, ses_id: str, settings: DropSettings) -> dict[str, object]:
    """What SES publishes about it."""
    checked = verdicts(arrival)
    receipt: dict[str, object] = {
        "timestamp": _stamp(arrival.at),
        "processingTimeMillis": 222,
        "recipients": [r for r in arrival.recipients if settings.takes(r)],
        **{f"{check}Verdict": {"status": checked[check]} for check in CHECKS},
        "action": {
            "type": "S3",
            "topicArn": settings.topic_arn,
            "bucketName": settings.bucket,
            "objectKeyPrefix": _PREFIX,
            "objectKey": _PREFIX + ses_id,
        },
    }
    if checked["dmarc"] == "FAIL":
        receipt["dmarcPolicy"] = "reject"
    return {"notificationType": "Received", "mail": _mail(arrival, ses_id), "receipt": receipt}


def verdicts(arrival: Arrival) -> dict[str, str]:
    """The verdict of every check. Raises Misconfigured for a word that is none."""
    odd = [f"{c}={v}" for c, v in arrival.verdicts.items() if c not in CHECKS or v not in VERDICTS]
    if odd:
        raise Misconfigured(
            f"No such verdict: {', '.join(odd)}. Checks: {', '.join(CHECKS)}; words: {', '.join(VERDICTS)}."
        )
    return {check: arrival.verdicts.get(check, "PASS") for check in CHECKS}


def _mail(arrival: Arrival, ses_id: str) -> dict[str, object]:
    mime = email.message_from_bytes(arrival.mime, policy=email.policy.compat32)
    headers = [{"name": name, "value": str(value)} for name, value in mime.items()]
    common: dict[str, object] = {
        "returnPath": arrival.sender,
        "from": [str(value) for value in mime.get_all("From", [])],
        "date": str(mime.get("Date", "")),
        "to": [str(value) for value in mime.get_all("To", [])],
        "messageId": str(mime.get("Message-ID", "")),
        "subject": str(mime.get("Subject", "")),
    }
    return {
        "timestamp": _stamp(arrival.at),
        "source": arrival.sender,
        "messageId": ses_id,
        "destination": list(arrival.recipients),
        "headersTruncated": sum(len(h["name"]) + len(h["value"]) for h in headers) > _HEADER_BYTES,
        "headers": headers,
        "commonHeaders": common,
    }


def _stamp(at: datetime) -> str:
    whole = iso(at.replace(microsecond=0)) or ""
    return f"{whole[:-1]}.{at.microsecond // 1000:03d}Z"


def _client(service: str, settings: DropSettings) -> Any:  # noqa: ANN401  botocore makes its clients at run time
    """A client of an emulator: it takes any key, and one of twelve digits names the account."""
    region, account = settings.topic_arn.split(":")[3:5]
    return Session().create_client(
        service,
        region_name=region,
        endpoint_url=settings.endpoint_url,
        aws_access_key_id=account,
        aws_secret_access_key="any",  # noqa: S106
        config=Config(
            s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2}
        ),
    )
