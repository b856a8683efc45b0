"""The lines of a run and how they are printed: plain text, because not every environment it runs in has more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure: of what, how much, against what, aimed at what, and from how many repetitions."""

    part: str
    what: str
    figure: str
    against: str = ""
    aim: str = ""
    repetitions: str = ""


_RULE = 120
_HEAD = Line(part="part", what="what", figure="figure", against="against", aim="aim", repetitions="repetitions")


def rendered(lines: Sequence[Line]) -> str:
    """A table with a line between parts."""
    rows = [astuple(line) for line in (_HEAD, *lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = "-" * _RULE
    printed = []
    for before, row in zip([None, *rows[:-1]], rows, strict=True):
        if before is not None and before[0] != row[0]:
            printed.append(rule)
        printed.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return "\n".join(printed)
