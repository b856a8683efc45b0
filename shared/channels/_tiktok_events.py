"""TikTok's deliveries, read: an envelope whose `content` is JSON written as a text, so that it is read twice.

Sources: business-api.tiktok.com/portal/docs, "Webhooks", "Comment webhook", "Direct message webhook" and
/business/comment/list/. A comment's webhook names neither its author nor whether it is ours: it only points at what has
to be fetched, by video and comment ("7410:7412").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from shared.channels._calling import encoded, fetched, json_object
from shared.channels._reading import Json, ident, link, obj, read_json, text, when
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility

CHANNEL = "tiktok"
COMMENTS = "comments"  # the feed that fetches what a webhook pointed at

_RECEIVED = frozenset({"im_receive_msg", "im_receive_msg_eu"})
_BUSINESS = "business_account"


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """An event for each envelope, or for each comment that was fetched. Raises Unreadable for what is not JSON."""
    payload = obj(read_json(body))
    held = fetched(payload)
    if held is not None:
        account_id, _, items = held
        return tuple(_comment(item, account_id) for item in items) or (_unknown("no comment", account_id),)
    return tuple(_event(envelope) for envelope in _envelopes(payload))


def reference(video_id: object, comment_id: object) -> str | None:
    """What a pointer names: a comment can only be fetched with its video."""
    video, comment = ident(video_id), ident(comment_id)
    return f"{video}:{comment}" if video and comment else None


def _envelopes(payload: Json) -> Iterator[Json]:
    """One envelope, or several in a list, as some of TikTok's samples have them."""
    several = payload.get("events")
    if isinstance(several, list) and several:
        yield from (obj(one) for one in several)
    else:
        yield payload


def _unknown(what: str, account_id: str | None) -> Event:
    return Event(kind=Kind.UNKNOWN, channel=CHANNEL, account_id=account_id, detail=what)


def _event(envelope: Json) -> Event:
    name = text(envelope.get("event")) or "an envelope without an event"
    content = _content(envelope.get("content"))
    at = when(content.get("timestamp")) or when(envelope.get("create_time"))
    base = replace(_unknown(name, ident(envelope.get("user_openid"))), sent_at=at)
    if name.startswith("comment.") or name == "im_receive_high_intent_comment":
        return _about_comment(base, content)
    if name in _RECEIVED or name == "im_send_msg":
        return _direct(base, content, received=name in _RECEIVED)
    if name in {"im_mark_read_msg", "im_referral_msg"}:
        return replace(base, kind=Kind.READ if name == "im_mark_read_msg" else Kind.STATUS)
    if name.startswith("brand_mention."):
        return _mention(base, content)
    return replace(base, test=name == "tiktok.ping")


def _content(written: object) -> Json:
    """The content, which TikTok writes as JSON within JSON; an empty one where it cannot be read."""
    return written if isinstance(written, dict) else json_object(encoded(text(written) or ""))


def _about_comment(base: Event, content: Json) -> Event:
    """New: to be fetched. Gone: nobody waits any more. Hidden or shown: told, and no more."""
    comment_id = ident(content.get("comment_id"))
    action = text(content.get("comment_action")) or "insert"
    about = replace(base, surface=Surface.COMMENT, visibility=Visibility.PUBLIC, message_id=comment_id)
    named = reference(content.get("video_id"), comment_id)
    if comment_id is None or named is None:
        return base
    if action == "insert":
        return replace(about, kind=Kind.POINTER, message_id=named, thread_id=named, detail=COMMENTS)
    if action == "delete":
        return replace(about, kind=Kind.DELETION, detail=None)
    return replace(about, kind=Kind.STATUS, detail=action)


def _comment(item: Json, account_id: str) -> Event:
    """A comment as it was fetched. `owner` says that the account that owns the video wrote it: that is us."""
    video_id, comment_id = ident(item.get("video_id")), ident(item.get("comment_id"))
    above = ident(item.get("parent_comment_id"))
    thread = reference(video_id, above or comment_id)
    if comment_id is None or thread is None:
        return _unknown("a comment without its ids", account_id)
    author = ident(item.get("unique_identifier")) or ident(item.get("user_id"))
    ours = item.get("owner") is True
    return Event(
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        channel=CHANNEL,
        account_id=account_id,
        surface=Surface.COMMENT,
        visibility=Visibility.PUBLIC,
        thread_id=thread,
        message_id=comment_id,
        author_id=author,
        author_name=text(item.get("display_name")),
        author_handle=text((text(item.get("username")) or "").removeprefix("@")),
        text=text(item.get("text")),
        sent_at=when(item.get("create_time")),
        in_reply_to=above,
        link=_video(video_id),
        customer_id=None if ours else author,
    )


def _direct(base: Event, content: Json, *, received: bool) -> Event:
    """A direct message, the customer's or our own, whoever typed it: then the customer is who it goes to."""
    sender, reader = obj(content.get("from_user")), obj(content.get("to_user"))
    author = ident(sender.get("id")) or ident(content.get("from"))
    itself = author is not None and author == base.account_id
    ours = itself or not received or sender.get("role") == _BUSINESS
    customer = (ident(reader.get("id")) or ident(content.get("to"))) if ours else author
    conversation, message = ident(content.get("conversation_id")), ident(content.get("message_id"))
    if conversation is None or message is None:
        return base
    return replace(
        base,
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        surface=Surface.DM,
        visibility=Visibility.PRIVATE,
        thread_id=conversation,
        message_id=message,
        author_id=author,
        author_handle=text((text(content.get("from")) or "").removeprefix("@")),
        text=text(obj(content.get("text")).get("body")),
        attachments=_attachments(content),
        in_reply_to=ident(obj(content.get("referenced_message_info")).get("referenced_message_id")),
        customer_id=customer,
        detail=None,
    )


def _attachments(content: Json) -> tuple[Attachment, ...]:
    """What is not text. A picture is named by an id that is fetched with our token; a shared video has a page."""
    kind = text(content.get("type")) or "text"
    if kind == "text":
        return ()
    shared = obj(content.get("share_post"))
    return (
        Attachment(
            "video" if kind == "share_post" else kind,
            link(shared.get("embed_url")) or _video(ident(shared.get("video_id"))),
        ),
    )


def _mention(base: Event, content: Json) -> Event:
    """Somebody names the brand in a video or a comment of theirs. What TikTok tells of it is documented sparsely."""
    video_id = ident(content.get("video_id")) or ident(content.get("item_id"))
    named = ident(content.get("comment_id")) or video_id
    if named is None:
        return base
    handle = text((text(content.get("username")) or "").removeprefix("@"))
    author = ident(content.get("unique_identifier")) or ident(content.get("user_id")) or handle
    return replace(
        base,
        kind=Kind.MESSAGE,
        surface=Surface.MENTION,
        visibility=Visibility.PUBLIC,
        thread_id=video_id or named,
        message_id=named,
        author_id=author,
        author_name=text(content.get("display_name")),
        author_handle=handle,
        text=text(content.get("text")) or text(content.get("caption")),
        link=link(content.get("share_url")) or _video(video_id),
        customer_id=author,
        detail=None,
    )


def _video(video_id: str | None) -> str | None:
    """A video's page; TikTok puts the owner's name into the address by itself."""
    return (
        f"https://www.tiktok.com/@/video/{video_id}" if video_id and video_id.isascii() and video_id.isdigit() else None
    )
