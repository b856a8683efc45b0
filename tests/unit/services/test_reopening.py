"""What a reply answered waits again when the platform says afterwards that it did not arrive."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.domain.events import Kind, Surface, Visibility
from shared.domain.records import Author, SendState, State
from shared.services.send import Carried
from tests.unit.services.sending import answer
from tests.unit.services.stage import FRIDAY_NOON, Stage, about, echo, message

MINUTE = timedelta(minutes=1)
PUBLIC: dict[str, Any] = {"surface": Surface.COMMENT, "visibility": Visibility.PUBLIC, "thread_id": "post"}


def undelivered(sending):
    """The platform's word on a reply it had taken."""
    token = sending.first.client_token
    sending.stage.deliver(about("native-1", Kind.STATUS, detail="failed: 131026", client_token=token))


def test_the_customer_waits_again_and_a_new_revision_is_owed():
    sending = answer()
    assert sending.carry() is Carried.SENT
    assert sending.stage.conversation().waiting == ()

    undelivered(sending)

    conversation = sending.stage.conversation()
    assert [w.message_id for w in conversation.waiting] == ["m1"]
    assert [o.state for o in sending.stage.obligations_of(conversation)] == [State.MET, State.OPEN]
    assert sending.send.state is SendState.FAILED


def test_an_answer_in_the_app_still_covers_what_the_failed_reply_no_longer_does():
    sending = answer()
    sending.carry()
    sending.stage.clock.advance(MINUTE)
    sending.stage.deliver(echo("e1", at=sending.stage.clock.now()))

    undelivered(sending)

    assert sending.stage.conversation().waiting == ()


def test_a_message_taken_back_meanwhile_does_not_wait_again():
    sending = answer()
    sending.carry()
    sending.stage.deliver(about("m1", Kind.DELETION, at=sending.stage.clock.now()))

    undelivered(sending)

    assert sending.stage.conversation().waiting == ()


def test_the_same_word_twice_reopens_once():
    sending = answer()
    sending.carry()
    undelivered(sending)
    before = dict(sending.stage.desk.records)

    undelivered(sending)

    assert sending.stage.desk.records == before


def test_a_persons_comment_heard_of_before_its_question_is_kept_and_joined_to_it():
    stage = Stage()
    stage.clock.advance(10 * MINUTE)

    stage.deliver(echo("e1", at=FRIDAY_NOON + 5 * MINUTE, in_reply_to="c1", customer_id=None, **PUBLIC))
    assert (stage.message("e1").author, stage.message("e1").conversation_id) == (Author.PERSON, None)
    stage.deliver(message("c1", **PUBLIC))

    assert stage.message("e1").conversation_id == stage.message("c1").conversation_id
    assert stage.conversation(thread="post").waiting == ()


def test_a_machines_comment_heard_of_before_its_question_answers_nothing():
    stage = Stage()
    stage.clock.advance(10 * MINUTE)
    early = echo("e1", at=FRIDAY_NOON + 5 * MINUTE, in_reply_to="c1", customer_id=None, automated=True, **PUBLIC)

    stage.deliver(early)
    stage.deliver(message("c1", **PUBLIC))

    assert [w.message_id for w in stage.conversation(thread="post").waiting] == ["c1"]
