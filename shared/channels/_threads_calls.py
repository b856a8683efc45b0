"""What is asked of the Threads API: posts, mentions, who we are, and a token that lasts another sixty days.

Sources: developers.facebook.com/docs/threads/threads-mentions, .../docs/threads/retrieve-and-discover-posts,
.../docs/threads/get-started/long-lived-tokens.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.channels import _meta, _meta_tokens
from shared.channels._asking import no_page, with_tokens
from shared.channels._calling import bearer, content, json_call, query, segment
from shared.channels._reading import ident, obj, objects, text, when
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.exchange import Answer, Call, Refused, Secret
from shared.domain.polling import Ask, Feed, Item, Page, Purpose

API = "https://graph.threads.net/v1.0"
POST, MENTIONS = "post", "mentions"

FEEDS: tuple[Feed, ...] = (
    Feed(name=POST, purpose=Purpose.POINTED),
    Feed(
        name=MENTIONS,
        purpose=Purpose.BACKSTOP,
        every=timedelta(minutes=15),
        overlap=timedelta(minutes=30),
        settle=timedelta(minutes=10),
    ),
)

RENEW_BEFORE, expires = _meta_tokens.RENEW_BEFORE, _meta_tokens.expires

_PERMISSIONS = (
    "threads_basic", "threads_content_publish", "threads_read_replies", "threads_manage_replies",
    "threads_manage_mentions", "threads_delete",
)  # fmt: skip
SETUP = Setup(
    wanted=(
        Wanted(name="account_id", ask="The Threads user id", where="GET /me?fields=id,username, `id`", secret=False),
        Wanted(name="signing", ask="The Threads app secret", where="App settings, Basic, Threads app secret"),
        Wanted(name="verify_token", ask="A word for the handshake", where="nowhere: it is made up", made=True),
        Wanted(name="access_token", ask="A long-lived access token", where="Use cases, Threads, User token generator"),
        _meta_tokens.ENDS,
    ),
    ticks=(
        "In Use cases, Threads, Settings, set the callback URL {webhook_url} and the word for the handshake.",
        "Subscribe to `replies` and `delete` of the topic moderate, `mentions` and `publish` of interaction.",
        f"Grant {', '.join(_PERMISSIONS)}, with Advanced Access for what other people write.",
    ),
)  # fmt: skip

_FIELDS = (
    "id,text,username,permalink,timestamp,media_type,media_url,thumbnail_url,gif_url,is_reply,is_reply_owned_by_me,"
    "replied_to,root_post,is_verified"
)
_PAGE = 50


def ask(ask: Ask, secret: Secret) -> Call | Refused:
    """The call for one post by its id, or for a page of mentions."""
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    if ask.reference is not None:
        return json_call("GET", f"{API}/{segment(ask.reference)}?{query({'fields': _FIELDS})}", proof)
    further = {"after": ask.token} if ask.token else {}
    since = max(int(ask.since.timestamp()), 1_688_540_400)  # the earliest the platform takes
    wanted = query({"fields": _FIELDS, "limit": _PAGE, "since": since, **further})
    return json_call("GET", f"{_meta.edge(API, secret.account_id, 'mentions')}?{wanted}", proof)


def page(ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:  # noqa: ARG001 - the protocol's signature
    """The posts of an answer. Total."""
    said = content(answer)
    if not 200 <= answer.status < 300 or "error" in said:
        return no_page(_meta.outcome(answer))
    if ask.reference is None and not isinstance(said.get("data"), list):
        return no_page(_meta.outcome(Answer(status=answer.status)))
    found = [said] if ask.reference is not None else objects(said.get("data"))
    items = tuple(
        Item(item_id=item_id, at=when(raw.get("timestamp")), raw=raw)
        for raw in found
        if (item_id := ident(raw.get("id"))) is not None
    )
    paging = obj(said.get("paging"))
    onwards = text(obj(paging.get("cursors")).get("after")) if "next" in paging else None
    return Page(items=items, next=onwards)


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the protocol's signature
    """Nothing: webhooks of Threads are subscribed in the app's dashboard."""
    return ()


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Who the token speaks for."""
    proof = bearer(secret)
    return None if isinstance(proof, Refused) else json_call("GET", f"{API}/me?fields=id%2Cusername", proof)


def proven(answer: Answer) -> Proof | Refused:
    """The account's handle. Total."""
    said = content(answer)
    handle = text(said.get("username"))
    if 200 <= answer.status < 300 and handle is not None:
        return Proof(who=f"@{handle}")
    return no_page(_meta.outcome(answer))


def renew(secret: Secret, now: datetime) -> Call | Refused | None:  # noqa: ARG001 - the protocol's signature
    """The call that makes the token last another sixty days."""
    return _meta_tokens.refresh("https://graph.threads.net", "th_refresh_token", secret)


def renewed(secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
    """The account with the token that replaces the old one. Total."""
    return with_tokens("Threads", secret, answer, now)
