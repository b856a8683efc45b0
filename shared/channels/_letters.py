"""What the channels that come as e-mail share: subjects, threads, and the fields of a delivery."""

from __future__ import annotations

import re
import unicodedata

from shared.channels._reading import Json, ident, obj, text
from shared.domain.mail_format import without_encoded_words

_LONGEST_SUBJECT = 200
# How programs of many languages mark answers and forwarded mails (RFC 5256, 2.1, and what clients write).
_MARKS = re.compile(
    r"\s*(?:(?:re|aw|antw|sv|vs|odp|rv|res|enc|fwd?|wg|tr|rif|ynt|ref|doorst|\u56de\u590d|\u7b54\u590d|\u8f6c\u53d1|\u8f49\u5bc4|\u56de\u8986)"
    r"\s{0,3}(?:\[\d{1,3}\])?\s{0,3}[:\uff1a]|\[(?:external|extern|ext)\])",
    re.IGNORECASE,
)
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,400}>")


def one_line(value: str) -> str:
    """The value as one short line that any header can hold: no encoded words, no control or unassigned characters."""
    line = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in value[: 10 * _LONGEST_SUBJECT])
    return " ".join(without_encoded_words(line).split())[:_LONGEST_SUBJECT].strip()


def base_subject(subject: str) -> str:
    """The subject without the marks of answers: the same through a whole thread. One line."""
    rest = one_line(subject)
    while mark := _MARKS.match(rest):
        rest = rest[mark.end() :].lstrip()
    return rest


def message_ids(value: object) -> tuple[str, ...]:
    """The Message-IDs in a list, in angle brackets as mails hold them; what is none is left out."""
    items = value if isinstance(value, list) else [value]
    return tuple(i for i in items if isinstance(i, str) and _MESSAGE_ID.fullmatch(i))


def sender(payload: Json) -> tuple[str | None, str | None]:
    """Name and address of the sender."""
    given = obj(payload.get("from"))
    return text(given.get("name")), text((ident(given.get("address")) or "").strip().lower())
