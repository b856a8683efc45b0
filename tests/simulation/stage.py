"""Nightdesk on the simulated world's ports, with customers, agents and platforms around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from shared import channels
from shared.domain.calendar import Calendar, Interval
from shared.domain.events import Surface
from shared.domain.policy import Acknowledging, Agent, Policy, Rule
from shared.domain.records import Target
from shared.ports import Timer
from shared.services.agent_mail import AgentMails
from shared.services.clock import ObligationClock
from shared.services.dispatch import Dispatch
from shared.services.fetch import Fetcher
from shared.services.intake import Intake
from shared.services.people import Office, People
from shared.services.profiles import Profiles
from shared.services.reporting import Reporting
from shared.services.send import Sender
from shared.services.sweep import Sweep
from shared.services.webhook import Webhook
from tests.simulation import ports
from tests.simulation.mailbox import Mailbox, Manners
from tests.simulation.platforms import Deliveries, Habits, WorldPlatforms
from tests.simulation.venues import Venue
from tests.simulation.world import Machine, Queue, Stream, World

AGENT = Agent("ana@company.example", "Ana")
LEAD = Agent("lead@company.example", "Lea")
DOMAIN = "in.company.example"
LIMIT = 60  # of a post, where an answer takes two: longer than its sentences, shorter than both


def policy_until(closing_minute: int) -> Policy:
    """The company's rules, with people there until this minute of the day."""
    week = {day: (Interval(9 * 60, closing_minute),) for day in range(5)}
    return Policy(
        version=f"until {closing_minute}",
        company="Company",
        calendars={"office": Calendar("Europe/Berlin", week)},
        rules=(Rule(name="all", calendar="office", first_response=timedelta(minutes=30), warn_after=0.5),),
        agents=(AGENT,),
        escalate_to=(LEAD,),
        acknowledging=Acknowledging(
            text="This is an automatic answer. {greeting} People are back {back}.",
            max_age=timedelta(minutes=15),
            quiet_after_person=timedelta(minutes=30),
        ),
    )


POLICY = policy_until(17 * 60)
SHORTER = policy_until(16 * 60 + 30)  # what some seeds change to in the middle of a night


@dataclass
class Said:
    """One thing a customer wrote: the ground truth."""

    mid: str
    venue: Venue
    customer: str
    text: str
    at: datetime
    words: str = ""  # after the newest edit
    gone_at: datetime | None = None

    def __post_init__(self) -> None:
        self.words = self.text

    @property
    def conversation_id(self) -> str:
        return self.venue.conversation_id(self.customer)


@dataclass(frozen=True)
class ByHand:
    """One thing a person of ours wrote in the platform's app: the ground truth."""

    mid: str
    venue: Venue
    customer: str
    text: str
    at: datetime


def as_built(_: Stage) -> None:
    """The rig of the real thing: nothing is changed."""


@dataclass
class Stage:
    """One world with everything in it."""

    world: World
    rig: Callable[[Stage], None] = as_built  # mutants put their own parts in
    habits: Habits = field(default_factory=Habits)
    manners: Manners = field(default_factory=Manners)
    said: dict[str, Said] = field(default_factory=dict)
    by_hand: list[ByHand] = field(default_factory=list)
    swept: bool = False
    narrow: bool = False  # an answer takes two posts
    one_slot: bool = False  # a comment has room for one answer

    def __post_init__(self) -> None:
        world = self.world
        self.clock, self.ids = ports.WorldClock(world), ports.WorldIds(world)
        self.inbox = Queue(world, "intake", lambda delivery: self.intake.take(delivery))
        self.outbox = Queue(world, "send", lambda key: self.sender.carry(key))
        self.receipts = Queue(world, "mail", lambda notification: self.agent_mails.take(notification))
        self.stream = Stream(world, lambda key: self.dispatch.carry_out(key))
        self.machine = Machine(world, self._look)
        self.desk = ports.WorldDesk(world, self.stream)
        self.archive, mails = ports.WorldArchive(world), ports.WorldArchive(world)
        self.deliveries = Deliveries(world, lambda channel, request: self.webhook.answer(channel, request))
        self.platforms = WorldPlatforms(world, self.deliveries, self.habits, self._reader_of)
        self.mailbox = Mailbox(
            world, (AGENT, LEAD), mails, self.receipts, self._author_of, self._writes_again, self.manners
        )
        self.mailbox.halves = self.narrow
        self.mailer = ports.WorldMailer(world, readers=[self.mailbox.read])
        self.notifier = ports.WorldNotifier(world)
        self.deploy(POLICY)

    def deploy(self, policy: Policy) -> None:
        """A new version takes over; what runs goes on with the old one."""
        world, desk, clock, secrets = self.world, self.desk, self.clock, ports.WorldSecrets()
        office = Office(policy, DOMAIN)
        people = People(desk, self.mailer, self.notifier, channels.load, secrets, clock, office)
        inbox, outbox = ports.WorldInbox(world, self.inbox), ports.WorldOutbox(world, self.outbox)
        timers = ports.WorldTimers(world, self.machine)
        self.webhook = Webhook(channels.load, secrets, inbox, ports.SkewedClock(world), self.ids, 10**6)
        self.intake = Intake(desk, self.archive, channels.load, policy, clock)
        profiles = Profiles(desk, channels.load, secrets, self.platforms, clock)
        fetcher = Fetcher(desk, channels.load, secrets, self.platforms, inbox, clock)
        reporting = Reporting(self.mailer, self.notifier, office)
        self.dispatch = Dispatch(desk, timers, outbox, people, profiles, fetcher, reporting)
        self.obligations = ObligationClock(desk, clock)
        self.sender = Sender(desk, self.platforms, policy, clock, self.ids)
        self.agent_mails = AgentMails(
            desk, self.mailbox.kept, self.mailer, self._answerable, secrets, clock, office, inbox
        )
        self.rig(self)
        self.sweep = Sweep(desk, self.dispatch, self.obligations, clock)

    def _answerable(self, name: str) -> Any:
        """The channel as agents' answers meet it in this world."""
        channel = channels.load(name)
        capabilities = {
            surface: replace(
                capability,
                limit=LIMIT if self.narrow else capability.limit,
                parts=2 if self.narrow else capability.parts,
                single_slot=self.one_slot and surface is Surface.COMMENT,
            )
            for surface, capability in channel.CAPABILITIES.items()
        }
        return SimpleNamespace(CAPABILITIES=capabilities, reply=channel.reply)

    def sweep_every(self, interval: timedelta, until: datetime) -> None:
        """The sweep's schedule, thinned out: only a sweep that failed is followed by the next within a minute."""
        self.swept = True

        def run() -> None:
            if self.world.now < until:
                self.world.invoke(
                    "sweep", self.sweep.run, lambda _: again(interval), lambda: again(timedelta(minutes=1))
                )

        def again(after: timedelta) -> None:
            self.world.at(self.world.now + after, run)

        run()

    def _look(self, timer: Timer) -> Any:
        return self.obligations.look(timer.conversation_id, Target(timer.target), timer.revision)

    # -- what people do on the platforms --------------------------------------------------------------------------

    def writes(self, venue: Venue, customer: str, mid: str) -> None:
        """A customer writes."""
        said = self.said[mid] = Said(mid, venue, customer, f"Words of {mid}.", self.world.now)
        self.world.note(f"{customer} SAYS {mid} on {venue.name}")
        self.deliveries.fact(venue, mid, venue.said(customer, mid, said.text, said.at))

    def _writes_again(self, mid: str) -> None:
        said = self.said[mid]
        self.writes(said.venue, said.customer, f"m-{said.customer}-again-{len(self.said)}")

    def edits(self, mid: str, number: int) -> None:
        """A customer changes what they wrote."""
        said = self.said[mid]
        if said.gone_at is None:
            said.words = f"{said.text} Edit {number}."
            self.world.note(f"{said.customer} EDITS {mid}, for the {number}. time")
            entry = said.venue.edited(said.customer, mid, said.words, self.world.now)
            self.deliveries.fact(said.venue, f"edit {number} of {mid}", entry)

    def takes_back(self, mid: str) -> None:
        """A customer takes back what they wrote."""
        said = self.said[mid]
        said.gone_at = self.world.now
        self.world.note(f"{said.customer} TAKES BACK {mid}")
        self.deliveries.fact(said.venue, f"deletion of {mid}", said.venue.taken_back(said.customer, mid, said.gone_at))

    def answers_by_hand(self, venue: Venue, customer: str, mid: str, answers: str) -> None:
        """A person of ours answers in the platform's own app what can be seen there."""
        one = ByHand(mid, venue, customer, f"By hand {mid}.", self.world.now)
        self.by_hand.append(one)
        self.world.note(f"a person ANSWERS {customer} by hand: {mid} below {answers}")
        self.deliveries.fact(venue, mid, venue.by_hand(customer, mid, one.text, one.at, answers))

    def _reader_of(self, venue: Venue, mid: str) -> str | None:
        said = self.said.get(mid)
        return said.customer if said is not None and said.venue == venue and said.gone_at is None else None

    def _author_of(self, mid: str) -> str:
        return self.said[mid].customer
