"""The kinds of values in a policy file, each with the words in which a wrong one is refused."""

from __future__ import annotations

import re
from datetime import timedelta
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Annotated

from pydantic import AfterValidator, PlainValidator, StringConstraints, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.domain import acknowledgement
from shared.domain.calendar import Interval
from shared.policy import hours

HOURS_FAULT = "hours"

_LONGEST = timedelta(days=90)
_UNITS = (86400, 3600, 60, 1)  # seconds
_DURATION = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?", re.ASCII)
# What SES takes as a plain address: ASCII, no quoted local part (RFC 5321, 4.1.2, "Dot-string").
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")


def duration(text: object) -> timedelta:
    """A length of time as people write it: 90s, 15m, 2h30m, 1d; at most 90 days. Raises ValueError."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None or not any(found.groups()):
        raise ValueError(f"{text!r} is no length of time; write 90s, 15m, 24h or 2h30m")
    seconds = sum(int(number or 0) * unit for number, unit in zip(found.groups(), _UNITS, strict=True))
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{text} is longer than {_LONGEST.days} days")
    return timedelta(seconds=seconds)


def some_time(text: object) -> timedelta:
    """A duration that is more than nothing. Raises ValueError."""
    length = duration(text)
    if not length:
        raise ValueError(f"{text} is no time at all")
    return length


def is_address(text: str) -> bool:
    """Whether mail can be sent there, as far as its form tells."""
    return _ADDRESS.fullmatch(text) is not None


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError(f"{text!r} is no mail address")
    return text


@cache
def _zones() -> frozenset[str]:
    """All IANA zones, as the tzdata package lists them: what the machine has beside it does not count."""
    return frozenset((resources.files("tzdata") / "zones").read_text(encoding="utf-8").split())


def _zone(text: str) -> str:
    if text not in _zones():
        close = get_close_matches(text, _zones(), n=1)
        hint = f"did you mean {close[0]}?" if close else "write one like Europe/London"
        raise ValueError(f"{text!r} is no IANA time zone; {hint}")
    return text


def _day(written: object, info: ValidationInfo) -> tuple[Interval, ...]:
    try:
        return hours.day(str(info.field_name), written)
    except hours.Impossible as error:
        context: dict[str, object] = {"reason": str(error)}
        if isinstance(written, list) and error.item is not None:
            context["item"] = error.item
        raise PydanticCustomError(HOURS_FAULT, "{reason}", context) from error


def _words(text: str) -> str:
    found = acknowledgement.faults(text)
    if found:
        raise ValueError("; ".join(found))
    return text


def _phrase(text: str) -> str:
    if not any(c.isalnum() for c in text):
        raise ValueError(f"{text!r} is no phrase: it holds neither a letter nor a digit")
    return text


_INTERVAL = {"type": "string", "pattern": hours.PATTERN}
_DAY = {"anyOf": [{"const": hours.CLOSED}, _INTERVAL, {"type": "array", "items": _INTERVAL, "minItems": 1}]}
_LENGTH = {"type": "string", "pattern": r"^(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"}
_ONE_LINE = r'^[^\x00-\x1f\x7f{}<>"]*$'  # goes into headers and texts

Version = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"),
    WithJsonSchema({"type": ["string", "number"]}),
]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
PersonName = Annotated[str, StringConstraints(strip_whitespace=True, pattern=_ONE_LINE, max_length=80)]
Company = Annotated[str, StringConstraints(strip_whitespace=True, pattern=_ONE_LINE, min_length=1, max_length=80)]
Address = Annotated[str, AfterValidator(_address), WithJsonSchema({"type": "string", "format": "email"})]
Zone = Annotated[str, AfterValidator(_zone)]
Length = Annotated[timedelta, PlainValidator(duration), WithJsonSchema(_LENGTH)]
SomeTime = Annotated[timedelta, PlainValidator(some_time), WithJsonSchema(_LENGTH)]
Day = Annotated[tuple[Interval, ...] | None, PlainValidator(_day), WithJsonSchema(_DAY)]
Words = Annotated[str, AfterValidator(_words)]
Phrase = Annotated[
    str,
    StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$", min_length=2, max_length=100),
    AfterValidator(_phrase),
]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
