"""Replay one seed and print its trace: python -m tests.simulation SEED. All mutants: python -m tests.simulation --mutants."""

from __future__ import annotations

import sys

from tests.simulation.checker import violations
from tests.simulation.mutants import MUTANTS, first_caught
from tests.simulation.scenarios import play


def replay(seed: int) -> int:
    """Print what happened in a seed, and what was wrong with it."""
    stage = play(seed)
    world, found = stage.world, violations(stage)
    lines = [
        f"seed {seed}: {world.weights}",
        f"{stage.habits}, {stage.manners}",
        f"batched: {stage.deliveries.batched}, junk: {stage.deliveries.junk}, swept: {stage.swept}",
        *world.trace,
        f"{len(world.crossed)} calls, {sum(world.faults.values())} faults, {len(stage.mailer.sent)} mails",
        *(found or ["no violation"]),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if found else 0


def mutants() -> int:
    """Print for each mutant the first seed that catches it, and by which violation."""
    missed = 0
    for name, rig in MUTANTS.items():
        seed, found = first_caught(rig)
        missed += seed is None
        sys.stdout.write(f"{name:48} {'-' if seed is None else seed:>4}  {found}\n")
        sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(mutants() if sys.argv[1] == "--mutants" else replay(int(sys.argv[1])))
