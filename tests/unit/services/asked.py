"""A made-up platform that points at reviews and knows people: what it is asked for, and what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.domain.connecting import Profile
from shared.domain.exchange import Answer, Call, Refusal, Refused, Secret
from shared.domain.polling import Ask, Feed, Item, Page, Purpose
from tests.fakes.channels import ScriptedChannel

HOST = "https://platform.example"
GONE = Refused(refusal=Refusal.NEVER, reason="There is no such review.")
BUSY = Refused(refusal=Refusal.LATER, reason="The platform has trouble.")
BLOCKED = Refused(refusal=Refusal.BLOCKED, reason="The token is gone.")
BY_STATUS = {404: GONE, 503: BUSY, 401: BLOCKED}


@dataclass
class AskedChannel(ScriptedChannel):
    """Fetches a review by its reference, with the answers below it, and looks people up."""

    FEEDS: tuple[Feed, ...] = (Feed(name="reviews"), Feed(name="review", purpose=Purpose.POINTED))

    def ask(self, ask: Ask, secret: Secret) -> Call | Refused:
        return Call(method="GET", url=f"{HOST}/{ask.feed}/{ask.reference or ask.token}")

    def page(self, ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:
        if answer.status in BY_STATUS:
            return BY_STATUS[answer.status]
        read: dict[str, Any] = json.loads(answer.body)
        return Page(items=[_item(raw) for raw in read["items"]], next=read.get("next"))

    def look_up(self, customer_id: str, secret: Secret, now: datetime) -> Call | Refused:
        return GONE if customer_id == "nobody" else Call(method="GET", url=f"{HOST}/people/{customer_id}")

    def profile(self, answer: Answer) -> Profile | Refused:
        return BY_STATUS.get(answer.status) or Profile(**json.loads(answer.body))


def _item(raw: dict[str, Any]) -> Item:
    at = datetime.fromisoformat(raw["at"]) if "at" in raw else None
    return Item(item_id=raw["id"], at=at, raw=raw, below=raw.get("below"))


def saying(status: int = 200, **content: object) -> Answer:
    """What the platform answers."""
    return Answer(status=status, body=json.dumps(content).encode())
