"""The posts the sandbox's X knows, and who is shown which of them: timelines, search, profiles.

Sources: docs.x.com, "Mentions timeline", "Search", "User lookup", "Response codes and errors".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, Shown, Text, World

_CHANNEL = "x"
_POSTS = "posts"  # every post the sandbox has heard of, whole
_PROBLEMS = "https://api.twitter.com/2/problems"
_SHOWN_FOR = timedelta(days=7)


def problem(status: int, title: str, detail: str, kind: str | None = None) -> Refusal:
    """X's error answer."""
    return Refusal(status, problem_body(status, title, detail, kind))


def invalid(detail: str) -> Refusal:
    """The error of a call that holds something wrong."""
    return problem(400, "Invalid Request", detail, "invalid-request")


def problem_body(status: int, title: str, detail: str, kind: str | None = None) -> Json:
    """A problem as X writes it."""
    return {
        "title": title,
        "detail": detail,
        "type": f"{_PROBLEMS}/{kind}" if kind else "about:blank",
        "status": status,
    }


# Learning


def learn_post(world: World, account_id: str | None, post: Json, includes: Json, now: datetime) -> None:
    """A post is shown in full to whoever asks, and can be answered."""
    post_id, author = graph.word(post, "id"), graph.word(post, "author_id")
    if account_id is None or post_id is None or "text" not in post:
        return
    at = _when(post.get("created_at"), now)
    raw: dict[str, object] = {"data": dict(post), "includes": dict(includes)}
    world.show(Shown(channel=_CHANNEL, account_id=account_id, feed=_POSTS, item_id=post_id, at=at.timestamp(), raw=raw))
    world.put_text(
        Text(
            channel=_CHANNEL, account_id=account_id, object_id=post_id, author_id=author, author_name=None,
            text=graph.word(post, "text"), top=post_id, root=graph.word(post, "conversation_id") or post_id,
            created_at=at.timestamp(), own=author == account_id,
        )
    )  # fmt: skip
    if author is not None and author != account_id:
        world.meet(_CHANNEL, account_id, author).handle = graph.word(_user(includes, author), "username")


def modern(status: Json) -> tuple[Json, Json]:
    """A status of API v1.1 in the words of v2, as far as the sandbox looks at it."""
    user = graph.part(status, "user")
    author = graph.word(user, "id_str")
    named = [{"id": graph.word(one, "id_str")} for one in graph.parts(graph.part(status, "entities"), "user_mentions")]
    addressee = graph.word(status, "in_reply_to_user_id_str")
    post = {
        "id": graph.word(status, "id_str"), "text": status.get("text"), "author_id": author,
        "in_reply_to_user_id": addressee, "entities": {"mentions": [*named, {"id": addressee}]},
    }  # fmt: skip
    return post, {"users": [{"id": author, "username": graph.word(user, "screen_name")}]}


# Reading


def read(call: PlatformCall, world: World, account: Account, path: tuple[str, ...]) -> PlatformAnswer:
    """Timelines, search, posts by their ids, people."""
    match path:
        case ("users", "me"):
            return PlatformAnswer(body={"data": {"id": account.account_id, "username": handle(account)}})
        case ("users", user_id, "mentions") if user_id == account.account_id:
            return _page(call, _mentions(call, world, account), "pagination_token")
        case ("tweets", "search", "recent"):
            return _page(call, _found(call, world, account), "next_token")
        case ("tweets",):
            wanted = (call.text("ids") or "").split(",")
            found = [s for s in world.feed(_CHANNEL, account.account_id, _POSTS) if s.item_id in wanted]
            return PlatformAnswer(body=_body(found))
        case ("users", user_id):
            return _person(world, account, user_id)
    raise problem(404, "Not Found", "Not Found")


def _mentions(call: PlatformCall, world: World, account: Account) -> list[Shown]:
    shown = world.feed(_CHANNEL, account.account_id, _POSTS)
    about_us = [s for s in shown if not _is_own(s, account) and summons(world, account, s.item_id)]
    return [s for s in about_us if s.at >= _start(call).timestamp()]


def _found(call: PlatformCall, world: World, account: Account) -> list[Shown]:
    """Posts that hold the phrase in quotation marks; older than a week is asked too much."""
    query = call.text("query") or ""
    start = _start(call)
    if not query or len(query) > 512 or start < call.now - _SHOWN_FOR:
        raise invalid("Invalid 'start_time' or 'query'.")
    phrase = query.split('"')[1].lower() if query.count('"') >= 2 else query.lower()
    shown = world.feed(_CHANNEL, account.account_id, _POSTS)
    hits = [s for s in shown if phrase in str(graph.part(s.raw, "data").get("text")).lower()]
    excluded = f"-from:{account.account_id}" in query
    return [s for s in hits if s.at >= start.timestamp() and not (excluded and _is_own(s, account))]


def _page(call: PlatformCall, shown: list[Shown], token: str) -> PlatformAnswer:
    size = int(call.text("max_results") or 10)
    if not 5 <= size <= 100:
        raise invalid("The `max_results` query parameter value is not between 5 and 100.")
    given = call.text(token) or "7140dibdnow0"
    if not given.removeprefix("7140dibdnow").isdecimal():
        raise invalid(f"The `{token}` is not valid.")
    start = int(given.removeprefix("7140dibdnow"))
    found = shown[start : start + size]
    meta: dict[str, object] = {"result_count": len(found)}
    if start + size < len(shown):
        meta["next_token"] = f"7140dibdnow{start + size}"
    return PlatformAnswer(body={**_body(found), "meta": meta})


def _body(found: list[Shown]) -> Json:
    """Posts, with the people and pictures of all of them beside; without `data` where there are none."""
    if not found:
        return {}
    users = {graph.word(user, "id"): user for shown in found for user in _beside(shown, "users")}
    media = [medium for shown in found for medium in _beside(shown, "media")]
    includes = {"users": list(users.values()), **({"media": media} if media else {})}
    return {"data": [shown.raw["data"] for shown in found], "includes": includes}


def _beside(shown: Shown, kind: str) -> Iterator[Json]:
    for one in graph.parts(graph.part(shown.raw, "includes"), kind):
        yield graph.part(one, "data") or one


def _person(world: World, account: Account, user_id: str) -> PlatformAnswer:
    """A profile; with 200 and a list of errors where there is nobody."""
    person = world.person(_CHANNEL, account.account_id, user_id)
    if person is None:
        gone = {
            "value": user_id, "detail": f"Could not find user with id: [{user_id}].", "title": "Not Found Error",
            "resource_type": "user", "type": f"{_PROBLEMS}/resource-not-found",
        }  # fmt: skip
        return PlatformAnswer(body={"errors": [gone]})
    made_up = graph.made_up_person(user_id)
    user = {
        "id": user_id, "name": person.name or made_up["name"],
        "username": person.handle or made_up["name"].lower().replace(" ", "_"), "verified": False,
        "verified_type": "none", "public_metrics": {"followers_count": sum(user_id.encode()) % 2000},
    }  # fmt: skip
    return PlatformAnswer(body={"data": user})


def _post(world: World, account: Account, post_id: str) -> Json:
    shown = world.feed(_CHANNEL, account.account_id, _POSTS)
    return next((graph.part(s.raw, "data") for s in shown if s.item_id == post_id), {})


def _user(includes: Json, user_id: str) -> Json:
    users = [graph.part(user, "data") or user for user in graph.parts(includes, "users")]
    return next((user for user in users if graph.word(user, "id") == user_id), {})


# Who addresses whom


def summons(world: World, account: Account, post_id: str) -> bool:
    """Whether a post names the account or quotes it, so that a program may answer."""
    post = _post(world, account, post_id)
    named = [graph.word(one, "id") for one in graph.parts(graph.part(post, "entities"), "mentions")]
    quoted = [graph.word(one, "id") for one in graph.parts(post, "referenced_tweets") if one.get("type") == "quoted"]
    ours = {shown.item_id for shown in world.feed(_CHANNEL, account.account_id, _POSTS) if _is_own(shown, account)}
    implied = post.get("in_reply_to_user_id") == account.account_id  # the documents leave open whether this counts
    return account.account_id in named or bool(ours.intersection(filter(None, quoted))) or implied


def _is_own(shown: Shown, account: Account) -> bool:
    return graph.word(graph.part(shown.raw, "data"), "author_id") == account.account_id


def handle(account: Account) -> str:
    """The account's own handle."""
    return account.credentials.get("username", "AcmeCare")


def _start(call: PlatformCall) -> datetime:
    return _when(call.text("start_time"), datetime(2010, 11, 6, tzinfo=UTC))


def _when(value: object, otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    except ValueError:
        return otherwise


def iso(at: datetime) -> str:
    """A time as X writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
