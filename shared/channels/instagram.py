"""Instagram professional accounts: direct messages, comments, mentions, by either login.

Credentials of an account: `access_token`; `flavour`, "instagram" (Instagram Login) or "facebook" (Facebook Login),
which decides the host; with "instagram" also `expires_at`, with "facebook" `page_id`, of the linked Page. Deliveries
under Instagram Login are signed with the Instagram app secret.
Source: developers.facebook.com/docs/instagram-platform/webhooks and its examples page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from shared.channels import _meta, _meta_feeds, _meta_people, _meta_tokens, _setup_meta
from shared.channels._asking import with_tokens
from shared.channels._calling import misfit, never
from shared.channels._meta_events import events, unknown, word
from shared.channels._reading import Json, ident, obj, text
from shared.domain.events import Event, Kind, Surface, Visibility
from shared.domain.exchange import (
    About,
    Answer,
    Call,
    Capability,
    How,
    Outbound,
    Refusal,
    Refused,
    Secret,
    Unit,
)
from shared.domain.polling import Ask, Page

ABOUT = About(
    title="Instagram",
    how=(How.PUSH, How.POLL),
    docs="https://developers.facebook.com/docs/instagram-platform",
    checked=date(2026, 10, 31),
    acknowledging="on in direct messages, where the customer wrote first; off in public, where everybody would read it",
    author="handle in comments, nothing in direct messages; name, followers and verified mark by one Graph call",
    unproven="everything: no live app was at hand; that what is fetched has the ids of what is pushed",
)

CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.DM: Capability(
        replies=True,
        limit=1000,
        unit=Unit.BYTES,
        window=timedelta(hours=24),
        person_window=timedelta(days=7),
        acknowledges=True,
    ),
    Surface.COMMENT: Capability(replies=True, limit=2200, private_reply_window=timedelta(days=7)),
    Surface.MENTION: Capability(replies=True, limit=2200),
}

_CHANNEL = "instagram"
_OBJECTS = frozenset({"instagram", "page"})  # one page of Meta's names the Page as object under Facebook Login
_INSTAGRAM = f"https://graph.instagram.com/{_meta.VERSION}"

FEEDS = _meta_feeds.FEEDS

# Handshake, signature and the reading of errors are the same for all of Meta's platforms.
challenge, verify, sign, outcome = _meta.challenge, _meta.verify, _meta.sign, _meta.outcome
SETUP, subscribe, proven = _setup_meta.INSTAGRAM, _setup_meta.instagram_subscribed, _setup_meta.proven


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """All events of a delivery or of what was fetched, in its order. Raises Unreadable for what is not JSON."""
    return events(_meta_feeds.as_delivered(body, "instagram", _as_change), _CHANNEL, _OBJECTS, _change)


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
    """The call that posts it: a direct message, a reply to a comment, or a comment where we are mentioned.

    Sources: developers.facebook.com/docs/messenger-platform/instagram/features/send-message,
    .../docs/instagram-platform/comment-moderation and .../docs/instagram-api/reference/ig-user/mentions.
    """
    host = _host(secret)
    if isinstance(host, Refused):
        return host
    if outbound.surface is Surface.DM or _is_story_mention(outbound):
        return _direct(host, outbound, secret, now)
    capability = CAPABILITIES.get(outbound.surface)
    if capability is None:
        return never("Instagram has no reviews to answer.")
    unfit = misfit(outbound.text, capability)
    if unfit is not None:
        return unfit
    if outbound.surface is Surface.MENTION:
        return _below_mention(host, outbound, secret)
    if outbound.in_reply_to is None:
        url = _meta.edge(host, outbound.thread_id, "comments")
    else:
        url = _meta.edge(host, outbound.in_reply_to, "replies")
    return _meta.post(url, secret, {"message": outbound.text})


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Who the token speaks for."""
    return _setup_meta.instagram_proof(secret)


# Staying connected

RENEW_BEFORE = _meta_tokens.RENEW_BEFORE


def expires(secret: Secret) -> datetime | None:
    """When a token of Instagram Login ends, where that was noted; a Page's token, of Facebook Login, does not."""
    return _meta_tokens.expires(secret) if secret.credentials.get("flavour") == "instagram" else None


def renew(secret: Secret, now: datetime) -> Call | Refused | None:  # noqa: ARG001 - the protocol's signature
    """The call that makes the token last another sixty days."""
    return _meta_tokens.refresh("https://graph.instagram.com", "ig_refresh_token", secret)


def renewed(secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
    """The account with the token that replaces the old one. Total."""
    return with_tokens("Instagram", secret, answer, now)


# Replying


def look_up(customer_id: str, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """Who wrote in private: a delivery tells their id alone."""
    host = _host(secret)
    if isinstance(host, Refused):
        return host
    return _meta_people.look_up(host, customer_id, "name,username,follower_count,is_verified_user", secret)


profile = _meta_people.profile


def _host(secret: Secret) -> str | Refused:
    flavour = secret.credentials.get("flavour", "")
    if flavour == "instagram":
        return _INSTAGRAM
    if flavour == "facebook":
        return _meta.GRAPH
    return _misconfigured(secret, 'no `flavour` "instagram" or "facebook", which says where its token is good')


def _misconfigured(secret: Secret, what: str) -> Refused:
    reason = f"The account {secret.account_id} has {what}: put it into its secret."
    return Refused(refusal=Refusal.BLOCKED, reason=reason)


def _is_story_mention(outbound: Outbound) -> bool:
    """A mention in a story comes as a direct message, in the thread of the customer, and is answered as one."""
    return outbound.surface is Surface.MENTION and outbound.thread_id == outbound.customer_id


def _direct(host: str, outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
    node_id = _inbox(host, outbound.account_id, secret)
    if isinstance(node_id, Refused):
        return node_id
    url = _meta.edge(host, node_id, "messages")
    return _meta.direct_message(outbound, secret, now, url, CAPABILITIES[Surface.DM], metadata=False)


def _inbox(host: str, account_id: str, secret: Secret) -> str | Refused:
    """Under Facebook Login the direct messages are the linked Page's."""
    node_id = secret.credentials.get("page_id", "") if host == _meta.GRAPH else account_id
    return node_id or _misconfigured(secret, "no `page_id` of its linked Page")


def _below_mention(host: str, outbound: Outbound, secret: Secret) -> Call | Refused:
    """Below the media whose caption names us, or the comment that does: then its id differs from the media's."""
    payload = {"media_id": outbound.thread_id, "message": outbound.text}
    if outbound.in_reply_to is not None and outbound.in_reply_to != outbound.thread_id:
        payload["comment_id"] = outbound.in_reply_to
    return _meta.post(_meta.edge(host, outbound.account_id, "mentions"), secret, payload)


# What the webhook may have missed


def ask(wanted: Ask, secret: Secret) -> Call | Refused:
    """The call for the account's conversations, or for the comments on its newest media."""
    if wanted.ids or wanted.reference or wanted.feed not in {_meta_feeds.MESSAGES, _meta_feeds.COMMENTS}:
        return never("Instagram is asked for conversations and for comments, and for nothing else.")
    host = _host(secret)
    if isinstance(host, Refused):
        return host
    if wanted.feed == _meta_feeds.MESSAGES:
        node_id = _inbox(host, secret.account_id, secret)
        if isinstance(node_id, Refused):
            return node_id
        return _meta_feeds.conversations_of(_meta.edge(host, node_id, "conversations"), "instagram", wanted, secret)
    said = "id,timestamp,text,username,from,parent_id"
    fields = f"id,timestamp,comments.limit({_meta_feeds.MOST_COMMENTS}){{{said},replies.limit(20){{{said}}}}}"
    url = _meta.edge(host, secret.account_id, "media")
    return _meta_feeds.get(url, {"fields": fields, "limit": _meta_feeds.MOST_POSTS}, secret)


def page(wanted: Ask, answer: Answer, secret: Secret) -> Page | Refused:  # noqa: ARG001 - the protocol's signature
    """What the answer holds."""
    if wanted.feed == _meta_feeds.MESSAGES:
        return _meta_feeds.conversations(wanted, answer)
    return _meta_feeds.texts(answer, _comments)


def _comments(medium: Json) -> Iterator[Json]:
    """The comments on a medium and the replies to each, which may leave out what they answer."""
    place = {"media": {"id": medium.get("id")}}
    for comment in _meta_feeds.inner(medium, "comments"):
        yield from _meta_feeds.placed([{n: v for n, v in comment.items() if n != "replies"}], **place)
        for reply in _meta_feeds.inner(comment, "replies"):
            yield {"parent_id": comment.get("id"), **reply, **place}


def _as_change(raw: Json) -> Json:
    """A fetched comment as the webhook's change."""
    author = raw.get("from") or {"username": raw.get("username")}
    said = {name: raw.get(name) for name in ("id", "parent_id", "text", "media")}
    return {"field": "comments", "value": {**said, "from": author}}


# Changes


def _change(base: Event, field: str, value: Json) -> Event:
    if field in {"comments", "live_comments"}:
        return _comment(base, field, value)
    if field == "mentions":
        return _mention(base, value)
    return unknown(base, word(field))


def _comment(base: Event, field: str, value: Json) -> Event:
    """A comment. Its id is `id` under Instagram Login, `comment_id` under Facebook Login; it carries no time.

    Its thread is the media; where Instagram leaves that out, what it answers, or itself.
    """
    author = obj(value.get("from"))
    author_id = ident(author.get("id"))
    ours = author_id is not None and author_id == base.account_id
    comment_id = ident(value.get("id")) or ident(value.get("comment_id"))
    parent_id = ident(value.get("parent_id"))
    media_id = ident(obj(value.get("media")).get("id")) or ident(value.get("media_id"))
    said = Event(
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        channel=base.channel,
        account_id=base.account_id,
        surface=Surface.COMMENT,
        visibility=Visibility.PUBLIC,
        thread_id=media_id or parent_id or comment_id,
        message_id=comment_id,
        author_id=author_id,
        author_handle=text(author.get("username")),
        text=text(value.get("text")),
        sent_at=base.sent_at,
        in_reply_to=parent_id,
        customer_id=None if ours else author_id,
        test=base.test,
    )
    return said if comment_id is not None else unknown(replace(said, text=None), f"{field} without an id")


def _mention(base: Event, value: Json) -> Event:
    """Somebody names the account in a caption or comment. Instagram gives ids only: neither text nor author."""
    media_id, comment_id = ident(value.get("media_id")), ident(value.get("comment_id"))
    about = replace(base, surface=Surface.MENTION, visibility=Visibility.PUBLIC, thread_id=media_id)
    message_id = comment_id or media_id
    if message_id is None:
        return unknown(about, "mentions without an id")
    return replace(about, kind=Kind.MESSAGE, message_id=message_id)
