"""Time and names from the operating system."""

from __future__ import annotations

import os
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.now(UTC)


class RandomIds:
    """Names nobody can guess: 128 random bits."""

    def new(self) -> str:
        """A name of 32 hexadecimal digits."""
        return os.urandom(16).hex()
