from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.mail.cleaning import HEADER_CHARACTERS, body_text, header_text

anything = st.text(st.characters(), max_size=300)  # lone surrogates too


@settings(deadline=None)
@given(anything)
def test_a_header_value_is_one_short_line_of_visible_characters(value):
    cleaned = header_text(value)
    assert len(cleaned) <= HEADER_CHARACTERS
    assert not {unicodedata.category(c) for c in cleaned} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert cleaned == cleaned.strip()
    assert "=?" not in cleaned


@settings(deadline=None)
@given(anything)
def test_cleaning_a_header_value_twice_changes_nothing_more(value):
    assert header_text(header_text(value)) == header_text(value)


@settings(deadline=None)
@given(anything)
def test_a_body_can_be_encoded_and_has_one_kind_of_line_end(value):
    cleaned = body_text(value)
    assert cleaned.encode().decode() == cleaned
    assert len(cleaned.splitlines()) <= cleaned.count("\n") + 1


def test_a_line_end_of_any_kind_cannot_begin_a_new_header():
    for end in ("\r", "\n", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"):
        assert header_text(f"Zoe{end}Bcc: all@x.example") == "Zoe Bcc: all@x.example"


def test_what_reorders_or_hides_text_is_gone_and_marks_do_not_pile_up():
    assert body_text("a\u202eb\u2066c\u200bd\x00e") == "abc\u200bde"
    assert header_text("a\u202eb\u200bc") == "abc"
    assert body_text("e" + "\u0301" * 500) == "e" + "\u0301" * 8


def test_joined_emoji_stay_in_a_body():
    assert body_text("👩‍👩‍👧 ok") == "👩‍👩‍👧 ok"


@settings(deadline=None)
@given(st.text("=? \u200b\u00adqb", max_size=12))
def test_nothing_that_is_left_begins_or_ends_an_encoded_word(value):
    line = header_text(value)
    assert "=?" not in line
    assert "?=" not in line
