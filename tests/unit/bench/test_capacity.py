from __future__ import annotations

import pytest

from infra.bench.capacity import Capacity, Index, declared, size
from tests.infra.stack import resources

KEYS_ONLY = Index(("shard", "at"), whole=False)
WHOLE = Index(("owner", "at"), whole=True)


def item(sk="s", **attributes):
    return {name: {"S": value} for name, value in {"pk": "p", "sk": sk, **attributes}.items()}


def put(capacity, new):
    return capacity.write_units("PutItem", {"Item": new})


@pytest.mark.parametrize(
    ("value", "expected"),
    [({"S": "café"}, 5), ({"N": "1234"}, 3), ({"L": [{"S": "ab"}]}, 6), ({"M": {"k": {"S": "ab"}}}, 7)],
)
def test_a_value_is_as_long_as_the_developer_guide_says(value, expected):
    assert size({"n": value}) == len("n") + expected


def test_a_write_is_a_unit_for_every_kilobyte_begun():
    assert [put(Capacity(()), item(text="x" * length)) for length in (10, 1000, 1100)] == [1, 1, 2]


def test_a_smaller_item_in_place_of_a_larger_one_costs_as_the_larger():
    capacity = Capacity(())
    put(capacity, item(text="x" * 3000))
    assert put(capacity, item(text="x")) == 3


def test_a_transaction_counts_twice_and_a_check_as_a_write():
    capacity = Capacity(())
    check = {"ConditionCheck": {"Key": item("other")}}
    assert capacity.write_units("TransactWriteItems", {"TransactItems": [{"Put": {"Item": item()}}, check]}) == 4


def test_an_index_of_keys_is_written_on_the_way_in_on_the_way_out_and_twice_when_the_key_moves():
    capacity = Capacity((KEYS_ONLY,))
    steps = [
        item(shard="1", at="1"),
        item(shard="1", at="1", text="new"),
        item(shard="1", at="2"),
        item(text="done"),
    ]
    assert [put(capacity, step) - 1 for step in steps] == [1, 0, 2, 1]


def test_an_index_of_everything_is_written_with_every_change():
    capacity = Capacity((WHOLE,))
    assert [put(capacity, item(owner="o", at="1", text=text)) for text in ("a", "b", "b")] == [2, 2, 1]


def test_reading_what_is_not_there_costs_as_the_smallest_item():
    capacity = Capacity(())
    assert capacity.read_units("GetItem", {"Key": item(), "ConsistentRead": True}, {}) == 1


def test_a_batch_rounds_every_item_up_and_a_query_all_of_them_together():
    capacity = Capacity(())
    keys = [item("a"), item("b")]
    asked = {"RequestItems": {"desk": {"Keys": keys, "ConsistentRead": True}}}
    assert capacity.read_units("BatchGetItem", asked, {}) == 2
    assert capacity.read_units("Query", {}, {"Items": keys}) == 0.5


def test_the_indexes_are_those_of_the_template():
    assert len(declared(resources("AWS::DynamoDB::Table")["DeskTable"])) == 3
