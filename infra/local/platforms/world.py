"""What exists on the platforms: accounts, people, texts, and what we posted. In memory, mirrored to one JSON file."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(slots=True, kw_only=True)
class Account:
    """One account of a channel and how it behaves. `echoes` off: nothing is delivered after a post; `fails_late`:
    what the platform would refuse at once is taken and reported as failed afterwards (WhatsApp does both).
    """

    channel: str
    account_id: str
    signing: list[str] = field(default_factory=list)
    credentials: dict[str, str] = field(default_factory=dict)
    verify_token: str | None = None
    echoes: bool = True
    fails_late: bool = False

    @property
    def token(self) -> str | None:
        """The bearer token that acts for this account."""
        return self.credentials.get("access_token")

    def is_called(self, object_id: str) -> bool:
        """Whether a path may name the account so: by its own id or by one its credentials hold, such as a Page's."""
        named = (value for name, value in self.credentials.items() if name != "access_token")
        return object_id == self.account_id or object_id in named


@dataclass(slots=True, kw_only=True)
class Person:
    """A customer as one account sees them. `wrote_at` (seconds) opened the window; None: never wrote privately."""

    channel: str
    account_id: str
    person_id: str
    name: str | None = None
    handle: str | None = None
    aliases: list[str] = field(default_factory=list)
    wrote_at: float | None = None


@dataclass(slots=True, kw_only=True)
class Text:
    """A public text: a comment, a visitor's post, a review. `top` is where answers to it are attached."""

    channel: str
    account_id: str
    object_id: str
    author_id: str | None
    author_name: str | None
    text: str | None
    top: str
    root: str  # the post or medium it belongs to
    created_at: float
    own: bool = False
    removed: bool = False
    answered_privately: bool = False


@dataclass(slots=True, kw_only=True)
class Post:
    """Something we posted and the platform took."""

    channel: str
    account: str
    kind: str  # dm, comment, private_reply, reply
    thread: str
    recipient: str | None
    text: str
    native_id: str
    at: float
    request: object


@dataclass(slots=True, kw_only=True)
class Shown:
    """Something a platform shows to whoever asks: one item of a feed, as the platform writes it."""

    channel: str
    account_id: str
    feed: str
    item_id: str
    at: float
    raw: dict[str, object]


@dataclass(slots=True, kw_only=True)
class Fault:
    """Trouble that the next posts to a host will meet, `times` times; only those of a channel where one is named."""

    host: str
    kind: str
    times: int
    channel: str | None = None
    seconds: float = 3.0


@dataclass(slots=True, kw_only=True)
class Told:
    """A delivery of ours to the webhook and what came of it: an HTTP status, or 0 where nobody answered."""

    channel: str
    status: int
    body: str
    at: float
    attempts: int


@dataclass(slots=True, kw_only=True)
class World:
    """All of it. Callers hold the sandbox's lock."""

    webhook_url: str | None = None
    accounts: list[Account] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)  # what the website took: webhook-id, its own id

    def account(self, channel: str, account_id: str) -> Account | None:
        """The account of that id."""
        return next((a for a in self.accounts if a.channel == channel and a.account_id == account_id), None)

    def person(self, channel: str, account_id: str, person_id: str) -> Person | None:
        """The person whom an account knows under this id or alias."""
        return next(
            (
                p
                for p in self.people
                if p.channel == channel
                and p.account_id == account_id
                and (p.person_id == person_id or person_id in p.aliases)
            ),
            None,
        )

    def meet(self, channel: str, account_id: str, person_id: str) -> Person:
        """The person, made where they are new."""
        known = self.person(channel, account_id, person_id)
        if known is None:
            known = Person(channel=channel, account_id=account_id, person_id=person_id)
            self.people.append(known)
        return known

    def text(self, channel: str, object_id: str) -> Text | None:
        """The public text of that id that is still there."""
        return next(
            (t for t in self.texts if t.channel == channel and t.object_id == object_id and not t.removed), None
        )

    def put_text(self, text: Text) -> None:
        """Note a public text. A second delivery changes its words; one that was removed stays removed."""
        known = next((t for t in self.texts if t.channel == text.channel and t.object_id == text.object_id), None)
        if known is None:
            self.texts.append(text)
        else:
            known.text = text.text or known.text

    def remove_text(self, channel: str, account_id: str, object_id: str, at: float) -> None:
        """Note a removal, also of a text that was not heard of yet."""
        gone = Text(
            channel=channel, account_id=account_id, object_id=object_id, author_id=None, author_name=None,
            text=None, top=object_id, root=object_id, created_at=at,
        )  # fmt: skip
        self.put_text(gone)
        for text in self.texts:
            if text.channel == channel and text.object_id == object_id:
                text.removed = True

    def show(self, item: Shown) -> None:
        """Show an item from now on; one that is shown already is replaced."""
        place = (item.channel, item.account_id, item.feed, item.item_id)
        others = [s for s in self.shown if (s.channel, s.account_id, s.feed, s.item_id) != place]
        self.shown[:] = [*others, item]

    def feed(self, channel: str, account_id: str, feed: str) -> list[Shown]:
        """What a feed shows, newest first."""
        found = [s for s in self.shown if (s.channel, s.account_id, s.feed) == (channel, account_id, feed)]
        return sorted(found, key=lambda s: (s.at, s.item_id), reverse=True)

    def take_fault(self, host: str, channel: str) -> Fault | None:
        """The trouble this post meets, used up by one."""
        for fault in self.faults:
            if fault.host == host and fault.times > 0 and fault.channel in {None, channel}:
                fault.times -= 1
                return fault
        return None


def page_behind(shown: list[Shown], item_id: str | None, size: int) -> tuple[list[Shown], str | None] | None:
    """A page, and the id of its last item where more follow. A token that names the last item seen is not shifted by
    what is new above it; None where it names no item.
    """
    start = 1 + next((n for n, s in enumerate(shown) if s.item_id == item_id), -1)
    if item_id and start == 0:
        return None
    rows = shown[start : start + size]
    return rows, rows[-1].item_id if rows and start + size < len(shown) else None


def wrote(person: Person, at: datetime) -> None:
    """A message of theirs opens the window; an older one that arrives late does not close it."""
    person.wrote_at = max(person.wrote_at or 0.0, at.timestamp())


def digits(count: int = 15) -> str:
    """A fresh id as platforms number their objects."""
    return str(10 ** (count - 1) + secrets.randbelow(9 * 10 ** (count - 1)))


def opaque(prefix: str, length: int = 24) -> str:
    """A fresh id as platforms name their messages."""
    return prefix + base64.urlsafe_b64encode(secrets.token_bytes(length)).decode().rstrip("=")


_LISTS = {
    "accounts": Account, "people": Person, "texts": Text, "posts": Post, "shown": Shown, "faults": Fault, "told": Told,
}  # fmt: skip


def save(world: World, file: Path) -> None:
    """Write the world; a reader sees the old file or the new one, never half of it."""
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(asdict(world), ensure_ascii=False, indent=1), "utf-8", "replace")
    beside.replace(file)


def load(file: Path) -> World:
    """The world that was saved there, or an empty one."""
    if not file.exists():
        return World()
    kept = json.loads(file.read_text("utf-8"))
    world = World(webhook_url=kept["webhook_url"], taken=kept["taken"])
    for name, kind in _LISTS.items():
        getattr(world, name).extend(kind(**item) for item in kept.get(name, ()))
    return world
