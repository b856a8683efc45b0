"""Every delivery in events/ goes all the way to people: no fault of ours, and nothing that a store or a mail refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from shared.adapters.record_codec import decode, encode
from shared.channels import load, names
from shared.domain.exchange import Delivery
from shared.services.intake import Intake
from tests.contract.fixtures import fixtures
from tests.unit.services.stage import FRIDAY_NIGHT, Stage


def real(night=FRIDAY_NIGHT):
    """A stage with the real channels, after hours."""
    stage = Stage()
    stage.clock.at = night
    intake = Intake(stage.desk, stage.archive, load, stage.policy, stage.clock)
    people = replace(stage.dispatch.people, channels=load)
    stage.dispatch = replace(stage.dispatch, people=people)
    return stage, intake


def everything(name):
    """All deliveries of a channel taken, dispatched, posted, and dispatched again."""
    stage, intake = real()
    for number, fixture in enumerate(fixtures(name)):
        now = stage.clock.now()
        delivery = Delivery(
            delivery_id=f"d{number}", channel=name, body=fixture.body, received_at=now, account_id="ours"
        )
        intake.take(delivery)
    stage.dispatch_all()
    stage.send_all()
    stage.dispatch_all()
    return stage


@pytest.fixture(scope="module", params=names())
def stage(request):
    return everything(request.param)


def test_no_event_fails_in_nightdesk_itself(stage):
    assert [kept.reason for kept in stage.desk.quarantined() if "itself" in kept.reason] == []


def test_no_intent_is_set_aside_or_left(stage):
    assert [kept for kept in stage.desk.quarantined() if kept.source == "dispatch"] == []
    assert [record for record in stage.desk.records.values() if getattr(record, "intents", ())] == []


def test_everything_can_be_stored_as_utf_8_and_read_back(stage):
    for record in stage.desk.records.values():
        item = encode(record)
        json.dumps(item, ensure_ascii=False, default=str).encode()
        assert decode(item) == record


def test_every_mail_is_ascii_or_encoded(stage):
    assert stage.mailer.sent
    for mail in stage.mailer.sent:
        mail.mime.decode("ascii")
