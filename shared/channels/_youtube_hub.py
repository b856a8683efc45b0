"""New videos of a channel, pushed by Google's hub: subscribing, the hub's question whether we did, its deliveries.

Sources: developers.google.com/youtube/v3/guides/push_notifications; www.w3.org/TR/websub, 5 and 7 to 9; RFC 6721
(deleted entries).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from shared.channels._calling import form_call, query
from shared.channels._keys import current_key, keys_of, knows_word, require
from shared.channels._reading import text, when
from shared.domain.events import Event, Kind
from shared.domain.exchange import Call, Request, Response, Secret
from shared.errors import Misconfigured, SignatureRejected, Unreadable

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element  # the type alone: what parses is defusedxml

HUB = "https://pubsubhubbub.appspot.com/subscribe"
LEASE = timedelta(days=5)  # asked for; the hub may grant less
WORD = "verify"  # the parameter of our own address that proves that we subscribed it ourselves

_TOPIC = "https://www.youtube.com/xml/feeds/videos.xml?channel_id="
_TOPIC_PATHS = frozenset({"/xml/feeds/videos.xml", "/feeds/videos.xml"})  # Google's pages name the one and the other
_TOPIC_HOSTS = frozenset({"www.youtube.com", "youtube.com"})
_SIGNATURE = "x-hub-signature"
_METHODS = {"sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}  # WebSub, 8; the hub itself uses sha1
_HEX = frozenset("0123456789abcdef")
_CHALLENGE = re.compile(r"[A-Za-z0-9_.~+/=-]{1,512}")
_LONGEST_SECRET = 200  # bytes; WebSub, 5.1
_ATOM = "{http://www.w3.org/2005/Atom}"
_YOUTUBE = "{http://www.youtube.com/xml/schemas/2015}"
_TOMBSTONE = "{http://purl.org/atompub/tombstones/1.0}"


def challenge(request: Request, secrets: tuple[Secret, ...]) -> Response | None:
    """The answer to the hub's question whether we want this subscription; None for a POST, which is a delivery. Total.

    Yes only for the topic of a channel of ours, and only where our own word comes back: else anybody could have the hub
    subscribe us with another secret, or stop. The challenge goes back if it is made of characters that mean nothing.
    """
    if request.method == "POST":
        return None
    if request.method != "GET":
        return Response(405, "Only GET and POST are answered here.")
    mode = request.query.get("hub.mode")
    if mode == "denied":
        return Response(200)
    if mode not in {"subscribe", "unsubscribe"} or not _is_ours(request.query.get("hub.topic"), secrets):
        return Response(404, "Nothing of ours was subscribed so.")
    if not any(knows_word(request.query.get(name), secrets) for name in ("hub.verify_token", WORD)):
        return Response(404, "This was not subscribed from here.")
    said = request.query.get("hub.challenge") or ""
    return Response(200, said) if _CHALLENGE.fullmatch(said) else Response(404, "hub.challenge is no challenge.")


def _is_ours(topic: str | None, secrets: tuple[Secret, ...]) -> bool:
    try:
        parts = urlsplit(topic or "")
        channels = parse_qs(parts.query).get("channel_id", [])
    except ValueError:
        return False
    known = {secret.account_id for secret in secrets}
    return parts.netloc in _TOPIC_HOSTS and parts.path in _TOPIC_PATHS and len(channels) == 1 and channels[0] in known


def verify(request: Request, secrets: tuple[Secret, ...]) -> None:
    """Accept a delivery that was signed with any account's key, over the raw bytes. Raises SignatureRejected.

    The header names the method; only those of the specification are computed.
    """
    header = request.headers.get(_SIGNATURE)
    if not header:
        raise SignatureRejected("The delivery has no X-Hub-Signature header.")
    method, _, digits = header.partition("=")
    if len(digits) != _METHODS.get(method) or not _HEX.issuperset(digits):
        raise SignatureRejected("The X-Hub-Signature header is not a method of WebSub and its hexadecimal digits.")
    require(bytes.fromhex(digits), keys_of(secrets), lambda key: hmac.digest(key, request.body, method))


def sign(body: bytes, secret: Secret) -> dict[str, str]:
    """The headers with which the hub would send this body. Raises Misconfigured where there is no usable key."""
    key = current_key(secret)
    if len(key) >= _LONGEST_SECRET:
        raise Misconfigured("The signing key is longer than the 199 bytes that a hub takes.")
    return {
        "content-type": "application/atom+xml",
        _SIGNATURE: f"sha1={hmac.digest(key, body, 'sha1').hex()}",
    }


def subscription(secret: Secret, callback: str) -> Call | None:
    """The call that asks the hub for new videos; None where no key is there to sign them with."""
    key = next((key for key in secret.signing if key.strip()), None)
    if key is None:
        return None
    word = query({WORD: secret.verify_token}) if secret.verify_token else ""
    form: dict[str, str | int] = {
        "hub.mode": "subscribe",
        "hub.topic": _TOPIC + secret.account_id,
        "hub.callback": f"{callback}?{word}" if word else callback,
        "hub.verify": "async",
        "hub.verify_token": secret.verify_token or "",
        "hub.secret": key,
        "hub.lease_seconds": int(LEASE.total_seconds()),
    }
    return form_call(HUB, form)


def pushed(body: bytes, channel: str) -> tuple[Event, ...]:
    """What the hub tells: a pointer for each new or renamed video, to its comments. Raises Unreadable.

    That we published something is nothing a customer said, and so no message; but comments come soonest below a new
    video, so its own are asked for at once.
    """
    root = _parsed(body)
    base = Event(kind=Kind.UNKNOWN, channel=channel)
    found = tuple(_events(root, base))
    return found or (Event(kind=Kind.UNKNOWN, channel=channel, detail="a push without an entry"),)


def _parsed(body: bytes) -> Element:
    from defusedxml.ElementTree import ParseError, fromstring  # here: only deliveries of the hub are XML

    try:
        root: Element = fromstring(body)
    except (
        ParseError,
        ValueError,
        LookupError,
    ) as error:  # ValueError: entities and the like, which are never expanded
        raise Unreadable(f"The body is not usable XML ({type(error).__name__}).") from error
    return root


def _events(root: Element, base: Event) -> Iterator[Event]:
    for child in root.iter():
        if child.tag == f"{_ATOM}entry":
            yield _entry(child, base)
        elif child.tag == f"{_TOMBSTONE}deleted-entry":
            yield _deleted(child, base)


def _entry(entry: Element, base: Event) -> Event:
    video_id, channel_id = _word(entry, f"{_YOUTUBE}videoId"), _word(entry, f"{_YOUTUBE}channelId")
    if video_id is None or channel_id is None:
        return Event(kind=Kind.UNKNOWN, channel=base.channel, account_id=channel_id, detail="an entry without a video")
    return Event(
        kind=Kind.POINTER,
        channel=base.channel,
        account_id=channel_id,
        message_id=video_id,
        sent_at=when(_word(entry, f"{_ATOM}updated")) or when(_word(entry, f"{_ATOM}published")),
        detail="video",
    )


def _deleted(entry: Element, base: Event) -> Event:
    by = entry.find(f"{_TOMBSTONE}by")
    uri = "" if by is None else (_word(by, f"{_ATOM}uri") or _word(by, "uri") or "")
    return Event(
        kind=Kind.STATUS,
        channel=base.channel,
        account_id=text(uri.rpartition("/channel/")[2]),
        message_id=text((entry.get("ref") or "").rpartition(":")[2]),
        sent_at=when(entry.get("when")),
        detail="deleted",
    )


def _word(entry: Element, name: str) -> str | None:
    return text((entry.findtext(name) or "").strip())
