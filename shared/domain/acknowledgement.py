"""The words of the acknowledgement: honest that a machine speaks, and exact about when people are back."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from shared.domain.calendar import ClosedPeriod
from shared.domain.events import Surface
from shared.domain.exchange import Capability
from shared.domain.length import length
from shared.domain.policy import Policy

PLACEHOLDERS = ("greeting", "company", "back")  # the closed list of what a policy's text may ask for

_SHORT = ("Automatic answer from {company}: people are back {back}.", "Automatic answer: people are back {back}.")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_LONGEST_NAME = 24  # characters; what is longer is not a first name
_NO_NAME = frozenset("@#_/\\:.{}<>=")  # beside a word they make it a handle, a link, an initial or a placeholder
_TITLES = frozenset({"dr", "frau", "herr", "madame", "miss", "mr", "mrs", "ms", "mx", "prof", "sir"})


def compose(
    policy: Policy,
    *,
    channel: str,
    surface: Surface,
    closed: ClosedPeriod,
    name: str | None,
    capability: Capability,
    now: datetime,
) -> str:
    """The acknowledgement for a message that came in `closed`, within the platform's limit and in its unit.

    A direct message gets the policy's text, where that is too long without its greeting; everything else, and what is
    still too long, one short line. All of them say that they are automatic and when people are back.
    """
    zone = policy.calendar(channel, surface).zone
    company, back = policy.company, back_words(closed.end, now, zone)
    for words in _forms(policy.acknowledging.text, surface, company=company, back=back, name=name):
        if length(words, capability.unit) <= capability.limit:
            return words
    # One character of ASCII counts as one in every unit.
    return f"Automatic: back {_local(closed.end, zone):%Y-%m-%d %H:%M %Z}".encode("ascii", "ignore").decode()[
        : capability.limit
    ]


def back_words(back: datetime, now: datetime, zone: str) -> str:
    """When people are back, as said by someone in their zone: "tomorrow, Monday, at 09:00 (Europe/London)".

    The weekday always stands with it, because it may be another day where the customer is.
    """
    there, here = _local(back, zone), _local(now, zone)
    weekday = _WEEKDAYS[there.weekday()]
    days = (there.date() - here.date()).days
    if days == 0:
        day = f"today, {weekday},"
    elif days == 1:
        day = f"tomorrow, {weekday},"
    elif 1 < days < 7:
        day = f"on {weekday}"
    else:
        year = f" {there.year}" if there.year != here.year else ""
        day = f"on {weekday} {there.day} {_MONTHS[there.month - 1]}{year}"
    return f"{day} at {there.hour:02}:{there.minute:02} ({zone.replace('_', ' ')})"


def first_name(name: str | None) -> str:
    """The first name to greet with, or nothing where the stranger's text does not look like one.

    What is returned holds letters, accents, apostrophes and hyphens only: no link, mention, line break, placeholder or
    control character can pass through it.
    """
    seen = unicodedata.normalize("NFKC", (name or "")[:200])
    words = "".join(c if not unicodedata.category(c).startswith("C") or c.isspace() else "" for c in seen).split()
    if not words or [each.casefold() for each in words[1:]] == ["user"]:  # "Facebook User": the account is gone
        return ""
    word = _trimmed(words[0])
    return word if _is_name(word) else ""


def faults(text: str) -> tuple[str, ...]:
    """What is wrong with a policy's text: every reason to refuse it, none if it is good."""
    return tuple(_faults(text))


def _forms(text: str, surface: Surface, *, company: str, back: str, name: str | None) -> Iterator[str]:
    """The wordings from the fullest to the shortest. In public it is one short line that names nobody."""
    filled = {"company": company, "back": back}
    if surface is Surface.DM:
        called = first_name(name)
        yield _filled(text, {**filled, "greeting": f"Hello {called}." if called else "Hello."})
        yield _filled(text, {**filled, "greeting": ""})
    for short in _SHORT:
        yield _filled(short, filled)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders replaced, in one pass, so that no value is ever read as a placeholder."""
    words = _PLACEHOLDER.sub(lambda found: values.get(found[1], ""), text)
    return re.sub(r" {2,}", " ", words).strip()


def _faults(text: str) -> Iterator[str]:
    asked = _PLACEHOLDER.findall(text)
    known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
    for unknown in sorted(set(asked) - set(PLACEHOLDERS)):
        yield f"the text asks for {{{unknown}}}, which does not exist; there are {known}"
    rest = _PLACEHOLDER.sub("", text)
    if "{" in rest or "}" in rest:
        yield "the text holds a brace that belongs to no placeholder"
    if "back" not in asked:
        yield "the text does not say when people are back: put {back} into it"
    if asked.count("greeting") > 1:
        yield "the text greets more than once: use {greeting} once at most"
    if "automat" not in _plain(rest):
        yield "the text does not say that it is automatic"


def _plain(text: str) -> str:
    """The text in small letters without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def _trimmed(word: str) -> str:
    """The word without the quotes, commas or emoji around it; nothing where what is around it makes it no name."""
    letters = [i for i, character in enumerate(word) if character.isalpha()]
    if not letters:
        return ""
    start, end = letters[0], letters[-1] + 1
    while end < len(word) and unicodedata.category(word[end]).startswith("M"):
        end += 1
    around = word[:start] + word[end:]
    return "" if any(c in _NO_NAME or c.isalnum() for c in around) else word[start:end]


def _is_name(word: str) -> bool:
    if not 2 <= len(word) <= _LONGEST_NAME and not ("\u2e80" <= word <= "\ud7ff" and len(word) == 1):
        return False
    if word.casefold() in _TITLES or any(_part(c) == "?" for c in word):
        return False
    shape = "".join(map(_part, word))
    return "--" not in shape and "mmmm" not in shape


def _part(character: str) -> str:
    """What a character is in a name: a letter, a mark on one, a joint between two, or out of place."""
    if character.isalpha():
        return "l"
    if unicodedata.category(character).startswith("M"):
        return "m"
    return "-" if character in "'\u2019-" else "?"


def _local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone))
