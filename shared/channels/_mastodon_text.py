"""The words of a Mastodon post: plain text out of its HTML, and its length as a server counts it.

Sources: docs.joinmastodon.org/spec/activitypub ("HTML sanitization"), .../user/posting ("Post"), .../entities/Status.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from shared.domain.exchange import Unit
from shared.domain.length import length

_BLOCKS = frozenset({"p", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "div"})
_TAG = re.compile(r"<[^<>]*>?")
_LINES = frozenset({"br", "li"})
_REMOTE_MENTION = re.compile(r"(?<![\w@/])(@[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)@[\w.-]+\w")


def plain(content: str) -> str:
    """The text a reader sees, with whole links: a server hides parts of a long one in invisible spans."""
    reader = _Reader()
    try:
        reader.feed(content)
        reader.close()
    except AssertionError:  # how html.parser says that it met a declaration it cannot read; no server writes any
        return _TAG.sub(" ", content).strip()
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.said)).strip()


def counted(words: str) -> int:
    """How long a server finds a text: a link is 23 characters, and of a mention the name counts, not its server."""
    return length(_REMOTE_MENTION.sub(r"\1", words), Unit.SHORT_LINKS)


def mentions(words: str, acct: str) -> bool:
    """Whether a text names the account in a way that reaches it."""
    return re.search(rf"(?<![\w@/])@{re.escape(acct)}(?![\w@]|[.-]\w)", words, re.IGNORECASE) is not None


def unaddressed(words: str, acct: str) -> str:
    """Our own words without the name of the person they are for, which we put in front of them."""
    name = re.escape(acct.partition("@")[0])
    return re.sub(rf"\A@{name}(?:@\S+)?\s+", "", words, count=1, flags=re.IGNORECASE)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._href: str | None = None  # of the link that is open, unless it is a mention or a hashtag
        self._link_from = 0
        self._left_out = 0  # depth inside the line that repeats a quoted post

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = given.get("class", "").split()
        if tag == "p" and "quote-inline" in classes:
            self._left_out = 1
        if tag in _BLOCKS:
            self._say("\n\n")
        elif tag in _LINES:
            self._say("\n")
        elif tag == "a" and not {"mention", "hashtag"}.intersection(classes):
            self._href, self._link_from = given.get("href"), len(self.said)

    def handle_endtag(self, tag: str) -> None:
        if tag == "p":
            self._left_out = 0
        if tag in _BLOCKS:
            self._say("\n\n")
        elif tag == "a" and self._href:
            shown = "".join(self.said[self._link_from :]).strip()
            if self._href not in {shown, f"http://{shown}", f"https://{shown}"}:
                self._say(f" ({self._href})")
            self._href = None

    def handle_data(self, data: str) -> None:
        self._say(data)

    def _say(self, words: str) -> None:
        if not self._left_out:
            self.said.append(words)
