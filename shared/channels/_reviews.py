"""What reviews have in common: one text in public, perhaps without words, that can change; and room for one answer.

An edited review keeps its id. Our answer below it is read as an echo. It is named after its time and words, which are
all that both the platform's answer to a reply and the review itself show: so what we posted is recognised as ours, and
an answer that a person changed in the platform's own app is a new one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from shared.channels._reading import text, when, whole
from shared.domain.events import Event, Kind, Surface, Visibility
from shared.domain.records import short_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAnswer:
    """Our own answer, as the platform shows it below a review."""

    answer_id: str
    text: str | None
    at: datetime | None


def blank(channel: str, account_id: str, review_id: str | None) -> Event:
    """A review of which nothing but the id is known. It is a thread, and where it has no author's id, a customer."""
    return Event(
        kind=Kind.MESSAGE,
        channel=channel,
        account_id=account_id,
        surface=Surface.REVIEW,
        visibility=Visibility.PUBLIC,
        thread_id=review_id,
        message_id=review_id,
        customer_id=review_id,
    )


def nameless(channel: str, account_id: str, what: str) -> Event:
    """Something of a feed that cannot be a review: it has no id."""
    return Event(kind=Kind.UNKNOWN, channel=channel, account_id=account_id, detail=f"{what} without an id")


def edited(review: Event, at: datetime | None) -> Event:
    """The review as it reads since `at`. Where a platform has one time for writing and changing, both are said with it,
    and the desk takes what is news to it.
    """
    return replace(review, kind=Kind.EDIT, sent_at=at)


def echo(review: Event, answer: OwnAnswer) -> Event:
    """Our answer below the review."""
    return Event(
        kind=Kind.ECHO,
        channel=review.channel,
        account_id=review.account_id,
        surface=review.surface,
        visibility=review.visibility,
        thread_id=review.thread_id,
        message_id=answer.answer_id,
        text=answer.text,
        sent_at=answer.at,
        in_reply_to=review.message_id,
        link=review.link,
        customer_id=review.customer_id,
    )


def withdrawn(review: Event, answer: OwnAnswer, why: str) -> Event:
    """The platform took our answer and does not show it after all."""
    return replace(echo(review, answer), kind=Kind.STATUS, text=None, detail=f"failed: {why}")


def answer_id(at: datetime | None, words: object) -> str | None:
    """The name of our answer, made of its time and its words; None where there is no time."""
    said = " ".join((text(words) or "").split())
    return f"reply-{short_hash(at.astimezone(UTC).isoformat(), said, characters=24)}" if at is not None else None


def stars(value: object) -> int | None:
    """A rating of 1 to 5, also where it comes as text or with a fraction of nothing."""
    number = whole(value)
    return number if number is not None and 1 <= number <= 5 else None


def titled(title: object, body: object) -> str | None:
    """A title above what it is the title of; either may be missing."""
    parts = [part.strip() for part in (text(title), text(body)) if part is not None and part.strip()]
    return "\n\n".join(parts) or None


def precise(seconds: object, nanos: object) -> datetime | None:
    """A time as Google's protocol buffers write it: seconds since 1970, perhaps as text, and the rest of them."""
    whole_seconds, rest = when(seconds), whole(nanos)
    if whole_seconds is None:
        return None
    return whole_seconds.replace(microsecond=min((rest or 0) // 1000, 999_999))
