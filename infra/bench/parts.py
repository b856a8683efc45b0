"""The four measurements, each as figures for programs and lines for people."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.bench.table import Line

ROOT = Path(__file__).parents[2]
PEERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a part found."""

    figures: Mapping[str, Any]
    lines: tuple[Line, ...]


def webhook() -> Measured:
    """The webhook without its AWS call."""
    found = _among_peers("webhook")
    return Measured(found, tuple(_webhook_lines(found)))


def normalise() -> Measured:
    """From a signed delivery to messages."""
    found = _among_peers("normalise")
    return Measured(found, tuple(_normalise_lines(found)))


def imports() -> Measured:
    """A cold start before the first event."""
    found = _among_peers("imports")
    return Measured(found, tuple(_import_lines(found)))


def money() -> Measured:
    """Calls, transitions and dollars."""
    from infra.bench.money import measured  # loads moto, which the other parts do without

    return measured()


PARTS: Mapping[str, Callable[[], Measured]] = {
    "webhook": webhook,
    "normalise": normalise,
    "imports": imports,
    "money": money,
}


def _among_peers(name: str) -> dict[str, Any]:
    command = [str(PEERS_PYTHON), "-W", "ignore", "-m", "infra.bench.peers", name]
    ended = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def _webhook_lines(found: Mapping[str, Any]) -> Iterator[Line]:
    for size, timings in found.items():
        floor = timings["floor"]
        for name, timing in timings.items():
            if name != "floor":
                yield Line(
                    part="webhook",
                    what=f"{size} body, {name}",
                    figure=_times(timing, floor),
                    against=f"floor (HMAC, compare, json.loads) {_microseconds(floor)}",
                    aim="<= 2x" if name == "nightdesk" else "",
                    repetitions=_repetitions(timing),
                )


def _normalise_lines(found: Mapping[str, Any]) -> Iterator[Line]:
    for row, libraries in found.items():
        (ours, delivered), (peer, peer_delivered) = libraries.values()
        each, peer_each = ours["seconds"] / delivered, peer["seconds"] / peer_delivered
        yield Line(
            part="normalise",
            what=f"{row}: {each * 1e6:.1f} us a message, {delivered} delivered",
            figure=f"{each / peer_each:.2f}x",
            against=f"{list(libraries)[1]}, {peer_each * 1e6:.1f} us a message, {peer_delivered} delivered",
            repetitions=_repetitions(ours),
        )


def _import_lines(found: Mapping[str, Any]) -> Iterator[Line]:
    nothing = found["pass"]
    for name, timing in found.items():
        if name != "pass":
            yield Line(
                part="imports",
                what=name,
                figure=_times(timing, nothing, digits=1),
                against=f"python -c pass {nothing['seconds'] * 1e3:.1f} ms",
                aim="<= 25x" if name.startswith("webhook") else "",
                repetitions=_repetitions(timing),
            )


def _times(timing: Mapping[str, float], against: Mapping[str, float], digits: int = 2) -> str:
    return f"{timing['seconds'] / against['seconds']:.{digits}f}x"


def _microseconds(timing: Mapping[str, float]) -> str:
    return f"{timing['seconds'] * 1e6:.1f} us"


def _repetitions(timing: Mapping[str, float]) -> str:
    return f"median of {timing['rounds']} turns of {timing['calls']}"
