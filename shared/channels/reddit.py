"""Reddit: mentions of the account, answers to its comments and posts, private messages, and search for the brand.

Reddit gives access on request only, under its Responsible Builder Policy, and a private message needs the person's
consent: what people write privately is answered by hand unless the account's `private_replies` is "agreed".

Credentials of an account: `client_id`, `client_secret`, `refresh_token`, `user_agent`. Its id is its username.
Sources: www.reddit.com/dev/api; github.com/reddit-archive/reddit/wiki/OAuth2; support.reddithelp.com, articles "Reddit
Data API Wiki" and "Responsible Builder Policy"; the pages of PRAW (praw.readthedocs.io) on rate limits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from shared.channels import _reddit_things as things
from shared.channels._asking import expiry, no_page, with_tokens
from shared.channels._calling import (
    basic,
    bearer,
    blocked,
    by_hand,
    by_status,
    content,
    credential,
    fetched,
    form_call,
    misfit,
    never,
    posted,
    query,
    quoted,
)
from shared.channels._reading import Json, obj, objects, read_json, text, whole
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
from shared.domain.polling import Ask, Feed, Item, Page, Purpose

ABOUT = About(
    title="Reddit",
    how=(How.POLL,),
    docs="https://www.reddit.com/dev/api",
    checked=date(2026, 11, 21),
    acknowledging="off: it would be a bot's comment in front of a whole community, and most of them forbid that",
    author="username only; nothing is looked up, and the policy forbids matching it with other records",
    unproven="everything: access needs Reddit's approval, which is often refused, and none was at hand",
)

LIMIT = 10_000
CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.COMMENT: Capability(replies=True, limit=LIMIT),
    Surface.MENTION: Capability(replies=True, limit=LIMIT),
    Surface.DM: Capability(replies=True, limit=LIMIT),
}

INBOX = "inbox"
FEEDS: tuple[Feed, ...] = (
    Feed(name="mentions", revisit=timedelta(hours=24)),
    Feed(name="comments", revisit=timedelta(hours=24)),
    Feed(name="selfreply", revisit=timedelta(hours=24)),
    Feed(name=INBOX, every=timedelta(minutes=5)),  # private messages, and once more what the others list
    Feed(name=things.SEARCH, purpose=Purpose.LISTENING, every=timedelta(minutes=15), pages=3),
)
RENEW_BEFORE = timedelta(hours=1)

_CHANNEL = "reddit"
_API = "https://oauth.reddit.com"
_TOKENS = "https://www.reddit.com/api/v1/access_token"
_PAGE = 100
_AGENT = re.compile(r"[!-9;-~]+:[!-9;-~]+:[!-~]+ \(by /u/[A-Za-z0-9_-]{3,20}\)")
_THING = re.compile(r"t[134]_[A-Za-z0-9]+")  # a comment, a post, a private message
_WAIT = re.compile(r"(\d{1,6}) (millisecond|second|minute|hour)s?")
_UNITS = {"millisecond": 0.001, "second": 1, "minute": 60, "hour": 3600}
_LONGEST_WAIT = timedelta(hours=24)

SETUP = Setup(
    wanted=(
        Wanted(
            name="account_id", ask="Username of the company's account", where="reddit.com, without u/", secret=False
        ),
        Wanted(name="client_id", ask="Client id", where="reddit.com/prefs/apps, below the app's name", secret=False),
        Wanted(name="client_secret", ask="Client secret", where="reddit.com/prefs/apps, `secret` of the app"),
        Wanted(
            name="refresh_token",
            ask="Refresh token of the account",
            where=(
                "authorize the app as the company's account at reddit.com/api/v1/authorize with duration=permanent and "
                "scope=identity,read,submit,privatemessages, then exchange the code (Reddit's wiki page OAuth2)"
            ),
        ),
        Wanted(
            name="user_agent",
            ask="User agent, as <platform>:<app id>:<version> (by /u/<name>)",
            where="your own choice in the form that Reddit's Data API rules prescribe",
            secret=False,
        ),
        Wanted(
            name="private_replies",
            ask='Write "agreed" if Reddit has agreed that private messages are answered from here',
            where="your agreement with Reddit; leave it empty otherwise",
            secret=False,
            optional=True,
        ),
    ),
    ticks=(
        "Ask for access first: Reddit approves each app (Responsible Builder Policy), commercial use by contract.",
        "Nothing has to be entered on Reddit: it is asked, and never calls.",
    ),
)


# Reading


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """All events of what the poller fetched, in its order. Raises Unreadable for what is not JSON."""
    found = fetched(obj(read_json(body)))
    if found is None:
        return (Event(kind=Kind.UNKNOWN, channel=_CHANNEL, detail="a body that the poller did not make"),)
    account_id, feed, items = found
    base = Event(kind=Kind.UNKNOWN, channel=_CHANNEL, account_id=text(account_id))
    events = tuple(event for item in items for event in things.events(base, text(feed) or "", item))
    return events or (replace(base, detail="nothing was fetched"),)


# Asking


def ask(ask: Ask, secret: Secret) -> Call | Refused:
    """The call for one page of a listing, the newest first; `before` is never used, for its anchor may be gone."""
    if ask.ids:
        return _get(secret, "/api/info", {"id": ",".join(ask.ids[:_PAGE]), "raw_json": 1})
    parameters: dict[str, str | int] = {"limit": _PAGE, "raw_json": 1}
    if ask.token is not None:
        parameters["after"] = ask.token
    if ask.feed == things.SEARCH:
        phrase = (ask.phrase or "").replace('"', " ")
        parameters |= {"q": f'"{phrase}"', "sort": "new", "type": "link", "t": "week"}
        return _get(secret, "/search", parameters)
    if ask.feed not in {feed.name for feed in FEEDS}:
        return never(f"Reddit has no feed {ask.feed}.")
    return _get(secret, f"/message/{ask.feed}", parameters)


def page(ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:  # noqa: ARG001 - the protocol's signature
    """The things of a listing. Total."""
    if not 200 <= answer.status < 300:
        return no_page(_by_status(answer))
    listing = obj(content(answer).get("data"))
    if not isinstance(listing.get("children"), list):
        return Refused(refusal=Refusal.LATER, reason="Reddit answered with something that is no listing.")
    found = [item for child in objects(listing["children"]) if (item := _item(child)) is not None]
    return Page(items=found, next=text(listing.get("after")) if not ask.ids else None)


def _item(child: Json) -> Item | None:
    data = obj(child.get("data"))
    name = text(data.get("name"))
    if name is None:
        return None
    return Item(item_id=name, revision=things.revision(data), at=things.made_at(data), raw=dict(child))


def _get(secret: Secret, path: str, parameters: Mapping[str, str | int]) -> Call | Refused:
    headers = _headers(secret)
    if isinstance(headers, Refused):
        return headers
    return Call(method="GET", url=f"{_API}{path}?{query(parameters)}", headers=headers)


def _headers(secret: Secret) -> dict[str, str] | Refused:
    agent, proof = _agent(secret), bearer(secret)
    if isinstance(agent, Refused):
        return agent
    return proof if isinstance(proof, Refused) else {**proof, "user-agent": agent}


def _agent(secret: Secret) -> str | Refused:
    """Reddit throttles whoever hides behind a library's name, so the form it prescribes is insisted on."""
    agent = credential(secret, "user_agent")
    if isinstance(agent, Refused) or _AGENT.fullmatch(agent):
        return agent
    return blocked(
        f"The user_agent of the account {secret.account_id} has not the form that Reddit prescribes: "
        "<platform>:<app id>:<version> (by /u/<name>)."
    )


def _reset(answer: Answer) -> timedelta | None:
    """When Reddit counts anew, where the answer says that nothing is left."""
    seconds = whole((answer.headers.get("x-ratelimit-reset") or "").partition(".")[0])
    return min(timedelta(seconds=min(seconds, 10**6)), _LONGEST_WAIT) if seconds and answer.status == 429 else None


# Answering


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """A comment below what is answered, or a private message in answer to one, both by POST api/comment."""
    if outbound.surface not in CAPABILITIES:
        return never(f"Reddit has no {outbound.surface}.")
    if outbound.surface is Surface.DM and secret.credentials.get("private_replies", "").strip() != "agreed":
        return by_hand(
            "Reddit lets software send private messages only where the person and Reddit have agreed: answer in "
            "Reddit's own inbox."
        )
    unfit = misfit(outbound.text, CAPABILITIES[outbound.surface])
    if unfit is not None:
        return unfit
    answered = outbound.in_reply_to or outbound.thread_id
    if _THING.fullmatch(answered) is None:  # a private conversation is named by the person, whom no answer goes below
        return by_hand("Which message this answers is not known here: answer it on Reddit.")
    headers = _headers(secret)
    if isinstance(headers, Refused):
        return headers
    form = {"api_type": "json", "thing_id": answered, "text": outbound.text}
    return form_call(f"{_API}/api/comment", form, headers)


def outcome(answer: Answer) -> Outcome:
    """What the answer to api/comment means: an error comes with status 200, in `json.errors`. Total."""
    if not 200 <= answer.status < 300:
        return _by_status(answer)
    said = obj(content(answer).get("json"))
    errors = said.get("errors")
    if isinstance(errors, list) and errors:
        return _refusal(errors[0], said)
    made = next((obj(thing.get("data")) for thing in objects(obj(said.get("data")).get("things"))), {})
    name = text(made.get("name"))
    return posted(name) if name else Unclear("Reddit names neither an error nor what it posted.")


_NEVER: Mapping[str, str] = {
    "THREAD_LOCKED": "The thread is locked: nobody can answer there any more.",
    "DELETED_COMMENT": "What is answered was deleted.",
    "DELETED_LINK": "The post was deleted.",
    "TOO_OLD": "The post is archived: nobody can answer there any more.",
    "TOO_LONG": "Reddit finds the text too long: shorten it.",
    "NO_TEXT": "There is no text to post.",
    "SUBREDDIT_NOTALLOWED": "This community does not let the account write there.",
    "USER_BLOCKED": "This person and the account have blocked one another.",
    "USER_DOESNT_EXIST": "This person is not on Reddit any more.",
    "BANNED_FROM_SUBREDDIT": "The account is banned from this community: nothing can be answered there.",
    "NOT_WHITELISTED_BY_USER_MESSAGE": "This person takes no private messages from the account.",
}
_BLOCKED = frozenset({"USER_REQUIRED", "USER_SUSPENDED"})


def _refusal(error: object, said: Json) -> Outcome:
    """One of the triples: code, words, field."""
    parts = error if isinstance(error, list) else [error]
    code, words = text(parts[0]) or "", text(parts[1]) if len(parts) > 1 else None
    if code == "RATELIMIT":
        reason = "Reddit takes no more comments from this account for the moment."
        return Refused(refusal=Refusal.LATER, reason=reason, after=_asked_wait(words, said))
    if code in _BLOCKED:
        return blocked(f"Reddit does not let the account write ({code}): look at it on Reddit.")
    if code in _NEVER:
        return never(_NEVER[code])
    if code == "SOMETHING_IS_BROKEN":
        return Unclear("Reddit reports a fault of its own: whether the text was posted is unknown.")
    return never(f"Reddit refused the text.{quoted(f'{code} {words or str()}')}")


def _asked_wait(words: str | None, said: Json) -> timedelta | None:
    """The wait, which stands in the prose, and in newer answers as `ratelimit` in seconds beside it."""
    exact = said.get("ratelimit")
    if isinstance(exact, int | float) and not isinstance(exact, bool) and 0 < exact < 10**6:
        return min(timedelta(seconds=float(exact)), _LONGEST_WAIT)
    found = _WAIT.search((words or "")[:500])
    if found is None:
        return None
    return min(timedelta(seconds=int(found[1]) * _UNITS[found[2]]), _LONGEST_WAIT)


def _by_status(answer: Answer) -> Outcome:
    meant = by_status("Reddit", answer, content(answer).get("message"))
    if isinstance(meant, Refused) and answer.status == 429:
        return replace(meant, after=meant.after or _reset(answer))
    return meant


# Staying connected


expires = expiry


def renew(secret: Secret, now: datetime) -> Call | Refused | None:  # noqa: ARG001 - the protocol's signature
    """A new access token for the refresh token, which stays the same (wiki page OAuth2, "Refreshing the token")."""
    wanted = [credential(secret, name) for name in ("client_id", "client_secret", "refresh_token")]
    for one in (*wanted, agent := _agent(secret)):
        if isinstance(one, Refused):
            return one
    client_id, client_secret, refresh_token = map(str, wanted)
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return form_call(_TOKENS, form, {**basic(client_id, client_secret), "user-agent": str(agent)})


def renewed(secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
    """The account with its new token. Total."""
    return with_tokens("Reddit", secret, answer, now)


# Connecting


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the protocol's signature
    """Nothing: Reddit is asked."""
    return ()


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Who the token speaks for."""
    call = _get(secret, "/api/v1/me", {"raw_json": 1})
    return None if isinstance(call, Refused) else call


def proven(answer: Answer) -> Proof | Refused:
    """The username that Reddit knows the account by. Total."""
    said = content(answer)
    name = text(said.get("name"))
    if not 200 <= answer.status < 300:
        return no_page(_by_status(answer))
    return Proof(who=f"u/{name}") if name else blocked("Reddit does not say whose token this is: connect it again.")
