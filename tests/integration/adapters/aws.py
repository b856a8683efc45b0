"""Where the adapters' tests find AWS: moto in this process, or the laptop's emulator as a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import botocore.session
from botocore.client import BaseClient
from botocore.exceptions import ConnectionClosedError

from shared.adapters.clients import Clients
from tests.infra.stack import resources

REGION = "eu-central-1"
ACCOUNT = "123456789012"

Hook = Callable[[Any, str, Callable[..., object]], None]  # client, event, function


class FixedSession(botocore.session.Session):
    """A session that asks nothing of the machine it runs on: region, keys and endpoint are given."""

    def __init__(self, endpoint: str | None = None) -> None:
        super().__init__()
        self._endpoint = endpoint

    def create_client(self, service_name: str, *args: Any, **options: Any) -> BaseClient:
        fixed = {"region_name": REGION, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return super().create_client(service_name, *args, **{**options, **fixed, "endpoint_url": self._endpoint})


def clients(endpoint: str | None = None) -> Clients:
    """Clients of moto, or of the emulator at `endpoint`."""
    return Clients(FixedSession(endpoint))


def create_desk_table(given: Clients, name: str) -> None:
    """The desk table with the keys and indexes that template.yaml gives it."""
    declared = resources("AWS::DynamoDB::Table")["DeskTable"]
    given.dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=declared["AttributeDefinitions"],
        KeySchema=declared["KeySchema"],
        GlobalSecondaryIndexes=declared["GlobalSecondaryIndexes"],
    )


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    """The laptop's emulator on a free port, until the block ends. Gives its origin."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    surroundings = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "ministack"],
        env=surroundings,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert any("Running on" in line for line in process.stdout), "the emulator ended before it was ready"
        Thread(target=process.stdout.read, daemon=True).start()  # so that its log never fills the pipe
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def losing_the_first_answer(of: Callable[..., Any]) -> Callable[..., None]:
    """A before-send hook: the call is executed by `of`, and what it answers never arrives. Then it works as ever."""
    lost: list[object] = []

    def hook(request: object, **_: object) -> None:
        if not lost:
            lost.append(request)
            of(request)
            raise ConnectionClosedError(endpoint_url="aws")

    return hook
