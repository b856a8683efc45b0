"""Whatever fails, comes twice or out of order: no seed may find a violation.

Replay a failing seed with `make simulate SEED=n`.
"""

from __future__ import annotations

import pytest

from tests.simulation.checker import violations
from tests.simulation.mutants import ALL
from tests.simulation.stage import play

SEEDS = 2000
IN_ONE_TEST = 50


@pytest.mark.parametrize("first", range(0, SEEDS, IN_ONE_TEST))
def test_no_seed_violates_an_invariant(first):
    found = {seed: violations(play(seed)) for seed in range(first, first + IN_ONE_TEST)}

    assert {seed: what for seed, what in found.items() if what} == {}


def test_faults_of_every_kind_are_met_at_every_port():
    met = set()
    for seed in range(150):
        met |= set(play(seed).world.faults)

    ports = ("desk.read", "desk.commit", "inbox.put", "outbox.put", "archive.put", "timers.start", "mailer.send",
             "notifier.publish", "platforms.post")  # fmt: skip
    kinds = ("throttled", "answer_lost", "died_before", "died_after")
    assert {f"{port}:{kind}" for port in ports for kind in kinds} <= met


def test_a_seed_is_the_same_run_every_time():
    first, second = play(7), play(7)

    assert first.world.trace == second.world.trace
    assert first.world.calls == second.world.calls


@pytest.mark.parametrize("mutant", ALL)
def test_the_checker_catches_senders_as_one_might_write_them_at_first(mutant):
    assert any(violations(play(seed, mutant)) for seed in range(200))
