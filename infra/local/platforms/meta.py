"""Meta's two hosts: whose token a call carries decides which platform answers it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Protocol

from infra.local.platforms import facebook, graph, instagram, whatsapp
from infra.local.platforms.exchange import PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, World


class _Graph(Protocol):
    def get(self, call: PlatformCall, world: World, account: Account, node: tuple[str, ...]) -> PlatformAnswer: ...
    def post(self, call: PlatformCall, world: World, account: Account, node: tuple[str, ...]) -> PlatformAnswer: ...


_PLATFORMS: Mapping[str, _Graph] = {"facebook": facebook, "instagram": instagram, "whatsapp": whatsapp}
_OWN_EDGES = {"replies": "instagram", "mentions": "instagram", "media": "instagram", "feed": "facebook"}
_INBOXES = {"instagram": "instagram", "messenger": "facebook"}  # of a Page whose token acts for both
_FACEBOOK, _INSTAGRAM = "graph.facebook.com", "graph.instagram.com"
HOSTS = (_FACEBOOK, _INSTAGRAM)
_BY_FLAVOUR = {"instagram": (_INSTAGRAM,), "facebook": (_FACEBOOK,)}


def channel_of(call: PlatformCall, world: World) -> str:
    """The channel a call is for. Raises Refusal where path or token do not tell."""
    return _account(call, world, graph.node(call)).channel


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """What Meta answers. Raises Refusal."""
    if (call.method, call.host, call.path) == ("GET", _INSTAGRAM, "/refresh_access_token"):
        return _refreshed(call, world)
    node = graph.node(call)
    account = _account(call, world, node)
    platform = _PLATFORMS[account.channel]
    connected = _connection(call, account, node)
    if connected is not None:
        return connected
    if call.method == "GET":
        return platform.get(call, world, account, node)
    if call.malformed:
        raise graph.error(100, "(#100) Invalid parameter: the body is not a JSON object")
    if call.method == "POST":
        return platform.post(call, world, account, node)
    raise graph.invisible(node[0], call.method)


def _refreshed(call: PlatformCall, world: World) -> PlatformAnswer:
    """A token of Instagram Login is replaced by one that lasts sixty days."""
    account = next((a for a in graph.bearers(call, world) if a.credentials.get("flavour") == "instagram"), None)
    if account is None or call.text("grant_type") != "ig_refresh_token":
        raise graph.error(100, "The parameter grant_type is required")
    account.credentials["access_token"] = "IGAA" + secrets.token_urlsafe(32)
    fresh = account.credentials["access_token"]
    return PlatformAnswer(body={"access_token": fresh, "token_type": "bearer", "expires_in": 60 * 86_400})


def _connection(call: PlatformCall, account: Account, node: tuple[str, ...]) -> PlatformAnswer | None:
    """What a new connection asks: who it is, and that the app be installed. Only a Page must name fields for that."""
    ours = node[0] == "me" or account.is_called(node[0])
    if ours and (call.method, node[1:]) == ("POST", ("subscribed_apps",)):
        if account.channel == "facebook" and not call.text("subscribed_fields"):
            raise graph.missing("subscribed_fields")
        return PlatformAnswer(body={"success": True})
    if call.method != "GET" or node not in {("me",), (account.account_id,)} or account.channel == "whatsapp":
        return None
    named = {"name": f"The Page {account.account_id}"} if account.channel == "facebook" else {"username": "the.account"}
    return PlatformAnswer(body=graph.selected(call, {"id": account.account_id, "user_id": account.account_id, **named}))


def trouble(kind: str, channel: str) -> Refusal:
    """The error of a bad day."""
    if kind == "revoked_token":
        return graph.revoked(401 if channel == "whatsapp" else 400)
    if kind == "throttle":
        return _throttled(channel)
    if channel == "whatsapp":
        return graph.error(131000, "(#131000) Something went wrong", status=500, details="Something went wrong.")
    return graph.error(2, "An unexpected error has occurred. Please retry your request later.", status=500,
                       transient=True)  # fmt: skip


def _throttled(channel: str) -> Refusal:
    if channel == "whatsapp":
        return graph.error(130429, "(#130429) Rate limit hit", status=429, details="Cloud API message throughput.")
    if channel == "instagram":
        return graph.error(613, "(#613) Calls to this api have exceeded the rate limit.")
    return graph.error(80006, "(#80006) There have been too many calls to this Messenger account. Wait a bit.")


def _account(call: PlatformCall, world: World, node: tuple[str, ...]) -> Account:
    """Of the accounts a token acts for, the one meant: by host, by name, by edge, by who is written to."""
    holders = [a for a in graph.bearers(call, world) if call.host in _hosts(a)]
    if not holders:
        raise graph.error(190, "Invalid OAuth access token - Cannot parse access token")
    holders = [a for a in holders if a.is_called(node[0])] or holders
    edge = _OWN_EDGES.get(node[-1]) or _INBOXES.get(call.text("platform") or "")
    meant = [a for a in holders if a.channel == edge] if edge else []
    return next(iter(meant or [a for a in holders if _knows(call, world, a, node)] or holders))


def _hosts(account: Account) -> tuple[str, ...]:
    """Where the account's token is good. An Instagram token is good where the login was (`flavour`)."""
    if account.channel != "instagram":
        return (_FACEBOOK,)
    return _BY_FLAVOUR.get(account.credentials.get("flavour", ""), (_FACEBOOK, _INSTAGRAM))


def _knows(call: PlatformCall, world: World, account: Account, node: tuple[str, ...]) -> bool:
    """Whether the account has ever heard of the person or public text a call is about."""
    recipient = call.section("recipient")
    about = [graph.word(recipient, name) for name in ("id", "comment_id", "post_id")]
    return any(
        world.person(account.channel, account.account_id, i) or world.text(account.channel, i)
        for i in [*about, node[0]]
        if i is not None
    )
