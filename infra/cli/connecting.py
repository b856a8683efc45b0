"""Connecting an account: what is asked becomes its secret, is stored, made to deliver to us, and proven by a real call.

Knows nothing of terminals. The same steps run against the laptop's engine and against a stack on AWS.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from shared.channels import load
from shared.domain.connecting import Connecting, Proof, Wanted, connecting, renewing
from shared.domain.exchange import Answer, Call, How, Refusal, Refused, Secret, Unclear, pushing
from shared.errors import Misconfigured
from shared.ports import Clock

ACCOUNT, SIGNING, VERIFY_TOKEN = "account_id", "signing", "verify_token"

_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")  # what SSM takes as a part of a name
_MADE_BYTES = 32

Say = Callable[[str], None]
Told = Mapping[str, str]


class Store(Protocol):
    """Where accounts are kept."""

    def fresh(self, name: str, account_id: str) -> Secret:
        """As it is stored now. Raises Misconfigured where there is none."""

    def store(self, name: str, secret: Secret) -> None:
        """Replace it."""


class Caller(Protocol):
    """What makes calls."""

    def perform(self, call: Call) -> Answer | Refused | Unclear:
        """Once."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stack that accounts are connected to. `register` is told of an account before anything is called for it."""

    name: str
    webhook_url: str
    path: str  # of its parameters
    store: Store
    caller: Caller
    clock: Clock
    register: Callable[[str, Secret], None] = field(default=lambda _channel, _secret: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What came of it. `who` is the platform's own name for the account where it was proven, else `reason` says why
    not; `made` is what was made up, to be entered on the platform; `undone` are calls that did not succeed.
    """

    parameter: str
    webhook_url: str | None
    ticks: tuple[str, ...]
    made: Told
    who: str | None = None
    reason: str | None = None
    undone: tuple[str, ...] = ()


def channel_to_connect(name: str) -> Connecting:
    """The channel. Raises UnknownChannel, and Misconfigured for one that needs no connecting."""
    channel = connecting(load(name))
    if channel is None:
        raise Misconfigured(
            f"The channel {name} has nothing that a command could set up. See shared/channels/README.md."
        )
    return channel


def account_of(told: Told) -> str:
    """The account's id as a part of a parameter's name. Raises Misconfigured."""
    account_id = told.get(ACCOUNT, "").strip()
    if not _PARAMETER_NAME.fullmatch(account_id):
        raise Misconfigured(
            f"{account_id!r} cannot be an account's id: letters, digits, dot, dash and underscore only."
        )
    return account_id


def known(place: Place, channel: str, account_id: str) -> Secret | None:
    """The account as it is stored, or None. Raises Misconfigured for one that is stored but cannot be read."""
    try:
        return place.store.fresh(channel, account_id)
    except Misconfigured as error:
        if "ParameterNotFound" in str(error):
            return None
        raise


def missing(wanted: tuple[Wanted, ...], told: Told, before: Secret | None) -> tuple[Wanted, ...]:
    """What is neither told, nor stored, nor made up, nor left out."""
    return tuple(
        one
        for one in wanted
        if not (told.get(one.name) or one.made or one.optional or (before is not None and stored(before, one.name)))
    )


def stored(secret: Secret, name: str) -> str:
    """What an account holds under a name; nothing where it holds nothing."""
    if name == ACCOUNT:
        return secret.account_id
    if name == SIGNING:
        return secret.signing[0] if secret.signing else ""
    return (secret.verify_token if name == VERIFY_TOKEN else secret.credentials.get(name)) or ""


def made_up(wanted: tuple[Wanted, ...], told: Told, before: Secret | None, *, rotate: bool) -> dict[str, str]:
    """What is made up: what nobody told and nothing is stored for; with `rotate` also a signing key in a new form.

    Hexadecimal digits, which every platform takes, and which are a key to Standard Webhooks too.
    """
    return {
        one.name: secrets.token_hex(_MADE_BYTES)
        for one in wanted
        if one.made
        and not told.get(one.name)
        and (before is None or not stored(before, one.name) or (rotate and one.name == SIGNING))
    }


def secret_of(told: Told, before: Secret | None, *, rotate: bool) -> Secret:
    """The account to be stored: what is told, over what was. With `rotate` the signing key that was current stays good
    as the previous one. Tokens that were renewed go when others were told. Raises Misconfigured.
    """
    account_id = account_of(told)
    old = before or Secret(account_id=account_id)
    credentials = {
        name: value for name, value in told.items() if name not in {ACCOUNT, SIGNING, VERIFY_TOKEN} and value
    }
    kept = dict(old.credentials)
    if any(kept.get(name) != value for name, value in credentials.items()):
        for name in {"access_token", "expires_at"} - set(credentials):
            kept.pop(name, None)
    return replace(
        old,
        signing=_keys(told.get(SIGNING, ""), old.signing, rotate=rotate),
        verify_token=told.get(VERIFY_TOKEN) or old.verify_token,
        credentials={**kept, **credentials},
    )


def _keys(key: str, before: tuple[str, ...], *, rotate: bool) -> tuple[str, ...]:
    if not key or key == next(iter(before), None):
        return before
    return (key, *before[:1]) if rotate else (key,)


def connect(place: Place, name: str, secret: Secret, made: Told, say: Say) -> Connected:
    """Store the account, renew what has run out, make the platform deliver, and prove it. Raises Unavailable.

    It is stored first: the platform may look at once whether our address knows its word.
    """
    channel = channel_to_connect(name)
    say("Storing it")
    place.store.store(name, secret)
    place.register(name, secret)
    address = f"{place.webhook_url}{name}" if pushing(channel) is not None else None
    result = Connected(
        parameter=f"{place.path}/channels/{name}/{secret.account_id}",
        webhook_url=address,
        ticks=tuple(tick.replace("{webhook_url}", address or place.webhook_url) for tick in channel.SETUP.ticks),
        made=made,
    )
    renewed = _renewed(place, name, secret, say)
    if isinstance(renewed, Refused):
        return replace(result, reason=renewed.reason)
    undone = _subscribed(place, channel, renewed, address or "", say)
    proof = _proof(place, channel, renewed, say)
    if isinstance(proof, Proof):
        return replace(result, who=proof.who, undone=undone)
    return replace(result, reason=proof, undone=undone)


def _renewed(place: Place, name: str, secret: Secret, say: Say) -> Secret | Refused:
    """The account with a token that lasts. What the platform gives is stored at once: an old token may be used up."""
    channel = renewing(load(name))
    if channel is None:
        return secret
    now = place.clock.now()
    ends = channel.expires(secret)
    if ends is None or ends - now > channel.RENEW_BEFORE:
        return secret
    call = channel.renew(secret, now)
    if call is None or isinstance(call, Refused):
        return call or secret
    say("Fetching an access token")
    answer = place.caller.perform(call)
    if not isinstance(answer, Answer):
        return _lost(answer)
    renewed = channel.renewed(secret, answer, now)
    if isinstance(renewed, Secret):
        place.store.store(name, renewed)
    return renewed


def _subscribed(place: Place, channel: Connecting, secret: Secret, address: str, say: Say) -> tuple[str, ...]:
    """Make the platform deliver to us, as far as it can be told to; what it did not take."""
    undone = []
    for call in channel.subscribe(secret, address):
        say("Asking the platform to deliver")
        answer = place.caller.perform(call)
        if not isinstance(answer, Answer):
            undone.append(answer.reason)
        elif not 200 <= answer.status < 300:
            undone.append(f"The platform answered {answer.status} to being asked to deliver: do it by hand, as below.")
    return tuple(undone)


def _proof(place: Place, channel: Connecting, secret: Secret, say: Say) -> Proof | str:
    """The proof, or why there is none."""
    call = channel.prove(secret, place.clock.now())
    if call is None:
        if How.MAIL in channel.ABOUT.how or How.QUEUE in channel.ABOUT.how:
            return "No call can prove it: it is proven by the first message that comes."
        return "There is no call that could prove it with what the account holds."
    say("Proving it by a call")
    answer = place.caller.perform(call)
    if not isinstance(answer, Answer):
        return answer.reason
    proof = channel.proven(answer)
    return proof if isinstance(proof, Proof) else proof.reason


def _lost(answer: Refused | Unclear) -> Refused:
    if isinstance(answer, Refused):
        return answer
    return Refused(refusal=Refusal.LATER, reason=f"{answer.reason} Run the command again.")
