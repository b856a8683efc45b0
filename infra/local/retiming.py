"""Deliveries of events/ as if they happened now: the same bytes, with their times moved and their names changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

_SECONDS = re.compile(rb"(?<![\d.])(1[5-9]\d{8})(\.\d+)?(?![\d.])")
_MILLISECONDS = re.compile(rb"(?<![\d.])1[5-9]\d{11}(?![\d.])")
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+]00:?00)")
_MAILED = re.compile(rb"([A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d) ([+]0000|GMT)")  # RFC 5322, 3.3
_ISO, _RFC = "%Y-%m-%dT%H:%M:%S", "%a, %d %b %Y %H:%M:%S"


def as_if_now(body: bytes, now: datetime, names: Mapping[str, str] | None = None) -> bytes:
    """The body with its newest time moved to `now` and all others with it; `names` are replaced to the letter."""
    shift = now - max(_times(body), default=now)
    moved = _SECONDS.sub(lambda m: b"%d" % (_unix(m[1], 1) + shift).timestamp() + (m[2] or b""), body)
    moved = _MILLISECONDS.sub(lambda m: b"%d" % ((_unix(m[0], 1000) + shift).timestamp() * 1000), moved)
    moved = _STAMP.sub(lambda m: (_stamp(m[1]) + shift).strftime(_ISO).encode() + (m[2] or b"") + m[3], moved)
    moved = _MAILED.sub(lambda m: (_mailed(m[1]) + shift).strftime(_RFC).encode() + b" " + m[2], moved)
    for old, new in (names or {}).items():
        moved = moved.replace(old.encode(), new.encode())
    return moved


def _times(body: bytes) -> list[datetime]:
    return [
        *(_unix(found[0], 1) for found in _SECONDS.findall(body)),
        *(_unix(found, 1000) for found in _MILLISECONDS.findall(body)),
        *(_stamp(found[0]) for found in _STAMP.findall(body)),
        *(_mailed(found[0]) for found in _MAILED.findall(body)),
    ]


def _unix(digits: bytes, in_a_second: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(digits) / in_a_second)


def _stamp(text: bytes) -> datetime:
    return datetime.strptime(text.decode(), _ISO).replace(tzinfo=UTC)


def _mailed(text: bytes) -> datetime:
    return datetime.strptime(text.decode(), _RFC).replace(tzinfo=UTC)
