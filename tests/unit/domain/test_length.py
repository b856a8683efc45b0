"""Lengths are counted as the platforms count them."""

from __future__ import annotations

import pytest

from shared.domain.exchange import Unit
from shared.domain.length import length

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
TENS = "xxxxxxxxxx-"
KANA = "あいうえおかきくけこ"
PUNCTUATION = " \u2010 \u2011 \u2012 \u2013 \u2014 \u2015 \u2016  \u2017 \u2018 \u2019 \u201a \u201b \u201c \u201d"
LONG_HOST = "somesuperlongurl" * 376

# The cases of twitter-text's WeightedTweetsWithDiscountedEmojiCounterTest (conformance/validate.yml), some built here
# from their parts: what matters of a text of 160 ideographs is that they are 160.
CONFORMANCE = {
    "text and link": ("Hi http://test.co", 26),
    "only a link": ("http://test.co", 23),
    "285 characters": ("285 chars-" + TENS * 25, 285),
    "a link in the middle": ("285 chars- http://www.twitter.com/jack " + TENS * 24 + "x", 38 - 27 + 23 + 1 + 265),
    "a link at the end": (TENS * 24 + " http://www.twitter.com/jack ", 289),
    "ten links": ("https://www.twitter.com/aloha " * 10, 240),
    "160 ideographs": ("故" * 160, 320),
    "160 emoji": ("\U0001f637" * 160, 320),
    "160 ideographs after three letters": ("the" + "故" * 160, 323),
    "a letter and its accent": ("x" * 279 + "A\u0301x", 281),
    "letters and emoji of three kinds": (f"H\U0001f431\u263a{FAMILY}", 7),
    "five emoji": ("\U0001f637\U0001f47e\U0001f621\U0001f525\U0001f4a9", 10),
    "a skin tone and a profession": ("\U0001f64b\U0001f3fd\U0001f468\u200d\U0001f3a4", 4),
    "punctuation": ("x" * 52 + "\u2000\u200a\u200b" + PUNCTUATION, 52 + 3 + len(PUNCTUATION)),
    "hosts with labels too long": (f"at https://{LONG_HOST}.com/foo https://validurl.com", 3 + 6032 + 1 + 23),
    "a bare host with a label too long": ("randomurl" * 7 + "s.com", 68),
    "a host too long in punycode": (KANA * 12 + " http://" + KANA * 5 + "あいう.com", 358),
    "a host just short enough in punycode": (KANA * 12 + " http://" + KANA * 5 + "あい.com", 264),
    "140 families": (FAMILY * 140, 280),
    "a keycap": ("1\u20e3", 2),
    "emoji of Unicode 10": (f"Unicode 10.0 emoji: \U0001f92a; \U0001f9d5; \U0001f9d5\U0001f3fe; {ENGLAND}", 34),
    "emoji of Unicode 9": ("Unicode 9.0 emoji: \U0001f920; \U0001f483; \U0001f483\U0001f3fe", 29),
}


@pytest.mark.parametrize(("text", "weight"), CONFORMANCE.values(), ids=CONFORMANCE)
def test_x_weighs_a_text_as_its_own_conformance_cases_say(text, weight):
    assert length(text, Unit.WEIGHTED) == weight


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("Hello, world! \U0001f44b", 16),
        ("see example.com", 4 + 23),
        ("foo.co.jp", 23),
        ("mail info@acme.com", 18),
        ("a link (https://acme.com/a_b).", 8 + 23 + 2),
        ("日本語 https://acme.com/x、また", 7 + 23 + 6),
        ("z.B. am Montag", 14),
        ("3.50 Euro", 9),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 4),
        ("\u2764\ufe0f\u200d\U0001f525", 2),
        ("\u2764\u200d\U0001f525", 2),
        ("\u261d\U0001f3fd", 2),
        ("#1 of 100 * 3", 13),
        ("\u00a9 2026", 6),
        ("", 0),
        ("\ud800", 2),
    ],
)
def test_x_weighs_links_and_emoji_in_everyday_texts(text, weight):
    assert length(text, Unit.WEIGHTED) == weight


@pytest.mark.parametrize(
    ("unit", "size"),
    [
        (Unit.CHARACTERS, 9),
        (Unit.BYTES, 28),
        (Unit.UTF16, 13),
        (Unit.GRAPHEMES, 3),
        (Unit.SHORT_LINKS, 9),
        (Unit.WEIGHTED, 4),
        (Unit.EMOJI_BYTES, 2 + 25),
    ],
)
def test_one_text_has_as_many_lengths_as_there_are_units(unit, size):
    assert length(f"aä{FAMILY}", unit) == size


@pytest.mark.parametrize("unit", Unit)
def test_a_lone_surrogate_that_no_text_can_hold_raises_nothing_in_any_unit(unit):
    assert length("a\ud800", unit) in {2, 3}


@pytest.mark.parametrize("unit", Unit)
def test_nothing_has_no_length_in_any_unit(unit):
    assert length("", unit) == 0


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("https://acme.example/a/very/long/path?with=a&query=too", 23),
        ("https://a.de", 23),
        ("see https://a.de.", 4 + 23 + 1),
        ("http://a.de and https://b.de", 23 + 5 + 23),
        ("acme.com", 8),
    ],
)
def test_a_short_link_is_23_characters_and_a_bare_host_is_none(text, size):
    assert length(text, Unit.SHORT_LINKS) == size


@pytest.mark.parametrize(
    ("text", "size"),
    [("Grüße", 5), ("日本", 2), ("ok \U0001f44d", 3 + 4), ("\u2764\ufe0f", 6), ("\u20ac 3", 3)],
)
def test_threads_counts_characters_and_the_bytes_of_emoji(text, size):
    assert length(text, Unit.EMOJI_BYTES) == size


@pytest.mark.parametrize("unit", Unit)
@pytest.mark.parametrize(
    "part",
    ["a", "a.", "a-", "https://", "https://a.", "https://a.de/((", "\U0001f468\u200d", "1\ufe0f", "\u0301", "@a."],
)
def test_a_long_text_costs_no_more_than_its_length(unit, part):
    """A pattern that tries every way to divide a text would take hours for this one."""
    assert length(part * 20_000, unit) > 0
