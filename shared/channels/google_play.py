"""Google Play: reviews of an app, asked for, and the developer's answers.

An account is an app, by its package name. Its credentials are those of a service account's key file (`client_email`,
`private_key`), for which Google gives an `access_token` of an hour. Source: developers.google.com/android-publisher,
"Reply to Reviews" and the reference of the resource `reviews`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from shared.channels import _google, _reviews
from shared.channels._asking import expiry, no_listing, with_tokens
from shared.channels._calling import (
    bearer,
    content,
    fetched,
    json_call,
    json_object,
    misfit,
    never,
    posted,
    query,
    segment,
)
from shared.channels._reading import Json, ident, obj, objects, read_json, text
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Event, Kind, Surface
from shared.domain.exchange import About, Answer, Call, Capability, How, Outbound, Outcome, Refused, Secret, Unclear
from shared.domain.polling import Ask, Feed, Item, Page, Quota

ABOUT = About(
    title="Google Play reviews",
    how=(How.POLL,),
    docs="https://developers.google.com/android-publisher/reply-to-reviews",
    checked=date(2026, 11, 21),
    acknowledging="off: everybody reads it, and it would take the only place for an answer",
    author="display name only; nothing to look up",
    unproven="everything: no live app was at hand; above all whether the time of a reply in the answer to it is the "
    "same as below the review, and whether a review of more than a week ago can be answered",
)

CAPABILITIES: Mapping[Surface, Capability] = {Surface.REVIEW: Capability(replies=True, limit=350, single_slot=True)}

# 200 GET an hour and app (Google Play, "Reply to Reviews API quota"). Twelve runs of ten pages are 120, and once in it
# 20 reviews are looked at again; the day is that much of each hour. Answers have a quota of their own, 2,000 a day.
FEEDS = (
    Feed(
        name="reviews",
        every=timedelta(minutes=5),
        overlap=timedelta(days=2),  # an answer in the Play Console changes a review without moving it up
        revisit=timedelta(days=7),  # and it must be known before ours would take its place
        revisit_every=timedelta(hours=1),
        batch=1,
        pages=10,
        quota=Quota(units=24 * (12 * 10 + 20)),
        lost_after=timedelta(days=7),
    ),
)

RENEW_BEFORE = timedelta(minutes=10)

SETUP = Setup(
    wanted=(
        Wanted(name="account_id", ask="Package name of the app", where="Play Console, the list of apps", secret=False),
        Wanted(
            name="client_email",
            ask="E-mail address of the service account",
            where="Google Cloud, IAM, Service accounts; client_email in its JSON key",
            secret=False,
        ),
        Wanted(
            name="private_key",
            ask="Private key of the service account",
            where="private_key in its JSON key, with BEGIN and END",
        ),
    ),
    ticks=(
        "Google Cloud: enable the Google Play Android Developer API for the service account's project.",
        'Play Console, Users and permissions: invite the service account and tick "Reply to reviews" for the app.',
    ),
)

_CHANNEL = "google_play"
_PLATFORM = "Google Play"
_API = "https://androidpublisher.googleapis.com/androidpublisher/v3/applications"
_SCOPE = "https://www.googleapis.com/auth/androidpublisher"
_PAGE = 100
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>")


# Asking


def ask(ask: Ask, secret: Secret) -> Call | Refused:
    """The call for a page of the last week's reviews, the newest or newest changed first; or for one of them."""
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    if len(ask.ids) > 1:
        return never("Google Play gives single reviews one at a time.")
    one = ask.reference or next(iter(ask.ids), None)
    url = f"{_API}/{segment(secret.account_id)}/reviews"
    if one is not None:
        return json_call("GET", f"{url}/{segment(one)}", proof)
    wanted: dict[str, str | int] = {"maxResults": _PAGE, **({"token": ask.token} if ask.token else {})}
    return json_call("GET", f"{url}?{query(wanted)}", proof)


def page(ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:  # noqa: ARG001 - the protocol's signature
    """The reviews of an answer. Total."""
    refused = _google.unread(_PLATFORM, answer)
    if refused is not None:
        return refused
    found = content(answer)
    if not found and b"".join(answer.body.split()) != b"{}":  # a page without reviews is an empty object
        return no_listing(_PLATFORM)
    reviews = objects(found if "reviewId" in found else found.get("reviews"))
    token = text(obj(found.get("tokenPagination")).get("nextPageToken"))
    return Page(items=[item for item in map(_item, reviews) if item is not None], next=token)


def _item(review: Json) -> Item | None:
    """A review as it stands: its times, the customer's and ours, change with its words."""
    review_id = ident(review.get("reviewId"))
    if review_id is None:
        return None
    said, answered = _comments(review)
    times = [obj(comment.get("lastModified")).get("seconds") for comment in (said, answered)]
    revision = ".".join(ident(seconds) or "" for seconds in times)
    return Item(item_id=review_id, revision=revision, at=_modified(said) or _modified(answered), raw=review)


# Parsing


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """All events of what was fetched, in its order. Raises Unreadable for what is not JSON."""
    found = fetched(obj(read_json(body)))
    if found is None:
        return (Event(kind=Kind.UNKNOWN, channel=_CHANNEL, detail="a payload without reviews"),)
    account_id, feed, reviews = found
    events = tuple(event for review in reviews for event in _events(account_id, review))
    nothing = Event(kind=Kind.UNKNOWN, channel=_CHANNEL, account_id=account_id, detail=f"nothing in {feed[:40]}")
    return events or (nothing,)


def _events(account_id: str, review: Json) -> Iterator[Event]:
    """The review; the same as a change of it, for Google Play tells nobody whether it is one; and our answer."""
    review_id = ident(review.get("reviewId"))
    if review_id is None:
        yield _reviews.nameless(_CHANNEL, account_id, "a review")
        return
    said, answered = _comments(review)
    about = replace(
        _reviews.blank(_CHANNEL, account_id, review_id),
        author_name=text(review.get("authorName")),
        text=_words(said),
        language=_language(said),
        rating=_reviews.stars(said.get("starRating")),
        sent_at=_modified(said),
        link=f"https://play.google.com/store/apps/details?{query({'id': account_id, 'reviewId': review_id})}",
    )
    if said:
        yield about
        yield _reviews.edited(about, about.sent_at)
    answer_id = _reviews.answer_id(_modified(answered), answered.get("text"))
    if answer_id is not None:
        own = _reviews.OwnAnswer(answer_id=answer_id, text=text(answered.get("text")), at=_modified(answered))
        yield _reviews.echo(about, own)
    elif not said:
        yield replace(about, kind=Kind.UNKNOWN, surface=None, visibility=None, detail="a review without comments")


def _comments(review: Json) -> tuple[Json, Json]:
    """The customer's words and ours, each the last there is."""
    said: Json = {}
    answered: Json = {}
    for comment in objects(review.get("comments")):
        said, answered = obj(comment.get("userComment")) or said, obj(comment.get("developerComment")) or answered
    return said, answered


def _modified(comment: Json) -> datetime | None:
    time = obj(comment.get("lastModified"))
    return _reviews.precise(time.get("seconds"), time.get("nanos"))


def _words(said: Json) -> str | None:
    """Title and text come in one, with a tab between them."""
    title, tab, rest = (text(said.get("text")) or "").partition("\t")
    return _reviews.titled(title if tab else None, rest if tab else title)


def _language(said: Json) -> str | None:
    return text((text(said.get("reviewerLanguage")) or "").replace("_", "-"))


# Answering


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """The call that puts our answer below the review; one that is there already is replaced."""
    if outbound.surface is not Surface.REVIEW:
        return never(f"Google Play has reviews only, not the surface {outbound.surface}.")
    unfit = misfit(outbound.text, CAPABILITIES[Surface.REVIEW])
    if unfit is not None:
        return unfit
    if _MARKUP.search(outbound.text):
        return never("Google Play takes out everything in the form of an HTML tag: write it without.")
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    url = f"{_API}/{segment(outbound.account_id)}/reviews/{segment(outbound.thread_id)}:reply"
    return json_call("POST", url, proof, {"replyText": outbound.text})


def outcome(answer: Answer) -> Outcome:
    """What Google Play's answer means. Total."""
    if not 200 <= answer.status < 300:
        return _google.failed(_PLATFORM, answer)
    result = obj(json_object(answer.body).get("result"))
    if not result:
        return Unclear("Google Play answered without the reply: whether the text was posted is unknown.")
    at = _modified({"lastModified": result.get("lastEdited")})
    return posted(_reviews.answer_id(at, result.get("replyText")))


# The account


expires = expiry


def renew(secret: Secret, now: datetime) -> Call | Refused | None:
    """The call by which the service account gets another access token."""
    return _google.by_assertion(secret, _SCOPE, now)


def renewed(secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
    """The account with its new access token. Total."""
    return with_tokens(_PLATFORM, secret, answer, now)


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the protocol's signature
    """Nothing: Google Play tells of no review by itself."""
    return ()


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Ask for one review."""
    proof = bearer(secret)
    url = f"{_API}/{segment(secret.account_id)}/reviews?{query({'maxResults': 1})}"
    return None if isinstance(proof, Refused) else json_call("GET", url, proof)


def proven(answer: Answer) -> Proof | Refused:
    """Whether the app's reviews are open to the service account. Google Play does not name the app. Total."""
    return _google.unread(_PLATFORM, answer) or Proof(who="an app whose reviews Google Play shows to this account")
