from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy import lines

TEXT = """\
version: 1
calendars:
  office:
    hours:
      monday: ["09:00-17:00"]
      tuesday:
        - "09:00-13:00"
        - no
rules:
- name: a
"""


def test_values_stay_what_was_written():
    assert lines.read("a: no\nb: 1:30\nc: 2026-11-02\nd: 0.50\ne: ~\nf:").data == {
        "a": "no",
        "b": "1:30",
        "c": "2026-11-02",
        "d": "0.50",
        "e": None,
        "f": None,
    }


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("version",), 1),
        (("calendars", "office", "hours", "monday", 0), 5),
        (("calendars", "office", "hours", "tuesday"), 6),
        (("calendars", "office", "hours", "tuesday", 1), 8),
        (("rules", 0, "name"), 10),
        (("rules", 0, "calendar"), 10),  # not there: its rule's
    ],
)
def test_every_place_has_its_line(place, line):
    assert lines.read(TEXT).line(place) == line


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("a: 1\nb: 2\na: 3", "a is given twice", 3),
        ("a: &x [1]\nb: *x", "alias", 2),
        ("a:\n  b: &x\n    c: *x", "alias", 3),
        ("? [a, b]\n: 1", "plain word", 1),
        ("a: 1\n b: 2", "not YAML", 2),
        ("a: [1", "not YAML", None),
        ("a: \x00", "not YAML", None),
        ("a: 1\n---\nb: 2", "not YAML", 2),
    ],
)
def test_what_no_reader_should_let_pass_is_a_fault(text, reason, line):
    (fault,) = lines.read(text).faults
    assert reason in fault.reason
    if line is not None:
        assert fault.line == line


def test_a_tag_never_makes_an_object():
    assert lines.read("a: !!python/object/apply:os.system [x]").data == {"a": ["x"]}


def test_depth_is_a_fault_and_no_crash():
    assert lines.read("[" * 100_000).faults


@settings(deadline=None)
@given(st.text(alphabet="ab:-[]{}*&!#\"' \n\t|>?,0"))
def test_any_text_is_read_or_refused(text):
    written = lines.read(text)
    assert all(fault.reason for fault in written.faults)
