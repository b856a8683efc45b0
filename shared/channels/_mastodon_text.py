"""The words of a Mastodon post: how long a server finds them, and whom they name.

Sources: docs.joinmastodon.org/user/posting ("Post"), .../entities/Status.
"""

from __future__ import annotations

import re

from shared.domain.exchange import Unit
from shared.domain.length import length

_REMOTE_MENTION = re.compile(r"(?<![\w@/])(@[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)@[\w.-]+\w")


def counted(words: str) -> int:
    """How long a server finds a text: a link is 23 characters, and of a mention the name counts, not its server."""
    return length(_REMOTE_MENTION.sub(r"\1", words), Unit.SHORT_LINKS)


def mentions(words: str, acct: str) -> bool:
    """Whether a text names the account in a way that reaches it."""
    return re.search(rf"(?<![\w@/])@{re.escape(acct)}(?![\w@]|[.-]\w)", words, re.IGNORECASE) is not None


def unaddressed(words: str, acct: str) -> str:
    """Our own words without the name of the person they are for, which we put in front of them."""
    name = re.escape(acct.partition("@")[0])
    return re.sub(rf"\A@{name}(?:@\S+)?\s+", "", words, count=1, flags=re.IGNORECASE)
