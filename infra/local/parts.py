"""Processes of the engine: start one, wait until it answers, stop it so that it can write what it knows."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from infra.local.addresses import Process
from shared.errors import Fault, NightdeskError

_LOG_LINES = 15
_TICK_SECONDS = 0.05
_DIRECT = build_opener(ProxyHandler({}))  # a proxy of the machine has no business between parts on 127.0.0.1


class PartFailed(NightdeskError):
    """A part of the engine does not come up, or a tool it uses failed. The message ends with what its log says."""

    fault = Fault.US


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process: how to start it, where it says that it is well, and where its output goes."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    health: str
    log: Path


def start(part: Part, folder: Path) -> Process:
    """Start it in a session of its own, so that Ctrl-C in the terminal does not stop it half-way."""
    part.log.parent.mkdir(parents=True, exist_ok=True)
    with part.log.open("ab") as log:
        child = subprocess.Popen(
            part.command,
            cwd=folder,
            env=dict(part.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    child.returncode = 0  # `stop` waits for it, perhaps from another process; Popen need not mind
    return Process(child.pid, _started(child.pid))


def wait_until_well(part: Part, process: Process, seconds: float) -> None:
    """Return when it answers its health check. Raises PartFailed when it ends or takes too long."""
    deadline = time.monotonic() + seconds
    while not answers(part.health):
        if not is_running(process):
            raise PartFailed(f"The {part.name} ended at once.\n{tail(part.log)}")
        if time.monotonic() > deadline:
            raise PartFailed(f"The {part.name} does not answer after {seconds:.0f} s.\n{tail(part.log)}")
        time.sleep(_TICK_SECONDS)


def answers(url: str) -> bool:
    """Whether somebody answers there with 200."""
    try:
        with _DIRECT.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def is_running(process: Process) -> bool:
    """Whether this very process is alive, not another one with its number."""
    _reap(process.pid)
    return bool(process.started) and _started(process.pid) == process.started


def stop(process: Process, seconds: float) -> bool:
    """Ask it to end and wait; whether it did. What does not end in time is killed and has written nothing."""
    if not is_running(process):
        return True
    os.kill(process.pid, signal.SIGTERM)
    if _ended(process, seconds):
        return True
    os.kill(process.pid, signal.SIGKILL)
    _ended(process, 5)
    return False


def tail(log: Path, lines: int = _LOG_LINES) -> str:
    """The end of a log, headed by its path."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return "\n".join((f"{log} ends with:", *text.rstrip().splitlines()[-lines:]))


def _ended(process: Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(_TICK_SECONDS)
    return True


def _started(pid: int) -> str:
    """When the process with this number started, as `ps` says; empty where there is none or it has ended."""
    seen = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    status, _, at = seen.stdout.strip().partition(" ")
    return "" if status.startswith("Z") else at.strip()


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # somebody else started it
