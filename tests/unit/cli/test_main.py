"""The command as a whole: one sentence for an error, a code that says whether all is well, nothing loaded in vain."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli import main
from infra.local import engine
from infra.local.addresses import Home

RUN = CliRunner()
DELIVERY = str(Path(__file__).parents[3] / "events" / "web" / "message__contact-form.json")


@pytest.fixture(autouse=True)
def no_engine(monkeypatch, tmp_path):
    """An engine folder in which nothing ever ran."""
    monkeypatch.setattr(engine, "Home", lambda: Home(tmp_path))


@pytest.mark.parametrize(
    "words",
    [["deliver", "web", DELIVERY], ["case", "x"], ["case", "x", "--json"], ["quarantine"], ["quarantine", "--json"]],
)
def test_a_verb_that_needs_the_stack_says_how_to_start_it(words):
    ended = RUN.invoke(main.app, words)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == "nightdesk: The stack is not up. Start it with `nightdesk up`.\n"


def test_stopping_what_does_not_run_is_fine():
    assert RUN.invoke(main.app, ["down", "--json"]).exit_code == 0


def test_a_file_that_is_not_there_is_one_sentence():
    ended = RUN.invoke(main.app, ["deliver", "web", "/no/such/file"])
    assert (ended.exit_code, ended.stderr) == (
        1,
        "nightdesk: /no/such/file cannot be read: No such file or directory.\n",
    )


def test_a_fault_of_ours_is_one_sentence_and_no_traceback(monkeypatch):
    def broken(_home=None, say=None):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(engine, "Engine", broken)
    ended = RUN.invoke(main.app, ["quarantine"])
    assert ended.exit_code == 1
    assert ended.stderr.startswith("nightdesk: This should not happen: ZeroDivisionError: by nothing.")


def test_every_verb_explains_itself_and_speaks_json():
    for verb in ("demo", "up", "down", "deliver", "inbox", "answer", "case", "quarantine", "verify", "normalize"):
        ended = RUN.invoke(main.app, [verb, "--help"], env={"COLUMNS": "200"})
        assert ended.exit_code == 0
        assert "--json" in ended.stdout


def test_reading_a_delivery_loads_no_aws_and_no_http_library():
    code = (
        "import sys; from typer.testing import CliRunner; from infra.cli.main import app; "
        f"assert CliRunner().invoke(app, ['normalize', 'web', {DELIVERY!r}]).exit_code == 0; "
        "print(sorted({'boto3', 'botocore', 'requests'} & set(sys.modules)))"
    )
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "[]"
