"""How long a text is, counted as the platform counts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from shared.domain.exchange import Unit

if TYPE_CHECKING:
    import regex

LINK = 23  # what a link counts where links are short, whatever its length

_PATH = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%|\u00c0-\u024f\u0400-\u04ff]"
_PATH_END = r"[A-Za-z0-9\-_~/#&=+%\u00c0-\u024f\u0400-\u04ff]"  # a full stop or a bracket behind a link is not its part
_REST = rf"(?::\d{{1,5}})?(?:[/?#](?:{_PATH}*{_PATH_END})?)?"
_NOT_BEFORE = r"(?<![A-Za-z0-9_@#$.\-])"  # so that neither an e-mail address nor the middle of a word starts a link
_LINKS = re.compile(rf"{_NOT_BEFORE}https?://(?P<host>(?:[\w-]+\.)+[^\W\d_]{{2,}}){_REST}", re.IGNORECASE)
_KNOWN_ENDS = "com|net|org|info|biz|app|dev|shop|store|online|site|cloud|blog|news|help|support|xyz|[a-z]{2}"
_BARE_LINKS = re.compile(
    rf"{_NOT_BEFORE}(?P<host>(?:[a-z0-9-]+\.)+(?:{_KNOWN_ENDS}))(?![\w-]|\.\w|@){_REST}", re.IGNORECASE
)
_LONGEST_LABEL = 63  # of a host name, in the letters it is sent in (RFC 1035, 2.3.4; RFC 3492)
_HEAVY = re.compile("[^\0-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")


def length(text: str, unit: Unit) -> int:
    """How long a platform that counts in `unit` finds the text, with "?" for the lone surrogates no text can hold."""
    return _COUNTERS.get(unit, len)(text)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "replace")) // 2


def _graphemes(text: str) -> int:
    return len(_grapheme().findall(text))


def _emoji_bytes(text: str) -> int:
    return len(text) + sum(_bytes(found[0]) - len(found[0]) for found in _emoji().finditer(text))


def _short_links(text: str) -> int:
    return len(text) + sum(LINK - len(found[0]) for found in _LINKS.finditer(text) if _is_host(found["host"]))


def _weighted(text: str) -> int:
    """X's weighted length: every link 23, every emoji 2, letters of most scripts 1, of the others 2.

    Source: github.com/twitter/twitter-text, config/v3.json; docs.x.com/fundamentals/counting-characters. X makes links
    also of bare host names, by its list of domains; here the usual ones are known and every country.
    """
    plain = unicodedata.normalize("NFC", text)
    links = 0
    for pattern in (_LINKS, _BARE_LINKS):
        kept, found = _cut(plain, pattern)
        plain, links = kept, links + found
    rest, emoji = _emoji().subn("", plain)
    return links * LINK + emoji * 2 + len(rest) + len(_HEAVY.findall(rest))


def _cut(text: str, links: re.Pattern[str]) -> tuple[str, int]:
    """The text without its links, and how many those were."""
    kept, end, count = [], 0, 0
    for found in links.finditer(text):
        if _is_host(found["host"]):
            kept.append(text[end : found.start()])
            end, count = found.end(), count + 1
    return "".join([*kept, text[end:]]), count


def _is_host(host: str) -> bool:
    """Whether every label of a host name is short enough, in the ASCII form of other scripts too."""
    return all(_ascii_length(label) <= _LONGEST_LABEL and label.strip("-") == label for label in host.split("."))


def _ascii_length(label: str) -> int:
    if label.isascii() or len(label) > _LONGEST_LABEL:
        return len(label)
    return len("xn--") + len(label.encode("punycode"))


@cache
def _grapheme() -> regex.Pattern[str]:
    import regex  # here: only who counts so pays for it

    return regex.compile(r"\X")


@cache
def _emoji() -> regex.Pattern[str]:
    """One emoji as a reader sees it: keycap, flag, skin tone, family (Unicode Technical Standard 51, 1.4)."""
    import regex

    single = r"(?:\p{Emoji_Presentation}|\p{Emoji}\ufe0f|\p{Emoji_Modifier_Base}(?=\p{Emoji_Modifier}))"
    joined = r"\p{Extended_Pictographic}(?=\ufe0f?\u200d\p{Extended_Pictographic})"
    dressed = r"\ufe0f?\p{Emoji_Modifier}?(?:[\U000e0020-\U000e007e]+\U000e007f)?\u20e3?"
    further = r"(?:\u200d\p{Extended_Pictographic}\ufe0f?\p{Emoji_Modifier}?)*"
    return regex.compile(rf"[0-9#*]\ufe0f?\u20e3|\p{{RI}}{{2}}|(?:{single}|{joined}){dressed}{further}")


_COUNTERS: Mapping[Unit, Callable[[str], int]] = {
    Unit.BYTES: _bytes,
    Unit.UTF16: _utf16,
    Unit.GRAPHEMES: _graphemes,
    Unit.SHORT_LINKS: _short_links,
    Unit.WEIGHTED: _weighted,
    Unit.EMOJI_BYTES: _emoji_bytes,
}
