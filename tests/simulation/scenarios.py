"""What happens in a run: a weekend drawn from a seed, or one of the golden scenarios, step by step."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from tests.simulation.mailbox import Manners
from tests.simulation.platforms import Habits
from tests.simulation.stage import SHORTER, Stage, as_built
from tests.simulation.venues import COMMENTS, INSTAGRAM, MESSENGER, VENUES, WHATSAPP, Venue
from tests.simulation.world import NO_FAULTS, Planned, World

Rig = Callable[[Stage], None]
Scenario = Callable[[Stage, datetime], None]
CHAOS, DRAIN = timedelta(hours=20), timedelta(days=4)
EVENING = timedelta(hours=6)  # from the start of the world, Friday noon UTC, to a time when nobody is there


def play(seed: int, rig: Rig = as_built) -> Stage:
    """A weekend of one seed: customers who write, edit, take back, get answers or none; then all faults end."""
    world = World(seed)
    rng = world.rng
    manners = Manners(rng.choice([0.0, 0.4, 0.7]), machine=_rarely(rng), strangers=_rarely(rng), crossing=_rarely(rng))
    manners.within = rng.choice([900.0, 3600.0])
    manners.done = _rarely(rng)
    narrow, one_slot = rng.choice([(False, False), (False, False), (True, False), (False, True)])
    stage = Stage(world, rig, Habits.drawn(rng), manners, narrow=narrow, one_slot=one_slot)
    stage.deliveries.batched = rng.random() < 0.4
    stage.deliveries.junk = _rarely(rng)
    for queue in (stage.inbox, stage.outbox, stage.receipts):
        queue.batch_window = rng.choice([0, 0, 5, 60, 600])
    for number in range(rng.choice([1, 1, 2, 2, 3])):
        _customer(stage, rng.choice(VENUES), f"49170{number}")
    if rng.random() < 0.2:
        _other_hours(stage, rng.choice(VENUES))
    if rng.random() < 0.1:
        world.at(world.now + timedelta(hours=rng.random()), lambda: stage.deliveries.unreadable(rng.choice(VENUES)))
    if rng.random() < 0.2 or (world.weights and world.weights.forgotten):
        stage.sweep_every(timedelta(minutes=20), world.now + CHAOS)
    return _to_the_end(stage)


def _rarely(rng: random.Random) -> float:
    return rng.choice([0.0, 0.0, 0.2])


def _customer(stage: Stage, venue: Venue, customer: str) -> None:
    world, rng = stage.world, stage.world.rng
    start = world.now + timedelta(minutes=rng.choice([rng.randrange(0, 240), rng.randrange(0, 600)]))
    mids = [f"m-{customer}-{place}" for place in range(rng.choice([1, 1, 2, 3]))]
    for place, mid in enumerate(mids):
        at = start + timedelta(seconds=rng.choice([1, 20, 600, 5000, 9000]) * place)
        world.at(at, partial(stage.writes, venue, customer, mid))
        for number in range(rng.choice([0, 0, 0, 1, 2])):
            at += timedelta(seconds=rng.choice([2, 60, 1800]))
            world.at(at, partial(stage.edits, mid, number + 1))
        if rng.random() < 0.15:
            at += timedelta(seconds=rng.choice([2, 60, 3600]))
            world.at(at, partial(stage.takes_back, mid))
    if rng.random() < 0.25:
        at = start + timedelta(seconds=rng.choice([1, 30, 3600]))
        world.at(at, lambda: stage.answers_by_hand(venue, customer, f"h-{customer}", mids[0]))


def _other_hours(stage: Stage, venue: Venue) -> None:
    """The company changes its hours in the middle of a night, and a customer writes before and after it."""
    world, rng = stage.world, stage.world.rng
    at = world.now + EVENING + timedelta(hours=rng.random() * 4)
    world.at(at, lambda: stage.deploy(SHORTER))
    world.at(at - timedelta(minutes=20), lambda: stage.writes(venue, "491709", "m-491709-0"))
    world.at(at + timedelta(minutes=20), lambda: stage.writes(venue, "491709", "m-491709-1"))


def _to_the_end(stage: Stage) -> Stage:
    world = stage.world
    world.run(world.now + CHAOS)
    world.heal()
    world.note("HEALED: from here on nothing fails")
    if world.weights and world.weights.forgotten:  # else nothing may need a sweep
        stage.sweep_every(timedelta(hours=6), world.now + DRAIN)
    world.run(world.now + DRAIN)
    return stage


# -- golden scenarios -------------------------------------------------------------------------------------------------


def night_answered(stage: Stage, at: datetime) -> None:
    """A direct message at night: acknowledged, handed off, answered by mail, echoed."""
    stage.world.at(at + EVENING, lambda: stage.writes(MESSENGER, "491700", "m-491700-0"))


def comment_missed(stage: Stage, at: datetime) -> None:
    """A comment in open hours that is edited and answered by nobody: warning, breach, escalation."""
    stage.manners.answers = 0
    stage.world.at(at, lambda: stage.writes(COMMENTS, "491700", "m-491700-0"))
    stage.world.at(at + timedelta(minutes=1), lambda: stage.edits("m-491700-0", 1))


def burst_taken_back(stage: Stage, at: datetime) -> None:
    """Two direct messages without a token in their echoes; the first is taken back, a person answers in the app."""
    stage.manners.answers = 0
    stage.world.at(at + EVENING, lambda: stage.writes(INSTAGRAM, "491700", "m-491700-0"))
    stage.world.at(at + EVENING, lambda: stage.writes(INSTAGRAM, "491700", "m-491700-1"))
    stage.world.at(at + EVENING + timedelta(minutes=5), lambda: stage.takes_back("m-491700-0"))
    later = at + EVENING + timedelta(minutes=30)
    stage.world.at(later, lambda: stage.answers_by_hand(INSTAGRAM, "491700", "h-491700", "m-491700-1"))


def answer_undelivered(stage: Stage, at: datetime) -> None:
    """A message in open hours; the answer is taken by the platform, and then not delivered: it is warned of and missed."""
    stage.habits.failures = 1
    stage.manners.most = 1
    stage.world.at(at, lambda: stage.writes(WHATSAPP, "491700", "m-491700-0"))


def answer_in_parts(stage: Stage, at: datetime) -> None:
    """A comment in open hours; the answer takes two posts, one below the other."""
    stage.narrow = stage.mailbox.halves = True
    stage.manners.most = 1
    stage.world.at(at, lambda: stage.writes(COMMENTS, "491700", "m-491700-0"))


def said_to_be_done(stage: Stage, at: datetime) -> None:
    """A message in open hours that an agent says to have answered on the platform itself."""
    stage.manners.answers, stage.manners.done = 0, 1
    stage.world.at(at, lambda: stage.writes(MESSENGER, "491700", "m-491700-0"))


GOLDEN: tuple[Scenario, ...] = (
    night_answered,
    comment_missed,
    burst_taken_back,
    answer_undelivered,
    answer_in_parts,
    said_to_be_done,
)


def rehearse(scenario: Scenario, fault: Planned | None = None, rig: Rig = as_built) -> Stage:
    """A golden scenario with one fault, or none."""
    world = World(1, NO_FAULTS, fault)
    habits = Habits(echoes=1, tokens=1, failures=0)
    stage = Stage(world, rig, habits, Manners(answers=1, machine=0, strangers=0, within=600))
    scenario(stage, world.now)
    return _to_the_end(stage)
