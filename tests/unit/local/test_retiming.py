"""A recorded delivery is played as if it happened now, whatever form its times have."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from infra.local.retiming import as_if_now

NOW = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("recorded", "now"),
    [
        (b'{"at": 1788344130}', b'{"at": 1798859045}'),
        (b'{"created_utc": 1788344130.0}', b'{"created_utc": 1798859045.0}'),
        (b'{"at": "1788344130372"}', b'{"at": "1798859045000"}'),
        (b"2026-09-02T10:15:30Z", b"2027-01-02T03:04:05Z"),
        (b"2026-09-02T10:15:30.123456789+00:00", b"2027-01-02T03:04:05.123456789+00:00"),
        (b"Wed, 02 Sep 2026 10:15:30 +0000", b"Sat, 02 Jan 2027 03:04:05 +0000"),
    ],
)
def test_the_newest_time_becomes_now_in_its_own_form(recorded, now):
    assert as_if_now(recorded, NOW) == now


def test_other_times_keep_their_distance_to_the_newest():
    moved = as_if_now(b"2026-09-02T10:15:30Z 2026-09-02T10:14:30Z", NOW)
    assert moved == b"2027-01-02T03:04:05Z 2027-01-02T03:03:05Z"


def test_numbers_that_are_no_times_stay():
    assert as_if_now(b"7412000000000000009 2090000000000000101", NOW) == b"7412000000000000009 2090000000000000101"
