"""What the port Desk promises, of its twin in memory and of the table alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest

from shared.domain.records import Conversation, Intent, Key, Message, Record, State, send_key
from shared.errors import Conflict
from shared.ports import Desk
from tests.fakes import records as some

MINUTE = timedelta(minutes=1)
EVER = some.NOON + timedelta(days=1)
EVERY_TYPE = [some.message(), some.conversation(), some.obligation(), some.send(), some.quarantined()]


def stored(record: Record) -> Record:
    return replace(record, version=record.version + 1)


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", EVERY_TYPE, ids=lambda record: type(record).__name__)
def test_a_stored_record_is_read_as_it_was_one_version_higher(desk: Desk, record: Record):
    desk.commit([record])
    assert desk.read([record.key]) == {record.key: stored(record)}


def test_only_what_exists_is_read(desk: Desk):
    desk.commit([some.message()])
    nowhere = Key("M#web#shop#m2", "message")
    assert desk.read([nowhere]) == {}
    assert set(desk.read([some.message().key, nowhere])) == {some.message().key}
    assert desk.read([]) == {}


def test_a_key_asked_for_twice_is_answered_once(desk: Desk):
    desk.commit([some.message()])
    assert len(desk.read([some.message().key] * 2)) == 1


def test_a_hundred_records_are_read_at_once_and_no_more(desk: Desk):
    many = [some.message(message_id=f"m{n:03}") for n in range(100)]
    for start in range(0, 100, 25):
        desk.commit(many[start : start + 25])
    assert len(desk.read([one.key for one in many])) == 100
    with pytest.raises(ValueError, match="101"):
        desk.read([send_key("c", str(n)) for n in range(101)])


# -- committing -------------------------------------------------------------------------------------------------------


def test_a_record_that_exists_is_not_created_again(desk: Desk):
    desk.commit([some.message()])
    with pytest.raises(Conflict):
        desk.commit([some.message(text="another")])
    assert desk.read([some.message().key]) == {some.message().key: stored(some.message())}


def test_a_record_is_replaced_at_the_version_it_was_read_at(desk: Desk):
    desk.commit([some.message()])
    desk.commit([some.message(text="second", version=1)])
    assert desk.read([some.message().key]) == {some.message().key: some.message(text="second", version=2)}


@pytest.mark.parametrize("version", [0, 1, 3])
def test_a_record_is_not_replaced_at_any_other_version(desk: Desk, version: int):
    desk.commit([some.message()])
    desk.commit([some.message(version=1)])
    with pytest.raises(Conflict):
        desk.commit([some.message(text="late", version=version)])


def test_what_was_never_stored_is_not_replaced(desk: Desk):
    with pytest.raises(Conflict):
        desk.commit([some.message(version=1)])


def test_what_is_taken_away_from_a_record_is_gone(desk: Desk):
    desk.commit([some.message()])
    desk.commit([some.message(text=None, attachments=(), version=1)])
    assert desk.read([some.message().key]) == {some.message().key: some.message(text=None, attachments=(), version=2)}


def test_records_are_stored_all_or_none(desk: Desk):
    desk.commit([some.conversation()])
    with pytest.raises(Conflict):
        desk.commit([some.message(), some.send(), some.conversation()])
    assert desk.read([some.message().key, some.send().key]) == {}
    desk.commit([some.message(), some.send(), some.conversation(version=1)])
    assert len(desk.read([some.message().key, some.send().key, some.conversation().key])) == 3


def test_what_must_be_unchanged_is_checked_and_not_written(desk: Desk):
    desk.commit([some.conversation()])
    seen = some.conversation(version=1)
    desk.commit([some.send()], unchanged=[seen])
    assert desk.read([seen.key]) == {seen.key: seen}
    desk.commit([some.conversation(customer_name="Ada", version=1)])
    with pytest.raises(Conflict):
        desk.commit([some.send(text="late", version=1)], unchanged=[seen])
    assert desk.read([some.send().key]) == {some.send().key: stored(some.send())}


def test_what_must_be_unchanged_may_be_something_that_is_not_there(desk: Desk):
    desk.commit([some.send()], unchanged=[some.conversation()])
    desk.commit([some.conversation()])
    with pytest.raises(Conflict):
        desk.commit([some.send(version=1)], unchanged=[some.conversation()])


def test_twenty_five_records_go_in_one_commit_and_no_more(desk: Desk):
    many = [some.message(message_id=f"m{n}") for n in range(26)]
    with pytest.raises(ValueError, match="26"):
        desk.commit(many)
    assert desk.read([many[0].key]) == {}
    desk.commit(many[:24], unchanged=many[25:])
    assert len(desk.read([one.key for one in many])) == 24


def test_a_record_does_not_stand_twice_in_a_commit(desk: Desk):
    with pytest.raises(ValueError, match="twice"):
        desk.commit([some.message()], unchanged=[some.message()])


def test_a_commit_of_nothing_does_nothing(desk: Desk):
    desk.commit([])


@pytest.mark.parametrize("desk", ["memory", pytest.param("emulator", marks=pytest.mark.emulator)], indirect=True)
@pytest.mark.parametrize("others", [(), (some.send(),)], ids=["alone", "in a transaction"])
def test_of_twenty_at_once_exactly_one_wins_each_version(desk: Desk, others: tuple[Record, ...]):
    # moto checks a condition and writes the item in two steps, so threads can pass each other there.
    together = Barrier(20)

    def attempt(runner: int, version: int) -> bool:
        together.wait()
        try:
            desk.commit([some.conversation(customer_name=str(runner), version=version), *others])
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        for version in range(2):
            others = tuple(replace(one, version=version) for one in others)
            assert sum(threads.map(attempt, range(20), [version] * 20)) == 1
    (left,) = desk.read([some.conversation().key]).values()
    assert left.version == 2


# -- lists ------------------------------------------------------------------------------------------------------------


def test_the_ledger_of_a_conversation_holds_its_sends_and_nothing_else(desk: Desk):
    desk.commit([some.conversation(), some.obligation(), some.send(send_id="b"), some.send(send_id="a")])
    desk.commit([some.send(conversation_id="another")])
    assert [send.send_id for send in desk.sends(some.CONVERSATION)] == ["a", "b"]
    assert desk.sends("nobody") == ()


def test_obligations_come_oldest_revision_first(desk: Desk):
    for revision in (11, 2, 1):
        desk.commit([some.obligation(revision=revision, state=State.SUPERSEDED)])
    desk.commit([some.send()])
    assert [one.revision for one in desk.obligations(some.CONVERSATION)] == [1, 2, 11]


def test_messages_come_by_their_time_and_stubs_not_at_all(desk: Desk):
    desk.commit([some.message(message_id="late", sent_at=some.NOON + 2 * MINUTE)])
    desk.commit([some.message(message_id="received", sent_at=None, received_at=some.NOON + MINUTE)])
    desk.commit([some.message(message_id="early")])
    desk.commit([some.message(message_id="elsewhere", conversation_id="another")])
    desk.commit([Message(channel="web", account_id="shop", message_id="stub", deleted_at=some.NOON)])
    assert [one.message_id for one in desk.messages(some.CONVERSATION)] == ["early", "received", "late"]


def test_a_stub_is_listed_once_its_conversation_is_known(desk: Desk):
    stub = Message(channel="web", account_id="shop", message_id="m1", deleted_at=some.NOON)
    desk.commit([stub])
    desk.commit([some.message(deleted_at=some.NOON, version=1)])
    assert desk.messages(some.CONVERSATION) == (some.message(deleted_at=some.NOON, version=2),)


def test_a_customers_conversations_come_oldest_first_and_are_nobody_elses(desk: Desk):
    def talk(name: str, **known: object) -> Conversation:
        return some.conversation(conversation_id=name, **known)

    desk.commit([talk("second", opened_at=some.NOON + MINUTE), talk("first"), talk("hers", customer_id="eve")])
    desk.commit([talk("unknown", customer_id=None), talk("x", account_id="shop#ada", customer_id="b")])
    desk.commit([talk("y", customer_id="ada#b")])
    assert [one.conversation_id for one in desk.conversations("web", "shop", "ada")] == ["first", "second"]
    assert [one.conversation_id for one in desk.conversations("web", "shop", "ada#b")] == ["y"]


def test_the_quarantine_shows_the_newest_first_and_no_more_than_asked(desk: Desk):
    for n in (3, 0, 6, 4, 1, 5, 2):
        desk.commit([some.quarantined(quarantine_id=str(n), received_at=some.NOON + n * MINUTE)])
    assert [one.quarantine_id for one in desk.quarantined()] == list("6543210")
    assert [one.quarantine_id for one in desk.quarantined(limit=3)] == list("654")


def test_undone_are_records_with_intents_older_than_asked_longest_waiting_first(desk: Desk):
    waiting: list[Record] = [
        some.message(intents=(Intent.HAND_OFF,), received_at=some.NOON + 2 * MINUTE),
        some.obligation(intents=(Intent.START_TIMER,)),
        some.send(intents=(Intent.POST,), written_at=some.NOON + MINUTE),
    ]
    desk.commit([*waiting, some.conversation(), some.message(message_id="done")])
    message, obligation, send = (record.key for record in waiting)
    assert desk.undone(EVER) == (obligation, send, message)
    assert desk.undone(EVER, limit=2) == (obligation, send)
    assert desk.undone(some.NOON + MINUTE) == (obligation,)
    desk.commit([some.obligation(version=1)])
    assert desk.undone(EVER) == (send, message)


def test_due_are_open_obligations_by_their_next_checkpoint_until_the_breach(desk: Desk):
    owed = some.obligation()
    desk.commit([owed, some.obligation(revision=2, state=State.MET)])
    desk.commit([some.obligation(conversation_id="later", warn_at=some.NOON + 50 * MINUTE)])
    assert [key.partition for key in desk.due(EVER)] == [owed.key.partition, "C#later"]
    assert desk.due(EVER, limit=1) == (owed.key,)
    assert desk.due(owed.warn_at) == ()
    desk.commit([replace(owed, warned_at=owed.warn_at, version=1)])
    assert desk.due(owed.due_at, limit=5)[0].partition == "C#later"
    desk.commit([replace(owed, warned_at=owed.warn_at, breached_at=owed.due_at, version=2)])
    assert [key.partition for key in desk.due(EVER)] == ["C#later"]


def test_many_undone_records_are_found_without_missing_a_shard(desk: Desk):
    many = [some.message(message_id=f"m{n:02}", intents=(Intent.HAND_OFF,)) for n in range(40)]
    desk.commit(many[:20])
    desk.commit(many[20:])
    assert set(desk.undone(EVER)) == {one.key for one in many}
    assert len(desk.undone(EVER, limit=7)) == 7
