"""What the emulator forgets over a restart, and how little of this machine it sees."""

import json

from infra.local import emulator
from infra.local.addresses import AddressBook, Home, Interrupted

BOOK = AddressBook(ports={"emulator": 4566, "ses": 4567, "smtp": 2525})
RUNNING = {"status": "RUNNING", "stateMachineArn": "arn:machine", "name": "sla-1", "input": '{"at": "x"}'}
ENDED = {**RUNNING, "status": "SUCCEEDED", "name": "sla-0"}


def keep(home, file, payload):
    folder = home.state / "emulator"
    folder.mkdir(parents=True)
    (folder / file).write_text(json.dumps({"__ministack_format__": 2, "payload": payload}))


def kept(home, file):
    return json.loads((home.state / "emulator" / file).read_text())


def test_streams_are_read_from_their_start_after_a_restart(tmp_path):
    home = Home(tmp_path)
    keep(home, "lambda.json", {"dynamodb_stream_positions": {"data": {"mapping": 41}}, "functions": {"data": {}}})
    emulator.prepare(home)
    assert kept(home, "lambda.json") == {
        "__ministack_format__": 2,
        "payload": {"dynamodb_stream_positions": {"data": {"mapping": 0}}, "functions": {"data": {}}},
    }


def test_running_timers_are_taken_out_to_be_started_again(tmp_path):
    home = Home(tmp_path)
    keep(home, "stepfunctions.json", {"executions": {"data": {"one": RUNNING, "none": ENDED}}})
    assert emulator.prepare(home) == (Interrupted(machine="arn:machine", name="sla-1", input='{"at": "x"}'),)
    assert kept(home, "stepfunctions.json")["payload"] == {"executions": {"data": {"none": ENDED}}}


def test_a_first_start_has_nothing_to_take_up(tmp_path):
    assert emulator.prepare(Home(tmp_path)) == ()


def test_functions_unpacked_by_an_earlier_run_are_thrown_away(tmp_path):
    home = Home(tmp_path)
    (home.scratch / "ministack-lambda-old").mkdir(parents=True)
    emulator.prepare(home)
    assert not list(home.scratch.iterdir())


def test_no_key_profile_or_proxy_of_this_machine_reaches_the_tools(monkeypatch):
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTPS_PROXY", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    assert "mine" not in emulator.surroundings(BOOK).values()


def test_clients_talk_to_the_emulator_whatever_the_environment_says(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere.example")
    client = emulator.EmulatorSession("http://127.0.0.1:4566").create_client("sqs")
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"


def test_functions_send_mail_through_the_door_that_keeps_headers(tmp_path):
    environment = emulator.part(Home(tmp_path), BOOK).environment
    assert environment["AWS_ENDPOINT_URL_SESV2"] == "http://127.0.0.1:4567"
    assert environment["BIND_HOST"] == "127.0.0.1"
