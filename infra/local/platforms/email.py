"""Amazon SES as the desk's answers to customers meet it: SendEmail with raw content, and GetEmailIdentity.

Sources: Amazon SES API v2 reference, "SendEmail", "GetEmailIdentity", "RawMessage"; SES developer guide, "Request
production access": this account is still in the sandbox, and whoever wrote to it is verified. RFC 5322. SES names every
mail anew: the Message-ID it gives is its MessageId, and what was in the field is gone.
"""

from __future__ import annotations

import base64
import binascii
import email
import email.policy
import re
import secrets
from datetime import datetime
from email.errors import MessageError
from email.message import EmailMessage

from infra.local.addresses import MAIL_DOMAIN
from infra.local.platforms.exchange import PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, Post, World, wrote

CHANNEL = "email"
ACCOUNT = "support"
REGION = "eu-central-1"
HOSTS = (f"email.{REGION}.amazonaws.com",)
DEMO = "message__plain"

_SEND = "/v2/email/outbound-emails"
_IDENTITIES = "/v2/email/identities/"
_MOST_BYTES = 40 * 1024 * 1024
_MOST_RECIPIENTS = 50
_ONCE = ("from", "to", "subject", "message-id", "in-reply-to", "references", "auto-submitted", "mime-version")
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/([a-z0-9-]+)/ses/aws4_request, SignedHeaders=.+Signature="
)
_IDS = re.compile(r"<[^<>\s@]+@[^<>\s@]+>(?:\s+<[^<>\s@]+@[^<>\s@]+>)*")


def credentials() -> dict[str, str]:
    """An address at the desk's mail domain."""
    return {"address": f"{ACCOUNT}@{MAIL_DOMAIN}", "region": REGION, "name": "Nightdesk Shop"}


def learn(world: World, delivery: object, now: datetime) -> None:
    """Take in who wrote, and the Message-ID that an answer may name."""
    if not isinstance(delivery, dict) or delivery.get("outbound") is True:
        return
    sender = delivery.get("from")
    address = delivery.get("reply_to") or (sender.get("address") if isinstance(sender, dict) else None)
    account_id, message_id = delivery.get("account_id"), delivery.get("message_id")
    if not isinstance(address, str) or not isinstance(account_id, str):
        return
    person = world.meet(CHANNEL, account_id, address.lower())
    if isinstance(message_id, str) and message_id not in person.aliases:
        person.aliases.append(message_id)
    wrote(person, now)


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """SES is one channel."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """Send a mail, or tell of an identity."""
    _check_signature(call)
    if (call.method, call.path) == ("POST", _SEND):
        return _send(call, world)
    if call.method == "GET" and call.path.startswith(_IDENTITIES):
        return _identity(call.path.removeprefix(_IDENTITIES), world)
    raise _refused(404, "NotFoundException", "There is no such operation.")


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day."""
    if kind == "throttle":
        return _refused(429, "TooManyRequestsException", "Maximum sending rate exceeded.")
    if kind == "revoked_token":
        return _refused(403, "AccessDeniedException", "User is not authorized to perform: ses:SendRawEmail")
    return _refused(500, "InternalFailure", "We encountered an internal error. Please try again.")


def _check_signature(call: PlatformCall) -> None:
    """That there is one for this service and region; whether it is right, only AWS can tell."""
    signed = _SIGNED.match(call.headers.get("authorization", ""))
    if signed is None:
        raise _refused(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    if signed.group(1) != REGION:
        raise _refused(403, "InvalidSignatureException", f"Credential should be scoped to {REGION}.")


def _identity(name: str, world: World) -> PlatformAnswer:
    if not any(_domain(account) == name for account in _accounts(world)):
        raise _refused(404, "NotFoundException", f"Email identity {name} does not exist.")
    return PlatformAnswer(body={"IdentityType": "DOMAIN", "VerifiedForSendingStatus": True})


def _send(call: PlatformCall, world: World) -> PlatformAnswer:
    sender = call.text("FromEmailAddress") or ""
    account = next((one for one in _accounts(world) if one.credentials.get("address") == sender), None)
    if account is None:
        raise _unverified(sender)
    to = call.section("Destination").get("ToAddresses")
    if not isinstance(to, list) or not 0 < len(to) <= _MOST_RECIPIENTS or not all(isinstance(one, str) for one in to):
        raise _refused(400, "BadRequestException", "Destination needs 1 to 50 recipients.")
    mail = _mail(_raw(call))
    _check_mail(mail, sender, str(to[0]))
    message_id = f"0107{secrets.token_hex(14)}-{secrets.token_hex(4)}-000000"
    world.posts.append(_post(mail, account, str(to[0]), message_id, call, world))
    return PlatformAnswer(body={"MessageId": message_id})


def _raw(call: PlatformCall) -> bytes:
    raw = call.section("Content").get("Raw")
    data = raw.get("Data") if isinstance(raw, dict) else None
    try:
        mime = base64.b64decode(data if isinstance(data, str) else "", validate=True)
    except (binascii.Error, ValueError):
        mime = b""
    if not mime or len(mime) > _MOST_BYTES:
        raise _refused(400, "BadRequestException", "Content.Raw.Data is no mail of at most 40 MB in base64.")
    return mime


def _mail(mime: bytes) -> EmailMessage:
    """The mail, read strictly: what a mail program would have to guess is refused."""
    head = mime.partition(b"\r\n\r\n")[0]
    if b"\n" in head.replace(b"\r\n", b"") or any(len(line) > 998 for line in mime.split(b"\r\n")):
        raise _refused(400, "BadRequestException", "Lines have to end with CRLF and hold at most 998 octets.")
    try:
        mail = email.message_from_bytes(mime, policy=email.policy.default.clone(raise_on_defect=True))
        mail.get_content()
    except (MessageError, LookupError, ValueError) as error:
        raise _refused(400, "BadRequestException", f"The mail cannot be read: {error}") from None
    if not isinstance(mail, EmailMessage):
        raise _refused(400, "BadRequestException", "The mail cannot be read.")
    return mail


def _check_mail(mail: EmailMessage, sender: str, to: str) -> None:
    doubled = [name for name in _ONCE if len(mail.get_all(name, [])) > 1]
    missing = [name for name in ("From", "To", "Subject", "MIME-Version") if not mail.get(name)]
    if doubled or missing:
        raise _refused(400, "BadRequestException", f"Twice in the mail: {doubled}. Missing: {missing}.")
    if [a.addr_spec for a in mail["From"].addresses] != [sender]:
        raise _unverified(str(mail["From"]))
    if [a.addr_spec for a in mail["To"].addresses] != [to]:
        raise _refused(400, "BadRequestException", "To is not the recipient of the envelope.")
    for name in ("In-Reply-To", "References", "Message-ID"):
        if mail.get(name) and not _IDS.fullmatch(str(mail[name]).strip()):
            raise _refused(400, "BadRequestException", f"{name} holds something beside ids in angle brackets.")


def _post(mail: EmailMessage, account: Account, to: str, message_id: str, call: PlatformCall, world: World) -> Post:
    """What went out. The thread is the oldest mail that it names; who writes to strangers names none."""
    named = str(mail.get("References") or mail.get("In-Reply-To") or "").split()
    person = world.person(CHANNEL, account.account_id, to)
    if person is None:
        raise _unverified(to)
    content = mail.get_content()
    headers = {name: str(value) for name, value in mail.items()}
    return Post(
        channel=CHANNEL,
        account=account.account_id,
        kind="dm",
        thread=named[0] if named else to,
        recipient=to,
        text=content.replace("\r\n", "\n").rstrip("\n") if isinstance(content, str) else "",
        native_id=message_id,
        at=call.now.timestamp(),
        request={"headers": headers},
    )


def _accounts(world: World) -> list[Account]:
    return [account for account in world.accounts if account.channel == CHANNEL]


def _domain(account: Account) -> str:
    return account.credentials.get("address", "").rpartition("@")[2]


def _unverified(address: str) -> Refusal:
    said = f"The following identities failed the check in region {REGION.upper()}: {address}"
    return _refused(400, "MessageRejected", f"Email address is not verified. {said}")


def _refused(status: int, kind: str, message: str) -> Refusal:
    return Refusal(status, {"message": message}, {"x-amzn-errortype": kind})
