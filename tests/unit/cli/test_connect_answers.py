"""What `nightdesk connect` knows itself, refuses, and says: an answer offered, a rotation of nothing, a platform's no."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from infra.cli import connecting, places
from infra.local.emulator import CREDENTIALS
from shared.channels import load
from shared.domain.connecting import connecting as connectable
from shared.domain.exchange import Answer, Call, Secret
from tests.unit.cli import test_connect
from tests.unit.cli.test_connect import HOOKS, PAGE, REDDIT

town = test_connect.town  # pytest finds a fixture by its name

NUMBER = {"account_id": "447700900123", "account_sid": "AC1", "signing": "hush-hush"}
BOT = {"account_id": "7000000009", "bot_token": "1:no"}


# Offered


def test_the_address_that_twilio_signs_is_taken_from_the_stack(town):
    ended = town.connects("sms", NUMBER)
    assert town.stored("sms", "447700900123").credentials["webhook_url"] == f"{HOOKS}sms", ended.output
    assert f"Taken, as nothing else was said: webhook_url = {HOOKS}sms" in ended.stdout


def test_a_person_takes_the_offered_address_by_a_bare_enter(town):
    ended = town.run("sms", said="447700900123\nAC1\nhush-hush\n\n\n\n")
    assert f"Enter takes {HOOKS}sms" in ended.stdout, ended.output
    assert town.stored("sms", "447700900123").credentials["webhook_url"] == f"{HOOKS}sms"


def test_an_address_on_a_domain_of_ones_own_is_kept_printed_and_told_to_the_platform(town):
    own = "https://texts.acme.example/in"
    ended = town.connects("sms", {**NUMBER, "webhook_url": own, "number_sid": "PN1"})
    again = town.connects("sms", NUMBER)
    assert town.stored("sms", "447700900123").credentials["webhook_url"] == own
    for one in (ended, again):
        assert f"Webhook URL: {own}" in one.stdout
        assert HOOKS not in one.stdout


# Refused


def test_a_rotation_without_a_new_key_is_refused_and_the_old_one_stays(town):
    town.connects("facebook", PAGE)
    for answers, word in (
        ({"account_id": "101"}, "--rotate wants the new signing key"),
        (PAGE, "the signing key that is stored already"),
    ):
        ended = town.connects("facebook", answers, "--rotate")
        assert ended.exit_code == 1
        assert word in ended.stderr
        assert town.stored("facebook", "101").signing == ("app-secret",)


def test_a_rotation_that_was_stopped_can_be_run_again(town):
    town.connects("facebook", PAGE)
    for _ in range(2):
        assert town.connects("facebook", {**PAGE, "signing": "two"}, "--rotate").exit_code == 0
    assert town.stored("facebook", "101").signing == ("two", "app-secret")


def test_the_old_key_is_dropped_by_telling_the_new_one_again_and_by_nothing_else(town):
    town.connects("facebook", PAGE)
    town.connects("facebook", {**PAGE, "signing": "two"}, "--rotate")
    town.connects("facebook", {"account_id": "101", "access_token": "newer"})
    assert town.stored("facebook", "101").signing == ("two", "app-secret")
    town.connects("facebook", {**PAGE, "signing": "two"})
    assert town.stored("facebook", "101").signing == ("two",)


def test_a_channel_without_a_signing_key_has_nothing_to_rotate(town):
    ended = town.connects("reddit", REDDIT, "--rotate")
    assert ended.exit_code == 1
    assert "has no signing key" in ended.stderr


def test_the_first_line_of_a_key_of_several_is_not_taken_for_the_key(town):
    ended = town.run("app_store", said="64490\nissuer\nKEY\n-----BEGIN PRIVATE KEY-----\nMIGH\n")
    assert ended.exit_code == 1
    assert "Answer @PATH with the file that holds it." in ended.stderr
    assert connecting.known(places.laptop(), "app_store", "64490") is None


def test_answers_are_read_from_stdin_and_a_fault_in_them_shows_none_of_them(town):
    assert town.run("facebook", "--from", "-", said=json.dumps(PAGE)).exit_code == 0
    ended = town.run("facebook", "--from", "-", said='{"access_token": "page-token",\n "signing" "app-secret"}')
    assert ended.exit_code == 1
    assert "at line 2, column 12" in ended.stderr
    assert "page-token" not in ended.output
    assert "app-secret" not in ended.output


def test_json_stays_alone_on_stdout_where_a_person_is_asked(town):
    ended = town.run("facebook", "--json", said="101\nhush\n\npage-token\n")
    assert "App secret" in ended.stderr
    assert json.loads(ended.stdout[ended.stdout.index("{") :])["who"] == "The Page 101"
    assert "App secret" not in ended.stdout


# What is said


def test_the_platforms_own_words_say_why_it_does_not_deliver(town, monkeypatch):
    place = replace(places.laptop(), webhook_url="http://127.0.0.1/")
    monkeypatch.setattr(places, "laptop", lambda: place)
    ended = town.connects("telegram", {**BOT, "bot_token": f"7000000009:{'a' * 35}"})
    assert "answered 400 to being asked to deliver (Bad Request: bad webhook: an HTTPS URL must" in ended.stdout


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": {"message": "Token page-token\\nis bad."}}', "Token ... is bad"),
        (b'[{"errors": [{"detail": "No."}]}]', "No"),
        (b'{"ok": false}', ""),
        (b"<html>", ""),
        (b"[" * 100_000, ""),
        (json.dumps({"message": "x" * 900}).encode(), "x" * 200),
    ],
)
def test_words_of_a_platform_are_short_and_without_secrets(body, said):
    secret = Secret(account_id="1", credentials={"access_token": "page-token", "plan": "bad"})
    assert connecting._words(Answer(status=400, headers={}, body=body), secret) == said


def test_what_no_call_can_be_made_with_is_named(town):
    ended = town.connects("telegram", BOT)
    assert ended.exit_code == 1
    assert "has not the form it should have: bot_token (" in ended.stdout
    assert "1:no" not in ended.output


def test_what_no_call_can_prove_is_connected_and_there_is_nothing_to_put_right(town):
    ended = town.connects("notice", {"account_id": "pinterest"})
    assert ended.exit_code == 0
    assert "Connected. No call can prove it: it is proven by the first message that comes." in ended.stdout
    assert "Put it right" not in ended.stdout


def test_a_sentence_is_not_cut_where_the_terminal_ends(town, monkeypatch):
    ended = town.connects("reddit", {**REDDIT, "user_agent": "curl"})
    assert "run `nightdesk connect reddit` again." in ended.stdout
    assert "\n" not in ended.stdout.partition("Not proven:")[2].partition("It is stored")[0].strip()


def test_a_proof_by_the_sandbox_says_that_no_platform_was_asked(town, monkeypatch):
    assert "sandbox" not in town.connects("reddit", REDDIT).stdout
    played = replace(places.laptop(), played=True)
    monkeypatch.setattr(places, "laptop", lambda: played)
    assert "The platform was the sandbox" in town.connects("reddit", REDDIT).stdout


# Places


def test_on_the_laptop_calls_to_aws_are_signed_by_the_emulators_own_key(monkeypatch, tmp_path):
    running = SimpleNamespace(
        clients=None, outputs={"SecretsPath": "/x"}, webhook_url=HOOKS, sandbox_url="http://127.0.0.1:1"
    )
    monkeypatch.setattr(places, "Engine", lambda: SimpleNamespace(running=lambda: running))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    seen: list[str] = []
    place = places.laptop()

    def made(call: Call, _longest: int) -> Answer:
        seen.append(call.headers["Authorization"])
        return Answer(status=200)

    monkeypatch.setattr(place.caller, "_make", made)
    asked = Call(method="GET", url="https://email.eu-central-1.amazonaws.com/", headers={}, aws_service="ses")
    assert isinstance(place.caller.perform(asked), Answer)
    assert f"Credential={CREDENTIALS['AWS_ACCESS_KEY_ID']}/" in seen[0]


def test_the_region_is_found_where_awss_other_tools_find_it(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert places._own_session().get_config_variable("region") == "eu-central-1"


def test_every_offered_answer_is_an_address_and_no_secret():
    offered = [
        (name, one)
        for name in ("sms", "google_business", "youtube")
        for one in getattr(connectable(load(name)), "SETUP").wanted  # noqa: B009 - a channel's own
        if one.offered
    ]
    assert {name for name, _ in offered} == {"sms", "google_business", "youtube"}
    assert all(one.offered == "{webhook_url}" and not one.secret for _, one in offered)
