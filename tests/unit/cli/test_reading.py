"""`nightdesk verify` and `nightdesk normalize`: a verdict or a list for any bytes, and never a traceback."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from infra.cli import reading
from shared.channels import load_pushing
from shared.domain.exchange import Secret
from tests.contract.fixtures import ALL, CURRENT, FOREIGN, PREVIOUS

AT = "2026-11-09T18:30:05Z"
NOW = datetime(2026, 11, 9, 18, 30, 5, tzinfo=UTC)
BODY = '{"what": "déjà vu 📦"}'.encode()

every_channel = pytest.mark.parametrize("name", ["facebook", "instagram", "web", "whatsapp"])
in_one_folder = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def run(*arguments, stdin=None):
    """Exit code, stdout and stderr. An exception that would be a traceback fails the test."""
    result = CliRunner().invoke(reading.reading, [str(argument) for argument in arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result.exit_code, result.stdout_bytes.decode("utf-8"), result.stderr


def files(folder, headers, body=BODY):
    (folder / "headers").write_bytes(headers if isinstance(headers, bytes) else json.dumps(headers).encode())
    (folder / "body").write_bytes(body)
    return ["--headers", folder / "headers", folder / "body"]


def signed(name, key=CURRENT):
    return load_pushing(name).sign(BODY, Secret(account_id="test", signing=(key,)), NOW, "delivery-1")


@every_channel
def test_a_good_delivery_is_accepted(name, tmp_path):
    assert run("verify", name, "--secret", CURRENT, "--at", AT, *files(tmp_path, signed(name))) == (0, "accepted\n", "")


@every_channel
def test_headers_may_be_lines_as_a_tool_printed_them(name, tmp_path):
    lines = "".join(f"{key.title()}: {value}\r\n" for key, value in signed(name).items())
    headers = b"POST /webhooks HTTP/1.1\r\n" + lines.encode() + b"\r\n"
    assert run("verify", name, "--secret", CURRENT, "--at", AT, *files(tmp_path, headers))[0] == 0


@every_channel
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_headers_may_be_lists_of_values_and_begin_with_a_byte_order_mark(name, mark, tmp_path):
    headers = mark + json.dumps({key.title(): [f" {value} "] for key, value in signed(name).items()}).encode()
    assert run("verify", name, "--secret", CURRENT, "--at", AT, *files(tmp_path, headers))[0] == 0


@every_channel
def test_a_list_of_two_values_is_a_header_that_came_twice(name, tmp_path):
    headers = {key: [value, value] for key, value in signed(name).items()}
    assert run("verify", name, "--secret", CURRENT, "--at", AT, *files(tmp_path, headers))[0] == 1


@every_channel
def test_the_body_may_come_from_stdin(name, tmp_path):
    *options, _ = files(tmp_path, signed(name))
    assert run("verify", name, "--secret", CURRENT, "--at", AT, *options, "-", stdin=BODY)[0] == 0


@every_channel
def test_both_keys_of_a_rotation_are_accepted(name, tmp_path):
    keys = ["--secret", CURRENT, "--secret", PREVIOUS]
    assert run("verify", name, *keys, "--at", AT, *files(tmp_path, signed(name, PREVIOUS)))[0] == 0


@every_channel
def test_a_foreign_signature_is_refused_with_its_reason(name, tmp_path):
    code, out, _ = run("verify", name, "--secret", CURRENT, "--at", AT, *files(tmp_path, signed(name, FOREIGN)))
    assert code == 1
    assert out.startswith("refused: ")
    assert "match" in out


@every_channel
def test_programs_get_the_verdict_as_json(name, tmp_path):
    ask = ["verify", name, "--secret", CURRENT, "--at", AT, "--json"]
    assert json.loads(run(*ask, *files(tmp_path, signed(name)))[1]) == {"accepted": True, "reason": None}
    code, out, _ = run(*ask, *files(tmp_path, {}))
    assert code == 1
    assert json.loads(out)["accepted"] is False
    assert json.loads(out)["reason"]


def test_a_header_that_came_twice_is_refused(tmp_path):
    value = signed("web")["webhook-signature"]
    headers = {**signed("web"), "Webhook-Signature": value}
    code, out, _ = run("verify", "web", "--secret", CURRENT, "--at", AT, *files(tmp_path, headers))
    assert (code, out.startswith("refused")) == (1, True)


def test_a_stale_delivery_is_judged_at_the_given_time(tmp_path):
    ask = ["verify", "web", "--secret", CURRENT, *files(tmp_path, signed("web"))]
    assert run(*ask, "--at", "2026-11-09T18:40:00Z")[:2] == (1, "refused: The delivery was signed too long ago.\n")
    assert run(*ask, "--at", "2026-11-09T19:30:05+01:00")[0] == 0
    assert run(*ask, "--at", "2026-11-09T18:30:05")[0] == 0


def test_keys_of_a_website_may_be_plain_text(tmp_path):
    secret = Secret(account_id="test", signing=("plain text",), credentials={"secret_form": "raw"})
    headers = load_pushing("web").sign(BODY, secret, NOW, "delivery-1")
    ask = ["verify", "web", "--secret", "plain text", "--at", AT, *files(tmp_path, headers)]
    assert run(*ask)[0] == 1
    assert run(*ask, "--raw-secret")[0] == 0


@pytest.mark.parametrize("fixture", ALL[::5], ids=str)
def test_a_delivery_becomes_its_events(fixture):
    for arguments in (["--at", AT], ["--at", AT, "--json"]):
        code, out, err = run("normalize", fixture.channel, fixture.path, *arguments)
        assert (code, err) == (0, "")
        assert json.loads(out) == fixture.expected


def test_events_are_written_in_the_customers_own_letters(tmp_path):
    body = '{"type":"message.created","data":{"channel":"shop","text":"Grüße 📦"}}'.encode()
    assert "Grüße 📦" in run("normalize", "web", "-", stdin=body)[1]


@every_channel
def test_an_unreadable_body_is_said_on_stderr_and_to_programs_on_stdout(name):
    code, out, err = run("normalize", name, "-", stdin=b"\xff\xfe")
    assert (code, out) == (1, "")
    assert "not UTF-8" in err
    code, out, err = run("normalize", name, "-", "--json", stdin=b"{")
    assert (code, err) == (1, "")
    assert "not JSON" in json.loads(out)["error"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["normalize", "myspace", "-"], "web"),
        (["normalize", "../web", "-"], "web"),
        (["normalize", "_meta", "-"], "web"),
        (["normalize", "", "-"], "web"),
        (["normalize", "web", "/no/such/file"], "/no/such/file"),
        (["normalize", "web", "/"], "file"),
        (["normalize", "web", "a\0b"], "file"),
        (["normalize", "web", "-", "--at", "yesterday"], "yesterday"),
        (["normalize", "web", "-", "--at", "0001-01-01T00:00:00+14:00"], "time"),
        (["verify", "web", "--secret", "x", "--headers", "/no/such/file", "-"], "/no/such/file"),
        (["verify", "myspace", "--secret", "x", "--headers", "/dev/null", "-"], "web"),
        (["verify", "web", "--secret", "x", "--headers", "-", "-"], "stdin"),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_what_to_do_in_one_line(arguments, word):
    code, out, err = run(*arguments, stdin=b"{}")
    assert (code, out) == (2, "")
    assert word in err
    assert len(err.splitlines()) == 1
    code, out, _ = run(*arguments, "--json", stdin=b"{}")
    assert code == 2
    assert word in json.loads(out)["error"]


@pytest.mark.parametrize("headers", [b"{", b'{"a"', b"{\xff}", b"{" * 100_000, b'{"a":' * 100_000])
def test_headers_that_begin_like_json_and_are_none_are_named(headers, tmp_path):
    code, _, err = run("verify", "web", "--secret", CURRENT, *files(tmp_path, headers))
    assert code == 2
    assert "headers" in err


@every_channel
@in_one_folder
@given(body=st.binary(max_size=120))
def test_any_bytes_are_normalised_or_unreadable(name, body):
    code, out, err = run("normalize", name, "-", stdin=body)
    assert (code == 0 and json.loads(out)) or (code == 1 and err)


@every_channel
@in_one_folder
@given(headers=st.binary(max_size=120), body=st.binary(max_size=60), key=st.text(min_size=1, max_size=20))
def test_any_headers_bytes_and_key_get_a_verdict(name, headers, body, key, tmp_path):
    code, out, err = run("verify", name, f"--secret={key}", *files(tmp_path, headers, body))
    assert (code == 1 and out.startswith("refused: ")) or (code == 2 and "headers" in err)


def test_a_fault_of_our_own_is_one_line(monkeypatch):
    def broken(name):
        raise ZeroDivisionError

    monkeypatch.setattr(reading, "load", broken)
    code, out, err = run("normalize", "web", "-", stdin=b"{}")
    assert (code, out) == (1, "")
    assert "ZeroDivisionError" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("credential", ["", "=x", "no sign"])
def test_a_credential_without_a_name_is_told(credential, tmp_path):
    ask = ["verify", "web", "--secret", CURRENT, "--credential", credential, *files(tmp_path, signed("web"))]
    assert run(*ask)[0] == 2


def test_a_proof_that_needs_more_than_a_key_says_how_to_give_it(tmp_path):
    told = files(tmp_path, {"X-Twilio-Signature": "c2ln"}, b"From=%2B1&To=%2B2")
    asked = ["verify", "sms", "--secret", "12345", *told]
    assert "Say --credential webhook_url=..." in run(*asked)[1]
    assert "--credential" not in run(*asked, "--credential", "webhook_url=https://desk.example/in")[1]
