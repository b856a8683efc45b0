"""The invariants, checked from outside: against what customers could read, people were mailed and the desk holds."""

from __future__ import annotations

from tests.simulation import checks_answers, checks_sends, checks_time, checks_words
from tests.simulation.stage import Stage

CHECKS = (
    checks_words.lost,
    checks_words.unheard,
    checks_words.overlooked,
    checks_words.not_understood,
    checks_words.disorder,
    checks_words.mingled,
    checks_words.wrongly_mailed,
    checks_sends.acknowledged_twice,
    checks_sends.acknowledged_wrongly,
    checks_sends.posted_twice,
    checks_sends.misplaced,
    checks_sends.misattached,
    checks_sends.silent,
    checks_sends.unsettled,
    checks_answers.out_of_turn,
    checks_answers.half_an_answer,
    checks_answers.word_posted,
    checks_answers.overwritten,
    checks_time.timers,
    checks_time.executions,
    checks_time.escalations,
    checks_time.undone,
)


def violations(stage: Stage) -> list[str]:
    """Everything that must not have happened; empty for a good run."""
    return [f"{check.__name__}: {what}" for check in CHECKS for what in check(stage)]
