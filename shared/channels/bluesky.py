"""Bluesky: mentions, replies and quotes of the account, and its direct messages. Everything is asked for.

Account id: the account's DID with dots for its colons, "did.plc.abc". Credentials: `app_password`, made with access to
direct messages; `pds`, the host of the account's server (bsky.social where it is left out); `access_token` and
`refresh_token`, which renewal keeps. Sources: github.com/bluesky-social/atproto (lexicons); docs.bsky.app, "Posts",
"Links, mentions, and rich text", "Rate Limits"; atproto.com/specs/record-key and .../tid.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime

from shared.channels import _bluesky_calls as calls
from shared.channels._asking import no_page
from shared.channels._bluesky_events import events, ref
from shared.channels._calling import content, misfit, never, posted, query
from shared.channels._reading import obj, text, whole
from shared.domain.connecting import Profile, Proof, Setup, Wanted
from shared.domain.events import Event, Surface, iso
from shared.domain.exchange import (
    About,
    Answer,
    Call,
    Capability,
    How,
    Outbound,
    Outcome,
    Refused,
    Secret,
    Unit,
)
from shared.domain.length import length

ABOUT = About(
    title="Bluesky",
    how=(How.POLL,),
    docs="https://docs.bsky.app/docs/advanced-guides/posts",
    checked=date(2026, 11, 21),
    acknowledging="off: bots may speak in public only where they were asked to, and in direct messages few expect them",
    author="name, handle and verified mark come along; followers by one free call, not for direct messages",
    unproven="everything: no live account was at hand; what the log of messages holds when it is first read. A post "
    "that its author dated back by more than two hours may be missed, and that a post was deleted is not heard of",
)

CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.DM: Capability(replies=True, limit=1000, unit=Unit.GRAPHEMES, parts=5),
    Surface.COMMENT: Capability(replies=True, limit=300, unit=Unit.GRAPHEMES, parts=6),
    Surface.MENTION: Capability(replies=True, limit=300, unit=Unit.GRAPHEMES, parts=6),
}

SETUP = Setup(
    wanted=(
        Wanted(
            name="account_id",
            ask="The account's DID, with dots for its colons: did.plc.abc",
            where="bsky.social/xrpc/com.atproto.identity.resolveHandle?handle=<your handle>",
            secret=False,
        ),
        Wanted(name="app_password", ask="An app password", where="Settings, Privacy and Security, App Passwords"),
        Wanted(
            name="pds",
            ask="The host of the account's server, if it is not bsky.social",
            where="whoever runs your server",
            secret=False,
            optional=True,
        ),
    ),
    ticks=(
        'Tick "Allow access to your direct messages" when you make the app password.',
        'In Chat Settings allow messages from "Everyone", or strangers cannot write to you.',
    ),
)  # fmt: skip

FEEDS, RENEW_BEFORE = calls.FEEDS, calls.RENEW_BEFORE
ask, page = calls.ask, calls.page
expires, renew, renewed = calls.expires, calls.renew, calls.renewed

_MOST_BYTES: Mapping[Surface, int] = {Surface.DM: 10_000}
_MOST_BYTES_OF_A_POST = 3000
_POSTS = "app.bsky.feed.post"
_REF = re.compile(r"(at://[^#\s]+)#([A-Za-z0-9]+)")
_LINK = re.compile(r"https?://[^\s<>\"]+")
_AFTER_A_LINK = ".,;:!?)]}'"
_TID_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"
_TIDS_FROM = 1_577_836_800_000_000  # microseconds: 2020-01-01, so that a key of ours never lies in the future
_TIDS_FOR = 3 * 365 * 86_400_000_000  # microseconds


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """All events of what was fetched. Raises Unreadable for what is not JSON."""
    return events(body)


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
    """The call that posts it: a message into the conversation, or a post below the one that is answered."""
    capability = CAPABILITIES.get(outbound.surface)
    if capability is None:
        return never("Bluesky has no reviews to answer.")
    unfit = misfit(outbound.text, capability) or _too_many_bytes(outbound)
    if unfit is not None:
        return unfit
    if outbound.surface is Surface.DM:
        message = {"text": outbound.text, **_marked(outbound.text)}
        payload = {"convoId": outbound.thread_id, "message": message}
        return calls.post(secret, "chat.bsky.convo.sendMessage", payload, calls.CHAT)
    return _below(outbound, secret, now)


def outcome(answer: Answer) -> Outcome:
    """What Bluesky's answer to a post or message means. Total."""
    said = content(answer)
    native_id = ref(said) or text(said.get("id"))
    return posted(native_id) if answer.status == 200 and native_id else calls.meaning(answer)


# Posting


def _too_many_bytes(outbound: Outbound) -> Refused | None:
    """Besides what a reader takes for characters, the bytes are counted: a family of emoji has dozens."""
    limit = _MOST_BYTES.get(outbound.surface, _MOST_BYTES_OF_A_POST)
    size = length(outbound.text, Unit.BYTES)
    return never(f"The text has {size:,} bytes, {limit:,} are taken here: shorten it.") if size > limit else None


def _below(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
    root, parent = _named(outbound.thread_id), _named(outbound.in_reply_to or outbound.thread_id)
    if root is None or parent is None:
        return never("What is answered is not named by address and content, so Bluesky could not place the answer.")
    record = {
        "$type": _POSTS,
        "text": outbound.text,
        "createdAt": iso(now),
        "reply": {"root": root, "parent": parent},
        **_marked(outbound.text),
    }
    payload = {
        "repo": calls.did_of(outbound.account_id),
        "collection": _POSTS,
        "rkey": record_key(outbound.client_token),
        "record": record,
    }
    return calls.post(secret, "com.atproto.repo.createRecord", payload)


def _named(name: str) -> dict[str, str] | None:
    found = _REF.fullmatch(name)
    return None if found is None else {"uri": found[1], "cid": found[2]}


def record_key(client_token: str) -> str:
    """The key under which a text of ours is posted: always the same for the same text, so that a second post collides.

    It has the form of a TID, 13 digits of 5 bits that sort by time: microseconds in 53 bits, a clock's number in 10.
    """
    number = int.from_bytes(hashlib.sha256(client_token.encode("utf-8", "surrogatepass")).digest())
    tid = (_TIDS_FROM + (number >> 10) % _TIDS_FOR) << 10 | number & 1023
    return "".join(_TID_DIGITS[tid >> shift & 31] for shift in range(60, -1, -5))


def _marked(words: str) -> dict[str, object]:
    """The text's links as facets: Bluesky makes none by itself, and counts their places in bytes of UTF-8."""
    facets = [
        {
            "index": {"byteStart": start, "byteEnd": end},
            "features": [{"$type": "app.bsky.richtext.facet#link", "uri": uri}],
        }
        for start, end, uri in _links(words)
    ]
    return {"facets": facets} if facets else {}


def _links(words: str) -> Iterator[tuple[int, int, str]]:
    for found in _LINK.finditer(words):
        uri = found[0].rstrip(_AFTER_A_LINK)
        start = length(words[: found.start()], Unit.BYTES)
        yield start, start + length(uri, Unit.BYTES), uri


# Connecting


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the protocol's signature
    """Bluesky calls nobody: it is asked."""
    return ()


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Whose session it is; where there is none yet, it is opened."""
    if secret.credentials.get("access_token"):
        call = calls.get(secret, "com.atproto.server.getSession", "")
    else:
        call = calls.opened(secret)
    return None if isinstance(call, Refused) else call


def proven(answer: Answer) -> Proof | Refused:
    """The account's handle. Total."""
    said = content(answer)
    who = text(said.get("handle")) or text(said.get("did"))
    return Proof(who=f"@{who}") if answer.status == 200 and who else no_page(calls.meaning(answer))


# People


def look_up(customer_id: str, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """Who wrote in public. A direct message is named by its conversation, and its author's name came along."""
    if not customer_id.startswith("did:"):
        return never("A direct message tells the conversation only, and its author's name with it.")
    return calls.get(secret, "app.bsky.actor.getProfile", query({"actor": customer_id}))


def profile(answer: Answer) -> Profile | Refused:
    """Name, handle, followers and verified mark. Total."""
    said = content(answer)
    if answer.status != 200 or text(said.get("did")) is None:
        return no_page(calls.meaning(answer))
    mark = text(obj(said.get("verification")).get("verifiedStatus"))
    return Profile(
        name=text(said.get("displayName")),
        handle=text(said.get("handle")),
        followers=whole(said.get("followersCount")),
        verified=None if mark is None else mark == "valid",
    )
