"""What an agent wrote, out of the text of a mail: a row of small steps over its lines, each linear in the text.

Our own marker comes first: what stands above it is the agent's, in any language and any client. What is left of a
client's introduction above it, and mails without the marker, are read by the lines that clients write before a quote.
A signature is left in rather than an answer cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile

from shared.mail import marker, phrases
from shared.mail.cleaning import body_text

MOST_TEXT = 64 * 1024  # characters that are read; no platform takes as much
_MOST_LINE = 1_000  # characters of a line that are looked at; all of them are kept
_MOST_INTRODUCTION = 5  # lines over which clients wrap "On ..., ... wrote:"
_MOST_HEADER = 10

_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_SHORT_DATE = re.compile(r"(?<!\d)\d{1,2}[./-]\d{1,2}[./-]\d{2}(?!\d)")
_TIME = re.compile(r"(?<!\d)\d{1,2}\s?[:.hH時시]\s?\d\d(?!\d)")
_IMAGE = re.compile(r"\[(?:cid|image|inline image|bild)\b[^\]]{0,200}\]", re.IGNORECASE)
_DASHES = "-_=\u2013\u2014"
_COLONS = (":", "\uff1a")
_RULE = re.compile(f"[{_DASHES[1:]}-]{{3,}}")
_LONG_RULE = re.compile(r"_{20,}")
_OUR_NAME = re.compile(r" via .{0,80}\bnightdesk\W{0,3}$", re.IGNORECASE)
_OURS = re.compile(r"nightdesk|r[+.][a-z2-7]{16}\.[a-z2-7]{8}\.", re.IGNORECASE)
_LABELS = {
    word: meaning for meaning, words in phrases.LABELS.items() for word in words.casefold().replace("-", "").split()
}


@dataclass(frozen=True, slots=True)
class Extract:
    """The reply, and the conversations whose markers stood in the mail."""

    text: str
    markers: tuple[str, ...]


def extract(text: str) -> Extract:
    """The agent's own words in the plain text of a mail, stripped; empty where there are none. Total, linear."""
    whole = body_text(text[:MOST_TEXT]).replace("\u00a0", " ")
    lines = whole.split("\n")
    at = _marker_at(lines)
    written = _without_history(lines) if at is None else _above_marker(lines, at)
    for step in (_without_quotes, _without_signature, _without_tail):
        written = step(written)
    return Extract("\n".join(line.rstrip() for line in written).strip(), marker.named_in(whole))


def _marker_at(lines: list[str]) -> int | None:
    """The first line with a marker; a later one may stand in what a customer wrote."""
    return next((number for number, line in enumerate(lines) if marker.before(line) is not None), None)


def _above_marker(lines: list[str], at: int) -> list[str]:
    """What the agent wrote above the marker; nothing where that is a greeting, and the answer stands among quotes."""
    head = marker.before(lines[at])
    above = _without_introduction(_without_history([*lines[:at], head] if head else lines[:at]))
    below = (line for line in lines[at + 1 :] if line.strip() and not _quoted(line))
    if _quoted(lines[at]) and not _says_something(above) and any(below):
        return []
    return above


def _without_history(lines: list[str]) -> list[str]:
    """The lines before the first quoted mail. With no more than a greeting there, also those below and between, if the
    quote is told by its signs.
    """
    above, below = _split_at_history(lines)
    if _says_something(above) or not _quoted(next(filter(str.strip, below), "")):
        return above
    return [*above, *_split_at_history(below)[0]]


def _split_at_history(lines: list[str]) -> tuple[list[str], list[str]]:
    """What stands before the introduction of the first quoted mail, and what stands after it."""
    for number in range(len(lines)):
        end = _history_at(lines, number)
        if end is not None:
            return lines[:number], lines[end:]
    return lines, []


def _says_something(lines: list[str]) -> bool:
    """Whether there is more than a lone "Hello Anna,"."""
    written = [line.strip() for line in lines if line.strip()]
    return len(written) > 1 or (len(written) == 1 and not (written[0].endswith(",") and len(written[0]) <= 40))


def _history_at(lines: list[str], number: int) -> int | None:
    """Where the introduction of a quoted mail that begins in this line ends, or None where none begins."""
    line = _plain(lines[number])
    if not line or _quoted(lines[number]):
        return None
    if line.casefold() in phrases.FORWARDS or _is_divider(line) or _LONG_RULE.fullmatch(line):
        return number + 1
    if _header_begins(lines, number) or _is_phone_line(lines, number):
        return number + 1
    return _introduction_end(lines, number)


def _is_phone_line(lines: list[str], number: int) -> bool:
    """A short "Sent from my phone" alone between blank lines: some phones quote without any sign after it."""
    line = _plain(lines[number])
    if len(line) > 60 or line.endswith((".", "!", "?")) or not line.casefold().startswith(phrases.SENT_FROM):
        return False
    return all(not lines[n].strip() for n in (number - 1, number + 1) if 0 <= n < len(lines))


def _is_divider(line: str) -> bool:
    """-----Original Message----- in any language."""
    return line[:1] in _DASHES and line.strip(f"{_DASHES} ").casefold() in phrases.DIVIDERS


def _header_begins(lines: list[str], number: int) -> bool:
    """Whether a copied From, Sent, To, Subject begins here: From and Subject, or From with an address and one more."""
    first = _label(lines[number])
    if first is None:
        return False
    block = list(takewhile(str.strip, lines[number : number + _MOST_HEADER]))
    meanings = {meaning: line for line in reversed(block) if (meaning := _label(line)) is not None}
    if "from" not in meanings or len(meanings) < 2:
        return False
    return "subject" in meanings or ("@" in "".join(block[:3])[:_MOST_LINE] and bool({"sent", "to"} & set(meanings)))


def _label(line: str) -> str | None:
    head, colon, _ = _plain(line)[:40].replace(_COLONS[1], ":").partition(":")
    return _LABELS.get("".join(head.casefold().replace("*", "").replace("-", "").split())) if colon else None


def _introduction_end(lines: list[str], number: int) -> int | None:
    """Where "On <date>, <name> wrote:" ends that begins in this line; clients wrap it over several lines."""
    first = _plain(lines[number]).casefold()
    opens = first.startswith(phrases.INTRODUCTIONS)
    if not opens and not _DIGIT.search(first) and "@" not in first:
        return None
    joined = ""
    for end in range(number, min(number + _MOST_INTRODUCTION, len(lines))):
        line = _plain(lines[end]).casefold()
        if not line:
            return None
        joined = f"{joined} {line}"
        if line.endswith((*_COLONS, " wrote")) or _is_dashed(joined):
            return end + 1 if _introduces(joined, opens=opens) else None
    return None


def _is_dashed(joined: str) -> bool:
    """Zoho writes `---- On <date> <name> wrote ----`."""
    return joined.strip().startswith("----") and joined.endswith("----")


def _introduces(joined: str, *, opens: bool) -> bool:
    said = joined.rstrip(": -\uff1a\u200f\u200e")
    dated = bool(_YEAR.search(said) or _SHORT_DATE.search(said) or _TIME.search(said))
    addressed = "@" in said
    if said.endswith(phrases.WROTE_LAST):
        return bool(_DIGIT.search(said)) and (opens or addressed or dated)
    if any(word in f"{said} " for word in phrases.WROTE_WITHIN):
        return dated
    return addressed and dated and bool(_TIME.search(said)) and len(said) < 300


def _without_introduction(lines: list[str]) -> list[str]:
    """The lines above our marker without what a client put between: an introduction in whatever language.

    It is the last paragraph, and it tells itself by what only it holds there: our name, or an address beside a date.
    """
    lines = _trimmed(_without_our_name(lines))
    paragraph = list(takewhile(str.strip, reversed(lines[-8:])))
    if not paragraph:
        return lines
    if paragraph[0].rstrip().endswith(_COLONS):
        return lines[: len(lines) - _introduction_lines(paragraph)]
    labelled = [n for n, line in enumerate(paragraph) if line[:30].find(":") > 0]
    if len(labelled) >= 2 and any(_OURS.search(line[:_MOST_LINE]) for line in paragraph):
        return lines[: len(lines) - (labelled[-1] + 1)]
    return lines


def _without_our_name(lines: list[str]) -> list[str]:
    """Without our sender name at the end: the head of a wrapped introduction of which only the rest was recognised."""
    end = len(lines)
    while end and _OUR_NAME.search(" ".join(lines[max(end - 2, 0) : end])[-_MOST_LINE:]):
        end -= 1 if " via " in lines[end - 1] else min(2, end)
    return lines[:end]


def _introduction_lines(paragraph: list[str]) -> int:
    """How many of the last lines, given last first, are an introduction: it holds our name or an address.

    A short paragraph is one as a whole; of a longer one, as few lines as name us and a date, or us.
    """
    lines = [line[:_MOST_LINE] for line in paragraph[:_MOST_INTRODUCTION]]
    telling = [number for number, line in enumerate(lines, start=1) if _OURS.search(line) or "@" in line]
    if not telling or len(paragraph) < _MOST_INTRODUCTION:
        return len(paragraph) if telling else 0
    joined = ""
    for number, line in enumerate(lines, start=1):
        joined = f"{line} {joined}"
        if number >= telling[0] and (_YEAR.search(joined) or _SHORT_DATE.search(joined)):
            return number
    return telling[-1]


def _without_quotes(lines: list[str]) -> list[str]:
    return [line for line in lines if not _quoted(line)]


def _without_signature(lines: list[str]) -> list[str]:
    """Without what follows the signature line "-- " (RFC 3676, 4.3); many programs drop its blank."""
    for number, line in enumerate(lines):
        if line.rstrip() == "--":
            return lines[:number]
    return lines


def _without_tail(lines: list[str]) -> list[str]:
    """Without the lines that a program puts last: rules, places of pictures, "Sent from my phone"."""
    end = len(lines)
    while end and _is_tail(_plain(lines[end - 1])):
        end -= 1
    return lines[:end]


def _is_tail(line: str) -> bool:
    if not line or _RULE.fullmatch(line) or _IMAGE.fullmatch(line):
        return True
    return len(line) < 120 and line.casefold().startswith(phrases.SENT_FROM)


def _trimmed(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return lines[:end]


def _quoted(line: str) -> bool:
    return line.lstrip(" \t\ufeff").startswith(">")


def _plain(line: str) -> str:
    """The line as far as it is looked at, without blanks, emphasis and marks of direction around it."""
    return line[:_MOST_LINE].strip(" \t*\u200e\u200f\ufeff")
