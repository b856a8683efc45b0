"""The desk on one DynamoDB table. No Scan: every question has a key (README, access patterns)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from botocore.exceptions import ClientError

from shared.adapters.clients import Clients, aws_errors, code_of
from shared.adapters.record_codec import (
    DUE_SHARDS,
    QUARANTINE_SHARDS,
    TODO_SHARDS,
    Attribute,
    Item,
    check_commit,
    check_read,
    customer_owner,
    decode,
    encode,
    key_of,
    stamp,
)
from shared.domain.records import Conversation, Key, Message, Obligation, Quarantined, Record, Send, conversation_key
from shared.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MOST_ROUNDS = 4  # of a batch read whose answer leaves keys out
COMMIT_ID = "commit_id"

Kept = TypeVar("Kept", Message, Conversation, Obligation, Send, Quarantined)


class DynamoDesk:
    """The table. Every write asserts the version it replaces."""

    def __init__(self, clients: Clients, table: str) -> None:
        self._clients = clients
        self._table = table

    # -- reading by key -----------------------------------------------------------------------------------------------

    def read(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        """The records under these keys, strongly consistent. Raises Unavailable."""
        check_read(keys)
        unique = list(dict.fromkeys(keys))
        items = self._get(unique[0]) if len(unique) == 1 else self._get_batch(unique)
        return {key_of(item): decode(item) for item in items}

    def _get(self, key: Key) -> list[Item]:
        with aws_errors():
            answer = self._client.get_item(TableName=self._table, Key=_key(key), ConsistentRead=True)
        item = answer.get("Item")
        return [item] if item is not None else []

    def _get_batch(self, keys: Sequence[Key]) -> list[Item]:
        found: list[Item] = []
        left: list[dict[str, Any]] = [_key(key) for key in keys]
        for _ in range(MOST_ROUNDS):
            if not left:
                return found
            with aws_errors():
                answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": left, "ConsistentRead": True}})
            found += answer["Responses"].get(self._table, [])
            left = list(answer.get("UnprocessedKeys", {}).get(self._table, {"Keys": []})["Keys"])
        if left:
            raise Unavailable(f"BatchGetItem left {len(left)} of {len(keys)} keys out, {MOST_ROUNDS} times.")
        return found

    # -- writing ------------------------------------------------------------------------------------------------------

    def commit(self, records: Sequence[Record], unchanged: Sequence[Record] = ()) -> None:
        """Store all or none. Raises Conflict, Unavailable, and ValueError for what no commit can mean."""
        check_commit(records, unchanged)
        commit_id = uuid.uuid4().hex
        if not records and not unchanged:
            return
        if len(records) == 1 and not unchanged:
            self._put(records[0], commit_id)
        else:
            self._transact(records, unchanged, commit_id)

    def _put(self, record: Record, commit_id: str) -> None:
        with aws_errors():
            try:
                self._client.put_item(**self._conditional_put(record, commit_id))
            except ClientError as error:
                # An answer was lost, botocore asked again, and what stands in the way is this very write.
                if not (_is(error, "ConditionalCheckFailedException") and _wrote(error.response, commit_id)):
                    raise

    def _transact(self, records: Sequence[Record], unchanged: Sequence[Record], commit_id: str) -> None:
        puts: list[Any] = [{"Put": self._conditional_put(record, commit_id)} for record in records]
        checks: list[Any] = [{"ConditionCheck": self._condition_check(record)} for record in unchanged]
        actions: list[TransactWriteItemTypeDef] = puts + checks
        with aws_errors():
            try:
                self._client.transact_write_items(TransactItems=actions, ClientRequestToken=commit_id)
            except ClientError as error:
                # The token covers a repeated call for ten minutes; one item of ours proves the whole commit as well.
                reasons = cast("dict[str, Any]", error.response).get("CancellationReasons", [])
                if not (_is(error, "TransactionCanceledException") and any(_wrote(r, commit_id) for r in reasons)):
                    raise

    def _conditional_put(self, record: Record, commit_id: str) -> dict[str, Any]:
        item = encode(replace(record, version=record.version + 1))
        return {
            "TableName": self._table,
            "Item": item | {COMMIT_ID: {"S": commit_id}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **_still_at(record.version),
        }

    def _condition_check(self, record: Record) -> dict[str, Any]:
        return {"TableName": self._table, "Key": _key(record.key), **_still_at(record.version)}

    # -- lists --------------------------------------------------------------------------------------------------------

    def sends(self, conversation_id: str) -> tuple[Send, ...]:
        """The ledger of a conversation, strongly consistent. Raises Unavailable."""
        return tuple(_only(Send, self._in_partition(conversation_id, "S#")))

    def obligations(self, conversation_id: str) -> tuple[Obligation, ...]:
        """All revisions, oldest first, strongly consistent. Raises Unavailable."""
        return tuple(_only(Obligation, self._in_partition(conversation_id, "O#")))

    def messages(self, conversation_id: str) -> tuple[Message, ...]:
        """The messages of a conversation by their time. Raises Unavailable."""
        return tuple(_only(Message, _by_time(self._listed(conversation_id))))

    def conversations(self, channel: str, account_id: str, customer_id: str) -> tuple[Conversation, ...]:
        """The conversations of a customer, oldest first. Raises Unavailable."""
        listed = _only(Conversation, _by_time(self._listed(customer_owner(channel, account_id, customer_id))))
        return tuple(one for one in listed if one.account_id == account_id and one.customer_id == customer_id)

    def quarantined(self, limit: int = 100) -> tuple[Quarantined, ...]:
        """What is in quarantine, newest first. Raises Unavailable."""
        items = [
            item
            for shard in QUARANTINE_SHARDS
            for item in self._query(_index("listing", "owner", shard) | {"ScanIndexForward": False}, limit)
        ]
        return tuple(_only(Quarantined, list(reversed(_by_time(items)))[:limit]))

    def undone(self, before: datetime, limit: int = 100) -> tuple[Key, ...]:
        """Keys of records whose intents have waited since before then, longest first. Raises Unavailable."""
        return self._keys_before("todo", TODO_SHARDS, before, limit)

    def due(self, before: datetime, limit: int = 100) -> tuple[Key, ...]:
        """Keys of open obligations with a checkpoint before then, longest first. Raises Unavailable."""
        return self._keys_before("due", DUE_SHARDS, before, limit)

    def _in_partition(self, conversation_id: str, prefix: str) -> Iterator[Item]:
        return self._query(
            {
                "ConsistentRead": True,
                "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
                "ExpressionAttributeValues": {
                    ":pk": {"S": conversation_key(conversation_id).partition},
                    ":prefix": {"S": prefix},
                },
            }
        )

    def _listed(self, owner: str) -> Iterator[Item]:
        return self._query(_index("listing", "owner", owner))

    def _keys_before(self, index: str, shards: tuple[str, ...], before: datetime, limit: int) -> tuple[Key, ...]:
        found: list[tuple[str, Key]] = []
        for shard in shards:
            question = _index(index, f"{index}_shard", shard)
            question["KeyConditionExpression"] += " AND #at < :before"
            question["ExpressionAttributeNames"]["#at"] = f"{index}_at"
            question["ExpressionAttributeValues"][":before"] = {"S": stamp(before)}
            found += [(item[f"{index}_at"]["S"], key_of(item)) for item in self._query(question, limit)]
        return tuple(key for _, key in sorted(found)[:limit])

    def _query(self, question: Mapping[str, Any], limit: int | None = None) -> Iterator[Item]:
        """The items that answer a question, page by page; at most `limit`."""
        asked = dict(question) | {"TableName": self._table}
        taken = 0
        while True:
            if limit is not None:
                asked["Limit"] = limit - taken
            with aws_errors():
                page = self._client.query(**asked)
            yield from page["Items"]
            taken += len(page["Items"])
            if not page.get("LastEvaluatedKey") or (limit is not None and taken >= limit):
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    @property
    def _client(self) -> DynamoDBClient:
        return self._clients.dynamodb


def _key(key: Key) -> dict[str, Attribute]:
    return {"pk": {"S": key.partition}, "sk": {"S": key.sort}}


def _still_at(version: int) -> dict[str, Any]:
    if version == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "#version = :version",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":version": {"N": str(version)}},
    }


def _index(name: str, attribute: str, value: str) -> dict[str, Any]:
    return {
        "IndexName": name,
        "KeyConditionExpression": "#owner = :owner",
        "ExpressionAttributeNames": {"#owner": attribute},
        "ExpressionAttributeValues": {":owner": {"S": value}},
    }


def _is(error: ClientError, code: str) -> bool:
    return code_of(error) == code


def _wrote(refusal: Mapping[str, Any], commit_id: str) -> bool:
    """Whether the item that made a condition fail was written by this very commit."""
    return bool(refusal.get("Item", {}).get(COMMIT_ID, {}).get("S") == commit_id)


def _by_time(items: Iterator[Item] | Sequence[Item]) -> list[Item]:
    return sorted(items, key=lambda item: (item["at"]["S"], key_of(item)))


def _only(kind: type[Kept], items: Iterator[Item] | Sequence[Item]) -> list[Kept]:
    return [record for record in (decode(item) for item in items) if isinstance(record, kind)]
