"""Whatever fails, comes twice or out of order: no seed may find a violation.

Replay a failing seed with `make simulate SEED=n`.
"""

from __future__ import annotations

import pytest

from tests.simulation.checker import violations
from tests.simulation.mutants import CATCHING_SEEDS, MUTANTS, first_caught
from tests.simulation.scenarios import play
from tests.simulation.world import FAULTS

SEEDS = 2500
IN_ONE_TEST = 50
PORTS = (
    "desk.read",
    "desk.commit",
    "desk.sends",
    "desk.messages",
    "inbox.put",
    "outbox.put",
    "archive.put",
    "archive.get",
    "timers.start",
    "timers.stop",
    "mailer.send",
    "notifier.publish",
    "platforms.post",
)


@pytest.mark.parametrize("first", range(0, SEEDS, IN_ONE_TEST))
def test_no_seed_violates_an_invariant(first):
    found = {seed: violations(play(seed)) for seed in range(first, first + IN_ONE_TEST)}

    assert {seed: what for seed, what in found.items() if what} == {}


def test_faults_of_every_kind_are_met_at_every_port():
    wanted = {f"{port}:{fault}" for port in PORTS for fault in FAULTS}
    met: set[str] = set()
    for seed in range(600):
        met |= set(play(seed).world.faults)
        if wanted <= met:
            break

    assert wanted <= met


def test_a_seed_is_the_same_run_every_time():
    first, second = play(7), play(7)

    assert first.world.trace == second.world.trace
    assert first.world.crossed == second.world.crossed


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_checker_catches_nightdesk_as_one_might_write_it_at_first(mutant):
    seed, found = first_caught(MUTANTS[mutant])

    assert seed is not None, f"{mutant}: {found} within {CATCHING_SEEDS} seeds"
