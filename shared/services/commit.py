"""Read, decide, commit: and again when somebody was faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.errors import Conflict

MOST_TRIES = 12

T = TypeVar("T")


def until_settled(attempt: Callable[[], T]) -> T:
    """The result of `attempt`, which reads and commits; repeated on Conflict.

    Raises Conflict when it loses a dozen times in a row: the queue or stream brings the work back later.
    """
    for _ in range(MOST_TRIES - 1):
        try:
            return attempt()
        except Conflict:
            continue
    return attempt()
