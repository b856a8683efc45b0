"""YAML as plain data that remembers its lines, so that every fault can be pointed at.

All values stay the text that was written: YAML's own guesses (no is false, 1:30 is ninety, 2026-11-02 is a date) would
only be in the way of the model, which knows what it expects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

Path = tuple[str | int, ...]

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = "tag:yaml.org,2002:null"
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a file, at a line where one is known."""

    reason: str
    line: int | None = None


@dataclass(slots=True)
class Written:
    """A file as plain data, with the line of every place in it and what no YAML reader should let pass."""

    data: object = None
    lines: dict[Path, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def line(self, path: Path) -> int | None:
        """The line of a place, or of the nearest place around it that was written."""
        known = (self.lines.get(path[:depth]) for depth in range(len(path), -1, -1))
        return next((line for line in known if line is not None), None)


def read(text: str) -> Written:
    """The data of one YAML document; `faults` says what made it unreadable or ambiguous."""
    written = Written()
    try:
        written.faults.extend(_unwelcome(text))
        root = None if written.faults else yaml.compose(text, Loader=_LOADER)
        if root is not None:
            written.data = _plain(root, (), written)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        written.faults.append(Fault(f"not YAML: {error.problem or error}", mark.line + 1 if mark else None))
    except yaml.YAMLError as error:
        written.faults.append(Fault(f"not YAML: {error}"))
    return written


def _unwelcome(text: str) -> Iterator[Fault]:
    """What has to be refused before nodes are built: the C parser builds them on its stack, and aliases make loops."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.AliasEvent):
            yield Fault("an alias (*) is not read here; write it out", line)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            yield Fault("nested too deeply", line)
            return


def _plain(node: yaml.Node, path: Path, written: Written) -> object:
    written.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        return None if node.tag == _NULL else str(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each, (*path, place), written) for place, each in enumerate(node.value)]
    return {key: _plain(value, (*path, key), written) for key, value in _entries(node, path, written)}


def _entries(node: yaml.Node, path: Path, written: Written) -> Iterator[tuple[str, yaml.Node]]:
    given: set[str] = set()
    for key_node, value in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            written.faults.append(Fault("a key must be a plain word", line))
            continue
        key = str(key_node.value)
        if key in given:
            written.faults.append(Fault(f"{key} is given twice", line))
        given.add(key)
        written.lines[*path, key] = line
        yield key, value
