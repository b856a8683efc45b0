"""Bytecode for what `sam build` made: written for the runtime, and checked file by file.

In Lambda the code lies on a read-only disk, so a missing or stale `.pyc` is compiled again at every cold start; imports
then take about two and a half times as long. A zip rewrites the time stamps that ordinary bytecode is compared with.
Unchecked-hash bytecode (PEP 552) is compared with nothing.
"""

from __future__ import annotations

import argparse
import importlib.util
import marshal
import py_compile
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

HEADER_BYTES = 16
SHOWN = 20  # of what is wrong; the rest is counted
UNCHECKED_HASH = 0b01  # PEP 552: hash-based, and the source is not looked at
NATIVE_TAG = re.compile(r"\.(cpython-\d+)-.*\.so$")


class WrongPython(Exception):
    """The build is for another Python than the one that runs."""


def sources(build: Path) -> Iterator[Path]:
    """Every Python file of the built layer and functions, in a stable order."""
    return iter(sorted(build.rglob("*.py")))


def expect_runtime(build: Path) -> None:
    """Raise WrongPython unless the native modules in the build are for the Python that runs."""
    tags = {found[1] for path in build.rglob("*.so") if (found := NATIVE_TAG.search(path.name))}
    foreign = sorted(tags - {sys.implementation.cache_tag})
    if foreign:
        raise WrongPython(
            f"{build} holds native modules for {', '.join(foreign)}, but this is {sys.implementation.cache_tag}. "
            "Bytecode is valid for one version only: build and compile with the Python that PythonRuntime names."
        )


def write(build: Path) -> int:
    """Replace all bytecode in the build; returns how many files were compiled. Raises WrongPython, PyCompileError."""
    expect_runtime(build)
    for folder in sorted(build.rglob("__pycache__")):
        shutil.rmtree(folder)
    count = 0
    for count, source in enumerate(sources(build), start=1):  # noqa: B007 - the last count is the result
        py_compile.compile(
            str(source),
            dfile=str(mounted(source.relative_to(build))),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    return count


def mounted(path: Path) -> Path:
    """Where Lambda shows a file of the build: the name the bytecode carries, whatever folder it was built in.

    Layers are unpacked in /opt, functions in /var/task (Lambda developer guide, layers).
    """
    artefact_path = Path(*path.parts[1:])
    return (Path("/opt") if artefact_path.parts[0] == "python" else Path("/var/task")) / artefact_path


def faults(build: Path) -> list[str]:
    """What is wrong with the bytecode of the build, one line for each file; empty when every file would be used."""
    expect_runtime(build)
    found = ((source.relative_to(build), fault(source)) for source in sources(build))
    return [f"{source}: {what}" for source, what in found if what]


def fault(source: Path) -> str | None:
    """Why Lambda would not use the bytecode of this source, or would be wrong to; None if all is well."""
    path = Path(importlib.util.cache_from_source(str(source)))
    if not path.is_file():
        return "no bytecode"
    bytecode = path.read_bytes()
    header, body = bytecode[:HEADER_BYTES], bytecode[HEADER_BYTES:]
    if len(header) < HEADER_BYTES or header[:4] != importlib.util.MAGIC_NUMBER:
        return "bytecode of another Python"
    if int.from_bytes(header[4:8], "little") != UNCHECKED_HASH:
        return "bytecode that is compared with its source, by time or by hash"
    if header[8:16] != importlib.util.source_hash(source.read_bytes()):
        return "bytecode of another version of the source"
    return None if _loads(body) else "bytecode that does not load"


def _loads(body: bytes) -> bool:
    try:
        return isinstance(marshal.loads(body), CodeType)  # noqa: S302 - read, not run, and made by this very file
    except (EOFError, ValueError, TypeError):
        return False


def main(arguments: list[str]) -> int:
    """Compile a build folder, or check it; the exit code is 0 only if all is well."""
    parser = argparse.ArgumentParser(description="Write or check the bytecode of a folder made by `sam build`.")
    parser.add_argument("build", type=Path, help="the folder, usually .aws-sam/build")
    parser.add_argument("--check", action="store_true", help="load every file and report what is missing or stale")
    options = parser.parse_args(arguments)
    try:
        return _check(options.build) if options.check else _write(options.build)
    except (WrongPython, py_compile.PyCompileError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _write(build: Path) -> int:
    count = write(build)
    if not count:
        sys.stderr.write(f"{build} holds no Python. Run `make build` first.\n")
        return 1
    sys.stdout.write(f"{count} files compiled for {sys.implementation.cache_tag}\n")
    return 0


def _check(build: Path) -> int:
    wrong = faults(build)
    count = sum(1 for _ in sources(build))
    sys.stderr.writelines(f"{line}\n" for line in wrong[:SHOWN])
    if len(wrong) > SHOWN:
        sys.stderr.write(f"... and {len(wrong) - SHOWN} more\n")
    sys.stdout.write(f"{count - len(wrong)} of {count} files have valid bytecode\n")
    return 0 if count and not wrong else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
