from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from shared.adapters.archive import S3Archive
from shared.adapters.clients import Clients
from shared.ports import Archive
from tests.fakes.effects import MemoryArchive


@pytest.fixture(params=["memory", "moto"])
def archive(request: pytest.FixtureRequest) -> Archive:
    if request.param == "memory":
        return MemoryArchive()
    clients: Clients = request.getfixturevalue("clients")
    clients.s3.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return S3Archive(clients, "archive")


@pytest.mark.parametrize("body", [b"", b"\x00\xff raw"])
def test_bytes_come_back_as_they_were_put(archive: Archive, body: bytes):
    archive.put("web/2026/11/20/d1", body)
    archive.put("web/2026/11/20/d1", body)
    assert archive.get("web/2026/11/20/d1") == body


def test_what_was_never_put_is_a_key_error(archive: Archive):
    with pytest.raises(KeyError):
        archive.get("nothing")


def test_a_bucket_that_does_not_exist_is_not_called_a_missing_key(clients: Clients):
    with pytest.raises(ClientError, match="NoSuchBucket"):
        S3Archive(clients, "nowhere").get("key")
