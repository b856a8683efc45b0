"""Trustpilot: service reviews of a business unit, asked for and told of, and the company's answers.

An account is a business unit, by its id. Credentials: `api_key`, `api_secret`, `business_user_id` (in whose name
answers are written), and the `access_token` that key and secret give. Its signing key stands in the address that
Trustpilot's webhooks call: they are not signed and do not name the business unit, so each review is fetched.
Sources: developers.trustpilot.com, "Service Reviews API", "Business Units API (private)", "Authentication";
support.trustpilot.com, "How to set up Trustpilot Webhooks".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from shared.channels import _address_key, _reviews
from shared.channels._asking import expiry, no_listing, trouble, with_tokens
from shared.channels._calling import (
    basic,
    bearer,
    by_status,
    content,
    credential,
    fetched,
    form_call,
    json_call,
    misfit,
    never,
    posted,
    query,
    segment,
)
from shared.channels._keys import no_handshake
from shared.channels._reading import Json, ident, obj, objects, read_json, text, when, whole
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Event, Kind, Surface, Visibility, iso
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
)
from shared.domain.polling import Ask, Feed, Item, Page, Purpose, Quota

ABOUT = About(
    title="Trustpilot service reviews",
    how=(How.PUSH, How.POLL),
    docs="https://developers.trustpilot.com/service-reviews-api",
    checked=date(2026, 11, 21),
    acknowledging="off: everybody reads it, and it would take the only place for an answer",
    author="display name and an id; nothing to look up",
    unproven="everything: the API is part of a paid plan; the length of an answer is not documented, 5,000 is ours; "
    "webhooks are read as Trustpilot's support shows one, that of a deletion is assumed to be alike",
)

CAPABILITIES: Mapping[Surface, Capability] = {Surface.REVIEW: Capability(replies=True, limit=5000, single_slot=True)}

# At most 833 calls in five minutes and 10,000 an hour (Trustpilot, "Rate limiting"); this is far below.
FEEDS = (
    Feed(
        name="reviews",
        every=timedelta(minutes=5),
        overlap=timedelta(days=3),  # an edited or answered review keeps its place by the time it was written
        revisit=timedelta(days=14),  # a person's answer must be known before ours would take its place
        revisit_every=timedelta(hours=1),
        batch=1,
        quota=Quota(units=5000, replies=500),
    ),
    Feed(name="review", purpose=Purpose.POINTED),
)

RENEW_BEFORE = timedelta(hours=1)

SETUP = Setup(
    wanted=(
        Wanted(name="account_id", ask="Business unit id", where="Trustpilot Business, Integrations, API", secret=False),
        Wanted(name="api_key", ask="API key", where="the same page, the application's key", secret=False),
        Wanted(name="api_secret", ask="API secret", where="the same page, beside the key"),
        Wanted(
            name="business_user_id",
            ask="Id of the business user in whose name answers appear",
            where="Trustpilot Business, Settings, Users",
            secret=False,
        ),
        Wanted(name="signing", ask="The key in the webhook's address", where="made here", made=True),
    ),
    ticks=(
        "Trustpilot Business, Integrations: the plan must hold the API and the Service Reviews module.",
        "Integrations, Developers, Webhooks: {webhook_url}?key=<the key> for new, updated and deleted service reviews.",
        "Without webhooks reviews are asked for every five minutes, and deletions are not heard of.",
    ),
)

_CHANNEL = "trustpilot"
_PLATFORM = "Trustpilot"
_API = "https://api.trustpilot.com/v1"
_TOKENS = f"{_API}/oauth/oauth-business-users-for-applications/accesstoken"
_PAGE = 100
_SITE = "https://www.trustpilot.com/reviews"
_TOLD = {
    "service-review-created": Kind.POINTER,
    "service-review-updated": Kind.POINTER,
    "service-review-deleted": Kind.DELETION,
}


# Being called


challenge = no_handshake
verify, sign, addressee = _address_key.verify, _address_key.sign, _address_key.addressee


# Asking


def ask(ask: Ask, secret: Secret) -> Call | Refused:
    """The call for a page of reviews, the newest first; or for one of them."""
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    if len(ask.ids) > 1:
        return never("Trustpilot gives single reviews one at a time.")
    one = ask.reference or next(iter(ask.ids), None)
    if one is not None:
        return json_call("GET", f"{_API}/private/reviews/{segment(one)}", proof)
    wanted = query({"perPage": _PAGE, "page": whole(ask.token) or 1, "orderBy": "createdat.desc"})
    return json_call("GET", f"{_API}/private/business-units/{segment(secret.account_id)}/reviews?{wanted}", proof)


def page(ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:  # noqa: ARG001 - the protocol's signature
    """The reviews of an answer. A page moves down while it is read, so an item may come twice, but none is left out.
    Total.
    """
    refused = trouble(_PLATFORM, answer, content(answer).get("message"))
    if refused is not None:
        return refused
    found = content(answer)
    if "id" not in found and not isinstance(found.get("reviews"), list):
        return no_listing(_PLATFORM)
    reviews = list(objects(found if "id" in found else found.get("reviews")))
    number = whole(ask.token) or 1
    goes_on = len(reviews) >= _PAGE
    return Page(items=list(filter(None, map(_item, reviews))), next=str(number + 1) if goes_on else None)


def _item(review: Json) -> Item | None:
    review_id = ident(review.get("id"))
    if review_id is None:
        return None
    times = (when(review.get("updatedAt")), _answered_at(review))
    revision = "/".join(iso(at) or "" for at in times)
    return Item(item_id=review_id, revision=revision, at=when(review.get("createdAt")), raw=review)


# Reading


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the platform says when it was written
    """What a webhook points at, or all events of what was fetched, in its order. Raises Unreadable for what is not
    JSON.
    """
    payload = obj(read_json(body))
    found = fetched(payload)
    if found is None:
        told = tuple(map(_told, objects(payload.get("events"))))
        return told or (Event(kind=Kind.UNKNOWN, channel=_CHANNEL, detail="a payload without reviews"),)
    account_id, feed, reviews = found
    events = tuple(event for review in reviews for event in _events(account_id, review))
    return events or (
        Event(kind=Kind.UNKNOWN, channel=_CHANNEL, account_id=account_id, detail=f"nothing in {feed[:40]}"),
    )


def _told(told: Json) -> Event:
    """One event of a webhook. Whose it is the webhook's address says."""
    name, data = (text(told.get("eventName")) or "an event without a name")[:60], obj(told.get("eventData"))
    review_id, kind = ident(data.get("id")), _TOLD.get(name)
    if review_id is None or kind is None:
        return Event(kind=Kind.UNKNOWN, channel=_CHANNEL, message_id=review_id, detail=name)
    times = ("deletedAt",) if kind is Kind.DELETION else ("updatedAt", "createdAt")
    return Event(
        kind=kind,
        channel=_CHANNEL,
        surface=Surface.REVIEW,
        visibility=Visibility.PUBLIC,
        thread_id=review_id,
        message_id=review_id,
        sent_at=next(filter(None, (when(data.get(time)) for time in times)), None),
    )


def _events(account_id: str, review: Json) -> Iterator[Event]:
    """The review, its change if it was changed, and our answer below it."""
    review_id = ident(review.get("id"))
    if review_id is None:
        yield _reviews.nameless(_CHANNEL, account_id, "a review")
        return
    consumer = obj(review.get("consumer"))
    author_id = ident(consumer.get("id"))
    about = replace(
        _reviews.blank(_CHANNEL, account_id, review_id),
        author_id=author_id,
        author_name=text(consumer.get("displayName")),
        customer_id=author_id or review_id,
        text=_reviews.titled(review.get("title"), review.get("text")),
        language=text(review.get("language")),
        rating=_reviews.stars(review.get("stars")),
        sent_at=when(review.get("createdAt")),
        link=f"{_SITE}/{segment(review_id)}",
    )
    yield about
    changed_at = when(review.get("updatedAt"))
    if changed_at is not None and (about.sent_at is None or changed_at > about.sent_at):
        yield _reviews.edited(about, changed_at)
    answered = obj(review.get("companyReply"))
    answer_id = _reviews.answer_id(_answered_at(review), answered.get("text"))
    if answer_id is not None:
        own = _reviews.OwnAnswer(answer_id=answer_id, text=text(answered.get("text")), at=_answered_at(review))
        yield _reviews.echo(about, own)


def _answered_at(review: Json) -> datetime | None:
    answered = obj(review.get("companyReply"))
    return when(answered.get("updatedAt")) or when(answered.get("createdAt"))


# Answering


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
    """The call that puts our answer below the review, in the name of the business user."""
    if outbound.surface is not Surface.REVIEW:
        return never(f"Trustpilot has reviews only, not the surface {outbound.surface}.")
    unfit = misfit(outbound.text, CAPABILITIES[Surface.REVIEW])
    if unfit is not None:
        return unfit
    proof, writer = bearer(secret), credential(secret, "business_user_id")
    if isinstance(proof, Refused):
        return proof
    if isinstance(writer, Refused):
        return writer
    written = {"authorBusinessUserId": writer, "message": text(outbound.text), "submittedAt": iso(now)}
    return json_call("POST", f"{_API}/private/reviews/{segment(outbound.thread_id)}/reply", proof, written)


def outcome(answer: Answer) -> Outcome:
    """What the answer means; a success names no id. Total."""
    if 200 <= answer.status < 300:
        return posted(None)
    if answer.status == 409:
        return never("The review has an answer already.")
    return by_status(_PLATFORM, answer, content(answer).get("message"))


# The account


expires = expiry


def renew(secret: Secret, now: datetime) -> Call | Refused | None:  # noqa: ARG001 - the protocol's signature
    """The call by which key and secret give another access token (RFC 6749, 4.4)."""
    key, word = credential(secret, "api_key"), credential(secret, "api_secret")
    if isinstance(key, Refused):
        return key
    if isinstance(word, Refused):
        return word
    return form_call(_TOKENS, {"grant_type": "client_credentials"}, basic(key, word))


def renewed(secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
    """The account with its new access token. Total."""
    return with_tokens(_PLATFORM, secret, answer, now)


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the protocol's signature
    """Nothing: reviews are asked for."""
    return ()


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Ask for one review."""
    proof = bearer(secret)
    url = f"{_API}/private/business-units/{segment(secret.account_id)}/reviews?{query({'perPage': 1})}"
    return None if isinstance(proof, Refused) else json_call("GET", url, proof)


def proven(answer: Answer) -> Proof | Refused:
    """Whether the business unit's reviews are open to this account. Total."""
    refused = trouble(_PLATFORM, answer, content(answer).get("message"))
    return refused or Proof(who="a business unit whose reviews Trustpilot shows to this account")
