"""HTML mail as plain lines, without what its structure marks as history or signature.

A scanner of our own: it needs one pass, has no size it is slow at, and takes any text for HTML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

MOST_HTML = 256 * 1024  # characters that are looked at: head and styles come first and may be long

_DEEPEST_QUOTE = 5
_BULLET = "- "

_NAME = re.compile(r"/?[a-zA-Z][a-zA-Z0-9:-]{0,40}")
_QUOTE_OR_END = re.compile("[>\"']")
_ATTRIBUTE = re.compile(r"""([a-zA-Z][a-zA-Z-]{0,20})\s{0,3}=\s{0,3}("[^"]{0,1500}"|'[^']{0,1500}'|[^\s"'>]{1,600})""")
_BLANKS = re.compile("[ \t\r\n\f]+")
_UNREAD = frozenset({"style", "script", "title", "template", "textarea"})
_BLOCKS = frozenset(
    [
        "p",
        "div",
        "li",
        "tr",
        "table",
        "ul",
        "ol",
        "blockquote",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "pre",
        "section",
        "article",
        "header",
        "footer",
        "center",
        "dl",
        "dt",
        "dd",
    ]
)
_SPACED = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "ul", "ol", "table", "blockquote"])
_EMPTY = frozenset(
    ["br", "hr", "img", "meta", "link", "input", "area", "base", "col", "embed", "source", "track", "wbr"]
)

_QUOTE_NAMES = frozenset(  # class or id of an element that holds history
    {
        "gmail_quote",
        "gmail_quote_container",
        "gmail_attr",
        "moz-cite-prefix",
        "moz-email-headers-table",
        "yahoo_quoted",
        "protonmail_quote",
        "tutanota_quote",
        "zmail_extra",
        "outlookmessageheader",
        "ms-outlook-mobile-reference-message",
        "mail-editor-reference-message-container",
        "spark_quote",
        "nylas-quote",
        "front-blockquote",
        "hs_reply",
    }
)
_HISTORY_BEGINS = frozenset({"divrplyfwdmsg", "appendonsend", "stopspelling", "orimsghtmlseperator"})
_SIGNATURE_NAMES = frozenset(
    {
        "gmail_signature",
        "gmail_signature_prefix",
        "moz-signature",
        "applemailsignature",
        "ms-outlook-mobile-signature",
        "protonmail_signature_block",
        "zimbra_signature",
    }
)
_PERHAPS_SIGNATURE = "signature"  # Outlook on the web; what is typed may end up inside
_OUTLOOK_RULE = re.compile(r"border:none;border-top:solid(#?[a-z0-9]{3,12}|windowtext)1\.0pt")


class Role(Enum):
    """What the structure says about an element."""

    PLAIN = 0
    QUOTE = 1  # the element is history
    HISTORY_BEGINS = 2  # the element and all that follows it
    SIGNATURE = 3
    PERHAPS_SIGNATURE = 4
    UNSEEN = 5


_NOT_READ = frozenset({Role.QUOTE, Role.SIGNATURE, Role.UNSEEN})


class Tag(NamedTuple):
    """One tag, its name in lower case."""

    name: str
    closes: bool
    attributes: dict[str, str]


def reply_lines(source: str) -> str:
    """The text of an HTML mail without history and signature, in lines. What only may be a signature is left out where
    there is other text; text below a quote counts where there is none above it.
    """
    written = _rendered(source[:MOST_HTML], skipped=_NOT_READ | {Role.PERHAPS_SIGNATURE})
    return written if written.strip() else _rendered(source[:MOST_HTML], skipped=_NOT_READ)


def page_lines(source: str) -> str:
    """The text of an HTML mail as a reader sees it, history and all, in lines; links with their targets."""
    page = _Page()
    hidden: list[str] = []
    for token in _tokens(source[:MOST_HTML]):
        if hidden:
            _skip(token, hidden)
        elif isinstance(token, str):
            page.write(token)
        elif token.closes:
            page.close(token)
        elif _role_of(token) is Role.UNSEEN and token.name not in _EMPTY:
            hidden = [token.name]
        else:
            page.open(token)
    return page.text()


def _rendered(source: str, *, skipped: frozenset[Role]) -> str:
    page = _Page()
    skipping: list[str] = []  # open elements of the skipped one's name, itself included
    for token in _tokens(source):
        if skipping:
            _skip(token, skipping)
        elif isinstance(token, str):
            page.write(token)
        elif token.closes:
            page.close(token)
        else:
            role = _role_of(token)
            if role is Role.HISTORY_BEGINS or (role is Role.QUOTE and page.has_text):
                break
            if role in skipped:
                skipping = [] if token.name in _EMPTY else [token.name]
            else:
                page.open(token)
    return page.text()


def _skip(token: str | Tag, skipping: list[str]) -> None:
    if isinstance(token, str) or token.name != skipping[0]:
        return
    if token.closes:
        skipping.pop()
    else:
        skipping.append(token.name)


class _Page:
    """Lines as a browser would break them."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._depth = 0  # of block quotes
        self._link: tuple[str, int] | None = None  # its address, and where in the line its words begin
        self._preformatted = 0
        self.has_text = False

    def write(self, raw: str) -> None:
        words = html.unescape(raw)
        if self._preformatted:
            *full, last = words.split("\n")
            for line in full:
                self._line.append(line)
                self._break()
            words = last
        else:
            words = _BLANKS.sub(" ", words)
        if words.strip(" ") or (words and self._line):
            self._line.append(words)
            self.has_text = self.has_text or bool(words.strip())

    def open(self, tag: Tag) -> None:
        if tag.name == "br":
            self._break()
        elif tag.name == "a":
            self._link = (tag.attributes.get("href", ""), len(self._line))
        elif tag.name in _BLOCKS:
            self._block(spaced=tag.name in _SPACED and "msonormal" not in tag.attributes.get("class", "").lower())
            self._depth = min(self._depth + (tag.name == "blockquote"), _DEEPEST_QUOTE)
            self._preformatted += tag.name == "pre"
            if tag.name == "li":
                self._line.append(_BULLET)
        elif tag.name in {"td", "th"} and self._line:
            self._line.append(" ")

    def close(self, tag: Tag) -> None:
        if tag.name == "a" and self._link is not None:
            self._name_link(*self._link)
            self._link = None
        elif tag.name in _BLOCKS:
            self._block(spaced=False)
            self._depth -= tag.name == "blockquote" and self._depth > 0
            self._preformatted -= tag.name == "pre" and self._preformatted > 0

    def text(self) -> str:
        if self._line:
            self._break()
        return "\n".join(self._lines)

    def _name_link(self, address: str, start: int) -> None:
        """A link shown under other words would lose its target on a platform that takes text."""
        target = html.unescape(address).strip()
        shown = "".join(self._line[start:]).strip()
        if shown and target.startswith(("https://", "http://")) and not _same_target(shown, target):
            self._line.append(f" ({target})")

    def _block(self, *, spaced: bool) -> None:
        if self._line == [_BULLET]:
            return
        if "".join(self._line).strip(" "):  # a fixed blank alone is how Outlook writes an empty line
            self._break()
        self._line.clear()
        if spaced and self._lines and self._lines[-1].strip("> "):
            self._lines.append("> " * self._depth)

    def _break(self) -> None:
        line = "".join(self._line)
        self._lines.append("> " * self._depth + (line.rstrip() if self._preformatted else line.strip()))
        self._line.clear()
        if self._link is not None:
            self._link = (self._link[0], 0)


def _same_target(shown: str, target: str) -> bool:
    bare = target.partition("://")[2].removeprefix("www.").rstrip("/")
    return bare.startswith(shown.partition("://")[2] or shown.removeprefix("www.").rstrip("/")) or "@" in shown


def _role_of(tag: Tag) -> Role:
    named = {_own_name(n) for key in ("class", "id") for n in tag.attributes.get(key, "").lower().split()}
    style = "".join(tag.attributes.get("style", "").lower().split())
    if named & _HISTORY_BEGINS or (tag.name == "div" and _OUTLOOK_RULE.search(style)):
        return Role.HISTORY_BEGINS
    cited = tag.name == "blockquote" and tag.attributes.get("type", "").lower() == "cite"
    if cited or named & _QUOTE_NAMES:
        return Role.QUOTE
    if named & _SIGNATURE_NAMES:
        return Role.SIGNATURE
    if _PERHAPS_SIGNATURE in named:
        return Role.PERHAPS_SIGNATURE
    return Role.UNSEEN if "display:none" in style else Role.PLAIN


def _own_name(name: str) -> str:
    """Outlook on the web puts x_ before the names of mails it shows."""
    return name.removeprefix("x_")


def _tokens(source: str) -> Iterator[str | Tag]:
    """Text and tags in their order. Each character is looked at a bounded number of times."""
    position = 0
    trust_quotes = True
    while position < len(source):
        opening = source.find("<", position)
        if opening < 0:
            yield source[position:]
            return
        if opening > position:
            yield source[position:opening]
        name = _NAME.match(source, opening + 1)
        if name is None:
            position = _after_declaration(source, opening)
            if position == opening + 1:
                yield "<"
            continue
        end = _end_of_tag(source, name.end()) if trust_quotes else -1
        if end < 0:
            trust_quotes = False  # a quote stays open to the end: from here on tags end at the next bracket
            end = source.find(">", name.end())
        if end < 0:
            return
        tag = _tag(name.group(), source[name.end() : end])
        yield tag
        position = _after_unread(source, end + 1, tag)


def _after_declaration(source: str, opening: int) -> int:
    """The place after a comment or declaration, or after a bracket that is only text."""
    if source.startswith("<!--", opening):
        end = source.find("-->", opening + 4)
        return len(source) if end < 0 else end + 3
    if source[opening + 1 : opening + 2] in {"!", "?"}:
        end = source.find(">", opening)
        return len(source) if end < 0 else end + 1
    return opening + 1


def _end_of_tag(source: str, position: int) -> int:
    while True:
        found = _QUOTE_OR_END.search(source, position)
        if found is None:
            return -1
        if found.group() == ">":
            return found.start()
        closing = source.find(found.group(), found.end())
        if closing < 0:
            return -1
        position = closing + 1


def _tag(name: str, rest: str) -> Tag:
    if name.startswith("/"):
        return Tag(name[1:].lower(), closes=True, attributes={})
    attributes: dict[str, str] = {}
    for key, value in _ATTRIBUTE.findall(rest[:2_000]):
        attributes.setdefault(key.lower(), value.strip("\"'"))
    return Tag(name.lower(), closes=False, attributes=attributes)


def _after_unread(source: str, position: int, tag: Tag) -> int:
    """Behind an element whose content is no text; at the end where it is never closed."""
    if tag.closes or tag.name not in _UNREAD:
        return position
    closing = re.compile(f"</{tag.name}", re.IGNORECASE).search(source, position)
    return closing.start() if closing else len(source)
