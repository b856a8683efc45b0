from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from moto import mock_aws

from shared import bootstrap, observability
from shared.adapters import platforms
from shared.adapters.clients import Clients
from tests.fakes.given import FixedClock
from tests.integration.adapters import aws
from tests.integration.functions.deployed import ENVIRONMENT, Deployed, Platform, deploy
from tests.unit.services.stage import FRIDAY_NIGHT

FUNCTIONS = ("webhook", "intake", "dispatch", "clock", "send", "mail", "poll")


@pytest.fixture(scope="session")
def moto_clients() -> Clients:
    with mock_aws():
        return aws.clients()


def forget() -> None:
    """What a process keeps between invocations; loggers keep the standard output of the test that made them."""
    for made in vars(bootstrap).values():
        if hasattr(made, "cache_clear"):
            made.cache_clear()
    observability.logger.cache_clear()
    for name in FUNCTIONS:
        logging.Logger.manager.loggerDict.pop(name, None)


@pytest.fixture
def deployed(moto_clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    """A fresh deployment on Friday night, cold."""
    clock, platform = FixedClock(FRIDAY_NIGHT), Platform()
    session = platforms.one_attempt_session()
    session.mount("https://", platform)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("shared.adapters.system.SystemClock", lambda: clock)
    monkeypatch.setattr(platforms, "one_attempt_session", lambda: session)
    forget()
    with mock_aws():
        monkeypatch.setattr(bootstrap, "clients", lambda: moto_clients)
        deploy(moto_clients)
        yield Deployed(moto_clients, clock, platform)
    monkeypatch.undo()
    forget()
