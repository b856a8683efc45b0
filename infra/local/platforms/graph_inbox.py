"""The conversations that the Graph API shows of Messenger and Instagram: what was delivered, and what we sent.

Source: Meta, Messenger Platform, "Conversations API"; Graph API, "Paginated Results".
"""

from __future__ import annotations

from datetime import UTC, datetime

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall
from infra.local.platforms.world import Account, Shown, World, wrote

_FEED = "messages"
_SHOWN_OF_EACH = 20
_SENT = ("dm", "private_reply")


def learn(world: World, channel: str, account_id: str | None, item: Json, now: datetime) -> None:
    """Keep a direct message of a delivery, as the conversation will show it; one that was taken back is gone."""
    message = graph.part(item, "message")
    mid = graph.word(message, "mid")
    sender = graph.word(graph.part(item, "sender"), "id")
    reader = graph.word(graph.part(item, "recipient"), "id")
    if mid is None or sender is None or reader is None or account_id is None:
        return
    if message.get("is_deleted"):
        world.shown[:] = [s for s in world.shown if (s.channel, s.feed, s.item_id) != (channel, _FEED, mid)]
        return
    at = graph.instant(item.get("timestamp"), now)
    _show(world, channel, account_id, said(mid, sender, reader, graph.word(message, "text"), at), at)


def learn_fetched(world: World, channel: str, delivery: object, now: datetime) -> None:
    """Keep the messages of conversations that a delivery holds in fetched form."""
    account_id = graph.word(delivery, "account_id")
    if account_id is None or graph.word(delivery, "feed") != _FEED:
        return
    for conversation in graph.parts(delivery, "items"):
        for message in graph.parts(graph.part(conversation, "messages"), "data"):
            at = moment(message.get("created_time"), now)
            sender = graph.word(graph.part(message, "from"), "id")
            if sender is not None and sender != account_id:
                wrote(world.meet(channel, account_id, sender), at)
            if graph.word(message, "id") is not None:
                _show(world, channel, account_id, message, at)


def conversations(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    """All conversations, the last one changed first, each with its newest messages."""
    by_person: dict[str, list[tuple[float, Json]]] = {}
    for at, message in _messages(world, account):
        named = [graph.word(graph.part(message, "from"), "id")]
        named += [graph.word(one, "id") for one in graph.parts(graph.part(message, "to"), "data")]
        person = next((one for one in named if one not in {None, account.account_id}), None)
        if person is not None:
            by_person.setdefault(person, []).append((at, message))
    rows = sorted((_conversation(person, said) for person, said in by_person.items()), reverse=True, key=_updated)
    return paged(call, rows)


def paged(call: PlatformCall, rows: list[Json]) -> PlatformAnswer:
    """A page of rows, with the cursor behind its last one."""
    limit, after = int(call.text("limit") or 25), call.text("after")
    start = 1 + next((n for n, row in enumerate(rows) if row.get("id") == after), -1)
    page = rows[start : start + limit]
    body: dict[str, object] = {"data": page}
    if page:
        body["paging"] = {"cursors": {"before": page[0]["id"], "after": page[-1]["id"]}}
        if start + limit < len(rows):
            body["paging"] = {
                **graph.part(body, "paging"),
                "next": f"https://{call.host}{call.path}?after={page[-1]['id']}",
            }
    return PlatformAnswer(body=body)


def said(mid: str, sender: str, reader: str, text: str | None, at: datetime) -> Json:
    """A message as the Conversations API writes it."""
    return {
        "id": mid,
        "created_time": written(at),
        "from": {"id": sender},
        "to": {"data": [{"id": reader}]},
        "message": text or "",
    }


def written(at: datetime) -> str:
    """A time as Graph writes it where it is no number."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def moment(value: object, otherwise: datetime) -> datetime:
    """A time in that form."""
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return otherwise


def _messages(world: World, account: Account) -> list[tuple[float, Json]]:
    shown = {s.item_id: (s.at, s.raw) for s in world.feed(account.channel, account.account_id, _FEED)}
    for post in world.posts:
        if (post.channel, post.account) == (account.channel, account.account_id) and post.kind in _SENT:
            at = datetime.fromtimestamp(post.at, UTC)
            raw = said(post.native_id, account.account_id, post.recipient or "", post.text, at)
            shown[post.native_id] = (post.at, dict(raw))
    return sorted(shown.values(), key=lambda one: one[0], reverse=True)


def _conversation(person: str, said_by: list[tuple[float, Json]]) -> Json:
    newest = datetime.fromtimestamp(said_by[0][0], UTC)
    messages = {"data": [message for _, message in said_by[:_SHOWN_OF_EACH]]}
    return {"id": f"t_{person}", "updated_time": written(newest), "messages": messages}


def _updated(row: Json) -> str:
    return str(row["updated_time"])


def _show(world: World, channel: str, account_id: str, message: Json, at: datetime) -> None:
    item_id = graph.word(message, "id") or ""
    world.show(
        Shown(
            channel=channel, account_id=account_id, feed=_FEED, item_id=item_id, at=at.timestamp(), raw=dict(message)
        )
    )  # fmt: skip
