"""What `nightdesk deliver` says before and after it delivers: misuse is refused, an account nobody connected is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from infra.cli import main
from infra.local import engine
from shared.channels import load

RUN = CliRunner()
EVENTS = Path(__file__).parents[3] / "events"


@pytest.fixture
def delivered(monkeypatch) -> list[str]:
    """The channels of what was delivered to a stack that knows one Page."""
    seen: list[str] = []

    def taken(channel: str, _body: bytes, **_: object) -> tuple[int, str]:
        seen.append(channel)
        return 200, ""

    stack = SimpleNamespace(deliver=taken, book=SimpleNamespace(accounts={"facebook": {"100200300": object()}}))
    monkeypatch.setattr(engine.Engine, "running", lambda _self: stack)
    return seen


def deliver(channel: str, body: str, *more: str) -> Result:
    return RUN.invoke(main.app, ["deliver", channel, "-", *more], input=body)


def page(account: str) -> str:
    text = (EVENTS / "facebook" / "message__text.json").read_text(encoding="utf-8")
    return text.replace(json.loads(text)["entry"][0]["id"], account)


def test_an_account_that_nobody_connected_is_named_with_the_command_that_connects_it(delivered):
    ended = deliver("facebook", page("999"))
    assert ended.exit_code == 0
    assert "Connect it: nightdesk connect facebook --account 999" in ended.stdout
    assert "nightdesk connect" not in deliver("facebook", page("100200300")).stdout


@pytest.mark.parametrize("channel", ["bluesky", "aws_sms", "email"])
def test_nothing_is_forged_where_nothing_is_signed(delivered, channel):
    ended = deliver(channel, "{}", "--forged")
    assert (ended.exit_code, delivered) == (1, [])
    assert f"{channel} is not called over HTTP: it has no signature to forge." in ended.stderr


def test_what_asking_never_brings_is_not_called_delivered(delivered):
    ended = deliver("bluesky", "garbage")
    assert (ended.exit_code, delivered) == (1, [])
    assert "bluesky is asked, and this is nothing that asking brings: The body is not JSON" in ended.stderr
    assert "events/bluesky/ has examples." in ended.stderr


def test_what_is_asked_for_is_delivered_as_of_now_for_the_poller_asks_for_nothing_older(monkeypatch, delivered):
    bodies: list[bytes] = []

    def taken(_channel: str, body: bytes, **_: object) -> tuple[int, str]:
        bodies.append(body)
        return 200, ""

    stack = SimpleNamespace(deliver=taken, book=engine.Engine().running().book)
    monkeypatch.setattr(engine.Engine, "running", lambda _self: stack)
    old = (EVENTS / "app_store" / "review__new.json").read_text(encoding="utf-8")
    before = datetime.now(UTC)
    assert deliver("app_store", old).exit_code == 0
    after = datetime.now(UTC)
    newest = max(event.sent_at for event in load("app_store").parse(bodies[0], after) if event.sent_at is not None)
    assert before - timedelta(seconds=1) <= newest <= after
    assert deliver("facebook", page("100200300")).exit_code == 0
    assert bodies[1] == page("100200300").encode()


def test_what_a_platform_pushes_is_delivered_whether_it_can_be_read_or_not(delivered):
    assert deliver("facebook", "garbage").exit_code == 0
    assert delivered == ["facebook"]
