"""YouTube: comments below a channel's videos, which are asked for, and word of new videos, which is pushed.

Account id: the channel's id, UC... Keys under `signing`: secrets of our own making, with which the hub signs.
Credentials: `client_id`, `client_secret` and `refresh_token` of an OAuth client with the scope youtube.force-ssl;
`access_token` and `expires_at`, which renewal keeps; `callback`, the webhook's address, where the subscription to new
videos is to be renewed, and `subscribed_until`, which renewal keeps. Sources: developers.google.com/youtube/v3/docs,
comments.insert, commentThreads.insert, channels.list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from shared.channels import _google, _youtube_hub
from shared.channels import _youtube_calls as calls
from shared.channels._asking import expiry, no_page, with_tokens
from shared.channels._calling import content, misfit, never, posted, query
from shared.channels._reading import Json, link, obj, objects, text, when, whole
from shared.channels._youtube_comments import found
from shared.domain.connecting import Profile, Proof, Setup, Wanted
from shared.domain.events import Event, Surface, iso
from shared.domain.exchange import (
    About,
    Answer,
    Call,
    Capability,
    How,
    Outbound,
    Outcome,
    Refused,
    Request,
    Secret,
)

ABOUT = About(
    title="YouTube",
    how=(How.POLL, How.PUSH),
    docs="https://developers.google.com/youtube/v3/docs/comments",
    checked=date(2026, 11, 21),
    acknowledging="off: everybody reads it, and each answer costs 50 of the 10,000 units of a day",
    author="name and handle come along; followers by a look-up of 1 unit",
    unproven="everything: no live channel was at hand; that 10,000 characters are taken; how long the hub's leases "
    "are; comments held for review are not asked for, deletions not heard of, canReply is found out by an error",
)

CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.COMMENT: Capability(replies=True, limit=10_000),
    Surface.MENTION: Capability(replies=True, limit=10_000),  # a video that was found: a comment below it
}

SETUP = Setup(
    wanted=(
        Wanted(name="account_id", ask="The channel's id, UC...", where="Settings, Advanced settings", secret=False),
        Wanted(name="client_id", ask="The OAuth client's id", where="Google Cloud console, Credentials"),
        Wanted(name="client_secret", ask="The OAuth client's secret", where="Google Cloud console, the same place"),
        Wanted(
            name="refresh_token",
            ask="A refresh token of the channel's own account, with the scope youtube.force-ssl",
            where="developers.google.com/oauthplayground, with your own client under its gear",
        ),
        Wanted(name="signing", ask="A secret for the hub's signatures", where="made up here", made=True, optional=True),
        Wanted(name="verify_token", ask="A word only we know", where="made up here", made=True, optional=True),
        Wanted(
            name="callback",
            ask="The webhook's address, to stay subscribed to word of new videos",
            where="printed by this command; or the same on a domain of your own",
            secret=False,
            optional=True,
            offered="{webhook_url}",
        ),
    ),
    ticks=(
        "Enable the YouTube Data API v3 in the Google Cloud project.",
        "Publish the OAuth consent screen: in testing, Google ends refresh tokens after 7 days.",
        "Ask for more quota if more than a hundred answers a day are likely.",
        "Word of new videos comes to {webhook_url}; comments are asked for with or without it.",
    ),
)  # fmt: skip

FEEDS, ask, page = calls.FEEDS, calls.ask, calls.page
challenge = _youtube_hub.challenge

RENEW_BEFORE = timedelta(minutes=20)
_TOKEN_FIRST = timedelta(minutes=10)  # with less left than this, the token goes before the subscription
_SUBSCRIBED_UNTIL = "subscribed_until"


def verify(request: Request, secrets: tuple[Secret, ...], now: datetime) -> None:  # noqa: ARG001 - the hub signs no time
    """Accept what the hub signed with any account's key. Raises SignatureRejected."""
    _youtube_hub.verify(request, secrets)


def sign(body: bytes, secret: Secret, now: datetime, delivery_id: str) -> dict[str, str]:  # noqa: ARG001 - the hub signs the body alone
    """The headers with which the hub would send this body. Raises Misconfigured."""
    return _youtube_hub.sign(body, secret)


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """All events of a push, which is XML, or of what was fetched, which is JSON. Raises Unreadable."""
    return _youtube_hub.pushed(body, "youtube") if body.lstrip()[:1] == b"<" else found(body)


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """The call that posts it: a reply in the thread, or a comment below a video that was found.

    Replies hang below a thread's first comment, whichever of its comments they answer.
    """
    capability = CAPABILITIES.get(outbound.surface)
    if capability is None:
        return never("YouTube has comments to answer, and nothing else.")
    unfit = misfit(outbound.text, capability)
    if unfit is not None:
        return unfit
    if outbound.surface is Surface.COMMENT:
        said = {"parentId": outbound.thread_id, "textOriginal": outbound.text}
        return calls.call(secret, "POST", "comments?part=snippet", {"snippet": said})
    if not outbound.customer_id:
        return never("Whose video this is is not known, so YouTube would not take a comment below it.")
    first = {"snippet": {"textOriginal": outbound.text}}
    video = {"channelId": outbound.customer_id, "videoId": outbound.thread_id, "topLevelComment": first}
    return calls.call(secret, "POST", "commentThreads?part=snippet", {"snippet": video})


def outcome(answer: Answer) -> Outcome:
    """What YouTube's answer to a comment means. Total."""
    native_id = text(content(answer).get("id"))
    return posted(native_id) if answer.status == 200 and native_id else calls.failed(answer)


# Renewing


expires = expiry  # of the token: a subscription that ends stops nothing, comments are asked for


def renew(secret: Secret, now: datetime) -> Call | Refused | None:
    """The next access token; before it, where there is still time, the subscription to new videos, if that is due."""
    ends = expiry(secret)
    if ends is not None and ends - now > _TOKEN_FIRST and _is_due(secret, now):
        call = _youtube_hub.subscription(secret, secret.credentials["callback"])
        if call is not None:
            return call
    return _google.by_refresh_token(secret)


def _is_due(secret: Secret, now: datetime) -> bool:
    """Whether half of the lease has passed."""
    until = when(secret.credentials.get(_SUBSCRIBED_UNTIL))
    wanted = link(secret.credentials.get("callback")) is not None
    return wanted and (until is None or until - now < _youtube_hub.LEASE / 2)


def renewed(secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
    """The account with its new token, or with its subscription noted: a hub that does not answer is left for a day."""
    said = content(answer)
    if "access_token" in said or "error" in said:
        return with_tokens("YouTube", secret, answer, now)
    lease = _youtube_hub.LEASE if 200 <= answer.status < 300 else _youtube_hub.LEASE / 2 + timedelta(days=1)
    return replace(secret, credentials={**secret.credentials, _SUBSCRIBED_UNTIL: iso(now + lease) or ""})


# Connecting


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:
    """The call that asks the hub for new videos."""
    call = _youtube_hub.subscription(secret, webhook_url)
    return () if call is None else (call,)


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Which channel the token acts for (1 unit)."""
    call = calls.call(secret, "GET", "channels?part=snippet&mine=true")
    return None if isinstance(call, Refused) else call


def proven(answer: Answer) -> Proof | Refused:
    """The channel's title and id. Total."""
    channel = _channel(answer)
    title, channel_id = text(obj(channel.get("snippet")).get("title")), text(channel.get("id"))
    if title is None or channel_id is None:
        return no_page(calls.failed(answer))
    return Proof(who=f"{title} ({channel_id})")


def look_up(customer_id: str, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """The author's channel (1 unit)."""
    return calls.call(secret, "GET", f"channels?{query({'part': 'snippet,statistics', 'id': customer_id})}")


def profile(answer: Answer) -> Profile | Refused:
    """Title, handle and subscribers, which a channel may hide. Total."""
    channel = _channel(answer)
    if not channel:
        return no_page(calls.failed(answer)) if answer.status != 200 else never("This channel is gone.")
    about, numbers = obj(channel.get("snippet")), obj(channel.get("statistics"))
    hidden = numbers.get("hiddenSubscriberCount") is True
    return Profile(
        name=text(about.get("title")),
        handle=text((text(about.get("customUrl")) or "").removeprefix("@")),
        followers=None if hidden else whole(numbers.get("subscriberCount")),
    )


def _channel(answer: Answer) -> Json:
    return next(objects(content(answer).get("items")), {}) if answer.status == 200 else {}
