"""A website that takes our answers: Standard Webhooks, verified and taken once.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Iterator
from datetime import datetime

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, Post, World, digits, wrote

CHANNEL = "web"
ACCOUNT = "website"
DEMO = "message__chat-widget"  # the delivery of events/ that a demonstration plays
HOSTS = ("web.example",)
_LIMIT = 10_000
_TOLERANCE_SECONDS = 300


def credentials() -> dict[str, str]:
    """Where the website takes our answers."""
    return {"reply_url": f"https://{HOSTS[0]}/replies"}


def signing_key() -> str:
    """A key as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def learn(world: World, delivery: object, now: datetime) -> None:
    """Take in a delivery: who wrote to which account, and every name their thread may go by."""
    data = graph.part(delivery, "data")
    account_id = graph.word(data, "account_id") or graph.word(data, "channel")
    author = graph.part(data, "author")
    names = [
        *(graph.word(data, n) for n in ("thread_id", "in_reply_to", "external_id", "id")),
        *(graph.word(author, n) for n in ("id", "email")),
    ]
    given = [name for name in names if name is not None]
    if account_id is None or not given or data.get("direction") == "outbound":
        return
    for name in given:
        person = world.meet(CHANNEL, account_id, name)
        person.name = graph.word(author, "name") or person.name
        wrote(person, now)


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """The website is one channel."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """`POST /replies`: 401 for a bad signature, 400 or 422 for what is no use, the same answer for a second copy."""
    if (call.method, call.path) != ("POST", "/replies"):
        raise _refused(404, "There is nothing here but POST /replies.")
    webhook_id = call.headers.get("webhook-id", "")
    signers = list(_signers(call, world, webhook_id))
    if not signers:
        raise _refused(401, "No signature of the webhook-signature header is right.")
    if call.params.get("type") == "connection.test":
        return PlatformAnswer(body={"ok": True})
    known = world.taken.get(webhook_id)
    if known is not None:
        return PlatformAnswer(body={"id": known, "duplicate": True})
    account, post = _read(call, world, signers)
    world.taken[webhook_id] = post.native_id
    world.posts.append(post)
    return PlatformAnswer(body={"id": post.native_id, "account_id": account.account_id})


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day."""
    if kind == "throttle":
        return Refusal(429, {"error": "Too many deliveries."}, {"retry-after": "30"})
    if kind == "revoked_token":
        return _refused(401, "This key is not accepted any more.")
    return _refused(500, "The website is down.")


def _signers(call: PlatformCall, world: World, webhook_id: str) -> Iterator[Account]:
    """The accounts one of whose keys made one of the signatures, over id, time and body, within five minutes."""
    stamp = call.headers.get("webhook-timestamp", "")
    if not webhook_id or not stamp.isdecimal() or abs(call.now.timestamp() - int(stamp)) > _TOLERANCE_SECONDS:
        return
    signed = b".".join((webhook_id.encode(), stamp.encode(), call.body))
    given = call.headers.get("webhook-signature", "").split(" ")
    for account in world.accounts:
        right = [_signature(key, signed) for key in _keys(account)] if account.channel == CHANNEL else []
        if any(hmac.compare_digest(r, g) for r in right for g in given if g.isascii()):
            yield account


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _keys(account: Account) -> Iterator[bytes]:
    for key in account.signing:
        if account.credentials.get("secret_form") == "raw":
            yield key.encode()
            continue
        encoded = key.removeprefix("whsec_").rstrip("=")
        try:
            yield base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except binascii.Error:
            continue


def _read(call: PlatformCall, world: World, signers: list[Account]) -> tuple[Account, Post]:
    data = _data(call)
    account_id, text = graph.word(data, "account_id"), data.get("text")
    account = next((a for a in signers if a.account_id == account_id), None)
    if account is None:
        raise _refused(403, "The key that signed this is not the account's.")
    if not isinstance(text, str) or not text.strip() or len(text) > _LIMIT:
        raise _refused(422, f"data.text must be a text of at most {_LIMIT} characters.")
    thread = graph.word(data, "thread_id")
    if thread is None or world.person(CHANNEL, account.account_id, thread) is None:
        raise _refused(422, "data.thread_id names no thread of this website.")
    recipient = graph.word(graph.part(data, "recipient"), "id")
    post = Post(
        channel=CHANNEL, account=account.account_id, kind="reply", thread=thread, recipient=recipient, text=text,
        native_id=f"site-{digits(9)}", at=call.now.timestamp(), request=dict(call.params),
    )  # fmt: skip
    return account, post


def _data(call: PlatformCall) -> Json:
    try:
        payload = json.loads(call.body)
    except ValueError:
        raise _refused(400, "The body is not JSON.") from None
    if not isinstance(payload, dict) or not isinstance(payload.get("type"), str) or "timestamp" not in payload:
        raise _refused(400, "The body is no event: type and timestamp are missing.")
    return graph.part(payload, "data")


def _refused(status: int, reason: str) -> Refusal:
    return Refusal(status, {"error": reason})
