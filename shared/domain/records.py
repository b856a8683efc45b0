"""What the desk keeps. Every record carries the version it was read at; storing it asserts nobody was faster."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from shared.domain.events import Attachment, Surface, Visibility


class Key(NamedTuple):
    """Where a record lives: the partition it shares with what is read together, and its place in it."""

    partition: str
    sort: str


class Intent(StrEnum):
    """An effect recorded with the fact that causes it, not yet done."""

    HAND_OFF = "hand_off"  # on a message: tell people about it
    START_TIMER = "start_timer"  # on an obligation
    STOP_TIMER = "stop_timer"
    WARN = "warn"  # on an obligation: tell people it is due soon
    ESCALATE = "escalate"  # on an obligation: tell people it was missed
    POST = "post"  # on a send: put it on its lane
    TELL = "tell"  # on a send: tell the agent what became of it
    FETCH = "fetch"  # on an errand: ask the platform for what a pointer named
    REPORT = "report"  # on a watch or errand: tell people that it does not get through


class Author(StrEnum):
    """Who wrote a message."""

    CUSTOMER = "customer"
    PERSON = "person"  # one of us
    BOT = "bot"  # Nightdesk itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The facts about one message of a platform. `author` is None while only an edit or a deletion of it is known."""

    channel: str
    account_id: str
    message_id: str
    conversation_id: str | None = None
    author: Author | None = None
    author_id: str | None = None
    author_name: str | None = None
    author_handle: str | None = None
    text: str | None = None
    attachments: tuple[Attachment, ...] = ()
    sent_at: datetime | None = None
    received_at: datetime | None = None
    in_reply_to: str | None = None
    rating: int | None = None
    link: str | None = None
    repaired: bool = False  # found by asking, where the platform should have told us
    edited_at: datetime | None = None  # of the newest edit that `text` shows
    deleted_at: datetime | None = None  # once set, stays
    answered_at: datetime | None = None  # a person's answer to it that was heard of before the message itself
    answered_by: tuple[str, ...] = ()  # the ids of such answers, which belong to no conversation until it comes
    archive_key: str | None = None  # of the delivery that brought it
    intents: tuple[Intent, ...] = ()
    version: int = 0

    @property
    def key(self) -> Key:
        """The platform's identity of the message, so that a second delivery finds the first."""
        return message_key(self.channel, self.account_id, self.message_id)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A customer's message that no person has answered yet."""

    message_id: str
    sent_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One customer in one thread of one account."""

    conversation_id: str
    channel: str
    account_id: str
    surface: Surface
    visibility: Visibility
    thread_id: str
    customer_id: str | None
    customer_name: str | None = None
    customer_handle: str | None = None
    customer_followers: int | None = None
    customer_verified: bool | None = None
    link: str | None = None  # where a person sees the customer's newest message
    unaddressed: bool = False  # nobody said it to us: found by listening
    opened_at: datetime
    waiting: tuple[Waiting, ...] = ()  # oldest first
    unhanded: tuple[str, ...] = ()  # message ids that people were not told of yet
    last_inbound_at: datetime | None = None
    last_message_id: str | None = None  # of the customer's newest message: what an answer answers
    last_person_at: datetime | None = None
    seen_until: datetime | None = None  # a person who answers in the platform's app has seen what was sent until then
    replied_until: datetime | None = None  # a person who answers by mail has seen what we had received until then
    last_bot_at: datetime | None = None
    acknowledged_until: datetime | None = None  # the opening time that the last acknowledgement named
    obligation_revision: int = 0  # of the newest obligation, open or not; 0 = there was none
    version: int = 0

    @property
    def key(self) -> Key:
        """The head of the conversation's partition."""
        return conversation_key(self.conversation_id)


class Target(StrEnum):
    """What is owed."""

    FIRST_RESPONSE = "first_response"


class State(StrEnum):
    """Of an obligation."""

    OPEN = "open"
    MET = "met"
    CANCELLED = "cancelled"  # nothing is left to answer: the customer took it back
    SUPERSEDED = "superseded"  # a newer revision carries it on with another due time


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """Something owed by a time. A change of its times is a new revision, so that old timers recognise themselves."""

    conversation_id: str
    target: Target
    revision: int
    channel: str
    state: State = State.OPEN
    since: datetime
    warn_at: datetime
    due_at: datetime
    rule: str  # the policy rule that set it
    policy_version: str
    met_at: datetime | None = None
    warned_at: datetime | None = None
    breached_at: datetime | None = None
    intents: tuple[Intent, ...] = ()
    version: int = 0

    @property
    def key(self) -> Key:
        """In its conversation's partition."""
        return obligation_key(self.conversation_id, self.target, self.revision)


class SendKind(StrEnum):
    """What kind of text of ours it is."""

    ACKNOWLEDGEMENT = "acknowledgement"
    REPLY = "reply"
    BY_HAND = "by_hand"  # a person said that they answered on the platform itself: nothing is posted


class SendState(StrEnum):
    """The states of one send. See shared/domain/ledger.py for the moves between them."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"  # provably not executed
    UNKNOWN = "unknown"  # the answer was lost; never sent again blindly
    WITHHELD = "withheld"  # overtaken before it was claimed: a person spoke, or the customer took it back


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """One entry of the send ledger: a text of ours that goes out at most once."""

    conversation_id: str
    send_id: str  # acknowledgement: its closed period; reply: its mail
    kind: SendKind
    text: str
    in_reply_to: str | None
    written_at: datetime  # what the customer wrote after this was not answered by it
    agent: str | None = None  # address of the person who wrote it
    part: int = 1  # of a text that is split over several posts
    parts: int = 1
    single_slot: bool = False  # there is room for one answer, which it must not replace
    mail_id: str | None = None  # Message-ID of the agent's mail, for the answer in its thread
    state: SendState = SendState.PENDING
    queued_at: datetime | None = None  # when it was put on its lane again; None: only when it was written
    owner: str | None = None  # who claimed it
    lease_until: datetime | None = None
    attempts: int = 0
    native_id: str | None = None
    settled_at: datetime | None = None
    reason: str | None = None  # why it failed, is unknown or was withheld
    by_hand: bool = False  # it failed because the platform takes it only from a person in its own app
    intents: tuple[Intent, ...] = ()
    version: int = 0

    @property
    def key(self) -> Key:
        """In its conversation's partition."""
        return send_key(self.conversation_id, self.send_id)

    @property
    def client_token(self) -> str:
        """What platforms are given to hand back: names this entry and nothing else."""
        return f"{self.conversation_id}.{self.send_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """What could not be understood or was refused, kept with its reason."""

    quarantine_id: str  # stable over retries of the same thing
    source: str  # a channel's name, or "mail"
    stage: str  # what was tried: parse, commit, read
    reason: str
    archive_key: str  # where the raw bytes are
    size: int  # bytes
    received_at: datetime
    version: int = 0

    @property
    def key(self) -> Key:
        """A partition of its own."""
        return quarantined_key(self.quarantine_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One item of a feed at one revision, handed to intake or older than our first look.

    `at` is the item's own time, or where it has none (`undated`) the time it was last shown. `below` items hang below
    another and are read with it.
    """

    item_id: str
    revision: str = ""
    at: datetime
    undated: bool = False
    below: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Where the poller stands with one feed of one account, and who reads it just now.

    `phrase` is empty but for listening. While a walk back is unfinished (`resume`), everything between there and `head`
    was read, and the watermark stays. The same record, under a feed name of its own, counts a quota, a listening rule's
    hits, holds the lease of a renewal, or keeps what a feed has shown. See shared/domain/watching.py.
    """

    channel: str
    account_id: str
    feed: str
    phrase: str = ""
    since: datetime | None = None  # where the first run began: what is older was said before our time
    watermark: datetime | None = None  # the newest time up to which nothing is missing
    head: datetime | None = None  # the newest time read by a walk that is unfinished
    resume: str | None = None  # the page at which it had to stop, short of the watermark
    cursor: str | None = None  # of a forward feed
    seen: tuple[Seen, ...] = ()  # what the feed may show again, oldest first
    asked_at: datetime | None = None
    succeeded_at: datetime | None = None  # when all was read that was there when the reading began
    revisited_at: datetime | None = None
    rest_until: datetime | None = None  # the platform asked for it, the quota is spent, or it keeps failing
    owner: str | None = None
    lease_until: datetime | None = None
    quota_day: str | None = None  # the day that `spent` and `taken` count, in the quota's zone
    spent: int = 0  # units of that day
    taken: int = 0  # hits of that day (listening)
    failures: int = 0  # in a row
    failing_since: datetime | None = None
    dead_ends: int = 0  # in a row: walks that met a page which does not come
    reason: str | None = None  # of the last failure, as a sentence a person can act on
    reported_at: datetime | None = None
    intents: tuple[Intent, ...] = ()
    version: int = 0

    @property
    def key(self) -> Key:
        """A partition of its own."""
        return watch_key(self.channel, self.account_id, self.feed, self.phrase)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Something a platform only pointed at, to be fetched."""

    channel: str
    account_id: str
    reference: str
    feed: str | None = None  # with which it is fetched, where the pointer says so
    heard_at: datetime  # of the newest pointer to it
    attempts: int = 0  # that failed, in a row
    rest_until: datetime | None = None  # before the next one
    fetched_at: datetime | None = None  # when the platform was asked, with success
    reason: str | None = None  # of the last failure
    intents: tuple[Intent, ...] = ()
    version: int = 0

    @property
    def key(self) -> Key:
        """A partition of its own."""
        return errand_key(self.channel, self.account_id, self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """What a platform told about a person when it was asked, at most once a day."""

    channel: str
    account_id: str
    customer_id: str
    name: str | None = None
    handle: str | None = None
    followers: int | None = None
    verified: bool | None = None
    looked_up_at: datetime
    version: int = 0

    @property
    def key(self) -> Key:
        """A partition of its own."""
        return customer_key(self.channel, self.account_id, self.customer_id)


Record = Message | Conversation | Obligation | Send | Quarantined | Watch | Errand | Customer


def message_key(channel: str, account_id: str, message_id: str) -> Key:
    """Key of a message by what the platform calls it. Long ids are hashed to fit a key (2,048 bytes in DynamoDB)."""
    raw = message_id.encode()
    native = message_id if len(raw) <= 512 else "sha256-" + hashlib.sha256(raw).hexdigest()
    return Key(f"M#{channel}#{account_id}#{native}", "message")


def conversation_key(conversation_id: str) -> Key:
    """Key of a conversation."""
    return Key(f"C#{conversation_id}", "conversation")


def obligation_key(conversation_id: str, target: Target, revision: int) -> Key:
    """Key of one revision of an obligation; revisions sort in their order."""
    return Key(f"C#{conversation_id}", f"O#{target}#{revision:06d}")


def send_key(conversation_id: str, send_id: str) -> Key:
    """Key of a ledger entry."""
    return Key(f"C#{conversation_id}", f"S#{send_id}")


def quarantined_key(quarantine_id: str) -> Key:
    """Key of what is kept in quarantine."""
    return Key(f"Q#{quarantine_id}", "quarantined")


def watch_key(channel: str, account_id: str, feed: str, phrase: str = "") -> Key:
    """Key of a feed's standing; a phrase of any length is hashed."""
    name = f"{feed}#{short_hash(phrase)}" if phrase else feed
    return Key(f"W#{channel}#{account_id}", name)


def errand_key(channel: str, account_id: str, reference: str) -> Key:
    """Key of an errand."""
    return Key(f"E#{channel}#{account_id}#{short_hash(reference, characters=32)}", "errand")


def customer_key(channel: str, account_id: str, customer_id: str) -> Key:
    """Key of what is known of a person."""
    return Key(f"P#{channel}#{account_id}#{short_hash(customer_id, characters=32)}", "customer")


def short_hash(*parts: str, characters: int = 16) -> str:
    """A stable lower-case base32 name for a tuple of texts; 16 characters are 80 bits."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:characters]


def conversation_id_of(channel: str, account_id: str, thread_id: str, customer_id: str) -> str:
    """The name of the conversation of one customer in one thread: the same for every delivery, in any order."""
    return short_hash(channel, account_id, thread_id, customer_id)
