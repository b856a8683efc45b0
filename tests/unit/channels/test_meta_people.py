"""What Meta tells of a person: by their scoped id, with the fields each platform has, and nothing made up."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from shared.channels import facebook, instagram
from shared.domain.connecting import Profile
from shared.domain.exchange import Answer, Call, Refused, Secret

NOW = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
ACCOUNT = Secret(account_id="1", credentials={"access_token": "token", "flavour": "instagram"})


def answered(status: int, body: object) -> Answer:
    return Answer(status=status, body=json.dumps(body).encode())


def test_instagram_tells_name_handle_followers_and_the_mark():
    call = instagram.look_up("998877", ACCOUNT, NOW)
    assert isinstance(call, Call)
    assert call.url.startswith("https://graph.instagram.com/")
    assert "998877?fields=name%2Cusername%2Cfollower_count%2Cis_verified_user" in call.url
    body = {"id": "998877", "name": "Ana", "username": "ana.ex", "follower_count": 12, "is_verified_user": False}
    assert instagram.profile(answered(200, body)) == Profile(name="Ana", handle="ana.ex", followers=12, verified=False)


def test_messenger_tells_a_name_only():
    call = facebook.look_up("7700112233", ACCOUNT, NOW)
    assert isinstance(call, Call)
    assert call.url.endswith("/7700112233?fields=name")
    assert facebook.profile(answered(200, {"id": "7700112233", "name": "Ana"})) == Profile(name="Ana")


@pytest.mark.parametrize("customer", ["", "me", "../me", "1 2", "٣"])
def test_only_a_number_is_asked_for(customer):
    assert isinstance(facebook.look_up(customer, ACCOUNT, NOW), Refused)


@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_without_a_person_in_the_answer_nothing_is_known(status):
    error = {"error": {"message": "(#230) User consent is required", "code": 230}}
    assert isinstance(instagram.profile(answered(status, error)), Refused)
