from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.events import Kind, Surface, Visibility
from shared.domain.records import Author, Intent, SendKind, SendState, State
from shared.errors import Unavailable
from tests.unit.services.stage import FRIDAY_NIGHT, FRIDAY_NOON, Stage, about, echo, message

MINUTE = timedelta(minutes=1)


def test_a_message_is_stored_with_its_conversation_obligation_and_intents_in_one_commit():
    stage = Stage()

    stage.deliver(message("m1"))

    conversation = stage.conversation()
    assert stage.message("m1").intents == (Intent.HAND_OFF,)
    assert [w.message_id for w in conversation.waiting] == ["m1"]
    (owed,) = stage.obligations_of(conversation)
    assert (owed.since, owed.warn_at, owed.due_at) == (
        FRIDAY_NOON,
        FRIDAY_NOON + 30 * MINUTE,
        FRIDAY_NOON + 60 * MINUTE,
    )
    assert owed.intents == (Intent.START_TIMER,)
    assert owed.policy_version == "test-1"


def test_a_second_delivery_of_a_message_changes_nothing():
    stage = Stage()
    body = stage.channel.delivery(message("m1"))
    stage.take(body)
    before = dict(stage.desk.records)

    stage.clock.advance(3 * MINUTE)
    stage.take(body)

    assert stage.desk.records == before


def test_a_burst_is_one_conversation_and_one_obligation():
    stage = Stage()

    stage.deliver(message("m1"), message("m2", at=FRIDAY_NOON + MINUTE), message("m3", at=FRIDAY_NOON + 2 * MINUTE))

    assert len(stage.conversation().waiting) == 3
    assert len(stage.obligations_of(stage.conversation())) == 1


def test_raw_bytes_are_archived_before_anything_is_read():
    stage = Stage()

    stage.take(b"what is this")

    assert list(stage.archive.kept.values()) == [b"what is this"]


def test_what_cannot_be_read_is_in_quarantine_with_its_reason():
    stage = Stage()

    stage.take(b"what is this")
    stage.take(b"what is this")

    (kept,) = stage.desk.quarantined()
    assert (kept.source, kept.stage, kept.reason) == ("scripted", "parse", "Nobody knows this body.")
    assert stage.archive.kept[kept.archive_key] == b"what is this"


def test_an_event_that_cannot_be_committed_does_not_hold_back_its_neighbours():
    stage = Stage()
    broken = message("m2", surface=None)  # no conversation can be opened for it

    stage.deliver(message("m1"), replace(broken, thread_id="elsewhere", customer_id="other"), message("m3"))

    assert [w.message_id for w in stage.conversation().waiting] == ["m1", "m3"]
    assert [kept.stage for kept in stage.desk.quarantined()] == ["commit"]


def test_a_table_that_does_not_answer_brings_the_delivery_back_after_its_neighbours_were_tried():
    stage = Stage()
    commit, calls = stage.desk.commit, []

    def fails_first(records, unchanged=()):
        calls.append(records)
        if len(calls) == 1:
            raise Unavailable("throttled")
        commit(records, unchanged)

    stage.desk.commit = fails_first  # type: ignore[method-assign]  # a port that fails on purpose
    body = stage.channel.delivery(message("m1"), message("m2"))
    with pytest.raises(Unavailable):
        stage.take(body)
    stage.take(body)

    assert [w.message_id for w in stage.conversation().waiting] == ["m1", "m2"]


def test_a_test_event_of_the_dashboard_owes_nothing():
    stage = Stage()

    stage.deliver(message("m1", test=True))

    assert [type(r).__name__ for r in stage.desk.records.values()] == ["Quarantined"]


def test_something_unreadable_from_a_customer_is_handed_to_people():
    stage = Stage()

    stage.deliver(message("m1", kind=Kind.UNKNOWN, text=None, detail="poll"))

    assert stage.message("m1").intents == (Intent.HAND_OFF,)
    assert stage.conversation().waiting


def test_reactions_reads_and_unknown_statuses_owe_nothing():
    stage = Stage()

    stage.deliver(about("m1", Kind.REACTION), about("m1", Kind.READ), about("m1", Kind.STATUS, detail="delivered"))

    assert stage.desk.records == {}


def test_a_deletion_removes_the_words_and_cancels_what_was_owed():
    stage = Stage()
    stage.deliver(message("m1"))

    stage.deliver(about("m1", Kind.DELETION, at=FRIDAY_NOON + MINUTE))

    assert (stage.message("m1").text, stage.message("m1").deleted_at) == (None, FRIDAY_NOON + MINUTE)
    (owed,) = stage.obligations_of(stage.conversation())
    assert (owed.state, owed.intents) == (State.CANCELLED, (Intent.STOP_TIMER,))


def test_a_deletion_that_comes_first_leaves_nothing_to_answer():
    stage = Stage()

    stage.deliver(about("m1", Kind.DELETION))
    stage.deliver(message("m1"))

    assert stage.message("m1").text is None
    assert stage.message("m1").intents == ()
    assert stage.conversation().waiting == ()
    assert stage.obligations_of(stage.conversation()) == ()


def test_an_edit_that_comes_first_wins_over_the_first_words():
    stage = Stage()

    stage.deliver(replace(about("m1", Kind.EDIT, at=FRIDAY_NOON + MINUTE), text="second words"))
    stage.deliver(message("m1"))

    assert stage.message("m1").text == "second words"
    assert stage.message("m1").sent_at == FRIDAY_NOON


def test_a_person_who_answers_in_the_platforms_app_meets_the_obligation():
    stage = Stage()
    stage.deliver(message("m1"))

    stage.deliver(echo("e1", at=FRIDAY_NOON + 5 * MINUTE))

    (owed,) = stage.obligations_of(stage.conversation())
    assert (owed.state, owed.intents) == (State.MET, (Intent.STOP_TIMER,))
    assert stage.message("e1").author is Author.PERSON


def test_an_answer_in_the_app_covers_what_was_written_before_it_and_nothing_after():
    stage = Stage()
    stage.clock.advance(15 * MINUTE)

    stage.deliver(message("m1"), message("m2", at=FRIDAY_NOON + 10 * MINUTE), echo("e1", at=FRIDAY_NOON + 5 * MINUTE))

    assert [w.message_id for w in stage.conversation().waiting] == ["m2"]
    states = [(owed.state, owed.since) for owed in stage.obligations_of(stage.conversation())]
    assert states == [(State.SUPERSEDED, FRIDAY_NOON), (State.OPEN, FRIDAY_NOON + 10 * MINUTE)]


def test_a_machine_that_speaks_for_us_meets_nothing():
    stage = Stage()
    stage.deliver(message("m1"))

    stage.deliver(echo("e1", at=FRIDAY_NOON + MINUTE, automated=True))

    assert stage.conversation().waiting
    assert stage.message("e1").author is Author.BOT


def test_a_public_answer_heard_of_before_its_question_still_answers_it():
    stage = Stage()
    public: dict[str, Any] = {"surface": Surface.COMMENT, "visibility": Visibility.PUBLIC, "thread_id": "post"}

    stage.deliver(echo("e1", at=FRIDAY_NOON + 5 * MINUTE, in_reply_to="c1", customer_id=None, **public))
    stage.deliver(message("c1", **public))

    conversation = stage.conversation(thread="post")
    assert conversation.waiting == ()
    assert stage.obligations_of(conversation) == ()
    assert stage.message("c1").intents == (Intent.HAND_OFF,)


def test_strangers_without_a_name_are_never_put_together():
    stage = Stage()
    public: dict[str, Any] = {
        "surface": Surface.COMMENT,
        "visibility": Visibility.PUBLIC,
        "thread_id": "post",
        "customer_id": None,
    }

    stage.deliver(message("c1", author_id=None, **public), message("c2", author_id=None, **public))

    assert stage.message("c1").conversation_id != stage.message("c2").conversation_id


def test_a_platform_time_in_the_future_is_held_to_ours():
    stage = Stage()

    stage.deliver(message("m1", at=FRIDAY_NOON + timedelta(days=1)))

    assert stage.message("m1").sent_at == FRIDAY_NOON


class TestAcknowledgement:
    def acknowledgements(self, stage):
        return [s for s in stage.sends_of(stage.conversation()) if s.kind is SendKind.ACKNOWLEDGEMENT]

    def night(self):
        stage = Stage()
        stage.clock.at = FRIDAY_NIGHT
        return stage

    def test_a_message_in_a_closed_period_gets_one_that_says_it_is_automatic_and_when_people_are_back(self):
        stage = self.night()

        stage.deliver(message("m1", at=FRIDAY_NIGHT, author_name="Zoë Sample"))

        (ack,) = self.acknowledgements(stage)
        assert "automatic" in ack.text
        assert "Zoë" in ack.text
        assert "Monday" in ack.text
        assert "09:00" in ack.text
        assert ack.intents == (Intent.POST,)

    def test_a_burst_and_a_later_message_of_the_same_period_get_no_second_one(self):
        stage = self.night()
        stage.deliver(message("m1", at=FRIDAY_NIGHT), message("m2", at=FRIDAY_NIGHT + MINUTE))

        stage.clock.advance(timedelta(hours=20))
        stage.deliver(message("m3", at=stage.clock.now()))

        assert len(self.acknowledgements(stage)) == 1

    def test_the_next_closed_period_has_its_own(self):
        stage = self.night()
        stage.deliver(message("m1", at=FRIDAY_NIGHT))

        stage.clock.at = FRIDAY_NIGHT + timedelta(days=3)  # Monday night
        stage.deliver(message("m2", at=stage.clock.now()))

        assert len(self.acknowledgements(stage)) == 2

    @pytest.mark.parametrize(
        ("why", "changes"),
        [
            ("it is open", {"at": FRIDAY_NOON}),
            ("it was written before closing time", {"at": FRIDAY_NIGHT - timedelta(hours=6)}),
            ("it is old", {"at": FRIDAY_NIGHT - timedelta(minutes=16)}),
            ("it is public", {"visibility": Visibility.PUBLIC, "surface": Surface.COMMENT}),
            ("a machine wrote it", {"automated": True}),
            ("another application holds the thread", {"standby": True}),
            ("it cannot be read", {"kind": Kind.UNKNOWN}),
        ],
    )
    def test_none_where_it_would_be_wrong(self, why, changes):
        stage = self.night()
        if why == "it is open":
            stage.clock.at = FRIDAY_NOON

        stage.deliver(message("m1", **{"at": FRIDAY_NIGHT, **changes}))

        assert self.acknowledgements(stage) == [], why

    def test_none_after_a_person_spoke_in_the_same_period(self):
        stage = self.night()
        stage.deliver(echo("e1", at=FRIDAY_NIGHT - timedelta(hours=2)))

        stage.deliver(message("m1", at=FRIDAY_NIGHT))

        assert self.acknowledgements(stage) == []

    def test_none_for_a_message_that_was_taken_back_already(self):
        stage = self.night()

        stage.deliver(about("m1", Kind.DELETION, at=FRIDAY_NIGHT))
        stage.deliver(message("m1", at=FRIDAY_NIGHT))

        assert self.acknowledgements(stage) == []

    def test_none_in_answer_to_our_own_echo(self):
        stage = self.night()

        stage.deliver(echo("e1", at=FRIDAY_NIGHT))

        assert self.acknowledgements(stage) == []

    @pytest.mark.parametrize(
        ("state", "native_id", "again"),
        [
            (SendState.WITHHELD, None, True),
            (SendState.FAILED, None, True),
            (SendState.FAILED, "taken-and-then-failed", False),
            (SendState.SENT, "posted", False),
            (SendState.UNKNOWN, None, False),
            (SendState.SENDING, None, False),
        ],
    )
    def test_one_that_nobody_can_have_read_may_be_written_again_in_the_same_period(self, state, native_id, again):
        stage = self.night()
        stage.deliver(message("m1", at=FRIDAY_NIGHT))
        (ack,) = self.acknowledgements(stage)
        stage.desk.commit([replace(ack, state=state, native_id=native_id, intents=())])

        stage.clock.advance(timedelta(hours=2))
        stage.deliver(message("m2", at=stage.clock.now()))

        (ack,) = self.acknowledgements(stage)
        assert (ack.state is SendState.PENDING) == again
        assert (ack.in_reply_to == "m2") == again

    def test_public_only_where_the_rule_says_so(self):
        rule = replace(Stage().policy.rules[0], acknowledge=True)
        stage = Stage(policy=replace(Stage().policy, rules=(rule,)))
        stage.clock.at = FRIDAY_NIGHT

        stage.deliver(message("m1", at=FRIDAY_NIGHT, visibility=Visibility.PUBLIC, surface=Surface.COMMENT))

        assert len(self.acknowledgements(stage)) == 1


FACTS = (
    message("m1"),
    message("m2", at=FRIDAY_NOON + 2 * MINUTE),
    message("m3", at=FRIDAY_NOON + 9 * MINUTE),
    replace(about("m1", Kind.EDIT, at=FRIDAY_NOON + MINUTE), text="first edit"),
    replace(about("m1", Kind.EDIT, at=FRIDAY_NOON + 3 * MINUTE), text="second edit"),
    about("m2", Kind.DELETION, at=FRIDAY_NOON + 4 * MINUTE),
    echo("e1", at=FRIDAY_NOON + 5 * MINUTE),
)


def outcome(order, *, together=False):
    """What the desk holds after these facts came in this order: without versions, revisions and intents."""
    stage = Stage()
    stage.clock.at = FRIDAY_NOON + timedelta(hours=3)
    groups = [order] if together else [[event] for event in order]
    for group in groups:
        stage.deliver(*group, received_at=FRIDAY_NOON + timedelta(minutes=30))
    head = stage.conversation()
    messages = [replace(stage.message(m), intents=(), version=0, archive_key=None) for m in ("m1", "m2", "m3", "e1")]
    is_open = [(o.since, o.due_at) for o in stage.obligations_of(head) if o.state is State.OPEN]
    facts = replace(head, version=0, obligation_revision=0, unhanded=(), opened_at=FRIDAY_NOON)
    return facts, messages, is_open


def test_every_order_of_the_same_facts_ends_in_the_same_state():
    expected = outcome(FACTS)

    assert expected[2] == [(FRIDAY_NOON + 9 * MINUTE, FRIDAY_NOON + 69 * MINUTE)]
    for order in permutations(FACTS):
        assert outcome(order) == expected


@given(st.lists(st.sampled_from(FACTS), max_size=10), st.booleans())
@settings(max_examples=100, deadline=None)
def test_repetitions_and_batches_end_in_the_same_state(repeated, together):
    assert outcome((*FACTS, *repeated), together=together) == outcome(FACTS)


def test_our_answer_directly_under_a_visitors_post_answers_the_post():
    stage = Stage()
    public: dict[str, Any] = {"surface": Surface.COMMENT, "visibility": Visibility.PUBLIC, "thread_id": "post"}
    stage.deliver(message("post", **public))

    stage.deliver(echo("e1", at=FRIDAY_NOON + MINUTE, customer_id=None, **public))

    assert stage.conversation(thread="post").waiting == ()
