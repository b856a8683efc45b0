from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain import ledger
from shared.domain.calendar import ClosedPeriod
from shared.domain.events import Kind
from shared.domain.exchange import Posted
from shared.domain.records import Author, SendKind, SendState
from shared.errors import Unavailable
from shared.services.send import Carried, TryLater
from tests.unit.services.sending import acknowledgement, answer, both
from tests.unit.services.stage import FRIDAY_NIGHT, FRIDAY_NOON, POLICY, Stage, about, echo, message, written

MINUTE = timedelta(minutes=1)


@both
def test_the_claim_is_on_the_desk_before_the_post_and_the_record_after_it(given):
    sending = given()
    seen = []
    sending.stage.crossings.before("platforms.post", lambda: seen.append(sending.send))

    assert sending.carry() is Carried.SENT

    calls = sending.stage.crossings.named("desk.commit", "platforms.post")
    assert calls == ["desk.commit", "platforms.post", "desk.commit"]
    (claimed,) = seen
    assert (claimed.state, claimed.owner, claimed.attempts) == (SendState.SENDING, "id-1", 1)
    assert claimed.lease_until == sending.stage.clock.now() + ledger.LEASE


@both
def test_what_is_posted_is_recorded_with_the_platforms_id(given):
    sending = given()

    sending.carry()

    assert sending.posted == [sending.first.text]
    assert (sending.send.state, sending.send.native_id) == (SendState.SENT, "native-1")
    recorded = sending.stage.message("native-1")
    by = Author.PERSON if sending.send.kind is SendKind.REPLY else Author.BOT
    assert (recorded.author, recorded.text) == (by, sending.first.text)


@both
def test_the_platform_is_given_who_where_and_a_token_that_names_the_entry(given):
    sending = given()

    sending.carry()

    (asked,) = sending.stage.platforms.asked
    assert (asked.channel, asked.account_id, asked.thread_id, asked.customer_id) == ("scripted", "acc", "cust", "cust")
    assert asked.by_person is (sending.first.kind is SendKind.REPLY)
    assert (asked.in_reply_to, asked.last_inbound_at) == ("m1", sending.stage.conversation().last_inbound_at)
    assert asked.client_token == f"{sending.first.conversation_id}.{sending.first.send_id}"


@both
def test_a_second_copy_of_the_queues_message_posts_nothing(given):
    sending = given()
    sending.carry()

    assert sending.carry() is Carried.DONE_BEFORE

    assert len(sending.posted) == 1


@both
def test_a_second_copy_at_the_same_time_posts_nothing_and_comes_back(given):
    sending = given()
    again = []

    def meanwhile():
        with pytest.raises(TryLater):
            again.append(sending.carry())

    sending.stage.crossings.before("platforms.post", meanwhile)

    assert sending.carry() is Carried.SENT

    assert (len(sending.posted), again) == (1, [])


@both
def test_a_claim_that_loses_the_race_for_the_entry_posts_nothing(given):
    sending = given()
    sending.stage.crossings.before("desk.commit", sending.claim_elsewhere)

    with pytest.raises(TryLater):
        sending.carry()

    assert sending.posted == []


@both
def test_a_claim_whose_answer_was_lost_is_recognised_by_its_owner(given):
    sending = given()
    sending.stage.crossings.after("desk.commit")

    assert sending.carry() is Carried.SENT

    assert len(sending.posted) == 1


@both
def test_a_claim_that_did_not_go_through_posts_nothing_and_comes_back(given):
    sending = given()
    sending.stage.crossings.before("desk.commit")

    with pytest.raises(TryLater):
        sending.carry()

    assert (sending.posted, sending.send.state) == ([], SendState.PENDING)
    assert sending.carry() is Carried.SENT


@both
def test_a_claim_in_doubt_that_another_holds_posts_nothing(given):
    sending = given()

    def taken_by_another():
        sending.claim_elsewhere()
        raise Unavailable("the answer was lost")

    sending.stage.crossings.before("desk.commit", taken_by_another)
    with pytest.raises(TryLater):
        sending.carry()

    assert (sending.posted, sending.send.owner) == ([], "another")


def test_a_person_who_answers_between_read_and_claim_keeps_the_acknowledgement_back():
    sending = acknowledgement()
    stage = sending.stage
    stage.crossings.before("desk.commit", lambda: stage.deliver(echo("e1", at=FRIDAY_NIGHT)))

    assert sending.carry() is Carried.WITHHELD

    assert sending.posted == []


def test_a_message_that_comes_while_an_acknowledgement_is_withheld_gets_it_after_all():
    sending = acknowledgement()
    stage = sending.stage
    stage.deliver(about("m1", Kind.DELETION, at=FRIDAY_NIGHT))
    stage.crossings.before("desk.commit", lambda: stage.deliver(message("m2", at=FRIDAY_NIGHT)))

    assert sending.carry() is Carried.SENT

    assert len(sending.posted) == 1


@pytest.mark.parametrize(
    ("overtaken", "reason"),
    [
        (lambda stage: stage.deliver(echo("e1", at=FRIDAY_NIGHT)), "Nothing is waiting"),
        (lambda stage: stage.deliver(about("m1", Kind.DELETION, at=FRIDAY_NIGHT)), "Nothing is waiting"),
        (
            lambda stage: stage.deliver(
                echo("e1", at=FRIDAY_NIGHT), message("m2", at=FRIDAY_NIGHT + MINUTE), received_at=FRIDAY_NIGHT
            ),
            "A person spoke",
        ),
        (lambda stage: stage.clock.advance(timedelta(days=3)), "closed period is over"),
        (lambda stage: stage.clock.advance(timedelta(days=2, hours=12)), "closed period is over"),
        (lambda stage: stage.clock.advance(POLICY.acknowledging.max_age + MINUTE), "too late"),
    ],
    ids=["answered in the app", "taken back", "a person spoke", "another closed period", "open again", "too old"],
)
def test_an_acknowledgement_that_was_overtaken_is_withheld_with_its_reason(overtaken, reason):
    sending = acknowledgement()
    overtaken(sending.stage)

    assert sending.carry() is Carried.WITHHELD

    assert (sending.posted, sending.send.state, sending.send.intents) == ([], SendState.WITHHELD, ())
    assert reason in sending.send.reason
    assert sending.carry() is Carried.DONE_BEFORE


def test_a_persons_reply_goes_out_however_late_and_whoever_spoke_meanwhile():
    sending = answer()
    sending.stage.deliver(echo("e1", at=FRIDAY_NOON + MINUTE))
    sending.stage.clock.advance(timedelta(days=3))

    assert sending.carry() is Carried.SENT


def test_an_entry_that_is_not_there_is_done_with():
    stage = Stage()

    assert stage.sender.carry(written(answer().stage.conversation()).key) is Carried.DONE_BEFORE


def test_a_platform_that_names_no_id_is_recorded_under_our_token():
    sending = answer()
    sending.stage.platforms.script.append(Posted(""))

    sending.carry()

    assert sending.stage.message(sending.first.client_token).text == sending.first.text


def test_the_period_of_the_acknowledgement_is_the_one_that_named_it():
    sending = acknowledgement()
    closed = POLICY.calendars["office"].closed_period(FRIDAY_NIGHT)

    assert isinstance(closed, ClosedPeriod)
    assert sending.first.send_id == ledger.acknowledgement_id(closed)


def test_no_two_fields_of_a_claim_survive_its_settlement():
    sending = answer()

    sending.carry()

    assert sending.send == replace(
        sending.first,
        state=SendState.SENT,
        owner="id-1",
        attempts=1,
        native_id="native-1",
        settled_at=sending.stage.clock.now(),
        intents=(),
        version=sending.first.version + 2,
    )
