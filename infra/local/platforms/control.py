"""The sandbox's own address, /_sandbox/...: tell it what exists, make trouble, look at what was posted."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime

from infra.local import platforms
from infra.local.platforms.world import Account, Fault, World
from shared.domain.events import iso

FAULT_KINDS = ("throttle", "server_error", "lost_answer", "revoked_token", "slow")


class BadControl(ValueError):
    """A control request that cannot be followed; the message says what to send instead."""


def set_accounts(world: World, wish: Mapping[str, object]) -> dict[str, object]:
    """Set the webhook's address and add or replace accounts: {"webhook_url", "accounts": {channel: {id: {...}}}}.

    Each account: "signing" (list), "credentials" (object), "verify_token", "echoes" (default true: deliver echoes and
    statuses after a post), "fails_late" (default false: WhatsApp takes what it cannot deliver and tells afterwards).
    """
    if isinstance(wish.get("webhook_url"), str):
        world.webhook_url = str(wish["webhook_url"])
    for channel, by_id in _object(wish.get("accounts", {}), "accounts").items():
        _known_channel(channel)
        for account_id, given in _object(by_id, f"accounts.{channel}").items():
            _put_account(world, _account(channel, account_id, _object(given, f"accounts.{channel}.{account_id}")))
    return {"webhook_url": world.webhook_url, "accounts": accounts(world)}


def accounts(world: World) -> list[dict[str, object]]:
    """The accounts without their secrets."""
    return [
        {"channel": a.channel, "account_id": a.account_id, "echoes": a.echoes, "fails_late": a.fails_late}
        for a in world.accounts
    ]


def learn(world: World, channel: str, body: bytes, now: datetime) -> bool:
    """Take in an inbound delivery. False for one that broke on the way: nothing is learnt."""
    _known_channel(channel)
    try:
        delivery = json.loads(body)
    except (ValueError, RecursionError):
        if body[:1] in {b"{", b"["}:
            return False
        delivery = body
    platforms.sides()[channel].learn(world, delivery, now)
    return True


def delivery_body(wish: Mapping[str, object]) -> bytes:
    """The bytes of "body": the text itself where it looks like JSON, else what its base64 stands for."""
    given = wish.get("body")
    if not isinstance(given, str):
        raise BadControl('"body" must be the delivery\'s body, as text or in base64.')
    if given.lstrip()[:1] in {"{", "["}:
        return given.encode("utf-8", "replace")
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        return given.encode("utf-8", "replace")


def posts(world: World, channel: str | None) -> list[dict[str, object]]:
    """What was posted, oldest first."""
    return [
        asdict(post) | {"at": iso(datetime.fromtimestamp(post.at, UTC))}
        for post in world.posts
        if channel in {None, post.channel}
    ]


def add_fault(world: World, wish: Mapping[str, object]) -> list[dict[str, object]]:
    """Let the next posts to a host meet trouble: {"host", "kind", "times", "channel"?, "seconds"? (slow)}."""
    kind, host, times = wish.get("kind"), wish.get("host"), wish.get("times", 1)
    if kind not in FAULT_KINDS or not isinstance(host, str) or not isinstance(times, int):
        raise BadControl(f'Send {{"host", "kind", "times"}} with a kind of {", ".join(FAULT_KINDS)}.')
    fault = Fault(host=host, kind=str(kind), times=times)
    channel, seconds = wish.get("channel"), wish.get("seconds")
    if isinstance(channel, str):
        fault = replace(fault, channel=channel)
    if isinstance(seconds, int | float):
        fault = replace(fault, seconds=float(seconds))
    world.faults.append(fault)
    return faults(world)


def faults(world: World) -> list[dict[str, object]]:
    """The trouble still to come."""
    return [asdict(fault) for fault in world.faults if fault.times > 0]


def handshake_word(world: World, channel: str) -> str:
    """The verify token of the channel's first account that has one."""
    _known_channel(channel)
    for account in world.accounts:
        if account.channel == channel and account.verify_token:
            return account.verify_token
    raise BadControl(f"No account of {channel} has a verify_token: there is no handshake to perform.")


def _known_channel(channel: object) -> None:
    if channel not in platforms.sides():
        there = ", ".join(platforms.sides())
        raise BadControl(f"There is no channel {str(channel)[:40]!r} here. There are: {there}.")


def _put_account(world: World, account: Account) -> None:
    others = [a for a in world.accounts if (a.channel, a.account_id) != (account.channel, account.account_id)]
    world.accounts[:] = [*others, account]


def _account(channel: str, account_id: str, given: Mapping[str, object]) -> Account:
    signing = given.get("signing", [])
    if not isinstance(signing, list):
        raise BadControl(f"accounts.{channel}.{account_id}.signing must be a list of keys.")
    credentials = _object(given.get("credentials", {}), f"accounts.{channel}.{account_id}.credentials")
    word = given.get("verify_token")
    return Account(
        channel=channel,
        account_id=account_id,
        signing=[str(key) for key in signing],
        credentials={name: str(value) for name, value in credentials.items()},
        verify_token=word if isinstance(word, str) else None,
        echoes=given.get("echoes", True) is not False,
        fails_late=given.get("fails_late") is True,
    )


def _object(value: object, name: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise BadControl(f"{name} must be an object.")
    return value
