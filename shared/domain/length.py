"""How long a text is, counted as the platform counts."""

from __future__ import annotations

import re
import unicodedata

from shared.domain.exchange import Unit

LINK = 23  # what a link counts where links are short, whatever its length
_LINKS = re.compile(r"https?://[^\s]+")
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))


def length(text: str, unit: Unit) -> int:
    """How long a platform that counts in `unit` finds the text, with "?" for the lone surrogates no text can hold."""
    match unit:
        case Unit.BYTES:
            return len(text.encode("utf-8", "replace"))
        case Unit.UTF16:
            return len(text.encode("utf-16-le", "replace")) // 2
        case Unit.GRAPHEMES:
            return len(_graphemes(text))
        case Unit.SHORT_LINKS:
            return len(_LINKS.sub("x" * LINK, text))
        case Unit.WEIGHTED:
            return _weighted(text)
        case _:
            return len(text)


def _graphemes(text: str) -> list[str]:
    import regex  # here: only who counts so pays for it

    found: list[str] = regex.findall(r"\X", text)
    return found


def _weighted(text: str) -> int:
    """X's weighted length (github.com/twitter/twitter-text, config/v3.json): every link 23, every emoji 2."""
    plain = unicodedata.normalize("NFC", text)
    links = len(_LINKS.findall(plain))
    return links * LINK + sum(_weight(cluster) for cluster in _graphemes(_LINKS.sub("", plain)))


def _weight(cluster: str) -> int:
    if _is_emoji(cluster):
        return 2
    return sum(1 if any(low <= ord(c) <= high for low, high in _LIGHT) else 2 for c in cluster)


def _is_emoji(cluster: str) -> bool:
    import regex

    return regex.fullmatch(r"[0-9#*]\ufe0f?\u20e3|.*\p{Emoji_Presentation}.*|.*\p{Emoji}\ufe0f.*", cluster) is not None
