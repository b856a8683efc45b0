"""What the platforms' own sides read of every call: who it says it is, and which page it wants."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from infra.local.platforms.exchange import PlatformCall
from infra.local.platforms.world import Shown, page_behind


def calling(authorization: str) -> PlatformCall:
    return PlatformCall(
        host="api.example", method="GET", path="/", headers={"authorization": authorization}, params={}, body=b"",
        malformed=False, now=datetime(2026, 11, 2, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("header", "token"), [("Bearer abc", "abc"), ("abc", ""), ("Basic abc", ""), ("Bearer", ""), ("", "")]
)
def test_a_token_counts_only_behind_its_scheme(header: str, token: str) -> None:
    assert calling(header).bearer() == token


@pytest.mark.parametrize(
    ("header", "given"),
    [("Basic YTpiOmM=", ("a", "b:c")), ("Bearer YTpi", None), ("YTpi", None), ("Basic /w==", None), ("Basic ?", None)],
)
def test_a_name_and_password_are_read_or_are_not_there(header: str, given: tuple[str, str] | None) -> None:
    assert calling(header).basic() == given


@pytest.mark.parametrize(
    ("behind", "size", "page"),
    [(None, 2, ("cb", "b")), ("b", 2, ("a", None)), ("c", 1, ("b", "b")), (None, 3, ("cba", None)), ("z", 2, None)],
)
def test_a_page_begins_behind_the_item_that_is_named(
    behind: str | None, size: int, page: tuple[str, str | None] | None
) -> None:
    shown = [Shown(channel="c", account_id="a", feed="f", item_id=one, at=0.0, raw={}) for one in "cba"]
    found = page_behind(shown, behind, size)
    assert (found and ("".join(s.item_id for s in found[0]), found[1])) == page
