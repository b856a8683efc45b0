"""One engine for all tests that need the stack: it is started once and stopped at the end."""

from pathlib import Path

import pytest

from infra.local.addresses import Home
from infra.local.engine import Engine

ALWAYS_OPEN = Path(__file__).with_name("always_open.yaml")


def pytest_collection_modifyitems(items):
    """What is in this folder needs the emulator, and one process for all of it where tests run in several."""
    for item in items:
        if "tests/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.emulator)
            item.add_marker(pytest.mark.xdist_group("emulator"))


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """An engine of the tests' own: what a developer has running is not touched."""
    one = Engine(Home(tmp_path_factory.mktemp("engine")))
    one.start(ALWAYS_OPEN)
    yield one
    assert one.stop(), "A part had to be killed: it did not write its state."


@pytest.fixture
def stack(engine):
    """The running stack, asked for anew: a test may have restarted it."""
    return engine.running()
