"""A platform's time is read in whatever unit and form it comes, and what is no time is none."""

from __future__ import annotations

import pytest

from shared.channels._reading import when
from shared.domain.events import iso


@pytest.mark.parametrize(
    ("value", "time"),
    [
        (1790000001, "2026-09-21T14:13:21Z"),
        ("1790000001", "2026-09-21T14:13:21Z"),
        (1790000001523, "2026-09-21T14:13:21.523Z"),
        ("1790000001523", "2026-09-21T14:13:21.523Z"),
        (1790000001.25, "2026-09-21T14:13:21.250Z"),
        (1790000001523.0, "2026-09-21T14:13:21.523Z"),
        ("2026-09-21T16:13:21+0200", "2026-09-21T14:13:21Z"),
        ("2026-09-21T14:13:21", "2026-09-21T14:13:21Z"),
    ],
)
def test_a_time_is_read_in_its_own_unit(value, time):
    assert iso(when(value)) == time


@pytest.mark.parametrize(
    "value",
    [0, "0", 0.0, -1, -1.5, None, True, "", "soon", float("inf"), float("nan"), 10**17, 1e300, {}, [1790000001]],
)
def test_what_is_no_time_is_none(value):
    assert when(value) is None
