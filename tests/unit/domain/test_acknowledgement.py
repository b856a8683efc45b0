from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.acknowledgement import back_words, compose, faults, first_name
from shared.domain.calendar import ClosedPeriod
from shared.domain.events import Surface
from shared.domain.exchange import Capability, Unit
from shared.domain.length import length
from shared.domain.policy import Acknowledging
from tests.unit.domain.build import at, calendar_weekdays, policy

LONDON = "Europe/London"
SUNDAY = at("2026-11-01 12:00", LONDON)
PERIOD = ClosedPeriod(at("2026-10-30 17:00", LONDON), at("2026-11-02 09:00", LONDON))
BACK = "tomorrow, Monday, at 09:00 (Europe/London)"


def words(
    name: str | None = "Anna Schmidt",
    *,
    limit: int = 2000,
    unit: Unit = Unit.CHARACTERS,
    surface: Surface = Surface.DM,
    now: datetime = SUNDAY,
    **changes,
) -> str:
    return compose(
        policy(**changes),
        channel="facebook",
        surface=surface,
        closed=PERIOD,
        name=name,
        capability=Capability(replies=True, limit=limit, unit=unit),
        now=now,
    )


def saying(text: str) -> Acknowledging:
    return Acknowledging(text=text, max_age=timedelta(minutes=15), quiet_after_person=timedelta(minutes=30))


class TestWhenPeopleAreBack:
    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            ("2026-11-02 00:05", "today, Monday, at 09:00 (Europe/London)"),
            ("2026-11-01 23:59", "tomorrow, Monday, at 09:00 (Europe/London)"),
            ("2026-10-31 12:00", "on Monday at 09:00 (Europe/London)"),
            ("2026-10-27 12:00", "on Monday at 09:00 (Europe/London)"),
            ("2026-10-26 12:00", "on Monday 2 November at 09:00 (Europe/London)"),
            ("2025-12-24 12:00", "on Monday 2 November 2026 at 09:00 (Europe/London)"),
        ],
    )
    def test_it_is_said_by_day_as_far_as_a_day_is_clear(self, now, expected):
        assert back_words(PERIOD.end, at(now, LONDON), LONDON) == expected

    def test_the_day_is_that_of_the_calendars_zone(self):
        opening = at("2026-11-02 09:00", "Pacific/Auckland")
        assert opening == at("2026-11-01 20:00")
        assert back_words(opening, at("2026-11-01 10:59"), "Pacific/Auckland").startswith("tomorrow, Monday,")
        assert back_words(opening, at("2026-11-01 11:00"), "Pacific/Auckland").startswith("today, Monday,")

    def test_the_hour_is_right_on_both_sides_of_a_change_of_clocks(self):
        friday = at("2026-10-23 18:00", LONDON)
        assert "at 09:00 " in back_words(at("2026-10-26 09:00", LONDON), friday, LONDON)

    def test_a_zone_is_written_as_people_write_it(self):
        assert back_words(PERIOD.end, SUNDAY, "America/New_York").endswith("04:00 (America/New York)")

    def test_it_is_the_opening_of_the_calendar_that_counts_for_the_message(self):
        text = words(calendars={"office": calendar_weekdays("Asia/Kathmandu")})
        assert "at 14:45 (Asia/Kathmandu)" in text


class TestWords:
    def test_the_policys_text_is_said_with_first_name_company_and_time(self):
        assert words() == f"Hello Anna. This is an automatic answer from Acme. People are back {BACK}."

    @pytest.mark.parametrize("name", [None, "", "   ", "\n", "@anna", "12345", "Facebook User"])
    def test_without_a_name_it_greets_without_a_name(self, name):
        assert words(name) == f"Hello. This is an automatic answer from Acme. People are back {BACK}."

    def test_a_value_is_never_read_as_a_placeholder(self):
        assert "{back}" in words(company="{back}")

    def test_line_breaks_of_the_policys_text_stay(self):
        text = words(acknowledging=saying("{greeting}\n\nThis is automatic.\nBack {back}"))
        assert text == f"Hello Anna.\n\nThis is automatic.\nBack {BACK}"

    @pytest.mark.parametrize("surface", [Surface.COMMENT, Surface.MENTION, Surface.REVIEW])
    def test_in_public_it_is_one_short_line_that_names_nobody(self, surface):
        assert words(surface=surface) == f"Automatic answer from Acme: people are back {BACK}."


class TestShortening:
    def test_the_greeting_goes_first(self):
        assert words(limit=100) == f"This is an automatic answer from Acme. People are back {BACK}."

    def test_then_a_short_line_with_the_time_remains(self):
        assert words(limit=90) == f"Automatic answer from Acme: people are back {BACK}."
        assert words(limit=80) == f"Automatic answer: people are back {BACK}."

    def test_at_last_only_the_word_and_the_time(self):
        assert words(limit=36) == "Automatic: back 2026-11-02 09:00 GMT"

    def test_a_limit_is_counted_in_the_platforms_unit(self):
        full = words("李 明")
        assert words("李 明", limit=len(full)) == full
        assert words("李 明", limit=len(full) + 1, unit=Unit.BYTES) == full.removeprefix("Hello 李. ")
        assert words("李 明", limit=len(full) + 2, unit=Unit.BYTES) == full

    def test_a_limit_nobody_has_is_kept_all_the_same(self):
        assert words(limit=9) == "Automatic"


class TestNames:
    @pytest.mark.parametrize(
        ("name", "first"),
        [
            ("Anna Schmidt", "Anna"),
            ("  anna  ", "anna"),
            ("Anna-Lena Müller", "Anna-Lena"),
            ("O'Neil", "O'Neil"),
            ("José", "José"),
            ("Jose\u0301", "José"),
            ("नेहा शर्मा", "नेहा"),
            ("王小明", "王小明"),
            ("محمد", "محمد"),
            ("✨Anna✨", "Anna"),
            ('"Bob", the builder', "Bob"),
            ("\U0001d4d0nna", "Anna"),
            ("\u202eAnna\u200b", "Anna"),
            ("An\x00na", "Anna"),
            ("Anna\r\nBcc: x", "Anna"),
        ],
    )
    def test_the_first_word_is_the_name(self, name, first):
        assert first_name(name) == first

    @pytest.mark.parametrize(
        "name",
        [
            "https://evil.example Bob",
            "evil.example",
            "www.evil.example",
            "@anna",
            "anna_99",
            "{back}",
            "{{7*7}}",
            "<b>Bob</b>",
            "Dr. Watson",
            "Mr Bean",
            "J. Smith",
            "X" * 25,
            "a" + "\u0301" * 9,
            "--",
            "Bo--b",
            "\ud800",
            "instagram user",
        ],
    )
    def test_what_does_not_look_like_a_name_is_left_out(self, name):
        assert first_name(name) == ""


class TestTextOfThePolicy:
    def test_a_good_one_has_no_faults(self):
        assert faults("{greeting} Automatic, from {company}: back {back}") == ()

    @pytest.mark.parametrize("automatic", ["Automatisch", "automático", "AUTOMATICALLY", "automatique"])
    def test_that_it_is_automatic_may_be_said_in_other_words(self, automatic):
        assert faults(f"{automatic} {{back}}") == ()

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("automatic {back} {name}", "asks for {name}"),
            ("automatic {back} {greeting.__class__}", "asks for {greeting.__class__}"),
            ("automatic {back} {}", "asks for {}"),
            ("automatic {back} }", "brace"),
            ("automatic {back} {{x}", "brace"),
            ("automatic", "{back}"),
            ("we are back {back}", "automatic"),
            ("{greeting} {greeting} automatic {back}", "more than once"),
        ],
    )
    def test_a_bad_one_is_refused_with_the_reason(self, text, reason):
        assert any(reason in fault for fault in faults(text))

    def test_all_faults_are_told(self):
        assert len(faults("{x} }")) == 4


names = st.one_of(st.none(), st.text(), st.text(alphabet="{}@greting back.:/\n\r\u2028\u202eÄé李नी"))


@settings(deadline=None)
@given(names, st.sampled_from(Unit), st.integers(43, 300), st.sampled_from(Surface))
def test_whoever_writes_the_words_are_honest_fit_and_are_one_line(name, unit, limit, surface):
    text = words(name, limit=limit, unit=unit, surface=surface)
    assert length(text, unit) <= limit
    assert "automatic" in text.casefold()
    assert "09:00" in text
    assert len(text.splitlines()) == 1
    assert text.isprintable()
    assert text.count("Hello") <= 1
    assert not set(text) & set("{}@<>")


@settings(deadline=None)
@given(names, st.sampled_from(Unit), st.integers(0, 60))
def test_no_limit_is_too_small_to_be_kept(name, unit, limit):
    assert length(words(name, limit=limit, unit=unit), unit) <= limit


@settings(deadline=None)
@given(st.text())
def test_a_name_is_letters_marks_and_joints_only(name):
    first = first_name(name)
    assert len(first) <= 24
    assert not any(c.isspace() or c.isdigit() or c in "{}@/\\:<>._#" for c in first)


@settings(deadline=None)
@given(st.text(alphabet="{}greting backcompany.automatic\n "))
def test_a_text_without_faults_leaves_no_brace_behind(template):
    if not faults(template):
        text = words(acknowledging=saying(template))
        assert "{" not in text
        assert "}" not in text
