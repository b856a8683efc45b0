"""Words, places and names that both dialects of X write alike."""

from __future__ import annotations

import re
from dataclasses import replace

from shared.channels._reading import link, obj, objects, text
from shared.domain.events import Event, Kind

REVOKED = "revoked: the account took its permission back from the app, so nothing comes and nothing goes any more"

POST = "post"  # the feed that fetches a post of which only the beginning came

_ESCAPED = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))  # the last one last, or "&amp;lt;" would become "<"
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,39}")
_HANDLE = re.compile(r"[A-Za-z0-9_]{1,30}")
_NO_LANGUAGE = re.compile(r"und|zxx|q[a-z]{2}")  # X: not known, no words, only links, only pictures
_CUT = re.compile(r"(?:\u2026|\.\.\.)(?:\s{1,3}https://(?:t\.co|twitter\.com|x\.com)/\S{1,60})?\Z")
_SHORTEST_CUT = 130  # characters; X cuts at 280 of weight, which are 140 of the heaviest
_SHORT_LINK = re.compile(r"https://t\.co/[A-Za-z0-9]{1,40}")
_NAMES_BEFORE = re.compile(r"(?:@[A-Za-z0-9_]{1,30}\s+)+(?=\S)")
_RENAMED = {"in": "id", "iw": "he", "ji": "yi"}


def words(value: object, entities: object = None) -> str | None:
    """A text of X, which comes with three characters escaped as in HTML, and with its links shortened."""
    said = text(value)
    for escaped, character in _ESCAPED:
        said = said.replace(escaped, character) if said else said
    written = {text(one.get("url")): link(one.get("expanded_url")) for one in objects(obj(entities).get("urls"))}
    return _SHORT_LINK.sub(lambda found: written.get(found[0]) or found[0], said) if said and written else said


def own_words(said: str | None) -> str | None:
    """Our answer without the names of those it answers, which X itself puts before it."""
    return _NAMES_BEFORE.sub("", said, count=1) if said and _NAMES_BEFORE.match(said) else said


def language(value: object) -> str | None:
    """The language X found in a text, as BCP 47 names it."""
    code = text(value)
    return None if code is None or _NO_LANGUAGE.fullmatch(code) else _RENAMED.get(code, code)


def status_link(handle: str | None, post_id: str | None) -> str | None:
    """Where a post is seen; without its author's handle X finds it too."""
    if post_id is None or not (post_id.isascii() and post_id.isdigit()):
        return None
    owner = handle if handle and _HANDLE.fullmatch(handle) else "i"
    return f"https://x.com/{owner}/status/{post_id}"


def conversation_link(customer_id: str | None) -> str | None:
    """Where a direct conversation is continued (docs.x.com, Direct Messages, deeplinks)."""
    if customer_id is None or not (customer_id.isascii() and customer_id.isdigit()):
        return None
    return f"https://x.com/messages/compose?recipient_id={customer_id}"


def word(value: object) -> str:
    """A name of X's own, safe to show; "something" for what does not look like one."""
    name = text(value) or ""
    return name if _WORD.fullmatch(name) else "something"


def is_cut(said: str | None) -> bool:
    """Whether a text looks like the beginning of a longer one."""
    return said is not None and len(said) >= _SHORTEST_CUT and _CUT.search(said[-100:]) is not None


def rest_of(message: Event, post_id: str) -> Event:
    """Says that a message has more text than came with it."""
    return Event(
        kind=Kind.POINTER,
        channel=message.channel,
        account_id=message.account_id,
        message_id=post_id,
        sent_at=message.sent_at,
        detail=POST,
    )


def unknown(base: Event, detail: str) -> Event:
    """What is no customer's word or could not be understood, by X's words for it."""
    return replace(base, kind=Kind.UNKNOWN, detail=detail)
