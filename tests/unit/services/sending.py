"""One ledger entry about to be posted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain import ledger
from shared.domain.records import SendKind
from tests.unit.mail.build import text_of
from tests.unit.services.stage import FRIDAY_NIGHT, FRIDAY_NOON, Stage, message, written


class Sending:
    """A customer's message of Friday night with its acknowledgement, or of noon with a person's reply, to be posted."""

    def __init__(self, kind, **stage):
        self.stage = Stage(**stage)
        night = kind is SendKind.ACKNOWLEDGEMENT
        self.stage.clock.at = FRIDAY_NIGHT if night else FRIDAY_NOON
        self.stage.deliver(message("m1", at=self.stage.clock.now()))
        if not night:
            self.stage.clock.advance(timedelta(minutes=5))
            self.stage.put(written(self.stage.conversation(), written_at=self.stage.clock.now()))
        (self.first,) = self.stage.sends_of(self.stage.conversation())
        self.stage.crossings.calls.clear()

    @property
    def send(self):
        return self.stage.desk.records[self.first.key]

    @property
    def posted(self):
        return [outbound.text for outbound in self.stage.platforms.posted["cust"]]

    def carry(self):
        return self.stage.sender.carry(self.first.key)

    def told(self):
        """What people are mailed about the send."""
        self.stage.dispatch.carry_out(self.first.key)
        return [(mail.to, text_of(mail)) for mail in self.stage.mailer.sent]

    def claim_elsewhere(self):
        self.stage.put(ledger.claimed(self.send, "another", self.stage.clock.now()))


def acknowledgement():
    return Sending(SendKind.ACKNOWLEDGEMENT)


def answer():
    return Sending(SendKind.REPLY)


both = pytest.mark.parametrize("given", [acknowledgement, answer])
