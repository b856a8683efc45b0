"""The table of channels is what the files say, and README shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli.channels import table
from infra.cli.main import app
from shared.channels import load, names
from shared.domain.events import Surface
from shared.domain.exchange import How, pushing
from shared.domain.polling import Purpose, polled

README = Path(__file__).parents[3] / "shared" / "channels" / "README.md"
every_channel = pytest.mark.parametrize("name", names())


def test_the_readme_shows_the_table_as_the_files_say_it():
    shown = README.read_text(encoding="utf-8").partition("<!-- channels -->\n")[2].partition("<!-- /channels -->")[0]
    assert shown.strip() == table().strip(), "Write it anew: nightdesk channels --markdown"


def test_a_platform_that_closed_is_named_with_what_took_its_place():
    (row,) = [line for line in table().splitlines() if line.startswith("| Google+")]
    assert "2019" in row
    assert "google_business" in row


@every_channel
def test_a_channel_says_where_it_is_documented_and_what_was_never_run(name):
    about = load(name).ABOUT
    assert about.docs.startswith("https://")
    assert about.unproven
    assert about.author
    assert about.how


@every_channel
def test_the_words_about_acknowledging_agree_with_what_the_surfaces_do(name):
    channel = load(name)
    word = "on" if any(c.acknowledges for c in channel.CAPABILITIES.values()) else "off"
    assert channel.ABOUT.acknowledging.split()[0].rstrip(":,") == word


def test_the_command_lists_every_channel_for_programs():
    listed = json.loads(CliRunner().invoke(app, ["channels", "--json"]).stdout)
    assert len(listed) == len(names())
    assert all(one["never run for real"] for one in listed)


@every_channel
def test_how_a_channel_is_reached_is_what_its_file_can_do(name):
    channel = load(name)
    asked = polled(channel)
    on_a_schedule = asked is not None and any(feed.purpose is not Purpose.POINTED for feed in asked.FEEDS)
    assert (How.PUSH in channel.ABOUT.how) == (pushing(channel) is not None)
    assert (How.POLL in channel.ABOUT.how) == on_a_schedule


@every_channel
def test_nothing_public_is_answered_automatically_by_default(name):
    acknowledged = {surface for surface, c in load(name).CAPABILITIES.items() if c.acknowledges}
    assert acknowledged <= {Surface.DM}
