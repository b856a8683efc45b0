"""`nightdesk inbox` and `nightdesk answer` against a real mailbox."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from infra.cli import mailing
from infra.cli.main import Verbs
from infra.local.addresses import AddressBook, Home, free_ports
from infra.local.mailbox_web import Web
from infra.local.serving import Outgoing
from tests.unit.local.mails import Post, hand_off, mailbox, receive
from tests.unit.local.playground import serving_on_free_port

APP = typer.Typer(cls=Verbs, pretty_exceptions_enable=False)
APP.command()(mailing.inbox)
APP.command()(mailing.answer)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(mailing, "Home", lambda: Home(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return Home(tmp_path / "home")


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def box(tmp_path, home, post):
    made = mailbox(tmp_path / "mailbox", post)
    with serving_on_free_port(Web(made).answer) as url:
        AddressBook(ports={"mailbox": int(url.rpartition(":")[2])}).save(home.book)
        yield made


def run(*words: str):
    return CliRunner().invoke(APP, list(words))


def test_the_inbox_is_a_table_with_the_newest_first(box):
    first, second = receive(box), receive(box, hand_off("\n\n  It burns [red]now[/red]!\nHelp", Subject="Re: [bold]"))
    shown = run("inbox")
    assert shown.exit_code == 0
    rows = shown.output.splitlines()[1:]
    assert [row.split()[0] for row in rows] == [second, first]
    assert "2026-11-03 07:30:00" in rows[0]
    assert "ben@shop.example" in rows[0]
    assert "Re: [bold]" in rows[0]
    assert "It burns [red]now[/red]!" in rows[0]


def test_the_inbox_tells_programs_everything(box):
    mail_id = receive(box)
    (mail,) = json.loads(run("inbox", "--json").output)
    assert mail["id"] == mail_id
    assert mail["text"] == "Ana wrote:\n\nWhere is my parcel?"


def test_an_empty_inbox_is_no_error(box):
    shown = run("inbox")
    assert shown.exit_code == 0
    assert "No mail yet" in shown.output
    assert json.loads(run("inbox", "--json").output) == []


def test_an_answer_goes_out_as_the_agent(box, post):
    mail_id = receive(box)
    shown = run("answer", mail_id, "It comes tomorrow.")
    assert shown.exit_code == 0
    assert f"ben@shop.example answered mail {mail_id}" in shown.output
    assert post.arrivals[0].sender == "ben@shop.example"
    assert "answered" in run("inbox").output


def test_an_answer_may_be_sent_as_somebody_else(box, post):
    receive(box)
    told = json.loads(run("answer", "last", "Hi", "--as", "eve@evil.example", "--json").output)
    assert told["from"] == "eve@evil.example"
    assert post.arrivals[0].sender == "eve@evil.example"


def test_a_mail_is_named_by_last_or_by_the_beginning_of_its_id(box):
    older, newest = receive(box), receive(box)
    assert json.loads(run("answer", "last", "Hi", "--json").output)["mail"] == newest
    assert json.loads(run("answer", older[:7], "Hi", "--json").output)["mail"] == older


def complaint(*words: str) -> str:
    ended = run(*words)
    assert ended.exit_code == 1
    assert "Traceback" not in ended.output
    (line,) = ended.stderr.splitlines()
    return str(line)


def test_a_mail_that_is_not_there_is_told_in_one_line(box):
    assert "no mail to answer yet" in complaint("answer", "last", "Hi").lower()
    receive(box)
    assert "nightdesk inbox" in complaint("answer", "xyz", "Hi")
    assert "nightdesk inbox" in complaint("answer", "", "Hi")


def test_an_id_that_may_be_two_mails_is_asked_back(box, monkeypatch):
    names = iter(["abc10000", "abc20000"])
    monkeypatch.setattr("infra.local.mailbox_store.secrets.token_hex", lambda _: next(names))
    receive(box)
    receive(box)
    assert "abc20000, abc10000" in complaint("answer", "abc", "Hi")


def test_what_the_mailbox_refuses_is_told_in_its_words(box, post):
    receive(box, hand_off(**{"Reply-To": ""}))
    assert "takes no answer" in complaint("answer", "last", "Hi")
    receive(box)
    post.broken = True
    assert "The bucket is away." in complaint("answer", "last", "Hi")


def test_without_a_stack_it_says_how_to_start_one(home):
    assert "nightdesk up" in complaint("inbox")


def test_a_mailbox_that_is_gone_is_told_with_what_to_do(home):
    AddressBook(ports=free_ports(["mailbox"], {})).save(home.book)
    assert "nightdesk up" in complaint("answer", "last", "Hi")


def test_something_else_on_the_mailboxs_port_is_told(home):
    with serving_on_free_port(lambda _: Outgoing(body=b"<html>")) as url:
        AddressBook(ports={"mailbox": int(url.rpartition(":")[2])}).save(home.book)
        assert "Something else" in complaint("inbox")
