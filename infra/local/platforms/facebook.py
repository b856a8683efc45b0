"""Facebook as the sandbox plays it: Messenger and the public texts of a Page.

Source: Meta, Graph API, "Page Feed", "Comment"; Messenger Platform, "Send API", "Private Replies", "Error Codes".
"""

from __future__ import annotations

from datetime import UTC, datetime

from infra.local.platforms import graph, graph_inbox, messaging
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Telling
from infra.local.platforms.world import Account, Post, Text, World
from shared.domain.exchange import Unit

CHANNEL = "facebook"
ACCOUNT = "101010101010101"
DEMO = "message__text"  # the delivery of events/ that a demonstration plays
_COMMENT_LIMIT = 8000
_GONE = ("remove", "delete")
_NO_TEXTS = ("like", "reaction")

MANNERS = messaging.Manners(
    channel=CHANNEL,
    object="page",
    mid="m_",
    limit=2000,
    unit=Unit.CHARACTERS,
    names_type=True,
    tells_sender=True,
    outside_window=2018278,
    stranger=lambda _: graph.error(100, "(#100) No matching user found", subcode=2018001),
    replied_already=lambda: graph.error(10900, "(#10900) Activity already replied to"),
    may_not_reply=lambda: graph.error(10903, "(#10903) This user cant reply to this activity"),
    reader_of=messaging.scoped_id,
)


def learn(world: World, delivery: object, now: datetime) -> None:
    """Take in a delivery: who wrote privately and when, which public texts there are."""
    for entry in graph.parts(delivery, "entry"):
        page = graph.word(entry, "id")
        for item in graph.parts(entry, "messaging") + graph.parts(entry, "standby"):
            messaging.learn(world, MANNERS, page, item, now)
            graph_inbox.learn(world, CHANNEL, page, item, now)
        for change in graph.parts(entry, "changes"):
            if page is not None:
                _learn_text(world, page, graph.part(change, "value"), now)
    graph_inbox.learn_fetched(world, CHANNEL, delivery, now)
    if graph.word(delivery, "feed") == "comments":
        for item in graph.parts(delivery, "items"):
            _learn_fetched(world, graph.word(delivery, "account_id") or "", item, now)


def _learn_fetched(world: World, page: str, item: Json, now: datetime) -> None:
    """A post or comment in fetched form."""
    at = graph_inbox.moment(item.get("created_time"), now)
    post_id = graph.word(item, "post_id")
    place = {"comment_id": item.get("id"), "post_id": post_id} if post_id else {"post_id": item.get("id")}
    parent = {"parent_id": graph.word(graph.part(item, "parent"), "id") or post_id}
    _learn_text(world, page, {**item, **place, **parent, "created_time": graph.seconds(at)}, now)


def _learn_text(world: World, page: str, value: Json, now: datetime) -> None:
    """A comment, a visitor's post, a mention or a review; each is answered under its own id."""
    object_id = graph.word(value, "comment_id") or graph.word(value, "post_id") or graph.word(
        value, "open_graph_story_id"
    )  # fmt: skip
    if object_id is None or value.get("item") in _NO_TEXTS:
        return
    at = graph.instant(value.get("created_time"), now)
    if value.get("verb") in _GONE:
        world.remove_text(CHANNEL, page, object_id, at.timestamp())
        return
    author = graph.part(value, "from")
    author_id = graph.word(author, "id") or graph.word(value, "sender_id") or graph.word(value, "reviewer_id")
    root = graph.word(value, "post_id") or graph.word(value, "open_graph_story_id") or object_id
    parent = graph.word(value, "parent_id")
    world.put_text(
        Text(
            channel=CHANNEL, account_id=page, object_id=object_id, author_id=author_id,
            author_name=graph.word(author, "name") or graph.word(value, "reviewer_name"),
            text=graph.word(value, "message") or graph.word(value, "review_text"),
            top=parent if parent not in {None, root} else object_id, root=root,
            created_at=at.timestamp(), own=author_id == page,
        )
    )  # fmt: skip


def post(call: PlatformCall, world: World, account: Account, node: tuple[str, ...]) -> PlatformAnswer:
    """`/{page}/messages` or `/{comment, post or review}/comments`."""
    match node:
        case (page, "messages") if page == "me" or account.is_called(page):
            return messaging.post(call, world, account, MANNERS)
        case (object_id, "comments"):
            return _comment(call, world, account, object_id)
    raise graph.invisible("/".join(node), call.method)


def get(call: PlatformCall, world: World, account: Account, node: tuple[str, ...]) -> PlatformAnswer:
    """A person's profile, a comment, or the answers to a comment."""
    match node:
        case (page, "conversations") if account.is_called(page):
            return graph_inbox.conversations(call, world, account)
        case (page, "feed") if account.is_called(page):
            return PlatformAnswer(body={"data": _feed(world, account)})
        case (object_id, "comments"):
            answers = [t for t in world.texts if t.channel == CHANNEL and t.top == object_id != t.object_id]
            return PlatformAnswer(body={"data": [_as_comment(t) for t in answers if not t.removed]})
        case (object_id,) if (text := world.text(CHANNEL, object_id)) and text.account_id == account.account_id:
            return PlatformAnswer(body=_as_comment(text))
        case (object_id,) if person := world.person(CHANNEL, account.account_id, object_id):
            profile = graph.made_up_person(object_id) | ({"name": person.name} if person.name else {})
            return PlatformAnswer(body=graph.selected(call, {"id": object_id, **profile}))
    raise graph.invisible(node[0], call.method)


def _comment(call: PlatformCall, world: World, account: Account, object_id: str) -> PlatformAnswer:
    answered = world.text(CHANNEL, object_id)
    if answered is None or answered.account_id != account.account_id:
        raise graph.invisible(object_id, call.method)
    said = graph.required_text(call.params.get("message"), "message")
    if len(said) > _COMMENT_LIMIT:
        raise graph.too_long("message", _COMMENT_LIMIT)
    new_id = f"{answered.root.rpartition('_')[2]}_{graph.comment_number()}"
    top = answered.top if answered.top != answered.root else answered.object_id
    world.put_text(
        Text(
            channel=CHANNEL, account_id=account.account_id, object_id=new_id, author_id=account.account_id,
            author_name=_page_name(account), text=said, top=top, root=answered.root,
            created_at=call.now.timestamp(), own=True,
        )
    )  # fmt: skip
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="comment", thread=object_id,
            recipient=answered.author_id, text=said, native_id=new_id, at=call.now.timestamp(),
            request=dict(call.params),
        )
    )  # fmt: skip
    telling = Telling(CHANNEL, account.account_id, _own_comment(call, account, answered.root, top, new_id))
    return PlatformAnswer(body={"id": new_id}, tellings=(telling,))


def _own_comment(call: PlatformCall, account: Account, root: str, parent: str, comment_id: str) -> bytes:
    at = graph.seconds(call.now)
    value = {
        "from": {"id": account.account_id, "name": _page_name(account)},
        "post_id": root,
        "comment_id": comment_id,
        "created_time": at,
        "item": "comment",
        "parent_id": parent,
        "verb": "add",
        "message": call.params.get("message"),
    }
    entry = {"id": account.account_id, "time": at, "changes": [{"value": value, "field": "feed"}]}
    return messaging.envelope("page", entry)


def _feed(world: World, account: Account) -> list[Json]:
    """The Page's posts and its visitors', newest first, each with its comments, newest first."""
    texts = [t for t in world.texts if (t.channel, t.account_id) == (CHANNEL, account.account_id) and not t.removed]
    posts = {t.root: t for t in texts if t.root == t.object_id}
    rows: list[tuple[float, Json]] = []
    for root in dict.fromkeys(t.root for t in texts):
        below = sorted((t for t in texts if t.root == root != t.object_id), key=lambda t: t.created_at, reverse=True)
        own = posts.get(root)
        at = own.created_at if own else min(t.created_at for t in below)
        node = _as_comment(own) if own else _as_post(account, root, at)
        rows.append((at, {**node, "comments": {"data": [_below(t) for t in below]}}))
    return [row for _, row in sorted(rows, key=lambda row: row[0], reverse=True)]


def _as_post(account: Account, post_id: str, at: float) -> Json:
    """A post of the Page of which only comments were heard."""
    author = {"id": account.account_id, "name": _page_name(account)}
    written = graph_inbox.written(datetime.fromtimestamp(at, UTC))
    return {"id": post_id, "message": "A post of ours", "created_time": written, "from": author}


def _below(text: Text) -> Json:
    parent = {"parent": {"id": text.top}} if text.top not in {text.object_id, text.root} else {}
    return {**_as_comment(text), **parent}


def _page_name(account: Account) -> str:
    return account.credentials.get("name", "The Page")


def _as_comment(text: Text) -> Json:
    return {
        "id": text.object_id,
        "message": text.text or "",
        "created_time": graph_inbox.written(datetime.fromtimestamp(text.created_at, UTC)),
        "from": {"id": text.author_id, "name": text.author_name},
        "can_reply_privately": not (text.own or text.answered_privately),
    }
