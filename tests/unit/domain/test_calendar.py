from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from shared.domain.calendar import DAY, Calendar, ClosedPeriod, Interval
from tests.unit.domain.build import at, calendar_always, calendar_weekdays

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
OFFICE = calendar_weekdays("Europe/Berlin")


def daily(zone: str, *intervals: tuple[int, int]) -> Calendar:
    return Calendar(zone, {weekday: tuple(Interval(*each) for each in intervals) for weekday in range(7)})


class TestOpenAndClosed:
    def test_the_opening_instant_is_open_and_the_closing_instant_closed(self):
        assert OFFICE.is_open(at("2026-11-02 09:00", "Europe/Berlin"))
        assert not OFFICE.is_open(at("2026-11-02 17:00", "Europe/Berlin"))
        assert OFFICE.is_open(at("2026-11-02 17:00", "Europe/Berlin") - timedelta(microseconds=1))

    def test_a_closed_period_reaches_from_the_last_closing_over_the_weekend_to_the_next_opening(self):
        assert OFFICE.closed_period(at("2026-11-07 12:00", "Europe/Berlin")) == ClosedPeriod(
            at("2026-11-06 17:00", "Europe/Berlin"), at("2026-11-09 09:00", "Europe/Berlin")
        )

    def test_every_instant_of_a_closed_period_finds_the_same_period(self):
        friday, monday = at("2026-11-06 17:00", "Europe/Berlin"), at("2026-11-09 09:00", "Europe/Berlin")
        last = monday - timedelta(microseconds=1)
        assert {OFFICE.closed_period(t) for t in (friday, friday + HOUR, last)} == {ClosedPeriod(friday, monday)}
        assert OFFICE.closed_period(monday) is None

    def test_the_answer_depends_on_the_instant_asked_and_not_on_its_zone(self):
        instant = at("2026-11-07 12:00")
        elsewhere = instant.astimezone(ZoneInfo("Asia/Tokyo"))
        assert OFFICE.closed_period(instant) == OFFICE.closed_period(elsewhere)

    def test_one_opening_a_week_is_found_from_any_day(self):
        calendar = Calendar("UTC", {2: (Interval(600, 660),)})
        for hours in range(0, 24 * 7, 5):
            instant = at("2026-11-04 11:00") + hours * HOUR
            if hours < 24 * 7 - 1:
                assert calendar.closed_period(instant) == ClosedPeriod(at("2026-11-04 11:00"), at("2026-11-11 10:00"))

    def test_a_lunch_break_is_closed(self):
        calendar = daily("UTC", (9 * 60, 12 * 60), (13 * 60, 17 * 60))
        assert calendar.closed_period(at("2026-11-02 12:30")) == ClosedPeriod(
            at("2026-11-02 12:00"), at("2026-11-02 13:00")
        )

    def test_a_shift_past_midnight_belongs_to_the_day_it_starts_on(self):
        calendar = Calendar("UTC", {4: (Interval(22 * 60, 30 * 60),)})
        assert calendar.is_open(at("2026-11-07 05:59"))
        assert not calendar.is_open(at("2026-11-07 06:00"))
        assert not calendar.is_open(at("2026-11-06 05:00"))

    def test_a_shift_may_last_until_the_end_of_the_next_day(self):
        calendar = Calendar("UTC", {4: (Interval(0, 2 * DAY),)})
        assert calendar.closed_period(at("2026-11-08 00:00")) == ClosedPeriod(
            at("2026-11-08 00:00"), at("2026-11-13 00:00")
        )
        assert calendar.is_open(at("2026-11-07 23:59"))

    def test_intervals_that_touch_or_overlap_are_one(self):
        calendar = daily("UTC", (13 * 60, 17 * 60), (9 * 60, 13 * 60), (10 * 60, 14 * 60))
        assert calendar.add(at("2026-11-02 09:00"), 8 * HOUR) == at("2026-11-02 17:00")
        assert calendar.closed_period(at("2026-11-02 13:00")) is None


class TestAdding:
    def test_time_is_counted_from_the_next_opening_when_closed(self):
        assert OFFICE.add(at("2026-11-07 12:00"), 25 * MINUTE) == at("2026-11-09 09:25", "Europe/Berlin")

    def test_time_that_is_used_up_at_closing_ends_there_and_not_at_the_next_opening(self):
        assert OFFICE.add(at("2026-11-06 16:00", "Europe/Berlin"), HOUR) == at("2026-11-06 17:00", "Europe/Berlin")

    def test_no_time_at_all_has_passed_at_once(self):
        assert OFFICE.add(at("2026-11-07 12:00"), timedelta()) == at("2026-11-07 12:00")

    def test_seconds_and_less_are_exact(self):
        start = at("2026-11-06 16:59", "Europe/Berlin") + timedelta(seconds=59.5)
        expected = at("2026-11-09 09:00", "Europe/Berlin") + timedelta(seconds=0.5)
        assert OFFICE.add(start, timedelta(seconds=1)) == expected

    def test_results_are_in_utc(self):
        assert OFFICE.add(at("2026-11-02 10:00"), HOUR).tzinfo is UTC

    def test_time_is_not_counted_backwards(self):
        with pytest.raises(ValueError, match="forwards"):
            OFFICE.add(at("2026-11-02 10:00"), -HOUR)


class TestClassicBugs:
    def test_friday_17_00_and_eight_hours_is_monday_17_00(self):
        assert OFFICE.add(at("2026-11-06 17:00", "Europe/Berlin"), 8 * HOUR) == at("2026-11-09 17:00", "Europe/Berlin")

    def test_a_day_until_24_00_has_no_closed_minute_at_23_59(self):
        calendar = calendar_always("Europe/Berlin")
        for second in (0, 30, 59):
            assert calendar.is_open(at(f"2026-11-06 23:59:{second:02}", "Europe/Berlin"))
        assert calendar.add(at("2026-11-06 23:00", "Europe/Berlin"), 2 * HOUR) == at(
            "2026-11-07 01:00", "Europe/Berlin"
        )

    def test_a_day_until_23_59_is_closed_for_that_minute_because_it_says_so(self):
        calendar = daily("UTC", (0, DAY - 1))
        assert calendar.closed_period(at("2026-11-06 23:59:30")) == ClosedPeriod(
            at("2026-11-06 23:59"), at("2026-11-07 00:00")
        )

    def test_today_is_the_day_of_the_calendars_zone_and_not_of_utc(self):
        auckland = Calendar("Pacific/Auckland", {0: (Interval(9 * 60, 17 * 60),)})
        sunday_evening_in_utc = at("2026-11-01 21:00")
        assert auckland.is_open(sunday_evening_in_utc)
        los_angeles = Calendar("America/Los_Angeles", {4: (Interval(9 * 60, 18 * 60),)})
        saturday_in_utc = at("2026-11-07 01:30")
        assert los_angeles.is_open(saturday_in_utc)

    def test_hours_do_not_shift_with_summer_time(self):
        for day, hour in (("2026-07-01", 7), ("2026-12-01", 8)):
            assert OFFICE.is_open(at(f"{day} {hour:02}:00"))
            assert not OFFICE.is_open(at(f"{day} {hour:02}:00") - MINUTE)

    def test_a_deadline_over_the_weekend_of_the_change_keeps_the_local_time(self):
        assert OFFICE.add(at("2026-03-27 16:30", "Europe/Berlin"), HOUR) == at("2026-03-30 09:30", "Europe/Berlin")

    def test_a_share_of_a_target_never_falls_into_the_night(self):
        assert OFFICE.add(at("2026-11-06 16:50", "Europe/Berlin"), 2 * HOUR * 0.5) == at(
            "2026-11-09 09:50", "Europe/Berlin"
        )

    def test_hours_on_saturday_only_are_counted_too(self):
        calendar = Calendar("UTC", {5: (Interval(600, 720),)})
        assert calendar.add(at("2026-11-02 08:00"), 3 * HOUR) == at("2026-11-14 11:00")

    def test_the_zone_of_the_machine_does_not_matter(self, monkeypatch):
        expected = OFFICE.closed_period(at("2026-11-07 12:00"))
        for zone in ("Pacific/Kiritimati", ":UTC"):
            monkeypatch.setitem(os.environ, "TZ", zone)
            time.tzset()
            assert OFFICE.closed_period(at("2026-11-07 12:00")) == expected
        monkeypatch.undo()
        time.tzset()

    def test_a_time_without_a_zone_is_refused_and_not_guessed(self):
        naive = datetime(2026, 11, 7, 12)  # noqa: DTZ001 - that is what the test is about
        for ask in (OFFICE.is_open, OFFICE.closed_period, lambda t: OFFICE.add(t, HOUR)):
            with pytest.raises(ValueError, match="zone"):
                ask(naive)


class TestChangesOfTheClock:
    def test_a_night_shift_is_seven_hours_in_spring_and_nine_in_autumn(self):
        calendar = Calendar("Europe/Berlin", {5: (Interval(22 * 60, 30 * 60),)})
        for day, hours in (("2026-03-28", 7), ("2026-10-24", 9), ("2026-11-07", 8)):
            start = at(f"{day} 22:00", "Europe/Berlin")
            closing = start + hours * HOUR
            assert calendar.is_open(closing - MINUTE)
            assert not calendar.is_open(closing)

    def test_an_opening_in_the_gap_moves_to_the_first_instant_after_it(self):
        calendar = Calendar("Europe/Berlin", {6: (Interval(2 * 60 + 30, 9 * 60),)})
        period = calendar.closed_period(at("2026-03-28 12:00"))
        assert period is not None
        assert period.end == at("2026-03-29 01:00") == at("2026-03-29 03:00", "Europe/Berlin")

    def test_a_closing_in_the_gap_moves_to_the_first_instant_after_it(self):
        calendar = Calendar("Europe/Berlin", {6: (Interval(0, 2 * 60 + 30),)})
        period = calendar.closed_period(at("2026-03-29 12:00"))
        assert period is not None
        assert period.start == at("2026-03-29 01:00")

    def test_hours_within_the_gap_do_not_exist_that_day(self):
        calendar = Calendar("Europe/Berlin", {6: (Interval(2 * 60, 3 * 60),)})
        assert calendar.closed_period(at("2026-03-29 01:00")) == ClosedPeriod(
            at("2026-03-22 03:00", "Europe/Berlin"), at("2026-04-05 02:00", "Europe/Berlin")
        )

    def test_in_a_repeated_hour_the_opening_takes_the_first_and_the_closing_the_second(self):
        opening = Calendar("Europe/Berlin", {6: (Interval(2 * 60 + 30, 9 * 60),)})
        closing = Calendar("Europe/Berlin", {6: (Interval(0, 2 * 60 + 30),)})
        assert not opening.is_open(at("2026-10-25 00:29"))
        assert opening.is_open(at("2026-10-25 00:30"))
        assert closing.is_open(at("2026-10-25 01:29"))
        assert not closing.is_open(at("2026-10-25 01:30"))

    def test_a_closing_on_the_minute_the_clock_is_set_back_to_is_its_first_showing(self):
        bar = Calendar("Atlantic/Azores", {5: (Interval(12 * 60, DAY),)})  # at 01:00 it is 00:00 again
        assert bar.is_open(at("2026-10-24 23:59"))
        assert not bar.is_open(at("2026-10-25 00:00"))

    def test_half_an_hour_is_repeated_on_lord_howe_island(self):
        calendar = Calendar("Australia/Lord_Howe", {6: (Interval(0, 6 * 60),)})
        midnight = at("2026-04-05 00:00", "Australia/Lord_Howe")
        assert calendar.add(midnight, 6.5 * HOUR) == at("2026-04-05 06:00", "Australia/Lord_Howe")

    def test_a_clock_set_back_over_midnight_reopens_nothing(self):
        calendar = Calendar("America/Goose_Bay", {6: (Interval(0, 10 * 60),)})  # 2010: at 00:01 it was 23:01 again
        assert calendar.add(at("2010-11-07 03:00"), HOUR) == at("2010-11-07 04:00")
        assert not calendar.is_open(at("2010-11-07 02:59"))
        assert calendar.is_open(at("2010-11-07 03:30"))

    def test_a_shift_of_two_days_lasts_through_a_midnight_that_comes_twice(self):
        calendar = Calendar("America/Goose_Bay", {4: (Interval(0, 2 * DAY),)})
        first, second = at("2010-11-07 03:00"), at("2010-11-07 04:00")
        assert calendar.is_open(first + timedelta(seconds=30))
        assert calendar.is_open(second - MINUTE)
        assert not calendar.is_open(second)

    def test_a_day_that_samoa_skipped_has_no_hours(self):
        calendar = Calendar("Pacific/Apia", {4: (Interval(9 * 60, 17 * 60),)})
        period = calendar.closed_period(at("2011-12-30 09:00"))
        assert period is not None
        assert period.end == at("2012-01-06 09:00", "Pacific/Apia")
        assert period.end - period.start == timedelta(days=13) - 8 * HOUR

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Apia", "America/Havana", "Australia/Lord_Howe"])
    def test_round_the_clock_is_plain_addition_all_year(self, zone):
        calendar = calendar_always(zone)
        for start in (at("2026-01-01"), at("2011-12-29 03:00")):
            assert calendar.add(start, timedelta(days=365)) == start + timedelta(days=365)


class TestWhatIsRefused:
    @pytest.mark.parametrize("week", [{}, {0: ()}, {7: (Interval(0, 60),)}])
    def test_a_calendar_that_never_opens(self, week):
        with pytest.raises(ValueError, match="at least one"):
            Calendar("UTC", week)

    @pytest.mark.parametrize(("start", "end"), [(540, 540), (540, 530), (-1, 60), (DAY, DAY + 60), (0, 2 * DAY + 1)])
    def test_an_interval_that_cannot_be(self, start, end):
        with pytest.raises(ValueError, match="impossible"):
            Interval(start, end)

    def test_a_zone_that_does_not_exist(self):
        with pytest.raises(ZoneInfoNotFoundError):
            calendar_weekdays("Europe/Lodnon")
