"""Taking a mail apart (RFC 2045 to 2047, 2231), in linear time and without an exception, whatever the bytes.

The standard library's parser raises on some inputs and needs quadratic time on others; a mail may do neither here.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

MOST_TEXT = 512 * 1024  # bytes of one part that are decoded
_MOST_BODY = 3 * MOST_TEXT  # bytes of one part that are kept: encoded text is at most so much longer
_MOST_HEADER_BYTES = 256 * 1024
_MOST_HEADERS = 1_000
_MOST_VALUE = 4_000  # characters of one header field that are looked at
_DEEPEST = 12
_MOST_PARTS = 100

_LINE_END = re.compile(rb"\r\n|\n|\r")
_FIELD_NAME = re.compile(rb"[!-9;-~]{1,200}")
_WORD = re.compile(r"=\?([A-Za-z0-9_:.+*-]{1,60})\?([qQbB])\?([!->@-~]{0,1000})\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t]{1,20}(?==\?[A-Za-z0-9_:.+*-]{1,60}\?[qQbB]\?)")
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_NOT_BASE64 = bytes(byte for byte in range(256) if byte not in _BASE64)
# Character sets that mail comes in. Others of Python's codecs are no character sets, or slow on hostile input.
_CHARSETS = re.compile(
    r"ascii|utf-8|utf-16(-le|-be)?|utf-32(-le|-be)?|iso8859-\d+|cp\d+|koi8-[rut]|gb2312|gbk|gb18030|hz|big5(hkscs)?"
    r"|shift_jis\w*|euc_\w+|iso2022_\w+|johab|mac-\w+|tis-620|ptcp154|kz1048"
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """The value of a structured field: a word and its parameters, names in lower case."""

    value: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """A mail or one part of it. `children` are there for multipart types only."""

    headers: tuple[tuple[str, str], ...]  # names in lower case, values unfolded and not decoded
    body: bytes
    children: tuple[Part, ...] = ()

    def all(self, name: str) -> tuple[str, ...]:
        """The values of every field of exactly this name."""
        return tuple(value for known, value in self.headers if known == name)

    def first(self, name: str) -> str:
        """The first of them, or nothing."""
        return next(iter(self.all(name)), "")

    @property
    def content_type(self) -> Labelled:
        """The media type; text/plain where there is none that can be read."""
        read = labelled(self.first("content-type"))
        return read if read.value.count("/") == 1 else Labelled("text/plain", read.parameters)

    @property
    def disposition(self) -> Labelled:
        """Inline or attachment, where it says so."""
        return labelled(self.first("content-disposition"))

    @property
    def filename(self) -> str:
        """The name of the file, decoded, or nothing."""
        found = self.disposition.parameters.get("filename") or self.content_type.parameters.get("name") or ""
        return decoded_words(found)

    @property
    def content(self) -> bytes:
        """The bytes without their transfer encoding; no more than can be looked at."""
        return _unpacked(self.body, self.first("content-transfer-encoding").strip().lower())

    @property
    def text(self) -> str:
        """The content as text, in the declared character set or what else fits."""
        return decoded(self.content, self.content_type.parameters.get("charset", ""))


def parse(mime: bytes) -> Part:
    """The mail as a tree of parts, at most twelve deep and a hundred in number; what is beyond stays unparsed."""
    return _part(mime, 0, len(mime), 0, [_MOST_PARTS])


def labelled(value: str) -> Labelled:
    """A structured field value taken apart. Parameters may be quoted, continued and percent-encoded (RFC 2231)."""
    word, *rest = _split(value[:_MOST_VALUE])
    found: dict[str, str] = {}
    for piece in rest:
        name, equals, raw = piece.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), _unquoted(raw.strip()))
    return Labelled(word.strip().lower(), _joined(found))


def decoded_words(value: str) -> str:
    """The value with its encoded words (RFC 2047) as text."""
    return _WORD.sub(_word, _BETWEEN_WORDS.sub(r"\1", value[:_MOST_VALUE]))


def decoded(raw: bytes, charset: str) -> str:
    """The bytes as text: by the declared character set, else as UTF-8, else as Windows-1252."""
    for name in (_codec(charset), "utf-8"):
        try:
            if name is not None:
                return raw.decode(name).removeprefix("\ufeff")
        except (UnicodeError, ValueError):
            continue
    if _codec(charset) in {None, "ascii", "utf-8"}:
        return raw.decode("cp1252", "replace")
    return raw.decode(_codec(charset) or "utf-8", "replace")


def _part(raw: bytes, start: int, end: int, depth: int, budget: list[int]) -> Part:
    """The part between two places. Nothing is copied but what can be looked at: large mails come in many layers."""
    headers, begin = _headers(raw, start, end)
    children: list[Part] = []
    for first, last in _pieces(raw, begin, end, _delimiter(headers) if depth < _DEEPEST else b""):
        if budget[0] <= 0:
            break
        budget[0] -= 1
        children.append(_part(raw, first, last, depth + 1, budget))
    return Part(headers, b"" if children else raw[begin : min(end, begin + _MOST_BODY)], tuple(children))


def _delimiter(headers: tuple[tuple[str, str], ...]) -> bytes:
    """What a line between the parts of a multipart begins with; nothing where it is none, or has no boundary."""
    kind = Part(headers, b"").content_type
    boundary = kind.parameters.get("boundary", "") if kind.value.startswith("multipart/") else ""
    return b"--" + boundary.encode("utf-8", "replace") if boundary else b""


def _headers(raw: bytes, begin: int, stop: int) -> tuple[tuple[tuple[str, str], ...], int]:
    """The fields, and where the body begins. Lone CR and LF end lines too: a field hidden behind one shall be seen."""
    fields: list[tuple[str, list[bytes]]] = []
    end = begin
    for match in _LINE_END.finditer(raw, begin, stop):
        start, line, end = end, raw[end : match.start()], match.end()
        if not line or start - begin > _MOST_HEADER_BYTES:
            return _unfolded(fields), end
        _add(line, fields)
    _add(raw[end:stop], fields)
    return _unfolded(fields), stop


def _add(line: bytes, fields: list[tuple[str, list[bytes]]]) -> None:
    if line[:1] in {b" ", b"\t"}:
        if fields:
            fields[-1][1].append(line[:_MOST_VALUE])
        return
    name, colon, value = line.partition(b":")
    name = name.rstrip(b" \t")
    if colon and _FIELD_NAME.fullmatch(name) and len(fields) < _MOST_HEADERS:
        fields.append((name.decode("ascii").lower(), [value[:_MOST_VALUE]]))


def _unfolded(fields: list[tuple[str, list[bytes]]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, decoded(b"".join(lines)[:_MOST_VALUE], "").strip(" \t")) for name, lines in fields)


def _pieces(raw: bytes, begin: int, stop: int, delimiter: bytes) -> Iterator[tuple[int, int]]:
    """Where the parts between the delimiter lines are (RFC 2046, 5.1.1); the last one may lack its end."""
    if not delimiter:
        return
    marked = re.escape(delimiter)  # first of all: what begins with letters is searched for quickly
    line = re.compile(rb"%s(?<=[\r\n]%s)[ \t]*+(--)?[ \t]*+(\r\n|\n|\r|\Z)" % (marked, marked))
    begun: int | None = None
    for found in line.finditer(raw, begin, stop):
        if begun is not None:
            yield begun, _without_last_line_end(raw, begun, found.start())
        if found.group(1) or not found.group(2):
            return
        begun = found.end()
    if begun is not None:
        yield begun, stop


def _without_last_line_end(raw: bytes, begun: int, end: int) -> int:
    """Where a part ends before a delimiter line: its last line end belongs to the delimiter."""
    return max(begun, end - 2 if raw[end - 2 : end] == b"\r\n" else end - 1)


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        letters = body[: MOST_TEXT * 2].translate(None, _NOT_BASE64)
        usable = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
        return binascii.a2b_base64(usable + b"=" * (-len(usable) % 4))[:MOST_TEXT]
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body[: MOST_TEXT * 3])[:MOST_TEXT]
    return body[:MOST_TEXT]


def _split(value: str) -> list[str]:
    """The value cut at its semicolons, except those in quotes."""
    pieces, start, quoted, position = [], 0, False, 0
    while position < len(value):
        character = value[position]
        if character == "\\" and quoted:
            position += 1
        elif character == '"':
            quoted = not quoted
        elif character == ";" and not quoted:
            pieces.append(value[start:position])
            start = position + 1
        position += 1
    return [*pieces, value[start:]]


def _unquoted(raw: str) -> str:
    if raw.startswith('"'):
        inner = raw[1:-1] if len(raw) > 1 and raw.endswith('"') else raw[1:]
        return re.sub(r"\\(.)", r"\1", inner)
    return raw


def _joined(found: dict[str, str]) -> dict[str, str]:
    """Parameters with their continuations (`name*0*=`, `name*1=`) put together."""
    joined = {name: value for name, value in found.items() if "*" not in name}
    for base in dict.fromkeys(name.partition("*")[0] for name in found if "*" in name):
        if base not in joined:
            joined[base] = _continued(base, found)
    return joined


def _continued(base: str, found: dict[str, str]) -> str:
    if f"{base}*" in found:
        charset, _, rest = found[f"{base}*"].partition("'")
        return decoded(unquote_to_bytes(rest.partition("'")[2]), charset)
    pieces, charset = b"", ""
    for number in range(100):
        plain, encoded = found.get(f"{base}*{number}"), found.get(f"{base}*{number}*")
        if plain is None and encoded is None:
            break
        if encoded is not None and number == 0:
            charset, _, rest = encoded.partition("'")
            encoded = rest.partition("'")[2]
        pieces += unquote_to_bytes(encoded) if encoded is not None else (plain or "").encode("utf-8", "replace")
    return decoded(pieces, charset)


def _word(match: re.Match[str]) -> str:
    charset, encoding, encoded = match.group(1).partition("*")[0], match.group(2).lower(), match.group(3)
    if encoding == "q":
        return decoded(binascii.a2b_qp(encoded.encode(), header=True), charset)
    return decoded(_unpacked(encoded.encode(), "base64"), charset)


def _codec(charset: str) -> str | None:
    try:
        name = codecs.lookup(charset.strip().strip("'\"")[:40]).name if charset.isascii() else ""
    except (LookupError, ValueError):
        return None
    return name if _CHARSETS.fullmatch(name) else None
