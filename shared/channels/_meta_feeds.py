"""What Meta's webhooks may have missed: conversations and comments, asked for, in the form in which they are delivered.

What is fetched is written as the webhook would have written it and read by the same code, so that a message has the
same name however it came. Sources: developers.facebook.com/docs/messenger-platform/conversations,
developers.facebook.com/docs/graph-api/reference/page/feed and .../comment,
developers.facebook.com/docs/instagram-platform/reference/instagram-media/comments.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from shared.channels import _meta
from shared.channels._asking import no_page
from shared.channels._calling import bearer, content, fetched, json_call, query
from shared.channels._reading import Json, ident, obj, objects, read_json, text, when
from shared.domain.exchange import Answer, Call, Refused, Secret
from shared.domain.polling import Ask, Feed, Item, Page, Purpose
from shared.errors import Unreadable

MESSAGES, COMMENTS = "messages", "comments"
MOST_MESSAGES = 20  # of a conversation; of older ones Meta tells nothing
MOST_POSTS = 25  # whose comments are looked at, the newest ones
MOST_COMMENTS = 50  # of each

_EVERY = timedelta(minutes=15)
_SETTLE = timedelta(minutes=10)  # the webhook has this long to bring it
_FIRST = timedelta(hours=1)  # what was said before we listened was not missed
_SLACK = timedelta(hours=1)  # a conversation in which much is said settles late

FEEDS = (
    Feed(name=MESSAGES, purpose=Purpose.BACKSTOP, every=_EVERY, settle=_SETTLE, first=_FIRST, pages=3),
    Feed(name=COMMENTS, purpose=Purpose.BACKSTOP, every=_EVERY, settle=_SETTLE, first=_FIRST, pages=1),
)

CONVERSATION_FIELDS = f"id,updated_time,messages.limit({MOST_MESSAGES}){{id,created_time,from,to,message,attachments}}"


def get(url: str, parameters: dict[str, str | int], secret: Secret) -> Call | Refused:
    """A reading call with the account's token."""
    proof = bearer(secret)
    return proof if isinstance(proof, Refused) else json_call("GET", f"{url}?{query(parameters)}", proof)


def conversations_of(url: str, platform: str, wanted: Ask, secret: Secret) -> Call | Refused:
    """The call for conversations, the last one changed first, each with its newest messages."""
    onwards: dict[str, str | int] = {"after": wanted.token} if wanted.token else {}
    return get(url, {"platform": platform, "fields": CONVERSATION_FIELDS, "limit": 25, **onwards}, secret)


def conversations(wanted: Ask, answer: Answer) -> Page | Refused:
    """A page of conversations. What is older than was asked for is left out of each: it was heard of long ago."""
    found = _data(answer)
    if isinstance(found, Refused):
        return found
    items = [item for item in (_conversation(raw, wanted.since - _SLACK) for raw in found) if item is not None]
    paging = obj(content(answer).get("paging"))
    onwards = text(obj(paging.get("cursors")).get("after")) if text(paging.get("next")) else None
    return Page(items=items, next=None if _is_bygone(found, wanted.since) else onwards)


def _is_bygone(found: Sequence[Json], since: datetime) -> bool:
    """Whether what follows is older still. Old conversations are no items, so the poller cannot tell it by those."""
    times = [at for at in (when(raw.get("updated_time")) for raw in found) if at is not None]
    return bool(times) and times[-1] < since and 2 * sum(at < since for at in times) > len(times)


def _conversation(raw: Json, since: datetime) -> Item | None:
    conversation_id, updated = ident(raw.get("id")), text(raw.get("updated_time"))
    said = [one for one in inner(raw, "messages") if (when(one.get("created_time")) or since) >= since]
    if conversation_id is None or not said:
        return None
    return Item(
        item_id=conversation_id,
        revision=updated or "",
        at=when(updated),
        raw={**raw, "messages": {"data": said}},
    )


def texts(answer: Answer, texts_of: Callable[[Json], Iterable[Json]]) -> Page | Refused:
    """All texts on and below the newest posts, newest first. Comments do not lift their post, so there is one page."""
    found = _data(answer)
    if isinstance(found, Refused):
        return found
    raws = [raw for post in found for raw in texts_of(post) if ident(raw.get("id")) is not None]
    items = [Item(item_id=ident(raw.get("id")) or "", at=_said_at(raw), raw=raw) for raw in raws]
    dated = [item for item in items if item.at is not None]
    return Page(items=sorted(dated, key=_time_of, reverse=True))


def _said_at(raw: Json) -> datetime | None:
    return when(raw.get("created_time")) or when(raw.get("timestamp"))


def _time_of(item: Item) -> float:
    return 0.0 if item.at is None else item.at.timestamp()


def _data(answer: Answer) -> Sequence[Json] | Refused:
    said = content(answer)
    if answer.status != 200 or not isinstance(said.get("data"), list):
        return no_page(_meta.outcome(answer))
    return list(objects(said["data"]))


def inner(raw: Json, edge: str) -> Iterator[Json]:
    """The objects of an edge that came with its node."""
    return objects(obj(raw.get(edge)).get("data"))


# In the form of a delivery


def as_delivered(body: bytes, kind: str, change_of: Callable[[Json], Json]) -> bytes:
    """A delivery that was fetched as the webhook would have written it; any other body as it is. Raises Unreadable."""
    if b'"items"' not in body:
        return body
    delivery = fetched(obj(read_json(body)))
    if delivery is None:
        return body
    account_id, feed, items = delivery
    if feed == MESSAGES:
        entries = [_conversed(raw, account_id) for raw in items]
    else:
        entries = [_commented(raw, account_id, change_of) for raw in items]
    try:
        return json.dumps({"object": kind, "entry": entries}).encode()
    except RecursionError as error:
        raise Unreadable("The body is not usable JSON: it is nested too deeply.") from error


def _conversed(conversation: Json, account_id: str) -> Json:
    """Every message of a conversation, oldest first."""
    said = reversed(list(inner(conversation, "messages")))
    return {"id": account_id, "messaging": [_message(message, account_id) for message in said]}


def _message(message: Json, account_id: str) -> dict[str, object]:
    """A message as delivered. Who neither is nor writes to our account is left out: so nobody is taken for another."""
    sender = ident(obj(message.get("from")).get("id"))
    readers = [ident(one.get("id")) for one in inner(message, "to")]
    ours = sender is not None and sender == account_id
    known = ours or account_id in readers
    words = {"mid": message.get("id"), "text": message.get("message"), "attachments": _enclosed(message)}
    return {
        "sender": {"id": sender if known else None},
        "recipient": {"id": (next(iter(readers), None) if ours else account_id) if known else None},
        "timestamp": message.get("created_time"),
        **({"message": {**words, "is_echo": True} if ours else words} if known else {"message_of_others": {}}),
    }


def _enclosed(message: Json) -> list[dict[str, object]]:
    """Attachments, which the Conversations API names by what they hold."""
    return [_attachment(one) for one in inner(message, "attachments")]


def _attachment(one: Json) -> dict[str, object]:
    for kind in ("image_data", "video_data", "audio_data"):
        data = obj(one.get(kind))
        if data:
            return {"type": kind.removesuffix("_data"), "payload": {"url": data.get("url")}}
    return {"type": "file", "payload": {"url": one.get("file_url")}}


def _commented(raw: Json, account_id: str, change_of: Callable[[Json], Json]) -> Json:
    """A comment as a change in an entry of its own, whose time is the comment's."""
    said_at = raw.get("created_time") or raw.get("timestamp")
    return {"id": account_id, "time": said_at, "changes": [change_of(raw)]}


def placed(raws: Iterable[Json], **place: object) -> Iterator[Json]:
    """Comments with the post they stand below, which they do not say themselves."""
    return (dict(raw, **place) for raw in raws)
