"""The address book: what one command leaves for the next."""

import socket
import stat

import pytest

from infra.local.addresses import Account, AddressBook, Deployed, Interrupted, Process, free_ports
from shared.errors import Misconfigured

FULL = AddressBook(
    ports={"emulator": 4566, "sandbox": 8081},
    processes={"emulator": Process(4711, "Sat Nov 21 19:18:08 2026")},
    deployed=Deployed(digest="d1", policy_file="policy.yaml", outputs={"DeskTableName": "t"}),
    accounts={"web": {"website": Account(signing=("k",), verify_token="v", credentials={"access_token": "a"})}},
    reply_keys=("current", "previous"),
    interrupted=(Interrupted(machine="arn:machine", name="sla-1", input="{}"),),
)


def test_a_saved_book_reads_as_it_was_written(tmp_path):
    FULL.save(tmp_path / "engine.json")
    assert AddressBook.load(tmp_path / "engine.json") == FULL


def test_an_engine_that_never_ran_has_an_empty_book(tmp_path):
    assert AddressBook.load(tmp_path / "engine.json") == AddressBook()


def test_a_book_with_secrets_is_for_its_owner_only(tmp_path):
    FULL.save(tmp_path / "engine.json")
    assert stat.S_IMODE((tmp_path / "engine.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"ports": 1}', "\x00"])
def test_a_broken_book_is_refused_with_the_way_out(tmp_path, content):
    (tmp_path / "engine.json").write_text(content)
    with pytest.raises(Misconfigured, match="Remove the folder"):
        AddressBook.load(tmp_path / "engine.json")


def test_every_part_gets_a_port_of_its_own():
    ports = free_ports(("a", "b", "c"), {})
    assert len(set(ports.values())) == 3


def test_a_port_of_last_time_is_kept_where_it_is_free():
    first = free_ports(("a",), {})
    assert free_ports(("a",), first) == first


def test_a_port_that_somebody_took_is_replaced():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert free_ports(("a",), {"a": number})["a"] != number
