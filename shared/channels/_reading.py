"""Reading what platforms send: JSON from anywhere into text, ids and times, without ever trusting a type."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from shared.errors import Unreadable

Json = Mapping[str, object]
EMPTY: Json = {}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 10**11  # as seconds this is the year 5138, as milliseconds 1973


def read_json(body: bytes) -> object:
    """The JSON value of a body. Raises Unreadable with what was wrong and where."""
    try:
        return json.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Unreadable(f"The body is not UTF-8: byte {error.start} cannot be read.") from error
    except json.JSONDecodeError as error:
        raise Unreadable(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise Unreadable("The body is not usable JSON: it is nested too deeply.") from error
    except ValueError as error:
        raise Unreadable("The body is not usable JSON: a number has too many digits.") from error


def obj(value: object) -> Json:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else EMPTY


def objects(value: object) -> Iterator[Json]:
    """The JSON objects of a list; a lone object counts as a list of one, anything else is skipped."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def text(value: object) -> str | None:
    """A text that can be stored and sent, or None for anything else and for nothing. Lone surrogates become "?"."""
    if not isinstance(value, str) or not value:
        return None
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def ident(value: object) -> str | None:
    """An id as text. Platforms send the same id as a string here and as a number there."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return text(value)


def whole(value: object) -> int | None:
    """A whole number, also where it comes as text."""
    digits = ident(value)
    return int(digits) if digits is not None and digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def when(value: object) -> datetime | None:
    """A time in any of the forms platforms use: seconds or milliseconds, as number or text, or ISO 8601. UTC.

    Zero is no time but the lack of one.
    """
    number = value if isinstance(value, float) and value > 0 else whole(value)
    try:
        if number:
            return _EPOCH + timedelta(milliseconds=number if number >= _MILLISECONDS_FROM else number * 1000)
        stamp = text(value)
        if stamp is None:
            return None
        read = datetime.fromisoformat(stamp)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def link(value: object) -> str | None:
    """An http(s) link, or None: platforms put relative paths and file names where a link belongs."""
    url = text(value)
    return url if url is not None and url.startswith(("https://", "http://")) else None
