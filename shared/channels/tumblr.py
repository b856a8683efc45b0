"""Tumblr: notes on the blog's posts, mentions of it, asks and submissions, and posts that carry the brand's tag.

A note cannot be answered through the API: its endpoint is private. What can: a post, by a reblog of it with an answer
below; and an ask, whose answer is published together with the question, so that is done only for a blog whose `asks` is
"public". Everything else is answered by hand.

Credentials of an account: `client_id`, `client_secret` (consumer key and secret, as Tumblr says), `refresh_token`. Its
id is the blog's name. Sources: github.com/tumblr/docs, api.md and npf-spec.md, and its issue 106 on notes;
tumblr/pytumblr, issue 79, on answers to asks.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlsplit

from shared.channels import _tumblr_things as things
from shared.channels._asking import expiry, no_listing, no_page, refresh_grant, with_tokens
from shared.channels._calling import (
    LONGEST_WAIT,
    bearer,
    blocked,
    by_hand,
    by_status,
    content,
    fetched,
    json_call,
    misfit,
    never,
    posted,
    query,
    quoted,
    segment,
    wait,
)
from shared.channels._reading import Json, ident, obj, objects, read_json, text, when, whole
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Event, Kind, Surface
from shared.domain.exchange import (
    About,
    Answer,
    Call,
    Capability,
    How,
    Outbound,
    Outcome,
    Refusal,
    Refused,
    Secret,
    Unclear,
)
from shared.domain.polling import Ask, Feed, Item, Page, Purpose, Quota

ABOUT = About(
    title="Tumblr",
    how=(How.POLL,),
    docs="https://github.com/tumblr/docs/blob/master/api.md",
    checked=date(2026, 11, 21),
    acknowledging="off: whatever the API posts stands on the company's own blog, for all its followers",
    author="blog name only; nothing to look up, and no number of followers is told",
    unproven="everything: no blog was at hand; that an ask is answered by editing it is told by users, not by Tumblr. "
    "The 5,000 calls of a day are counted by blog, Tumblr counts them by application; a reblog by hand is not heard of",
)

LIMIT = 4_096  # of one text block
CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.COMMENT: Capability(replies=True, limit=LIMIT),
    Surface.MENTION: Capability(replies=True, limit=LIMIT),
}

_DAY = Quota(units=5_000, replies=250)  # calls of one consumer key; by whose midnight is not told
FEEDS: tuple[Feed, ...] = (
    Feed(name=things.NOTIFICATIONS, quota=_DAY),
    Feed(name=things.ASKS, every=timedelta(minutes=2), overlap=timedelta(hours=1), quota=_DAY),
    Feed(name=things.TAGGED, purpose=Purpose.LISTENING, every=timedelta(minutes=15), pages=3, quota=_DAY),
)
RENEW_BEFORE = timedelta(minutes=15)  # of 42 minutes

_CHANNEL = "tumblr"
_API = "https://api.tumblr.com/v2"
_PAGE = 20
_NEVER = frozenset({8001, 8002, 8005, 8008, 8016})
_DAILY = 8023

SETUP = Setup(
    wanted=(
        Wanted(name="account_id", ask="Name of the blog", where="the part before .tumblr.com", secret=False),
        Wanted(name="client_id", ask="OAuth consumer key", where="tumblr.com/oauth/apps, your app", secret=False),
        Wanted(name="client_secret", ask="OAuth consumer secret", where="tumblr.com/oauth/apps, Show secret key"),
        Wanted(
            name="refresh_token",
            ask="Refresh token of a member of the blog",
            where=(
                "authorize the app at tumblr.com/oauth2/authorize with scope=basic write offline_access, then exchange "
                "the code at api.tumblr.com/v2/oauth2/token"
            ),
        ),
        Wanted(
            name="asks",
            ask='Write "public" if asks may be answered from here, which publishes question and answer',
            where="your own choice; leave it empty to answer asks on Tumblr",
            secret=False,
            optional=True,
        ),
    ),
    ticks=("Nothing has to be entered on Tumblr: it is asked, and never calls.",),
)


# Reading


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """All events of what the poller fetched, in its order. Raises Unreadable for what is not JSON."""
    found = fetched(obj(read_json(body)))
    if found is None:
        return (Event(kind=Kind.UNKNOWN, channel=_CHANNEL, detail="a body that the poller did not make"),)
    account_id, feed, items = found
    base = Event(kind=Kind.UNKNOWN, channel=_CHANNEL, account_id=text(account_id))
    return tuple(things.event(base, feed, item) for item in items) or (replace(base, detail="nothing was fetched"),)


# Asking


def ask(ask: Ask, secret: Secret) -> Call | Refused:
    """The call for one page. Times have whole seconds, so the next page begins a second early and shows some again."""
    blog = segment(secret.account_id)
    if ask.feed == things.NOTIFICATIONS:
        kinds = {f"types[{place}]": kind for place, kind in enumerate(things.TYPES)}
        before = {} if ask.token is None else {"before": ask.token}
        return _get(secret, f"/blog/{blog}/notifications", {"rollups": "false", **kinds, **before})
    if ask.feed == things.ASKS:
        return _get(secret, f"/blog/{blog}/posts/submission", {"npf": "true", "offset": ask.token or "0"})
    if ask.feed == things.TAGGED:
        tag = (ask.phrase or "").lstrip("#")
        before = {} if ask.token is None else {"before": ask.token}
        return _get(secret, "/tagged", {"tag": tag, "npf": "true", "limit": _PAGE, **before})
    return never(f"Tumblr has no feed {ask.feed}.")


def page(ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:  # noqa: ARG001 - the protocol's signature
    """The items of a page. Total."""
    if not 200 <= answer.status < 300:
        return no_page(_refusal(answer))
    response = content(answer).get("response")
    name = {things.NOTIFICATIONS: "notifications", things.ASKS: "posts"}.get(ask.feed)
    if not isinstance(response if name is None else obj(response).get(name), list):
        return no_listing("Tumblr")
    if ask.feed == things.NOTIFICATIONS:
        found = list(objects(obj(response).get("notifications")))
        return Page(items=_items(found), next=_earlier(ask.token, _linked(obj(response))))
    if ask.feed == things.ASKS:
        found = list(objects(obj(response).get("posts")))
        return Page(items=_items(found), next=str((whole(ask.token) or 0) + len(found)) if found else None)
    found = list(objects(response))
    oldest = min((_paged_at(post) for post in found), default=None)
    return Page(items=_items(found), next=_earlier(ask.token, oldest) if len(found) >= _PAGE else None)


def _items(found: list[Json]) -> list[Item]:
    named = ((things.post_id(one), one) for one in found)
    return [Item(item_id=name, at=when(one.get("timestamp")), raw=dict(one)) for name, one in named if name is not None]


def _linked(response: Json) -> int | None:
    """The time that the link to the next page names, in its parameters or in its address."""
    onward = obj(obj(response.get("_links")).get("next"))
    stated = whole(obj(onward.get("query_params")).get("before"))
    try:
        asked = dict(parse_qsl(urlsplit(text(onward.get("href")) or "").query))
    except ValueError:
        return stated
    return stated or whole(asked.get("before"))


def _earlier(token: str | None, before: int | None) -> str | None:
    """The token of the next page: a second later than the platform says, but always earlier than the last one."""
    last = whole(token)
    if not before:
        return None
    return str(before + 1 if last is None else min(before + 1, last - 1))


def _paged_at(post: Json) -> int:
    """Featured tags are paged by another time than the post's own."""
    return whole(post.get("featured_timestamp")) or whole(post.get("timestamp")) or 0


def _get(secret: Secret, path: str, parameters: Mapping[str, str | int]) -> Call | Refused:
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    return Call(method="GET", url=f"{_API}{path}?{query(parameters)}", headers=proof)


# Answering


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """A reblog of a post, or the published answer to an ask; any other answer is given by hand."""
    if outbound.surface not in CAPABILITIES:
        return never(f"Tumblr has no {outbound.surface} that the API can answer.")
    unfit = misfit(outbound.text, CAPABILITIES[outbound.surface])
    proof = bearer(secret)
    if unfit is not None:
        return unfit
    if isinstance(proof, Refused):
        return proof
    blog = segment(secret.account_id)
    what, *names = (outbound.in_reply_to or "").split("/")
    if what == things.ASK and len(names) == 1:
        return _answer(outbound, secret, proof, f"{_API}/blog/{blog}/post/edit", names[0])
    if what == things.POST and len(names) == 3:
        uuid, parent, key = names
        payload = {
            "content": [{"type": "text", "text": part} for part in outbound.text.split("\n\n") if part.strip()],
            "parent_tumblelog_uuid": uuid,
            "parent_post_id": parent,
            "reblog_key": key,
        }
        return json_call("POST", f"{_API}/blog/{blog}/posts", proof, payload)
    return by_hand("Tumblr lets no program answer a note, a mention or a submission: answer on Tumblr itself.")


def _answer(outbound: Outbound, secret: Secret, proof: Mapping[str, str], url: str, ask_id: str) -> Call | Refused:
    if secret.credentials.get("asks", "").strip() != "public":
        return by_hand(
            "An answer through the API publishes the question with it, and this blog has not allowed that: answer on "
            "Tumblr, there also in private."
        )
    words = html.escape(outbound.text, quote=False).replace("\n", "<br>")
    return json_call("POST", url, proof, {"id": ask_id, "answer": words, "format": "html", "state": "published"})


def outcome(answer: Answer) -> Outcome:
    """What the answer to a post means. Total."""
    if not 200 <= answer.status < 300:
        return _refusal(answer)
    response = obj(content(answer).get("response"))
    name = ident(response.get("id_string")) or ident(response.get("id"))
    return posted(name) if name else Unclear("Tumblr does not name what it posted.")


def _refusal(answer: Answer) -> Outcome:
    """An error by its subcode, else by its status (api.md, "Errors and Error Subcodes"). Never Posted."""
    said = content(answer)
    error = next(objects(said.get("errors")), {})
    code, words = whole(obj(error).get("code")), text(obj(error).get("title")) or obj(said.get("meta")).get("msg")
    if code == _DAILY:
        reason = "Tumblr takes no more posts from this account today."
        return Refused(refusal=Refusal.LATER, reason=reason, after=_until_tomorrow(answer))
    if code in _NEVER:
        return never(f"Tumblr refused it ({answer.status}.{code}).{quoted(words)}")
    if answer.status == 429:
        reason = "Tumblr takes no more calls from this application for the moment (429)."
        return Refused(refusal=Refusal.LATER, reason=reason, after=_until_reset(answer) or wait(answer))
    if answer.status == 503 and obj(said.get("meta")).get("status") == 503:
        return Refused(refusal=Refusal.LATER, reason="Tumblr has switched posting off for the moment (503).")
    if answer.status == 403:
        return never(f"Tumblr does not let this blog do that (403).{quoted(words)}")
    return by_status("Tumblr", answer, words)


def _until_reset(answer: Answer) -> timedelta | None:
    """When the limit that is used up comes back: the hour's or the day's."""
    waits = [
        whole(answer.headers.get(f"x-ratelimit-per{span}-reset"))
        for span in ("hour", "day")
        if whole(answer.headers.get(f"x-ratelimit-per{span}-remaining")) == 0
    ]
    seconds = max((s for s in waits if s), default=None)
    return min(timedelta(seconds=min(seconds, 10**6)), LONGEST_WAIT) if seconds else None


def _until_tomorrow(answer: Answer) -> timedelta:
    """Until the next midnight by the platform's own clock, in UTC; a day where it tells no time."""
    try:
        now = parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return LONGEST_WAIT
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return midnight - now + timedelta(minutes=5)


# Staying connected

expires = expiry


def renew(secret: Secret, now: datetime) -> Call | Refused | None:  # noqa: ARG001 - the protocol's signature
    """A new access token, and with it a new refresh token: the old one is used up (api.md, "Refresh Token Grant")."""
    grant = refresh_grant(secret)
    return grant if isinstance(grant, Refused) else json_call("POST", f"{_API}/oauth2/token", None, grant)


def renewed(secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
    """The account with its new tokens. Total."""
    return with_tokens("Tumblr", secret, answer, now)


# Connecting


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the protocol's signature
    """Nothing: Tumblr is asked."""
    return ()


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Who the token speaks for, and which blogs are theirs."""
    proof = bearer(secret)
    return None if isinstance(proof, Refused) else Call(method="GET", url=f"{_API}/user/info", headers=proof)


def proven(answer: Answer) -> Proof | Refused:
    """The person, with the blogs they may write on. Total."""
    if not 200 <= answer.status < 300:
        return no_page(_refusal(answer))
    user = obj(obj(content(answer).get("response")).get("user"))
    name = text(user.get("name"))
    blogs = ", ".join(blog for one in objects(user.get("blogs")) if (blog := text(one.get("name"))) is not None)
    if name is None:
        return blocked("Tumblr does not say whose token this is: connect it again.")
    return Proof(who=f"{name}, with the blogs {blogs}" if blogs else name)
