"""LinkedIn's REST API as pages use it: versions, comments below posts, notifications to be asked for, new tokens.

Source: learn.microsoft.com/linkedin: "Comments API", "Organization Social Action Notifications", "Versioning",
"Programmatic Refresh Tokens", "Error handling".
"""

from __future__ import annotations

import json
import re
import secrets
from datetime import datetime
from urllib.parse import quote, unquote

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal, Telling
from infra.local.platforms.world import Account, Post, Shown, Text, World, digits

CHANNEL = "linkedin"
ACCOUNT = "2414183"
DEMO = "message__comment"
HOSTS = ("api.linkedin.com", "www.linkedin.com")

_FEED = "notifications"
_LIMIT = 1250
_VERSIONS = re.compile(r"20251[12]|2026(0[1-9]|1[0-2])")
_LIFE_SECONDS, _REFRESH_SECONDS = 5_184_000, 31_536_000
_POST = r"(activity|share|ugcPost):(\d+)"
_TARGET = re.compile(rf"/rest/socialActions/urn:li:(?:{_POST}|comment:\(urn:li:{_POST},(\d+)\))/comments")
_COMMENT = re.compile(rf"urn:li:comment:\((?:urn:li:)?{_POST},(\d+)\)")
_RANGE = re.compile(r"\(start:(\d+),end:(\d+)\)")


def credentials() -> dict[str, str]:
    """What a reviewed app holds for one page and the administrator who connected it."""
    return {
        "refresh_token": f"AQ{secrets.token_urlsafe(40)}",
        "client_id": f"77{secrets.token_hex(6)}",
        "application_id": digits(9),
        "member_id": secrets.token_urlsafe(8),
    }


def learn(world: World, delivery: object, now: datetime) -> None:
    """Take in notifications, pushed or asked for: which comments and posts are there, and what is to be asked for."""
    for item in [*graph.parts(delivery, "notifications"), *graph.parts(delivery, "items")]:
        _note(world, item, now)


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """The hosts are one channel."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """Tokens at one host, everything else at the other."""
    if call.path == "/oauth/v2/accessToken":
        return _tokens(call, world)
    account = _account(call, world)
    path = unquote(call.path)
    if call.method == "POST" and (target := _TARGET.fullmatch(path)):
        return _comment(call, world, account, target)
    if call.method == "GET" and path == "/rest/organizationalEntityNotifications":
        return _notifications(call, world, account)
    if call.method == "GET" and path == f"/rest/organizations/{account.account_id}":
        return PlatformAnswer(body={"id": int(account.account_id), "localizedName": "Lantern Bikes"})
    if call.method == "PUT" and path.startswith("/rest/eventSubscriptions/(developerApplication:"):
        return _subscribed(call, account, path)
    raise _refused(404, "RESOURCE_NOT_FOUND", f"No virtual resource found at {path}")


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day."""
    if kind == "throttle":
        return _refused(429, "TOO_MANY_REQUESTS", "Resource level throttle APPLICATION DAY limit for calls reached")
    if kind == "revoked_token":
        return _refused(401, "REVOKED_ACCESS_TOKEN", "The token used in the request has been revoked by the user")
    return _refused(500, "INTERNAL_SERVER_ERROR", "Internal Server Error")


def _account(call: PlatformCall, world: World) -> Account:
    """Whose token it is, on a call that names a version and the protocol. Raises the platform's refusal."""
    token = call.bearer()
    found = next((a for a in world.accounts if a.channel == CHANNEL and a.token == token), None)
    if not token or found is None:
        raise _refused(401, "INVALID_ACCESS_TOKEN", "Invalid access token")
    version = call.headers.get("linkedin-version", "")
    if not version:
        raise _refused(
            400, "VERSION_MISSING", "A version must be present. Please specify a version by adding the header"
        )
    if not _VERSIONS.fullmatch(version):
        raise _refused(426, "NONEXISTENT_VERSION", f"Requested version {version} is not active")
    if call.headers.get("x-restli-protocol-version") != "2.0.0":
        raise _refused(400, "ILLEGAL_ARGUMENT", "Invalid query parameters passed to request")
    return found


def _comment(call: PlatformCall, world: World, account: Account, target: re.Match[str]) -> PlatformAnswer:
    """Comment below a post or a comment: the actor is ours, what it stands below is there, the words are new."""
    text = call.section("message").get("text")
    if not isinstance(text, str) or not text.strip() or len(text) > _LIMIT:
        raise _refused(
            400, "FIELD_VALUE_INVALID", f"ERROR :: /message/text :: text length exceeded or empty ({_LIMIT})"
        )
    if call.text("actor") != f"urn:li:organization:{account.account_id}":
        raise _refused(403, "ACCESS_DENIED", "Not enough permissions to access: actor")
    post = f"{target[1] or target[3]}:{target[2] or target[4]}"
    below = world.text(CHANNEL, f"{post},{target[5]}") if target[5] else world.text(CHANNEL, post)
    if call.text("object") != f"urn:li:{post}" or (target[5] and call.text("parentComment") is None):
        raise _refused(400, "FIELD_VALUE_INVALID", "ERROR :: /object :: does not match the resource")
    if below is None:
        raise _refused(404, "RESOURCE_NOT_FOUND", "The comment or post does not exist")
    if below.top != below.object_id:
        raise _refused(400, "INVALID_REQUEST", "A comment on a comment cannot be commented on")
    if any(t.own and t.text == text and t.root == post for t in world.texts if t.channel == CHANNEL):
        raise _refused(422, "DUPLICATE_POST", "Content is a duplicate of urn:li:comment")
    number = f"7412{digits(15)}"
    item = _admin_comment(call, account, post, number, target[5])
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="comment", thread=below.object_id,
            recipient=below.author_id, text=text, native_id=f"{post.partition(':')[2]},{number}",
            at=call.now.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip
    _note(world, item, call.now)
    urn = f"urn:li:comment:(urn:li:{post},{number})"
    body = {"commentUrn": urn, "id": number, "object": f"urn:li:{post}", "message": {"text": text}}
    envelope = json.dumps({"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": [item]}).encode()
    telling = Telling(CHANNEL, account.account_id, envelope)
    return PlatformAnswer(status=201, body=body, headers={"x-restli-id": quote(urn, safe="")}, tellings=(telling,))


def _admin_comment(
    call: PlatformCall, account: Account, post: str, number: str, parent: str | None
) -> dict[str, object]:
    """What LinkedIn tells of a comment by a page's own side."""
    ours = f"urn:li:organization:{account.account_id}"
    comment = {
        "entity": f"urn:li:comment:(urn:li:{post},{number})", "owner": ours, "object": f"urn:li:{post}",
        "text": call.section("message").get("text"),
        **({"parentComment": f"urn:li:comment:(urn:li:{post},{parent})"} if parent else {}),
    }  # fmt: skip
    return {
        "notificationId": int(f"7412{digits(15)}"), "organizationalEntity": ours, "action": "ADMIN_COMMENT",
        "lastModifiedAt": graph.milliseconds(call.now), "sourcePost": f"urn:li:{post}",
        "generatedActivity": f"urn:li:comment:({post},{number})",
        "decoratedGeneratedActivity": {"comment": comment},
        "subscriber": f"urn:li:person:{account.credentials.get('member_id', '')}",
    }  # fmt: skip


def _note(world: World, item: Json, now: datetime) -> None:
    account_id = (graph.word(item, "organizationalEntity") or "").rpartition(":")[2]
    notification, generated = graph.word(item, "notificationId"), graph.word(item, "generatedActivity") or ""
    if not account_id or notification is None:
        return
    at = graph.instant(item.get("lastModifiedAt"), now).timestamp()
    shown = Shown(channel=CHANNEL, account_id=account_id, feed=_FEED, item_id=notification, at=at, raw=dict(item))
    world.show(shown)
    found = _COMMENT.fullmatch(generated)
    decorated = graph.part(item, "decoratedGeneratedActivity")
    written = graph.part(decorated, "comment") or graph.part(decorated, "share")
    post = f"{found[1]}:{found[2]}" if found else generated.removeprefix("urn:li:")
    name = f"{post},{found[3]}" if found else post
    if item.get("action") == "COMMENT_DELETE":
        world.remove_text(CHANNEL, account_id, name, at)
        return
    parent = _COMMENT.fullmatch(graph.word(written, "parentComment") or "")
    owner = graph.word(written, "owner")
    world.put_text(
        Text(
            channel=CHANNEL, account_id=account_id, object_id=name, author_id=owner, author_name=None,
            text=graph.word(written, "text"), top=f"{post},{parent[3]}" if parent else name, root=post, created_at=at,
            own=owner == f"urn:li:organization:{account_id}",
        )
    )  # fmt: skip


def _notifications(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    """A page of what happened in a span, newest first."""
    span = _RANGE.fullmatch(call.text("timeRange") or "")
    actions = (call.text("actions") or "").removeprefix("List(").removesuffix(")").split(",")
    if call.text("q") != "criteria" or span is None:
        raise _refused(400, "ILLEGAL_ARGUMENT", "Invalid query parameters passed to request")
    if call.text("organizationalEntity") != f"urn:li:organization:{account.account_id}":
        raise _refused(403, "ACCESS_DENIED", "Not enough permissions to access: organizationalEntity")
    start, count = int(call.text("start") or 0), int(call.text("count") or 10)
    found = [
        s.raw
        for s in world.feed(CHANNEL, account.account_id, _FEED)
        if int(span[1]) <= s.at * 1000 <= int(span[2]) and s.raw.get("action") in actions
    ]
    paging = {"start": start, "count": count, "total": len(found), "links": []}
    return PlatformAnswer(body={"elements": found[start : start + count], "paging": paging})


def _subscribed(call: PlatformCall, account: Account, path: str) -> PlatformAnswer:
    named = f"entity:urn:li:organization:{account.account_id}" in path
    if not named or not (call.text("webhook") or "").startswith("https://"):
        raise _refused(400, "FIELD_VALUE_INVALID", "ERROR :: /webhook :: must be a validated https address")
    return PlatformAnswer(status=204)


def _tokens(call: PlatformCall, world: World) -> PlatformAnswer:
    """A new access token, and a refresh token that replaces the one it was asked with."""
    if call.text("grant_type") != "refresh_token":
        raise Refusal(400, {"error": "unsupported_grant_type", "error_description": "Grant type not supported"})
    for account in world.accounts:
        held = account.credentials
        if account.channel == CHANNEL and held.get("refresh_token") == call.text("refresh_token"):
            if call.text("client_id") != held.get("client_id") or call.text("client_secret") not in account.signing:
                raise Refusal(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
            held["access_token"], held["refresh_token"] = (
                f"AQ{secrets.token_urlsafe(60)}",
                f"AQ{secrets.token_urlsafe(40)}",
            )
            body = {
                "access_token": held["access_token"], "expires_in": _LIFE_SECONDS,
                "refresh_token": held["refresh_token"], "refresh_token_expires_in": _REFRESH_SECONDS,
            }  # fmt: skip
            return PlatformAnswer(body=body)
    raise Refusal(400, {"error": "invalid_grant", "error_description": "The provided refresh token is invalid"})


def _refused(status: int, code: str, message: str) -> Refusal:
    return Refusal(status, {"status": status, "code": code, "serviceErrorCode": 65600 + status, "message": message})
