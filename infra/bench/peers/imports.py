"""What a cold start costs before the first event: a new interpreter that imports a function, against one that does
nothing. `wired` is the import and everything bootstrap makes of it; `clients` adds the AWS clients the function calls.

Bytecode is written and warm, as the layer ships it.
"""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

from infra.bench.measuring import Timing, fresh_interpreters
from shared import settings

ROOT = Path(__file__).parents[3]
NOTHING = "pass"
ROUNDS = 7

_BOOTSTRAP = {"clock": "clock", "mail": "agent_mail", "send": "sender"}  # where it has another name than the function
_CLIENTS = {"webhook": ("sqs", "ssm")}  # the SSM client makes one call in five minutes, the SQS client one each time


def measure() -> dict[str, Timing]:
    """By program."""
    return fresh_interpreters(_programs(), _environment(), ROUNDS)


def functions() -> list[str]:
    """The functions of the application."""
    return sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))


def _programs() -> dict[str, str]:
    programs = {NOTHING: "pass"}
    for name in functions():
        imported = f"import functions.{name}.handler"
        wired = f"{imported}; from shared import bootstrap; bootstrap.{_BOOTSTRAP.get(name, name)}()"
        programs |= {name: imported, f"{name}, wired": wired}
        for place, client in enumerate(_CLIENTS.get(name, ()), 1):
            wired = f"{wired}; bootstrap.clients().{client}"
            programs[f"{name}, wired, {' and '.join(_CLIENTS[name][:place])} client"] = wired
    return programs


def _environment() -> dict[str, str]:
    """What template.yaml would set, and nothing that would make botocore look for more."""
    kinds = [kind for kind in vars(settings).values() if isinstance(kind, type) and issubclass(kind, settings.Settings)]
    named = {field.name.upper(): "https://example.com/1/queue" for kind in kinds for field in fields(kind)}
    return named | {
        "PATH": os.environ["PATH"],
        "POLICY_FILE": "policy.yaml",
        "DESK_ADDRESS": "team@example.com",
        "MAIL_DOMAIN": "desk.example.com",
        "MAX_BODY_BYTES": "3145728",
        "PLATFORM_ORIGIN": "",
        "POWERTOOLS_SERVICE_NAME": "nightdesk",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
