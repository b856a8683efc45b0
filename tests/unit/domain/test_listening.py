from __future__ import annotations

import pytest

from shared.domain.events import Event, Kind
from shared.domain.listening import ListeningRule, wanted

RULE = ListeningRule(name="brand", phrases=("Acme Boots", "acmé"), exclude=("acme boots inc",))


def hit(text: str | None, language: str | None = None) -> Event:
    return Event(kind=Kind.MESSAGE, channel="asked", text=text, language=language)


@pytest.mark.parametrize("text", ["I love Acme Boots", "ACME   BOOTS!", "acme\nboots", "the ACMÉ thing"])
def test_a_phrase_is_found_whatever_its_case_and_spacing(text):
    assert wanted(RULE, hit(text))


@pytest.mark.parametrize("text", ["acme and boots", "boots", "pacmé", "acmés", "", None])
def test_a_search_that_matches_loosely_is_not_believed(text):
    assert not wanted(RULE, hit(text))


def test_an_excluded_phrase_spoils_the_hit():
    assert not wanted(RULE, hit("Acme Boots Inc is hiring"))


@pytest.mark.parametrize(
    ("language", "is_wanted"), [("de", True), ("de-AT", True), ("DE", True), ("fr", False), (None, True)]
)
def test_a_language_counts_where_the_platform_tells_it(language, is_wanted):
    rule = ListeningRule(name="brand", phrases=("acme",), languages=frozenset({"de"}))

    assert wanted(rule, hit("acme", language)) is is_wanted


def test_in_a_script_without_spaces_a_phrase_is_found_anywhere():
    rule = ListeningRule(name="brand", phrases=("提灯自転車",))
    assert wanted(rule, hit("昨日提灯自転車で買いました"))


def test_a_phrase_that_begins_with_a_sign_is_found():
    assert wanted(ListeningRule(name="tag", phrases=("#acme",)), hit("look #acme!"))
