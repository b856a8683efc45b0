"""What dispatch could not do is handed to it again, less and less often."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from infra.local.redelivery import FIRST_AFTER, LONGEST_GAP, Redelivery, stream_record
from shared.domain.records import Key
from tests.fakes.desk import MemoryDesk

NOW = datetime(2026, 11, 9, 12, tzinfo=UTC)
ONE, OTHER = Key("M#web#a#1", "message"), Key("C#c", "O#first_response#000001")


class UndoneDesk(MemoryDesk):
    """Is told which records have waited since when."""

    def __init__(self, since):
        super().__init__()
        self.since = since

    def undone(self, before, limit=100):
        return tuple(key for key, at in self.since.items() if at < before)[:limit]


def redelivery(since):
    handed: list[Sequence[Key]] = []
    return Redelivery(UndoneDesk(since), handed.append), handed


def test_what_the_stream_is_still_busy_with_is_left_to_it():
    again, handed = redelivery({ONE: NOW})
    assert again.round(NOW + FIRST_AFTER) == ()
    assert handed == []


def test_what_has_waited_too_long_is_handed_over_in_one_batch():
    again, handed = redelivery({ONE: NOW, OTHER: NOW})
    again.round(NOW + FIRST_AFTER * 2)
    assert handed == [(ONE, OTHER)]


def test_the_gap_between_tries_grows_to_its_longest():
    again, _ = redelivery({ONE: NOW})
    tried = [second for second in range(600) if again.round(NOW + timedelta(seconds=second))]
    gaps = [later - earlier for earlier, later in pairwise(tried)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == LONGEST_GAP.total_seconds()


def test_what_was_done_meanwhile_is_forgotten():
    again, _ = redelivery({ONE: NOW})
    again.round(NOW + FIRST_AFTER * 2)
    again.desk = UndoneDesk({})
    again.round(NOW + FIRST_AFTER * 3)
    assert again.tries == {}


def test_a_repeated_record_names_its_key_as_the_stream_does():
    record = DynamoDBRecord(stream_record(ONE, {"pk": {"S": ONE.partition}}))
    assert record.dynamodb is not None
    assert record.dynamodb.keys == {"pk": "M#web#a#1", "sk": "message"}
