"""Writes schema.json beside the policy file: `python -m shared.policy.schema` after a change of the model."""

from __future__ import annotations

import json
from pathlib import Path

from shared.policy import model

FILE = Path(__file__).with_name("schema.json")


def text() -> str:
    """What schema.json has to hold."""
    return json.dumps(model.schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
