"""Google Business Profile: reviews of one location, told by Pub/Sub, fetched, and answered.

An account is a location, by its number. Its credentials: `account`, the number of the Google account it belongs to;
`client_id`, `client_secret` and `refresh_token` of the OAuth client; `audience` and `push_email` of the push
subscription; `topic`. Its signing keys are Google's certificates, which are renewed like the access token. Sources:
developers.google.com/my-business, "Set up real time notifications" and the reference of accounts.locations.reviews.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from shared.channels import _google, _google_push, _reviews
from shared.channels._asking import LONG_AGO, expiry, with_tokens
from shared.channels._calling import bearer, content, credential, fetched, json_call, misfit, never, posted, query
from shared.channels._keys import no_handshake
from shared.channels._reading import Json, ident, link, obj, objects, read_json, text, when, whole
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Attachment, Event, Kind, Surface, Visibility
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
    Unclear,
    Unit,
)
from shared.domain.polling import Ask, Feed, Item, Page, Purpose

ABOUT = About(
    title="Google Business Profile reviews",
    how=(How.PUSH, How.POLL),
    docs="https://developers.google.com/my-business/content/notification-setup",
    checked=date(2026, 11, 21),
    acknowledging="off: Google's policy wants express consent to automated replies, everybody reads it, and it would "
    "take the only place for an answer",
    author="display name only, sometimes none; nothing to look up",
    unproven="everything: no approved project was at hand; above all the inner form of a notification (any review name "
    "in it is followed), whether 4,096 are bytes or characters (counted as bytes), the words of reviewReplyState. "
    "Google's policy wants content gone after 30 days: records here are kept for 400, raw deliveries for 90",
)

CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.REVIEW: Capability(replies=True, limit=4096, unit=Unit.BYTES, single_slot=True)
}

FEEDS = (
    Feed(
        name="reviews",
        purpose=Purpose.BACKSTOP,
        every=timedelta(minutes=15),
        overlap=timedelta(days=2),  # an answer on Google does not move its review up
        settle=timedelta(minutes=10),
    ),
    Feed(name="review", purpose=Purpose.POINTED),
)

SIGNED_FOR = _google_push.SIGNED_FOR
RENEW_BEFORE = timedelta(minutes=10)

SETUP = Setup(
    wanted=(
        Wanted(
            name="account_id",
            ask="Number of the location",
            where="accounts.locations.list: the part after locations/",
            secret=False,
        ),
        Wanted(
            name="account",
            ask="Number of the Google account that owns it",
            where="accounts.list: the part after accounts/",
            secret=False,
        ),
        Wanted(
            name="client_id",
            ask="Client ID",
            where="Google Cloud, APIs and services, Credentials, the OAuth client",
            secret=False,
        ),
        Wanted(name="client_secret", ask="Client secret", where="the same page"),
        Wanted(
            name="refresh_token",
            ask="Refresh token of an owner or manager of the location",
            where="the consent screen with the scope business.manage; publish the app, or it ends after 7 days",
        ),
        Wanted(
            name="audience",
            ask="Audience of the push subscription",
            where="Google Cloud, Pub/Sub, the subscription, Push, Audience; if empty there, the webhook's address",
            secret=False,
            offered="{webhook_url}",
        ),
        Wanted(
            name="push_email",
            ask="Service account that the subscription authenticates with",
            where="the same page, Service account",
            secret=False,
        ),
        Wanted(
            name="topic",
            ask="Name of the topic, projects/.../topics/...",
            where="Google Cloud, Pub/Sub, Topics",
            secret=False,
            optional=True,
        ),
    ),
    ticks=(
        "Google Cloud: apply for access to the Business Profile APIs (without it the quota is 0), enable them.",
        "Pub/Sub: let mybusiness-api-pubsub@system.gserviceaccount.com publish to the topic.",
        "Pub/Sub: a push subscription to {webhook_url} with authentication on and payload unwrapping off.",
        "A Google account has one topic for notifications: a second tool that sets its own takes them away from here.",
    ),
)

_CHANNEL = "google_business"
_PLATFORM = "Google"
_API = "https://mybusiness.googleapis.com/v4"
_SETTINGS = "https://mybusinessnotifications.googleapis.com/v1"
_NAME = re.compile(r"accounts/([\w-]{1,64})/locations/([\w-]{1,64})/reviews/([\w=.-]{1,256})", re.ASCII)
_LOCATION = re.compile(r"locations/([\w-]{1,64})", re.ASCII)
_TYPE = re.compile(r"[A-Z]{3,}(?:_[A-Z]+){1,5}")
_STARS = {"ONE": 1, "TWO": 2, "THREE": 3, "FOUR": 4, "FIVE": 5}
_MEDIA = {"PHOTO": "image", "IMAGE": "image", "VIDEO": "video"}
_PAGE = 50


# Being called


challenge, verify = no_handshake, _google_push.verify


def sign(body: bytes, secret: Secret, now: datetime, delivery_id: str) -> dict[str, str]:  # noqa: ARG001 - the protocol's signature
    """The headers with which Pub/Sub delivers; the token is about the pusher, not about the body.

    Raises Misconfigured where the account cannot sign.
    """
    return _google_push.sign(secret, now)


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:  # noqa: ARG001 - the protocol's signature
    """Pointers of a notification, or the events of what was fetched. Raises Unreadable for what is not JSON."""
    payload = obj(read_json(body))
    found = fetched(payload)
    if found is None:
        return tuple(_pointers(payload))
    account_id, feed, reviews = found
    events = tuple(event for review in reviews for event in _events(account_id, review))
    nothing = Event(kind=Kind.UNKNOWN, channel=_CHANNEL, account_id=account_id, detail=f"nothing in {feed[:40]}")
    return events or (nothing,)


def _pointers(payload: Json) -> Iterator[Event]:
    """One for each review named anywhere: Google publishes no sample, so a notification is only a bell. What names none
    is told as unknown, and as no customer's word.
    """
    message = obj(payload.get("message"))
    at = when(message.get("publishTime")) or when(message.get("publish_time"))
    said = _google_push.strings(payload)
    known = dict.fromkeys((match[0], match[2]) for words in said for match in _NAME.finditer(words))
    for name, location in known:
        yield Event(
            kind=Kind.POINTER,
            channel=_CHANNEL,
            account_id=location,
            surface=Surface.REVIEW,
            visibility=Visibility.PUBLIC,
            thread_id=name,
            message_id=name,
            sent_at=at,
        )
    if not known:
        place = next((match[1] for words in said if (match := _LOCATION.search(words))), None)
        kind = next((words for words in said if _TYPE.fullmatch(words)), "a notification")
        detail = f"{kind[:60]} without a review"
        yield Event(kind=Kind.UNKNOWN, channel=_CHANNEL, account_id=place, sent_at=at, detail=detail)


# Asking


def ask(ask: Ask, secret: Secret) -> Call | Refused:
    """The call for a page of the location's reviews, the newest changed first; or for one of them by its name."""
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    if ask.ids or ask.reference is not None:
        named = [*ask.ids, *([ask.reference] if ask.reference is not None else [])]
        name = _NAME.fullmatch(named[0])
        if name is None or len(named) > 1:
            return never("Google gives single reviews by their full name, one at a time.")
        return json_call("GET", f"{_API}/{_path(name)}", proof)
    place = _place(secret)
    if isinstance(place, Refused):
        return place
    wanted: dict[str, str | int] = {"pageSize": _PAGE, "orderBy": "updateTime desc"}
    return json_call(
        "GET", f"{place}/reviews?{query({**wanted, **({'pageToken': ask.token} if ask.token else {})})}", proof
    )


def page(ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:  # noqa: ARG001 - the protocol's signature
    """The reviews of an answer. Total."""
    refused = _google.unread(_PLATFORM, answer)
    if refused is not None:
        return refused
    found = content(answer)
    reviews = objects(found if "name" in found else found.get("reviews"))
    items = [item for item in map(_item, reviews) if item is not None]
    return Page(items=items, next=text(found.get("nextPageToken")))


def _item(review: Json) -> Item | None:
    """A review as it stands: an edit changes its time, an answer and its moderation what is below it."""
    name = text(review.get("name"))
    if name is None:
        return None
    below = obj(review.get("reviewReply"))
    parts = (review.get("updateTime"), below.get("updateTime"), below.get("reviewReplyState"))
    revision = " ".join(text(part) or "" for part in parts)
    return Item(item_id=name, revision=revision, at=when(review.get("updateTime")), raw=review)


# Reviews


def _events(account_id: str, review: Json) -> Iterator[Event]:
    name = ident(review.get("name"))
    if name is None:
        yield _reviews.nameless(_CHANNEL, account_id, "a review")
        return
    written, changed = when(review.get("createTime")), when(review.get("updateTime"))
    about = replace(
        _reviews.blank(_CHANNEL, account_id, name),
        author_name=text(obj(review.get("reviewer")).get("displayName")),
        text=text(review.get("comment")),
        rating=_STARS.get(text(review.get("starRating")) or ""),
        attachments=tuple(map(_enclosed, objects(review.get("reviewMediaItems")))),
        sent_at=written or changed,
        link=link(review.get("reviewReplyUrl")),
    )
    yield about
    if written is not None and changed is not None and changed > written:
        yield _reviews.edited(about, changed)
    yield from _own_answer(about, obj(review.get("reviewReply")))


def _own_answer(about: Event, below: Json) -> Iterator[Event]:
    """Our answer; one that Google's moderation turned down is shown to nobody."""
    at = when(below.get("updateTime"))
    answer_id = _reviews.answer_id(at, below.get("comment"))
    if answer_id is None:
        return
    own = _reviews.OwnAnswer(answer_id=answer_id, text=text(below.get("comment")), at=at)
    if _is_rejected(below):
        yield _reviews.withdrawn(about, own, f"Google turned it down{_why(below)}")
    else:
        yield _reviews.echo(about, own)


def _is_rejected(below: Json) -> bool:
    return "REJECT" in (text(below.get("reviewReplyState")) or "").upper()


def _why(below: Json) -> str:
    """The violation, in whatever form: a word, or an object of words."""
    given = below.get("policyViolation")
    words = [text(given), *(text(part) for part in obj(given).values())]
    said = ", ".join(word[:80] for word in words if word)
    return f": {said}" if said else ""


def _enclosed(item: Json) -> Attachment:
    kind = next((text(item.get(n)) for n in ("mediaFormat", "mediaType", "type") if text(item.get(n))), None)
    urls = (link(item.get(n)) for n in ("googleUrl", "sourceUrl", "url", "thumbnailUrl"))
    return Attachment(_MEDIA.get((kind or "").upper(), "file"), next(filter(None, urls), None))


# Answering


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """The call that puts our answer below the review; one that is there already is replaced."""
    if outbound.surface is not Surface.REVIEW:
        return never(f"Google Business Profile has reviews only, not the surface {outbound.surface}.")
    unfit = misfit(outbound.text, CAPABILITIES[Surface.REVIEW])
    if unfit is not None:
        return unfit
    name = _NAME.fullmatch(outbound.thread_id)
    if name is None:
        return never("The review's name is not in the form Google gives: answer it on Google itself.")
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    return json_call("PUT", f"{_API}/{_path(name)}/reply", proof, {"comment": outbound.text})


def outcome(answer: Answer) -> Outcome:
    """What Google's answer means; also a success may hold a reply that its moderation turned down. Total."""
    if not 200 <= answer.status < 300:
        return _google.failed(_PLATFORM, answer)
    below = content(answer)
    if _is_rejected(below):
        return never(f"Google turned the reply down{_why(below)}.")
    if text(below.get("comment")) is None:
        return Unclear("Google answered without the reply: whether the text was posted is unknown.")
    return posted(_reviews.answer_id(when(below.get("updateTime")), below.get("comment")))


# The account


def expires(secret: Secret) -> datetime | None:
    """When the access token or the certificates end, whichever is first."""
    ends = [end for end in (expiry(secret), _certificates_end(secret)) if end is not None]
    return min(ends, default=None)


def renew(secret: Secret, now: datetime) -> Call | Refused | None:
    """One call, for the access token where that is about to end, else for Google's certificates."""
    token_ends = expiry(secret)
    if token_ends is not None and token_ends - now <= RENEW_BEFORE:
        return _google.by_refresh_token(secret)
    certificates_end = _certificates_end(secret)
    if certificates_end is not None and certificates_end - now <= RENEW_BEFORE:
        return Call(method="GET", url=_google_push.CERTS_URL)
    return None


def renewed(secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
    """The account with what the answer brings: certificates or an access token. Total."""
    if "keys" in content(answer):
        return _google_push.with_certificates(secret, answer, now)
    return with_tokens(_PLATFORM, secret, answer, now)


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the protocol's signature
    """The call that has the Google account tell the topic of new and changed reviews; Pub/Sub knows our address."""
    proof, account, topic = bearer(secret), secret.credentials.get("account"), secret.credentials.get("topic")
    if isinstance(proof, Refused) or not account or not topic:
        return ()
    name = f"accounts/{account}/notificationSetting"
    wanted = {"name": name, "pubsubTopic": topic, "notificationTypes": ["NEW_REVIEW", "UPDATED_REVIEW"]}
    mask = query({"updateMask": "pubsubTopic,notificationTypes"})
    return (json_call("PATCH", f"{_SETTINGS}/{name}?{mask}", proof, wanted),)


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Ask for one review of the location."""
    proof, place = bearer(secret), _place(secret)
    if isinstance(proof, Refused) or isinstance(place, Refused):
        return None
    return json_call("GET", f"{place}/reviews?{query({'pageSize': 1})}", proof)


def proven(answer: Answer) -> Proof | Refused:
    """How many reviews the location has, by which a person knows it. Total."""
    refused = _google.unread(_PLATFORM, answer)
    count = whole(content(answer).get("totalReviewCount")) or 0
    return refused or Proof(who=f"a location with {count} reviews on Google")


def _certificates_end(secret: Secret) -> datetime | None:
    if not any(key.strip() for key in secret.signing):
        return LONG_AGO
    return when(secret.credentials.get(_google_push.CERTS_EXPIRE_AT))


def _place(secret: Secret) -> str | Refused:
    """The location's address. Both numbers are settings, and checked all the same."""
    account = credential(secret, "account")
    if isinstance(account, Refused):
        return account
    name = _NAME.fullmatch(f"accounts/{account}/locations/{secret.account_id}/reviews/any")
    if name is None:
        return never("The numbers of the Google account and of the location are not in the form Google gives.")
    return f"{_API}/accounts/{name[1]}/locations/{name[2]}"


def _path(name: re.Match[str]) -> str:
    """The review's name as a path: a name of dots alone would lead elsewhere."""
    review = name[3].replace(".", "%2E")
    return f"accounts/{name[1]}/locations/{name[2]}/reviews/{review}"
