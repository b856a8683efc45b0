"""Connecting an account: asked, stored as the functions read it, subscribed, and called well only when proven."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws
from typer.testing import CliRunner, Result

from infra.cli import connecting, main, places
from infra.local import accounts
from infra.local.platforms import control, sides
from infra.local.sandbox import Sandbox
from infra.local.serving import Incoming, Outgoing
from shared.adapters.clients import Clients
from shared.adapters.secrets import SsmSecrets
from shared.adapters.system import SystemClock
from shared.channels import load, names
from shared.domain.connecting import Setup
from shared.domain.connecting import connecting as connectable
from shared.domain.exchange import Secret
from shared.errors import Misconfigured
from tests.unit.local.playground import serving_on_free_port

RUN = CliRunner()
PATH = "/nightdesk/test"
HOOKS = "https://hooks.example/webhooks/"
REDDIT = {
    "account_id": "AcmeHelp",
    "client_id": "app",
    "client_secret": "app secret",
    "refresh_token": "r-1",
    "user_agent": "aws:desk:v1 (by /u/AcmeHelp)",
}
PAGE = {"account_id": "101", "signing": "app-secret", "access_token": "page-token"}


@dataclass
class Town:
    """A stack whose parameters lie in moto, and platforms that the sandbox plays."""

    clients: Clients
    sandbox: Sandbox
    calls: list[str]
    folder: Path

    def stored(self, channel: str, account_id: str) -> Secret:
        return SsmSecrets(self.clients, PATH, SystemClock()).fresh(channel, account_id)

    def parameter(self, channel: str, account_id: str) -> Any:
        name = f"{PATH}/channels/{channel}/{account_id}"
        return self.clients.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]

    def file(self, answers: object) -> str:
        made = self.folder / "answers.json"
        made.write_text(answers if isinstance(answers, str) else json.dumps(answers), encoding="utf-8")
        return str(made)

    def run(self, *words: str, said: str | None = None) -> Result:
        return RUN.invoke(main.app, ["connect", *words], input=said, env={"COLUMNS": "200"})

    def connects(self, channel: str, answers: object, *more: str) -> Result:
        return self.run(channel, "--from", self.file(answers), *more)


@pytest.fixture
def town(tmp_path, monkeypatch) -> Iterator[Town]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    sandbox, calls = Sandbox(tmp_path / "sandbox", pause=lambda _: None), list[str]()

    def answer(incoming: Incoming) -> Outgoing:
        calls.append(f"{incoming.method} {incoming.path}")
        return sandbox.answer(incoming)

    def register(channel: str, secret: Secret) -> None:
        known = sandbox._world.account(channel, secret.account_id)
        held = {**(known.credentials if known is not None else {}), **secret.credentials}
        plain = {"signing": list(secret.signing), "verify_token": secret.verify_token, "credentials": held}
        control.set_accounts(sandbox._world, {"accounts": {channel: {secret.account_id: plain}}})

    with mock_aws(), serving_on_free_port(answer) as origin:
        clients = Clients(botocore.session.Session())
        place = replace(places._place("the test", clients, PATH, HOOKS, origin), register=register)
        monkeypatch.setattr(places, "laptop", lambda: place)
        yield Town(clients, sandbox, calls, tmp_path)


# What is stored


def test_an_account_is_stored_as_the_functions_read_it_and_is_proven(town):
    ended = town.connects("reddit", REDDIT)
    assert ended.exit_code == 0, ended.output
    assert "Proven: the platform knows this account as u/AcmeHelp." in ended.stdout
    parameter = town.parameter("reddit", "AcmeHelp")
    assert parameter["Type"] == "SecureString"
    assert set(json.loads(parameter["Value"])) == {"signing", "verify_token", "credentials"}
    held = town.stored("reddit", "AcmeHelp").credentials
    assert {name: held[name] for name in REDDIT if name != "account_id"} == {
        name: value for name, value in REDDIT.items() if name != "account_id"
    }


def test_a_token_is_fetched_before_the_proof_and_a_refresh_token_that_works_once_is_kept(town):
    asked = {"account_id": "acme-kettles", "client_id": "c", "client_secret": "s", "refresh_token": "first"}
    assert town.connects("tumblr", asked).exit_code == 0
    held = town.stored("tumblr", "acme-kettles").credentials
    assert held["refresh_token"] != "first"
    assert held["access_token"] == town.sandbox._world.account("tumblr", "acme-kettles").token


def test_no_secret_is_shown_but_what_was_made_up_to_be_entered_elsewhere(town):
    ended = town.connects("facebook", PAGE)
    assert ended.exit_code == 0, ended.output
    word = town.stored("facebook", "101").verify_token
    assert word
    assert f"verify_token = {word}" in ended.stdout
    assert "app-secret" not in ended.output
    assert "page-token" not in ended.output


def test_the_platform_is_asked_to_deliver_and_the_person_is_told_what_is_left(town):
    ended = town.connects("facebook", PAGE)
    assert "POST /graph.facebook.com/v26.0/101/subscribed_apps" in town.calls
    assert f"Webhook URL: {HOOKS}facebook" in ended.stdout
    assert f"enter {HOOKS}facebook and the verify token" in ended.stdout


def test_programs_are_told_in_json(town):
    ended = town.connects("facebook", PAGE, "--json")
    told = json.loads(ended.stdout)
    assert (told["who"], told["webhook_url"], told["reason"]) == ("The Page 101", f"{HOOKS}facebook", None)
    assert told["parameter"] == f"{PATH}/channels/facebook/101"


def test_connecting_again_keeps_what_is_not_told_anew(town):
    town.connects("facebook", PAGE)
    first = town.stored("facebook", "101")
    assert town.connects("facebook", {"account_id": "101", "access_token": "newer"}).exit_code == 0
    assert town.stored("facebook", "101") == replace(first, credentials={"access_token": "newer"})


def test_a_rotated_key_leaves_the_one_before_it_good_and_no_other(town):
    for key, rotate in (("one", False), ("two", True), ("three", True)):
        assert town.connects("facebook", {**PAGE, "signing": key}, *(["--rotate"] if rotate else [])).exit_code == 0
    assert town.stored("facebook", "101").signing == ("three", "two")
    town.connects("facebook", {**PAGE, "signing": "four"})
    assert town.stored("facebook", "101").signing == ("four",)


def test_a_made_up_key_is_rotated_without_being_told(town):
    site = {"account_id": "shop", "reply_url": "https://web.example/replies"}
    assert town.connects("web", site).exit_code == 0
    (first,) = town.stored("web", "shop").signing
    assert town.connects("web", site).exit_code == 0
    assert town.stored("web", "shop").signing == (first,)
    assert town.connects("web", site, "--rotate").exit_code == 0
    now, before = town.stored("web", "shop").signing
    assert before == first != now


def test_new_credentials_drop_the_token_that_the_old_ones_had_brought(town):
    town.connects("reddit", REDDIT)
    token = town.stored("reddit", "AcmeHelp").credentials["access_token"]
    town.connects("reddit", {**REDDIT, "client_secret": "another"})
    assert town.stored("reddit", "AcmeHelp").credentials["access_token"] != token


# What is not proven


def test_what_is_not_proven_ends_with_another_code_and_says_why(town):
    ended = town.connects("reddit", {**REDDIT, "user_agent": "curl"})
    assert ended.exit_code == 1
    assert "Not proven: The user_agent of the account AcmeHelp has not the form" in ended.stdout
    assert "stored all the same" in ended.stdout
    assert town.stored("reddit", "AcmeHelp").credentials["user_agent"] == "curl"


def test_a_platform_that_refuses_the_token_is_not_a_proof(town, monkeypatch):
    unknown = replace(places.laptop(), register=lambda *_: None)
    monkeypatch.setattr(places, "laptop", lambda: unknown)
    ended = town.connects("facebook", PAGE)
    assert ended.exit_code == 1
    assert "The platform answered 400 to being asked to deliver" in ended.stdout
    assert "Not proven:" in ended.stdout


def test_a_platform_that_cannot_be_reached_is_not_a_proof(town, monkeypatch):
    nowhere = places._place("nowhere", town.clients, PATH, HOOKS, "http://127.0.0.1:1")
    monkeypatch.setattr(places, "laptop", lambda: nowhere)
    ended = town.connects("reddit", REDDIT)
    assert ended.exit_code == 1
    assert "Not proven: www.reddit.com could not be reached" in ended.stdout


@pytest.mark.parametrize(
    ("answers", "more", "word"),
    [
        ({"account_id": "101", "signing": "s"}, (), "answers.json: access_token (Page access token"),
        ({**PAGE, "acces_token": "x"}, (), "nobody asked for acces_token"),
        ({**PAGE, "access_token": 7}, (), "in quotes; no text is: access_token."),
        ([PAGE], (), "must hold one JSON object of texts"),
        ("{", (), "is not JSON: Expecting property name enclosed in double quotes at line 1, column 2."),
        ({**PAGE, "account_id": "a/b"}, (), "'a/b' cannot be an account's id"),
        ({**PAGE, "account_id": "a/b"}, (), "Wanted is: Id of the Page."),
        ({"signing": "s", "access_token": "t"}, (), 'names no "account_id"'),
        (PAGE, ("--account", "102"), "is about the account 101"),
    ],
)
def test_answers_that_cannot_be_used_store_nothing(town, answers, more, word):
    ended = town.connects("facebook", answers, *more)
    assert ended.exit_code == 1
    assert word in ended.stderr
    with pytest.raises(ClientError):
        town.parameter("facebook", "101")


def test_a_channel_that_does_not_exist_is_told_with_those_that_do(town):
    ended = town.run("fax")
    assert ended.exit_code == 1
    assert "There is no channel 'fax'. There are:" in ended.stderr


# Asking


def test_a_person_is_asked_and_told_where_to_find_it_and_secrets_are_not_shown(town):
    ended = town.run("facebook", said="101\nhush\n\npage-token\n")
    assert ended.exit_code == 0, ended.output
    assert "App secret [developers.facebook.com, your app, App settings, Basic, Show]" in ended.stdout
    assert "Enter makes one up" in ended.stdout
    assert "hush" not in ended.stdout
    held = town.stored("facebook", "101")
    assert (held.signing, held.credentials) == (("hush",), {"access_token": "page-token"})


def test_what_is_stored_already_is_kept_by_a_bare_enter(town):
    town.connects("facebook", PAGE)
    before = town.stored("facebook", "101")
    ended = town.run("facebook", "--account", "101", said="\n\n\n")
    assert ended.exit_code == 0, ended.output
    assert "Enter keeps the present one" in ended.stdout
    assert town.stored("facebook", "101") == before


def test_a_key_of_several_lines_is_read_from_its_file(town, tmp_path):
    (tmp_path / "key.pem").write_text("line one\nline two\n", encoding="utf-8")
    town.run("facebook", "--account", "101", said=f"@{tmp_path / 'key.pem'}\n\npage-token\n")
    assert town.stored("facebook", "101").signing == ("line one\nline two",)


# The list, and every channel


def test_without_a_channel_all_are_listed_with_how_they_work(town):
    listed = json.loads(town.run("--json").stdout)
    assert [row["channel"] for row in listed] == list(names())
    assert all(row["how"] for row in listed)
    assert "Google Alerts" in town.run().stdout


def test_the_command_explains_itself(town):
    ended = town.run("--help")
    assert ended.exit_code == 0
    assert all(option in ended.stdout for option in ("--account", "--stack", "--from", "--rotate", "--json"))


@pytest.mark.parametrize("name", names())
def test_every_channel_says_what_it_needs_and_its_sandbox_holds_it(name):
    channel = connectable(load(name))
    assert channel is not None, f"{name} has no SETUP"
    assert isinstance(channel.SETUP, Setup)
    asked = [one.name for one in channel.SETUP.wanted]
    assert len(asked) == len(set(asked))
    assert all(one.ask and one.where for one in channel.SETUP.wanted)
    made = accounts.make(name)
    secret = accounts.secret_of(getattr(sides()[name], "ACCOUNT", "account"), made)
    lacking = connecting.missing(channel.SETUP.wanted, {}, secret)
    assert [one.name for one in lacking] == [], "the sandbox's credentials() leave out what a person is asked for"


# Places


def test_a_stack_on_aws_is_found_by_its_name():
    session = botocore.session.Session()
    session.set_credentials("a", "b")
    session.set_config_variable("region", "eu-central-1")
    cloudformation = session.create_client("cloudformation")
    outputs = {"SecretsPath": "/nightdesk/prod", "WebhookUrl": "https://x.example/webhooks/"}
    listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    with Stubber(cloudformation) as stubbed:
        for found in (listed, listed[:1]):
            stack = {
                "StackName": "prod",
                "CreationTime": "2026-11-01",
                "StackStatus": "CREATE_COMPLETE",
                "Outputs": found,
            }
            stubbed.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "prod"})
        stubbed.add_client_error("describe_stacks", "ValidationError")
        session.create_client = lambda *_, **__: cloudformation  # type: ignore[method-assign]  # the stub stands in
        place = places.on_aws("prod", session)
        assert (place.path, place.webhook_url) == ("/nightdesk/prod", "https://x.example/webhooks/")
        with pytest.raises(Misconfigured, match="no output WebhookUrl"):
            places.on_aws("prod", session)
        with pytest.raises(Misconfigured, match="AWS_PROFILE"):
            places.on_aws("prod", session)


def test_without_the_engine_it_is_said_how_to_start_it(monkeypatch, tmp_path):
    from infra.local import engine
    from infra.local.addresses import Home

    monkeypatch.setattr(engine, "Home", lambda: Home(tmp_path))
    ended = RUN.invoke(main.app, ["connect", "reddit", "--account", "x"])
    assert ended.exit_code == 1
    assert ended.stderr == "nightdesk: The stack is not up. Start it with `nightdesk up`.\n"
