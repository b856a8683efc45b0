"""AWS clients: the one place where they are configured, and the one place where their errors get our names.

botocore repeats a call whose answer was lost, in every retry mode. That is right for calls that may be made twice and
wrong for all others, so there are two profiles and each client has exactly one. Only botocore's core is imported; the
resource layer and the transfer manager of boto3 would double the cold start of the webhook.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, cast

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from shared.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient

CONNECT_SECONDS = 1
READ_SECONDS = 4

# Calls that may be made twice: conditional writes, puts by key, starts by name, reads, queues that allow duplicates.
SAFE = Config(
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": 3},
)
# SES SendEmail and SNS Publish know no idempotency token: a repeated call is a second mail.
ONCE = SAFE.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))

_CONFLICTS = frozenset({"ConditionalCheckFailedException", "TransactionConflictException"})
_CANCELLED_BY_CONFLICT = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
_CANCELLED_FOR_A_WHILE = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})
_FOR_A_WHILE = frozenset(
    {
        "BandwidthLimitExceeded",
        "ExecutionLimitExceeded",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


class Clients:
    """The clients of one process: one session, each client made when it is first asked for.

    Region, credentials and endpoints come from where botocore always looks (AWS_DEFAULT_REGION, AWS_ENDPOINT_URL, ...).
    """

    def __init__(self, session: botocore.session.Session | None = None) -> None:
        self._session = session or botocore.session.get_session()

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """For the desk table: every write is conditional."""
        return cast("DynamoDBClient", self._make("dynamodb", SAFE))

    @cached_property
    def s3(self) -> S3Client:
        """For the archive: every put is by key."""
        return cast("S3Client", self._make("s3", SAFE))

    @cached_property
    def sqs(self) -> SQSClient:
        """For the queues: what reads them expects duplicates."""
        return cast("SQSClient", self._make("sqs", SAFE))

    @cached_property
    def ssm(self) -> SSMClient:
        """For the secrets: read only."""
        return cast("SSMClient", self._make("ssm", SAFE))

    @cached_property
    def stepfunctions(self) -> SFNClient:
        """For the timers: a name is started once."""
        return cast("SFNClient", self._make("stepfunctions", SAFE))

    @cached_property
    def sesv2(self) -> SESV2Client:
        """For mail: one attempt."""
        return cast("SESV2Client", self._make("sesv2", ONCE))

    @cached_property
    def sns(self) -> SNSClient:
        """For the fan-out topic: one attempt."""
        return cast("SNSClient", self._make("sns", ONCE))

    def _make(self, service: str, profile: Config) -> BaseClient:
        return self._session.create_client(service, config=profile)


@contextmanager
def aws_errors() -> Iterator[None]:
    """Around a call: raises Conflict or Unavailable in place of botocore's errors, and a bug's error as it is."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        translated = translate(error)
        if translated is None:
            raise
        raise translated from error


def translate(error: ClientError | BotoCoreError) -> Conflict | Unavailable | None:
    """What an error of botocore means to the services, by its code and type; None where it is a bug of ours."""
    if isinstance(error, ClientError):
        return _translate_answer(error)
    if isinstance(error, HTTPClientError | BotoConnectionError | IncompleteReadError):
        return Unavailable(f"No answer from AWS ({type(error).__name__}).")
    return None


def code_of(error: ClientError) -> str:
    """The service's code of an error, without a prefix that the query protocol puts before it."""
    return error.response.get("Error", {}).get("Code", "").rpartition(".")[2]


def _translate_answer(error: ClientError) -> Conflict | Unavailable | None:
    code, call = code_of(error), error.operation_name
    if code in _CONFLICTS:
        return Conflict(f"{call}: somebody else was faster.")
    if code == "TransactionCanceledException":
        return _translate_cancellation(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _FOR_A_WHILE or status == 429 or status >= 500:
        return Unavailable(f"{call}: {code}.")
    return None


def _translate_cancellation(error: ClientError) -> Conflict | Unavailable | None:
    codes = {reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])} - {"None"}
    if codes - _CANCELLED_BY_CONFLICT - _CANCELLED_FOR_A_WHILE:
        return None
    if codes & _CANCELLED_BY_CONFLICT:
        return Conflict(f"{error.operation_name}: somebody else was faster.")
    return Unavailable(f"{error.operation_name}: {', '.join(sorted(codes))}.") if codes else None
