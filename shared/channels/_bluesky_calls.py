"""Bluesky's calls: where an account's server is, its sessions, what is asked of it and what its errors mean.

Sources: github.com/bluesky-social/atproto, lexicons of com.atproto.server, app.bsky.notification, app.bsky.feed and
chat.bsky.convo; docs.bsky.app, "API Hosts and Auth", "Rate Limits"; atproto.com/specs/xrpc.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.channels._asking import no_page, until_reset
from shared.channels._calling import (
    bearer,
    blocked,
    by_status,
    content,
    credential,
    json_call,
    json_object,
    later,
    never,
    own_host,
    query,
    quoted,
    unclear,
)
from shared.channels._reading import Json, obj, objects, text, when, whole
from shared.domain.exchange import Answer, Call, Outcome, Refusal, Refused, Secret
from shared.domain.polling import Ask, Feed, Item, Page, Purpose

NOTIFICATIONS, OWN, MESSAGES, SEARCH = "notifications", "own", "messages", "search"
CHAT: Mapping[str, str] = {"atproto-proxy": "did:web:api.bsky.chat#bsky_chat"}
PER_PAGE = 50  # of at most 100: a page with its pictures' addresses has to fit into one answer

# A session may be opened 300 times a day, so it is renewed and not opened anew (docs.bsky.app, "Rate Limits").
RENEW_BEFORE = timedelta(minutes=30)

FEEDS = (
    # A post is listed by the time that its author's app wrote into it, if that is earlier: what was written offline, or
    # by a slow clock, shows up behind what was seen before it.
    Feed(name=NOTIFICATIONS, every=timedelta(minutes=1), overlap=timedelta(hours=2)),
    Feed(name=OWN, every=timedelta(minutes=2), pages=3),
    Feed(name=MESSAGES, every=timedelta(minutes=1), forward=True),
    Feed(name=SEARCH, purpose=Purpose.LISTENING, every=timedelta(minutes=10), pages=3),
)

_ENTRYWAY = "bsky.social"
_ADDRESSED = frozenset({"mention", "reply", "quote"})
_LOG = "chat.bsky.convo.defs#log"
_UNTOLD = frozenset(
    f"{_LOG}{what}"
    for what in (
        "BeginConvo", "AcceptConvo", "LeaveConvo", "MuteConvo", "UnmuteConvo", "ReadMessage", "ReadConvo",
        "AddMember", "RemoveMember", "MemberJoin", "MemberLeave", "LockConvo", "UnlockConvo", "LockConvoPermanently",
        "EditGroup", "CreateJoinLink", "EditJoinLink", "EnableJoinLink", "DisableJoinLink", "IncomingJoinRequest",
        "ApproveJoinRequest", "RejectJoinRequest", "OutgoingJoinRequest", "WithdrawJoinRequest",
    )
)  # fmt: skip


def did_of(account_id: str) -> str:
    """The account's DID: names of secrets take no colons, so account ids have dots in their place."""
    return account_id.replace(".", ":", 2)


def xrpc(secret: Secret, method: str) -> str | Refused:
    """The address of a method at the account's own server, which passes on what other services answer.

    The server is named by the account's `pds`, and only as a plain host name: its address is no part of any payload.
    """
    host = own_host(secret, "pds", _ENTRYWAY)
    return host if isinstance(host, Refused) else f"https://{host}/xrpc/{method}"


def get(secret: Secret, method: str, parameters: str, headers: Mapping[str, str] | None = None) -> Call | Refused:
    """A reading call with the account's session."""
    proof, url = bearer(secret), xrpc(secret, method)
    if isinstance(proof, Refused):
        return proof
    if isinstance(url, Refused):
        return url
    return json_call("GET", f"{url}?{parameters}" if parameters else url, {**proof, **(headers or {})})


def post(
    secret: Secret, method: str, payload: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> Call | Refused:
    """A writing call with the account's session."""
    proof, url = bearer(secret), xrpc(secret, method)
    if isinstance(proof, Refused):
        return proof
    if isinstance(url, Refused):
        return url
    return json_call("POST", url, {**proof, **(headers or {})}, payload)


# Sessions


def expires(secret: Secret) -> datetime | None:
    """When the session's access token ends, as it says itself; the past where there is none yet."""
    token = secret.credentials.get("access_token", "")
    return _ends(token) or datetime.fromtimestamp(0, UTC)


def renew(secret: Secret, now: datetime) -> Call | Refused | None:
    """The next session: by the refresh token, which works once; opened anew only where none still runs."""
    refresh = secret.credentials.get("refresh_token", "")
    ends = _ends(refresh)
    if ends is not None and ends > now:
        url = xrpc(secret, "com.atproto.server.refreshSession")
        return url if isinstance(url, Refused) else json_call("POST", url, {"authorization": f"Bearer {refresh}"})
    return opened(secret)


def opened(secret: Secret) -> Call | Refused:
    """The call that opens a session with the app password."""
    password, url = credential(secret, "app_password"), xrpc(secret, "com.atproto.server.createSession")
    if isinstance(password, Refused):
        return password
    if isinstance(url, Refused):
        return url
    return json_call("POST", url, payload={"identifier": did_of(secret.account_id), "password": password})


def renewed(secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:  # noqa: ARG001 - the protocol's signature
    """The account with its new pair of tokens. A refresh token that is used up is dropped: the next renewal logs in."""
    said = content(answer)
    access, refresh = text(said.get("accessJwt")), text(said.get("refreshJwt"))
    if answer.status == 200 and access and refresh:
        return _with(secret, access_token=access, refresh_token=refresh)
    used_up = answer.status in {400, 401} and text(said.get("error")) in {"ExpiredToken", "InvalidToken"}
    if used_up and secret.credentials.get("refresh_token") and secret.credentials.get("app_password"):
        return _with(secret, refresh_token="")
    return no_page(meaning(answer))


def _with(secret: Secret, **tokens: str) -> Secret:
    kept = {name: value for name, value in {**secret.credentials, **tokens}.items() if value}
    return replace(secret, credentials=kept)


def _ends(token: str) -> datetime | None:
    """The `exp` of a JWT. It is only read here: whether the token is good is the server's to say."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
    except (binascii.Error, ValueError):
        return None
    return when(whole(json_object(claims).get("exp")))


# Asking


def ask(wanted: Ask, secret: Secret) -> Call | Refused:
    """The call for one page of a feed."""
    if wanted.ids or wanted.reference:
        return never("Posts of Bluesky are never edited, and nothing is pointed at: only pages are asked for.")
    place = wanted.token or wanted.cursor
    at = {"cursor": place} if place else {}
    page_of: dict[str, str | int] = {"limit": PER_PAGE, **at}
    match wanted.feed:
        case "notifications":
            reasons = "&".join(f"reasons={reason}" for reason in sorted(_ADDRESSED))
            return get(secret, "app.bsky.notification.listNotifications", f"{query(page_of)}&{reasons}")
        case "own":
            actor = {"actor": did_of(secret.account_id), "filter": "posts_with_replies"}
            return get(secret, "app.bsky.feed.getAuthorFeed", query({**actor, **page_of}))
        case "messages":
            return get(secret, "chat.bsky.convo.getLog", query(at), CHAT)
        case "search" if wanted.phrase:
            return get(secret, "app.bsky.feed.searchPosts", query({**_search(wanted.phrase), **page_of}))
    return never(f"Bluesky has no feed {wanted.feed!r} to ask for.")


def _search(phrase: str) -> dict[str, str]:
    return {"q": '"{}"'.format(phrase.replace('"', " ")), "sort": "latest"}


def page(wanted: Ask, answer: Answer, secret: Secret) -> Page | Refused:
    """What the answer holds. A page may be short or empty and still not be the last: only a missing cursor ends it."""
    said = content(answer)
    name = {NOTIFICATIONS: "notifications", OWN: "feed", MESSAGES: "logs"}.get(wanted.feed, "posts")
    if answer.status != 200 or not isinstance(said.get(name), list):
        return no_page(meaning(answer))
    found, cursor = tuple(objects(said[name])), text(said.get("cursor"))
    if wanted.feed == MESSAGES:
        return _log(wanted, found, cursor)
    items = [item for item in map(_READ[wanted.feed], found) if item is not None] if wanted.feed in _READ else []
    if wanted.feed == OWN:
        items = [item for item in items if _is_answer(item.raw, did_of(secret.account_id))]
    if wanted.feed == NOTIFICATIONS and cursor is None:
        cursor = _left_out(wanted, found)
    return Page(items=items, next=cursor)


def _left_out(wanted: Ask, found: tuple[Json, ...]) -> str | None:
    """The cursor, which is the last notification's time: it was seen to be left out. How many there are tells nothing,
    for what was not asked for is taken off a page that is cut already; so the end is a page without any.
    """
    last = text(found[-1].get("indexedAt")) if found else None
    return None if last == wanted.token else last


def _notified(raw: Json) -> Item | None:
    """Filtered here too: the server filters after it has cut the page. Whether it was read says nothing of us."""
    uri = text(raw.get("uri"))
    if uri is None or text(raw.get("reason")) not in _ADDRESSED:
        return None
    return Item(item_id=uri, at=when(raw.get("indexedAt")), raw=raw)


def _from_feed(raw: Json) -> Item | None:
    shown = _found(obj(raw.get("post")))
    return None if shown is None else Item(item_id=shown.item_id, at=shown.at, raw=raw)


def _found(raw: Json) -> Item | None:
    uri = text(raw.get("uri"))
    return None if uri is None else Item(item_id=uri, at=when(raw.get("indexedAt")), raw=raw)


def _is_answer(raw: Mapping[str, object], did: str) -> bool:
    """Of what an account shows, only its own posts that answer something: no reposts, no posts that open a thread."""
    shown = obj(raw.get("post"))
    return obj(shown.get("author")).get("did") == did and bool(obj(obj(shown.get("record")).get("reply")))


_READ = {NOTIFICATIONS: _notified, OWN: _from_feed, SEARCH: _found}


def _log(wanted: Ask, logs: tuple[Json, ...], cursor: str | None) -> Page:
    """The log goes forward. What it holds of reading, muting, members and groups is left out; new words are kept."""
    items = [item for number, log in enumerate(logs) if (item := _logged(log, number)) is not None]
    return Page(items=items, cursor=cursor or wanted.cursor)


def _logged(log: Json, number: int) -> Item | None:
    kind = text(log.get("$type")) or ""
    if kind in _UNTOLD:
        return None
    message = obj(log.get("message"))
    at = when(obj(log.get("reaction")).get("createdAt")) or when(message.get("sentAt"))
    rev = text(log.get("rev")) or str(number)
    return Item(item_id=f"{kind.removeprefix(_LOG)} {text(message.get('id')) or ''}", revision=rev, at=at, raw=log)


# Errors

_TOKEN = frozenset({"InvalidToken", "AuthMissing", "AuthenticationRequired", "AccountTakedown", "AccountDeactivated"})
_NAMED: Mapping[str, str] = {
    "ConvoLocked": "The conversation is locked: nothing more can be written there.",
    "InvalidConvo": "There is no such conversation any more.",
    "ReplyTargetNotFound": "The message that is answered is gone.",
}


def meaning(answer: Answer) -> Outcome:
    """What an answer that is not the wanted one means. XRPC names the error and says a sentence. Never Posted."""
    said = content(answer)
    name, words = text(said.get("error")) or "", quoted(said.get("message"))
    if answer.status == 429 or name == "RateLimitExceeded":
        return later("Bluesky", answer, until_reset(answer, "ratelimit-reset"))
    if not 400 <= answer.status < 500:
        return unclear("Bluesky", answer)
    if name == "ExpiredToken":
        reason = "The session has run out and is being renewed."
        return Refused(refusal=Refusal.LATER, reason=reason, after=timedelta(minutes=2))
    if name in _TOKEN or answer.status in {401, 403}:
        return blocked(
            f"Bluesky does not accept the account's session ({answer.status} {name}): make a new app password, with "
            f"access to direct messages, and connect the account again.{words}"
        )
    if name in _NAMED:
        return never(_NAMED[name])
    return by_status("Bluesky", answer, said.get("message"))
