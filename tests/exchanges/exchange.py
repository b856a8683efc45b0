"""One customer's message and one answer to it, on any channel: the real services over the platform's own side.

Everything but AWS is real: the channel file, the sandbox over HTTP, the calls. Time stands at the message's own time.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from botocore.credentials import Credentials

from infra.local import accounts
from infra.local.platforms import sides
from infra.local.sandbox import Sandbox
from infra.local.serving import Incoming, Outgoing
from shared import channels
from shared.adapters.aws_calls import AwsSigner
from shared.adapters.platforms import HttpPlatforms, one_attempt_session
from shared.domain.events import Event, Kind
from shared.domain.exchange import Delivery, Request, Secret, pushing
from shared.domain.notices import Mail
from shared.domain.policy import Policy, Rule
from shared.domain.polling import polled
from shared.domain.records import Conversation, Key, Message, Obligation, Quarantined
from shared.services.agent_mail import AgentMails, Ended
from shared.services.dispatch import Dispatch
from shared.services.fetch import Fetcher
from shared.services.intake import Intake
from shared.services.people import Office, People
from shared.services.poll import Outcome, Poller
from shared.services.profiles import Profiles
from shared.services.renew import Renewed, Renewer
from shared.services.reporting import Reporting
from shared.services.send import Sender
from shared.services.webhook import Webhook
from tests.fakes.desk import MemoryDesk
from tests.fakes.effects import MemoryArchive, MemoryInbox, MemoryMailer, MemoryNotifier, MemoryOutbox, MemoryTimers
from tests.fakes.given import CountingIds, FakeSecrets, FixedClock
from tests.unit.domain.build import calendar_always, policy
from tests.unit.local.playground import serving_on_free_port
from tests.unit.services.agents import answer_mime, receipt
from tests.unit.services.stage import ANA, DOMAIN, LEA

EVENTS = Path(__file__).parents[2] / "events"
ALWAYS = calendar_always()
MOST_ROUNDS = 20
ROLE = AwsSigner(lambda: Credentials("AKIAEXAMPLE", "not a secret"))


def always_open() -> Policy:
    """Somebody is always there, so that nothing is said automatically."""
    rule = Rule(name="everything", calendar="office", first_response=timedelta(days=3), warn_after=0.5)
    return policy(calendars={"office": ALWAYS}, rules=(rule,), agents=(ANA,), escalate_to=(LEA,))


@dataclass
class Exchange:
    """A desk with one account of one channel, and the platform's side of it."""

    channel: str
    body: bytes
    account: Secret
    clock: FixedClock
    sandbox: Sandbox
    url: str
    desk: MemoryDesk = field(default_factory=MemoryDesk)
    mailer: MemoryMailer = field(default_factory=MemoryMailer)
    inbox: MemoryInbox = field(default_factory=MemoryInbox)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    mails: MemoryArchive = field(default_factory=MemoryArchive)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.platforms_own = self.account  # what is renewed here does not change what the platform signs with
        self.secrets = FakeSecrets({self.channel: (self.account,)})
        self.platforms = HttpPlatforms(
            channels.load, self.secrets, self.clock, origin=self.url, session=one_attempt_session(), signer=ROLE
        )
        rules, office, notifier = always_open(), Office(always_open(), DOMAIN), MemoryNotifier()
        people = People(self.desk, self.mailer, notifier, channels.load, self.secrets, self.clock, office)
        self.webhook = Webhook(channels.load, self.secrets, self.inbox, self.clock, CountingIds(), 3_000_000)
        self.intake = Intake(self.desk, MemoryArchive(), channels.load, rules, self.clock)
        self.dispatch = Dispatch(
            self.desk,
            MemoryTimers(),
            self.outbox,
            people,
            Profiles(self.desk, channels.load, self.secrets, self.platforms, self.clock),
            Fetcher(self.desk, channels.load, self.secrets, self.platforms, self.inbox, self.clock),
            Reporting(self.mailer, notifier, office),
        )
        self.sender = Sender(self.desk, self.platforms, rules, self.clock, CountingIds("sender"))
        self.agent_mails = AgentMails(
            self.desk, self.mails, self.mailer, channels.load, self.secrets, self.clock, office, self.inbox
        )
        asking = (self.desk, self.secrets, self.platforms, channels.load)
        self.renewer = Renewer(*asking, self.clock, CountingIds("renewer"))
        self.poller = Poller(*asking, self.inbox, rules, self.clock, CountingIds("poller"))

    # What happens

    def customer_writes(self) -> None:
        """The delivery reaches the desk in the way its channel has."""
        self._teach()
        self.renews()
        spoken = channels.load(self.channel)
        if pushing(spoken) is not None:
            assert self._push(self.body) == 200
        elif polled(spoken) is not None:
            self.asks()
        else:
            self._put(self.body)
        self.settle()

    def asks(self) -> None:
        """An hour later the poller asks every feed of the account, with credentials that are alive."""
        self.clock.advance(timedelta(hours=1))
        self.renews()
        for job in self.poller.due():
            read = self.poller.read(job)
            assert read.outcome in {Outcome.READ, Outcome.GAP}, read

    def renews(self) -> None:
        """Credentials that are about to end are renewed, as the poll function does before it asks."""
        for _ in range(MOST_ROUNDS):
            due = self.renewer.due()
            if not due:
                break
            assert {self.renewer.renew(account) for account in due} == {Renewed.RENEWED}
        self.account = self.secrets.account(self.channel, self.account.account_id)

    def agent_answers(self, text: str) -> Ended:
        """Ana answers the newest hand-off."""
        mail, number = self.mailer.sent[-1], next(self.numbers)
        mime = answer_mime(mail, text, number)
        self.clock.advance(timedelta(minutes=1))
        self.mails.kept[f"in/{number}"] = mime
        ended = self.agent_mails.take(receipt(str(number), (_reply_to(mail),), self.clock.now()))
        self.settle()
        return ended

    def hears(self, incoming: Incoming) -> Outgoing:
        """What the platform delivers by itself: echoes and statuses."""
        request = Request(method=incoming.method, headers=incoming.headers, query=incoming.query, body=incoming.body)
        response = self.webhook.answer(self.channel, request)
        return Outgoing(status=response.status, body=response.body.encode())

    def settle(self) -> None:
        """Until nothing is left to be done."""
        for _ in range(MOST_ROUNDS):
            self.sandbox.finish()
            if not (self.inbox.waiting or self.outbox.waiting or self.undone):
                return
            while self.inbox.waiting:
                self.intake.take(self.inbox.waiting.pop(0))
            for key in self.undone:
                self.dispatch.carry_out(key)
            while self.outbox.waiting:
                self.sender.carry(self.outbox.waiting.pop(0))
        raise AssertionError(f"Not settled: {self.inbox.waiting} {self.outbox.waiting} {self.undone}")

    def _push(self, body: bytes) -> int:
        headers = channels.load_pushing(self.channel).sign(body, self.platforms_own, self.clock.now(), "delivery-1")
        request = Request(method="POST", headers=headers, query={}, body=body)
        return self.webhook.answer(self.channel, request).status

    def _put(self, body: bytes) -> None:
        now = self.clock.now()
        self.inbox.put(Delivery(delivery_id="delivery-1", channel=self.channel, body=body, received_at=now))

    def _teach(self) -> None:
        wish = {"channel": self.channel, "body": base64.b64encode(self.body).decode()}
        assert self._control("deliveries", wish) == 200

    def _control(self, what: str, wish: object) -> int:
        told = Incoming(
            method="POST", path=f"/_sandbox/{what}", query={}, headers={"content-type": "application/json"},
            body=json.dumps(wish).encode(),
        )  # fmt: skip
        return self.sandbox.answer(told).status

    # What is seen

    @property
    def undone(self) -> tuple[Key, ...]:
        """What the stream would bring."""
        return self.desk.undone(datetime(2100, 1, 1, tzinfo=UTC))

    @property
    def posts(self) -> list[dict[str, object]]:
        """What the platform took."""
        asked = Incoming(method="GET", path="/_sandbox/posts", query={}, headers={}, body=b"")
        found: list[dict[str, object]] = json.loads(self.sandbox.answer(asked).body)
        return found

    def all(self, kind: type) -> list[object]:
        """Every record of a kind."""
        return [record for record in self.desk.records.values() if isinstance(record, kind)]

    @property
    def conversation(self) -> Conversation:
        """The only one."""
        (found,) = self.all(Conversation)
        assert isinstance(found, Conversation)
        return found

    @property
    def messages(self) -> list[Message]:
        """By their time."""
        return list(self.desk.messages(self.conversation.conversation_id))

    @property
    def obligation(self) -> Obligation:
        """The newest."""
        return self.desk.obligations(self.conversation.conversation_id)[-1]

    @property
    def quarantined(self) -> list[str]:
        """Why something is in quarantine."""
        return [one.reason for one in self.all(Quarantined) if isinstance(one, Quarantined)]


@contextmanager
def exchange(channel: str, folder: Path) -> Iterator[Exchange]:
    """A desk and a platform on which the channel's demonstration message can be written."""
    file = demonstration(channel)
    message = said(channel, file.read_bytes())
    made = accounts.make(channel)
    account = accounts.secret_of(message.account_id or str(getattr(sides()[channel], "ACCOUNT", "ours")), made)
    clock = FixedClock((message.sent_at or datetime.now(UTC)) + timedelta(minutes=1))
    held: list[Exchange] = []
    sandbox = Sandbox(folder, now=clock.now, pause=lambda _: None)
    answer: Callable[[Incoming], Outgoing] = sandbox.answer
    with serving_on_free_port(answer) as url, serving_on_free_port(lambda incoming: held[0].hears(incoming)) as hook:
        held.append(
            Exchange(channel=channel, body=file.read_bytes(), account=account, clock=clock, sandbox=sandbox, url=url)
        )
        wish = {"webhook_url": f"{hook}/webhooks/", "accounts": {channel: {account.account_id: accounts.plain(made)}}}
        assert held[0]._control("accounts", wish) == 200
        yield held[0]


def demonstration(channel: str) -> Path:
    """The delivery that shows a channel at work."""
    stem = getattr(sides()[channel], "DEMO")  # noqa: B009 - the protocol leaves it out, for a test asks whether it is there
    (file,) = (
        p for p in (EVENTS / channel).glob(f"{stem}.*") if ".expected." not in p.name and ".headers." not in p.name
    )
    return file


def said(channel: str, body: bytes) -> Event:
    """The customer's message in a delivery, or what points at it."""
    events = channels.load(channel).parse(body, datetime.now(UTC))
    return next(event for event in events if event.kind in {Kind.MESSAGE, Kind.POINTER})


def _reply_to(mail: Mail) -> str:
    from tests.unit.mail.build import opened

    return str(opened(mail)["Reply-To"])
