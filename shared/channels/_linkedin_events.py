"""LinkedIn's notifications, read, and the names of posts and comments in their many spellings.

Source: learn.microsoft.com/linkedin, "Organization Social Action Notifications" and "Comments API". The same comment is
written `urn:li:comment:(activity:1,2)` here and `urn:li:comment:(urn:li:activity:1,2)` there; the pair of numbers is
what stays, so that is its name: "1,2". A thread is a post and the comment at its top: "activity:1,2".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from shared.channels._calling import fetched, segment
from shared.channels._reading import Json, ident, obj, read_json, text, when
from shared.domain.events import Event, Kind, Surface, Visibility

CHANNEL = "linkedin"
TYPE = "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS"

_POST = r"(?:urn:li:)?(activity|share|ugcPost):([0-9]{1,25})"
_POST_URN = re.compile(_POST)
_COMMENT_URN = re.compile(rf"urn:li:comment:\({_POST},([0-9]{{1,25}})\)")
_COMMENT_KINDS: Mapping[str, Kind] = {
    "COMMENT": Kind.MESSAGE,
    "COMMENT_MENTION": Kind.MESSAGE,
    "ADMIN_COMMENT": Kind.ECHO,
    "COMMENT_EDIT": Kind.EDIT,
    "COMMENT_DELETE": Kind.DELETION,
}


@dataclass(frozen=True, slots=True)
class Post:
    """A post by its kind (activity, share, ugcPost) and number."""

    kind: str
    number: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.number}"

    @property
    def urn(self) -> str:
        """As the API wants it."""
        return f"urn:li:{self}"


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment by its post and its own number."""

    post: Post
    number: str

    def __str__(self) -> str:
        return f"{self.post.number},{self.number}"

    @property
    def urn(self) -> str:
        """As the API wants it."""
        return f"urn:li:comment:({self.post.urn},{self.number})"


def post_of(urn: object) -> Post | None:
    """The post that a URN names, whole or short; None for anything else."""
    found = _POST_URN.fullmatch(text(urn) or "")
    return Post(found[1], found[2]) if found else None


def comment_of(urn: object) -> Comment | None:
    """The comment that a URN names, whatever the spelling of the post in it; None for anything else."""
    found = _COMMENT_URN.fullmatch((text(urn) or "").replace(" ", ""))
    return Comment(Post(found[1], found[2]), found[3]) if found else None


def thread_of(thread_id: str) -> tuple[Post, Comment | None] | None:
    """The post and the comment at the top of a thread as we name it."""
    name, _, number = thread_id.partition(",")
    post = post_of(name)
    if post is None or (number and not (number.isascii() and number.isdigit())):
        return None
    return post, Comment(post, number) if number else None


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """An event for each notification, of a push or of what was asked for. Raises Unreadable for what is not JSON."""
    payload = obj(read_json(body))
    pulled = fetched(payload)
    if pulled is not None:
        account_id, _, items = pulled
        return tuple(_notification(item, account_id) for item in items) or (_unknown("no notification", account_id),)
    given = payload.get("notifications")
    if payload.get("type") != TYPE or not isinstance(given, list) or not given:
        return (_unknown(text(payload.get("type")) or "a payload without a type", None),)
    return tuple(_notification(obj(item), None) for item in given)


def _unknown(what: str, account_id: str | None) -> Event:
    return Event(kind=Kind.UNKNOWN, channel=CHANNEL, account_id=account_id, detail=what)


def _notification(item: Json, asked_of: str | None) -> Event:
    """One notification; whatever is odd about it stays its own affair."""
    account_id = _number(item.get("organizationalEntity")) or asked_of
    action = text(item.get("action")) or "a notification without an action"
    base = replace(_unknown(action, account_id), sent_at=when(item.get("lastModifiedAt")))
    decorated = obj(item.get("decoratedGeneratedActivity"))
    if action in _COMMENT_KINDS:
        return _comment(base, item, obj(decorated.get("comment")), action)
    if action == "SHARE_MENTION":
        return _mention(base, item, obj(decorated.get("share")))
    if action in {"LIKE", "SHARE"}:
        return _reaction(base, item, decorated, action.lower())
    return base


def _comment(base: Event, item: Json, comment: Json, action: str) -> Event:
    named = comment_of(item.get("generatedActivity")) or comment_of(comment.get("entity"))
    if named is None:
        return replace(base, detail=f"{action} of a comment that is not named")
    top = comment_of(comment.get("parentComment"))
    author = _author(comment.get("owner") or comment.get("actor"))
    ours = author is not None and author == f"organization:{base.account_id}"
    kind = Kind.ECHO if ours and _COMMENT_KINDS[action] is Kind.MESSAGE else _COMMENT_KINDS[action]
    about = replace(
        base,
        kind=kind,
        surface=Surface.MENTION if action == "COMMENT_MENTION" else Surface.COMMENT,
        visibility=Visibility.PUBLIC,
        thread_id=f"{named.post},{(top or named).number}",
        message_id=str(named),
        author_id=author,
        detail=None,
    )
    if kind is Kind.DELETION:
        return about
    return replace(
        about,
        text=_words(comment),
        in_reply_to=_answered(named, top, kind),
        link=_link(named.post, named),
        customer_id=author if kind is Kind.MESSAGE else None,
    )


def _answered(named: Comment, top: Comment | None, kind: Kind) -> str | None:
    """What a comment stands below: another, or, where we answer a post that mentions us, that post."""
    if top is not None:
        return str(Comment(named.post, top.number))
    return str(named.post) if kind is Kind.ECHO else None


def _mention(base: Event, item: Json, share: Json) -> Event:
    """Somebody names the page in a post of their own; the page itself may do that, too."""
    post = post_of(item.get("generatedActivity")) or post_of(share.get("entity"))
    if post is None:
        return replace(base, detail="SHARE_MENTION in a post that is not named")
    author = _author(share.get("owner") or share.get("author"))
    ours = author is not None and author == f"organization:{base.account_id}"
    return replace(
        base,
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        surface=Surface.MENTION,
        visibility=Visibility.PUBLIC,
        thread_id=str(post),
        message_id=str(post),
        author_id=author,
        text=_words(share),
        link=_link(post),
        customer_id=None if ours else author,
        detail=None,
    )


def _reaction(base: Event, item: Json, decorated: Json, word: str) -> Event:
    """Approval of a post or a comment: nobody waits for an answer to it."""
    about = comment_of(item.get("sourcePost")) or post_of(item.get("sourcePost"))
    return replace(
        base,
        kind=Kind.REACTION,
        message_id=str(about) if about else None,
        author_id=_author(obj(decorated.get(word)).get("owner")),
        text=word,
        detail="react",
    )


def _words(written: Json) -> str | None:
    """The text, which is a string in notifications and an object in the API."""
    return (
        text(written.get("text"))
        or text(obj(written.get("text")).get("text"))
        or text(obj(written.get("message")).get("text"))
        or text(written.get("commentary"))
    )


def _number(urn: object) -> str | None:
    return ident((text(urn) or "").rpartition(":")[2])


def _author(urn: object) -> str | None:
    """A member by the id that LinkedIn gives this app; a page by its kind and number, so that they are never mixed."""
    named = text(urn) or ""
    if named.startswith("urn:li:person:"):
        return ident(named.removeprefix("urn:li:person:"))
    return ident(named.removeprefix("urn:li:"))


def _link(post: Post, comment: Comment | None = None) -> str:
    below = f"?commentUrn={segment(comment.urn)}" if comment else ""
    return f"https://www.linkedin.com/feed/update/{post.urn}/{below}"
