"""template.yaml as the tests read it: intrinsics in their long form, and names of things in place of their ARNs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml
from samcli.yamlhelper import intrinsics_multi_constructor

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"

Node = Mapping[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's intrinsics, as SAM reads it, without changing how everybody else reads YAML."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


@cache
def template() -> Node:
    """The whole template, as SAM reads it."""
    return cast("Node", yaml.load(TEMPLATE.read_text(), Loader=_Loader))  # noqa: S506 - a safe loader with more tags


def resources(kind: str) -> dict[str, Node]:
    """Logical id and properties of every resource of a type."""
    return {name: r.get("Properties", {}) for name, r in template()["Resources"].items() if r["Type"] == kind}


def resource(name: str) -> Node:
    """A resource with its type and policies."""
    return cast("Node", template()["Resources"][name])


def functions() -> dict[str, Node]:
    """The functions, by the names of their folders."""
    found = resources("AWS::Serverless::Function")
    return {name.removesuffix("Function").lower(): properties for name, properties in found.items()}


def spell(value: Any) -> str:
    """One readable word for a value: `InboxQueue` for its ARN or reference, `ArchiveBucket/big/*` for what is in it."""
    match value:
        case {"Ref": name}:
            return str(name)
        case {"Fn::GetAtt": [name, *_]}:
            return str(name)
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{(?:AWS::)?(\w+)(?:\.\w+)?\}", r"\1", str(text))
    return str(value)


def listed(value: Any) -> list[Any]:
    """What IAM lets one write alone or in a list, as a list."""
    return value if isinstance(value, list) else [value]


def statements(role: Node) -> Iterator[Node]:
    """Every statement of a role's policies."""
    for policy in role["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def grants(role: Node) -> set[tuple[str, str]]:
    """What a role may do: pairs of an action and what it may be done to."""
    return {
        (action, spell(target))
        for statement in statements(role)
        for action in listed(statement["Action"])
        for target in listed(statement["Resource"])
    }


def environment(function: Node) -> set[str]:
    """The names a function's own environment adds to what all share."""
    return set(function["Environment"]["Variables"])


def events(function: Node, kind: str) -> list[Node]:
    """The properties of a function's event sources of one type."""
    return [event["Properties"] for event in function.get("Events", {}).values() if event["Type"] == kind]
