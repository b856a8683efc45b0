"""What is asked of the YouTube Data API, what it costs, and what its errors mean.

Sources: developers.google.com/youtube/v3/docs/commentThreads/list, .../comments/list, .../search/list, .../errors;
developers.google.com/youtube/v3/determine_quota_cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.channels import _google
from shared.channels._asking import answered_at, no_page
from shared.channels._calling import (
    LONGEST_WAIT,
    bearer,
    blocked,
    by_hand,
    content,
    json_call,
    later,
    never,
    query,
    quoted,
    segment,
)
from shared.channels._reading import Json, obj, objects, text, when, whole
from shared.channels._youtube_comments import SEARCH, THREADS, VIDEO
from shared.domain.events import iso
from shared.domain.exchange import Answer, Call, Outcome, Refused, Secret
from shared.domain.polling import Ask, Feed, Item, Page, Purpose, Quota

API = "https://youtube.googleapis.com/youtube/v3"
PACIFIC = "America/Los_Angeles"  # where the day of a quota ends
PER_PAGE = 100
ANSWER_UNITS = 50  # of one answer; listing comments costs 1

_DAY = Quota(units=10_000, zone=PACIFIC, replies=100 * ANSWER_UNITS, name="units")
_SEARCHES = Quota(units=100, zone=PACIFIC, name="searches")  # a bucket of its own since 2026

FEEDS = (
    Feed(
        name=THREADS,
        every=timedelta(minutes=5),
        quota=_DAY,
        # A new reply does not lift its thread, so threads are looked at again for as long as people still reply.
        revisit=timedelta(days=7),
        revisit_every=timedelta(minutes=30),
        batch=50,
    ),
    Feed(name=VIDEO, purpose=Purpose.POINTED, quota=_DAY),
    Feed(name=SEARCH, purpose=Purpose.LISTENING, every=timedelta(hours=2), pages=1, quota=_SEARCHES),
)

_BELOW = "replies"


def call(secret: Secret, method: str, resource: str, payload: Mapping[str, object] | None = None) -> Call | Refused:
    """A call with the account's token. `resource` holds the query."""
    proof = bearer(secret)
    return proof if isinstance(proof, Refused) else json_call(method, f"{API}/{resource}", proof, payload)


def ask(wanted: Ask, secret: Secret) -> Call | Refused:
    """The call for threads, for the replies below one, for threads by their ids, for a video's, or for a search."""
    below = (wanted.token or "").split(" ")
    if below[0] == _BELOW and len(below) in {3, 4}:
        return call(secret, "GET", _replies(below))
    if wanted.ids:
        ids = query({"part": "snippet,replies", "textFormat": "plainText"})
        return call(secret, "GET", f"commentThreads?{ids}&id={'%2C'.join(map(segment, wanted.ids))}")
    if wanted.feed == SEARCH:
        return call(secret, "GET", _search(wanted)) if wanted.phrase else never("There is nothing to search for.")
    whose, token = _whose(wanted, secret.account_id)
    if whose is None:
        return never(f"YouTube has no feed {wanted.feed!r} to ask for.")
    page_of = {"part": "snippet,replies", "order": "time", "textFormat": "plainText", **whose}
    return call(secret, "GET", f"commentThreads?{_paged(page_of, PER_PAGE, token)}")


def _paged(parameters: Mapping[str, str], most: int, token: str | None) -> str:
    onwards = {"pageToken": token} if token else {}
    return query({**parameters, "maxResults": most, **onwards})


def _whose(wanted: Ask, account_id: str) -> tuple[dict[str, str] | None, str | None]:
    """Whose threads, and from which page on; the token of a video's page names the video."""
    if wanted.feed == THREADS:
        return {"allThreadsRelatedToChannelId": account_id}, wanted.token
    video_id, _, token = (wanted.reference or wanted.token or "").partition(" ")
    return ({"videoId": video_id} if wanted.feed == VIDEO and video_id else None), token


def _replies(below: list[str]) -> str:
    page_of = {"part": "snippet", "parentId": below[1], "textFormat": "plainText"}
    return f"comments?{_paged(page_of, PER_PAGE, below[3] if len(below) > 3 else None)}"


def _search(wanted: Ask) -> str:
    looked_for = {
        "part": "snippet",
        "type": "video",
        "order": "date",
        "q": f'"{wanted.phrase}"',
        "publishedAfter": iso(wanted.since.replace(microsecond=0)) or "",
    }
    return f"search?{_paged(looked_for, 50, wanted.token)}"


def page(wanted: Ask, answer: Answer, secret: Secret) -> Page | Refused:  # noqa: ARG001 - the protocol's signature
    """What the answer holds. A video whose comments are turned off has none."""
    said = content(answer)
    if wanted.feed == VIDEO and reason(answer) in {"commentsDisabled", "videoNotFound"}:
        return Page(items=())
    if answer.status != 200 or not isinstance(said.get("items"), list):
        return no_page(failed(answer))
    onwards = text(said.get("nextPageToken"))
    below = (wanted.token or "").split(" ")
    if below[0] == _BELOW and len(below) in {3, 4}:
        items = [item for item in (_reply(raw, below[2]) for raw in objects(said["items"])) if item is not None]
        return Page(items=items, next=f"{_BELOW} {below[1]} {below[2]} {onwards}" if onwards else None)
    read = _hit if wanted.feed == SEARCH else _thread
    items = [item for item in map(read, objects(said["items"])) if item is not None]
    if onwards and wanted.feed == VIDEO:
        video_id = (wanted.reference or wanted.token or "").partition(" ")[0]
        return Page(items=items, next=f"{video_id} {onwards}")
    return Page(items=items, next=None if wanted.ids else onwards)


def _thread(raw: Json) -> Item | None:
    """A thread changes when its first comment does or when there are more replies; some of those come with it. By their
    times it changes too where one takes the place of another that was deleted, which leaves their number as it was.
    """
    thread_id, about = text(raw.get("id")), obj(raw.get("snippet"))
    first = obj(obj(about.get("topLevelComment")).get("snippet"))
    if thread_id is None or not first:
        return None
    replies = whole(about.get("totalReplyCount")) or 0
    shown = [obj(one.get("snippet")) for one in objects(obj(raw.get("replies")).get("comments"))]
    latest = max((text(one.get("updatedAt")) or "" for one in shown), default="")
    video_id = text(about.get("videoId")) or "-"
    names = f"{thread_id}{video_id}".split()
    return Item(
        item_id=thread_id,
        revision=f"{text(first.get('updatedAt')) or ''}+{replies}+{latest}",
        at=when(first.get("publishedAt")),
        raw=raw,
        below=f"{_BELOW} {thread_id} {video_id}" if replies > len(shown) and len(names) == 1 else None,
    )


def _reply(raw: Json, video_id: str) -> Item | None:
    """A reply, which does not say below which video it stands: the thread's own is added, for the link."""
    comment_id, said = text(raw.get("id")), obj(raw.get("snippet"))
    if comment_id is None:
        return None
    known = {} if video_id == "-" else {"videoId": video_id}
    whole_item = {**raw, "snippet": {**known, **said}}
    return Item(
        item_id=comment_id,
        revision=text(said.get("updatedAt")) or "",
        at=when(said.get("publishedAt")),
        raw=whole_item,
    )


def _hit(raw: Json) -> Item | None:
    video_id = text(obj(raw.get("id")).get("videoId"))
    at = when(obj(raw.get("snippet")).get("publishedAt"))
    return None if video_id is None else Item(item_id=video_id, at=at, raw=raw)


# Errors

_SPENT = frozenset({"quotaExceeded", "dailyLimitExceeded"})
_NEVER: Mapping[str, str] = {
    "commentTextRequired": "There is no text to post.",
    "commentTextTooLong": "The text is longer than YouTube takes: shorten it.",
    "invalidCustomEmoji": "YouTube does not know an emoji of the text.",
    "invalidCommentMetadata": "YouTube does not accept this answer.",
    "parentCommentIsPrivate": "The comment is private: YouTube takes no answers to it from programs.",
    "parentCommentNotFound": "The comment that is answered is gone.",
    "parentIdMissing": "YouTube was not told what is answered.",
    "commentNotFound": "The comment that is answered is gone.",
    "commentThreadNotFound": "The comment that is answered is gone.",
    "videoNotFound": "The video is gone.",
    "commentsDisabled": "Comments are turned off below this video.",
    "processingFailure": "YouTube could not process the text, which mostly means that it does not like it.",
}
_BLOCKED: Mapping[str, str] = {
    "ineligibleAccount": "This Google account has no YouTube channel: connect the channel's own account.",
    "authenticatedUserAccountClosed": "The YouTube account is closed.",
    "authenticatedUserAccountSuspended": "The YouTube account is suspended: look into YouTube Studio.",
    "accountDelegationForbidden": "This Google account may not act for the channel: connect one that may.",
    "accessNotConfigured": "The YouTube Data API is not enabled in the Google Cloud project: enable it there.",
}


def reason(answer: Answer) -> str | None:
    """The word by which YouTube names an error."""
    errors = objects(obj(content(answer).get("error")).get("errors"))
    return next((text(error.get("reason")) for error in errors), None)


def failed(answer: Answer) -> Outcome:
    """What an error means. Never Posted."""
    word = reason(answer) or ""
    if word in _SPENT and 400 <= answer.status < 500:
        return later("YouTube", answer, until_midnight(answered_at(answer)))
    if not 400 <= answer.status < 500:
        return _google.failed("YouTube", answer)
    said = quoted(obj(content(answer).get("error")).get("message"))
    if word == "operationNotSupported":
        return by_hand(f"YouTube takes no answer to this comment from programs: look below the video itself.{said}")
    if word in _NEVER:
        return never(f"{_NEVER[word]}{said}")
    if word in _BLOCKED:
        return blocked(f"{_BLOCKED[word]}{said}")
    return _google.failed("YouTube", answer)


def until_midnight(now: datetime | None) -> timedelta:
    """How long until the quota comes back, at midnight in California; an hour where nobody says what time it is."""
    if now is None:
        return timedelta(hours=1)
    there = now.astimezone(ZoneInfo(PACIFIC))
    midnight = datetime.combine(there.date() + timedelta(days=1), time(), there.tzinfo)
    return min(midnight.astimezone(now.tzinfo) - now, LONGEST_WAIT)
