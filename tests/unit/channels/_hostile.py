"""Hostile JSON: anything at all, and real deliveries with one thing in them replaced by anything."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

EVENTS = Path(__file__).parents[3] / "events"

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**18)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["0", "add", "comment", "edited", "\ud800", "1790000001", "2026-10-04T10:33:16+0000"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def deliveries(channel: str) -> list[object]:
    """The bodies kept for a channel that are JSON."""
    return [json.loads(path.read_bytes()) for path in body_files(channel)]


def body_files(channel: str) -> list[Path]:
    """The files that hold a raw body."""
    return [
        p for p in sorted((EVENTS / channel).glob("*.json")) if ".expected" not in p.name and ".headers" not in p.name
    ]


@st.composite
def spoiled(draw: st.DrawFn, bodies: list[object]) -> bytes:
    """A real delivery in which one value, at any depth, is replaced or taken away."""
    root: dict[str, Any] = {"body": copy.deepcopy(draw(st.sampled_from(bodies)))}
    container, key = draw(st.sampled_from(_places(root)))
    if draw(st.booleans()) or container is root:
        container[key] = draw(ANYTHING)
    else:
        del container[key]
    return json.dumps(root["body"]).encode()


def _places(value: object) -> list[tuple[Any, Any]]:
    """Every container with every key or index in it."""
    if isinstance(value, dict):
        here: list[tuple[Any, Any]] = [(value, key) for key in value]
    elif isinstance(value, list):
        here = [(value, index) for index in range(len(value))]
    else:
        return []
    return here + [place for container, key in here for place in _places(container[key])]
