"""Text messages through Twilio: SMS and MMS to one of our own numbers.

An account is one of our numbers, by its digits. Credentials: `account_sid`, `webhook_url` (exactly as Twilio calls it),
and perhaps `messaging_service_sid`; the auth token is the signing key and pays for our own calls too. Sources:
twilio.com/docs/messaging/guides/webhook-request, /docs/usage/webhooks/webhooks-security, /docs/messaging/api.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from urllib.parse import parse_qsl

from shared.channels import _sms_signature
from shared.channels._calling import (
    basic,
    blocked,
    by_status,
    content,
    credential,
    form_call,
    later,
    misfit,
    never,
    posted,
    quoted,
    segment,
    signing_credential,
    unclear,
)
from shared.channels._keys import no_handshake
from shared.channels._reading import link, text, whole
from shared.channels._sms import LIMIT, account_of, is_command, is_number, number_of
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility
from shared.domain.exchange import (
    About,
    Answer,
    Call,
    Capability,
    How,
    Outbound,
    Outcome,
    Refused,
    Response,
    Secret,
)
from shared.errors import Unreadable

ABOUT = About(
    title="SMS and MMS through Twilio",
    how=(How.PUSH,),
    docs="https://www.twilio.com/docs/messaging",
    checked=date(2026, 10, 31),
    acknowledging="on: the customer wrote to us in private; never to STOP, START or HELP, which Twilio answers itself",
    author="the telephone number only; there is nothing to look up",
    unproven="everything but the signatures, which match Twilio's published ones: no live number was at hand",
)

CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.DM: Capability(replies=True, limit=LIMIT, acknowledges=True),
}

# An empty answer in TwiML: any other text would be sent to the customer as a message.
ACCEPTED = Response(200, "<Response/>", "text/xml")

SETUP = Setup(
    wanted=(
        Wanted(
            name="account_id",
            ask="The number that customers write to, digits only with the country code",
            where="Twilio Console, Phone Numbers, Active numbers",
            secret=False,
        ),
        Wanted(
            name="account_sid",
            ask="The Account SID (AC...)",
            where="Twilio Console, Account Dashboard",
            secret=False,
        ),
        Wanted(
            name="signing",
            ask="The auth token; an API key does not sign",
            where="Twilio Console, Account Dashboard, Auth Token",
        ),
        Wanted(
            name="webhook_url",
            ask="The webhook's address exactly as Twilio is to call it, query and all",
            where="printed by this command; or the same on a domain of your own",
            secret=False,
            offered="{webhook_url}",
        ),
        Wanted(
            name="messaging_service_sid",
            ask="The Messaging Service (MG...) to answer through, if the number belongs to one",
            where="Twilio Console, Messaging, Services",
            secret=False,
            optional=True,
        ),
        Wanted(
            name="number_sid",
            ask="The number's own SID (PN...), to set its webhook from here",
            where="Twilio Console, Phone Numbers, the number, Properties",
            secret=False,
            optional=True,
        ),
    ),
    ticks=(
        'Phone Numbers, the number, Messaging Configuration: "A message comes in" = Webhook, {webhook_url}, HTTP POST',
        '"Primary handler fails": the same address',
        "Messaging Service, Integration: leave webhooks to the number (Defer to sender's webhook), or enter it there",
    ),
)

_CHANNEL = "sms"
_API = "https://api.twilio.com/2010-04-01/Accounts"
_MOST_MEDIA = 10  # of one MMS
_INBOUND = frozenset({"received", "receiving"})
_FAILED = frozenset({"failed", "undelivered", "canceled"})

# twilio.com/docs/api/errors, by what can be done about them
_WORN_OUT = frozenset({14107, 20429, 30001})
_ACCOUNT = frozenset({20003, 20005, 21606, 21659, 21660, 21661, 21703, 21705, 30002})
_REASONS: Mapping[int, str] = {
    21211: "The customer's number is not one that can be written to.",
    21408: "The account may not send to the customer's country: allow it under Messaging, Geo permissions.",
    21610: "The customer has opted out (STOP): nothing may be sent until they write START.",
    21614: "The customer's number cannot receive text messages.",
    21617: "The text is longer than Twilio takes.",
    30007: "The carrier filtered the text.",
}

challenge, verify, sign = no_handshake, _sms_signature.verify, _sms_signature.sign


# Reading


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - Twilio writes no time of its own
    """The one event of a delivery: what a customer wrote, or what became of a text of ours. Raises Unreadable."""
    form = _form(body)
    if not form:
        raise Unreadable("The body is not a form with parameters.")
    sid = form.get("MessageSid") or form.get("SmsSid") or form.get("SmsMessageSid")
    if sid is None:
        what = "a call" if "CallSid" in form else "a form without MessageSid"
        return (Event(kind=Kind.UNKNOWN, channel=_CHANNEL, account_id=account_of(form.get("To")), detail=what),)
    status = form.get("MessageStatus") or form.get("SmsStatus") or "received"
    return (_inbound(sid, form) if status in _INBOUND else _status(sid, status, form),)


def _form(body: bytes) -> Mapping[str, str]:
    """The first value of every parameter that has one."""
    read = parse_qsl(body.decode("utf-8", "replace"), errors="replace")
    return {name: value for name, value in reversed(read)}  # noqa: C416 - the first of a name wins


def _inbound(sid: str, form: Mapping[str, str]) -> Event:
    customer, ours = form.get("From"), form.get("To")
    spoken = form.get("Body")
    other = _other_network(customer)
    return Event(
        kind=Kind.UNKNOWN if other else Kind.MESSAGE,
        channel=_CHANNEL,
        account_id=account_of(ours),
        surface=Surface.DM,
        visibility=Visibility.PRIVATE,
        thread_id=customer,
        message_id=sid,
        author_id=customer,
        text=spoken,
        attachments=_media(form),
        in_reply_to=form.get("OriginalRepliedMessageSid"),
        customer_id=customer,
        detail=f"a message over {other}, not a text message" if other else _keyword(form),
        automated=_keyword(form) is not None or not (other or is_number(customer)),
    )


def _other_network(address: str | None) -> str | None:
    """Twilio carries other networks on the same webhook: their addresses say which, as in whatsapp:+49..."""
    network, colon, _ = (address or "").partition(":")
    return network if colon else None


def _keyword(form: Mapping[str, str]) -> str | None:
    """Twilio answers these itself, and only with Advanced Opt-Out does it say so: then nobody else's machine should."""
    named = form.get("OptOutType")
    if named:
        return f"keyword {named}"
    return f"keyword {(form.get('Body') or '').strip().upper()}" if is_command(form.get("Body")) else None


def _media(form: Mapping[str, str]) -> tuple[Attachment, ...]:
    """The media of an MMS; their links need the account's own credentials."""
    numbers = [n for n in range(_MOST_MEDIA) if f"MediaUrl{n}" in form or f"MediaContentType{n}" in form]
    return tuple(Attachment(_sort(form.get(f"MediaContentType{n}")), link(form.get(f"MediaUrl{n}"))) for n in numbers)


def _sort(content_type: str | None) -> str:
    sort = (content_type or "").partition("/")[0].lower()
    return sort if sort in {"image", "video", "audio"} else "file"


def _status(sid: str, status: str, form: Mapping[str, str]) -> Event:
    """What became of a text of ours: a status callback, in which we are the sender."""
    code = form.get("ErrorCode")
    failure = f"failed: error {code}" if code else "failed"
    return Event(
        kind=Kind.READ if status == "read" else Kind.STATUS,
        channel=_CHANNEL,
        account_id=account_of(form.get("From")),
        surface=Surface.DM,
        visibility=Visibility.PRIVATE,
        thread_id=form.get("To"),
        message_id=sid,
        customer_id=form.get("To"),
        detail=failure if status in _FAILED else status,
    )


# Answering


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - no window
    """The call that sends it, from the number that the customer wrote to.

    Source: twilio.com/docs/messaging/api/message-resource.
    """
    if outbound.surface is not Surface.DM:
        return never(f"A text message cannot answer on the surface {outbound.surface}.")
    if not is_number(outbound.thread_id):
        return never("The sender is not a telephone number, so no text message can reach it.")
    misfits = misfit(outbound.text, CAPABILITIES[Surface.DM])
    account_sid, authorization = credential(secret, "account_sid"), _authorization(secret)
    if misfits or isinstance(account_sid, Refused) or isinstance(authorization, Refused):
        return misfits or next(r for r in (account_sid, authorization) if isinstance(r, Refused))
    service = secret.credentials.get("messaging_service_sid", "").strip()
    sender = {"MessagingServiceSid": service} if service else {"From": number_of(secret.account_id)}
    callback = link(secret.credentials.get("webhook_url"))
    parameters = {
        "To": outbound.thread_id,
        **sender,
        "Body": text(outbound.text) or "",
        **({"StatusCallback": callback} if callback else {}),
    }
    return form_call(f"{_API}/{segment(account_sid)}/Messages.json", parameters, authorization)


def outcome(answer: Answer) -> Outcome:
    """What Twilio's answer means. After a fault of its own nothing is repeated: no key makes that safe. Total."""
    said = content(answer)
    sid = text(said.get("sid"))
    code = whole(said.get("code")) or whole(said.get("error_code"))
    if 200 <= answer.status < 300:
        if sid is None:
            return unclear("Twilio", answer)
        refused = _refusal(code, said.get("error_message")) if text(said.get("status")) in _FAILED else None
        return refused or posted(sid)
    if answer.status >= 500 or answer.status == 408:
        return unclear("Twilio", answer)
    if code in _WORN_OUT or answer.status == 429:
        return later("Twilio", answer)
    return _refusal(code, said.get("message")) or by_status("Twilio", answer, said.get("message"))


def _refusal(code: int | None, words: object) -> Refused | None:
    """What an error's number means where it says more than the HTTP status."""
    if code is None:
        return None
    if code in _REASONS:
        return never(f"{_REASONS[code]} ({code})")
    if code in _ACCOUNT:
        return blocked(f"Twilio does not let this account or number send ({code}).{quoted(words)}")
    return never(f"Twilio refused it ({code}).{quoted(words)}")


def _authorization(secret: Secret) -> dict[str, str] | Refused:
    """Basic authentication with account SID and auth token, which is the key that signs deliveries."""
    account_sid, token = credential(secret, "account_sid"), signing_credential(secret, "auth token")
    if isinstance(account_sid, Refused):
        return account_sid
    return token if isinstance(token, Refused) else basic(account_sid, token)


# Connecting


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:
    """Set the number's webhook, where its SID is known.

    Source: twilio.com/docs/phone-numbers/api/incomingphonenumber-resource.
    """
    account_sid, number_sid = (secret.credentials.get(n, "").strip() for n in ("account_sid", "number_sid"))
    authorization = _authorization(secret)
    if not account_sid or not number_sid or isinstance(authorization, Refused):
        return ()
    url = f"{_API}/{segment(account_sid)}/IncomingPhoneNumbers/{segment(number_sid)}.json"
    parameters = {
        "SmsUrl": webhook_url,
        "SmsMethod": "POST",
        "SmsFallbackUrl": webhook_url,
        "SmsFallbackMethod": "POST",
    }
    return (form_call(url, parameters, authorization),)


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """A look at the account itself."""
    authorization = _authorization(secret)
    if isinstance(authorization, Refused):
        return None
    sid = segment(secret.credentials["account_sid"].strip())
    return Call(method="GET", url=f"{_API}/{sid}.json", headers=authorization)


def proven(answer: Answer) -> Proof | Refused:
    """Whose account it is, if it may send. Total."""
    said = content(answer)
    if answer.status != 200:
        refused = by_status("Twilio", answer, said.get("message"))
        return refused if isinstance(refused, Refused) else never(f"Twilio could not be asked ({answer.status}).")
    if text(said.get("status")) != "active":
        return blocked(f"The Twilio account is {text(said.get('status')) or 'in no known state'}, not active.")
    return Proof(who=text(said.get("friendly_name")) or "a Twilio account")
