"""HTML from strangers as plain words."""

from __future__ import annotations

from contextlib import suppress
from html.parser import HTMLParser

from shared.channels._reading import text

_LONGEST = 200_000
_BREAKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "blockquote"})
_SILENT = frozenset({"script", "style", "head", "template"})


def plain(html: object) -> str:
    """The words of some HTML, one line for each of its paragraphs."""
    reader = _Words()
    with suppress(AssertionError):  # how html.parser says that it met a declaration it cannot read; what it read counts
        reader.feed((text(html) or "")[:_LONGEST])
        reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.words).splitlines())
    return "\n".join(line for line in lines if line)


class _Words(HTMLParser):
    """Collects the words between the tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the signature is HTMLParser's
        """A break between lines, or the beginning of what is not shown."""
        if tag in _SILENT:
            self._silent += 1
        if tag in _BREAKS:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """The end of a line, or of what is not shown."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        if tag in _BREAKS:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        """Words."""
        if not self._silent:
            self.words.append(data)
