"""Services on ports in memory, with time that the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from shared.domain.events import Event, Kind, Surface, Visibility
from shared.domain.exchange import Delivery
from shared.domain.policy import Agent, Policy, Rule
from shared.domain.records import (
    Conversation,
    Intent,
    Key,
    Message,
    Obligation,
    Record,
    Send,
    SendKind,
    conversation_id_of,
    conversation_key,
    message_key,
)
from shared.services.agent_mail import AgentMails
from shared.services.clock import ObligationClock
from shared.services.dispatch import Dispatch
from shared.services.fetch import Fetcher
from shared.services.intake import Intake
from shared.services.people import Office, People
from shared.services.profiles import Profiles
from shared.services.reporting import Reporting
from shared.services.send import Sender
from shared.services.webhook import Webhook
from tests.fakes.channels import ScriptedChannel
from tests.fakes.desk import MemoryDesk
from tests.fakes.effects import (
    FakePlatforms,
    MemoryArchive,
    MemoryInbox,
    MemoryMailer,
    MemoryNotifier,
    MemoryOutbox,
    MemoryTimers,
)
from tests.fakes.given import CountingIds, FakeSecrets, FixedClock
from tests.unit.domain.build import calendar_weekdays, policy
from tests.unit.services.crossings import Crossings

FRIDAY_NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # 13:00 in Berlin: open
FRIDAY_NIGHT = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
DOMAIN = "in.company.example"
LONGEST_BODY = 1000
ANA, LEA = Agent("ana@company.example", "Ana"), Agent("lea@company.example", "Lea")
OFFICE = calendar_weekdays("Europe/Berlin")
RULE = Rule(name="everything", calendar="office", first_response=timedelta(hours=1), warn_after=0.5)
POLICY = policy(version="test-1", calendars={"office": OFFICE}, rules=(RULE,), agents=(ANA,), escalate_to=(LEA,))


def message(mid: str = "m1", *, at: datetime = FRIDAY_NOON, **changes: object) -> Event:
    """A customer's direct message."""
    fields: dict[str, object] = {
        "kind": Kind.MESSAGE,
        "channel": "scripted",
        "account_id": "acc",
        "surface": Surface.DM,
        "visibility": Visibility.PRIVATE,
        "thread_id": "cust",
        "message_id": mid,
        "author_id": "cust",
        "customer_id": "cust",
        "text": f"words of {mid}",
        "sent_at": at,
    }
    return Event(**{**fields, **changes})  # type: ignore[arg-type]  # the fields are those of an event


def about(mid: str, kind: Kind, *, at: datetime = FRIDAY_NOON, **changes: object) -> Event:
    """An edit, deletion, reaction or status: about a message, saying nothing of its author."""
    return message(mid, at=at, kind=kind, author_id=None, customer_id=None, thread_id=None, text=None, **changes)


def echo(mid: str, *, at: datetime = FRIDAY_NOON, text: str = "by hand", **changes: object) -> Event:
    """Words of our own account to the customer."""
    return message(mid, at=at, kind=Kind.ECHO, author_id="acc", text=text, **changes)


@dataclass
class Stage:
    """Everything in memory."""

    clock: FixedClock = field(default_factory=lambda: FixedClock(FRIDAY_NOON))
    policy: Policy = POLICY
    desk: MemoryDesk = field(default_factory=MemoryDesk)
    channel: ScriptedChannel = field(default_factory=ScriptedChannel)
    platforms: FakePlatforms = field(default_factory=FakePlatforms)
    archive: MemoryArchive = field(default_factory=MemoryArchive)
    timers: MemoryTimers = field(default_factory=MemoryTimers)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    mailer: MemoryMailer = field(default_factory=MemoryMailer)
    notifier: MemoryNotifier = field(default_factory=MemoryNotifier)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    inbox: MemoryInbox = field(default_factory=MemoryInbox)
    mails: MemoryArchive = field(default_factory=MemoryArchive)
    crossings: Crossings = field(default_factory=Crossings)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        port, office = self.crossings.port, Office(self.policy, DOMAIN)
        desk, mailer, secrets = port("desk", self.desk), port("mailer", self.mailer), port("secrets", self.secrets)
        notifier, platforms = port("notifier", self.notifier), port("platforms", self.platforms)
        people = People(desk, mailer, notifier, self.channel, secrets, self.clock, office)
        inbox, outbox = port("inbox", self.inbox), port("outbox", self.outbox)
        self.webhook = Webhook(self.channel, secrets, inbox, self.clock, CountingIds(), LONGEST_BODY)
        self.intake = Intake(desk, port("archive", self.archive), self.channel, self.policy, self.clock)
        profiles = Profiles(desk, self.channel, secrets, platforms, self.clock)
        fetcher = Fetcher(desk, self.channel, secrets, platforms, inbox, self.clock)
        reporting = Reporting(mailer, notifier, office)
        self.dispatch = Dispatch(desk, port("timers", self.timers), outbox, people, profiles, fetcher, reporting)
        self.obligations = ObligationClock(desk, self.clock)
        self.sender = Sender(desk, platforms, self.policy, self.clock, CountingIds())
        mails = port("mails", self.mails)
        self.agent_mails = AgentMails(desk, mails, mailer, self.channel, secrets, self.clock, office, inbox)

    def deliver(self, *events: Event, received_at: datetime | None = None) -> None:
        """One delivery with these events, taken by intake now."""
        self.take(self.channel.delivery(*events), received_at=received_at)

    def take(self, body: bytes, *, received_at: datetime | None = None) -> None:
        """A delivery with this body."""
        self.intake.take(
            Delivery(
                delivery_id=f"d{next(self.numbers)}",
                channel="scripted",
                body=body,
                received_at=received_at or self.clock.now(),
            )
        )

    def dispatch_all(self) -> None:
        """Carry out everything that is intended."""
        for key in tuple(self.desk.records):
            self.dispatch.carry_out(key)

    def send_all(self) -> None:
        """Carry what dispatch has queued."""
        for key in self.outbox.waiting:
            self.sender.carry(key)
        self.outbox.waiting.clear()

    def put(self, *records: Record) -> None:
        """Have these on the desk, as if committed before."""
        self.desk.commit(records)

    def conversation(self, thread: str = "cust", customer: str = "cust") -> Conversation:
        """The conversation of a customer."""
        found = self.desk.records[conversation_key(conversation_id_of("scripted", "acc", thread, customer))]
        assert isinstance(found, Conversation)
        return found

    def message(self, mid: str) -> Message:
        """A message by the platform's id."""
        found = self.desk.records[message_key("scripted", "acc", mid)]
        assert isinstance(found, Message)
        return found

    def obligations_of(self, conversation: Conversation) -> tuple[Obligation, ...]:
        """All revisions."""
        return self.desk.obligations(conversation.conversation_id)

    def sends_of(self, conversation: Conversation) -> tuple[Send, ...]:
        """The ledger."""
        return self.desk.sends(conversation.conversation_id)

    def kept(self, key: Key) -> object:
        """A record, or None."""
        return self.desk.records.get(key)


def written(conversation: Conversation, *, written_at: datetime = FRIDAY_NOON, **changes: object) -> Send:
    """A person's reply on the ledger, yet to be posted."""
    fields: dict[str, object] = {
        "conversation_id": conversation.conversation_id,
        "send_id": "reply-1",
        "kind": SendKind.REPLY,
        "text": "It is on its way.",
        "in_reply_to": conversation.last_message_id,
        "written_at": written_at,
        "agent": ANA.address,
        "mail_id": "<reply-1@company.example>",
        "intents": (Intent.POST,),
    }
    return Send(**{**fields, **changes})  # type: ignore[arg-type]  # the fields are those of a send
