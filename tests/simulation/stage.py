"""Nightdesk on the simulated world's ports, with customers, agents and a platform around it."""

from __future__ import annotations

import email
import email.policy
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

from shared import channels
from shared.domain.calendar import Calendar, Interval
from shared.domain.exchange import Outbound, Request, Secret
from shared.domain.notices import Mail
from shared.domain.policy import Acknowledging, Agent, Policy, Rule
from shared.domain.records import Target
from shared.ports import Timer
from shared.services.agent_mail import AgentMails
from shared.services.clock import ObligationClock
from shared.services.dispatch import Dispatch
from shared.services.intake import Intake
from shared.services.people import Office, People
from shared.services.send import Sender
from shared.services.webhook import Webhook
from tests.simulation import ports
from tests.simulation.world import Machine, Queue, Stream, World

ACCOUNT = "100200300"
AGENT = Agent("ana@company.example", "Ana")
LEAD = Agent("lead@company.example", "Lea")
DOMAIN = "in.company.example"
SECRET = Secret(account_id=ACCOUNT, signing=("a signing key",), credentials={"access_token": "token"})

POLICY = Policy(
    version="simulated",
    company="Company",
    calendars={"office": Calendar("Europe/Berlin", {day: (Interval(9 * 60, 17 * 60),) for day in range(5)})},
    rules=(Rule(name="all", calendar="office", first_response=timedelta(minutes=30), warn_after=0.5),),
    agents=(AGENT,),
    escalate_to=(LEAD,),
    acknowledging=Acknowledging(
        text="This is an automatic answer. {greeting} People are back {back}.",
        max_age=timedelta(minutes=15),
        quiet_after_person=timedelta(minutes=30),
    ),
)


@dataclass(frozen=True)
class Said:
    """One thing a customer wrote: the ground truth."""

    mid: str
    customer: str
    text: str
    at: Any
    deleted: bool


@dataclass
class Stage:
    """One world with everything in it."""

    world: World
    sender_type: type[Sender] = Sender
    said: list[Said] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    in_app: list[tuple[str, Any]] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        world = self.world
        self.clock, self.ids = ports.WorldClock(world), ports.WorldIds(world)
        self.inbox = Queue(world, "intake", lambda delivery: self.intake.take(delivery))
        self.outbox = Queue(world, "send", lambda key: self.sender.carry(key))
        self.receipts = Queue(world, "mail", lambda notification: self.agent_mails.take(notification))
        self.stream = Stream(world, lambda key: self.dispatch.carry_out(key))
        self.machine = Machine(world, self._look)
        self.desk = ports.WorldDesk(world, self.stream)
        self.mailer = ports.WorldMailer(world, readers=[self._agent_reads])
        self.notifier = ports.WorldNotifier(world)
        self.mails = ports.WorldArchive(world)
        self.platforms = ports.WorldPlatforms(world, self._echo)
        self._build()

    def _build(self) -> None:
        secrets = ports.WorldSecrets({"facebook": (SECRET,)})
        office = Office(POLICY, DOMAIN)
        people = People(self.desk, self.mailer, self.notifier, channels.load, secrets, self.clock, office)
        archive = ports.WorldArchive(self.world)
        self.webhook = Webhook(
            channels.load, secrets, ports.WorldInbox(self.world, self.inbox), self.clock, self.ids, 10**6
        )
        self.intake = Intake(self.desk, archive, channels.load, POLICY, self.clock)
        timers = ports.WorldTimers(self.world, self.machine)
        self.dispatch = Dispatch(self.desk, timers, ports.WorldOutbox(self.world, self.outbox), people)
        self.obligations = ObligationClock(self.desk, self.clock)
        self.sender = self.sender_type(self.desk, self.platforms, POLICY, self.clock, self.ids)
        self.agent_mails = AgentMails(self.desk, self.mails, self.mailer, channels.load, secrets, self.clock, office)

    def _look(self, timer: Timer) -> Any:
        return self.obligations.look(timer.conversation_id, Target(timer.target), timer.revision)

    # -- the platform's side --------------------------------------------------------------------------------------

    def deliver(self, item: dict[str, Any], mid: str | None = None) -> None:
        """The platform delivers until it is answered with 200, sometimes twice, in any order."""
        body = json.dumps({"object": "page", "entry": [{"id": ACCOUNT, "time": 0, "messaging": [item]}]}).encode()
        self.world.soon(lambda: self._post(body, mid), most=self.world.rng.choice([1, 30, 240]))
        if self.world.twice():
            self.world.soon(lambda: self._post(body, mid), most=600)

    def _post(self, body: bytes, mid: str | None) -> None:
        headers = channels.load("facebook").sign(body, SECRET, self.world.now, "")
        request = Request(method="POST", headers={k.lower(): v for k, v in headers.items()}, query={}, body=body)

        def done(response: Any) -> None:
            if response.status != 200:
                failed()
            elif mid is not None:
                self.accepted.add(mid)

        def failed() -> None:
            self.world.soon(lambda: self._post(body, mid), most=60)

        self.world.invoke("webhook", lambda: self.webhook.answer("facebook", request), done, failed)

    def _item(self, customer: str, message: dict[str, Any], *, ours: bool = False) -> dict[str, Any]:
        people = ({"id": ACCOUNT}, {"id": customer}) if ours else ({"id": customer}, {"id": ACCOUNT})
        stamp = int(self.world.now.timestamp() * 1000)
        return {"sender": people[0], "recipient": people[1], "timestamp": stamp, "message": message}

    def customer_writes(self, customer: str, mid: str, *, delete: bool) -> None:
        """A message, and perhaps its deletion soon after."""
        text = f"words of {mid}"
        self.said.append(Said(mid, customer, text, self.world.now, delete))
        self.deliver(self._item(customer, {"mid": mid, "text": text}), mid)
        if delete:
            self.world.soon(lambda: self.deliver(self._item(customer, {"mid": mid, "is_deleted": True})), most=120)

    def person_writes_in_app(self, customer: str, mid: str) -> None:
        """A person of ours answers in the platform's own inbox."""
        self.in_app.append((customer, self.world.now))
        self.deliver(self._item(customer, {"mid": mid, "text": f"by hand {mid}", "is_echo": True}, ours=True))

    def _echo(self, outbound: Outbound, native_id: str) -> None:
        message: dict[str, Any] = {"mid": native_id, "text": outbound.text, "is_echo": True}
        if self.world.rng.random() < 0.5:
            message["metadata"] = outbound.client_token
        self.deliver(self._item(outbound.customer_id or "", message, ours=True))

    # -- the agent's side -----------------------------------------------------------------------------------------

    def _agent_reads(self, mail: Mail) -> None:
        """An agent answers about half of the mails they get, some of them twice with the same mail."""
        if mail.to != AGENT.address or self.world.healed or self.world.rng.random() < 0.5:
            return
        parsed = email.message_from_bytes(mail.mime, policy=email.policy.default)
        number = len(self.answers)
        text = f"Answer number {number} of Ana."
        self.answers[text] = 1
        self.world.soon(lambda: self._agent_answers(parsed, number, text), most=3600)

    def _agent_answers(self, mail: Any, number: int, text: str) -> None:
        answer = EmailMessage(policy=email.policy.SMTP)
        answer["From"], answer["To"] = f"Ana <{AGENT.address}>", mail["Reply-To"]
        answer["Subject"], answer["Message-ID"] = f"Re: {mail['Subject']}", f"<answer-{number}@company.example>"
        answer.set_content(text)
        for copy in range(2 if self.world.twice() else 1):
            ses_id = f"ses-{number}-{copy}"
            self.mails.kept[f"in/{ses_id}"] = answer.as_bytes()
            recipient = str(mail["Reply-To"].addresses[0].addr_spec)
            self.receipts.put(ports.receipt(ses_id, recipient, AGENT.address, self.world.now))


def play(seed: int, sender_type: type[Sender] = Sender) -> Stage:
    """A weekend of one seed: three customers who write, take back, get answers or none; then all faults end."""
    stage = Stage(World(seed), sender_type)
    world, rng = stage.world, stage.world.rng
    for number in range(3):
        customer = f"77{number}"
        start = world.now + timedelta(minutes=rng.randrange(0, 60 * 10))
        for place in range(rng.randrange(1, 4)):
            at = start + timedelta(seconds=rng.choice([1, 20, 600, 7200]) * place)
            mid, delete = f"m{number}.{place}", rng.random() < 0.15
            world.at(at, lambda c=customer, m=mid, d=delete: stage.customer_writes(c, m, delete=d))
        if rng.random() < 0.25:
            at = start + timedelta(seconds=rng.choice([0, 30, 3600]))
            world.at(at, lambda c=customer, m=f"h{number}": stage.person_writes_in_app(c, m))
    world.run(world.now + timedelta(hours=20))
    world.heal()
    world.run(world.now + timedelta(days=6))
    return stage
