"""Processor time, told apart from a noisy machine: candidates take turns, each is judged by its median, and what is
reported is the ratio to another candidate of the same run.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Work = Callable[[], object]

ROUNDS = 25
SECONDS = 0.02  # of one candidate's turn: long against the clock's step, short against the machine's moods


@dataclass(frozen=True, slots=True)
class Timing:
    """The median of a candidate's turns. `calls` is how often it ran in each of the `rounds`."""

    seconds: float
    rounds: int
    calls: int


def in_turns(candidates: Mapping[str, Work], rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, Timing]:
    """Processor seconds of one call of each candidate."""
    gc.collect()
    gc.freeze()  # what the other candidates have imported is not gone through at each one's expense
    calls = {name: _calls_in(seconds, work) for name, work in candidates.items()}
    turns: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, work in candidates.items():
            turns[name].append(_turn(work, calls[name]))
    return {name: Timing(median(taken), rounds, calls[name]) for name, taken in turns.items()}


def fresh_interpreters(programs: Mapping[str, str], environment: Mapping[str, str], rounds: int) -> dict[str, Timing]:
    """Processor seconds, of user and system together, of a new interpreter that runs each program.

    One round before the first fills the caches of bytecode and files. Raises RuntimeError for a program that fails.
    """
    turns: dict[str, list[float]] = {name: [] for name in programs}
    for program in programs.values():
        _run(program, environment)
    for _ in range(rounds):
        for name, program in programs.items():
            turns[name].append(_run(program, environment))
    return {name: Timing(median(taken), rounds, 1) for name, taken in turns.items()}


def _calls_in(seconds: float, work: Work) -> int:
    work()
    calls = 1
    while (taken := _turn(work, calls) * calls) < seconds / 4:
        calls *= 2
    return max(1, round(calls * seconds / taken))


def _turn(work: Work, calls: int) -> float:
    start = time.process_time()
    for _ in range(calls):
        work()
    return (time.process_time() - start) / calls


def _run(program: str, environment: Mapping[str, str]) -> float:
    command: Sequence[str] = (sys.executable, "-c", program)
    process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"The program ended with {process.returncode}: {program}")
    return used.ru_utime + used.ru_stime
