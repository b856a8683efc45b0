"""A made-up platform that has to be asked, and the channel that asks it. What it shows depends on the time alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from shared.domain.events import Event, Kind, Surface, Visibility
from shared.domain.exchange import (
    About,
    Answer,
    Call,
    Capability,
    Channel,
    How,
    Outbound,
    Outcome,
    Posted,
    Refusal,
    Refused,
    Secret,
    Unclear,
)
from shared.domain.polling import Ask, Feed, Item, Page

CHANNEL, ACCOUNT = "asked", "acme"
EMPTY = "~"  # at the end of a token: the empty page before it was served

ABOUT = About(
    title="Asked",
    how=(How.POLL,),
    docs="https://asked.example/docs",
    checked=date(2026, 11, 1),
    acknowledging="off",
    author="nothing",
    unproven="all of it",
)


@dataclass(kw_only=True)
class Said:
    """Something a person said there. `place` is where it stands among the others, as a time that may not be its own."""

    item_id: str
    feed: str
    at: datetime | None
    shown_at: datetime
    text: str = "words"
    place: datetime | None = None
    gone_at: datetime | None = None
    edits: list[tuple[datetime, str]] = field(default_factory=list)
    parent: str | None = None

    @property
    def stands_at(self) -> datetime:
        """Where among the others."""
        return self.place or self.at or self.shown_at

    @property
    def told_at(self) -> list[datetime]:
        """When a log tells of it."""
        return [self.shown_at, *(at for at, _ in self.edits)]

    def shows(self, now: datetime) -> bool:
        """Whether people can read it."""
        return self.shown_at <= now and (self.gone_at is None or now < self.gone_at)

    def edited(self, now: datetime) -> int:
        """How often by now."""
        return sum(at <= now for at, _ in self.edits)

    def reads(self, now: datetime) -> str:
        """Its words by now."""
        return ([self.text] + [text for at, text in self.edits if at <= now])[-1]


@dataclass
class AskedPlatform:
    """What it shows: newest first with tokens that name the place where a page ended, or as a log with a cursor.

    Answers to something hang below it and are fetched by its token.
    """

    forward: frozenset[str] = frozenset()  # feeds that are logs
    said: list[Said] = field(default_factory=list)
    limit: Callable[[], int] = lambda: 100
    empties: Callable[[], bool] = lambda: False  # whether a page is empty though there are more
    asked: list[Mapping[str, Any]] = field(default_factory=list)

    def answer(self, call: Call, now: datetime) -> Answer:
        """What the platform answers just now."""
        ask = json.loads(call.body or b"{}")
        self.asked.append(ask)
        return Answer(status=200, body=json.dumps(self._page(ask, now)).encode())

    def _page(self, ask: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        token = ask.get("token") or ""
        if ask.get("ids"):
            named = (s for s in self._shown(ask["feed"], now) if s.item_id in ask["ids"])
            return {"items": [self._raw(one, now) for one in named]}
        if ask["feed"] in self.forward:
            return self._log(ask, now)
        if not token.endswith(EMPTY) and self.empties():
            return {"items": [], "next": token + EMPTY}
        below, bar, after = token.removesuffix(EMPTY).partition("|") if token.startswith("below:") else ("", "", token)
        if below:
            listed = sorted(self._replies(below.removeprefix("below:"), now), key=_place)
            rest = [one for one in listed if _spelt(one) > after]
        else:
            listed = sorted(self._shown(ask["feed"], now), key=_place, reverse=True)
            place = after.removesuffix(EMPTY)
            rest = [one for one in listed if not place or _spelt(one) < place]
        page = rest[: self.limit()]
        more = f"{below}{bar or '|' if below else ''}{_spelt(page[-1])}" if len(rest) > len(page) else None
        return {"items": [self._raw(one, now) for one in page], "next": more}

    def _log(self, ask: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """Each saying and each edit is an entry, in the order in which they were made."""
        mine = [s for s in self.said if s.feed == ask["feed"]]
        entries = sorted((_entry(at, s), s.item_id) for s in mine for at in s.told_at if at <= now)
        cursor = ask.get("cursor")
        since = cursor if cursor is not None else ask["since"]
        rest = [(entry, name) for entry, name in entries if entry > since]
        page = rest[: self.limit()]
        shown = {s.item_id: s for s in mine if s.shows(now)}
        items = [self._raw(shown[name], now) for name in dict.fromkeys(name for _, name in page) if name in shown]
        return {"items": items, "cursor": page[-1][0] if page else cursor}

    def _shown(self, feed: str, now: datetime) -> list[Said]:
        return [s for s in self.said if s.feed == feed and s.parent is None and s.shows(now)]

    def _replies(self, parent: str, now: datetime) -> list[Said]:
        return [s for s in self.said if s.parent == parent and s.shows(now)]

    def _raw(self, said: Said, now: datetime) -> dict[str, Any]:
        below = [(reply.item_id, reply.edited(now)) for reply in self._replies(said.item_id, now)]
        edited = [at for at, _ in said.edits if at <= now]
        return {
            "id": said.item_id,
            "at": None if said.at is None else said.at.isoformat(),
            "text": said.reads(now),
            "edited": edited[-1].isoformat() if edited else None,
            "rev": hashlib.sha256(repr((len(edited), sorted(below))).encode()).hexdigest()[:12],
            "below": f"below:{said.item_id}" if below else None,
            "parent": said.parent,
        }


def _entry(at: datetime, said: Said) -> str:
    return f"{at.isoformat(timespec='microseconds')}|{said.item_id}"


def _spelt(said: Said) -> str:
    return f"{said.stands_at.isoformat(timespec='microseconds')} {said.item_id}"


def _place(said: Said) -> str:
    return _spelt(said)


@dataclass
class AskedChannel:
    """The channel, as one file of shared/channels/ would be."""

    FEEDS: tuple[Feed, ...] = (Feed(name="news"),)
    ABOUT: About = ABOUT
    CAPABILITIES: Mapping[Surface, Capability] = field(
        default_factory=lambda: {Surface.COMMENT: Capability(replies=True, limit=1000)}
    )

    def ask(self, ask: Ask, secret: Secret) -> Call | Refused:
        wanted = {
            "feed": ask.feed,
            "since": ask.since.isoformat(),
            "cursor": ask.cursor,
            "token": ask.token,
            "ids": ask.ids,
            "phrase": ask.phrase,
        }
        return Call(method="GET", url="https://asked.example/", body=json.dumps(wanted).encode())

    def page(self, ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:
        if answer.status != 200:
            return refusal_of(answer)
        read = json.loads(answer.body)
        items = [item_of(raw) for raw in read["items"]]
        return Page(items=items, next=read.get("next"), cursor=read.get("cursor"))

    def parse(self, body: bytes, received_at: datetime) -> tuple[Event, ...]:
        read = json.loads(body)
        return tuple(event for raw in read["items"] for event in events_of(read["account_id"], raw))

    def reply(self, outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
        return Call(method="POST", url="https://asked.example/replies", body=outbound.text.encode())

    def outcome(self, answer: Answer) -> Outcome:
        return Posted(answer.body.decode())

    def __call__(self, name: str) -> Channel:
        """As the Channels port: every name is this channel."""
        return self


def refusal_of(answer: Answer) -> Refused:
    """429 later, 401 blocked, all else never."""
    refusal = {429: Refusal.LATER, 401: Refusal.BLOCKED}.get(answer.status, Refusal.NEVER)
    after = answer.headers.get("retry-after")
    wait = None if after is None else timedelta(seconds=int(after))
    return Refused(refusal=refusal, reason=f"It answered {answer.status}.", after=wait)


def item_of(raw: Mapping[str, Any]) -> Item:
    """An item as the channel reads it."""
    at = raw.get("at")
    return Item(
        item_id=raw["id"],
        revision=raw.get("rev") or "",
        at=None if at is None else datetime.fromisoformat(at),
        raw=raw,
        below=raw.get("below"),
    )


def events_of(account_id: str, raw: Mapping[str, Any]) -> tuple[Event, ...]:
    """What was said, and that it was edited."""
    at = raw.get("at")
    message = Event(
        kind=Kind.ECHO if raw.get("own") else Kind.MESSAGE,
        channel=CHANNEL,
        account_id=account_id,
        surface=Surface.COMMENT,
        visibility=Visibility.PUBLIC,
        thread_id=raw.get("parent") or raw["id"],
        message_id=raw["id"],
        author_id=f"author of {raw['id']}",
        customer_id=f"author of {raw['id']}",
        text=raw.get("text"),
        sent_at=None if at is None else datetime.fromisoformat(at),
    )
    if not raw.get("edited"):
        return (message,)
    edit = Event(
        kind=Kind.EDIT,
        channel=CHANNEL,
        account_id=account_id,
        surface=Surface.COMMENT,
        visibility=Visibility.PUBLIC,
        message_id=raw["id"],
        text=raw.get("text"),
        sent_at=datetime.fromisoformat(raw["edited"]),
    )
    return message, edit


@dataclass
class AskedPlatforms:
    """The port: the platform answers, unless the script says otherwise for the next calls."""

    platform: AskedPlatform
    now: Callable[[], datetime]
    script: list[Answer | Refused | Unclear | None] = field(default_factory=list)  # None: as the platform answers
    calls: list[Call] = field(default_factory=list)

    def post(self, outbound: Outbound) -> Outcome:
        raise NotImplementedError("nothing is posted here")

    def perform(self, call: Call) -> Answer | Refused | Unclear:
        self.calls.append(call)
        scripted = self.script.pop(0) if self.script else None
        return self.platform.answer(call, self.now()) if scripted is None else scripted


def names(bodies: Sequence[bytes]) -> list[str]:
    """The ids of the items in deliveries, in their order."""
    return [raw["id"] for body in bodies for raw in json.loads(body)["items"]]
