"""The loft's own side: it takes letters to rings that wrote before."""

from __future__ import annotations

from datetime import datetime

from infra.local.platforms import graph
from infra.local.platforms.exchange import PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Post, World, digits, wrote

CHANNEL = "pigeon"
HOSTS = ("pigeon.example",)
DEMO = "message__letter"


def learn(world: World, delivery: object, now: datetime) -> None:
    """Know whoever wrote."""
    loft, ring = graph.word(delivery, "loft"), graph.word(delivery, "ring")
    if loft and ring:
        wrote(world.meet(CHANNEL, loft, ring), now)


def channel_of(call: PlatformCall, world: World) -> str:
    """There is one."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """`POST /rings/RING/letters`."""
    token = call.headers.get("authorization", "").removeprefix("Bearer ")
    account = next((a for a in world.accounts if a.channel == CHANNEL and a.token == token), None)
    if account is None:
        raise Refusal(401, {"error": "Who are you?"})
    ring = call.path.split("/")[2]
    if world.person(CHANNEL, account.account_id, ring) is None:
        raise Refusal(404, {"error": "No such ring."})
    post = Post(
        channel=CHANNEL, account=account.account_id, kind="dm", thread=ring, recipient=ring,
        text=call.text("words") or "", native_id=digits(6), at=call.now.timestamp(), request=dict(call.params),
    )  # fmt: skip
    world.posts.append(post)
    return PlatformAnswer(status=201, body={"letter": post.native_id})


def trouble(kind: str, channel: str) -> Refusal:
    """Rain."""
    return Refusal(503, {"error": "It rains."})
