from __future__ import annotations

import base64
import json

import pytest

from functions.webhook.handler import handler
from shared.domain.exchange import Request, Response

BODY = '{"text": "déjà vu 📦"}'.encode()


class Asked:
    """A webhook that keeps what it is asked."""

    def __init__(self, response):
        self.response = response
        self.requests = []

    def answer(self, channel, request):
        self.requests.append((channel, request))
        return self.response


@pytest.fixture
def asked(monkeypatch):
    fake = Asked(Response(200, "fine"))
    monkeypatch.setattr("functions.webhook.handler.webhook", lambda: fake)
    return fake


def event(**changes):
    """An event of the HTTP API, payload format 2.0; a change that is None is a member that is not there."""
    plain = {
        "version": "2.0",
        "routeKey": "ANY /webhooks/{channel}",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST"}},
        "pathParameters": {"channel": "web"},
        "body": base64.b64encode(BODY).decode(),
        "isBase64Encoded": True,
    }
    return {name: value for name, value in (plain | changes).items() if value is not None}


def request_of(asked, given):
    handler(given, None)
    ((channel, request),) = asked.requests
    return channel, request


def test_what_api_gateway_encoded_reaches_the_webhook_byte_for_byte(asked):
    expected = Request(method="POST", headers={"content-type": "application/json"}, query={}, body=BODY)

    assert request_of(asked, event()) == ("web", expected)


def test_a_plain_body_is_the_bytes_of_its_text(asked):
    assert request_of(asked, event(body=BODY.decode(), isBase64Encoded=False))[1].body == BODY


def test_every_byte_survives_the_encoding(asked):
    everything = bytes(range(256)) * 3

    assert request_of(asked, event(body=base64.b64encode(everything).decode()))[1].body == everything


@pytest.mark.parametrize("body", ["not base64!", "é", "a", "====", "\ud800"])
def test_a_body_that_is_not_what_it_says_is_refused_by_its_signature_and_not_by_a_crash(asked, body):
    channel, request = request_of(asked, event(body=body))

    assert channel == "web"
    assert isinstance(request.body, bytes)


@pytest.mark.parametrize("changes", [{"body": None}, {"body": ""}, {"body": None, "isBase64Encoded": None}])
def test_a_missing_body_is_empty(asked, changes):
    assert request_of(asked, event(**changes))[1].body == b""


def test_a_lone_surrogate_in_a_plain_body_is_bytes_that_no_signature_fits(asked):
    assert request_of(asked, event(body="\ud800", isBase64Encoded=False))[1].body == b"\xed\xa0\x80"


def test_names_of_headers_lose_their_case_and_values_keep_theirs(asked):
    given = event(headers={"X-Hub-Signature-256": "sha256=AbC", "WEBHOOK-ID": "Msg_1", "": "odd", "X-É": "ü"})

    assert request_of(asked, given)[1].headers == {
        "x-hub-signature-256": "sha256=AbC",
        "webhook-id": "Msg_1",
        "": "odd",
        "x-é": "ü",
    }


@pytest.mark.parametrize("missing", ["headers", "queryStringParameters", "pathParameters"])
def test_a_member_that_is_not_there_or_null_is_empty(asked, missing):
    handler(event(**{missing: None}), None)
    handler(event() | {missing: None}, None)

    for channel, request in asked.requests:
        assert channel == ("" if missing == "pathParameters" else "web")
        assert request.headers == ({} if missing == "headers" else {"content-type": "application/json"})
        assert request.query == {}


def test_the_query_of_a_handshake_arrives(asked):
    query = {"hub.mode": "subscribe", "hub.challenge": "1"}
    given = event(queryStringParameters=query, requestContext={"http": {"method": "GET"}})

    assert request_of(asked, given)[1] == Request(
        method="GET", headers={"content-type": "application/json"}, query=query, body=BODY
    )


@pytest.mark.parametrize("status", [200, 401, 404, 413, 415, 500, 503])
def test_the_answer_is_one_that_the_http_api_takes(asked, status):
    asked.response = Response(status, "words")

    answer = handler(event(), None)

    expected = {"statusCode": status, "headers": {"content-type": "text/plain"}, "body": "words"}
    assert json.loads(json.dumps(answer)) == expected


def test_one_line_is_logged_with_the_status_and_a_name_cut_short(asked, capsys):
    handler(event(pathParameters={"channel": "x" * 500}), None)

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"service": "webhook", "channel": "x" * 40, "status": 200}


def test_a_name_with_a_line_break_cannot_forge_a_second_line(asked, capsys):
    handler(event(pathParameters={"channel": 'a\n{"service": "send"}'}), None)

    assert len(capsys.readouterr().out.splitlines()) == 1
