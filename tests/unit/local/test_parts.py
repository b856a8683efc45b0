"""Processes: started, waited for, stopped, and never mistaken for another with the same number."""

import os
import sys
from dataclasses import replace

import pytest

from infra.local import parts
from infra.local.addresses import Process

SERVES = """
import http.server, sys
class Well(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Well).serve_forever()
"""


@pytest.fixture
def part(tmp_path):
    from infra.local.addresses import free_ports

    port = free_ports(("it",), {})["it"]
    return parts.Part(
        name="it",
        command=(sys.executable, "-c", SERVES, str(port)),
        environment={"PATH": os.environ["PATH"]},
        health=f"http://127.0.0.1:{port}/_health",
        log=tmp_path / "logs" / "it.log",
    )


def test_a_part_is_started_waited_for_and_stopped(part, tmp_path):
    process = parts.start(part, tmp_path)
    try:
        parts.wait_until_well(part, process, 60)
        assert parts.is_running(process)
    finally:
        assert parts.stop(process, 60)
    assert not parts.is_running(process)
    assert not parts.answers(part.health)


def test_a_part_that_ends_at_once_is_told_with_the_end_of_its_log(part, tmp_path):
    broken = replace(part, command=(sys.executable, "-c", "raise SystemExit('no such port')"))
    process = parts.start(broken, tmp_path)
    with pytest.raises(parts.PartFailed, match="no such port"):
        parts.wait_until_well(broken, process, 60)


def test_a_part_that_never_answers_is_given_up(part, tmp_path):
    silent = replace(part, command=(sys.executable, "-c", "import threading; threading.Event().wait()"))
    process = parts.start(silent, tmp_path)
    try:
        with pytest.raises(parts.PartFailed, match="does not answer"):
            parts.wait_until_well(silent, process, 0)
    finally:
        parts.stop(process, 60)


def test_a_part_that_ignores_the_request_to_end_is_killed_and_told(part, tmp_path):
    stubborn = "import signal, threading; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); threading.Event().wait()"
    deaf = replace(part, command=(sys.executable, "-c", stubborn))
    process = parts.start(deaf, tmp_path)
    while "deaf" not in parts.tail(deaf.log).partition("\n")[2]:
        assert parts.is_running(process)
    assert not parts.stop(process, 0.2)
    assert not parts.is_running(process)


def test_another_process_with_the_same_number_is_not_ours():
    assert not parts.is_running(Process(os.getpid(), "Thu Jan  1 00:00:00 1970"))


def test_stopping_what_has_ended_is_fine():
    assert parts.stop(Process(2**22 + 1, "Thu Jan  1 00:00:00 1970"), 1)
