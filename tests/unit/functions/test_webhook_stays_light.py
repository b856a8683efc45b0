"""However many channels there are, the webhook loads the one it is asked for, and nothing heavy with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shared.channels import names, pushing_names
from tests.integration.functions.deployed import ENVIRONMENT

ROOT = Path(__file__).parents[3]
HEAVY = ("pydantic", "requests", "boto3", "jinja2", "yaml", "aws_xray_sdk", "aws_lambda_powertools")

ANSWERED = """
import json, sys
from shared import bootstrap
from tests.fakes.effects import MemoryInbox
from tests.fakes.given import FakeSecrets

bootstrap.clients = lambda: None
import shared.adapters.secrets
shared.adapters.secrets.SsmSecrets = lambda *_: FakeSecrets()
from functions.webhook.handler import handler

event = {
    "requestContext": {"http": {"method": "POST"}},
    "pathParameters": {"channel": sys.argv[1]},
    "headers": {},
    "body": "{}",
}
json.dump({"status": handler(event, None)["statusCode"], "modules": sorted(sys.modules)}, sys.stderr)
"""


def answering(channel: str) -> tuple[int, set[str]]:
    """The status of one request in a fresh interpreter, and the modules it holds then."""
    done = subprocess.run(
        [sys.executable, "-c", ANSWERED, channel], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    told = json.loads(done.stderr)
    return told["status"], set(told["modules"])


@pytest.fixture(scope="module", params=["web", "facebook", "telex"])
def answered(request):
    return request.param, *answering(request.param)


def test_the_request_is_answered(answered):
    channel, status, _ = answered
    assert status == (401 if channel in pushing_names() else 404)


def test_no_other_channel_is_loaded(answered):
    channel, _, modules = answered
    loaded = {name for name in names() if f"shared.channels.{name}" in modules}
    assert loaded == ({channel} & set(names()))


def test_nothing_heavy_is_loaded(answered):
    _, _, modules = answered
    assert {name for name in modules if name.partition(".")[0] in HEAVY} == set()
