"""Instagram as the sandbox plays it: direct messages, comments, mentions, under either kind of login.

Source: Meta, Instagram Platform, "Send Messages", "Private Replies", "Comment Moderation", "Mentions".
"""

from __future__ import annotations

from datetime import UTC, datetime

from infra.local.platforms import graph, graph_inbox, messaging
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal, Telling
from infra.local.platforms.world import Account, Person, Post, Text, World, digits
from shared.domain.exchange import Unit

CHANNEL = "instagram"
ACCOUNT = "17841400000000001"
DEMO = "message__text"  # the delivery of events/ that a demonstration plays
_COMMENT_LIMIT = 2200
_TEXT_FIELDS = ("comments", "live_comments", "mentions")
_FOREIGN_MEDIUM = "-"  # a mention tells the medium only


def _stranger(person: Person | None) -> Refusal:
    """Somebody who only commented is outside the window; somebody unheard of is not found."""
    if person is not None:
        return graph.error(
            10, "(#10) This message is sent outside of allowed window.", subcode=MANNERS.outside_window, status=403
        )
    return graph.error(100, "The requested user cannot be found.", subcode=2534014)


MANNERS = messaging.Manners(
    channel=CHANNEL,
    object="instagram",
    mid="aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlE",
    limit=1000,
    unit=Unit.BYTES,
    names_type=False,
    tells_sender=False,
    outside_window=2534022,
    stranger=_stranger,
    replied_already=lambda: graph.error(
        10, "(#10) The comment was already replied to privately.", subcode=2534025, status=403
    ),
    may_not_reply=lambda: graph.error(
        10, "(#10) This comment cannot be replied to privately.", subcode=2534013, status=403
    ),
    reader_of=lambda _, text: text.author_id or "",
)


def credentials() -> dict[str, str]:
    """Which login the account came by."""
    return {"flavour": "instagram"}


def learn(world: World, delivery: object, now: datetime) -> None:
    """Take in a delivery, with its changes in a list or flat in the entry: who wrote and when, which comments."""
    for entry in graph.parts(delivery, "entry"):
        account_id = graph.word(entry, "id")
        for item in graph.parts(entry, "messaging") + graph.parts(entry, "standby"):
            messaging.learn(world, MANNERS, account_id, item, now)
            graph_inbox.learn(world, CHANNEL, account_id, item, now)
        for change in graph.parts(entry, "changes") or [entry]:
            value, field = graph.part(change, "value"), change.get("field")
            if field == "messages":
                messaging.learn(world, MANNERS, account_id, value, now)
                graph_inbox.learn(world, CHANNEL, account_id, value, now)
            elif field in _TEXT_FIELDS and account_id is not None:
                _learn_text(world, account_id, value, graph.instant(entry.get("time"), now))
    _learn_fetched(world, delivery, now)


def _learn_fetched(world: World, delivery: object, now: datetime) -> None:
    """Conversations and comments in fetched form."""
    graph_inbox.learn_fetched(world, CHANNEL, delivery, now)
    if graph.word(delivery, "feed") == "comments":
        for item in graph.parts(delivery, "items"):
            at = graph_inbox.moment(item.get("timestamp"), now)
            _learn_text(world, graph.word(delivery, "account_id") or "", item, at)


def _learn_text(world: World, account_id: str, value: Json, at: datetime) -> None:
    medium = graph.word(graph.part(value, "media"), "id") or graph.word(value, "media_id")
    object_id = graph.word(value, "id") or graph.word(value, "comment_id") or medium
    if object_id is None:
        return
    author = graph.part(value, "from")
    author_id = graph.word(author, "id")
    world.put_text(
        Text(
            channel=CHANNEL, account_id=account_id, object_id=object_id, author_id=author_id,
            author_name=graph.word(author, "username"), text=graph.word(value, "text"),
            top=graph.word(value, "parent_id") or object_id, root=medium or _FOREIGN_MEDIUM,
            created_at=at.timestamp(), own=author_id == account_id,
        )
    )  # fmt: skip
    if author_id is not None and author_id != account_id:
        world.meet(CHANNEL, account_id, author_id).handle = graph.word(author, "username")


def post(call: PlatformCall, world: World, account: Account, node: tuple[str, ...]) -> PlatformAnswer:
    """`/{account}/messages`, `/{comment}/replies`, `/{medium}/comments` or `/{account}/mentions`."""
    match node:
        case (account_id, "messages") if account_id == "me" or account.is_called(account_id):
            return messaging.post(call, world, account, MANNERS)
        case (account_id, "mentions") if account.is_called(account_id):
            mentioned = call.text("comment_id") or graph.required_text(call.params.get("media_id"), "media_id")
            return _comment(call, world, account, _visible(call, world, account, mentioned))
        case (comment_id, "replies"):
            return _comment(call, world, account, _visible(call, world, account, comment_id))
        case (medium_id, "comments"):
            return _comment(call, world, account, _on_medium(call, world, account, medium_id))
    raise graph.invisible("/".join(node), call.method)


def get(call: PlatformCall, world: World, account: Account, node: tuple[str, ...]) -> PlatformAnswer:
    """A person's profile (only of those who wrote privately), a comment, or the answers to a comment."""
    match node:
        case (account_id, "conversations") if account_id == "me" or account.is_called(account_id):
            return graph_inbox.conversations(call, world, account)
        case (account_id, "media") if account.is_called(account_id):
            return PlatformAnswer(body={"data": _media(world, account)})
        case (object_id, "replies"):
            answers = [t for t in world.texts if t.channel == CHANNEL and t.top == object_id != t.object_id]
            return PlatformAnswer(body={"data": [_as_comment(t) for t in answers if not t.removed]})
        case (object_id,) if (text := world.text(CHANNEL, object_id)) and text.account_id == account.account_id:
            return PlatformAnswer(body=_as_comment(text))
        case (object_id,) if person := world.person(CHANNEL, account.account_id, object_id):
            return PlatformAnswer(body=graph.selected(call, _profile(person)))
    raise graph.invisible(node[0], call.method)


def _profile(person: Person) -> Json:
    if person.wrote_at is None:
        raise graph.error(230, "(#230) User consent is required to access user profile", status=403)
    made_up = graph.made_up_person(person.person_id)
    return {
        "id": person.person_id,
        "name": person.name or made_up["name"],
        "username": person.handle or made_up["name"].lower().replace(" ", "."),
        "follower_count": sum(person.person_id.encode()) % 2000,
        "is_verified_user": False,
    }


def _visible(call: PlatformCall, world: World, account: Account, object_id: str) -> Text:
    text = world.text(CHANNEL, object_id)
    if text is None or text.account_id != account.account_id:
        raise graph.invisible(object_id, call.method)
    return text


def _on_medium(call: PlatformCall, world: World, account: Account, medium_id: str) -> Text:
    """Any text of the medium stands for it: a comment on the medium is answered to nobody."""
    for text in world.texts:
        if text.channel == CHANNEL and text.account_id == account.account_id and text.root == medium_id:
            return Text(
                channel=CHANNEL, account_id=account.account_id, object_id=medium_id, author_id=None, author_name=None,
                text=None, top=medium_id, root=medium_id, created_at=text.created_at,
            )  # fmt: skip
    raise graph.invisible(medium_id, call.method)


def _comment(call: PlatformCall, world: World, account: Account, answered: Text) -> PlatformAnswer:
    """An answer hangs under the top comment, also where a reply to it is answered."""
    said = graph.required_text(call.params.get("message"), "message")
    if len(said) > _COMMENT_LIMIT:
        raise graph.too_long("message", _COMMENT_LIMIT)
    new_id = digits(17)
    world.put_text(
        Text(
            channel=CHANNEL, account_id=account.account_id, object_id=new_id, author_id=account.account_id,
            author_name=_user_name(account), text=said, top=answered.top, root=answered.root,
            created_at=call.now.timestamp(), own=True,
        )
    )  # fmt: skip
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="comment", thread=answered.object_id,
            recipient=answered.author_id, text=said, native_id=new_id, at=call.now.timestamp(),
            request=dict(call.params),
        )
    )  # fmt: skip
    telling = Telling(CHANNEL, account.account_id, _own_comment(call, account, answered, new_id))
    return PlatformAnswer(body={"id": new_id}, tellings=(telling,))


def _own_comment(call: PlatformCall, account: Account, answered: Text, comment_id: str) -> bytes:
    value: dict[str, object] = {
        "from": {"id": account.account_id, "username": _user_name(account)},
        "media": {"id": answered.root, "media_product_type": "FEED"},
        "id": comment_id,
        "text": call.params.get("message"),
    }
    if answered.object_id != answered.root:
        value["parent_id"] = answered.top
    changes = [{"field": "comments", "value": value}]
    entry = {"id": account.account_id, "time": graph.seconds(call.now), "changes": changes}
    return messaging.envelope("instagram", entry)


def _media(world: World, account: Account) -> list[Json]:
    """The account's media, newest first, with their comments and the replies below each."""
    texts = [t for t in world.texts if (t.channel, t.account_id) == (CHANNEL, account.account_id) and not t.removed]
    rows: list[tuple[float, Json]] = []
    for root in dict.fromkeys(t.root for t in texts if t.root not in {_FOREIGN_MEDIUM, t.object_id}):
        below = [t for t in texts if t.root == root]
        comments = [_with_replies(t, below) for t in below if t.top == t.object_id]
        at = min(t.created_at for t in below)
        written = graph_inbox.written(datetime.fromtimestamp(at, UTC))
        rows.append((at, {"id": root, "timestamp": written, "comments": {"data": comments}}))
    return [row for _, row in sorted(rows, key=lambda row: row[0], reverse=True)]


def _with_replies(text: Text, below: list[Text]) -> Json:
    replies = [_as_comment(t) for t in below if t.top == text.object_id != t.object_id]
    return {**_as_comment(text), **({"replies": {"data": replies}} if replies else {})}


def _user_name(account: Account) -> str:
    return account.credentials.get("username", "the.account")


def _as_comment(text: Text) -> Json:
    return {
        "id": text.object_id,
        "text": text.text or "",
        "username": text.author_name,
        "timestamp": graph_inbox.written(datetime.fromtimestamp(text.created_at, UTC)),
        "from": {"id": text.author_id, "username": text.author_name},
    }
