"""No emulator refuses what a role does not allow. So the code is read: what a function asks of the table, it may ask.

From the handler through its bootstrap function to the services, and on to whatever these name of each other.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.infra.stack import ROOT, functions, grants, resources

READ = {("dynamodb:GetItem", "DeskTable"), ("dynamodb:BatchGetItem", "DeskTable")}
WRITE = {("dynamodb:PutItem", "DeskTable"), ("dynamodb:ConditionCheckItem", "DeskTable")}
NEEDS = {
    "read": READ,
    "commit": WRITE,
    "sends": {("dynamodb:Query", "DeskTable")},
    "obligations": {("dynamodb:Query", "DeskTable")},
    "messages": {("dynamodb:Query", "DeskTable/index/listing")},
    "conversations": {("dynamodb:Query", "DeskTable/index/listing")},
    "quarantined": {("dynamodb:Query", "DeskTable/index/listing")},
    "undone": {("dynamodb:Query", "DeskTable/index/todo")},
    "due": {("dynamodb:Query", "DeskTable/index/due")},
}


Name = tuple[Path, str]  # something defined at the top of a file


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Modules and names that `from module import name` brings in below a node."""
    for found in ast.walk(tree):
        if isinstance(found, ast.ImportFrom) and found.module:
            yield from ((found.module, alias.name) for alias in found.names)


def services(tree: ast.AST) -> dict[str, Path]:
    """The names below a node that come from services, and the file of each."""
    return {
        name: ROOT / f"{module.replace('.', '/')}.py" for module, name in imports(tree) if ".services." in f"{module}."
    }


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def definition(name: Name) -> ast.AST | None:
    """The class, function or assignment of that name."""
    path, called = name
    found = [node for node in parsed(path).body if getattr(node, "name", None) == called]
    return found[0] if found else None


def leads_to(name: Name) -> set[Name]:
    """What a definition names: others of its file, and what its file imports from services."""
    path, _ = name
    node = definition(name)
    used = {found.id for found in ast.walk(node) if isinstance(found, ast.Name)} if node else set()
    elsewhere = services(parsed(path))
    return {(elsewhere.get(one, path), one) for one in used}


def reachable(function: str) -> set[Name]:
    """The definitions in services that a function may run."""
    handler = parsed(ROOT / "functions" / function / "handler.py")
    wired = {what for module, what in imports(handler) if module == "shared.bootstrap"}
    bootstrap = [definition((ROOT / "shared/bootstrap.py", what)) for what in wired]
    ahead: set[Name] = {(path, name) for node in bootstrap if node for name, path in services(node).items()}
    found: set[Name] = set()
    while ahead:
        name = ahead.pop()
        found.add(name)
        ahead |= leads_to(name) - found
    return {name for name in found if definition(name)}


def asked(function: str) -> set[str]:
    """The methods of the desk port that a function may come to call."""
    texts = [ast.unparse(node) for name in reachable(function) if (node := definition(name))]
    return {method for text in texts for method in re.findall(r"\bdesk\.(\w+)\(", text)}


@pytest.mark.parametrize("name", functions())
def test_what_a_function_asks_of_the_table_is_what_its_role_allows(name):
    needed = set().union(*(NEEDS[method] for method in asked(name)))
    allowed = grants(resources("AWS::IAM::Role")[f"{name.capitalize()}Role"])
    on_table = {(action, place) for action, place in allowed if place.startswith("DeskTable") and "stream" not in place}
    assert on_table == needed


def test_the_reading_finds_the_services_that_do_the_work():
    assert {"ObligationClock", "reached", "until_settled"} <= {name for _, name in reachable("clock")}
    assert asked("webhook") == set()
    assert {"read", "commit"} <= asked("intake")
