"""Listening: what is said about us that nobody said to us. Which hits are worth a person's time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.domain.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningRule:
    """What to search for and where. Empty `languages` or `channels` mean all."""

    name: str
    phrases: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    languages: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    per_day: int = 50  # hits of one channel account that are handed to people in a day; more are only counted


def wanted(rule: ListeningRule, event: Event) -> bool:
    """Whether a hit of the rule's search is one: it holds a phrase, nothing excluded, and is in a wanted language.

    Search engines match loosely, so the phrase is looked for again, whatever its case and spacing.
    """
    words = _folded(event.text or "")
    if not any(_holds(words, phrase) for phrase in rule.phrases):
        return False
    if any(_holds(words, phrase) for phrase in rule.exclude):
        return False
    language = (event.language or "").casefold().partition("-")[0]
    return not rule.languages or not language or language in rule.languages


def _holds(words: str, phrase: str) -> bool:
    """Whether a phrase stands in a text as words of its own, and in scripts that write no spaces, anywhere."""
    wanted = _folded(phrase)
    start = r"(?<!\w)" if _is_spaced(wanted[:1]) else ""
    end = r"(?!\w)" if _is_spaced(wanted[-1:]) else ""
    return bool(wanted) and re.search(f"{start}{re.escape(wanted)}{end}", words) is not None


def _is_spaced(letter: str) -> bool:
    """Whether a letter belongs to a script that puts spaces between words: those with upper and lower case, digits."""
    return letter.isdigit() or letter.upper() != letter.lower()


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
