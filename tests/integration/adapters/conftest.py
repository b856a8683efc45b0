from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto import mock_aws

from shared.adapters.clients import Clients
from shared.adapters.table import DynamoDesk
from shared.ports import Desk
from tests.fakes.desk import MemoryDesk
from tests.integration.adapters import aws


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
