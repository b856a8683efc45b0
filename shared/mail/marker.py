"""Our line in every mail: what stands above it in an answer is the agent's, what stands below was ours.

It begins with one word that no client wraps, quotes or links, and which names the conversation.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"##nightdesk:([a-z2-7]{16})(?![a-z2-7])", re.IGNORECASE)
_OPENING = re.compile(r"##(?=nightdesk:)", re.IGNORECASE)
_QUOTING = frozenset(">|*_ \t\u00a0")


def line(conversation_id: str) -> str:
    """The first line of a mail about this conversation."""
    return f"##nightdesk:{conversation_id}## Please write your answer above this line."


def named_in(text: str) -> tuple[str, ...]:
    """The conversations whose marker stands in the text, each once, in order."""
    return tuple(dict.fromkeys(match.group(1).lower() for match in _WORD.finditer(text)))


def before(text_line: str) -> str | None:
    """What stands before the marker in a line, quoting signs aside; None where the line has no marker."""
    match = _WORD.search(text_line)
    if match is None:
        return None
    head = text_line[: match.start()]
    return "" if _QUOTING.issuperset(head) else head.rstrip("*_> \t")


def defanged(text: str) -> str:
    """A customer's text in which nothing looks like our marker."""
    return _OPENING.sub("# #", text)
