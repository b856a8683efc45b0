"""Accounts of the sandbox: for what the recorded deliveries name, with secrets that stay."""

import json
from datetime import UTC, datetime

import pytest

from infra.local import accounts
from shared import channels
from shared.domain.exchange import Request

NOW = datetime(2026, 11, 9, 12, tzinfo=UTC)


def expect(folder, name, events):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.expected.json").write_text(json.dumps(events))


def test_every_account_that_a_recorded_delivery_names_is_found(tmp_path):
    expect(tmp_path / "web", "one", [{"account_id": "shop-site"}, {"account_id": None}])
    expect(tmp_path / "web", "two", {"events": [{"account_id": "other-site"}]})
    assert accounts.named_in(tmp_path, ["web"]) == {"web": {"website", "shop-site", "other-site"}}


def test_a_channel_without_recorded_deliveries_has_its_default_account(tmp_path):
    assert accounts.named_in(tmp_path, ["facebook"]) == {"facebook": {"101010101010101"}}


def test_an_id_that_cannot_be_a_parameter_name_gets_no_account(tmp_path):
    expect(tmp_path / "web", "odd", [{"account_id": "a b/ü"}])
    assert accounts.named_in(tmp_path, ["web"]) == {"web": {"website"}}


def test_known_accounts_keep_their_secrets_and_new_ones_get_their_own():
    known = accounts.made({"web": ["a"]}, {})
    both = accounts.made({"web": ["a", "b"]}, known)
    assert both["web"]["a"] == known["web"]["a"]
    assert both["web"]["b"].signing != both["web"]["a"].signing


@pytest.mark.parametrize("channel", channels.pushing_names())
def test_a_made_account_signs_what_its_channel_verifies(channel):
    secret = accounts.secret_of("a", accounts.make(channel))
    spoken = channels.load_pushing(channel)
    headers = {name.lower(): value for name, value in spoken.sign(b"{}", secret, NOW, "evt_1").items()}
    spoken.verify(Request(method="POST", headers=headers, query={}, body=b"{}"), (secret,), NOW)
