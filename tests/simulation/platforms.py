"""The platforms' side: they post what they are asked to, as often as they are asked to, and tell of what happens."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared import channels
from shared.domain.exchange import Answer as HttpAnswer
from shared.domain.exchange import Call, Outbound, Outcome, Posted, Refusal, Refused, Request, Unclear
from shared.errors import Unavailable
from tests.simulation.venues import COMMENTS, SECRETS, VENUES, WHATSAPP, Aim, Entry, Venue, body_of
from tests.simulation.world import AnswerLost, World

Answer = Callable[[Any], None]


@dataclass(frozen=True)
class Fact:
    """One thing a person did on a platform, as the platform tells of it."""

    name: str
    at: datetime
    channel: str
    entry: Entry


@dataclass(frozen=True)
class OnPlatform:
    """One text of ours that customers can read: the ground truth."""

    venue: Venue
    customer: str | None  # who reads it; None where it stands below nothing that a customer wrote
    text: str
    at: datetime
    below: str | None
    token: str | None
    native: str

    @property
    def conversation_id(self) -> str:
        """The conversation it can be read in."""
        return self.venue.conversation_id(self.customer or "")


@dataclass
class Deliveries:
    """Webhooks: repeated until they are answered with 200, sometimes twice, in any order, alone or together."""

    world: World
    answer: Callable[[str, Request], Any]
    batched: bool = False
    junk: float = 0.0
    facts: list[Fact] = field(default_factory=list)
    accepted: dict[str, datetime] = field(default_factory=dict)  # when the first delivery of it was answered with 200
    spoilt: list[bytes] = field(default_factory=list)  # bodies that hold something nobody can understand
    _waiting: dict[str, list[tuple[str, Entry]]] = field(default_factory=dict)

    def fact(self, venue: Venue, name: str, entry: Entry) -> None:
        """A person did something."""
        self.facts.append(Fact(name, self.world.now, venue.channel, entry))
        self.tell(venue, name, entry)

    def tell(self, venue: Venue, name: str, entry: Entry) -> None:
        """Deliver it soon or late, with what else there is to tell by then."""
        one = (name, entry)
        line = self._waiting.setdefault(venue.channel, []) if self.batched else [one]
        if self.batched:
            line.append(one)
        self.world.soon(lambda: self._send(venue, line), most=self.world.rng.choice([1, 30, 240]))

    def unreadable(self, venue: Venue) -> None:
        """Deliver something that is signed and no JSON."""
        body = body_of(venue.channel, [])[:-3] + str(len(self.spoilt)).encode()
        self.spoilt.append(body)
        self._post(venue.channel, body, ("unreadable",))

    def _send(self, venue: Venue, line: list[tuple[str, Entry]]) -> None:
        if not line:
            return  # went along with another
        names, entries = [name for name, _ in line], [entry for _, entry in line]
        line.clear()
        self.world.rng.shuffle(entries)
        spoils = not self.world.healed and self.world.rng.random() < self.junk
        if spoils:
            entries.insert(self.world.rng.randrange(len(entries) + 1), venue.junk(self.world.now))
        body = body_of(venue.channel, entries)
        if spoils:
            self.spoilt.append(body)
        self._post(venue.channel, body, tuple(names))
        if self.world.twice():
            self.world.soon(lambda: self._post(venue.channel, body, tuple(names)), most=600)

    def _post(self, channel: str, body: bytes, names: tuple[str, ...]) -> None:
        headers = channels.load_pushing(channel).sign(body, SECRETS[channel][0], self.world.now, "")
        request = Request(method="POST", headers={k.lower(): v for k, v in headers.items()}, query={}, body=body)

        def done(response: Any) -> None:
            if response.status != 200:
                failed()
                return
            for name in names:
                self.accepted.setdefault(name, self.world.now)

        def failed() -> None:
            self.world.soon(lambda: self._post(channel, body, names), most=60)

        self.world.note(f"{channel} delivers {', '.join(names)}")
        self.world.invoke("webhook", lambda: self.answer(channel, request), done, failed)


@dataclass
class Habits:
    """What platforms do with what they took, by the seed."""

    echoes: float = 0.9  # an echo comes at all
    tokens: float = 0.5  # and carries the token where the platform hands it back
    failures: float = 0.15  # what was taken is not delivered after all

    @classmethod
    def drawn(cls, rng: random.Random) -> Habits:
        return cls(echoes=rng.choice([0.7, 1.0]), tokens=rng.choice([0.0, 0.5, 1.0]), failures=rng.choice([0.0, 0.3]))


@dataclass
class WorldPlatforms:
    """The port: the real channel makes the HTTP call, and what the call asks for is done."""

    world: World
    deliveries: Deliveries
    habits: Habits
    reader_of: Callable[[Venue, str], str | None]  # who wrote the comment of this id; None where it is gone
    posts: list[OnPlatform] = field(default_factory=list)
    undelivered: set[str] = field(default_factory=set)

    def post(self, outbound: Outbound) -> Outcome:
        """As shared/adapters/platforms.py: a call that could not be made is Refused, a lost answer is Unclear."""
        secret = next(s for s in SECRETS[outbound.channel] if s.account_id == outbound.account_id)
        call = channels.load(outbound.channel).reply(outbound, secret, self.world.now)
        if isinstance(call, Refused):
            return call
        venue = next(v for v in VENUES if v.channel == outbound.channel and v.public == ("comments" in call.url))
        aim = venue.aim(call)
        try:
            return self.world.cross("platforms.post", lambda: self._take(venue, aim))
        except AnswerLost:
            return Unclear("the answer was lost")
        except Unavailable:
            return Refused(refusal=Refusal.LATER, reason="throttled")

    def perform(self, call: Call) -> HttpAnswer | Refused | Unclear:
        """Nobody is looked up and nothing is fetched here: what a channel asks for by itself is not there."""
        return HttpAnswer(status=404)

    def _take(self, venue: Venue, aim: Aim) -> Outcome:
        customer = aim.recipient if aim.below is None or not venue.public else self._reader(venue, aim.below)
        if customer is None and venue.public:
            return Refused(refusal=Refusal.NEVER, reason="What is answered is gone.")
        native = f"native-{len(self.posts)}"
        post = OnPlatform(venue, customer, aim.text, self.world.now, aim.below, aim.token, native)
        self.posts.append(post)
        self.world.note(f"{venue.name} SHOWS {customer}: {aim.text!r} ({native}, below {aim.below})")
        self._tell_of(post)
        return Posted(native)

    def _reader(self, venue: Venue, below: str) -> str | None:
        """Who reads what stands below a comment, ours or theirs."""
        ours = (post.customer for post in self.posts if post.native == below)
        return next(ours, None) or self.reader_of(venue, below)

    def _tell_of(self, post: OnPlatform) -> None:
        venue, customer = post.venue, post.customer or ""
        rng = self.world.rng
        if venue == WHATSAPP:
            if rng.random() < self.habits.failures:
                self.undelivered.add(post.native)
            last = "failed" if post.native in self.undelivered else "delivered"
            for word in ("sent", last):
                entry = WHATSAPP.status(customer, post.native, word, self.world.now, post.token)
                self.deliveries.tell(venue, f"status {word} of {post.native}", entry)
        elif rng.random() < self.habits.echoes:
            token = post.token if rng.random() < self.habits.tokens else None
            answers = post.below if venue == COMMENTS else None
            entry = venue.echo(customer, post.native, post.text, self.world.now, answers, token)
            self.deliveries.tell(venue, f"echo of {post.native}", entry)
