"""Whatever is inserted, deleted, edited, late or cut short: no item is missed, none is stored twice, no quota exceeded.

Replay a failing seed with `python -m tests.simulation.polling SEED`.
"""

from __future__ import annotations

from collections import Counter

import pytest

from shared.services.poll import Outcome
from tests.simulation.polling import play, violations
from tests.simulation.polling_mutants import CATCHING_SEEDS, MUTANTS, first_caught
from tests.simulation.world import FAULTS

SEEDS = 1000
IN_ONE_TEST = 100
PORTS = ("desk.read", "desk.commit", "inbox.put", "platforms.perform", "archive.put")


@pytest.mark.parametrize("first", range(0, SEEDS, IN_ONE_TEST))
def test_no_seed_misses_an_item_stores_one_twice_or_exceeds_the_quota(first):
    found = {seed: violations(play(seed)) for seed in range(first, first + IN_ONE_TEST)}

    assert {seed: what for seed, what in found.items() if what} == {}


def test_the_seeds_meet_every_fault_at_every_port_and_every_kind_of_turn():
    faults: Counter[str] = Counter()
    turns: Counter[str] = Counter()
    for seed in range(150):
        stage = play(seed)
        faults += stage.world.faults
        turns += stage.turns

    assert {f"{port}:{fault}" for port in PORTS for fault in FAULTS} <= set(faults)
    assert {Outcome.READ, Outcome.GAP, Outcome.REFUSED, Outcome.HELD, Outcome.RESTING, Outcome.BLOCKED} <= set(turns)


def test_the_seeds_hold_what_the_claim_speaks_of():
    stages = [play(seed) for seed in range(20)]
    said = [one for stage in stages for one in stage.said]

    assert any(one.edits for one in said)
    assert any(one.gone_at is not None for one in said)
    assert any(one.parent is not None for one in said)
    assert any(one.place != one.at for one in said)
    assert len({one.at for one in said}) < len(said)
    assert any(one.at is not None and one.at > one.shown_at for one in said)
    assert sum(len(stage.desk.stored) for stage in stages) > len(stages) * 5
    assert any(stage.told for stage in stages)


def test_a_seed_is_the_same_run_every_time():
    assert play(7).world.trace == play(7).world.trace


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_checks_catch_the_poller_as_one_might_write_it_at_first(mutant):
    seed, found = first_caught(MUTANTS[mutant])

    assert seed is not None, f"{mutant}: {found} within {CATCHING_SEEDS} seeds"
