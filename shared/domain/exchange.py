"""What passes between Nightdesk and a platform over HTTP, and what a platform can do. Plain data, no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol, cast

from shared.domain.events import Event, Surface


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request as it reached the webhook: raw body, header names in lower case."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What the webhook answers."""

    status: int
    body: str = ""
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A verified, unparsed delivery on its way to intake.

    `repairs`: it was fetched because a webhook may have missed it, so what is new in it was missed.
    """

    delivery_id: str
    channel: str
    body: bytes
    received_at: datetime
    repairs: bool = False
    account_id: str | None = None  # whose it is, where the body does not say so itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What one channel account needs: keys that sign its deliveries (current first, then previous), the word of its
    handshake, and the credentials to answer with (`access_token`, and what else the channel's file names).
    """

    account_id: str
    signing: tuple[str, ...] = ()
    verify_token: str | None = None
    credentials: Mapping[str, str] = field(default_factory=dict)


class Unit(StrEnum):
    """How a platform counts the length of a text."""

    CHARACTERS = "characters"
    BYTES = "bytes"  # UTF-8
    UTF16 = "utf16"
    GRAPHEMES = "graphemes"  # what a reader takes for one character
    SHORT_LINKS = "short_links"  # characters, every link being 23 of them (Mastodon)
    WEIGHTED = "weighted"  # X: most scripts 1 or 2, every link 23, every emoji 2
    EMOJI_BYTES = "emoji_bytes"  # Threads: characters, but every emoji is as long as its UTF-8


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a channel can do on one surface.

    `window` is how long after the customer's last message the platform takes any answer (None: no limit);
    `person_window` how long it takes one that a person wrote; `private_reply_window` how long it takes the one private
    answer to a public text; `acknowledges` whether an automatic acknowledgement is right there by default. A text may
    be split over `parts` posts that the platform shows in their order. `single_slot`: there is room for one answer, and
    a second would replace it. Without `replies` a person answers by hand on the platform.
    """

    replies: bool
    limit: int
    unit: Unit = Unit.CHARACTERS
    window: timedelta | None = None
    person_window: timedelta | None = None
    private_reply_window: timedelta | None = None
    acknowledges: bool = False
    parts: int = 1
    single_slot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """One text of ours to be posted. `client_token` is handed to platforms that hand it back in the echo."""

    channel: str
    account_id: str
    surface: Surface
    thread_id: str
    customer_id: str | None
    in_reply_to: str | None  # the customer's message that is answered
    text: str
    by_person: bool
    last_inbound_at: datetime | None  # opens the platform's window
    client_token: str
    unaddressed: bool = False  # the customer's words were found by listening: nobody said them to us


@dataclass(frozen=True, slots=True)
class Posted:
    """The platform has it, under this id; empty where it names none, and our client token stands for it."""

    native_id: str


class Refusal(StrEnum):
    """Why a post was provably not made, by what to do about it."""

    LATER = "later"  # throttled or out of order for a while: the same post may be tried again
    NEVER = "never"  # this post will not be taken: wrong window, recipient, length, content
    BY_HAND = "by_hand"  # the platform takes this answer only from a person in its own app
    BLOCKED = "blocked"  # the account's token or permission is gone: nothing will go until a person repairs it


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The platform did not take it. `reason` is a sentence a person can act on; `after` the wait it asked for."""

    refusal: Refusal
    reason: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody knows whether the platform has it: the answer was lost, or says nothing."""

    reason: str


Outcome = Posted | Refused | Unclear


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An HTTP call to a platform, addressed to the platform's real host (a setting may send it elsewhere).

    `aws_service` names the service of AWS (its signing name) whose API it is: such a call is signed with the function's
    own role, in the region its host names.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    aws_service: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: headers in lower case, the body as bytes."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class How(StrEnum):
    """How what customers say reaches us."""

    PUSH = "push"  # the platform calls /webhooks/<channel>
    POLL = "poll"  # we ask
    MAIL = "mail"  # it comes as e-mail
    QUEUE = "queue"  # it comes through AWS, without an address of ours on the internet


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What people want to know of a channel before they choose it; the table in README.md shows it."""

    title: str
    how: tuple[How, ...]
    docs: str  # the address of the platform's own page
    checked: date  # when the file was last compared with it
    acknowledging: str  # why an automatic acknowledgement is right there by default, or is not
    author: str  # what is known of an author, and what a look-up costs
    unproven: str  # what was never run against the platform itself


class Channel(Protocol):
    """What every file in shared/channels/ offers. A module satisfies it; there is nothing to inherit from."""

    ABOUT: About
    CAPABILITIES: Mapping[Surface, Capability]

    def parse(self, body: bytes, received_at: datetime) -> tuple[Event, ...]:
        """All events of the delivery, in its order. Raises Unreadable, and nothing else."""

    def reply(self, outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
        """The call that posts it, or why it cannot be posted (window, length, no such surface)."""

    def outcome(self, answer: Answer) -> Outcome:
        """What the platform's answer to that call means. Total."""


class Pushing(Channel, Protocol):
    """A channel whose platform calls us."""

    def challenge(self, request: Request, secrets: tuple[Secret, ...]) -> Response | None:
        """The answer to the platform's handshake, or None where the request is none. Total."""

    def verify(self, request: Request, secrets: tuple[Secret, ...], now: datetime) -> None:
        """Accept silently or raise SignatureRejected; nothing else, whatever the bytes."""

    def sign(self, body: bytes, secret: Secret, now: datetime, delivery_id: str) -> dict[str, str]:
        """The headers with which the platform would send this body: for the sandbox, the command and tests.

        Raises Misconfigured for a key that signs nothing.
        """


def pushing(channel: Channel) -> Pushing | None:
    """The channel as one that is called, or None for one that is not."""
    return cast("Pushing", channel) if hasattr(channel, "verify") else None


def accepted(channel: Pushing) -> Response:
    """What a platform is told that delivered: its own form where the channel names one as ACCEPTED, else a bare 200."""
    return getattr(channel, "ACCEPTED", Response(200))


def addressee(channel: Pushing, request: Request, secrets: tuple[Secret, ...]) -> str | None:
    """Whose a verified delivery is, where the channel says by a function `addressee` that its bodies do not."""
    told: Callable[[Request, tuple[Secret, ...]], str | None] | None = getattr(channel, "addressee", None)
    return None if told is None else told(request, secrets)
