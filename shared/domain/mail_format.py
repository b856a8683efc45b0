"""How the mails we write are put into lines (RFC 5322)."""

from __future__ import annotations

from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import EmailPolicy, Policy

_OF_IDENTIFIERS = ("References", "In-Reply-To", "Message-ID", "List-Id")


class _Identifiers(UnstructuredHeader, BaseHeader):
    """Ids in angle brackets, folded between them alone: the library makes encoded words of long ones (RFC 2047, 5)."""

    def fold(self, *, policy: Policy) -> str:
        separator = f"{policy.linesep} "
        return f"{self.name}: {separator.join(str(self).split())}{policy.linesep}"


def _made() -> EmailPolicy[EmailMessage]:
    registry = HeaderRegistry()
    for name in _OF_IDENTIFIERS:
        registry.map_to_type(name, _Identifiers)
    return EmailPolicy(linesep="\r\n", header_factory=registry, max_line_length=76)


MAIL_FORMAT = _made()
"""The policy of every EmailMessage that we send: CRLF, lines of at most 76, ids never broken."""
