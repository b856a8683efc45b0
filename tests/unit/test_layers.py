"""Arrows only point down: functions -> bootstrap -> adapters -> services -> domain; channels and mail know domain only."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.channels import names

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "shared").rglob("*.py"), *(ROOT / "functions").rglob("*.py")])

MAY_KNOW = {
    "shared.errors": (),
    "shared.observability": ("shared.errors",),
    "shared.settings": ("shared.errors",),
    "shared.domain": ("shared.domain", "shared.errors"),
    "shared.channels": ("shared.channels", "shared.domain", "shared.errors"),
    "shared.mail": ("shared.mail", "shared.domain", "shared.errors"),
    "shared.policy": ("shared.policy", "shared.domain", "shared.errors"),
    "shared.ports": ("shared.domain", "shared.errors"),
    # Composing and reading mail is pure, so the services call it as they call the domain.
    "shared.services": ("shared.services", "shared.ports", "shared.mail", "shared.domain", "shared.errors"),
    "shared.adapters": ("shared.adapters", "shared.services", "shared.ports", "shared.domain", "shared.errors"),
    "shared.bootstrap": ("shared",),
    "functions": (
        "functions",
        "shared.bootstrap",
        "shared.services",
        "shared.ports",
        "shared.domain",
        "shared.errors",
        "shared.observability",
        "shared.settings",
    ),
    "shared": (),
}
PURE = ("shared.domain", "shared.services", "shared.channels", "shared.mail", "shared.ports", "shared.errors")
NETWORK = ("boto3", "botocore", "requests", "urllib3", "httpx", "urllib.request", "http.client", "socket", "smtplib")
ENVIRONMENT_AND_CLOCK = ("os", "time")
HEAVY = ("pydantic", "requests", "boto3", "botocore", "aws_xray_sdk")


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that are imported, wherever the statement stands; names that are no modules are left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that they can be read"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                ours = within(inner, "shared", "functions", "infra", "tests")
                yield inner if not ours or is_module(inner) else str(node.module)


def layer(module: str) -> str:
    return max((known for known in MAY_KNOW if within(module, known)), key=len)


def arrows_up(module: str, tree: ast.AST) -> list[str]:
    """Imports of ours that the module's layer may not know."""
    ours = [name for name in imports(tree) if within(name, "shared", "functions", "infra", "tests")]
    return [name for name in ours if not within(name, *MAY_KNOW[layer(module)])]


def impurities(module: str, tree: ast.AST) -> list[str]:
    """What reaches out of a pure layer: network, environment, clock."""
    found = [] if within(module, "shared.adapters") else [name for name in imports(tree) if within(name, *NETWORK)]
    if within(module, *PURE):
        found += [name for name in imports(tree) if within(name, *ENVIRONMENT_AND_CLOCK)]
        found += [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call) and reads_clock(node.func)]
    if within(module, "shared.domain", "shared.channels"):
        found += [name for name in imports(tree) if within(name, "pydantic")]
    return found


def reads_clock(called: ast.expr) -> bool:
    if not isinstance(called, ast.Attribute) or called.attr not in {"now", "utcnow", "today"}:
        return False
    return ast.unparse(called.value).rpartition(".")[2] in {"datetime", "date"}


def loaded_by(statement: str, **environment: str) -> set[str]:
    """The modules that a fresh interpreter holds after this statement."""
    program = f"{statement}; import json, sys; json.dump(sorted(sys.modules), sys.stdout)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_knows_only_what_lies_below_it(path):
    assert arrows_up(module_name(path), ast.parse(path.read_text("utf-8"))) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_adapters_reach_the_network_and_the_pure_layers_neither_environment_nor_clock(path):
    assert impurities(module_name(path), ast.parse(path.read_text("utf-8"))) == []


def test_a_handler_is_small():
    long = {p: lines for p in ROOT.glob("functions/*/handler.py") if (lines := len(p.read_text().splitlines())) > 40}
    assert long == {}


@pytest.mark.parametrize("module", [*(f"shared.channels.{name}" for name in names()), "shared.services.webhook"])
def test_importing_it_loads_nothing_heavy(module):
    assert {name for name in loaded_by(f"import {module}") if within(name, *HEAVY)} == set()


def test_the_webhook_function_wired_up_holds_no_pydantic_no_requests_no_tracer():
    wired = "import functions.webhook.handler as h; h.webhook().channels('whatsapp')"
    loaded = loaded_by(wired, INBOX_QUEUE_URL="https://queue.example", ARCHIVE_BUCKET="archive", SECRETS_PATH="/desk")
    assert "shared.channels.whatsapp" in loaded
    assert {name for name in loaded if within(name, "pydantic", "requests", "aws_xray_sdk")} == set()


def test_importing_one_channel_loads_no_other():
    for name in names():
        loaded = {module for module in loaded_by(f"import shared.channels.{name}") if within(module, "shared.channels")}
        assert not loaded & {f"shared.channels.{other}" for other in names() if other != name}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("shared.domain.ledger", "from shared.ports import Desk"),
        ("shared.domain.ledger", "def f():\n    from shared import ports"),
        ("shared.services.intake", "import shared.adapters.table"),
        ("shared.services.intake", "from shared import channels"),
        ("shared.channels.web", "from shared.services import intake"),
        ("shared.mail.read", "from shared.channels import web"),
        ("shared.adapters.table", "from shared.bootstrap import sender"),
        ("shared.bootstrap", "from functions.webhook import handler"),
        ("shared.bootstrap", "import infra.cli"),
        ("functions.webhook.handler", "from shared.adapters import table"),
    ],
)
def test_an_arrow_that_points_up_is_found(module, source):
    assert arrows_up(module, ast.parse(source))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("shared.services.intake", "import boto3"),
        ("shared.bootstrap", "import requests"),
        ("shared.channels.web", "from urllib import request"),
        ("shared.channels.web", "import os"),
        ("shared.domain.calendar", "from time import time"),
        ("shared.domain.calendar", "datetime.now(UTC)"),
        ("shared.services.clock", "dt.datetime.utcnow()"),
        ("shared.domain.policy", "from pydantic import BaseModel"),
    ],
)
def test_reaching_out_is_found(module, source):
    assert impurities(module, ast.parse(source))


def test_asking_the_clock_port_is_allowed():
    assert impurities("shared.services.clock", ast.parse("self.clock.now()")) == []
