"""`python -m infra.bench.peers NAME`: one measurement as JSON, for infra.bench to print."""

from __future__ import annotations

import json
import os
import sys
from contextlib import redirect_stdout
from dataclasses import asdict, is_dataclass
from pathlib import Path


def main(name: str) -> None:
    """Print one measurement."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):  # what the measured code logs
        found = _measure(name)
    json.dump(found, sys.stdout, default=lambda value: asdict(value) if is_dataclass(value) else str(value))


def _measure(name: str) -> object:
    if name == "webhook":
        from infra.bench.peers import endpoints

        return endpoints.measure()
    if name == "normalise":
        from infra.bench.peers import normalising

        return normalising.measure()
    from infra.bench.peers import imports

    return imports.measure()


main(sys.argv[1])
