"""What the checks look at: records by their kind, our mails as read, and the same facts told once, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from shared import channels
from shared.domain.exchange import Delivery
from shared.domain.ledger import whole_id
from shared.domain.records import Conversation, Key, Message, Record, Send, conversation_key
from shared.services.intake import Intake
from tests.fakes.desk import MemoryDesk
from tests.fakes.effects import MemoryArchive
from tests.simulation.mailbox import Opened, opened
from tests.simulation.platforms import OnPlatform
from tests.simulation.stage import POLICY, Stage
from tests.simulation.venues import body_of

T = TypeVar("T")


def records(stage: Stage, kind: type[T]) -> list[T]:
    """All records of a kind."""
    return [record for record in stage.desk.inner.records.values() if isinstance(record, kind)]


def mails(stage: Stage) -> list[Opened]:
    """All our mails, as their readers see them."""
    return [opened(mail) for mail in stage.mailer.sent]


def head_of(stage: Stage, conversation_id: str) -> Conversation | None:
    """The conversation on the desk."""
    found = stage.desk.inner.records.get(conversation_key(conversation_id))
    return found if isinstance(found, Conversation) else None


def is_answer(stage: Stage, post: OnPlatform) -> bool:
    """Whether a person wrote it: everything else is automatic."""
    return post.text in stage.mailbox.answers


def sends_of(stage: Stage, post: OnPlatform) -> list[Send]:
    """The ledger entries that a post may be."""
    mine = [send for send in records(stage, Send) if send.conversation_id == post.conversation_id]
    return [send for send in mine if send.text == post.text]


def parts_of(stage: Stage, send: Send) -> list[Send]:
    """All parts of the text that an entry of the ledger is, or is a part of, in their order."""
    whole = whole_id(send)
    mine = [one for one in records(stage, Send) if one.conversation_id == send.conversation_id]
    return sorted((one for one in mine if whole_id(one) == whole), key=lambda one: one.part)


@dataclass
class _Then:
    at: datetime

    def now(self) -> datetime:
        return self.at


def in_order(stage: Stage) -> Mapping[Key, Record]:
    """The desk after the same facts, each told once and alone, in the order in which they happened."""
    desk, clock = MemoryDesk(), _Then(stage.world.now)
    intake = Intake(desk, MemoryArchive(), channels.load, POLICY, clock)
    for number, fact in enumerate(sorted(stage.deliveries.facts, key=lambda fact: fact.at)):
        clock.at = fact.at + timedelta(milliseconds=1)
        body = body_of(fact.channel, [fact.entry])
        intake.take(Delivery(delivery_id=str(number), channel=fact.channel, body=body, received_at=clock.at))
    return desk.records


def plain(message: Record | None) -> tuple[Any, ...] | None:
    """What has to be the same in any order."""
    if not isinstance(message, Message):
        return None
    return message.author, message.conversation_id, message.text, message.deleted_at


def ids(waiting: Sequence[Any]) -> list[str]:
    """Of what waits."""
    return sorted(one.message_id for one in waiting)
