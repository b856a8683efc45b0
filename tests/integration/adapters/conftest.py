from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any

import pytest
from moto import mock_aws

from shared.adapters.clients import Clients
from shared.adapters.table import DynamoDesk
from shared.ports import Desk
from tests.fakes.desk import MemoryDesk
from tests.integration.adapters import aws
from tests.integration.adapters.server import Server


@pytest.fixture(scope="session")
def moto_clients() -> Clients:
    with mock_aws():
        return aws.clients()


@pytest.fixture
def clients(moto_clients: Clients) -> Iterator[Clients]:
    """Clients of an AWS account that is empty and lives as long as the test."""
    with mock_aws():
        yield moto_clients


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[aws.Hook]:
    """Put a function of the test's at an event of a client of botocore, for the length of the test."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)  # between attempts
    hooked: list[tuple[Any, str, Callable[..., object]]] = []

    def add(client: Any, event: str, function: Callable[..., object]) -> None:
        client.meta.events.register_first(event, function)
        hooked.append((client, event, function))

    yield add
    for client, event, function in hooked:
        client.meta.events.unregister(event, function)


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    with aws.emulator(tmp_path_factory.mktemp("emulator")) as origin:
        yield aws.clients(origin)


@pytest.fixture(params=["memory", "moto", pytest.param("emulator", marks=pytest.mark.emulator)])
def desk(request: pytest.FixtureRequest) -> Desk:
    """The desk three times over: what one promises, all promise."""
    if request.param == "memory":
        return MemoryDesk()
    given: Clients = request.getfixturevalue("clients" if request.param == "moto" else "emulated")
    table = f"desk-{uuid.uuid4().hex}"
    aws.create_desk_table(given, table)
    return DynamoDesk(given, table)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(act: Callable[[BaseHTTPRequestHandler], None]) -> Server:
        server = Server(act)
        started.append(server)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server

    yield start
    for server in started:
        server.over.set()
        server.shutdown()
        server.server_close()
