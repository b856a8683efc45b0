"""Making foreign text safe to show: in a header line, and in a body."""

from __future__ import annotations

import re
import unicodedata

from shared.domain.mail_format import without_encoded_words

HEADER_CHARACTERS = 200
_MOST_MARKS = 8  # combining marks on one base; more of them smear over neighbouring lines

# Letters that reorder or hide what is read: embeddings, overrides and isolates, invisible operators, tags.
_DECEPTIVE = re.compile("[\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_LINE_ENDS = re.compile("\r\n|[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_BLANKS = re.compile(r"\s+")
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def header_text(value: str, characters: int = HEADER_CHARACTERS) -> str:
    """The value as one line that any header may hold: no control, format, line-separating or unassigned characters,
    no encoded words, blanks collapsed, capped. Total: a display name may never raise.
    """
    spaced = _BLANKS.sub(" ", _CONTROL.sub(" ", _LINE_ENDS.sub(" ", value[: characters * 20])))
    visible = "".join(c for c in spaced if unicodedata.category(c) not in _UNSEEN)
    plain = without_encoded_words(_few_marks(visible))
    return _BLANKS.sub(" ", plain).strip()[:characters].strip()


def body_text(value: str) -> str:
    """The text with line feeds as its only line ends, without controls and without what reorders or hides text."""
    lines = _LINE_ENDS.sub("\n", value)
    return _few_marks(_whole(_DECEPTIVE.sub("", _CONTROL.sub("", lines))))


def _whole(value: str) -> str:
    """Lone surrogates cannot be encoded: they become "?"."""
    return value.encode("utf-8", "replace").decode()


def _few_marks(value: str) -> str:
    if value.isascii():
        return value
    kept: list[str] = []
    marks = 0
    for character in value:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)
