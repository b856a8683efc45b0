"""A token of Instagram Login lasts sixty days and is renewed in time; a Page's token is left alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.channels import instagram
from shared.domain.exchange import Answer, Call, Refusal, Refused, Secret
from tests.unit.local.playground import INSTAGRAM, playground

NOW = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
ENDS = {"access_token": "old", "flavour": "instagram", "expires_at": "2026-11-20T00:00:00Z"}
ACCOUNT = Secret(account_id=INSTAGRAM, credentials=ENDS)


def test_it_ends_when_somebody_noted_that_it_does():
    assert instagram.expires(ACCOUNT) == datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize("changed", [{"expires_at": ""}, {"flavour": "facebook"}, {"access_token": ""}])
def test_nothing_is_renewed_where_nobody_knows_when_it_ends_or_it_does_not(changed):
    assert instagram.expires(replace(ACCOUNT, credentials={**ENDS, **changed})) is None


def test_the_platform_gives_another_one_for_sixty_days(tmp_path):
    account = {"signing": ["s"], "credentials": {"access_token": "old", "flavour": "instagram"}}
    with playground(tmp_path) as stage:
        stage.control("accounts", {"accounts": {"instagram": {INSTAGRAM: account}}})
        call = instagram.renew(ACCOUNT, NOW)
        assert isinstance(call, Call)
        answer = stage.get(call.url.removeprefix("https:/"), token="old")
        fresh = instagram.renewed(ACCOUNT, Answer(status=answer.status_code, body=answer.content), NOW)
        assert isinstance(fresh, Secret)
        assert fresh.credentials["access_token"] not in {"old", ""}
        assert instagram.expires(fresh) == NOW + timedelta(days=60)


def test_a_token_that_has_ended_has_to_be_made_anew_by_a_person():
    error = {"error": {"message": "Error validating access token", "code": 190}}
    refused = instagram.renewed(ACCOUNT, Answer(status=400, body=json.dumps(error).encode()), NOW)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.BLOCKED


def test_the_token_is_in_the_address_and_nowhere_else():
    call = instagram.renew(ACCOUNT, NOW)
    assert isinstance(call, Call)
    assert (call.headers, call.body) == ({}, None)
