"""The platforms' own side, one file each; what a file offers is found by its names, and there is no list to extend.

A file with `HOSTS` answers at those hosts as the protocol `Platform` says (exchange.py). A file with `CHANNEL` knows
how that channel's world learns from a delivery, and what its accounts are like on a laptop (protocol `Side`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import cast

from infra.local.platforms.exchange import Platform, Side


@cache
def hosts() -> Mapping[str, Platform]:
    """Which file answers at which host."""
    return {host: cast("Platform", module) for module in _modules() for host in getattr(module, "HOSTS", ())}


@cache
def sides() -> Mapping[str, Side]:
    """Each channel's file, by the channel's name."""
    return {module.CHANNEL: cast("Side", module) for module in _modules() if hasattr(module, "CHANNEL")}


def _modules() -> Iterator[ModuleType]:
    here = Path(__file__).parent
    return (import_module(f"{__name__}.{p.stem}") for p in sorted(here.glob("*.py")) if p.stem != "__init__")
