from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.events import Kind
from shared.domain.records import Author, Intent, SendState, State
from shared.errors import Unavailable
from shared.services.settlement import present_obligation, record_sent, settled_records
from tests.unit.services.sending import acknowledgement, answer, both
from tests.unit.services.stage import FRIDAY_NOON, POLICY, Stage, about, message

MINUTE = timedelta(minutes=1)


def record(sending, native_id="native-1", desk=None):
    send = sending.first
    now = sending.stage.clock.now()
    record_sent(desk or sending.stage.desk, POLICY, send.conversation_id, send.send_id, native_id, now)


def present(desk, conversation):
    """The obligation that is there."""
    found = present_obligation(desk, conversation)
    assert found is not None
    return found


@both
def test_ledger_message_conversation_and_obligation_change_in_one_commit(given):
    sending = given()
    desk = sending.stage.crossings.port("desk", sending.stage.desk)

    record(sending, desk=desk)

    assert sending.stage.crossings.named("desk.commit") == ["desk.commit"]
    assert sending.send.state is SendState.SENT
    assert sending.stage.message("native-1").text == sending.first.text


@both
def test_recording_twice_changes_nothing(given):
    sending = given()
    record(sending)
    before = dict(sending.stage.desk.records)

    sending.stage.clock.advance(MINUTE)
    record(sending, "another-id")

    assert sending.stage.desk.records == before


@both
def test_nothing_of_it_happens_when_the_commit_fails(given):
    sending = given()
    before = dict(sending.stage.desk.records)
    sending.stage.crossings.before("desk.commit")

    with pytest.raises(Unavailable):
        record(sending, desk=sending.stage.crossings.port("desk", sending.stage.desk))

    assert sending.stage.desk.records == before


@pytest.mark.parametrize("state", list(SendState))
def test_proof_from_the_platform_settles_every_state_but_one_that_the_platform_itself_ended(state):
    sending = answer()
    sending.stage.put(replace(sending.send, state=state, intents=(Intent.TELL,)))

    record(sending)

    expected = (state, (Intent.TELL,)) if state is SendState.SENT else (SendState.SENT, ())
    assert (sending.send.state, sending.send.intents) == expected


def test_what_the_platform_took_and_then_failed_stays_failed():
    sending = answer()
    failed = replace(sending.send, state=SendState.FAILED, native_id="native-1", intents=(Intent.TELL,))
    sending.stage.put(failed)

    record(sending)

    assert sending.send == replace(failed, version=failed.version + 1)


def test_an_entry_or_a_conversation_that_is_gone_is_nothing_to_record():
    sending = answer()
    for key in (sending.first.key, sending.stage.conversation().key):
        records = {k: v for k, v in sending.stage.desk.records.items() if k != key}
        stage = Stage()
        stage.desk.records.update(records)
        record_sent(
            stage.desk, POLICY, sending.first.conversation_id, sending.first.send_id, "native-1", stage.clock.now()
        )

        assert stage.desk.records == records


def test_a_text_of_ours_that_was_taken_back_before_it_was_recorded_stays_taken_back():
    sending = answer()
    sending.stage.deliver(about("native-1", Kind.DELETION, at=FRIDAY_NOON + 6 * MINUTE))

    record(sending)

    recorded = sending.stage.message("native-1")
    assert (recorded.author, recorded.text, recorded.deleted_at) == (Author.PERSON, None, FRIDAY_NOON + 6 * MINUTE)


def test_a_text_of_ours_that_was_edited_before_it_was_recorded_keeps_its_newest_words():
    sending = answer()
    edit = replace(about("native-1", Kind.EDIT, at=FRIDAY_NOON + 6 * MINUTE), text="newer words")
    sending.stage.deliver(edit)

    record(sending)

    recorded = sending.stage.message("native-1")
    assert (recorded.author, recorded.text, recorded.edited_at) == (Author.PERSON, "newer words", edit.sent_at)


def test_a_new_message_between_reading_and_writing_is_kept_and_stays_open():
    sending = answer()
    late = message("m2", at=FRIDAY_NOON + 10 * MINUTE)
    sending.stage.clock.advance(5 * MINUTE)
    sending.stage.crossings.before("desk.commit", lambda: sending.stage.deliver(late))

    record(sending, desk=sending.stage.crossings.port("desk", sending.stage.desk))

    conversation = sending.stage.conversation()
    assert [waiting.message_id for waiting in conversation.waiting] == ["m2"]
    assert sending.stage.obligations_of(conversation)[-1].state is State.OPEN
    assert present(sending.stage.desk, conversation).since == late.sent_at


def test_the_present_obligation_is_the_newest_revision_open_or_not():
    sending = answer()
    conversation = sending.stage.conversation()
    assert present(sending.stage.desk, conversation).state is State.OPEN

    record(sending)

    assert present(sending.stage.desk, sending.stage.conversation()).state is State.MET
    assert present_obligation(sending.stage.desk, replace(conversation, obligation_revision=0)) is None
    assert present_obligation(sending.stage.desk, replace(conversation, obligation_revision=9)) is None


def test_a_change_that_leaves_the_waiting_alone_needs_no_look_at_obligations():
    sending = acknowledgement()
    before = sending.stage.conversation()
    after = replace(before, last_bot_at=FRIDAY_NOON)
    desk = sending.stage.crossings.port("desk", sending.stage.desk)

    assert settled_records(desk, before, after, POLICY, FRIDAY_NOON) == (after,)
    assert sending.stage.crossings.calls == []
