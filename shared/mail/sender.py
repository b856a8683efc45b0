"""Who a mail says it is from: exactly one address, or none.

email.utils.parseaddr finds an address in texts that other readers understand differently (CVE-2023-27043), so this
is a parser of our own that knows only the forms clients write (RFC 5322, 3.4) and refuses every other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from shared.errors import Fault, NightdeskError

_LONGEST = 1_000
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_NOT_IN_NAME = frozenset('@<>,;:"\\[]')  # unless quoted


class SenderUnclear(NightdeskError):
    """The From field does not name exactly one address. The reason is a sentence."""

    fault = Fault.SENDER
    status = 403


def one_address(froms: tuple[str, ...]) -> str:
    """The address, in lower case, of a mail with these From fields. Raises SenderUnclear, and nothing else."""
    if len(froms) != 1:
        raise SenderUnclear("The mail has no From field." if not froms else "The mail has more than one From field.")
    value = froms[0].strip()
    if len(value) > _LONGEST:
        raise SenderUnclear("The From field is too long.")
    return _checked(_in_brackets(value) if "<" in value or ">" in value else value)


def each(values: Iterable[str]) -> Iterator[str]:
    """The entries of address lists, unread. A comma in a quoted name ends none: many write "Last, First" there."""
    for value in values:
        start, position = 0, 0
        while position < len(value):
            if value[position] == ",":
                yield value[start:position]
                start = position + 1
            after = _after_quoted(value, position) if value[position] == '"' else position + 1
            position = after if after > 0 else len(value)
        yield value[start:]


def _in_brackets(value: str) -> str:
    """The address of `name <address>`. The bracket has to come last: what follows it is read differently elsewhere."""
    name, opening, address = value.rpartition("<")
    if not opening or not address.endswith(">"):
        raise SenderUnclear("The From field is not a name and one address in angle brackets.")
    if not _is_name(name.strip()):
        raise SenderUnclear("The From field holds something beside a name and one address.")
    return address[:-1]


def _is_name(name: str) -> bool:
    """Whether this is a phrase: words, quoted strings and comments, none of which could be taken for an address."""
    position = 0
    while position < len(name):
        if name[position] == '"':
            position = _after_quoted(name, position)
            if position < 0:
                return False
        elif name[position] in _NOT_IN_NAME or not name[position].isprintable():
            return False
        else:
            position += 1
    return True


def _after_quoted(name: str, opening: int) -> int:
    """The place after the quoted string that begins at `opening`, or -1 where it does not end or hides a control."""
    position = opening + 1
    while position < len(name):
        if name[position] == '"':
            return position + 1
        if not name[position].isprintable():
            return -1
        position += 2 if name[position] == "\\" else 1
    return -1


def _checked(address: str) -> str:
    local, _, domain = address.rpartition("@")
    labels = domain.split(".")
    if not address.isascii() or len(address) > 254 or len(local) > 64 or not _LOCAL.fullmatch(local):
        raise SenderUnclear("The From field does not hold one plain address.")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise SenderUnclear("The domain of the From address is not a domain.")
    return address.lower()
