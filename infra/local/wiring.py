"""What a fresh stack must be told before it can work: secrets, mail identities, and to the other parts where it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from botocore.exceptions import ClientError

from infra.local.accounts import plain
from infra.local.addresses import DESK_ADDRESS, MAIL_DOMAIN, Accounts, AddressBook
from infra.local.emulator import EmulatorSession
from infra.local.parts import PartFailed
from infra.local.stack import webhook_url

_DIRECT = build_opener(ProxyHandler({}))


def put_secrets(session: EmulatorSession, path: str, accounts: Accounts, reply_keys: tuple[str, ...]) -> None:
    """Put every account and the keys of reply addresses where the desk reads them (shared/adapters/secrets.py)."""
    ssm = session.create_client("ssm")
    keys = dict(zip(("current", "previous"), reply_keys, strict=False))
    values = {f"{path}/mail/reply-keys": json.dumps(keys)} | {
        f"{path}/channels/{channel}/{account_id}": json.dumps(plain(account))
        for channel, by_id in accounts.items()
        for account_id, account in by_id.items()
    }
    for name, value in values.items():
        ssm.put_parameter(Name=name, Value=value, Type="SecureString", Tier="Intelligent-Tiering", Overwrite=True)


def verify_identities(session: EmulatorSession) -> None:
    """Let SES send for our domain and address; on AWS a person does this once."""
    ses = session.create_client("sesv2")
    for identity in (MAIL_DOMAIN, DESK_ADDRESS):
        try:
            ses.create_email_identity(EmailIdentity=identity)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AlreadyExistsException":
                raise


def tell_sandbox(book: AddressBook, outputs: Mapping[str, str]) -> None:
    """Tell the sandbox where the desk listens and which accounts it plays. Raises PartFailed."""
    _tell(
        book.url("sandbox") + "/_sandbox/accounts",
        {
            "webhook_url": webhook_url(book, outputs),
            "accounts": {
                channel: {account_id: plain(account) for account_id, account in by_id.items()}
                for channel, by_id in book.accounts.items()
            },
        },
    )


def tell_mailbox(book: AddressBook, outputs: Mapping[str, str]) -> None:
    """Tell the mailbox where SES would put received mail and whom it would notify. Raises PartFailed."""
    _tell(
        book.url("mailbox") + "/_mailbox/settings",
        {
            "endpoint_url": book.url("emulator"),
            "bucket": outputs["InboundMailBucketName"],
            "topic_arn": outputs["InboundMailTopicArn"],
            "mail_domain": MAIL_DOMAIN,
        },
    )


def _tell(url: str, settings: Mapping[str, object]) -> None:
    body = json.dumps(settings).encode()
    request = Request(url, data=body, method="POST", headers={"content-type": "application/json"})  # noqa: S310 - ours
    try:
        with _DIRECT.open(request, timeout=10) as answer:
            answer.read()
    except HTTPError as error:
        raise PartFailed(f"{url} answered {error.code}: {error.read(500).decode('utf-8', 'replace')}") from error
    except OSError as error:
        raise PartFailed(f"{url} does not answer: {error}") from error
