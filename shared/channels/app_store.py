"""The App Store: reviews of an app, asked for, and the developer's responses.

An account is an app, by its Apple ID. Its credentials are those of a key of App Store Connect: `issuer_id`, `key_id`
and `private_key`; each call carries a token made of them. Source: developer.apple.com/documentation/appstoreconnectapi,
"Customer Reviews", "Customer Review Responses", "Generating Tokens for API Requests", "Identifying Rate Limits".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from shared.channels import _reviews
from shared.channels._asking import no_listing, no_page
from shared.channels._calling import (
    blocked,
    by_status,
    content,
    credential,
    fetched,
    json_call,
    later,
    misfit,
    never,
    posted,
    query,
    segment,
    wait,
)
from shared.channels._jwt import signed_token
from shared.channels._reading import Json, ident, obj, objects, read_json, text, when
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Event, Kind, Surface
from shared.domain.exchange import About, Answer, Call, Capability, How, Outbound, Outcome, Refused, Secret, Unclear
from shared.domain.polling import Ask, Feed, Item, Page, Quota
from shared.domain.records import short_hash

ABOUT = About(
    title="App Store reviews",
    how=(How.POLL,),
    docs="https://developer.apple.com/documentation/appstoreconnectapi/customer-reviews",
    checked=date(2026, 11, 21),
    acknowledging="off: everybody reads it, and it would take the only place for an answer",
    author="nickname only; nothing to look up",
    unproven="everything: no live key was at hand; above all the 5,970 characters of a response, and what an edited "
    "review shows as its date",
)

CAPABILITIES: Mapping[Surface, Capability] = {Surface.REVIEW: Capability(replies=True, limit=5970, single_slot=True)}

# The rate limit is by the hour and key, about 3,500, and the answer tells it. Four runs of ten pages are 40 an hour;
# once in it 20 reviews are looked at again.
FEEDS = (
    Feed(
        name="reviews",
        every=timedelta(minutes=15),
        overlap=timedelta(days=2),  # a response in App Store Connect does not move its review up
        revisit=timedelta(days=14),  # and it must be known before ours would take its place
        revisit_every=timedelta(hours=1),
        batch=1,
        pages=10,
        quota=Quota(units=24 * (4 * 10 + 20), replies=0),
    ),
)

SETUP = Setup(
    wanted=(
        Wanted(
            name="account_id",
            ask="Apple ID of the app",
            where="App Store Connect, the app, App Information, General",
            secret=False,
        ),
        Wanted(
            name="issuer_id",
            ask="Issuer ID",
            where="App Store Connect, Users and Access, Integrations, App Store Connect API",
            secret=False,
        ),
        Wanted(
            name="key_id", ask="Key ID of a key with the role Customer Support", where="the same page", secret=False
        ),
        Wanted(name="private_key", ask="Private key", where="the .p8 file of that key, which Apple gives out once"),
    ),
    ticks=("App Store Connect, Users and Access, Integrations: make a key with the role Customer Support or Admin.",),
)

_CHANNEL = "app_store"
_PLATFORM = "App Store Connect"
_API = "https://api.appstoreconnect.apple.com/v1"
_AUDIENCE = "appstoreconnect-v1"
_TOKEN_LIFE = timedelta(minutes=10)  # Apple takes 20
_REST = timedelta(minutes=10)  # the limit counts the last hour, so some of it is back by then
_PAGE = 200


# Asking


def ask(ask: Ask, secret: Secret) -> Call | Refused:
    """The call for a page of reviews, the newest first, each with its response; or for one of them."""
    proof = _bearer(secret, ask.now)
    if isinstance(proof, Refused):
        return proof
    if len(ask.ids) > 1:
        return never("App Store Connect gives single reviews one at a time.")
    one = ask.reference or next(iter(ask.ids), None)
    if one is not None:
        return json_call("GET", f"{_API}/customerReviews/{segment(one)}?include=response", proof)
    wanted: dict[str, str | int] = {"sort": "-createdDate", "limit": _PAGE, "include": "response"}
    cursor = {"cursor": ask.token} if ask.token else {}
    address = f"{_API}/apps/{segment(secret.account_id)}/customerReviews"
    return json_call("GET", f"{address}?{query({**wanted, **cursor})}", proof)


def page(ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:  # noqa: ARG001 - the protocol's signature
    """The reviews of an answer, each as the document that asking for it alone would give. Total."""
    if not 200 <= answer.status < 300:
        return no_page(_failed(answer))
    found = content(answer)
    if not isinstance(found.get("data"), list | dict):
        return no_listing(_PLATFORM)
    responses = {ident(one.get("id")): one for one in objects(found.get("included"))}
    items = [item for review in objects(found.get("data")) if (item := _item(review, responses)) is not None]
    return Page(items=items, next=_cursor(obj(found.get("links")).get("next")))


def _item(review: Json, responses: Mapping[str | None, Json]) -> Item | None:
    """A review with its response. Apple gives one time for all of it, so the words themselves make the revision."""
    review_id, said = ident(review.get("id")), obj(review.get("attributes"))
    if review_id is None:
        return None
    named = obj(obj(obj(review.get("relationships")).get("response")).get("data"))
    response = responses.get(ident(named.get("id"))) if named else None
    below = obj((response or {}).get("attributes"))
    parts = (
        said.get("createdDate"),
        said.get("title"),
        said.get("body"),
        below.get("lastModifiedDate"),
        below.get("state"),
    )
    revision = short_hash(*(text(part) or "" for part in parts), ident(said.get("rating")) or "")
    raw = {"data": review, "included": [response] if response else []}
    return Item(item_id=review_id, revision=revision, at=when(said.get("createdDate")), raw=raw)


def _cursor(address: object) -> str | None:
    """The cursor in the address of the next page; the address itself is a payload's and is not called."""
    try:
        values = parse_qs(urlsplit(text(address) or "").query).get("cursor")
    except ValueError:
        return None
    return values[0] if values else None


# Parsing


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """All events of what was fetched, in its order. Raises Unreadable for what is not JSON."""
    found = fetched(obj(read_json(body)))
    if found is None:
        return (Event(kind=Kind.UNKNOWN, channel=_CHANNEL, detail="a payload without reviews"),)
    account_id, feed, documents = found
    events = tuple(event for document in documents for event in _events(account_id, document))
    nothing = Event(kind=Kind.UNKNOWN, channel=_CHANNEL, account_id=account_id, detail=f"nothing in {feed[:40]}")
    return events or (nothing,)


def _events(account_id: str, document: Json) -> Iterator[Event]:
    """The review; the same as a change of it, for Apple tells nobody whether it is one; and our response."""
    review = obj(document.get("data"))
    review_id, said = ident(review.get("id")), obj(review.get("attributes"))
    if review_id is None:
        yield _reviews.nameless(_CHANNEL, account_id, "a review")
        return
    about = replace(
        _reviews.blank(_CHANNEL, account_id, review_id),
        author_name=text(said.get("reviewerNickname")),
        text=_reviews.titled(said.get("title"), said.get("body")),
        rating=_reviews.stars(said.get("rating")),
        sent_at=when(said.get("createdDate")),
        link=f"https://apps.apple.com/app/id{segment(account_id)}?see-all=reviews",
    )
    yield about
    yield _reviews.edited(about, about.sent_at)
    for response in objects(document.get("included")):
        own = _own_answer(response)
        if own is not None:
            yield _reviews.echo(about, own)


def _own_answer(response: Json) -> _reviews.OwnAnswer | None:
    response_id, said = ident(response.get("id")), obj(response.get("attributes"))
    if response_id is None or text(response.get("type")) != "customerReviewResponses":
        return None
    words, at = text(said.get("responseBody")), when(said.get("lastModifiedDate"))
    return _reviews.OwnAnswer(answer_id=response_id, text=words, at=at)


# Answering


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
    """The call that puts our response below the review; one that is there already is replaced."""
    if outbound.surface is not Surface.REVIEW:
        return never(f"The App Store has reviews only, not the surface {outbound.surface}.")
    unfit = misfit(outbound.text, CAPABILITIES[Surface.REVIEW])
    if unfit is not None:
        return unfit
    proof = _bearer(secret, now)
    if isinstance(proof, Refused):
        return proof
    review = {"data": {"type": "customerReviews", "id": outbound.thread_id}}
    response = {
        "type": "customerReviewResponses",
        "attributes": {"responseBody": outbound.text},
        "relationships": {"review": review},
    }
    return json_call("POST", f"{_API}/customerReviewResponses", proof, {"data": response})


def outcome(answer: Answer) -> Outcome:
    """What App Store Connect's answer means; the response appears in the store some time later. Total."""
    if not 200 <= answer.status < 300:
        return _failed(answer)
    response_id = ident(obj(content(answer).get("data")).get("id"))
    if response_id is None:
        return Unclear("App Store Connect answered without the response: whether the text was posted is unknown.")
    return posted(response_id)


def _failed(answer: Answer) -> Outcome:
    """An error answer: a list of errors, of which the first says most."""
    error = next(objects(content(answer).get("errors")), {})
    if answer.status == 429:
        return later(_PLATFORM, answer, wait(answer) or _REST)
    return by_status(_PLATFORM, answer, error.get("detail") or error.get("title") or error.get("code"))


# The account


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the protocol's signature
    """Nothing: App Store Connect's webhooks tell of builds and versions, not of reviews."""
    return ()


def prove(secret: Secret, now: datetime) -> Call | None:
    """Ask for the app's name."""
    proof = _bearer(secret, now)
    url = f"{_API}/apps/{segment(secret.account_id)}?{query({'fields[apps]': 'name'})}"
    return None if isinstance(proof, Refused) else json_call("GET", url, proof)


def proven(answer: Answer) -> Proof | Refused:
    """The app's name. Total."""
    if not 200 <= answer.status < 300:
        return no_page(_failed(answer))
    name = text(obj(obj(content(answer).get("data")).get("attributes")).get("name"))
    return Proof(who=name or "an app without a name")


def _bearer(secret: Secret, now: datetime) -> dict[str, str] | Refused:
    """The header that proves who calls: ES256 over issuer, audience and a life of minutes."""
    needed = [credential(secret, name) for name in ("issuer_id", "key_id", "private_key")]
    missing = next((value for value in needed if isinstance(value, Refused)), None)
    if missing is not None:
        return missing
    issuer, key_id, key = map(str, needed)
    claims = {
        "iss": issuer,
        "aud": _AUDIENCE,
        "iat": int(now.timestamp()),
        "exp": int((now + _TOKEN_LIFE).timestamp()),
    }
    token = signed_token(claims, key, "ES256", {"kid": key_id})
    if token is None:
        return blocked(f"The private_key of the account {secret.account_id} is no P-256 key in PEM: copy it again.")
    return {"authorization": f"Bearer {token}"}
