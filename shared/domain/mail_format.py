"""How the mails we write are put into lines (RFC 5322)."""

from __future__ import annotations

from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import EmailPolicy, Policy
from typing import Any

_OF_IDENTIFIERS = ("References", "In-Reply-To", "Message-ID", "List-Id")


class _Identifiers(UnstructuredHeader, BaseHeader):
    """Ids in angle brackets, kept to the letter and folded between them alone: the library makes encoded words of long
    ones, and reads those that look like one (RFC 2047, 5). Senders choose their ids, and one may hold a line end so.
    """

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        """Take the value as it is."""
        kwds["decoded"], kwds["parse_tree"] = value, None

    def fold(self, *, policy: Policy) -> str:
        separator = f"{policy.linesep} "
        return f"{self.name}: {separator.join(str(self).split())}{policy.linesep}"


def without_encoded_words(value: str) -> str:
    """The value with nothing in it that begins or ends an encoded word (RFC 2047): the library would decode it when a
    header is set, and line ends in it would begin headers of their own.
    """
    return value.replace("=?", "= ?").replace("?=", "? =")


def _made() -> EmailPolicy[EmailMessage]:
    registry = HeaderRegistry()
    for name in _OF_IDENTIFIERS:
        registry.map_to_type(name, _Identifiers)
    return EmailPolicy(linesep="\r\n", header_factory=registry, max_line_length=76)


MAIL_FORMAT = _made()
"""The policy of every EmailMessage that we send: CRLF, lines of at most 76, ids never broken."""
