"""Any RSS or Atom feed: Google Alerts, a forum, a news page. What it holds was written about us and not to us.

Credentials of an account: `url`, the feed's https address, the only one that is ever called; it may hold a secret. With
`only`, phrases set apart by commas, an entry counts only if it holds one of them. The account's id is a name of the
company's own choice. Sources: RFC 4287 (Atom); www.rssboard.org/rss-specification; RFC 9110, 13.1 (conditional
requests); support.google.com/websearch/answer/4815696 (Google Alerts).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from shared.channels import _feed_entries as entries
from shared.channels._asking import trouble, until_date
from shared.channels._calling import LONGEST_WAIT, blocked, by_hand, credential, fetched, json_object, wait
from shared.channels._reading import Json, link, obj, read_json, text, when
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Event, Kind, Surface, Visibility
from shared.domain.exchange import (
    About,
    Answer,
    Call,
    Capability,
    How,
    Outbound,
    Outcome,
    Refusal,
    Refused,
    Secret,
)
from shared.domain.listening import ListeningRule, wanted
from shared.domain.polling import Ask, Feed, Item, Page

ABOUT = About(
    title="Any RSS or Atom feed, such as Google Alerts",
    how=(How.POLL,),
    docs="https://www.rfc-editor.org/rfc/rfc4287",
    checked=date(2026, 11, 21),
    acknowledging="off, always: nobody wrote to us",
    author="the name in the entry, or the site's; nothing to look up",
    unproven="run against documents of the specifications only; no Google Alert was at hand",
)

CAPABILITIES: Mapping[Surface, Capability] = {Surface.MENTION: Capability(replies=False, limit=0)}

FEEDS: tuple[Feed, ...] = (
    Feed(name="entries", every=timedelta(minutes=15), overlap=timedelta(days=2), forward=True, pages=2),
)

SETUP = Setup(
    wanted=(
        Wanted(
            name="account_id", ask="A short name for this feed", where="your own choice, such as alerts-brand",
            secret=False,
        ),
        Wanted(
            name="url",
            ask="The feed's address",
            where=(
                "Google Alerts: google.com/alerts, Show options, Deliver to: RSS feed, then the feed's sign; elsewhere "
                "the address behind the RSS sign of the page"
            ),
        ),
        Wanted(
            name="only",
            ask="Phrases of which an entry must hold one, set apart by commas",
            where="your own choice; leave it empty to be shown every entry",
            secret=False,
            optional=True,
        ),
    ),
    ticks=("Nothing has to be entered anywhere: the feed is asked every quarter of an hour.",),
)  # fmt: skip

_CHANNEL = "feed"
_LARGEST = 4 * 1024 * 1024  # bytes of one document
_LONGEST_VALIDATOR = 300
_LONGEST_HOST = 253
_ACCEPT = "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5"


# Reading


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """One event for each entry that the poller fetched. Raises Unreadable for what is not JSON."""
    found = fetched(obj(read_json(body)))
    if found is None:
        return (Event(kind=Kind.UNKNOWN, channel=_CHANNEL, detail="a body that the poller did not make"),)
    account_id, _, items = found
    base = Event(kind=Kind.UNKNOWN, channel=_CHANNEL, account_id=text(account_id))
    events = tuple(_event(base, entry) for entry in items)
    return events or (replace(base, detail="nothing was fetched"),)


def _event(base: Event, entry: Json) -> Event:
    """An entry is a conversation of its own; whose it is, its author tells, else the site that published it."""
    entry_id, target = text(entry.get("id")), link(entry.get("link"))
    if entry_id is None:
        return replace(base, detail="an entry without a name")
    author = text(entry.get("author"))
    site = text(entry.get("site")) or _host(target)
    return replace(
        base,
        kind=Kind.MESSAGE,
        surface=Surface.MENTION,
        visibility=Visibility.PUBLIC,
        thread_id=entry_id,
        message_id=entry_id,
        author_id=author or site,
        author_name=author or site,
        text="\n\n".join(part for part in (text(entry.get("title")), text(entry.get("text"))) if part) or None,
        language=text(entry.get("language")),
        sent_at=when(entry.get("published")),
        link=target,
        customer_id=author or site or entry_id,
        unaddressed=True,
    )


# Asking


def ask(ask: Ask, secret: Secret) -> Call | Refused:
    """The call for the whole feed, but only if it changed since the cursor (RFC 9110, 13.1.2 and 13.1.3)."""
    url = credential(secret, "url")
    if isinstance(url, Refused):
        return url
    if not _is_address(url):
        return blocked(f"The url of the account {secret.account_id} is no https address of a feed: enter it again.")
    known = _validators(ask.cursor)
    conditions = {
        header: value
        for header, name in (("if-none-match", "etag"), ("if-modified-since", "modified"))
        if (value := text(known.get(name))) is not None
    }
    return Call(method="GET", url=url, headers={"accept": _ACCEPT, **conditions})


def page(ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:
    """The entries since `ask.since`; none where the feed did not change. Total."""
    if answer.status == 304:
        return Page(items=(), cursor=ask.cursor)
    refused = _moved(answer) or trouble("The feed", answer)
    if refused is not None:
        return _when_wanted(refused, answer)
    if len(answer.body) > _LARGEST:
        return Refused(refusal=Refusal.NEVER, reason=f"The feed is larger than {_LARGEST:,} bytes.")
    read = entries.read(answer.body, answer.headers.get("content-type", ""))
    if read is None:
        return blocked("What stands at the feed's address is no RSS and no Atom: enter the feed's own address.")
    cursor = _cursor(answer, read)
    if _validators(ask.cursor).get("names") == _validators(cursor).get("names"):
        return Page(items=(), cursor=cursor)
    return Page(items=[_item(entry) for entry in read if _counts(entry, ask, secret)], cursor=cursor)


def _item(entry: Mapping[str, str]) -> Item:
    return Item(item_id=entry["id"], at=when(entry.get("published")), raw=dict(entry))


def _counts(entry: Mapping[str, str], ask: Ask, secret: Secret) -> bool:
    """Whether the entry is not too old, and holds one of the account's phrases where it has any."""
    published = when(entry.get("published"))
    if published is not None and published < ask.since:
        return False
    phrases = tuple(p.strip() for p in secret.credentials.get("only", "").split(",") if p.strip())
    event = Event(
        kind=Kind.MESSAGE, channel=_CHANNEL, text=f"{entry.get('title', '')}\n{entry.get('text', '')}",
        language=entry.get("language"),
    )  # fmt: skip
    return not phrases or wanted(ListeningRule(name="only", phrases=phrases), event)


def _when_wanted(refused: Refused, answer: Answer) -> Refused:
    """With the wait that the server asks for, as seconds or as a date, with 429 or with 503."""
    asked = answer.status in {429, 503} and refused.refusal is Refusal.LATER
    return replace(refused, after=refused.after or wait(answer) or until_date(answer)) if asked else refused


def _moved(answer: Answer) -> Refused | None:
    """What no waiting mends: the feed is gone or has moved. Nobody is led there by an answer, and of where it went the
    host alone is told: the rest of a feed's address may be its secret.
    """
    if answer.status in {404, 410}:
        return blocked(f"The feed is gone ({answer.status}): enter another one, or remove the account.")
    if answer.status not in {301, 302, 303, 307, 308}:
        return None
    if answer.status in {301, 308}:
        host = _host(link(answer.headers.get("location")))
        where = f" to {host[:_LONGEST_HOST]}" if host else ""
        return blocked(
            f"The feed has moved{where} ({answer.status}): open its address in a browser and, if where that leads is "
            "right, enter the new one."
        )
    reason = f"The feed's address leads elsewhere for the moment ({answer.status}), where nothing is asked."
    return Refused(refusal=Refusal.LATER, reason=reason, after=timedelta(hours=1))


def _cursor(answer: Answer, read: Sequence[Mapping[str, str]]) -> str:
    """What tells that the feed is still the same: the server's own words, and for servers that say none, or write a new
    time into each document, a hash of its entries' names.
    """
    names = "\n".join(entry["id"] for entry in read)
    found = {
        "etag": _said(answer, "etag"),
        "modified": _said(answer, "last-modified"),
        "names": hashlib.sha256(names.encode("utf-8", "replace")).hexdigest()[:32],
    }
    return json.dumps({name: value for name, value in found.items() if value})


def _said(answer: Answer, header: str) -> str | None:
    """A header as it came, if it can be sent back."""
    value = answer.headers.get(header, "")
    usable = len(value) <= _LONGEST_VALIDATOR and value.isascii() and value.isprintable()
    return value if usable and value.strip() else None


def _validators(cursor: str | None) -> Json:
    return json_object((cursor or "").encode("utf-8", "replace"))


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    return plain and parts.scheme == "https" and bool(parts.hostname) and parts.username is None


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url or "").hostname
    except ValueError:
        return None


# Answering


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """Never: a feed only reads."""
    return by_hand("A feed only tells what was written elsewhere: answer there, if an answer is due.")


def outcome(answer: Answer) -> Outcome:  # noqa: ARG001 - the protocol's signature
    """Nothing is ever posted. Total."""
    return by_hand("A feed takes no answers.")


# Connecting


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the protocol's signature
    """Nothing: a feed is asked."""
    return ()


def prove(secret: Secret, now: datetime) -> Call | None:
    """The feed itself."""
    call = ask(Ask(feed="entries", since=now - LONGEST_WAIT, now=now), secret)
    return None if isinstance(call, Refused) else call


def proven(answer: Answer) -> Proof | Refused:
    """The feed's own title. Total."""
    refused = _moved(answer) or trouble("The feed", answer)
    if refused is not None:
        return refused
    title = entries.title(answer.body[:_LARGEST], answer.headers.get("content-type", ""))
    return Proof(who=title) if title is not None else blocked("What stands there is no RSS and no Atom.")
