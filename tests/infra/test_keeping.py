"""What is kept: the desk table, the archive, the agents' mail."""

from __future__ import annotations

import pytest

from tests.infra.stack import resource, resources, spell, template

BUCKETS = resources("AWS::S3::Bucket")
TABLE = resources("AWS::DynamoDB::Table")["DeskTable"]
INDEXES = {index["IndexName"]: index for index in TABLE["GlobalSecondaryIndexes"]}


@pytest.mark.parametrize("name", ["DeskTable", *BUCKETS])
def test_deleting_or_replacing_the_stack_deletes_nothing_that_customers_wrote(name):
    assert (resource(name)["DeletionPolicy"], resource(name)["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_the_table_can_be_restored_and_refuses_to_be_deleted():
    assert TABLE["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert TABLE["DeletionProtectionEnabled"] == {"Fn::If": ["Protected", True, False]}
    assert template()["Conditions"]["Protected"] == {"Fn::Equals": [{"Ref": "DeletionProtection"}, "true"]}
    assert template()["Parameters"]["DeletionProtection"]["Default"] == "true"


def test_the_table_is_on_demand_encrypted_forgets_and_streams():
    assert TABLE["BillingMode"] == "PAY_PER_REQUEST"
    assert TABLE["SSESpecification"] == {"SSEEnabled": True}
    assert TABLE["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert TABLE["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}


def keys(schema: list[dict[str, str]]) -> dict[str, str]:
    return {key["KeyType"]: key["AttributeName"] for key in schema}


def test_the_table_and_its_sparse_indexes_have_the_keys_of_the_access_patterns():
    assert keys(TABLE["KeySchema"]) == {"HASH": "pk", "RANGE": "sk"}
    assert {name: keys(index["KeySchema"]) for name, index in INDEXES.items()} == {
        "todo": {"HASH": "todo_shard", "RANGE": "todo_at"},
        "due": {"HASH": "due_shard", "RANGE": "due_at"},
        "listing": {"HASH": "owner", "RANGE": "at"},
    }
    assert {a["AttributeType"] for a in TABLE["AttributeDefinitions"]} == {"S"}


def test_only_the_index_that_people_read_copies_whole_records():
    projections = {name: index["Projection"]["ProjectionType"] for name, index in INDEXES.items()}
    assert projections == {"todo": "KEYS_ONLY", "due": "KEYS_ONLY", "listing": "ALL"}


def test_there_are_two_buckets():
    assert set(BUCKETS) == {"ArchiveBucket", "InboundMailBucket"}


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_private_encrypted_and_forget(name):
    bucket = BUCKETS[name]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    assert 0 < rule["ExpirationInDays"] <= 90


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_spoken_to_over_tls_only(name):
    policy = resources("AWS::S3::BucketPolicy")[f"{name}Policy"]
    (deny,) = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
    assert spell(policy["Bucket"]) == name
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert {spell(r) for r in deny["Resource"]} == {name, f"{name}/*"}
    assert (deny["Principal"], deny["Action"]) == ("*", "s3:*")
