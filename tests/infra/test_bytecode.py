"""Bytecode of a build is complete, fits the runtime and is never compared with its source; and the check notices."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from infra import bytecode

TAG = sys.implementation.cache_tag


@pytest.fixture
def build(tmp_path):
    for path, text in {
        "SharedLayer/python/shared/errors.py": "class Wrong(Exception):\n    pass\n",
        "SharedLayer/python/six.py": "X = 6\n",
        "MailFunction/functions/mail/handler.py": "def handler(event, context):\n    return 1 / 0\n",
    }.items():
        source = tmp_path / path
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(text)
    return tmp_path


@pytest.fixture
def handler(build):
    return build / "MailFunction/functions/mail/handler.py"


def cached(source: Path) -> Path:
    return Path(importlib.util.cache_from_source(str(source)))


def test_every_file_of_layer_and_functions_gets_bytecode_that_is_used(build):
    assert bytecode.write(build) == 3
    assert bytecode.faults(build) == []


def test_python_uses_it_whatever_the_time_stamps_of_a_zip_say(build, handler):
    handler.write_text("KIND = 'compiled'\n")
    bytecode.write(build)
    handler.write_text("KIND = 'read from the source'\n")
    os.utime(handler, (315532800, 315532800))
    probe = "import functions.mail.handler as h; print(h.KIND)"
    said = subprocess.run(
        [sys.executable, "-E", "-c", probe], cwd=build / "MailFunction", capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "compiled"


def test_it_is_the_same_wherever_it_was_built(build, handler):
    bytecode.write(build)
    assert str(build).encode() not in cached(handler).read_bytes()
    assert b"/var/task/functions/mail/handler.py" in cached(handler).read_bytes()
    assert b"/opt/python/six.py" in cached(build / "SharedLayer/python/six.py").read_bytes()


def test_a_missing_file_is_found(build, handler):
    bytecode.write(build)
    cached(handler).unlink()
    assert bytecode.faults(build) == ["MailFunction/functions/mail/handler.py: no bytecode"]


def test_a_source_that_changed_since_is_found(build, handler):
    bytecode.write(build)
    handler.write_text("def handler(event, context):\n    return 2\n")
    assert bytecode.faults(build) == [
        "MailFunction/functions/mail/handler.py: bytecode of another version of the source"
    ]


@pytest.mark.parametrize(
    "mode", [py_compile.PycInvalidationMode.TIMESTAMP, py_compile.PycInvalidationMode.CHECKED_HASH]
)
def test_bytecode_that_is_compared_with_its_source_is_found(build, handler, mode):
    bytecode.write(build)
    py_compile.compile(str(handler), invalidation_mode=mode)
    assert "compared with its source" in bytecode.faults(build)[0]


@pytest.mark.parametrize(
    ("damage", "verdict"),
    [
        (lambda good: b"\x00\x00\x00\x00" + good[4:], "bytecode of another Python"),
        (lambda good: good[:7], "bytecode of another Python"),
        (lambda good: good[:-5], "bytecode that does not load"),
        (lambda good: good[:16], "bytecode that does not load"),
        (lambda good: good[:16] + b"N", "bytecode that does not load"),
    ],
)
def test_damaged_bytecode_is_found(build, handler, damage, verdict):
    bytecode.write(build)
    cached(handler).write_bytes(damage(cached(handler).read_bytes()))
    assert bytecode.faults(build) == [f"MailFunction/functions/mail/handler.py: {verdict}"]


def test_bytecode_that_came_along_with_the_sources_is_replaced(build, handler):
    stray = handler.parent / "__pycache__" / "handler.cpython-299.pyc"
    stray.parent.mkdir()
    stray.write_bytes(b"old")
    bytecode.write(build)
    assert not stray.exists()


def test_a_build_for_another_python_is_refused(build, capsys):
    (build / "SharedLayer/python/_fast.cpython-299-aarch64-linux-gnu.so").touch()
    for arguments in ([str(build)], ["--check", str(build)]):
        assert bytecode.main(arguments) == 1
        message = capsys.readouterr().err
        assert "cpython-299" in message
        assert TAG in message
        assert "PythonRuntime" in message


def test_native_modules_of_this_python_and_of_any_python_are_fine(build):
    (build / f"SharedLayer/python/_fast.{TAG}-aarch64-linux-gnu.so").touch()
    (build / "SharedLayer/python/_any.abi3.so").touch()
    assert bytecode.write(build) == 3


def test_a_source_that_is_no_python_stops_the_build(build, handler, capsys):
    handler.write_text("def handler(:\n")
    assert bytecode.main([str(build)]) == 1
    assert "handler.py" in capsys.readouterr().err


def test_the_command_fails_on_a_fault_and_on_an_empty_build_and_passes_on_a_good_one(build, handler, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert bytecode.main([str(empty)]) == 1
    assert bytecode.main(["--check", str(empty)]) == 1
    assert bytecode.main(["--check", str(build)]) == 1
    assert bytecode.main([str(build)]) == 0
    assert bytecode.main(["--check", str(build)]) == 0
    assert "3 of 3 files have valid bytecode" in capsys.readouterr().out
