"""A channel is one file, one folder of deliveries and one file of the sandbox; nothing else has to be touched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from shared.domain.events import Event, Kind, Surface, Visibility, as_json

ROOT = Path(__file__).parents[2]
MADE_UP = Path(__file__).parent / "made_up"
COPIED = ("shared", "functions", "infra", "events", "tests", "pyproject.toml", "template.yaml")
FILES = {
    "pigeon.py": "shared/channels/pigeon.py",
    "message__letter.json": "events/pigeon/message__letter.json",
    "side.py": "infra/local/platforms/pigeon.py",
}


def add(house: Path) -> None:
    """Put the made-up channel into a copy of the house."""
    for name, place in FILES.items():
        (house / place).parent.mkdir(exist_ok=True)
        shutil.copy(MADE_UP / name, house / place)
    expected = Event(
        kind=Kind.MESSAGE,
        channel="pigeon",
        account_id="north",
        surface=Surface.DM,
        visibility=Visibility.PRIVATE,
        thread_id="DE-1701",
        customer_id="DE-1701",
        author_id="DE-1701",
        message_id="l-1",
        text="Coo. Where is my corn?",
    )
    told = [{**as_json(expected), "sent_at": "2026-09-21T14:13:20Z"}]
    (house / "events/pigeon/message__letter.expected.json").write_text(json.dumps(told))


def test_a_made_up_channel_receives_and_answers_a_message_and_meets_the_contract(tmp_path):
    for name in COPIED:
        source = ROOT / name
        skip = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(source, tmp_path / name, ignore=skip) if source.is_dir() else shutil.copy(
            source, tmp_path / name
        )
    add(tmp_path)

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", "pigeon", "tests/exchanges", "tests/contract"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stdout[-3000:]
    passed = int(ran.stdout.rsplit(" passed", 1)[0].rsplit(maxsplit=1)[-1])
    assert passed > 50, ran.stdout[-500:]
    assert "failed" not in ran.stdout
