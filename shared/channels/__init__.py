"""Channels: one file per platform. The file's name is the channel's name, its path, its secret's name."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import cast

from shared.domain.exchange import Channel, Pushing, pushing
from shared.errors import UnknownChannel


@cache
def names() -> tuple[str, ...]:
    """The channels there are: files of this folder that do not begin with an underscore."""
    return tuple(sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_")))


def load(name: str) -> Channel:
    """The channel of that name; only its own file is imported.

    Raises UnknownChannel: a name is compared with the folder's list and never becomes an import by itself.
    """
    if name not in names():
        raise UnknownChannel(f"There is no channel {name[:40]!r}. There are: {', '.join(names())}.")
    return cast("Channel", import_module(f"shared.channels.{name}"))


def load_pushing(name: str) -> Pushing:
    """The channel of that name, whose platform calls us. Raises UnknownChannel also for one that does not push."""
    channel = pushing(load(name))
    if channel is None:
        raise UnknownChannel(f"{name} takes no deliveries over HTTP. See shared/channels/README.md.")
    return channel


def pushing_names() -> tuple[str, ...]:
    """The channels whose platforms call us."""
    return tuple(name for name in names() if pushing(load(name)) is not None)
