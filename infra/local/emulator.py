"""The AWS emulator: its surroundings, its clients, and what it forgets over a restart."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.session import Session

from infra.local.addresses import REGION, AddressBook, Home, Interrupted
from infra.local.parts import Part

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "000000000000", "AWS_SECRET_ACCESS_KEY": "laptop"}
_FROM_THE_MACHINE = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_ESM_POSITIONS = "dynamodb_stream_positions"


def surroundings(book: AddressBook) -> dict[str, str]:
    """An environment in which AWS tools reach the emulator and nothing else: no profile, key or proxy gets through."""
    own = {name: value for name, value in os.environ.items() if name in _FROM_THE_MACHINE}
    return {
        **own,
        **CREDENTIALS,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": book.url("emulator"),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
    }


def part(home: Home, book: AddressBook) -> Part:
    """The emulator as a process. Functions inherit its environment, and it runs them with this very interpreter."""
    state = home.state / "emulator"
    return Part(
        name="emulator",
        command=(sys.executable, "-m", "ministack"),
        environment={
            **surroundings(book),
            "AWS_ENDPOINT_URL_SESV2": book.url("ses"),
            "GATEWAY_PORT": str(book.ports["emulator"]),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(home.state / "s3"),
            "TMPDIR": str(home.scratch),
            "SMTP_HOST": f"127.0.0.1:{book.ports['smtp']}",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LAMBDA_WARM_TTL_SECONDS": "120",
        },
        health=f"{book.url('emulator')}/_ministack/health",
        log=home.logs / "emulator.log",
    )


class EmulatorSession(Session):
    """A session whose every client talks to the emulator, whatever the environment says."""

    def __init__(self, origin: str) -> None:
        super().__init__()
        self._origin = origin

    def create_client(self, service_name: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - botocore's own types
        """A client of the emulator."""
        fixed = {
            "region_name": REGION,
            "endpoint_url": self._origin,
            "aws_access_key_id": CREDENTIALS["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        }
        return super().create_client(service_name, *args, **{**options, **fixed})


def prepare(home: Home) -> tuple[Interrupted, ...]:
    """Make the state of the last run fit for the next. Returns the executions to start again.

    `ministack` 1.5.33 keeps how far a stream was read but not the stream, so it would skip as many changes as it had
    read before; and it gives up executions that were running.
    """
    shutil.rmtree(home.scratch, ignore_errors=True)
    for folder in (home.scratch, home.state / "emulator", home.state / "s3"):
        folder.mkdir(parents=True, exist_ok=True)
    _change(home.state / "emulator" / "lambda.json", read_streams_from_their_start)
    interrupted: list[Interrupted] = []
    _change(home.state / "emulator" / "stepfunctions.json", lambda state: interrupted.extend(take_running(state)))
    return tuple(interrupted)


def read_streams_from_their_start(state: dict[str, Any]) -> None:
    """Set every position in a stream to its beginning: the stream is empty after a restart."""
    positions = state.get(_ESM_POSITIONS, {}).get("data", {})
    for mapping in positions:
        positions[mapping] = 0


def take_running(state: dict[str, Any]) -> list[Interrupted]:
    """Take the executions that were running out of the state, so that their names are free to be started again.

    They wait for absolute times and every look is idempotent, so a second start is what a pause would have been.
    """
    executions: dict[str, Mapping[str, Any]] = state.get("executions", {}).get("data", {})
    running = {key: one for key, one in executions.items() if one["status"] == "RUNNING"}
    for key in running:
        del executions[key]
    return [
        Interrupted(machine=one["stateMachineArn"], name=one["name"], input=one["input"]) for one in running.values()
    ]


def _change(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    if not path.exists():
        return
    file = json.loads(path.read_text(encoding="utf-8"))
    change(file["payload"])
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(file), encoding="utf-8")
    draft.replace(path)
