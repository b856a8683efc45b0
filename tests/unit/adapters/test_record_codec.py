from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters import record_codec as codec
from shared.domain.records import Intent, Key, Message, Record, State
from tests.fakes import records as some

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=ZONES)  # noqa: DTZ001 - the strategy adds the zone
st.register_type_strategy(datetime, TIMES)
RECORDS = st.one_of(*(st.builds(kind) for kind in get_args(Record)))


@given(RECORDS)
def test_every_record_is_read_back_as_it_was_written(record: Record):
    assert codec.decode(codec.encode(record)) == record


@given(RECORDS)
def test_the_index_attributes_of_an_item_never_hide_a_field(record: Record):
    item = codec.encode(record)
    assert {name: item[name]["S"] for name in codec.index_attributes(record)} == codec.index_attributes(record)
    assert codec.key_of(item) == record.key


@given(TIMES, TIMES)
def test_stamps_sort_as_their_times_do_and_all_have_one_width(one: datetime, other: datetime):
    assert (codec.stamp(one) < codec.stamp(other)) == (one < other)
    assert len(codec.stamp(one)) == len("2026-11-20T12:00:00.000000Z")


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        codec.stamp(datetime(2026, 11, 20))  # noqa: DTZ001 - the point of it


def test_what_is_not_known_takes_no_room():
    item = codec.encode(Message(channel="web", account_id="1", message_id="2"))
    assert set(item) == {"pk", "sk", "type", "channel", "account_id", "message_id", "version"}


def test_an_attribute_of_a_later_release_is_ignored_and_a_missing_one_is_its_default():
    item = codec.encode(some.message()) | {"mood": {"S": "sunny"}}
    del item["version"]
    assert codec.decode(item) == replace(some.message(), version=0)


def test_an_item_of_an_unknown_type_is_an_error():
    with pytest.raises(KeyError):
        codec.decode({"pk": {"S": "x"}, "sk": {"S": "y"}, "type": {"S": "surprise"}})


def test_a_record_is_on_the_list_of_undone_things_exactly_while_it_intends_something():
    message = some.message(intents=(Intent.HAND_OFF,))
    assert codec.index_attributes(message)["todo_shard"] in codec.TODO_SHARDS
    assert codec.index_attributes(message)["todo_at"] == codec.stamp(some.NOON)
    assert "todo_shard" not in codec.index_attributes(replace(message, intents=()))


def test_an_intent_waits_since_the_newest_thing_its_record_tells_of():
    breached = some.obligation(breached_at=some.NOON + timedelta(hours=3), intents=(Intent.ESCALATE,))
    assert codec.waiting_since(breached) == some.NOON + timedelta(hours=3)


def test_an_intent_on_a_record_that_tells_no_time_has_waited_longest():
    bare = Message(channel="web", account_id="1", message_id="2", intents=(Intent.HAND_OFF,))
    assert codec.waiting_since(bare) == datetime(1970, 1, 1, tzinfo=UTC)


def test_an_open_obligation_is_due_at_its_warning_then_at_its_breach_then_never():
    owed = some.obligation()
    warned = replace(owed, warned_at=owed.warn_at)
    breached = replace(warned, breached_at=owed.due_at)
    assert [codec.next_checkpoint(one) for one in (owed, warned, breached)] == [owed.warn_at, owed.due_at, None]


@pytest.mark.parametrize("state", [State.MET, State.CANCELLED, State.SUPERSEDED])
def test_a_closed_obligation_is_never_due(state: State):
    assert "due_shard" not in codec.index_attributes(some.obligation(state=state))


def test_the_index_says_the_next_checkpoint_and_the_record_keeps_its_own_due_time():
    item = codec.encode(some.obligation())
    assert item["due_at"]["S"] == codec.stamp(some.obligation().warn_at)
    assert codec.decode(item) == some.obligation()


def test_a_message_is_listed_by_the_platforms_time_and_else_by_ours():
    assert codec.listed_under(some.message()) == (some.CONVERSATION, some.NOON)
    late = some.message(sent_at=None, received_at=some.NOON + timedelta(minutes=1))
    assert codec.listed_under(late) == (some.CONVERSATION, some.NOON + timedelta(minutes=1))


def test_a_stub_that_knows_no_conversation_is_on_no_list():
    assert codec.listed_under(Message(channel="web", account_id="1", message_id="2", deleted_at=some.NOON)) is None


def test_a_conversation_is_on_its_customers_list():
    assert codec.listed_under(some.conversation()) == ("customer#web#shop#ada", some.NOON)
    assert codec.listed_under(some.conversation(customer_id=None)) is None


@given(st.text())
def test_the_name_of_a_list_fits_the_key_of_an_index(customer_id: str):
    name = codec.customer_owner("web", "shop", customer_id * 40)
    assert len(name.encode()) <= 2048


def test_no_commit_holds_a_record_twice_or_more_than_twenty_five():
    with pytest.raises(ValueError, match="twice"):
        codec.check_commit([some.message()], [some.message()])
    with pytest.raises(ValueError, match="26 records"):
        codec.check_commit([some.message(message_id=str(n)) for n in range(26)], [])


def test_no_read_asks_for_more_than_a_hundred_keys():
    with pytest.raises(ValueError, match="101 keys"):
        codec.check_read([Key(str(n), "message") for n in range(101)])


def test_every_record_may_be_forgotten_four_hundred_days_after_the_last_thing_that_happened_to_it():
    item = codec.encode(some.message(received_at=some.NOON, edited_at=some.NOON + timedelta(days=2)))

    assert int(item["expires_at"]["N"]) == (some.NOON + timedelta(days=402)).timestamp()
