"""A Mastodon server as the sandbox plays it: notifications, statuses, timelines, search, and posting.

Source: docs.joinmastodon.org/methods/notifications, .../methods/statuses, .../methods/timelines, .../methods/search,
.../api/guidelines ("Pagination"), .../api/rate-limits.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from infra.local.platforms import graph
from infra.local.platforms.exchange import Json, PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, Post, Shown, World, digits
from shared.domain.events import iso

CHANNEL = "mastodon"
ACCOUNT = "109302436954721982"
HOSTS = ("mastodon.example",)
DEMO = "message__mention"

_LIMIT = 500
_MOST = 80
_VISIBILITIES = ("public", "unlisted", "private", "direct")
_LINK = re.compile(r"https?://\S+")
_MENTION = re.compile(r"(?<![\w@/])@(\w[\w.-]*)(@[\w.-]+\w)?")
_POLICY = dict.fromkeys(
    ("for_not_following", "for_not_followers", "for_new_accounts", "for_private_mentions", "for_limited_accounts"),
    "accept",
)


def credentials() -> dict[str, str]:
    """Where the account lives."""
    return {"instance": HOSTS[0]}


def learn(world: World, delivery: object, now: datetime) -> None:
    """Show what a feed holds to the next that asks."""
    account_id, feed = graph.word(delivery, "account_id"), graph.word(delivery, "feed")
    if account_id is None or feed is None:
        return
    for item in graph.parts(delivery, "items"):
        item_id = graph.word(item, "id")
        if item_id is not None:
            _show(world, account_id, feed, item_id, _at(item, now), item)


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """The server is one channel's."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """One method of the REST API. Raises Refusal."""
    account = _holder(call, world)
    parts = tuple(part for part in call.path.split("/") if part)
    match (call.method, parts):
        case (method, ("api", "v2", "notifications", "policy")):
            return _policy(call, world, account, method)
        case ("POST", ("api", "v1", "statuses")):
            return _post(call, world, account)
        case ("GET", ("api", "v1", "statuses")):
            wanted = (call.text("id[]") or "").split(",")
            known = {str(status.get("id")): status for status in _statuses(world, account)}
            return PlatformAnswer(body=[known[one] for one in wanted if one in known])
        case ("GET", _):
            return _read(call, world, account, parts)
    raise _refused(404, "Record not found")


def _read(call: PlatformCall, world: World, account: Account, parts: tuple[str, ...]) -> PlatformAnswer:
    match parts:
        case ("api", "v1", "notifications"):
            return _listed(call, [s for s in _feed(world, account, "notifications") if _is_wanted(call, s)])
        case ("api", "v1", "accounts", account_id, "statuses") if account_id == account.account_id:
            return _listed(call, _feed(world, account, "own"))
        case ("api", "v1", "timelines", "tag", tag):
            return _listed(call, [s for s in _feed(world, account, "tag") if _is_tagged(s, tag)])
        case ("api", "v2", "search") if call.text("type") == "statuses":
            found = [s for s in _feed(world, account, "search") if _says(s, call.text("q") or "")]
            return PlatformAnswer(
                body={"accounts": [], "statuses": [s.raw for s in _page(call, found)], "hashtags": []}
            )
    raise _refused(404, "Record not found")


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day."""
    if kind == "throttle":
        return _refused(429, "Too many requests")
    if kind == "revoked_token":
        return _refused(401, "The access token was revoked")
    return _refused(503, "There was a temporary problem serving your request, please try again")


def _holder(call: PlatformCall, world: World) -> Account:
    token = call.bearer()
    for account in world.accounts:
        if account.channel == CHANNEL and token and account.token == token:
            return account
    raise _refused(401, "The access token is invalid")


# Reading


def _feed(world: World, account: Account, feed: str) -> list[Shown]:
    """Newest first by id, as a server sorts."""
    return sorted(world.feed(CHANNEL, account.account_id, feed), key=lambda s: _order(s.item_id), reverse=True)


def _order(one: str) -> tuple[int, str]:
    return len(one), one


def _page(call: PlatformCall, shown: list[Shown]) -> list[Shown]:
    """max_id goes back from a point, min_id forward from one, since_id shows the newest after one."""
    limit = _limit(call)
    older, newer, since = call.text("max_id"), call.text("min_id"), call.text("since_id")
    if older is not None:
        shown = [s for s in shown if _order(s.item_id) < _order(older)]
    if newer is not None:
        after = [s for s in shown if _order(s.item_id) > _order(newer)]
        return after[-limit:] if limit else []
    if since is not None:
        shown = [s for s in shown if _order(s.item_id) > _order(since)]
    return shown[:limit]


def _limit(call: PlatformCall) -> int:
    given = call.text("limit") or "40"
    return min(int(given), _MOST) if given.isdecimal() else 40


def _listed(call: PlatformCall, shown: list[Shown]) -> PlatformAnswer:
    page = _page(call, shown)
    return PlatformAnswer(body=[s.raw for s in page], headers=_links(call, page))


def _links(call: PlatformCall, page: list[Shown]) -> dict[str, str]:
    if not page:
        return {}
    here = f"https://{call.host}{call.path}"
    links = (f'<{here}?max_id={page[-1].item_id}>; rel="next"', f'<{here}?min_id={page[0].item_id}>; rel="prev"')
    return {"link": ", ".join(links)}


def _is_wanted(call: PlatformCall, shown: Shown) -> bool:
    types = (call.text("types[]") or "").split(",")
    filtered = shown.raw.get("filtered") is True and call.text("include_filtered") != "true"
    return not filtered and (types == [""] or shown.raw.get("type") in types)


def _is_tagged(shown: Shown, tag: str) -> bool:
    tags = {str(one.get("name")).casefold() for one in graph.parts(shown.raw, "tags")}
    return tag.casefold() in tags


def _says(shown: Shown, phrase: str) -> bool:
    words = " ".join(re.sub(r"<[^>]*>", " ", str(shown.raw.get("content"))).split())
    return phrase.strip('"').casefold() in words.casefold()


def _statuses(world: World, account: Account) -> Iterable[Json]:
    """Every status this server has shown: as notifications hold them, and as such."""
    for shown in world.shown:
        if shown.channel == CHANNEL and shown.account_id == account.account_id:
            yield graph.part(shown.raw, "status") or shown.raw


def _policy(call: PlatformCall, world: World, account: Account, method: str) -> PlatformAnswer:
    place = f"{CHANNEL}:policy:{account.account_id}"
    kept: dict[str, object] = {**_POLICY, **json.loads(world.taken.get(place, "{}"))}
    if method in {"PATCH", "PUT"}:
        changed = {name: value for name, value in call.params.items() if name in _POLICY}
        if not set(map(str, changed.values())) <= {"accept", "filter", "drop"}:
            raise _refused(422, "Validation failed")
        kept |= changed
        world.taken[place] = json.dumps(kept)
    return PlatformAnswer(body={**kept, "summary": {"pending_requests_count": 0, "pending_notifications_count": 0}})


# Posting


def _post(call: PlatformCall, world: World, account: Account) -> PlatformAnswer:
    """A status; the same Idempotency-Key within an hour is answered with the first one."""
    if call.malformed:
        raise _refused(400, "The body is not JSON")
    place = f"{CHANNEL}:posted:{account.account_id}:{call.headers.get('idempotency-key')}"
    known = json.loads(world.taken.get(place, "{}")) if call.headers.get("idempotency-key") else {}
    if known and call.now.timestamp() - known["at"] < timedelta(hours=1).total_seconds():
        return PlatformAnswer(body=known["status"])
    said, seen_by = call.text("status") or "", call.text("visibility") or "public"
    if not said.strip():
        raise _refused(422, "Validation failed: Text can't be blank")
    if _length(said) > _LIMIT:
        raise _refused(422, f"Validation failed: Text character limit of {_LIMIT} exceeded")
    if seen_by not in _VISIBILITIES:
        raise _refused(422, "Validation failed: Visibility is not included in the list")
    answered = _answered(call, world, account)
    status = _made(call, account, said, seen_by, answered)
    author = graph.part(answered or {}, "account")
    world.posts.append(
        Post(
            channel=CHANNEL, account=account.account_id, kind="dm" if seen_by == "direct" else "reply",
            thread=call.text("in_reply_to_id") or "", recipient=_reader(said) or graph.word(author, "acct"), text=said,
            native_id=str(status["id"]), at=call.now.timestamp(), request=dict(call.params),
        )
    )  # fmt: skip
    world.taken[place] = json.dumps({"at": call.now.timestamp(), "status": status})
    _show(world, account.account_id, "own", str(status["id"]), call.now.timestamp(), status)
    return PlatformAnswer(body=status)


def _reader(said: str) -> str | None:
    """Whom a status names first, and so reaches."""
    named = _MENTION.search(said)
    return named[0].removeprefix("@") if named else None


def _length(said: str) -> int:
    return len(_MENTION.sub(lambda m: f"@{m[1]}", _LINK.sub("x" * 23, said)))


def _answered(call: PlatformCall, world: World, account: Account) -> Json | None:
    answered_id = call.text("in_reply_to_id")
    if answered_id is None:
        return None
    for status in _statuses(world, account):
        if status.get("id") == answered_id:
            return status
    raise _refused(404, "The post you are trying to reply to does not appear to exist.")


def _made(call: PlatformCall, account: Account, said: str, seen_by: str, answered: Json | None) -> dict[str, object]:
    status_id = str(int(call.now.timestamp() * 1000) << 16 | int(digits(4)))
    author = graph.part(answered or {}, "account")
    mentions = [_mentioned(found, author) for found in _MENTION.finditer(said)]
    return {
        "id": status_id,
        "created_at": iso(call.now),
        "in_reply_to_id": call.text("in_reply_to_id"),
        "in_reply_to_account_id": graph.word(author, "id"),
        "visibility": seen_by,
        "language": "en",
        "url": f"https://{HOSTS[0]}/@lantern/{status_id}",
        "content": f"<p>{_as_html(said)}</p>",
        "edited_at": None,
        "account": {
            "id": account.account_id,
            "username": "lantern",
            "acct": "lantern",
            "display_name": "Lantern Bikes",
        },
        "media_attachments": [],
        "mentions": mentions,
        "tags": [],
        "spoiler_text": "",
    }


def _mentioned(found: re.Match[str], author: Json) -> Json:
    """Somebody whom a status names; who is answered by their own number."""
    acct = found[0].removeprefix("@")
    known = graph.word(author, "id") if graph.word(author, "acct") == acct else None
    return {"id": known or str(10**17 + sum(acct.encode())), "username": found[1], "acct": acct}


def _as_html(said: str) -> str:
    """Names as links, without their servers; line ends as breaks."""
    shown = html.escape(said, quote=False).replace("\n", "<br />")
    return _MENTION.sub(
        lambda m: (
            f'<span class="h-card"><a href="https://{HOSTS[0]}/{m[0]}" class="u-url mention">@<span>{m[1]}</span>'
            "</a></span>"
        ),
        shown,
    )


# What is shown


def _show(world: World, account_id: str, feed: str, item_id: str, at: float, raw: Json) -> None:
    world.show(Shown(channel=CHANNEL, account_id=account_id, feed=feed, item_id=item_id, at=at, raw=dict(raw)))


def _at(item: Json, now: datetime) -> float:
    try:
        return datetime.fromisoformat(graph.word(item, "created_at") or "").timestamp()
    except ValueError:
        return now.timestamp()


def _refused(status: int, message: str) -> Refusal:
    return Refusal(status, {"error": message})
