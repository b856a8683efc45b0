"""Secrets for the sandbox's accounts: made once for each engine, and told to the desk, the sandbox and the mailbox."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from infra.local.addresses import Account, Accounts
from infra.local.platforms import sides
from shared.domain.exchange import Secret

_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")  # what SSM takes as a part of a name


T = TypeVar("T")


def named_in(events: Path, channels: Iterable[str]) -> dict[str, set[str]]:
    """The account ids that the expected events of each channel's deliveries name, and the channel's default."""
    return {channel: _default(channel).union(*map(_read, _expected(events / channel))) for channel in channels}


def made(wanted: Mapping[str, Iterable[str]], known: Accounts) -> dict[str, dict[str, Account]]:
    """Accounts for all wanted ids; those that are known keep their secrets."""
    return {
        channel: dict(known.get(channel, {}))
        | {one: known.get(channel, {}).get(one) or make(channel) for one in sorted(ids)}
        for channel, ids in wanted.items()
    }


def make(channel: str) -> Account:
    """An account with secrets nobody else has."""
    return Account(
        signing=(signing_key(channel),),
        verify_token=secrets.token_urlsafe(18),
        credentials={"access_token": secrets.token_urlsafe(32), **_offered(channel, "credentials", dict)},
    )


def signing_key(channel: str) -> str:
    """A key in the form the platform gives out; hexadecimal digits where its file in platforms/ says nothing else."""
    return _offered(channel, "signing_key", lambda: secrets.token_hex(16))


def secret_of(account_id: str, account: Account) -> Secret:
    """The account as the channel files know it."""
    return Secret(
        account_id=account_id,
        signing=account.signing,
        verify_token=account.verify_token,
        credentials=account.credentials,
    )


def plain(account: Account) -> dict[str, object]:
    """The account as the parameter of the desk and the control call of the sandbox hold it."""
    return {
        "signing": list(account.signing),
        "verify_token": account.verify_token,
        "credentials": dict(account.credentials),
    }


def _offered(channel: str, name: str, otherwise: Callable[[], T]) -> T:
    make_it: Callable[[], T] = getattr(sides().get(channel), name, otherwise)
    return make_it()


def _default(channel: str) -> set[str]:
    """For a channel of which events/ holds nothing that names an account."""
    named = getattr(sides().get(channel), "ACCOUNT", None)
    return {named} if named else set()


def _expected(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.expected.json"))


def _read(file: Path) -> set[str]:
    return _ids(json.loads(file.read_text(encoding="utf-8")))


def _ids(content: object) -> set[str]:
    """Every `account_id` anywhere in a file."""
    if isinstance(content, list):
        return {one for item in content for one in _ids(item)}
    if isinstance(content, dict):
        own = content.get("account_id")
        named = {own} if isinstance(own, str) and _PARAMETER_NAME.fullmatch(own) else set()
        return named | {i for v in content.values() for i in _ids(v)}
    return set()
