"""Every channel reads its fixtures as documented."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from shared.channels import load, names
from shared.domain.events import Event, Kind, Surface, Visibility, as_json
from tests.contract.fixtures import ALL, EXPECTED, HEADERS, NOW, ROOT, Fixture

by_name = pytest.mark.parametrize("fixture", ALL, ids=str)


def parsed(fixture: Fixture) -> tuple[Event, ...]:
    return load(fixture.channel).parse(fixture.body, NOW)


@pytest.mark.parametrize("channel", names())
def test_a_channel_has_fixtures(channel):
    assert [fixture for fixture in ALL if fixture.channel == channel], f"events/{channel}/ holds no delivery"


def test_every_folder_of_events_belongs_to_a_channel():
    assert {path.name for path in ROOT.iterdir() if path.is_dir()} <= set(names())


def test_every_expectation_and_header_file_has_its_delivery():
    bodies = {fixture.path.with_suffix("") for fixture in ALL}
    beside = [path for path in ROOT.rglob("*.json") if path.name.endswith((EXPECTED, HEADERS))]
    orphans = [p for p in beside if p.with_name(p.name.removesuffix(EXPECTED).removesuffix(HEADERS)) not in bodies]
    assert orphans == []


@by_name
def test_a_delivery_becomes_the_documented_events(fixture):
    assert fixture.expectation.exists(), f"{fixture.expectation.name} is missing"
    assert [as_json(event) for event in parsed(fixture)] == fixture.expected


@by_name
def test_reading_a_delivery_twice_gives_the_same_events(fixture):
    assert parsed(fixture) == parsed(fixture)


@by_name
def test_the_words_of_an_event_are_from_the_closed_lists(fixture):
    for event in fixture.expected:
        assert event["channel"] == fixture.channel
        assert event["kind"] in {str(kind) for kind in Kind}
        assert event["surface"] in {None, *map(str, Surface)}
        assert event["visibility"] in {None, *map(str, Visibility)}


@by_name
def test_a_delivery_has_an_event_and_a_variant_in_its_name_and_is_never_silence(fixture):
    assert "__" in fixture.path.stem
    assert fixture.expected


@by_name
def test_what_a_customer_says_on_a_surface_can_be_answered_or_is_said_to_be_unanswerable(fixture):
    capabilities = load(fixture.channel).CAPABILITIES
    assert all(event.surface in capabilities for event in parsed(fixture) if event.surface is not None)


@by_name
def test_a_private_surface_and_a_public_one_are_never_confused(fixture):
    for event in parsed(fixture):
        if event.surface is Surface.DM:
            assert event.visibility is Visibility.PRIVATE
        if event.surface in {Surface.COMMENT, Surface.REVIEW}:
            assert event.visibility is Visibility.PUBLIC


@by_name
def test_all_text_of_an_event_can_be_stored(fixture):
    for event in parsed(fixture):
        json.dumps(as_json(event), ensure_ascii=False).encode("utf-8")


@by_name
def test_the_time_of_an_event_is_aware_and_in_utc(fixture):
    assert all(event.sent_at is None or event.sent_at.utcoffset() == timedelta(0) for event in parsed(fixture))
