"""Replay one seed and print its trace: python -m tests.simulation SEED."""

from __future__ import annotations

import sys

from tests.simulation.checker import violations
from tests.simulation.stage import play


def main(seed: int) -> int:
    """Print what happened in a seed, and what was wrong with it."""
    stage = play(seed)
    found = violations(stage)
    lines = [*stage.world.trace, f"{sum(stage.world.calls.values())} calls, {sum(stage.world.faults.values())} faults"]
    sys.stdout.write("\n".join([*lines, *(found or ["no violation"])]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
