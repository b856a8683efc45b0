"""A delivery whose body does not say whose it is, is for the account whose key proved it."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.exchange import Delivery, Request
from shared.domain.records import Message
from tests.unit.services.stage import FRIDAY_NOON, Stage, message


def test_the_webhook_notes_whose_it_is_where_the_channel_can_tell():
    stage = Stage()
    stage.channel.addressee = lambda request, secrets: request.headers["bot"]
    good = Request(method="POST", headers={"signature": "good", "bot": "bot-7"}, query={}, body=b"x")

    stage.webhook.answer("scripted", good)

    assert stage.inbox.waiting[0].account_id == "bot-7"


def test_a_channel_whose_bodies_name_the_account_notes_nothing():
    stage = Stage()
    stage.webhook.answer("scripted", Request(method="POST", headers={"signature": "good"}, query={}, body=b"x"))
    assert stage.inbox.waiting[0].account_id is None


def test_intake_gives_the_account_to_events_without_one_and_leaves_the_others():
    stage = Stage()
    nameless, named = message("m1", account_id=None), message("m2", account_id="other")
    body = stage.channel.delivery(nameless, named)
    delivery = Delivery(delivery_id="d", channel="scripted", body=body, received_at=FRIDAY_NOON)

    stage.intake.take(replace(delivery, account_id="bot-7"))

    kept = {m.message_id: m.account_id for m in stage.desk.records.values() if isinstance(m, Message)}
    assert kept == {"m1": "bot-7", "m2": "other"}
