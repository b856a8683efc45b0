from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.exchange import Refusal, Refused, Secret, Unclear
from shared.domain.records import Customer, customer_key
from shared.errors import Conflict, Unavailable
from shared.services.profiles import KEPT_FOR, REST, SLOW
from tests.unit.services.asked import AskedChannel, saying
from tests.unit.services.stage import FRIDAY_NOON, Stage, message

KNOWN: dict[str, Any] = {"name": "Ada", "handle": "@ada", "followers": 12, "verified": False}
MINUTE = timedelta(minutes=1)


def stage_with(*answers):
    stage = Stage(channel=AskedChannel())
    stage.secrets.by_channel["scripted"] = (Secret(account_id="acc"),)
    stage.platforms.answers.extend(answers)
    return stage


def written(stage, mid="m1", **changes):
    """A customer writes and people are told."""
    event = message(mid, at=stage.clock.now(), **changes)
    stage.deliver(event)
    stage.dispatch.carry_out(stage.message(mid).key)


def described(stage, customer="cust"):
    head = stage.conversation(customer, customer)
    return head.customer_name, head.customer_handle, head.customer_followers, head.customer_verified


def test_what_the_delivery_left_out_is_looked_up_before_people_are_told():
    stage = stage_with(saying(**KNOWN))

    written(stage)

    assert described(stage) == ("Ada", "@ada", 12, False)
    assert [call.url for call in stage.platforms.calls] == ["https://platform.example/people/cust"]
    (mail,) = stage.mailer.sent
    assert b"Ada" in mail.mime
    kept = stage.kept(customer_key("scripted", "acc", "cust"))
    assert isinstance(kept, Customer)
    assert (kept.name, kept.followers, kept.looked_up_at) == ("Ada", 12, FRIDAY_NOON)


def test_nobody_is_looked_up_in_the_way_of_a_delivery():
    stage = stage_with(saying(**KNOWN))

    stage.deliver(message("m1"))

    assert stage.platforms.calls == []


def test_what_the_customer_s_own_messages_tell_stays():
    stage = stage_with(saying(**KNOWN))

    written(stage, author_name="Ada Byron", author_verified=True)

    assert described(stage) == ("Ada Byron", "@ada", 12, True)


@pytest.mark.parametrize("told", [{"author_name": "Ada", "author_followers": 0}, {"customer_id": None}])
def test_who_is_known_or_cannot_be_named_is_not_looked_up(told):
    stage = stage_with()

    written(stage, **told)

    assert stage.platforms.calls == []
    assert len(stage.mailer.sent) == 1


def test_a_customer_is_looked_up_once_a_day_whatever_came_of_it():
    for answer in (saying(**KNOWN), saying(name="Ada"), saying(404), Unclear("lost")):
        stage = stage_with(answer, saying(**KNOWN))
        written(stage)
        stage.clock.advance(KEPT_FOR - MINUTE)
        written(stage, "m2")
        assert len(stage.platforms.calls) == 1

        stage.clock.advance(MINUTE)
        written(stage, "m3")
        assert len(stage.platforms.calls) == (1 if answer == saying(**KNOWN) else 2)
        assert described(stage) == ("Ada", "@ada", 12, False)


def test_what_was_looked_up_today_is_known_in_every_conversation_of_the_customer():
    stage = stage_with(saying(**KNOWN))
    written(stage)

    event = message("m2", thread_id="another", at=FRIDAY_NOON)
    stage.deliver(event)
    stage.dispatch.carry_out(stage.message("m2").key)

    assert stage.conversation("another").customer_name == "Ada"
    assert len(stage.platforms.calls) == 1


def test_a_look_up_that_tells_less_than_the_last_one_takes_nothing_away():
    stage = stage_with(saying(**KNOWN), saying(handle="@new"))
    written(stage, author_name="Ada Byron")
    stage.clock.advance(KEPT_FOR)
    stage.put(replace(stage.conversation(), customer_followers=None))

    written(stage, "m2")

    kept = stage.kept(customer_key("scripted", "acc", "cust"))
    assert isinstance(kept, Customer)
    assert (kept.name, kept.handle, kept.followers) == ("Ada", "@new", 12)


@pytest.mark.parametrize(
    "trouble", [saying(503), saying(401), Unclear("lost"), Refused(refusal=Refusal.LATER, reason="not reached")]
)
def test_people_are_told_all_the_same_when_the_platform_does_not_answer(trouble):
    stage = stage_with(trouble)

    written(stage)

    assert len(stage.mailer.sent) == 1
    assert described(stage) == (None, None, None, None)


@pytest.mark.parametrize("trouble", [Unclear("lost"), Refused(refusal=Refusal.LATER, reason="not reached")])
def test_after_an_answer_that_did_not_come_nobody_of_the_account_is_looked_up_for_a_while(trouble):
    stage = stage_with(trouble, saying(**KNOWN))
    written(stage)

    written(stage, "m2", customer_id="bob", thread_id="bob")
    assert len(stage.platforms.calls) == 1

    stage.clock.advance(REST)
    written(stage, "m3", customer_id="bob", thread_id="bob")
    assert described(stage, "bob")[0] == "Ada"


def test_a_platform_that_takes_its_time_is_left_alone_for_a_while():
    stage = stage_with(saying(**KNOWN), saying(**KNOWN))
    perform = stage.platforms.perform

    def slowly(call):
        stage.clock.advance(SLOW + timedelta(seconds=1))
        return perform(call)

    stage.platforms.perform = slowly
    written(stage)
    written(stage, "m2", customer_id="bob", thread_id="bob")

    assert described(stage)[0] == "Ada"
    assert len(stage.platforms.calls) == 1


@pytest.mark.parametrize("error", [Unavailable("not now"), Conflict("faster"), ValueError("a fault of ours")])
def test_no_trouble_of_a_look_up_holds_up_a_hand_off(error):
    stage = stage_with()

    def fail(*_):
        raise error

    stage.channel.look_up = fail
    written(stage)

    assert len(stage.mailer.sent) == 1
    assert stage.desk.quarantined() == ()


def test_without_a_secret_or_where_the_channel_refuses_nobody_is_asked():
    stage = stage_with()
    stage.secrets.by_channel.clear()
    written(stage)
    written(stage, "m2", customer_id="nobody", thread_id="nobody")

    assert stage.platforms.calls == []
    assert len(stage.mailer.sent) == 2


def test_a_channel_that_cannot_look_up_costs_nothing():
    stage = Stage()

    written(stage)

    assert stage.platforms.calls == []
    assert len(stage.mailer.sent) == 1
