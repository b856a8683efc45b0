from __future__ import annotations

import subprocess
import sys
from functools import cached_property
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
)

from shared.adapters.clients import Clients, aws_errors, translate
from shared.errors import Conflict, NightdeskError, Unavailable

SERVICES = sorted(name for name, made in vars(Clients).items() if isinstance(made, cached_property))
MAY_NOT_BE_REPEATED = {"sesv2", "sns"}


def refusal(code: str, status: int = 400, **more: Any) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(answer, "PutItem")


def cancelled(*codes: str) -> ClientError:
    return refusal("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


@pytest.mark.parametrize("service", SERVICES)
def test_every_client_repeats_only_what_may_be_repeated_and_gives_up_soon(clients: Clients, service: str):
    config = getattr(clients, service).meta.config
    attempts = 1 if service in MAY_NOT_BE_REPEATED else 3
    assert config.retries == {"mode": "standard", "total_max_attempts": attempts}
    assert (config.connect_timeout, config.read_timeout) == (1, 4)


def test_the_walk_over_the_clients_sees_all_of_them():
    assert SERVICES == ["dynamodb", "s3", "sesv2", "sns", "sqs", "ssm", "stepfunctions"]


def test_a_client_is_made_once_and_only_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    made: list[str] = []
    clients = Clients()
    monkeypatch.setattr(clients, "_make", lambda service, _: made.append(service))
    assert made == []
    assert clients.sqs is clients.sqs
    assert made == ["sqs"]


def test_the_endpoint_comes_from_the_usual_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert Clients().sqs.meta.endpoint_url == "http://127.0.0.1:4566"


def test_the_environment_cannot_make_a_mail_go_twice(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    config: Any = Clients().sesv2.meta.config
    assert config.retries["total_max_attempts"] == 1


def test_the_webhooks_adapters_load_neither_boto3_nor_requests():
    modules = "shared.adapters.queues, shared.adapters.secrets, shared.adapters.archive, shared.adapters.system"
    program = (
        f"import sys, {modules}; print(sorted({{'boto3', 's3transfer', 'requests', 'pydantic'}} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "error",
    [
        refusal("ConditionalCheckFailedException"),
        refusal("TransactionConflictException"),
        cancelled("None", "ConditionalCheckFailed"),
        cancelled("TransactionConflict", "None"),
        cancelled("ConditionalCheckFailed", "ThrottlingError"),
    ],
)
def test_a_rival_is_a_conflict(error: ClientError):
    assert isinstance(translate(error), Conflict)


@pytest.mark.parametrize(
    "error",
    [
        refusal("ThrottlingException"),
        refusal("ProvisionedThroughputExceededException"),
        refusal("TransactionInProgressException"),
        refusal("TooManyRequestsException", 429),
        refusal("AWS.SimpleQueueService.RequestThrottled", 403),
        refusal("SlowDown", 503),
        refusal("InternalServerError", 500),
        refusal("SomethingNew", 502),
        cancelled("None", "ThrottlingError"),
        cancelled("ProvisionedThroughputExceeded"),
        ConnectTimeoutError(endpoint_url="https://x"),
        ReadTimeoutError(endpoint_url="https://x"),
        EndpointConnectionError(endpoint_url="https://x"),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ],
)
def test_what_passes_by_itself_is_unavailable(error: ClientError | BotoCoreError):
    assert isinstance(translate(error), Unavailable)


@pytest.mark.parametrize(
    "error",
    [
        refusal("ValidationException"),
        refusal("AccessDeniedException"),
        refusal("ResourceNotFoundException"),
        refusal("IdempotentParameterMismatchException"),
        cancelled("ConditionalCheckFailed", "ValidationError"),
        cancelled(),
        NoCredentialsError(),
    ],
)
def test_what_only_a_change_of_ours_can_mend_is_raised_as_it_is(error: ClientError | BotoCoreError):
    with pytest.raises(type(error)) as raised, aws_errors():
        raise error
    assert raised.value is error


def test_words_in_a_message_decide_nothing():
    talkative = refusal("ValidationException")
    talkative.response["Error"]["Message"] = "ThrottlingException: ConditionalCheckFailed, 503"
    assert translate(talkative) is None


def test_an_error_that_is_not_botocores_passes_through():
    with pytest.raises(KeyError), aws_errors():
        raise KeyError("mine")


def test_the_translation_keeps_its_cause():
    with pytest.raises(NightdeskError) as raised, aws_errors():
        raise refusal("ThrottlingException")
    assert isinstance(raised.value.__cause__, ClientError)
