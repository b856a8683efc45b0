"""Tumblr's notifications, asks and posts as events.

Source: github.com/tumblr/docs, api.md (`/notifications`, `/posts/submission`, `/tagged`) and npf-spec.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shared.channels._calling import segment
from shared.channels._markup import plain
from shared.channels._reading import Json, ident, link, obj, objects, text, when
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility

NOTIFICATIONS, ASKS, TAGGED = "notifications", "submission", "tagged"
ASK, SUBMISSION, POST = "ask", "submission", "post"  # what our names for them begin with

_SITE = "https://www.tumblr.com"
_SAID = {
    "reply": Surface.COMMENT,
    "reblog_with_content": Surface.COMMENT,
    "conversational_note": Surface.COMMENT,
    "mention_in_reply": Surface.MENTION,
    "mention_in_post": Surface.MENTION,
}
TYPES = tuple(_SAID)  # of the notifications that somebody says something in
_FELT = {"like": "like", "reblog_naked": "reblog"}
_PICTURES = {"image": "image", "video": "video", "audio": "audio"}


def event(base: Event, feed: str, item: Json) -> Event:
    """What an item of a feed says."""
    if feed == NOTIFICATIONS:
        return _notification(base, item)
    if feed == ASKS:
        return _asked(base, item)
    return _post(base, item, unaddressed=feed == TAGGED)


def post_id(post: Json) -> str | None:
    """The id as text: as a number it is too large for some readers, so there is a second field."""
    return ident(post.get("id_string")) or ident(post.get("id"))


def _notification(base: Event, item: Json) -> Event:
    """Something somebody did. A note has no address of its own: the post below which it stands has."""
    kind, own_id = text(item.get("type")) or "none", ident(item.get("id"))
    author = text(item.get("from_tumblelog_name"))
    post = ident(item.get("target_post_id")) or ident(item.get("post_id"))
    if kind in _FELT:
        return replace(
            base, kind=Kind.REACTION, message_id=post, author_id=author, author_handle=author, customer_id=author,
            text=_FELT[kind], detail="react", sent_at=when(item.get("timestamp")),
        )  # fmt: skip
    if kind not in _SAID or own_id is None or post is None:
        return replace(base, detail=f"a notification of the type {kind[:40]}")
    return _placed(
        replace(
            base,
            surface=_SAID[kind],
            visibility=Visibility.PUBLIC,
            thread_id=post,
            message_id=own_id,
            text=_first_text(item, "reply_text", "added_text", "target_post_summary"),
            sent_at=when(item.get("timestamp")),
            in_reply_to=post,
            link=_where(base, kind, item, post),
            unaddressed=kind == "conversational_note",
        ),
        author,
    )


def _where(base: Event, kind: str, item: Json, post: str) -> str | None:
    """The page that shows it: a mention stands on its author's blog or below a post there, a note on ours."""
    reblog, author = ident(item.get("post_id")), text(item.get("from_tumblelog_name"))
    if kind in {"reblog_with_content", "mention_in_post"} and author is not None:
        return _page(author, reblog or post)
    blog = text(item.get("target_tumblelog_name")) or base.account_id
    return _page(blog, post) if blog is not None else None


def _asked(base: Event, item: Json) -> Event:
    """A question or a submission that waits in the blog's inbox. Whoever answers it through the API publishes both."""
    own_id = post_id(item)
    if own_id is None:
        return replace(base, detail="an ask without an id")
    submitted = item.get("is_submission") is True
    name = f"{SUBMISSION if submitted else ASK}/{own_id}"
    placed = replace(
        base,
        surface=Surface.COMMENT,
        visibility=Visibility.PUBLIC,
        thread_id=name,
        message_id=name,
        text=_words(item),
        attachments=_enclosed(item),
        sent_at=when(item.get("timestamp")),
        link=f"{_SITE}/blog/{segment(base.account_id or '')}/messages",
    )
    return _placed(placed, _asker(item))


def _asker(item: Json) -> str | None:
    """Who asks; nobody where that is kept back."""
    by_layout = next((obj(one.get("attribution")) for one in objects(item.get("layout")) if one.get("type") == ASK), {})
    name = (
        text(item.get("asking_name"))
        or text(obj(obj(by_layout).get("blog")).get("name"))
        or text(item.get("post_author"))
        or text(item.get("anonymous_name"))
    )
    return None if name is None or name.casefold() == "anonymous" else name


def _post(base: Event, item: Json, *, unaddressed: bool) -> Event:
    """A post found by its tag. Its name holds what a reblog of it needs."""
    own_id, author = post_id(item), text(item.get("blog_name")) or text(obj(item.get("blog")).get("name"))
    uuid, key = (
        text(obj(item.get("blog")).get("uuid")) or text(item.get("tumblelog_uuid")),
        text(item.get("reblog_key")),
    )
    if own_id is None or author is None:
        return replace(base, detail="a post without an id or a blog")
    ours = _same(author, base.account_id)
    name = f"{POST}/{uuid}/{own_id}/{key}" if uuid and key and not ours else own_id
    tags = item.get("tags")
    tagged = " ".join(f"#{tag}" for tag in tags if text(tag)) if isinstance(tags, list) else ""
    placed = replace(
        base,
        surface=Surface.MENTION,
        visibility=Visibility.PUBLIC,
        thread_id=own_id,
        message_id=name,
        text="\n\n".join(part for part in (_words(item), tagged) if part) or None,
        attachments=_enclosed(item),
        sent_at=when(item.get("timestamp")),
        link=_own_page(item) or _page(author, own_id),
        unaddressed=unaddressed and not ours,
    )
    return _placed(placed, author)


def _placed(about: Event, author: str | None) -> Event:
    ours = _same(author, about.account_id)
    return replace(
        about,
        kind=Kind.ECHO if ours else Kind.MESSAGE,
        author_id=author,
        author_handle=author,
        customer_id=None if ours else author,
    )


def _same(name: str | None, account_id: str | None) -> bool:
    """Whether it is our blog, named by its name or its host."""
    if name is None or account_id is None:
        return False
    return name.casefold() == account_id.casefold().removesuffix(".tumblr.com")


def _page(blog: str, post: str) -> str:
    return f"{_SITE}/{segment(blog)}/{segment(post)}"


def _own_page(item: Json) -> str | None:
    url = link(item.get("post_url"))
    return url if url is not None and url.startswith("https://") else None


def _words(item: Json) -> str | None:
    """The words of a post in the Neue Post Format, or of one in the old format, which is HTML."""
    blocks = [_block(one) for one in objects(item.get("content"))]
    if any(blocks):
        return "\n\n".join(block for block in blocks if block)
    old = [plain(item.get(name)) for name in ("title", "question", "body", "caption", "description")]
    return "\n\n".join(part for part in old if part) or None


def _block(block: Json) -> str | None:
    if block.get("type") == "text":
        return text(block.get("text"))
    if block.get("type") == "link":
        return "\n".join(part for part in (text(block.get("title")), link(block.get("url"))) if part) or None
    return text(block.get("alt_text"))


def _enclosed(item: Json) -> tuple[Attachment, ...]:
    return tuple(_media(objects(item.get("content"))))


def _media(blocks: Iterator[Json]) -> Iterator[Attachment]:
    for block in blocks:
        kind = _PICTURES.get(text(block.get("type")) or "")
        if kind is not None:
            first: Json = next(objects(block.get("media")), {})
            yield Attachment(kind, link(first.get("url")) or link(block.get("url")))


def _first_text(item: Json, *names: str) -> str | None:
    return next((said for name in names if (said := text(item.get(name))) is not None), None)
