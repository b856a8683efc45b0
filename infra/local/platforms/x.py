"""X as the sandbox plays it: posts and answers, direct messages, mentions, recent search, tokens that are renewed.

Sources: docs.x.com, "Manage Posts", "Manage Direct Messages", "Mentions timeline", "Search", "Rate limits", "Response
codes and errors", "Webhooks", "OAuth 2.0"; docs.x.com/changelog (23 February 2026) on answers nobody asked for.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from urllib.parse import unquote

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal, Telling
from infra.local.platforms.world import Account, Post, Text, World, digits, wrote
from infra.local.platforms.x_timelines import (
    handle,
    invalid,
    iso,
    learn_post,
    modern,
    problem,
    problem_body,
    read,
    summons,
)
from shared.domain.exchange import Unit
from shared.domain.length import length

CHANNEL = "x"
ACCOUNT = "900100"
HOSTS = ("api.x.com",)
DEMO = "dm__plain"

_WEIGHT, _DM_LIMIT = 280, 10_000
_NOT_VISIBLE = "You attempted to reply to a Tweet that is deleted or not visible to you."
_UNSUMMONED = (
    "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by the author "
    "of the post you are replying to."
)


def credentials() -> dict[str, str]:
    """What an app of the developer console hands out, with a pair of tokens of a confidential client."""
    return {
        "refresh_token": secrets.token_urlsafe(32),
        "client_id": secrets.token_urlsafe(16),
        "client_secret": secrets.token_urlsafe(24),
        "app_token": secrets.token_urlsafe(40),
    }


def signing_key() -> str:
    """A consumer secret: fifty letters and digits."""
    return secrets.token_hex(25)


# Learning


def learn(world: World, delivery: object, now: datetime) -> None:
    """Take in a delivery of either dialect, or posts that a feed shows."""
    account_id = graph.word(delivery, "account_id") or graph.word(delivery, "for_user_id")
    for item in graph.parts(delivery, "items"):
        learn_post(world, account_id, graph.part(item, "data"), graph.part(item, "includes"), now)
    event = graph.part(delivery, "data")
    account_id = account_id or graph.word(graph.part(event, "filter"), "user_id")
    payload = graph.part(event, "payload")
    if (graph.word(event, "event_type") or "").startswith("post."):
        learn_post(world, account_id, payload, graph.part(event, "includes"), now)
    for status in graph.parts(delivery, "tweet_create_events"):
        learn_post(world, account_id, *modern(status), now)
    for message in graph.parts(payload, "direct_message_events") + graph.parts(delivery, "direct_message_events"):
        _learn_message(world, account_id, message, now)


def _learn_message(world: World, account_id: str | None, message: Json, now: datetime) -> None:
    sender = graph.word(graph.part(message, "message_create"), "sender_id")
    if account_id is not None and sender is not None and sender != account_id:
        at = graph.instant(message.get("created_timestamp"), now)
        wrote(world.meet(CHANNEL, account_id, sender), at)


# Playing


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """The host is one channel's."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """One call of API v2. Raises Refusal with a problem (RFC 9457)."""
    version, *path = (unquote(part) for part in call.path.strip("/").split("/"))
    if version != "2":
        raise problem(404, "Not Found", "Not Found")
    if call.malformed:
        raise invalid("One or more parameters to your request was invalid.")
    if call.method == "GET":
        return read(call, world, _speaker(call, world), tuple(path))
    return _write(call, world, tuple(path))


def _write(call: PlatformCall, world: World, path: tuple[str, ...]) -> PlatformAnswer:
    match (call.method, *path):
        case ("POST", "oauth2", "token"):
            return _token(call, world)
        case ("POST", "tweets"):
            return _create(call, world, _speaker(call, world))
        case ("POST", "dm_conversations", "with", participant, "messages"):
            return _message(call, world, _speaker(call, world), participant)
        case ("POST", "webhooks") | ("PUT", "webhooks", _):
            return _webhook(call, world)
        case ("POST", "activity", "subscriptions"):
            return _subscription(call, world)
    raise problem(404, "Not Found", "Not Found")


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day."""
    if kind == "throttle":
        headers = {"x-rate-limit-limit": "100", "x-rate-limit-remaining": "0", "retry-after": "30"}
        return Refusal(429, problem_body(429, "Too Many Requests", "Too Many Requests"), headers)
    if kind == "revoked_token":
        return problem(401, "Unauthorized", "Unauthorized")
    return problem(503, "Service Unavailable", "Service Unavailable")


def _speaker(call: PlatformCall, world: World) -> Account:
    """The account whose own token the call carries."""
    token = call.bearer()
    for account in world.accounts:
        if account.channel == CHANNEL and token and account.token == token:
            return account
        if account.channel == CHANNEL and token and account.credentials.get("app_token") == token:
            detail = "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint."
            raise problem(403, "Unsupported Authentication", detail, "unsupported-authentication")
    raise problem(401, "Unauthorized", "Unauthorized")


def _owner(call: PlatformCall, world: World, *credentials: str) -> Account:
    token = call.bearer()
    for account in world.accounts:
        if account.channel == CHANNEL and token and token in {account.credentials.get(name) for name in credentials}:
            return account
    raise problem(401, "Unauthorized", "Unauthorized")


# Tokens


def _token(call: PlatformCall, world: World) -> PlatformAnswer:
    """A refresh token works once: the pair it gives replaces it."""
    given, client = call.text("refresh_token"), call.text("client_id")
    account = next(
        (a for a in world.accounts if a.channel == CHANNEL and given and a.credentials.get("refresh_token") == given),
        None,
    )
    if call.text("grant_type") != "refresh_token" or account is None or account.credentials.get("client_id") != client:
        raise Refusal(400, {"error": "invalid_request", "error_description": "Value passed for the token was invalid."})
    if _proof(call) != (client, account.credentials.get("client_secret")):
        raise Refusal(401, {"error": "unauthorized_client", "error_description": "Missing valid authorization header"})
    fresh = {"access_token": secrets.token_urlsafe(32), "refresh_token": secrets.token_urlsafe(32)}
    account.credentials.update(fresh)
    scope = "tweet.read tweet.write users.read dm.read dm.write offline.access"
    return PlatformAnswer(body={"token_type": "bearer", "expires_in": 7200, "scope": scope, **fresh})


def _proof(call: PlatformCall) -> tuple[str, str] | None:
    given = call.basic()
    return given and (unquote(given[0]), unquote(given[1]))


# Posting


def _create(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    text = _text(call.params.get("text"))
    if length(text, Unit.WEIGHTED) > _WEIGHT:
        raise problem(403, "Forbidden", "Your Tweet text is too long.")
    if any(post.text == text and post.kind == "reply" and post.account == account.account_id for post in world.posts):
        raise problem(403, "Forbidden", "You are not allowed to create a Tweet with duplicate content.")
    answered = _answered(call, world, account)
    post_id, at = digits(19), call.now
    user = {"id": account.account_id, "username": handle(account), "name": handle(account)}
    post = {
        "id": post_id, "text": text, "author_id": account.account_id, "created_at": iso(at), "lang": "en",
        "conversation_id": answered.root, "edit_history_tweet_ids": [post_id],
        "in_reply_to_tweet_id": answered.object_id, "in_reply_to_user_id": answered.author_id,
        "referenced_tweets": [{"type": "replied_to", "id": answered.object_id}],
    }  # fmt: skip
    learn_post(world, account.account_id, post, {"users": [user]}, at)
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="reply", thread=answered.object_id,
            recipient=answered.author_id, text=text, native_id=post_id, at=at.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip
    told = _event(account, "post.create", post, {"users": [user]})
    data = {"id": post_id, "text": text, "edit_history_tweet_ids": [post_id]}
    return PlatformAnswer(status=201, body={"data": data}, tellings=(told,))


def _answered(call: PlatformCall, world: World, account: Account) -> Text:
    """The post that is answered, where X lets a program answer it: it is ours, or its author named or quoted us."""
    named = graph.word(call.section("reply"), "in_reply_to_tweet_id")
    if named is None:
        raise problem(403, "Forbidden", "The sandbox takes answers only, and this is a post of its own.")
    if not (named.isascii() and named.isdigit()):
        raise invalid("One or more parameters to your request was invalid.")
    text = world.text(CHANNEL, named)
    if text is None or text.account_id != account.account_id:
        raise problem(403, "Forbidden", _NOT_VISIBLE)
    if not (text.own or account.credentials.get("plan") == "enterprise" or summons(world, account, named)):
        raise problem(403, "Forbidden", _UNSUMMONED)
    return text


def _message(call: PlatformCall, world: World, account: Account, participant: str) -> PlatformAnswer:
    text = _text(call.params.get("text"))
    if len(text) > _DM_LIMIT:
        raise invalid("The text is too long.")
    person = world.person(CHANNEL, account.account_id, participant)
    if person is None or person.wrote_at is None:
        raise problem(403, "Forbidden", "You do not have permission to DM one or more participants.")
    event_id = digits(19)
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="dm", thread=participant, recipient=participant,
            text=text, native_id=event_id, at=call.now.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip
    message = {
        "type": "message_create", "id": event_id, "created_timestamp": str(graph.milliseconds(call.now)),
        "message_create": {
            "target": {"recipient_id": participant}, "sender_id": account.account_id, "message_data": {"text": text},
        },
    }  # fmt: skip
    told = _event(account, "dm.sent", {"direct_message_events": [message], "users": {}})
    both = sorted([participant, account.account_id], key=lambda one: (len(one), one))
    body = {"data": {"dm_conversation_id": "-".join(both), "dm_event_id": event_id}}
    return PlatformAnswer(status=201, body=body, tellings=(told,))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise invalid("One or more parameters to your request was invalid.")
    return value


def _event(account: Account, name: str, payload: Json, includes: Json | None = None) -> Telling:
    data = {
        "event_uuid": f"-{digits(18)}", "filter": {"user_id": account.account_id}, "event_type": name,
        "payload": payload, "includes": includes or {},
    }  # fmt: skip
    return Telling(CHANNEL, account.account_id, json.dumps({"data": data}, ensure_ascii=False).encode())


# Subscribing


def _webhook(call: PlatformCall, world: World) -> PlatformAnswer:
    """Registering an address, or having it checked again."""
    _owner(call, world, "app_token")
    if call.method == "PUT":
        return PlatformAnswer(body={"data": {"valid": True}})
    url = call.text("url") or ""
    if not url.startswith("https://"):
        raise problem(400, "UrlValidationFailed", "The URL must be public and use HTTPS.")
    data = {"id": digits(19), "url": url, "valid": True, "created_at": iso(call.now)}
    return PlatformAnswer(body={"data": data})


def _subscription(call: PlatformCall, world: World) -> PlatformAnswer:
    _owner(call, world, "app_token", "access_token")
    event, wanted = call.text("event_type"), call.section("filter")
    if not event or not wanted:
        raise invalid("event_type and filter are required.")
    data = {"subscription_id": digits(19), "event_type": event, "filter": wanted, "webhook_id": call.text("webhook_id")}
    return PlatformAnswer(body={"data": data})
