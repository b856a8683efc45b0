"""Posts against a real server on this machine: what may have been sent is never called refused, and the reverse."""

from __future__ import annotations

import contextlib
import gzip
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, cast

import pytest

from shared.adapters import platforms
from shared.adapters.platforms import HttpPlatforms, one_attempt_session
from shared.channels import load
from shared.domain.events import Surface
from shared.domain.exchange import (
    Answer,
    Call,
    Channel,
    Outbound,
    Outcome,
    Posted,
    Refusal,
    Refused,
    Secret,
    Unclear,
)
from shared.errors import Misconfigured, Unavailable
from shared.ports import Secrets
from tests.fakes.channels import ScriptedChannel
from tests.fakes.given import FakeSecrets, FixedClock
from tests.integration.adapters.server import Server, answering

TOKEN = "hush-hush"
SECRETS = FakeSecrets({"web": (Secret(account_id="shop", credentials={"access_token": TOKEN}),)})
URL = f"https://graph.platform.example/v1/replies?access_token={TOKEN}"
OUTBOUND = Outbound(
    channel="web",
    account_id="shop",
    surface=Surface.DM,
    thread_id="t",
    customer_id="ada",
    in_reply_to="m1",
    text="It is on its way.",
    by_person=True,
    last_inbound_at=None,
    client_token="c.s",
)


@dataclass
class Replying(ScriptedChannel):
    """A channel that makes one call and keeps what was answered."""

    call: Call | Refused = field(default_factory=lambda: Call(method="POST", url=URL, body=b"text"))
    answers: list[Answer] = field(default_factory=list)

    def reply(self, outbound: Outbound, secret: Secret, now: object) -> Call | Refused:
        return self.call

    def outcome(self, answer: Answer) -> Outcome:
        self.answers.append(answer)
        return Posted("42")


def hanging_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def breaking_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"message_id"')
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def silent(handler: BaseHTTPRequestHandler) -> None:
    assert isinstance(handler.server, Server)
    handler.server.over.wait()


def post(channel: Channel, origin: str = "", secrets: Secrets = SECRETS, outbound: Outbound = OUTBOUND) -> Outcome:
    adapter = HttpPlatforms(lambda _: channel, secrets, FixedClock(), origin=origin, session=one_attempt_session())
    return adapter.post(outbound)


# -- the call ---------------------------------------------------------------------------------------------------------


def test_the_call_is_made_as_the_channel_says_and_its_answer_is_given_to_the_channel(serve: Any):
    server = serve(answering(201, b'{"id": 42}', X_App_Usage="high"))
    channel = Replying(call=Call(method="POST", url=URL, headers={"Authorization": "Bearer x"}, body=b"text"))
    assert post(channel, server.origin) == Posted("42")
    (request,) = server.heard
    assert (request.method, request.body, request.headers["authorization"]) == ("POST", b"text", "Bearer x")
    (answer,) = channel.answers
    assert (answer.status, answer.body, answer.headers["x-app-usage"]) == (201, b'{"id": 42}', "high")


def test_an_origin_plays_every_host_under_its_own_name(serve: Any):
    server = serve(answering())
    post(Replying(), f"{server.origin}/platforms/")
    assert server.heard[0].path == f"/platforms/graph.platform.example/v1/replies?access_token={TOKEN}"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_for_it_would_carry_the_token_elsewhere(serve: Any, status: int):
    elsewhere = serve(answering())
    server = serve(answering(status, Location=f"{elsewhere.origin}/steal"))
    channel = Replying()
    post(channel, server.origin)
    assert channel.answers[0].status == status
    assert elsewhere.heard == []


def test_an_answer_is_read_up_to_its_cap(serve: Any):
    server = serve(answering(200, b"x" * (platforms.LONGEST_ANSWER + 1000)))
    channel = Replying()
    post(channel, server.origin)
    assert len(channel.answers[0].body) == platforms.LONGEST_ANSWER


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_error_of_the_platform_is_the_channels_to_judge_and_is_not_retried(serve: Any, status: int):
    server = serve(answering(status, Retry_After="1"))
    channel = Replying()
    post(channel, server.origin)
    assert [answer.status for answer in channel.answers] == [status]
    assert len(server.heard) == 1


def test_accounts_share_neither_connection_nor_cookies(serve: Any):
    server = serve(answering(Set_Cookie="session=first-account"))
    adapter = HttpPlatforms(
        lambda _: Replying(), SECRETS, FixedClock(), origin=server.origin, session=one_attempt_session()
    )
    adapter.post(OUTBOUND)
    adapter.post(OUTBOUND)
    assert [("cookie" in one.headers, one.headers["connection"]) for one in server.heard] == [(False, "close")] * 2


def test_no_netrc_and_no_proxy_of_the_machine_takes_part(serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    server = serve(answering())
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login them password other-token")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert post(Replying(), server.origin) == Posted("42")
    assert "authorization" not in server.heard[0].headers


# -- before anything was sent -----------------------------------------------------------------------------------------


def is_refused_for_later(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.refusal is Refusal.LATER and TOKEN not in outcome.reason


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken by us and not listened on: nobody else can answer there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_refused_connection_sent_nothing(closed_port: int, scheme: str):
    assert is_refused_for_later(post(Replying(), f"{scheme}://127.0.0.1:{closed_port}"))


def test_a_name_that_is_not_found_sent_nothing(monkeypatch: pytest.MonkeyPatch):
    def not_found(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    outcome = post(Replying())
    assert is_refused_for_later(outcome)
    assert "graph.platform.example" in str(outcome)


def test_a_connection_that_does_not_come_about_in_time_sent_nothing(monkeypatch: pytest.MonkeyPatch):
    def never(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr("urllib3.util.connection.create_connection", never)
    assert is_refused_for_later(post(Replying()))


def test_a_handshake_that_fails_sent_nothing(serve: Any):
    server = serve(answering())
    assert is_refused_for_later(post(Replying(), server.origin.replace("http:", "https:")))
    assert server.heard == []


def test_a_handshake_that_does_not_end_in_time_sent_nothing(mute_port: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(platforms, "CONNECT_SECONDS", 0.05)
    monkeypatch.setattr(platforms, "READ_SECONDS", 0.05)
    assert is_refused_for_later(post(Replying(), f"https://127.0.0.1:{mute_port}"))


@pytest.mark.parametrize(
    "call",
    [
        Call(method="POST", url=URL, headers={"Authorization": f"Bearer {TOKEN}\r\nX-Evil: 1"}),
        Call(method="POST", url=URL, headers={"Authorization": f"Bearer {TOKEN}\u2028"}),
    ],
    ids=["line break", "not latin-1"],
)
def test_a_secret_that_does_not_fit_into_http_blocks_the_account(serve: Any, call: Call):
    server = serve(answering())
    outcome = post(Replying(call=call), server.origin)
    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.BLOCKED
    assert TOKEN not in outcome.reason
    assert server.heard == []


@pytest.mark.parametrize("host", ["", "[::1", "graph..example"])
def test_an_address_that_is_none_blocks_the_account(host: str):
    outcome = post(Replying(call=Call(method="POST", url=f"https://{host}?access_token={TOKEN}")))
    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.BLOCKED
    assert TOKEN not in outcome.reason


# -- after something may have been sent -------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [hanging_up, breaking_off, silent])
def test_an_answer_that_was_lost_leaves_the_matter_unclear_and_is_not_asked_for_again(
    serve: Any, act: Callable[[BaseHTTPRequestHandler], None], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(platforms, "READ_SECONDS", 0.2)
    server = serve(act)
    outcome = post(Replying(), server.origin)
    assert isinstance(outcome, Unclear)
    assert TOKEN not in outcome.reason
    assert len(server.heard) == 1


DROPS = 200


@pytest.mark.parametrize("headers", [{"Content-Length": str(DROPS)}, {"Transfer-Encoding": "chunked"}])
def test_an_answer_that_drips_for_ever_is_a_lost_one(
    serve: Any, headers: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
):
    def dripping(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        drop = b"1\r\nx\r\n" if "Transfer-Encoding" in headers else b"x"
        with contextlib.suppress(OSError):
            for number in range(DROPS):
                handler.wfile.write(drop)
                dripped.append(number)
                time.sleep(0.05)

    dripped: list[int] = []
    monkeypatch.setattr(platforms, "LONGEST_SECONDS", 0)
    assert isinstance(post(Replying(), serve(dripping).origin), Unclear)
    assert len(dripped) < DROPS, "it was waited for to the end"


def test_an_answer_that_is_packed_is_unpacked_up_to_its_cap(serve: Any):
    packed = gzip.compress(b"x" * (platforms.LONGEST_ANSWER + 1000))
    channel = Replying()
    post(channel, serve(answering(200, packed, Content_Encoding="gzip")).origin)
    assert channel.answers[0].body == b"x" * platforms.LONGEST_ANSWER


# -- without any call -------------------------------------------------------------------------------------------------


def test_what_the_channel_refuses_is_not_called(serve: Any):
    server = serve(answering())
    refused = Refused(refusal=Refusal.NEVER, reason="The window is closed.")
    assert post(Replying(call=refused), server.origin) == refused
    assert server.heard == []


def test_an_account_without_a_secret_is_blocked_and_says_what_to_do():
    outcome = post(Replying(), secrets=FakeSecrets())
    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.BLOCKED
    assert "shop" in outcome.reason


def test_an_unknown_channel_is_blocked():
    adapter = HttpPlatforms(load, SECRETS, FixedClock(), session=one_attempt_session())
    outcome = adapter.post(replace(OUTBOUND, channel="telex"))
    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.BLOCKED


@pytest.mark.parametrize(
    ("error", "refusal"), [(Unavailable("x"), Refusal.LATER), (Misconfigured("broken"), Refusal.BLOCKED)]
)
def test_secrets_that_cannot_be_read_are_refused_by_what_helps(error: Exception, refusal: Refusal):
    class Failing(FakeSecrets):
        def account(self, name: str, account_id: str) -> Secret:
            raise error

    outcome = post(Replying(), secrets=Failing())
    assert isinstance(outcome, Refused)
    assert outcome.refusal is refusal


def test_who_has_less_time_waits_for_less_long(serve: Any):
    server = serve(silent)
    adapter = HttpPlatforms(
        lambda _: Replying(),
        SECRETS,
        FixedClock(),
        origin=server.origin,
        session=one_attempt_session(),
        read_seconds=0.1,
    )
    assert isinstance(adapter.post(OUTBOUND), Unclear)


# -- calls that read or renew -----------------------------------------------------------------------------------------


READ = Call(method="GET", url=URL, headers={"Authorization": "Bearer x"})


def perform(call: Call, origin: str = "") -> Answer | Refused | Unclear:
    adapter = HttpPlatforms(load, SECRETS, FixedClock(), origin=origin, session=one_attempt_session())
    return adapter.perform(call)


@pytest.mark.parametrize("status", [200, 302, 404, 429, 503])
def test_a_call_that_reads_gives_back_whatever_the_platform_answers(serve: Any, status: int):
    server = serve(answering(status, b'{"items": []}', Retry_After="7"))
    answer = perform(READ, server.origin)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (status, b'{"items": []}', "7")
    (request,) = server.heard
    assert (request.method, request.headers["authorization"]) == ("GET", "Bearer x")
    assert request.path == f"/graph.platform.example/v1/replies?access_token={TOKEN}"


def test_a_page_of_some_megabytes_is_read_whole_and_a_longer_one_up_to_its_cap(serve: Any):
    whole, cut = (serve(answering(200, b"x" * (platforms.LONGEST_PAGE + more))) for more in (0, 1000))
    answers = [perform(READ, server.origin) for server in (whole, cut)]
    assert [len(a.body) for a in answers if isinstance(a, Answer)] == [platforms.LONGEST_PAGE] * 2


def test_a_call_that_could_not_be_made_is_refused_for_later(closed_port: int):
    assert is_refused_for_later(cast("Outcome", perform(READ, f"http://127.0.0.1:{closed_port}")))


@pytest.mark.parametrize("act", [hanging_up, breaking_off])
def test_a_read_whose_answer_was_lost_is_unclear_and_not_repeated(serve: Any, act: Any):
    server = serve(act)
    outcome = perform(READ, server.origin)
    assert isinstance(outcome, Unclear)
    assert TOKEN not in outcome.reason
    assert len(server.heard) == 1
