"""The signed address under which one agent answers in one conversation.

The local part is `r+<conversation>.<agent>.<key and expiry>.<mac>`, in lower-case base32 and digits, because mail
systems fold the case of local parts, and at most 64 octets (RFC 5321, 4.5.3.1.1). It names the agent it was made for,
so a mail that was forwarded gives nobody else the right to answer, and it ends by itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from shared.errors import Fault, Misconfigured, NightdeskError

VALID_FOR = timedelta(days=45)

_VERSION = b"1"
_PREFIXES = ("r+", "r.")  # some mail systems refuse or drop plus parts
_BASE32 = frozenset("abcdefghijklmnopqrstuvwxyz234567")
_DIGITS = frozenset("0123456789")
_MAC_CHARACTERS = 20  # of 5 bits each: the first 100 bits
_DAY_CHARACTERS = 5  # days since 1970-01-01; enough until 2243
_LONGEST = 320  # 64 for the local part, 255 for the domain (RFC 5321, 4.5.3.1)
_EPOCH = date(1970, 1, 1)


class ReplyAddressRejected(NightdeskError):
    """The address gives no right to answer. The reason is a sentence for the agent."""

    fault = Fault.SENDER
    status = 403


@dataclass(frozen=True, slots=True)
class ReplyAddress:
    """Who may answer where."""

    conversation_id: str
    agent_id: str


class _Parts(NamedTuple):
    conversation_id: str
    agent_id: str
    term: str  # one character that names the key, then the last day
    mac: str


def make(
    conversation_id: str,
    agent_id: str,
    *,
    keys: tuple[bytes, ...],
    domain: str,
    now: datetime,
    valid_for: timedelta = VALID_FOR,
) -> str:
    """The address that lets this agent answer in this conversation until the end (UTC) of the day `valid_for` ends on.

    Signed with the first key. Raises Misconfigured where there is no key, ValueError for ids that are not 16 and 8
    characters of base32.
    """
    if not keys:
        raise Misconfigured("There is no key to sign reply addresses with. Put one into the secret of reply keys.")
    if not _is_name(conversation_id, 16) or not _is_name(agent_id, 8):
        raise ValueError("a reply address needs a conversation of 16 and an agent of 8 base32 characters")
    day = f"{((now + valid_for).astimezone(UTC).date() - _EPOCH).days:0{_DAY_CHARACTERS}d}"
    term = f"{_key_name(keys[0])}{day}"
    mac = _mac(keys[0], conversation_id, agent_id, term)
    return f"{_PREFIXES[0]}{conversation_id}.{agent_id}.{term}.{mac}@{domain.lower()}"


def read(address: str, *, keys: tuple[bytes, ...], domain: str, now: datetime) -> ReplyAddress:
    """What the address says, once its signature proves it. Case does not matter; every key is tried.

    Raises ReplyAddressRejected, and nothing else, for any text.
    """
    parts = _parts(address, domain)
    fitting = [hmac.compare_digest(_mac(key, *parts[:3]).encode(), parts.mac.encode()) for key in keys]
    if not any(fitting):
        if parts.term[0] not in {_key_name(key) for key in keys}:
            raise ReplyAddressRejected("The reply address was signed with a key that is no longer in use.")
        raise ReplyAddressRejected("The signature of the reply address does not fit: it was changed on the way.")
    if (now.astimezone(UTC).date() - _EPOCH).days > int(parts.term[1:]):
        raise ReplyAddressRejected("The reply address has expired.")
    return ReplyAddress(parts.conversation_id, parts.agent_id)


def is_one(address: str, domain: str) -> bool:
    """Whether it is written as a reply address of the domain is; that proves nothing."""
    local, _, host = address.strip().lower().rpartition("@")
    return host == domain.lower() and local.startswith(_PREFIXES)


def _parts(address: str, domain: str) -> _Parts:
    if len(address) > _LONGEST or not address.isascii():
        raise ReplyAddressRejected("The address is not a reply address: it is too long or has letters beyond ASCII.")
    local, at, host = address.strip().lower().rpartition("@")
    if not at or host != domain.lower():
        raise ReplyAddressRejected("The mail was not sent to a reply address of this desk.")
    if not local.startswith(_PREFIXES):
        raise ReplyAddressRejected("The address is not a reply address: use the one the mail gave for answers.")
    parts = local[2:].split(".")
    if len(parts) != 4:
        raise ReplyAddressRejected("The reply address is not complete.")
    conversation_id, agent_id, term, mac = parts
    well_formed = (
        _is_name(conversation_id, 16)
        and _is_name(agent_id, 8)
        and _is_name(mac, _MAC_CHARACTERS)
        and _is_name(term[:1], 1)
        and len(term) == 1 + _DAY_CHARACTERS
        and _DIGITS.issuperset(term[1:])
    )
    if not well_formed:
        raise ReplyAddressRejected("The reply address is not complete.")
    return _Parts(conversation_id, agent_id, term, mac)


def _is_name(value: str, characters: int) -> bool:
    return len(value) == characters and _BASE32.issuperset(value)


def _mac(key: bytes, conversation_id: str, agent_id: str, term: str) -> str:
    said = b"\x1f".join((_VERSION, conversation_id.encode(), agent_id.encode(), term.encode()))
    return _base32(hmac.digest(key, said, "sha256"))[:_MAC_CHARACTERS]


def _key_name(key: bytes) -> str:
    """One character that tells which key signed: it proves nothing, it makes the reason of a refusal precise."""
    return _base32(hashlib.sha256(b"name of a reply key\x1f" + key).digest())[0]


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().lower()
