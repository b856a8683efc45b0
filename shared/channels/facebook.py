"""Facebook Pages: Messenger, comments and visitor posts, mentions, reviews.

Credentials of an account: `access_token`, of the Page. Sources:
developers.facebook.com/docs/graph-api/webhooks/reference/page and
developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from shared.channels import _meta, _meta_feeds, _meta_people, _setup_meta
from shared.channels._calling import misfit, never
from shared.channels._meta_events import events, unknown, word
from shared.channels._reading import Json, ident, link, obj, text, when, whole
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility
from shared.domain.exchange import About, Answer, Call, Capability, How, Outbound, Refused, Secret
from shared.domain.polling import Ask, Page

ABOUT = About(
    title="Facebook Pages and Messenger",
    how=(How.PUSH, How.POLL),
    docs="https://developers.facebook.com/docs/messenger-platform",
    checked=date(2026, 10, 31),
    acknowledging="on in Messenger, where the customer wrote first; off in public, where everybody would read it",
    author="name where the delivery has one; no followers, no verified mark; a name look-up is one Graph call",
    unproven="everything: no live app was at hand; that what is fetched has the ids of what is pushed",
)

CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.DM: Capability(
        replies=True,
        limit=2000,
        window=timedelta(hours=24),
        person_window=timedelta(days=7),
        acknowledges=True,
    ),
    Surface.COMMENT: Capability(replies=True, limit=8000, private_reply_window=timedelta(days=7)),
    Surface.MENTION: Capability(replies=True, limit=8000),
    Surface.REVIEW: Capability(replies=True, limit=8000),
}

_CHANNEL = "facebook"
_OBJECTS = frozenset({"page"})
_POSTS = frozenset({"post", "status", "photo", "video", "share", "link", "album", "event"})
_REACTIONS = frozenset({"like", "reaction"})
_TEST_POST = "44444444_444444444"  # what the dashboard's test button sends
_NAMELESS_REVIEW = "review-"  # our name for a review whose story Meta did not give

FEEDS = _meta_feeds.FEEDS

# Handshake, signature and the reading of errors are the same for all of Meta's platforms.
challenge, verify, sign, outcome = _meta.challenge, _meta.verify, _meta.sign, _meta.outcome
SETUP, subscribe, proven = _setup_meta.FACEBOOK, _setup_meta.page_subscribed, _setup_meta.proven


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """All events of a delivery or of what was fetched, in its order. Raises Unreadable for what is not JSON."""
    return events(_meta_feeds.as_delivered(body, "page", _as_change), _CHANNEL, _OBJECTS, _change)


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
    """The call that posts it: a direct message, or a comment below what is answered.

    Sources: developers.facebook.com/docs/graph-api/reference/page/messages and .../reference/comment.
    """
    capability = CAPABILITIES[outbound.surface]
    if outbound.surface is Surface.DM:
        url = _meta.edge(_meta.GRAPH, outbound.account_id, "messages")
        return _meta.direct_message(outbound, secret, now, url, capability, metadata=True)
    target = _target(outbound)
    if target.startswith(_NAMELESS_REVIEW):
        return never("Facebook did not say which post this review belongs to: answer it on the Page itself.")
    url = _meta.edge(_meta.GRAPH, target, "comments")
    return misfit(outbound.text, capability) or _meta.post(url, secret, {"message": outbound.text})


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Who the token speaks for."""
    return _setup_meta.page_proof(secret)


def look_up(customer_id: str, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """Who wrote on Messenger; of those who wrote in public nothing more is told."""
    return _meta_people.look_up(_meta.GRAPH, customer_id, "name", secret)


profile = _meta_people.profile


def _target(outbound: Outbound) -> str:
    """A comment is answered below itself, a visitor's post, a mention's post and a review's story likewise."""
    if outbound.surface is Surface.REVIEW:
        return outbound.thread_id
    return outbound.in_reply_to or outbound.thread_id


# What the webhook may have missed


def ask(wanted: Ask, secret: Secret) -> Call | Refused:
    """The call for the Page's conversations, or for what was written on it and below its newest posts."""
    if wanted.ids or wanted.reference or wanted.feed not in {_meta_feeds.MESSAGES, _meta_feeds.COMMENTS}:
        return never("Facebook is asked for conversations and for comments, and for nothing else.")
    if wanted.feed == _meta_feeds.MESSAGES:
        url = _meta.edge(_meta.GRAPH, secret.account_id, "conversations")
        return _meta_feeds.conversations_of(url, "messenger", wanted, secret)
    url = _meta.edge(_meta.GRAPH, secret.account_id, "feed")
    below = f"comments.order(reverse_chronological).filter(stream).limit({_meta_feeds.MOST_COMMENTS})"
    fields = f"id,created_time,from,message,{below}{{id,created_time,from,message,parent{{id}},attachment}}"
    return _meta_feeds.get(url, {"fields": fields, "limit": _meta_feeds.MOST_POSTS}, secret)


def page(wanted: Ask, answer: Answer, secret: Secret) -> Page | Refused:
    """What the answer holds."""
    if wanted.feed == _meta_feeds.MESSAGES:
        return _meta_feeds.conversations(wanted, answer)
    return _meta_feeds.texts(answer, lambda post: _texts(post, secret.account_id))


def _texts(post: Json, account_id: str) -> Iterator[Json]:
    """A visitor's post, and the comments below it or below a post of the Page, which answers nobody."""
    if ident(obj(post.get("from")).get("id")) != account_id:
        yield {name: value for name, value in post.items() if name != "comments"}
    yield from _meta_feeds.placed(_meta_feeds.inner(post, "comments"), post_id=post.get("id"))


def _as_change(raw: Json) -> Json:
    """A fetched text as the webhook's change: what has no post above it is a post."""
    post_id = raw.get("post_id")
    place = (
        {"item": "status", "post_id": raw.get("id")}
        if post_id is None
        else {
            "item": "comment",
            "comment_id": raw.get("id"),
            "post_id": post_id,
            "parent_id": obj(raw.get("parent")).get("id") or post_id,
        }
    )
    media = obj(obj(obj(raw.get("attachment")).get("media")).get("image"))
    said = {name: raw.get(name) for name in ("from", "message", "created_time")}
    return {"field": "feed", "value": {**said, **place, "verb": "add", "photo": media.get("src")}}


# Changes


def _change(base: Event, field: str, value: Json) -> Event:
    if field == "feed":
        return _feed(base, value)
    if field == "mention":
        return _mention(base, value)
    if field == "ratings":
        return _rating(base, value)
    return unknown(base, word(field))


def _feed(base: Event, value: Json) -> Event:
    item = text(value.get("item")) or ""
    post_id, comment_id = ident(value.get("post_id")), ident(value.get("comment_id"))
    if item in _REACTIONS:
        return _reaction(_about(base, value, Surface.COMMENT, post_id, comment_id or post_id), value)
    if item == "comment":
        return _comment(_about(base, value, Surface.COMMENT, post_id, comment_id), value)
    about = _about(base, value, Surface.COMMENT, post_id, post_id)
    if item in _POSTS:
        return _said(about, value)
    return unknown(about, f"feed {word(item)} {_verb(value)}")


def _mention(base: Event, value: Json) -> Event:
    """Somebody names the Page elsewhere. Facebook mostly leaves out who it was."""
    post_id, comment_id = ident(value.get("post_id")), ident(value.get("comment_id"))
    return _said(_about(base, value, Surface.MENTION, post_id or comment_id, comment_id or post_id), value)


def _rating(base: Event, value: Json) -> Event:
    """A review; the field also tells of comments and reactions below one."""
    item, story_id = text(value.get("item")), ident(value.get("open_graph_story_id"))
    post_id, comment_id = ident(value.get("post_id")), ident(value.get("comment_id"))
    if item == "comment":
        return _comment(_about(base, value, Surface.COMMENT, post_id or story_id, comment_id), value)
    thread_id = story_id or post_id
    if item in _REACTIONS:
        return _reaction(_about(base, value, Surface.REVIEW, thread_id, comment_id or thread_id), value)
    review = _about(base, value, Surface.REVIEW, story_id, story_id)
    return _review(review, value) if item == "rating" else unknown(review, f"ratings {word(item)} {_verb(value)}")


def _review(about: Event, value: Json) -> Event:
    if about.message_id is None and about.author_id is not None:  # a person has one review of a Page
        name = _NAMELESS_REVIEW + about.author_id
        about = replace(about, thread_id=name, message_id=name)
    said = _said(about, value)
    if said.kind not in {Kind.MESSAGE, Kind.EDIT}:
        return said
    stars, advice = whole(value.get("rating")), text(value.get("recommendation_type"))
    return replace(
        said,
        text=text(value.get("review_text")),
        rating=stars if stars is not None and 1 <= stars <= 5 else None,
        detail=f"recommendation:{word(advice).lower()}" if advice else None,
    )


def _comment(about: Event, value: Json) -> Event:
    """A comment; its parent is the post itself where it answers no other comment."""
    said = _said(about, value)
    parent_id = ident(value.get("parent_id"))
    answers = parent_id is not None and parent_id not in {about.thread_id, about.message_id}
    return replace(said, in_reply_to=parent_id) if answers and said.kind is not Kind.UNKNOWN else said


def _reaction(about: Event, value: Json) -> Event:
    return replace(
        about,
        kind=Kind.REACTION,
        text=text(value.get("reaction_type")) or "like",
        sent_at=when(value.get("created_time")) or about.sent_at,
        detail="unreact" if _verb(value) in {"remove", "delete"} else "react",
    )


# What a change says


def _about(base: Event, value: Json, surface: Surface, thread_id: str | None, message_id: str | None) -> Event:
    """Where it is and whose it is: the author stands in `from`, or in older fields, or is kept back by Facebook."""
    author = obj(value.get("from"))
    ids = (author.get("id"), *_any(value, "sender_id", "reviewer_id", "user_id"))
    names = (author.get("name"), *_any(value, "sender_name", "reviewer_name"))
    author_id = next(filter(None, map(ident, ids)), None)
    ours = author_id is not None and author_id == base.account_id
    return Event(
        kind=Kind.UNKNOWN,
        channel=base.channel,
        account_id=base.account_id,
        surface=surface,
        visibility=Visibility.PUBLIC,
        thread_id=thread_id,
        message_id=message_id,
        author_id=author_id,
        author_name=next(filter(None, map(text, names)), None),
        sent_at=base.sent_at,
        customer_id=None if ours else author_id,
        test=base.test or thread_id == _TEST_POST,
    )


def _any(value: Json, *keys: str) -> Iterator[object]:
    return (value.get(key) for key in keys)


def _verb(value: Json) -> str:
    """What happened, in the word Facebook uses; without one it is new."""
    verb = text(value.get("verb"))
    return "add" if verb is None else word(verb).lower()


def _said(about: Event, value: Json) -> Event:
    """The event of something with a text, by its verb."""
    verb, item = _verb(value), word(value.get("item"))
    if about.message_id is None:
        return unknown(about, f"{item} {verb} without an id")
    if verb not in _VERBS:
        return unknown(about, f"{item} {verb}")
    return _VERBS[verb](about, value)


def _added(about: Event, value: Json) -> Event:
    """Something new. Where Facebook leaves out the post, a comment's thread is what it answers, or itself."""
    ours = about.author_id is not None and about.author_id == about.account_id
    return replace(
        about,
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        thread_id=about.thread_id or ident(value.get("parent_id")) or about.message_id,
        text=text(value.get("message")),
        attachments=_enclosed(value),
        sent_at=when(value.get("created_time")) or about.sent_at,
    )


def _edited(about: Event, value: Json) -> Event:
    at = when(value.get("edited_time")) or about.sent_at or when(value.get("created_time"))
    words, enclosed = text(value.get("message")), _enclosed(value)
    return replace(about, kind=Kind.EDIT, text=words, attachments=enclosed, sent_at=at)


def _removed(about: Event, value: Json) -> Event:
    return replace(about, kind=Kind.DELETION, sent_at=about.sent_at or when(value.get("created_time")))


def _hidden(about: Event, value: Json) -> Event:
    detail = "unhidden" if _verb(value) == "unhide" else "hidden"
    return replace(about, kind=Kind.STATUS, sent_at=about.sent_at or when(value.get("created_time")), detail=detail)


_VERBS: Mapping[str, Callable[[Event, Json], Event]] = {
    "add": _added,
    "edit": _edited,
    "edited": _edited,
    "update": _edited,
    "remove": _removed,
    "delete": _removed,
    "hide": _hidden,
    "unhide": _hidden,
}


def _enclosed(value: Json) -> tuple[Attachment, ...]:
    """Pictures, films and links of a comment or post; a photo or video item has its file in `link`."""
    photos = value.get("photos")
    pictures = [value.get("photo"), *(photos if isinstance(photos, list) else [])]
    found = [Attachment("image", link(picture)) for picture in pictures if link(picture)]
    if link(value.get("video")):
        found.append(Attachment("video", link(value.get("video"))))
    if link(value.get("link")):
        kind = {"photo": "image", "video": "video"}.get(text(value.get("item")) or "", "link")
        found.append(Attachment(kind, link(value.get("link"))))
    return tuple(dict.fromkeys(found))
