"""What every verb shares: people read rich text, programs read JSON, and an error is one clear sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.domain.events import iso

if TYPE_CHECKING:
    from rich.console import Console

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DEBUG = "NIGHTDESK_DEBUG"  # set it to see where an unexpected error comes from


def console(*, stderr: bool = False) -> Console:
    """Where people read."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def print_json(value: object) -> None:
    """One JSON value, indented, times in ISO 8601."""
    typer.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False).encode("utf-8", "replace").decode())


def complain(message: str) -> None:
    """One error, to people, on the error stream."""
    typer.echo(f"nightdesk: {message}", err=True)


def wants_traceback() -> bool:
    """Whether the caller asked for the place an unexpected error comes from."""
    return bool(os.environ.get(DEBUG))


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value that JSON is to hold
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value
