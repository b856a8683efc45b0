"""Connecting an account: what is asked becomes its secret, is stored, made to deliver to us, and proven by a real call.

Knows nothing of terminals. The same steps run against the laptop's engine and against a stack on AWS.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from shared.channels import load
from shared.domain.connecting import Connecting, Proof, Wanted, connecting, renewing
from shared.domain.exchange import Answer, Call, Refusal, Refused, Secret, Unclear, pushing
from shared.errors import Misconfigured
from shared.ports import Clock

ACCOUNT, SIGNING, VERIFY_TOKEN = "account_id", "signing", "verify_token"

_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")  # what SSM takes as a part of a name
_MADE_BYTES = 32
_OWN_ADDRESS = ("webhook_url", "callback")
_REASONS = ("message", "description", "error_description", "error_message", "detail", "reason", "title", "error")
_MOST_WORDS = 200
_SHORTEST_SECRET = 4  # shorter settings, such as a plan's name, are words that a reason may well hold

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
    """A stack that accounts are connected to. `register` is told of an account before anything is called for it;
    `played` where a sandbox answers for the platforms, which knows whatever is entered.
    """

    name: str
    webhook_url: str
    path: str  # of its parameters
    store: Store
    caller: Caller
    clock: Clock
    register: Callable[[str, Secret], None] = field(default=lambda _channel, _secret: None)
    played: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What came of it. `who` is the platform's own name for the account where it was proven, else `reason` says why
    not, `provable` whether any call could; `made` is what was made up, `offered` what the command knew itself; `undone`
    are calls that did not succeed.
    """

    parameter: str
    webhook_url: str | None
    ticks: tuple[str, ...]
    made: Told
    who: str | None = None
    reason: str | None = None
    undone: tuple[str, ...] = ()
    offered: Told = field(default_factory=dict)
    provable: bool = True


def channel_to_connect(name: str) -> Connecting:
    """The channel. Raises UnknownChannel, and Misconfigured for one that needs no connecting."""
    channel = connecting(load(name))
    if channel is None:
        raise Misconfigured(
            f"The channel {name} has nothing that a command could set up. See shared/channels/README.md."
        )
    return channel


def account_of(told: Told, asked: str = "") -> str:
    """The account's id as a part of a parameter's name; `asked` is how it was asked for. Raises Misconfigured."""
    account_id = told.get(ACCOUNT, "").strip()
    if not _PARAMETER_NAME.fullmatch(account_id):
        wanted = f" Wanted is: {asked}." if asked else ""
        raise Misconfigured(
            f"{account_id!r} cannot be an account's id: letters, digits, dot, dash and underscore only.{wanted}"
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
    """What is neither told, nor stored, nor made up, nor known, nor left out."""
    return tuple(
        one
        for one in wanted
        if not (told.get(one.name) or one.made or one.offered or one.optional)
        and not (before is not None and stored(before, one.name))
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


def offered(wanted: tuple[Wanted, ...], told: Told, before: Secret | None, address: str) -> dict[str, str]:
    """What the command knows itself, where nobody told it and nothing is stored for it."""
    return {
        one.name: one.offered.replace("{webhook_url}", address)
        for one in wanted
        if one.offered and not told.get(one.name) and (before is None or not stored(before, one.name))
    }


def refuse_empty_rotation(wanted: tuple[Wanted, ...], told: Told, before: Secret | None) -> None:
    """Raises Misconfigured where a rotation was wished for and would change nothing: the old key would seem replaced.

    The same new key once more is no fault: the command may be run again after it was stopped.
    """
    if not any(one.name == SIGNING for one in wanted):
        raise Misconfigured("This channel has no signing key, so there is nothing to rotate. Leave --rotate out.")
    if not told.get(SIGNING):
        raise Misconfigured('--rotate wants the new signing key: answer "signing" with it. The present one is kept.')
    if before is not None and before.signing == (told[SIGNING],):
        raise Misconfigured("--rotate was given the signing key that is stored already. Give the new one.")


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
    if not key:
        return before
    if rotate:
        return before if key == next(iter(before), None) else (key, *before[:1])
    return (key,)  # told without a rotation it is the only one: so a previous key is dropped


def connect(place: Place, name: str, secret: Secret, made: Told, known_here: Told, say: Say) -> Connected:
    """Store the account, renew what has run out, make the platform deliver, and prove it. Raises Unavailable.

    It is stored first: the platform may look at once whether our address knows its word.
    """
    channel = channel_to_connect(name)
    say("Storing it")
    place.store.store(name, secret)
    place.register(name, secret)
    address = _own_address(secret) or address_of(place, name) if pushing(channel) is not None else None
    result = Connected(
        parameter=f"{place.path}/channels/{name}/{secret.account_id}",
        webhook_url=address,
        ticks=tuple(tick.replace("{webhook_url}", address or place.webhook_url) for tick in channel.SETUP.ticks),
        made=made,
        offered=known_here,
        provable=bool(_needed(channel)),
    )
    renewed = _renewed(place, name, secret, say)
    if isinstance(renewed, Refused):
        return replace(result, reason=renewed.reason)
    undone = _subscribed(place, channel, renewed, address or "", say)
    proof = _proof(place, channel, renewed, say)
    if isinstance(proof, Proof):
        return replace(result, who=proof.who, undone=undone)
    return replace(result, reason=proof, undone=undone)


def address_of(place: Place, name: str) -> str:
    """Where a channel's deliveries are taken."""
    return f"{place.webhook_url}{name}"


def _own_address(secret: Secret) -> str:
    """The same on a domain of the company's, where the account says so: signatures are made over that one."""
    return next((own for name in _OWN_ADDRESS if (own := secret.credentials.get(name, "").strip())), "")


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
            words = _words(answer, secret)
            undone.append(
                f"The platform answered {answer.status} to being asked to deliver{f' ({words})' if words else ''}. "
                "Do it by hand, as below, or put it right and run the command again."
            )
    return tuple(undone)


def _words(answer: Answer, secret: Secret) -> str:
    """What the platform says was wrong, in its own words, without anything the account holds."""
    try:
        said = _sentence(json.loads(answer.body))
    except (ValueError, RecursionError):
        return ""
    held = [*secret.signing, secret.verify_token or "", *secret.credentials.values()]
    for value in sorted((one for one in held if len(one) >= _SHORTEST_SECRET), key=len, reverse=True):
        said = said.replace(value, "...")
    return " ".join(said.split())[:_MOST_WORDS].rstrip(".")


def _sentence(told: object) -> str:
    """The first text under one of the names that platforms give to a reason, wherever it stands."""
    if isinstance(told, list):
        return next((found for one in told if (found := _sentence(one))), "")
    if not isinstance(told, dict):
        return ""
    own = next((told[name] for name in _REASONS if isinstance(told.get(name), str) and told[name]), "")
    return own or _sentence(list(told.values()))


def _proof(place: Place, channel: Connecting, secret: Secret, say: Say) -> Proof | str:
    """The proof, or why there is none."""
    call = channel.prove(secret, place.clock.now())
    if call is None:
        needed = _needed(channel)
        if not needed:
            return "No call can prove it: it is proven by the first message that comes."
        asked = "; ".join(f"{one.name} ({one.ask}: {one.where})" for one in needed)
        return (
            f"No call can be made with what the account holds. One of these has not the form it should have: {asked}."
        )
    say("Proving it by a call")
    answer = place.caller.perform(call)
    if not isinstance(answer, Answer):
        return answer.reason
    proof = channel.proven(answer)
    return proof if isinstance(proof, Proof) else proof.reason


def _needed(channel: Connecting) -> tuple[Wanted, ...]:
    """What a call to the platform is made with."""
    return tuple(one for one in channel.SETUP.wanted if one.name != ACCOUNT and not (one.optional or one.made))


def _lost(answer: Refused | Unclear) -> Refused:
    if isinstance(answer, Refused):
        return answer
    return Refused(refusal=Refusal.LATER, reason=f"{answer.reason} Run the command again.")
