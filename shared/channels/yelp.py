"""Yelp: conversations with people who asked a business for something (leads), and reviews. For Yelp's partners only.

An account is a business, by Yelp's id. Yelp documents no signature of its webhooks, so the registered address carries
the account's signing key as `?key=...` (a gateway in front may send it as the header x-webhook-key instead), and a lead
is fetched by its id before anybody is told. Its credentials: the business owner's `access_token`, which ends after a
week, with `refresh_token`, `client_id` and `client_secret`; `api_key` of the partner.
Sources: docs.developer.yelp.com (Webhooks, Leads Webhooks, Reviews Webhooks, Leads API, Respond to Reviews API, Refresh
tokens).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from shared.channels import _address_key
from shared.channels._asking import expiry, no_page, refresh_grant, with_tokens
from shared.channels._calling import (
    bearer,
    blocked,
    by_status,
    content,
    fetched,
    form_call,
    json_call,
    misfit,
    never,
    posted,
    query,
    quoted,
    segment,
    unclear,
)
from shared.channels._reading import Json, ident, obj, objects, read_json, text, when, whole
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Event, Kind, Surface, Visibility
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
    Request,
    Response,
    Secret,
)
from shared.domain.polling import Ask, Feed, Item, Page, Purpose

ABOUT = About(
    title="Yelp leads and reviews",
    how=(How.PUSH,),
    docs="https://docs.developer.yelp.com/docs/webhooks",
    checked=date(2026, 11, 21),
    acknowledging="on for leads, where somebody asked us in private; off for reviews, where everybody reads it",
    author="display name of a lead; of a review only an id; nothing to look up",
    unproven="everything: access is for partners; the fields of a lead's events are remembered, not documented in "
    "public, nor what a reply is answered with; the words of a review are not fetched, a person reads them behind "
    "the link. Nothing subscribes the business anew every day, as Yelp asks, but connecting it again",
)

CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.DM: Capability(replies=True, limit=5000, acknowledges=True),
    Surface.REVIEW: Capability(replies=True, limit=5000, single_slot=True),
}

LEAD = "lead"
FEEDS = (Feed(name=LEAD, purpose=Purpose.POINTED),)

RENEW_BEFORE = timedelta(days=1)

SETUP = Setup(
    wanted=(
        Wanted(
            name="account_id",
            ask="The business id",
            where="Yelp partner portal, or Get Business Match",
            secret=False,
        ),
        Wanted(name="signing", ask="The key in the webhook's address", where="made here", made=True),
        Wanted(name="client_id", ask="Client ID", where="Yelp partner portal, the OAuth application", secret=False),
        Wanted(name="client_secret", ask="Client secret", where="the same page"),
        Wanted(
            name="refresh_token",
            ask="The business owner's refresh token, good for a year",
            where="Yelp's authorization code workflow with the scopes leads and r2r_business_owner",
        ),
        Wanted(
            name="reviews_token",
            ask="The OAuth token for Respond to Reviews, if that is another",
            where="Yelp partner OAuth, scope r2r_business_owner",
            optional=True,
        ),
        Wanted(name="api_key", ask="The partner's API key, to subscribe businesses", where="the same", optional=True),
    ),
    ticks=(
        "Give your Yelp representative the address {webhook_url}?key=<the key> for leads and reviews",
        "Subscribe the business with subscription_types WEBHOOK, anew every day",
    ),
)

_CHANNEL = "yelp"
_API = "https://api.yelp.com/v3"
_PARTNER = "https://partner-api.yelp.com"
_PAGE = 20
_VERIFICATION = re.compile(r"[A-Za-z0-9]{1,128}")
_SITE = "https://www.yelp.com/biz"
_TOKENS = f"{_API.removesuffix('/v3')}/oauth2/token"
_REVIEW_KINDS = {
    "NEW_REVIEW_EVENT": Kind.MESSAGE,
    "REVIEW_EDITED_EVENT": Kind.EDIT,
    "REVIEW_REMOVED_EVENT": Kind.DELETION,
}
_EMOJI = re.compile("[\u20e3\u2600-\u27bf\u2b50\u2b55\ufe0f\U00010000-\U0010ffff]")
_TOMORROW = "R2R_COMMENT_QUOTA_EXCEEDED"
# What a person has to put right with Yelp before any answer goes (Yelp, "Respond to Review", error responses).
_ACCOUNT_ERRORS = frozenset(
    {
        "INSUFFICIENT_SCOPE",
        "R2R_COMMENTS_NOT_ALLOWED",
        "R2R_PROBLEM_WITH_USER_PHOTO",
        "R2R_UNACCEPTABLE_BIZ_USER_NAME",
        "R2R_PUBLIC_COMMENTS_DISABLED",
        "R2R_BUSINESS_NOT_CLAIMED",
        "R2R_PERMISSION_DENIED",
    }
)
_TOKEN_ERRORS = frozenset({"INVALID_TOKEN", "TOKEN_INVALID", "TOKEN_MISSING"})


# Being called


def challenge(request: Request, secrets: tuple[Secret, ...]) -> Response | None:  # noqa: ARG001 - nothing is signed
    """The word of Yelp's verification, given back; None for a POST, which is a delivery. Total."""
    if request.method == "POST":
        return None
    if request.method != "GET":
        return Response(405, "Only GET and POST are answered here.")
    word = request.query.get("verification") or ""
    if _VERIFICATION.fullmatch(word) is None:
        return Response(400, "This is no verification request of Yelp.")
    return Response(200, f'{{"verification": "{word}"}}', "application/json")


verify, sign = _address_key.verify, _address_key.sign


# Reading


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - Yelp says when it happened
    """All updates of a delivery, or the events of a lead that was fetched. Raises Unreadable."""
    payload = obj(read_json(body))
    found = fetched(payload)
    if found is not None:
        asked, feed, items = found
        return tuple(_event(asked, item) for item in items) or (_nothing(asked, f"nothing in {feed[:40]}"),)
    data = obj(payload.get("data"))
    account_id, at = ident(data.get("id")), when(payload.get("time"))
    return tuple(_updates(account_id, data, at)) or (_nothing(account_id, "a delivery without updates"),)


def _nothing(account_id: str | None, detail: str) -> Event:
    return Event(kind=Kind.UNKNOWN, channel=_CHANNEL, account_id=account_id, detail=detail)


def _updates(account_id: str | None, data: Json, at: datetime | None) -> Iterator[Event]:
    for update in objects(data.get("updates")):
        lead_id, review_id = ident(update.get("lead_id")), ident(update.get("review_id"))
        if lead_id is not None:
            about = Event(kind=Kind.POINTER, channel=_CHANNEL, account_id=account_id, message_id=lead_id)
            yield replace(about, sent_at=when(update.get("interaction_time")) or at)
        elif review_id is not None:
            yield _review(account_id, review_id, update, at)
        else:
            yield _nothing(account_id, f"update {(text(update.get('event_type')) or 'without a type')[:40]}")


def _review(account_id: str | None, review_id: str, update: Json, at: datetime | None) -> Event:
    """A review, of which Yelp tells the stars and the language, and later that it was edited or removed; its words only
    the page behind the link shows.
    """
    kind = _REVIEW_KINDS.get(text(update.get("event_type")) or "", Kind.UNKNOWN)
    customer_id = ident(update.get("user_id")) or review_id
    stars = whole(update.get("rating"))
    return Event(
        kind=kind if account_id else Kind.UNKNOWN,
        channel=_CHANNEL,
        account_id=account_id,
        surface=Surface.REVIEW,
        visibility=Visibility.PUBLIC,
        thread_id=review_id,
        message_id=review_id,
        author_id=customer_id,
        language=text(update.get("language")),
        sent_at=when(update.get("interaction_time")) or at,
        rating=stars if stars is not None and 1 <= stars <= 5 else None,
        link=f"{_SITE}/{segment(account_id)}?{query({'hrid': review_id})}" if account_id else None,
        customer_id=customer_id,
        detail=(text(update.get("event_type")) or "")[:40] or None,
    )


def _event(account_id: str, said: Json) -> Event:
    """One event of a lead: the customer's words, or ours; a person looks at what is neither's."""
    lead_id, event_id = ident(said.get("lead_id")), ident(said.get("id"))
    role = (text(said.get("user_type")) or "CONSUMER").upper()
    kind = Kind.ECHO if role.startswith(("BIZ", "BUSINESS")) else Kind.MESSAGE if role == "CONSUMER" else Kind.UNKNOWN
    spoken = obj(said.get("event_content"))
    author_id = ident(said.get("user_id"))
    known = Event(
        kind=kind,
        channel=_CHANNEL,
        account_id=account_id,
        surface=Surface.DM,
        visibility=Visibility.PRIVATE,
        thread_id=lead_id,
        message_id=event_id,
        author_id=author_id,
        author_name=text(said.get("user_display_name")),
        text=text(spoken.get("text")) or text(spoken.get("fallback_text")),
        sent_at=when(said.get("time_created")),
        customer_id=lead_id,
        detail=f"an event of a lead by {role[:40]}" if kind is Kind.UNKNOWN else None,
    )
    if lead_id is None or event_id is None:
        return _nothing(account_id, "an event of a lead without ids")
    return known


# Asking


def ask(ask: Ask, secret: Secret) -> Call | Refused:
    """The call for the events of the lead that a delivery pointed at."""
    lead_id, cursor = _place(ask)
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    if not lead_id:
        return never("Yelp has no list of leads to ask for: leads come by webhook.")
    more = {"older_than_cursor": cursor} if cursor else {}
    wanted = query({"limit": _PAGE, **more})
    return json_call("GET", f"{_API}/leads/{segment(lead_id)}/events?{wanted}", proof)


def page(ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:  # noqa: ARG001 - the protocol's signature
    """The events of the answer, each with its lead's id, the oldest first as in the conversation. A full page may have
    older ones before its first. Total.
    """
    if answer.status != 200:
        return no_page(_failed(answer))
    lead_id, asked = _place(ask)
    events = list(objects(content(answer).get("events")))
    items = [
        Item(item_id=event_id, at=when(event.get("time_created")), raw={**event, "lead_id": lead_id})
        for event in events
        if (event_id := ident(event.get("id"))) is not None
    ]
    first = text(events[0].get("cursor")) if len(events) >= _PAGE else None
    return Page(items=items, next=f"{lead_id} {first}" if first and first != asked else None)


def _place(ask: Ask) -> tuple[str, str]:
    """The lead, and where in it the page begins: the first page has only the lead."""
    lead_id, _, cursor = (ask.reference or ask.token or "").partition(" ")
    return lead_id, cursor


# Answering


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - no window
    """The call that writes into a lead, or below a review. Emoji are refused there, so they are here too."""
    capability = CAPABILITIES.get(outbound.surface)
    if capability is None:
        return never(f"Yelp has nothing to answer on the surface {outbound.surface}.")
    unfit = misfit(outbound.text, capability)
    if unfit is not None:
        return unfit
    if outbound.surface is Surface.DM:
        proof = bearer(secret)
        written = {"request_content": text(outbound.text), "request_type": "TEXT"}
        url = f"{_API}/leads/{segment(outbound.thread_id)}/events"
        return proof if isinstance(proof, Refused) else json_call("POST", url, proof, written)
    return _below_review(outbound, secret)


def _below_review(outbound: Outbound, secret: Secret) -> Call | Refused:
    if _EMOJI.search(outbound.text):
        return never("Yelp takes no emoji in an answer to a review: take them out.")
    name = "reviews_token" if secret.credentials.get("reviews_token", "").strip() else "access_token"
    proof = bearer(secret, name)
    if isinstance(proof, Refused):
        return proof
    written = {"response_text": text(outbound.text), "response_type": "public_comment"}
    return json_call("POST", f"{_PARTNER}/reviews/v1/{segment(outbound.thread_id)}", proof, written)


def outcome(answer: Answer) -> Outcome:
    """What Yelp's answer means, by the id of its error. Total."""
    if not 200 <= answer.status < 300:
        return _failed(answer)
    return unclear("Yelp", answer) if _error(answer)[0] else posted(ident(content(answer).get("id")))


def _failed(answer: Answer) -> Outcome:
    error, words = _error(answer)
    if error == _TOMORROW:
        return Refused(refusal=Refusal.NEVER, reason="Yelp takes no more answers to reviews today: answer tomorrow.")
    if error in _ACCOUNT_ERRORS:
        return blocked(
            f"Yelp lets this account answer no review ({error}): put it right on biz.yelp.com.{quoted(words)}"
        )
    if error in _TOKEN_ERRORS:
        return blocked(f"Yelp does not accept the account's token any more ({error}): connect it again.")
    if error.startswith("R2R_"):
        return never(f"Yelp refused the answer ({error[:60]}).{quoted(words)}")
    return by_status("Yelp", answer, words)


def _error(answer: Answer) -> tuple[str, str | None]:
    """Its name and words: the partner API calls the name `id`, the other `code`."""
    error = obj(content(answer).get("error"))
    return (text(error.get("code")) or text(error.get("id")) or ""), text(error.get("description"))


# Connecting


expires = expiry  # after seven days


def renew(secret: Secret, now: datetime) -> Call | Refused | None:  # noqa: ARG001 - the protocol's signature
    """The call that trades the refresh token, good for a year, for an access token."""
    grant = refresh_grant(secret)
    return grant if isinstance(grant, Refused) else form_call(_TOKENS, grant)


def renewed(secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
    """The account with its new access token. Total."""
    return with_tokens("Yelp", secret, answer, now)


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - Yelp's people register the address
    """Subscribe the business to webhooks, which the partner's API key may; the address is set by Yelp's people."""
    proof = bearer(secret, "api_key")
    if isinstance(proof, Refused):
        return ()
    wish = {"business_ids": [secret.account_id], "subscription_types": ["WEBHOOK"]}
    return (json_call("POST", f"{_API}/businesses/subscriptions", proof, wish),)


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """A look at the business."""
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return None
    return json_call("GET", f"{_API}/businesses/{segment(secret.account_id)}", proof)


def proven(answer: Answer) -> Proof | Refused:
    """Which business it is. Total."""
    if answer.status != 200:
        return no_page(_failed(answer))
    name = text(content(answer).get("name"))
    return Proof(who=name) if name else never("Yelp's answer names no business.")
