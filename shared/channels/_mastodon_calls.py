"""What is asked of a Mastodon server, where its pages go on, and what its errors mean.

Sources: docs.joinmastodon.org/api/guidelines ("Pagination"), .../methods/notifications, .../methods/accounts,
.../methods/timelines, .../methods/search, .../methods/statuses, .../api/rate-limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from shared.channels._asking import no_page, until_reset
from shared.channels._calling import (
    bearer,
    blocked,
    by_status,
    content,
    json_call,
    later,
    never,
    own_host,
    query,
    segment,
    unclear,
)
from shared.channels._mastodon_events import ADDRESSED, NOTIFICATIONS, OWN, SEARCH, TAG
from shared.channels._reading import Json, ident, obj, objects, read_json, text, when
from shared.domain.exchange import Answer, Call, Outcome, Refused, Secret
from shared.domain.polling import Ask, Feed, Item, Page, Purpose
from shared.errors import Unreadable

PER_PAGE = 30  # of at most 80: a page has to fit into one answer
MOST_IDS = 20

FEEDS = (
    Feed(
        name=NOTIFICATIONS,
        every=timedelta(minutes=1),
        forward=True,
        revisit=timedelta(hours=24),
        revisit_every=timedelta(minutes=15),
        batch=MOST_IDS,
    ),
    Feed(name=OWN, every=timedelta(minutes=2), pages=3),
    Feed(name=TAG, purpose=Purpose.LISTENING, every=timedelta(minutes=10), pages=3),
    Feed(name=SEARCH, purpose=Purpose.LISTENING, every=timedelta(minutes=15), pages=2),
)

_NO_TAG = re.compile(r"[^\w]")


def call(
    secret: Secret, method: str, path: str, payload: Mapping[str, object] | None = None, **headers: str
) -> Call | Refused:
    """A call to the account's own server, with its token."""
    proof, host = bearer(secret), own_host(secret, "instance")
    if isinstance(proof, Refused):
        return proof
    if isinstance(host, Refused):
        return host
    return json_call(method, f"https://{host}{path}", {**proof, **headers}, payload)


def ask(wanted: Ask, secret: Secret) -> Call | Refused:
    """The call for one page of a feed, or for statuses by their ids."""
    path = _ids(wanted) if wanted.ids else _path(wanted, secret)
    return never(f"Mastodon has no feed {wanted.feed!r} to ask for.") if path is None else call(secret, "GET", path)


def _ids(wanted: Ask) -> str:
    return "/api/v1/statuses?" + "&".join(f"id%5B%5D={segment(one)}" for one in wanted.ids)


def _path(wanted: Ask, secret: Secret) -> str | None:
    older: dict[str, str | int] = {"max_id": wanted.token} if wanted.token else {}
    match wanted.feed:
        case "notifications":
            # min_id goes forward from a point; since_id would skip what does not fit on the newest page. Where there is
            # no point yet, or it was lost, pages go back to where reading begins.
            place: dict[str, str | int] = {"min_id": wanted.cursor} if wanted.cursor else older
            types = "&".join(f"types%5B%5D={one}" for one in ADDRESSED)
            return f"/api/v1/notifications?{query({'limit': PER_PAGE, 'include_filtered': 'true', **place})}&{types}"
        case "own":
            shown = query({"limit": PER_PAGE, "exclude_reblogs": "true", **older})
            return f"/api/v1/accounts/{segment(secret.account_id)}/statuses?{shown}"
        case "tag" if wanted.phrase and (tag := _NO_TAG.sub("", wanted.phrase)):
            return f"/api/v1/timelines/tag/{segment(tag)}?{query({'limit': PER_PAGE, **older})}"
        case "search" if wanted.phrase:
            words = {"q": f'"{wanted.phrase}"', "type": "statuses", "resolve": "false"}
            return f"/api/v2/search?{query({**words, 'limit': PER_PAGE, **older})}"
    return None


def page(wanted: Ask, answer: Answer, secret: Secret) -> Page | Refused:  # noqa: ARG001 - the protocol's signature
    """What the answer holds."""
    found = _list(answer) if wanted.feed != SEARCH or wanted.ids else _statuses(answer)
    if answer.status != 200 or found is None:
        return no_page(meaning(answer))
    if wanted.feed == NOTIFICATIONS and not wanted.ids:
        return _notifications(wanted, answer, found)
    items = [item for item in map(_status, found) if item is not None]
    if wanted.ids:
        return Page(items=items)
    older = _older(answer, found) if len(found) >= PER_PAGE else None
    if wanted.feed == OWN:
        items = [item for item in items if ident(item.raw.get("in_reply_to_id")) is not None]
    return Page(items=items, next=older)


def _notifications(wanted: Ask, answer: Answer, found: list[Json]) -> Page:
    """Notifications after the cursor; without one the newest and, page by page, those before them. Only the newest page
    of all says where to go on from now on.
    """
    items = [item for item in map(_notified, found) if item is not None]
    if wanted.cursor:
        return Page(items=items, cursor=_newest(answer, found) or wanted.cursor)
    oldest = when(found[-1].get("created_at")) if found else None
    goes_on = len(found) >= PER_PAGE and (oldest is None or oldest >= wanted.since)
    older = _older(answer, found) if goes_on else None
    return Page(items=items, next=older, cursor=None if wanted.token else _newest(answer, found))


def _list(answer: Answer) -> list[Json] | None:
    try:
        found = read_json(answer.body)
    except Unreadable:
        return None
    return list(objects(found)) if isinstance(found, list) else None


def _statuses(answer: Answer) -> list[Json] | None:
    found = content(answer).get("statuses")
    return list(objects(found)) if isinstance(found, list) else None


def _notified(raw: Json) -> Item | None:
    """Named by its status, which is what can be asked for again."""
    status = _status(obj(raw.get("status")))
    if status is None or raw.get("type") not in ADDRESSED:
        return None
    return Item(item_id=status.item_id, revision=status.revision, at=when(raw.get("created_at")) or status.at, raw=raw)


def _status(raw: Json) -> Item | None:
    status_id = ident(raw.get("id"))
    if status_id is None:
        return None
    return Item(item_id=status_id, revision=text(raw.get("edited_at")) or "", at=when(raw.get("created_at")), raw=raw)


def _newest(answer: Answer, found: list[Json]) -> str | None:
    """Where the next run goes on: as the Link header says it for newer entries, else by the greatest id."""
    return _linked(answer, "prev", "min_id") or max(_named(found), key=_order, default=None)


def _older(answer: Answer, found: list[Json]) -> str | None:
    return _linked(answer, "next", "max_id") or min(_named(found), key=_order, default=None)


def _named(found: Iterable[Json]) -> list[str]:
    return [one for one in (ident(raw.get("id")) for raw in found) if one is not None]


def _order(one: str) -> tuple[int, str]:
    """Ids are numbers as text, without leading zeros: the longer one is the greater one."""
    return len(one), one


def _linked(answer: Answer, rel: str, name: str) -> str | None:
    """A parameter of one of the addresses of the Link header. The address itself is never called."""
    for part in answer.headers.get("link", "")[:4000].split(","):
        address, _, said = part.partition(";")
        if f'rel="{rel}"' in said.replace(" ", ""):
            return _parameter(address.strip(" <>"), name)
    return None


def _parameter(address: str, name: str) -> str | None:
    try:
        return next(iter(parse_qs(urlsplit(address).query).get(name, ())), None)
    except ValueError:
        return None


def meaning(answer: Answer) -> Outcome:
    """What an answer that is not the wanted one means. Never Posted."""
    words = content(answer).get("error")
    if answer.status == 429:
        return later("Mastodon", answer, until_reset(answer, "x-ratelimit-reset"))
    if answer.status in {404, 410}:
        return never(f"What is answered is gone, or hidden from this account ({answer.status}).")
    if 300 <= answer.status < 400:
        return blocked(f"The server sends us elsewhere ({answer.status}): put its present name into `instance`.")
    return unclear("Mastodon", answer) if answer.status < 300 else by_status("Mastodon", answer, words)
