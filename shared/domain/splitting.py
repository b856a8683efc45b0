"""One text over several posts, where a platform shows them in their order.

Parts carry no numbers: the order shows, a number would be words that nobody wrote, and an echo is compared with the
words of its part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from shared.domain.exchange import Unit
from shared.domain.length import length

_WORD = re.compile(r"\S+")
_SENTENCE = re.compile(r"[.!?\u2026\u061f\u3002\uff01\uff1f\u0964][)\]\"'\u2019\u201d\u00bb\u300d]*$")
_FULLNESS = (1 / 3, 2 / 3, 1.0)  # of a part before it may end at a better border than the last one


class _Border(NamedTuple):
    """Where a part may end; the lower the rank, the better a place."""

    end: int
    rank: int


def split(text: str, limit: int, unit: Unit, parts: int) -> tuple[str, ...] | None:
    """The text as at most `parts` posts of at most `limit` units each; None where it cannot be done.

    Parts end with a paragraph if they can, else with a line, a sentence or a word; a word is cut only where it is
    longer than a post, and then between the characters a reader sees. Nothing but white space at the borders is lost.
    """
    whole = text.strip()
    if length(whole, unit) <= limit:
        return (whole,) if whole else None
    if length(whole, unit) > 2 * limit * parts:
        return None
    tries = (_filled(whole, limit, unit, fullness) for fullness in _FULLNESS)
    return next((found for found in tries if found is not None and len(found) <= parts), None)


def _filled(rest: str, limit: int, unit: Unit, fullness: float) -> tuple[str, ...] | None:
    found: list[str] = []
    while length(rest, unit) > limit:
        end = _end(rest, limit, unit, fullness)
        if end is None:
            return None
        found.append(rest[:end])
        rest = rest[end:].lstrip()
    return (*found, rest) if rest else tuple(found)


def _end(rest: str, limit: int, unit: Unit, fullness: float) -> int | None:
    """Where the first part of the rest ends: at the best border it can reach when it is full enough."""
    borders = list(_borders(rest, limit, unit))
    last = _last_within(rest, borders, limit, unit)
    if last is None:
        return None
    near = [border for border in borders[: last + 1] if border.end >= borders[last].end * fullness]
    return min(near, key=lambda border: (border.rank, -border.end)).end


def _last_within(rest: str, borders: list[_Border], limit: int, unit: Unit) -> int | None:
    """The place of the last border before which the text fits; found by halving, for longer texts are longer."""
    low, high = 0, len(borders)
    while low < high:
        middle = (low + high) // 2
        if length(rest[: borders[middle].end], unit) <= limit:
            low = middle + 1
        else:
            high = middle
    return low - 1 if low else None


def _borders(rest: str, limit: int, unit: Unit) -> Iterator[_Border]:
    for word in _WORD.finditer(rest):
        if length(word.group(), unit) > limit:
            yield from _within(word)
        yield _Border(word.end(), _rank(rest, word))


def _within(word: re.Match[str]) -> Iterator[_Border]:
    import regex  # here: only who has such a word pays for it

    for cluster in regex.finditer(r"\X", word.group()):
        if cluster.end() < len(word.group()):
            yield _Border(word.start() + cluster.end(), 2 if _SENTENCE.search(cluster.group()) else 4)


def _rank(rest: str, word: re.Match[str]) -> int:
    space = re.compile(r"\s*").match(rest, word.end())
    lines = space.group().count("\n") if space is not None else 0
    if lines:
        return 0 if lines > 1 else 1
    return 2 if _SENTENCE.search(word.group()) else 3
