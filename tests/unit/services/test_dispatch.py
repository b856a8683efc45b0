from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain import ledger
from shared.domain.events import Kind
from shared.domain.records import Intent, Obligation, Send, SendKind, SendState, State, Target, Watch
from shared.errors import Misconfigured, Unavailable
from shared.services.dispatch import timer_name
from tests.fakes import records
from tests.fakes.records import NOON
from tests.unit.mail.build import text_of
from tests.unit.services.stage import ANA, FRIDAY_NIGHT, FRIDAY_NOON, LEA, Stage, about, echo, message

MINUTE = timedelta(minutes=1)
OWED = records.obligation(intents=(Intent.START_TIMER,))
PENDING = records.send(intents=(Intent.POST,))


def on_stage(*given):
    """These records, and the conversation and message that they are about."""
    stage = Stage()
    stage.put(records.conversation(), records.message(), *given)
    return stage


def intents(stage, record):
    return stage.desk.records[record.key].intents


class TestTimers:
    def test_an_open_obligation_has_its_timer_started_with_ids_and_the_first_look(self):
        stage = on_stage(OWED)

        assert stage.dispatch.carry_out(OWED.key) == (Intent.START_TIMER,)

        (timer,) = stage.timers.running
        assert (timer.conversation_id, timer.target, timer.revision) == (OWED.conversation_id, OWED.target, 1)
        assert timer.at == OWED.warn_at
        assert intents(stage, OWED) == ()

    def test_a_start_that_comes_after_the_warning_waits_for_the_breach(self):
        late = replace(OWED, warned_at=OWED.warn_at)
        stage = on_stage(late)

        stage.dispatch.carry_out(late.key)

        assert [timer.at for timer in stage.timers.running] == [late.due_at]

    @pytest.mark.parametrize(
        "over",
        [
            replace(OWED, state=State.MET),
            replace(OWED, state=State.CANCELLED),
            replace(OWED, state=State.SUPERSEDED),
            replace(OWED, breached_at=NOON),
        ],
    )
    def test_no_timer_is_started_for_what_is_over(self, over):
        stage = on_stage(over)

        stage.dispatch.carry_out(over.key)

        assert stage.timers.started == {}
        assert intents(stage, over) == ()

    def test_a_closed_obligation_has_its_timer_stopped_with_the_cause(self):
        met = replace(OWED, state=State.MET, intents=(Intent.STOP_TIMER,))
        stage = on_stage(met)
        stage.timers.started[timer_name(met)] = None

        stage.dispatch.carry_out(met.key)

        assert stage.timers.stopped == {timer_name(met): "first_response 1 is met"}
        assert intents(stage, met) == ()

    def test_a_timer_that_never_ran_is_stopped_without_harm(self):
        met = replace(OWED, state=State.MET, intents=(Intent.STOP_TIMER,))
        stage = on_stage(met)

        assert stage.dispatch.carry_out(met.key) == (Intent.STOP_TIMER,)

    def test_the_name_of_a_timer_is_the_same_for_every_start_and_another_for_every_revision(self):
        names = {timer_name(replace(OWED, revision=revision)) for revision in range(1, 50)}

        assert len(names) == 49
        assert timer_name(OWED) == timer_name(replace(OWED, version=9, warned_at=NOON, state=State.MET))
        assert all(len(name) <= 80 and name.replace("-", "").isalnum() for name in names)


class TestSends:
    def test_a_pending_entry_is_put_on_the_outbound_queue(self):
        stage = on_stage(PENDING)

        assert stage.dispatch.carry_out(PENDING.key) == (Intent.POST,)

        assert stage.outbox.waiting == [PENDING.key]
        assert intents(stage, PENDING) == ()

    def test_what_became_of_a_reply_is_told(self):
        failed = records.send(state=SendState.FAILED, agent=ANA.address, reason="Too long.", intents=(Intent.TELL,))
        stage = on_stage(failed)

        stage.dispatch.carry_out(failed.key)

        assert [mail.to for mail in stage.mailer.sent] == [ANA.address]
        assert intents(stage, failed) == ()

    def test_an_entry_that_turns_out_failed_while_its_doubt_is_told_is_told_again(self):
        unknown = ledger.unknown(records.send(agent=ANA.address), "The answer was lost.", NOON)
        stage = on_stage(unknown)

        def fails_after_all():
            known = stage.desk.records[unknown.key]
            stage.put(ledger.failed(known, "The platform failed to deliver it.", NOON))

        stage.crossings.after("mailer.send", fails_after_all)
        stage.dispatch.carry_out(unknown.key)
        stage.dispatch.carry_out(unknown.key)

        first, second = (text_of(mail) for mail in stage.mailer.sent)
        assert "may or may not be" in first
        assert "NOT posted" in second
        assert intents(stage, unknown) == ()


class TestAnyIntent:
    CASES = (
        OWED,
        replace(OWED, state=State.MET, intents=(Intent.STOP_TIMER,)),
        replace(OWED, warned_at=NOON, intents=(Intent.WARN,)),
        replace(OWED, breached_at=NOON, intents=(Intent.ESCALATE,)),
        replace(OWED, state=State.MET, breached_at=NOON, intents=(Intent.ESCALATE, Intent.STOP_TIMER)),
        PENDING,
        records.send(state=SendState.FAILED, agent=ANA.address, intents=(Intent.TELL,)),
    )

    @pytest.mark.parametrize("record", CASES, ids=lambda record: "+".join(record.intents))
    def test_carrying_out_twice_does_it_once(self, record):
        stage = on_stage(record)
        stage.dispatch.carry_out(record.key)
        effects = list(stage.crossings.calls)
        before = dict(stage.desk.records)

        assert stage.dispatch.carry_out(record.key) == ()

        assert stage.crossings.calls == [*effects, "desk.read"]
        assert stage.desk.records == before

    @pytest.mark.parametrize("record", CASES, ids=lambda record: "+".join(record.intents))
    def test_what_was_done_but_not_recorded_is_done_again_and_not_forgotten(self, record):
        stage = on_stage(record)
        stage.crossings.before("desk.commit")
        with pytest.raises(Unavailable):
            stage.dispatch.carry_out(record.key)

        assert stage.dispatch.carry_out(record.key) == record.intents
        assert intents(stage, record) == ()

    @pytest.mark.parametrize("call", ["timers.start", "timers.stop", "mailer.send", "notifier.publish", "outbox.put"])
    def test_what_could_not_be_done_stays_intended(self, call):
        records_of: dict[str, Obligation | Send] = {
            "timers.start": OWED,
            "timers.stop": replace(OWED, state=State.MET, intents=(Intent.STOP_TIMER,)),
            "mailer.send": replace(OWED, intents=(Intent.WARN,)),
            "notifier.publish": replace(OWED, intents=(Intent.ESCALATE,)),
            "outbox.put": PENDING,
        }
        record = records_of[call]
        stage = on_stage(record)
        stage.crossings.before(call)

        with pytest.raises(Unavailable):
            stage.dispatch.carry_out(record.key)

        assert intents(stage, record) == record.intents
        stage.dispatch.carry_out(record.key)
        assert intents(stage, record) == ()

    def test_an_intent_that_was_added_meanwhile_survives(self):
        stage = on_stage(OWED)

        def warned_meanwhile():
            known = stage.desk.records[OWED.key]
            stage.put(replace(known, warned_at=NOON, intents=(*known.intents, Intent.WARN)))

        stage.crossings.after("timers.start", warned_meanwhile)
        stage.dispatch.carry_out(OWED.key)

        assert intents(stage, OWED) == (Intent.WARN,)

    def test_an_intent_added_between_reading_and_recording_survives_too(self):
        stage = on_stage(OWED)

        def closed_meanwhile():
            known = stage.desk.records[OWED.key]
            stage.put(replace(known, state=State.MET, intents=(Intent.STOP_TIMER,)))

        stage.crossings.before("desk.commit", closed_meanwhile)
        stage.dispatch.carry_out(OWED.key)

        assert intents(stage, OWED) == (Intent.STOP_TIMER,)

    def test_a_loss_that_is_found_while_people_are_told_of_another_thing_is_told_too(self):
        watch = Watch(channel="web", account_id="1", feed="news", reported_at=NOON, intents=(Intent.REPORT,))
        stage = on_stage(watch)

        def found():
            stage.put(replace(stage.desk.records[watch.key], reported_at=NOON + MINUTE, reason="It is missing."))

        stage.crossings.before("notifier.publish", found)
        stage.dispatch.carry_out(watch.key)
        assert intents(stage, watch) == (Intent.REPORT,)

        stage.dispatch.carry_out(watch.key)
        assert intents(stage, watch) == ()
        assert ["It is missing." in text_of(mail) for mail in stage.mailer.sent] == [False, True]

    def test_a_record_that_is_gone_or_intends_nothing_is_left_alone(self):
        stage = on_stage(records.send(), records.quarantined())

        for record in (records.send(), records.quarantined(), records.conversation(), records.send(send_id="gone")):
            assert stage.dispatch.carry_out(record.key) == ()

        assert set(stage.crossings.calls) == {"desk.read"}


class TestWhatCannotBeDone:
    WRONG = (
        *[replace(OWED, intents=(i,)) for i in (Intent.HAND_OFF, Intent.POST, Intent.TELL)],
        *[replace(PENDING, intents=(i,)) for i in Intent if i not in {Intent.POST, Intent.TELL}],
    )

    @pytest.mark.parametrize("record", WRONG, ids=lambda r: f"{type(r).__name__} {r.intents[0]}")
    def test_a_record_with_an_intent_of_another_kind_is_set_aside_and_has_no_effect(self, record):
        stage = on_stage(record)

        assert stage.dispatch.carry_out(record.key) == ()

        (kept,) = stage.desk.quarantined()
        assert (kept.source, kept.stage) == ("dispatch", "carry out")
        assert f"cannot intend {record.intents[0]}" in kept.reason
        assert intents(stage, record) == record.intents
        assert not [call for call in stage.crossings.calls if not call.startswith("desk.")]

    def test_it_is_set_aside_once_however_often_the_stream_brings_it(self):
        wrong = replace(OWED, intents=(Intent.POST,))
        stage = on_stage(wrong)

        for _ in range(3):
            stage.dispatch.carry_out(wrong.key)

        assert len(stage.desk.quarantined()) == 1

    def test_a_fault_of_ours_is_set_aside_by_its_type_alone(self):
        stage = on_stage(OWED)
        stage.crossings.before("timers.start", lambda: dict[str, str]()["what a customer wrote"])

        assert stage.dispatch.carry_out(OWED.key) == ()

        (kept,) = stage.desk.quarantined()
        assert kept.reason.startswith("KeyError in Nightdesk itself")
        assert "customer" not in kept.reason

    def test_a_missing_set_up_is_set_aside_with_its_words(self):
        def missing():
            raise Misconfigured("There are no reply keys.")

        stage = on_stage(replace(OWED, intents=(Intent.WARN,)))
        stage.crossings.before("secrets.reply_keys", missing)

        assert stage.dispatch.carry_out(OWED.key) == ()

        assert stage.desk.quarantined()[0].reason.startswith("There are no reply keys.")

    def test_a_watch_is_written_twice_a_minute_and_yet_those_who_can_be_told_are_told_once_an_hour(self):
        watch = Watch(channel="web", account_id="1", feed="news", reason="Blocked.", intents=(Intent.REPORT,))
        stage = on_stage(watch)

        def refused():
            raise Misconfigured("The topic is gone.")

        for _ in range(90):
            for _ in range(2):
                stage.crossings.before("notifier.publish", refused)
                stage.dispatch.carry_out(watch.key)
            stage.clock.advance(MINUTE)

        assert len(stage.mailer.sent) == 2

    def test_a_table_that_does_not_answer_brings_the_record_back(self):
        stage = on_stage(OWED)
        stage.crossings.before("desk.read")

        with pytest.raises(Unavailable):
            stage.dispatch.carry_out(OWED.key)

        assert stage.desk.quarantined() == ()


def test_a_night_of_one_customer_ends_with_nothing_left_to_do():
    stage = Stage()
    stage.clock.at = FRIDAY_NIGHT
    stage.deliver(message("m1", at=FRIDAY_NIGHT), message("m2", at=FRIDAY_NIGHT + MINUTE))
    stage.dispatch_all()
    stage.send_all()
    (owed,) = stage.obligations_of(stage.conversation())
    for at in (owed.warn_at, owed.due_at):
        stage.clock.at = at
        stage.obligations.look(owed.conversation_id, Target.FIRST_RESPONSE, owed.revision)
        stage.dispatch_all()

    assert [mail.to for mail in stage.mailer.sent] == [ANA.address, ANA.address, LEA.address]
    assert [notice.kind for notice in stage.notifier.published] == ["hand_off", "warning", "escalation"]
    assert [send.kind for send in stage.sends_of(stage.conversation())] == [SendKind.ACKNOWLEDGEMENT]
    assert stage.desk.undone(stage.clock.now() + timedelta(days=1)) == ()


def test_an_answer_and_a_deletion_stop_what_was_started():
    for fact in (echo("e1", at=FRIDAY_NOON + MINUTE), about("m1", Kind.DELETION, at=FRIDAY_NOON + MINUTE)):
        stage = Stage()
        stage.deliver(message("m1"))
        stage.dispatch_all()
        running = len(stage.timers.running)

        stage.deliver(fact)
        stage.dispatch_all()

        assert (running, len(stage.timers.running)) == (1, 0)
