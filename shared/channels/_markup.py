"""HTML from strangers as plain words: what a reader sees, and where its links lead.

Source: html.spec.whatwg.org, 15.3 ("Non-replaced elements"); docs.joinmastodon.org/spec/activitypub, "HTML
sanitization".
"""

from __future__ import annotations

import re
from contextlib import suppress
from html.parser import HTMLParser

from shared.channels._reading import text

_LONGEST = 200_000
_BLOCKS = frozenset({"p", "div", "blockquote", "pre", "ul", "ol", "dl", "table", "h1", "h2", "h3", "h4", "h5", "h6"})
_LINES = frozenset({"br", "li", "tr", "dt", "dd"})
_SILENT = frozenset({"script", "style", "head", "template"})
_NO_TARGET = frozenset({"mention", "hashtag"})  # links that say all by their words
_QUOTE_LINE = "quote-inline"  # Mastodon repeats the address of a quoted post for servers that cannot show it
_HARMLESS = re.compile(r"(?!(?:javascript|vbscript|data):)[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)
_DECLARATION = re.compile(r"<!(?!--)[^>]*>?")


def plain(html: object) -> str:
    """The words of some HTML: one line for each of its lines, an empty one between its paragraphs, and behind the words
    of a link where it leads, if they do not say so. What is only hidden by its style counts: servers hide parts of long
    links so.
    """
    given = (text(html) or "")[:_LONGEST]
    try:
        words = _read(given)
    except AssertionError:  # how html.parser says that it met a declaration it cannot read
        words = ""
        with suppress(AssertionError):
            words = _read(_DECLARATION.sub(" ", given))
    lines = (" ".join(line.split()) for line in words.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _read(html: str) -> str:
    reader = _Words()
    reader.feed(html)
    reader.close()
    return "".join(reader.words)


class _Words(HTMLParser):
    """Collects the words between the tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent = 0  # depth inside of what is not shown
        self._in_quote_line = False
        self._href: str | None = None  # of the link that is open
        self._link_from = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A break between lines, the beginning of a link, or that of what is not shown."""
        given = {name: value or "" for name, value in attrs}
        classes = given.get("class", "").split()
        if tag in _SILENT:
            self._silent += 1
        elif tag == "p":
            self._in_quote_line = _QUOTE_LINE in classes
        elif tag == "a":
            self._href = None if _NO_TARGET.intersection(classes) else given.get("href")
            self._link_from = len(self.words)
        self._break(tag)
        if tag in _LINES:  # not at its end too: <br/> has both
            self._say("\n")

    def handle_endtag(self, tag: str) -> None:
        """The end of a line, of a link, or of what is not shown."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "p":
            self._in_quote_line = False
        elif tag == "a":
            self._say(self._target())
            self._href = None
        self._break(tag)

    def handle_data(self, data: str) -> None:
        """Words."""
        self._say(data)

    def _target(self) -> str:
        """Where the link leads that ends here, unless its words are that address."""
        shown = "".join(self.words[self._link_from :]).strip()
        href = self._href or ""
        told = not shown or href in {shown, f"http://{shown}", f"https://{shown}"}
        return "" if told or _HARMLESS.fullmatch(href) is None else f" ({href})"

    def _break(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._say("\n\n")

    def _say(self, words: str) -> None:
        if not (self._silent or self._in_quote_line):
            self.words.append(words)
