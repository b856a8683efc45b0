"""The entries of an RSS or Atom document as small JSON: id, link, title, text, author, site, published, language.

The document is a stranger's: it is parsed from its bytes and nothing in it is ever fetched.
"""

from __future__ import annotations

import hashlib
import io
import re
from calendar import timegm
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from shared.channels._markup import plain
from shared.channels._reading import link, text
from shared.domain.events import iso

MOST = 200  # entries of one document; what stands below them is older

_LONGEST_ID = 500
_LONGEST_TITLE = 500
_LONGEST_TEXT = 2_000
_LONGEST_LINK = 2_000
_GOOGLE = re.compile(r"(?:www\.)?google\.[a-z.]{2,6}")
_TRACKING = re.compile(r"utm_.*|mc_[ce]id|fbclid|gclid|dclid|msclkid|igshid|ref_src|_hsenc|_hsmi|yclid", re.IGNORECASE)


def read(document: bytes, content_type: str) -> list[dict[str, str]] | None:
    """The entries in the document's order; None where it is no feed."""
    parsed = _parsed(document, content_type)
    if parsed is None:
        return None
    found = parsed.get("entries", [])[:MOST]
    times = Counter(map(_given_id, found))
    twins = {given for given in times if given is not None and times[given] > 1}
    language = _language(parsed.get("feed", {}))
    return [_entry(entry, language, is_shared=_given_id(entry) in twins) for entry in found]


def title(document: bytes, content_type: str) -> str | None:
    """The feed's title, or a word that it has none; None where the document is no feed."""
    parsed = _parsed(document, content_type)
    if parsed is None:
        return None
    return plain(parsed.get("feed", {}).get("title"))[:_LONGEST_TITLE] or "a feed without a title"


def unwrapped(url: str | None) -> str | None:
    """The address that a redirect of Google's names, by reading it alone, without what only serves to follow people."""
    for _ in range(2):
        parts = _split(url)
        if parts is None or not (_GOOGLE.fullmatch(parts.hostname or "") and parts.path == "/url"):
            break
        named = dict(parse_qsl(parts.query))
        url = link(named.get("url")) or link(named.get("q"))
    parts = _split(url)
    if parts is None:
        return None
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in parameters if not _TRACKING.fullmatch(name)]
    query = parts.query if len(kept) == len(parameters) else urlencode(kept)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))[:_LONGEST_LINK]


def _parsed(document: bytes, content_type: str) -> Mapping[str, Any] | None:
    import feedparser  # type: ignore[import-untyped]  # here: only this channel pays for it

    # As a stream: a str or bytes would be tried as an address or a file name first.
    headers = {"content-type": content_type, "content-location": ""}
    try:
        parsed: Mapping[str, Any] = feedparser.parse(
            io.BytesIO(document), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return None  # a parser for anything at all does not foresee everything
    return parsed if parsed.get("version") else None


def _entry(entry: Mapping[str, Any], language: str | None, *, is_shared: bool) -> dict[str, str]:
    target = unwrapped(link(entry.get("link")))
    headline = plain(entry.get("title"))[:_LONGEST_TITLE]
    published = _published(entry)
    made = {
        "id": _id(entry, target, headline, published, is_shared=is_shared),
        "link": target,
        "title": headline,
        "text": _text(entry)[:_LONGEST_TEXT],
        "author": plain(entry.get("author"))[:_LONGEST_TITLE],
        "site": plain(_of(entry.get("source"), "title"))[:_LONGEST_TITLE],
        "published": iso(published),
        "language": language,
    }
    return {name: value for name, value in made.items() if value}


def _id(
    entry: Mapping[str, Any], target: str | None, headline: str, published: datetime | None, *, is_shared: bool
) -> str:
    """The entry's own id; where it has none or shares it, its link; without one, its title and date."""
    given = _given_id(entry)
    if given is not None and not is_shared:
        return given if len(given) <= _LONGEST_ID else _hashed(given)
    if target is not None:
        return _hashed(f"{given or ''} {target}") if is_shared else target[:_LONGEST_ID]
    return _hashed(f"{given or ''} {headline} {iso(published) or ''}")


def _given_id(entry: Mapping[str, Any]) -> str | None:
    """The id of Atom or the guid of RSS. One that is an address keeps no tracking parameters."""
    given = text(entry.get("id"))
    return (unwrapped(link(given)) or given) if given is not None else None


def _hashed(name: str) -> str:
    return "sha256-" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _text(entry: Mapping[str, Any]) -> str:
    contents = entry.get("content")
    first = contents[0] if isinstance(contents, list) and contents else None
    return plain(entry.get("summary")) or plain(_of(first, "value"))


def _published(entry: Mapping[str, Any]) -> datetime | None:
    for name in ("published_parsed", "updated_parsed", "created_parsed"):
        parsed = entry.get(name)
        if parsed is None:
            continue
        try:
            return datetime.fromtimestamp(timegm(parsed), UTC)
        except (ValueError, OverflowError, OSError, TypeError):
            continue
    return None


def _language(feed: Mapping[str, Any]) -> str | None:
    said = text(feed.get("language"))
    return (
        said.strip() if said is not None and re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", said.strip()) else None
    )


def _of(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else None


def _split(url: str | None) -> SplitResult | None:
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return None
    return parts if parts.hostname else None
