"""What only the real table meets: lost answers, pages, batches that are answered in part, throttling."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ConnectionClosedError
from moto.core.models import botocore_stubber  # the hook that moto itself puts before every call

from shared.adapters.clients import Clients
from shared.adapters.record_codec import encode
from shared.adapters.table import DynamoDesk
from shared.domain.records import Record
from shared.errors import Conflict, Unavailable
from tests.fakes import records as some
from tests.integration.adapters import aws


@pytest.fixture
def desk(clients: Clients) -> DynamoDesk:
    aws.create_desk_table(clients, "desk")
    return DynamoDesk(clients, "desk")


def moto_answers(request: Any) -> AWSResponse | None:
    return botocore_stubber("before-send", request)


@pytest.mark.parametrize("others", [[], [some.send()]], ids=["PutItem", "TransactWriteItems"])
def test_a_commit_whose_answer_was_lost_is_known_as_our_own(
    desk: DynamoDesk, clients: Clients, hook: aws.Hook, others: list[Record]
):
    operation = "TransactWriteItems" if others else "PutItem"
    hook(clients.dynamodb, f"before-send.dynamodb.{operation}", aws.losing_the_first_answer(of=moto_answers))
    desk.commit([some.conversation(), *others])
    assert desk.read([some.conversation().key])[some.conversation().key].version == 1


@pytest.mark.parametrize("others", [[], [some.send()]], ids=["PutItem", "TransactWriteItems"])
def test_a_rivals_commit_is_not_taken_for_our_own(desk: DynamoDesk, others: list[Record]):
    desk.commit([some.conversation(), *others])
    with pytest.raises(Conflict):
        desk.commit([some.conversation(), *others])


def test_a_lost_answer_behind_which_a_rival_stands_is_a_conflict(desk: DynamoDesk, clients: Clients, hook: aws.Hook):
    def overtaken(request: object) -> None:
        moto_answers(request)
        desk.commit([some.conversation(customer_name="rival", version=1)])

    hook(clients.dynamodb, "before-send.dynamodb.PutItem", aws.losing_the_first_answer(of=overtaken))
    with pytest.raises(Conflict):
        desk.commit([some.conversation()])


def test_a_commit_that_never_gets_an_answer_is_unavailable_after_three_attempts(
    desk: DynamoDesk, clients: Clients, hook: aws.Hook
):
    attempts: list[object] = []

    def silent(request: object, **_: object) -> None:
        attempts.append(request)
        raise ConnectionClosedError(endpoint_url="aws")

    hook(clients.dynamodb, "before-send.dynamodb.PutItem", silent)
    with pytest.raises(Unavailable, match="No answer"):
        desk.commit([some.conversation()])
    assert len(attempts) == 3


def test_what_the_table_finds_wrong_with_a_record_is_raised_as_it_is(desk: DynamoDesk):
    with pytest.raises(ClientError, match="ValidationException"):
        desk.commit([some.message(text="x" * 410_000)])


def test_a_table_that_does_not_exist_is_not_called_unavailable(clients: Clients):
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        DynamoDesk(clients, "nowhere").read([some.message().key])


def test_lists_go_on_over_all_pages(desk: DynamoDesk, clients: Clients, hook: aws.Hook):
    asked: list[Any] = []

    def two_a_page(params: Any, **_: object) -> None:
        asked.append(params)
        params["Limit"] = 2

    for n in range(5):
        desk.commit([some.send(send_id=str(n)), some.message(message_id=str(n))])
    hook(clients.dynamodb, "before-parameter-build.dynamodb.Query", two_a_page)
    assert [one.send_id for one in desk.sends(some.CONVERSATION)] == list("01234")
    assert len(desk.messages(some.CONVERSATION)) == 5
    assert len(asked) == 6
    assert len(desk.quarantined(limit=3)) == 0


def test_keys_that_a_batch_left_out_are_asked_for_again(desk: DynamoDesk, clients: Clients, hook: aws.Hook):
    desk.commit([some.conversation(), some.send(), some.message()])
    hook(clients.dynamodb, "after-call.dynamodb.BatchGetItem", leaving_out_all_but_one)
    keys = [some.conversation().key, some.send().key, some.message().key]
    assert set(desk.read(keys)) == set(keys)


def test_a_batch_that_goes_on_leaving_keys_out_is_unavailable(desk: DynamoDesk, clients: Clients, hook: aws.Hook):
    desk.commit([some.message(message_id=str(n)) for n in range(9)])
    hook(clients.dynamodb, "after-call.dynamodb.BatchGetItem", leaving_out_all_but_one)
    with pytest.raises(Unavailable, match="left 5 of 9 keys out"):
        desk.read([some.message(message_id=str(n)).key for n in range(9)])


def leaving_out_all_but_one(parsed: Any, **_: object) -> None:
    items = parsed["Responses"]["desk"]
    left = [{"pk": item["pk"], "sk": item["sk"]} for item in items[1:]]
    parsed["Responses"]["desk"] = items[:1]
    parsed["UnprocessedKeys"] = {"desk": {"Keys": left}} if left else {}


def test_no_journey_over_the_table_makes_a_scan(desk: DynamoDesk, clients: Clients, hook: aws.Hook):
    called: set[str] = set()
    hook(clients.dynamodb, "before-call.dynamodb", lambda model, **_: called.add(model.name))
    desk.commit([some.conversation()])
    desk.commit([some.message()], unchanged=[some.conversation(version=1)])
    desk.read([some.conversation().key])
    desk.read([some.conversation().key, some.message().key])
    desk.sends("c")
    desk.obligations("c")
    desk.messages("c")
    desk.conversations("web", "shop", "ada")
    desk.quarantined()
    desk.undone(some.NOON)
    desk.due(some.NOON)
    assert called == {"PutItem", "TransactWriteItems", "GetItem", "BatchGetItem", "Query"}


def test_an_item_holds_what_the_codec_says_and_the_commit_that_wrote_it(desk: DynamoDesk, clients: Clients):
    desk.commit([some.obligation()])
    key = {"pk": {"S": some.obligation().key.partition}, "sk": {"S": some.obligation().key.sort}}
    item = clients.dynamodb.get_item(TableName="desk", Key=key)["Item"]
    commit_id = item.pop("commit_id")
    assert len(commit_id["S"]) == 32
    assert item == encode(some.obligation(version=1))
