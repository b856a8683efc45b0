from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.exchange import Unit
from shared.domain.length import length
from shared.domain.splitting import split

LETTERS = st.sampled_from(
    list("ab.!? \n\t\u00e9\u4e2d\u3002\U0001f469\u200d\U0001f4bb\U0001f1e9\U0001f1ea#\ufe0f\u20e3")
)
TEXTS = st.lists(LETTERS | st.just(" https://shop.example/a-long-way/to/go "), max_size=120).map("".join)


def letters_of(text: str) -> str:
    return "".join(text.split())


@settings(deadline=None, max_examples=400)
@given(text=TEXTS | st.text(max_size=80), limit=st.integers(1, 60), unit=st.sampled_from(Unit), most=st.integers(1, 8))
def test_nothing_is_lost_but_white_space_and_every_part_fits(text, limit, unit, most):
    parts = split(text, limit, unit, most)
    if parts is not None:
        assert 1 <= len(parts) <= most
        assert letters_of("".join(parts)) == letters_of(text)
        assert all(part.strip() == part and part for part in parts)
        assert all(length(part, unit) <= limit for part in parts)


@settings(deadline=None)
@given(text=TEXTS.filter(str.strip), unit=st.sampled_from(Unit))
def test_a_text_that_fits_stays_whole(text, unit):
    assert split(text, length(text, unit), unit, 3) == (text.strip(),)


@settings(deadline=None)
@given(words=st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=40), most=st.integers(1, 10))
def test_words_that_fill_the_posts_at_least_by_half_are_never_refused(words, most):
    text = " ".join(words)
    if len(text) <= most * 10:
        assert split(text, 20, Unit.CHARACTERS, most) is not None


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One two.\n\nThree four. Five", ("One two.", "Three four. Five")),
        ("One two three.\nFour five six", ("One two three.", "Four five six")),
        ("One two three. Four five six", ("One two three.", "Four five six")),
        ("One two three four five six", ("One two three four", "five six")),
        ("(One two three!) Four five", ("(One two three!)", "Four five")),
    ],
)
def test_a_part_ends_where_a_reader_pauses(text, parts):
    assert split(text, 20, Unit.CHARACTERS, 3) == parts


def test_a_paragraph_that_would_leave_its_post_nearly_empty_is_no_place_to_end():
    assert split("Hi.\n\nOne two three four five", 20, Unit.CHARACTERS, 3) == ("Hi.\n\nOne two three", "four five")


def test_better_borders_are_given_up_where_the_posts_would_not_suffice():
    text = "aaa bbbb.\n\ncc dddd eeee ffff ggg"
    assert split(text, 18, Unit.CHARACTERS, 3) == ("aaa bbbb.", "cc dddd eeee ffff", "ggg")
    assert split(text, 18, Unit.CHARACTERS, 2) == ("aaa bbbb.\n\ncc dddd", "eeee ffff ggg")


def test_a_word_longer_than_a_post_is_cut_between_what_a_reader_takes_for_characters():
    family = "\U0001f469\u200d\U0001f4bb"
    assert split(family * 3, 2, Unit.GRAPHEMES, 2) == (family * 2, family)


def test_a_script_without_spaces_is_cut_after_a_sentence():
    assert split("\u4f60\u597d\u4e16\u754c\u3002" * 3, 12, Unit.CHARACTERS, 2) == (
        "\u4f60\u597d\u4e16\u754c\u3002" * 2,
        "\u4f60\u597d\u4e16\u754c\u3002",
    )


def test_a_link_is_never_cut_where_links_count_little():
    link = "https://shop.example/" + "a" * 200
    assert split(f"Look here: {link}", 23, Unit.WEIGHTED, 2) == ("Look here:", link)


def test_a_text_too_long_for_all_its_posts_is_refused():
    assert split("word " * 30, 20, Unit.CHARACTERS, 3) is None


def test_a_text_without_a_letter_is_nothing_to_post():
    assert split(" \n ", 20, Unit.CHARACTERS, 3) is None


def test_a_character_that_is_longer_than_a_post_is_refused():
    assert split("\U0001f469\u200d\U0001f4bb", 2, Unit.BYTES, 3) is None
