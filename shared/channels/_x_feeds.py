"""What X is asked: for mentions that a webhook may have missed, and for what is said about us (recent search).

Sources: docs.x.com/x-api/posts/timelines/introduction (mentions: the newest 800) and
docs.x.com/x-api/posts/search/introduction (the last seven days). Every post that is read costs money.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.channels._asking import no_page
from shared.channels._calling import bearer, content, never, query, segment
from shared.channels._reading import Json, ident, obj, objects, text, when
from shared.channels._x_answers import refusal
from shared.channels._x_people import user_in
from shared.channels._x_posts import first_id
from shared.channels._x_text import POST
from shared.domain.events import iso
from shared.domain.exchange import Answer, Call, Refused, Secret
from shared.domain.polling import Ask, Feed, Item, Page, Purpose

API = "https://api.x.com/2"
MENTIONS, SEARCH = "mentions", "search"

FEEDS: tuple[Feed, ...] = (
    Feed(
        name=MENTIONS,
        purpose=Purpose.BACKSTOP,
        every=timedelta(minutes=15),
        overlap=timedelta(minutes=30),
        settle=timedelta(minutes=10),
        pages=8,  # the timeline shows 800
    ),
    Feed(
        name=SEARCH,
        purpose=Purpose.LISTENING,
        every=timedelta(minutes=30),
        first=timedelta(hours=1),
        pages=2,
        lost_after=timedelta(days=7),
    ),
    Feed(name=POST, purpose=Purpose.POINTED),
)

_FIELDS = {
    "tweet.fields": "attachments,author_id,conversation_id,created_at,edit_history_tweet_ids,entities,"
    "in_reply_to_user_id,lang,note_tweet,referenced_tweets",
    "expansions": "author_id,attachments.media_keys",
    "user.fields": "affiliation,name,public_metrics,username,verified,verified_type",
    "media.fields": "media_key,preview_image_url,type,url",
}
_GONE = ("/resource-not-found", "/not-authorized-for-resource")
_PAGE = 100
_MOST_IDS = 100
_LONGEST_QUERY = 512
_SEARCHED = timedelta(days=7) - timedelta(minutes=1)  # asked for a second earlier than that, X refuses


def ask(ask: Ask, secret: Secret) -> Call | Refused:
    """The call for one page, or for single posts by their ids."""
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    ids = ask.ids[:_MOST_IDS] or ((ask.reference,) if ask.reference else ())
    if ids:
        return _get("/tweets", {"ids": ",".join(ids), **_FIELDS}, proof)
    if ask.feed == MENTIONS:
        return _get(f"/users/{segment(secret.account_id)}/mentions", _paged(ask, "pagination_token", ask.since), proof)
    if ask.feed != SEARCH:
        return never(f"X has no feed {ask.feed}.")
    searched = _query(ask.phrase or "", secret.account_id)
    if isinstance(searched, Refused):
        return searched
    since = max(ask.since, ask.now - _SEARCHED)
    return _get("/tweets/search/recent", {"query": searched, **_paged(ask, "next_token", since)}, proof)


def page(ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:  # noqa: ARG001 - the protocol's signature
    """The posts of an answer, each with the people and pictures that X lists beside it. Total."""
    said = content(answer)
    if (ask.ids or ask.reference) and _are_gone(answer, said):
        return Page(items=())
    if not 200 <= answer.status < 300 or ("data" not in said and "meta" not in said):
        return no_page(refusal(answer, said))
    items = tuple(_items(said))
    return Page(items=items, next=text(obj(said.get("meta")).get("next_token")))


def _are_gone(answer: Answer, said: Json) -> bool:
    """Whether X says of every post that was asked for that it is not there, or not for us, which comes with a 200."""
    told = [text(problem.get("type")) or "" for problem in objects(said.get("errors"))]
    return answer.status == 200 and "data" not in said and bool(told) and all(kind.endswith(_GONE) for kind in told)


def _items(said: Json) -> Iterator[Item]:
    includes = obj(said.get("includes"))
    for post in objects(said.get("data")):
        item_id = first_id(post)
        if item_id is not None:
            at = when(post.get("created_at"))
            raw = {"data": post, "includes": _beside(post, includes)}
            yield Item(item_id=item_id, revision=ident(post.get("id")) or "", at=at, raw=raw)


def _beside(post: Json, includes: Json) -> Json:
    """Of what a page lists for all its posts, what belongs to this one, as if it had been asked for alone."""
    author = user_in(includes.get("users"), ident(post.get("author_id")))
    keys = obj(post.get("attachments")).get("media_keys")
    wanted = keys if isinstance(keys, list) else []
    media = [m for m in objects(includes.get("media")) if m.get("media_key") in wanted]
    return {**({"users": [author]} if author else {}), **({"media": media} if media else {})}


def _query(phrase: str, account_id: str) -> str | Refused:
    """The phrase to the letter, without reposts and without ourselves (docs.x.com, Search operators)."""
    plain = " ".join(phrase.replace('"', " ").split())
    if not plain:
        return never("There is nothing to search for.")
    own = f" -from:{account_id}" if account_id.isalnum() and account_id.isascii() else ""
    asked = f'"{plain}" -is:retweet{own}'
    if len(asked) > _LONGEST_QUERY:
        return never(f"X takes {_LONGEST_QUERY} characters of a search, this has {len(asked)}: shorten the phrase.")
    return asked


def _paged(ask: Ask, token: str, since: datetime) -> dict[str, str | int]:
    start = iso(since.replace(microsecond=0)) or ""
    further = {token: ask.token} if ask.token else {}
    return {"max_results": _PAGE, "start_time": start, **_FIELDS, **further}


def _get(path: str, parameters: dict[str, str | int], proof: dict[str, str]) -> Call:
    return Call(method="GET", url=f"{API}{path}?{query(parameters)}", headers=proof)
