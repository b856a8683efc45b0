"""Events: the facts Nightdesk makes out of a platform's delivery, one event per fact."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Kind(StrEnum):
    """What a platform told us."""

    MESSAGE = "message"
    EDIT = "edit"
    DELETION = "deletion"
    REACTION = "reaction"
    ECHO = "echo"  # something our own account said, by us or by a person in the platform's app
    STATUS = "status"  # what became of a message: sent, delivered, failed, hidden
    READ = "read"
    POINTER = "pointer"  # says only that something is there: `message_id` is what has to be fetched
    UNKNOWN = "unknown"


class Surface(StrEnum):
    """Where on the platform it happened."""

    DM = "dm"
    COMMENT = "comment"
    MENTION = "mention"
    REVIEW = "review"


class Visibility(StrEnum):
    """Who can read it."""

    PRIVATE = "private"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something sent beside the text. `url` is the platform's link, usually short-lived, or None where it gave none."""

    type: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One normalised fact. Ids are text; None where the platform gives nothing.

    The `message_id` of an edit, deletion, reaction or status is the id of the message it is about. `thread_id` is the
    same in both directions: in a direct conversation the customer's id, on a public surface the platform's grouping.
    """

    kind: Kind
    channel: str
    account_id: str | None = None
    surface: Surface | None = None
    visibility: Visibility | None = None
    thread_id: str | None = None
    message_id: str | None = None
    author_id: str | None = None
    author_name: str | None = None
    author_handle: str | None = None
    author_followers: int | None = None
    author_verified: bool | None = None
    text: str | None = None
    language: str | None = None  # as the platform names it, in the form of BCP 47
    attachments: tuple[Attachment, ...] = ()
    sent_at: datetime | None = None  # the platform's time, aware, UTC
    in_reply_to: str | None = None
    rating: int | None = None
    link: str | None = None  # where a person sees it on the platform
    customer_id: str | None = None  # whose conversation it is: the author, or for an echo the one who is answered
    detail: str | None = None  # status: its word; reaction: react or unreact; unknown: what it was
    client_token: str | None = None  # what we gave the platform when we sent it, come back
    automated: bool = False  # the platform says a program wrote it
    standby: bool = False  # another application holds the thread: record it, do not answer by machine
    unaddressed: bool = False  # it names us or our subject, but nobody said it to us: found by listening
    test: bool = False  # the test button of the platform's dashboard


def as_json(event: Event) -> dict[str, object]:
    """The event as plain data: enums and ids as text, `sent_at` as ISO 8601 with Z, attachments as objects."""
    plain = {f.name: getattr(event, f.name) for f in fields(event)}
    plain["attachments"] = [{"type": a.type, "url": a.url} for a in event.attachments]
    plain["sent_at"] = iso(event.sent_at)
    return plain


def iso(at: datetime | None) -> str | None:
    """An aware time as ISO 8601 in UTC with Z: seconds, with milliseconds only where there are any."""
    if at is None:
        return None
    exact = "milliseconds" if at.microsecond else "seconds"
    return at.astimezone(UTC).isoformat(timespec=exact).replace("+00:00", "Z")


def wait_until(at: datetime) -> str:
    """The first whole second at or after `at`, in the form a state machine waits for: YYYY-MM-DDTHH:MM:SSZ."""
    whole = at if at.microsecond == 0 else at.replace(microsecond=0) + timedelta(seconds=1)
    return whole.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
