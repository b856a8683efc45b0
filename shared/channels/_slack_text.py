"""Slack's way of writing: what a person reads in it, and what a person wrote put into it.

Source: docs.slack.dev/messaging/formatting-message-text. Three characters are escaped; what stands between < and > is a
mention, a channel or a link.
"""

from __future__ import annotations

import re

_MARKED = re.compile(r"<([^<>]*)>")
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


def plain(written: str) -> str:
    """The text as its readers see it, with links written out."""
    shown = _MARKED.sub(lambda found: _shown(found[1]), written)
    for character, escape in reversed(_ESCAPES):
        shown = shown.replace(escape, character)
    return shown


def escaped(said: str) -> str:
    """A text of ours as Slack takes it: what looks like a mention in it stays a text and calls nobody."""
    for character, escape in _ESCAPES:
        said = said.replace(character, escape)
    return said


def _shown(marked: str) -> str:
    target, _, label = marked.partition("|")
    match target[:1]:
        case "@" | "#":
            return target[:1] + (label or target[1:])
        case "!":
            return label or "@" + target[1:].partition("^")[0]
        case _:
            address = target.removeprefix("mailto:").removeprefix("tel:")
            return f"{label} ({address})" if label and label not in {address, target} else address
