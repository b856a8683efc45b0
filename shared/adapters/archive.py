"""The archive on an S3 bucket."""

from __future__ import annotations

from botocore.exceptions import ClientError

from shared.adapters.clients import Clients, aws_errors, code_of


class S3Archive:
    """Raw bytes by key; a put of the same bytes under the same key may be repeated."""

    def __init__(self, clients: Clients, bucket: str) -> None:
        self._clients = clients
        self._bucket = bucket

    def put(self, key: str, body: bytes) -> None:
        """Store. Raises Unavailable."""
        with aws_errors():
            self._clients.s3.put_object(Bucket=self._bucket, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        """The bytes. Raises Unavailable; KeyError where there are none."""
        with aws_errors():
            try:
                return self._clients.s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    raise KeyError(key) from error
                raise
