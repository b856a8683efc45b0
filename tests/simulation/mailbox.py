"""The agents' side: they read the mails they get, answer some of them, and their programs answer others."""

from __future__ import annotations

import email
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from shared.domain.notices import Mail
from shared.domain.policy import Agent
from tests.simulation.ports import WorldArchive
from tests.simulation.world import Queue, World

STRANGER = "mallory@elsewhere.example"
_WORDS = re.compile(r"Words of (\S+?)\.")


@dataclass(frozen=True)
class Opened:
    """A mail of ours, as its reader sees it."""

    to: str
    reply_to: str | None
    subject: str
    text: str

    @property
    def about(self) -> tuple[str, ...]:
        """The customers' messages whose words stand in it."""
        return tuple(_WORDS.findall(self.text))


@lru_cache(maxsize=256)
def opened(mail: Mail) -> Opened:
    """Read a mail; with the library's old policy, which takes a tenth of the time."""
    parsed = email.message_from_bytes(mail.mime)
    plain = next(part for part in parsed.walk() if part.get_content_type() == "text/plain")
    content = plain.get_payload(decode=True)
    text = content.decode() if isinstance(content, bytes) else ""
    reply_to = "".join(str(parsed["Reply-To"]).split()) if parsed["Reply-To"] else None
    return Opened(mail.to, reply_to, " ".join(str(parsed["Subject"]).split()), text.replace("\r\n", "\n"))


@dataclass(frozen=True)
class Answered:
    """A text that an agent wrote to a customer: the ground truth."""

    text: str
    agent: str
    customer: str
    received_at: list[datetime] = field(default_factory=list)  # when mails with it reached SES


@dataclass
class Manners:
    """How agents and their programs behave, by the seed."""

    answers: float = 0.4  # of the mails
    machine: float = 0.05  # an out-of-office mail goes back
    strangers: float = 0.05  # somebody else writes to the address
    crossing: float = 0.0  # of the answers, that cross with another message of their customer
    within: float = 3600.0  # seconds until the answer
    most: int = 20  # answers of all agents
    done: float = 0.0  # of the mails: the agent says that the customer was answered on the platform itself


@dataclass
class Mailbox:
    """The mailboxes of all agents, and SES in front of ours."""

    world: World
    agents: tuple[Agent, ...]
    kept: WorldArchive
    receipts: Queue
    customer_of: Callable[[str], str]  # who wrote the message of this id
    write_again: Callable[[str], None]  # the customer of this message writes once more
    manners: Manners
    halves: bool = False  # an answer is too long for one post, and is two sentences
    answers: dict[str, Answered] = field(default_factory=dict)  # by the text of each post
    written: dict[str, Answered] = field(default_factory=dict)  # by the text of the mail
    dones: list[str] = field(default_factory=list)  # customers whom an agent said to have answered by hand
    never: list[str] = field(default_factory=list)  # texts that must not go anywhere
    received: int = 0

    def read(self, mail: Mail) -> None:
        """An agent gets a mail."""
        self.world.note(f"MAIL to {mail.to}: {_gist(opened(mail).text)}")
        if self.world.healed or not opened(mail).about:
            return
        at, rng = opened(mail), self.world.rng
        if rng.random() < self.manners.answers and len(self.written) < self.manners.most:
            self.world.soon(lambda: self._answer(at), most=self.manners.within)
        if rng.random() < self.manners.done:
            self.world.soon(lambda: self._done(at), most=self.manners.within)
        if rng.random() < self.manners.machine:
            self.world.soon(lambda: self._machine(at), most=60)
        if rng.random() < self.manners.strangers:
            self.world.soon(lambda: self._stranger(at), most=600)

    def _answer(self, at: Opened) -> None:
        """Now and then a mail comes twice, has no Message-ID, or an impatient agent sends it again."""
        number, rng = len(self.written), self.world.rng
        agent = next(a for a in self.agents if a.address == at.to)
        customer = self.customer_of(at.about[0])
        sentences = f"Answer number {number} of {agent.name} begins.", f"It ends here, number {number} to {customer}."
        text = " ".join(sentences)
        answered = self.written[text] = Answered(text, agent.address, customer)
        self.answers |= dict.fromkeys(sentences if self.halves else (text,), answered)
        self.world.note(f"{agent.name} answers {customer}: {text!r}")
        if rng.random() < self.manners.crossing:
            self.world.soon(lambda: self.write_again(at.about[0]), most=3)
        way = rng.choice(["once", "once", "copied", "nameless", "again"])
        name = None if way == "nameless" else f"<answer-{number}@company.example>"
        self._send(at, text, name)
        if way in {"copied", "nameless"}:
            self._send(at, text, name)
        if way == "again":
            self.world.soon(lambda: self._send(at, text, f"<again-{number}@company.example>"), most=rng.choice([1, 90]))

    def _done(self, at: Opened) -> None:
        """Now and then the mail comes twice."""
        number, customer = len(self.dones), self.customer_of(at.about[0])
        self.dones.append(customer)
        self.world.note(f"{at.to} says that {customer} is done")
        for _ in range(self.world.rng.choice([1, 1, 2])):
            self._send(at, "Done.", f"<done-{number}@company.example>")

    def _machine(self, at: Opened) -> None:
        text = f"I am out of office, number {len(self.never)}."
        self.never.append(text)
        self._send(at, text, f"<away-{len(self.never)}@company.example>", automatic=True)

    def _stranger(self, at: Opened) -> None:
        text = f"Buy our pills, number {len(self.never)}."
        self.never.append(text)
        forged = self.world.rng.random() < 0.5
        self._send(
            at,
            text,
            f"<pills-{len(self.never)}@elsewhere.example>",
            sender=at.to if forged else STRANGER,
            dmarc="FAIL" if forged else "PASS",
        )

    def _send(
        self,
        at: Opened,
        text: str,
        name: str | None,
        *,
        sender: str | None = None,
        automatic: bool = False,
        dmarc: str = "PASS",
    ) -> None:
        headers = [f"From: {sender or at.to}", f"To: {at.reply_to}", f"Subject: Re: {at.subject}"]
        headers += [f"Message-ID: {name}"] if name is not None else []
        headers += ["Auto-Submitted: auto-replied"] if automatic else []
        quoted = "\r\n".join(f"> {line}" for line in at.text.splitlines())
        mime = "\r\n".join(
            [
                *headers,
                "",
                text,
                "",
                "On Fri, 20 Nov 2026 at 13:00, Company Nightdesk <desk@in.company.example> wrote:",
                quoted,
                "",
            ]
        )
        self.received += 1
        if text in self.written:
            self.written[text].received_at.append(self.world.now)
        ses_id = f"ses-{self.received}"
        self.kept.kept[f"in/{ses_id}"] = mime.encode()
        self.world.note(f"SES takes {ses_id} from {sender or at.to}: {text!r}")
        self.receipts.put(receipt(ses_id, at.reply_to or "", sender or at.to, self.world.now, dmarc))


def receipt(ses_id: str, recipient: str, source: str, at: datetime, dmarc: str = "PASS") -> str:
    """A receipt notification as SES publishes it."""
    verdict = {"status": "PASS"}
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps(
        {
            "notificationType": "Received",
            "receipt": {
                "timestamp": stamp,
                "recipients": [recipient],
                "spamVerdict": verdict,
                "virusVerdict": verdict,
                "spfVerdict": verdict,
                "dkimVerdict": verdict,
                "dmarcVerdict": {"status": dmarc},
                "action": {"type": "S3", "bucketName": "inbound", "objectKey": f"in/{ses_id}"},
            },
            "mail": {"timestamp": stamp, "source": source, "messageId": ses_id, "destination": [recipient]},
        }
    )


def _gist(text: str) -> str:
    said = _WORDS.findall(text)
    first = next((line for line in text.splitlines()[1:] if line.strip()), "")
    return f"{first[:70]} {' '.join(said)}".strip()
