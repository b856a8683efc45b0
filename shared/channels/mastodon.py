"""Mastodon: mentions, answers and private mentions of an account, on whichever server it lives. All is asked for.

Account id: the account's number on its server. Credentials: `access_token`; `instance`, the server's host;
`max_characters`, where the server takes more or fewer than 500. Sources: docs.joinmastodon.org/methods/statuses,
.../methods/notifications, .../entities/NotificationPolicy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime

from shared.channels import _mastodon_calls as calls
from shared.channels._asking import no_page
from shared.channels._calling import blocked, content, never, posted
from shared.channels._mastodon_events import SEEN_BY, events
from shared.channels._mastodon_text import counted, mentions
from shared.channels._reading import ident, whole
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Event, Surface
from shared.domain.exchange import (
    About,
    Answer,
    Call,
    Capability,
    How,
    Outbound,
    Outcome,
    Refused,
    Secret,
    Unit,
)

ABOUT = About(
    title="Mastodon",
    how=(How.POLL,),
    docs="https://docs.joinmastodon.org/methods/statuses/",
    checked=date(2026, 11, 21),
    acknowledging="off: a private mention is a post like any other, and servers frown on programs that post unasked",
    author="name, handle and followers come with every post; nobody is verified; nothing to look up",
    unproven="everything: no live account was at hand; other software that speaks the same API. That the account drops "
    "no notifications is looked at when it is connected, and that a post was deleted is not heard of",
)

MOST_CHARACTERS = 500  # of a post, by default
_ROOM = MOST_CHARACTERS - len("@") - 30 - len(" ")  # the customer's name, of up to 30 characters, is put in front

CAPABILITIES: Mapping[Surface, Capability] = {
    surface: Capability(replies=True, limit=_ROOM, unit=Unit.SHORT_LINKS, parts=6)
    for surface in (Surface.DM, Surface.COMMENT, Surface.MENTION)
}

SETUP = Setup(
    wanted=(
        Wanted(name="instance", ask="The server's host: mastodon.social", where="your profile's address", secret=False),
        Wanted(
            name="account_id",
            ask="The account's number",
            where="https://<your server>/api/v1/accounts/lookup?acct=<your name>: `id`",
            secret=False,
        ),
        Wanted(
            name="access_token",
            ask="An access token with the scopes read, write:statuses and write:notifications",
            where="Preferences, Development, New application",
        ),
        Wanted(
            name="max_characters",
            ask="How long a post may be, if not 500",
            where="https://<your server>/api/v2/instance: configuration, statuses, max_characters",
            secret=False,
            optional=True,
        ),
    ),
    ticks=("Mark the account as automated only if nobody but Nightdesk posts from it.",),
)  # fmt: skip

FEEDS, ask, page = calls.FEEDS, calls.ask, calls.page

_HELD_BACK = (
    "for_not_following",
    "for_not_followers",
    "for_new_accounts",
    "for_private_mentions",
    "for_limited_accounts",
)


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """All events of what was fetched. Raises Unreadable for what is not JSON."""
    return events(body)


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """The call that posts it below what is answered, seen by as many as that is, and naming the customer.

    Who is not named is not notified, and of a direct post does not even see it.
    """
    private = outbound.surface is Surface.DM
    seen_by = "direct" if private else outbound.thread_id.partition("/")[0]
    if outbound.surface not in CAPABILITIES or not (private or seen_by in SEEN_BY):
        return never("Who is to see this answer is not known: answer it on the server itself.")
    if private and not outbound.customer_id:
        return never("Whom a private answer is for is not known, so nobody would see it.")
    words = _addressed(outbound)
    unfit = _misfit(outbound, words, _limit(secret))
    if unfit is not None:
        return unfit
    payload = {"status": words, "visibility": seen_by}
    if outbound.in_reply_to:
        payload["in_reply_to_id"] = outbound.in_reply_to
    return calls.call(secret, "POST", "/api/v1/statuses", payload, **{"idempotency-key": _key(outbound.client_token)})


def _addressed(outbound: Outbound) -> str:
    acct = outbound.customer_id
    return outbound.text if not acct or mentions(outbound.text, acct) else f"@{acct} {outbound.text}"


def _misfit(outbound: Outbound, words: str, limit: int) -> Refused | None:
    if not outbound.text.strip():
        return never("There is no text to post.")
    size = counted(words)
    if size > limit:
        return never(
            f"With the customer's name the text has {size:,} characters, {limit:,} are taken here: shorten it."
        )
    return None


def _limit(secret: Secret) -> int:
    return whole(secret.credentials.get("max_characters", "").strip()) or MOST_CHARACTERS


def _key(client_token: str) -> str:
    """The same for the same text: within an hour the server answers a second post with the first one."""
    return hashlib.sha256(client_token.encode("utf-8", "surrogatepass")).hexdigest()


def outcome(answer: Answer) -> Outcome:
    """What the server's answer to a post means. Total."""
    said = content(answer)
    native_id = ident(said.get("id"))
    is_post = answer.status == 200 and native_id is not None and "scheduled_at" not in said
    return posted(native_id) if is_post else calls.meaning(answer)


# Connecting


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the protocol's signature
    """A server calls nobody; but it may hold strangers' notifications back or drop them, and is told not to."""
    call = calls.call(secret, "PATCH", "/api/v2/notifications/policy", dict.fromkeys(_HELD_BACK, "accept"))
    return () if isinstance(call, Refused) else (call,)


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """What the account does with notifications of strangers. Servers before 4.3 have no such policy and answer 404."""
    call = calls.call(secret, "GET", "/api/v2/notifications/policy")
    return None if isinstance(call, Refused) else call


def proven(answer: Answer) -> Proof | Refused:
    """That the token is good and that no customer's message is dropped before anybody sees it. Total."""
    if answer.status == 404:
        return Proof(who="an account of a server that holds nothing back (before Mastodon 4.3)")
    said = content(answer)
    if answer.status != 200 or not set(_HELD_BACK).intersection(said):
        return no_page(calls.meaning(answer))
    dropped = [name.removeprefix("for_").replace("_", " ") for name in _HELD_BACK if said.get(name) == "drop"]
    if dropped:
        return blocked(
            f"The account drops what it is told by {', '.join(dropped)}, so nobody would see it: "
            'set these to "Accept" under Notifications, Manage notifications from.'
        )
    return Proof(who="an account that drops no notification")
