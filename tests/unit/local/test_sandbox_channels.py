"""The sandbox and the channel files understand each other: answers are taken, and what comes back is recognised."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from infra.local.sandbox import Sandbox
from shared.channels import load, load_pushing
from shared.domain.events import Event, Kind
from shared.domain.exchange import Answer, Call, Channel, Outbound, Posted, Pushing, Refused, Request, Secret
from tests.unit.local.playground import Playground, Webhook, serving_on_free_port

HERE = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
CREDENTIALS = {
    "facebook": {"access_token": "t"},
    "instagram": {"access_token": "t", "flavour": "instagram"},
    "whatsapp": {"access_token": "t"},
    "web": {"reply_url": "https://web.example/replies"},
}
UNREACHABLE = {
    "review__without-story": "Facebook did not say what the review can be answered under",
    "message__anonymous-form-without-id": "the website gave neither thread nor author",
}
SIGNING = {"web": ("whsec_c2l4dGVlbiBieXRlcyBvZiBrZXk=",)}


def deliveries() -> Iterator[tuple[str, Path]]:
    for channel in CREDENTIALS:
        for file in sorted(Path("events", channel).glob("*.json")):
            if not file.name.endswith(".expected.json"):
                yield channel, file


def answerable(spoken: Channel, body: bytes) -> list[Event]:
    """The messages of a delivery that an agent can answer."""
    events = spoken.parse(body, HERE)
    gone = {e.message_id for e in events if e.kind is Kind.DELETION}
    return [
        e
        for e in events
        if e.kind is Kind.MESSAGE
        and not e.test
        and e.account_id
        and e.surface in spoken.CAPABILITIES
        and e.message_id not in gone
        and e.thread_id
    ]


def secret_of(channel: str, account_id: str) -> Secret:
    return Secret(
        account_id=account_id,
        signing=SIGNING.get(channel, ("app-secret",)),
        verify_token="open sesame",
        credentials=CREDENTIALS[channel],
    )


def outbound(event: Event) -> Outbound:
    assert event.account_id is not None
    assert event.surface is not None
    assert event.thread_id is not None
    return Outbound(
        channel=event.channel,
        account_id=event.account_id,
        surface=event.surface,
        thread_id=event.thread_id,
        customer_id=event.customer_id,
        in_reply_to=event.message_id,
        text="On its way/Grüße",
        by_person=True,
        last_inbound_at=event.sent_at or HERE,
        client_token="conversation.send",
    )


def carry_out(url: str, call: Call) -> Answer:
    """The call, sent to the sandbox instead of the platform's host."""
    answer = requests.request(
        call.method,
        call.url.replace("https://", f"{url}/", 1),
        data=call.body,
        headers=dict(call.headers),
        timeout=10,
    )
    return Answer(status=answer.status_code, headers=answer.headers, body=answer.content)


@pytest.fixture
def stage(tmp_path):
    webhook = Webhook()
    made: list[Playground] = []
    sandbox = Sandbox(tmp_path, now=lambda: made[0].now, pause=lambda _: None)
    with serving_on_free_port(sandbox.answer) as url, serving_on_free_port(webhook.answer) as hook:
        made.append(Playground(url, sandbox, webhook, tmp_path))
        made[0].control("accounts", {"webhook_url": f"{hook}/webhooks/"})
        yield made[0]


@pytest.mark.parametrize(("channel", "file"), [pytest.param(*d, id=f"{d[0]}/{d[1].stem}") for d in deliveries()])
def test_an_answer_to_any_message_is_taken_and_recognised_when_it_comes_back(stage, channel, file):
    spoken, body = load_pushing(channel), file.read_bytes()
    for event in answerable(spoken, body):
        sent = outbound(event)
        secret = secret_of(channel, sent.account_id)
        stage.now = (event.sent_at or HERE) + timedelta(minutes=1)
        told = {"signing": secret.signing, "credentials": dict(secret.credentials), "verify_token": "open sesame"}
        stage.control("accounts", {"accounts": {channel: {sent.account_id: told}}})
        stage.control("deliveries", {"channel": channel, "body": base64.b64encode(body).decode()})
        call = spoken.reply(sent, secret, stage.now)
        outcome = spoken.outcome(carry_out(stage.url, call)) if isinstance(call, Call) else call
        if file.stem in UNREACHABLE:
            assert isinstance(outcome, Refused), UNREACHABLE[file.stem]
            continue
        assert isinstance(outcome, Posted), outcome
        assert stage.look(f"posts?channel={channel}")[-1]["text"] == sent.text
        stage.sandbox.finish()
        assert_recognised(stage, spoken, secret, sent, outcome)


def assert_recognised(stage: Playground, spoken: Pushing, secret: Secret, sent: Outbound, outcome: Posted) -> None:
    heard, stage.webhook.heard = stage.webhook.heard, []
    assert bool(heard) == (sent.channel != "web")
    for incoming in heard:
        request = Request(method="POST", headers=incoming.headers, query={}, body=incoming.body)
        spoken.verify(request, (secret,), stage.now)
        (event,) = spoken.parse(incoming.body, stage.now)
        assert event.kind in {Kind.ECHO, Kind.STATUS}
        assert event.message_id == outcome.native_id
        assert event.account_id == sent.account_id
        assert event.thread_id == sent.thread_id
        assert sent.channel == "instagram" or event.client_token == sent.client_token or sent.surface != "dm"


def test_every_channel_has_a_message_that_is_answered():
    answered = {c for c, file in deliveries() if answerable(load(c), file.read_bytes())}
    assert answered == set(CREDENTIALS)


@pytest.mark.parametrize("channel", ["facebook", "instagram", "whatsapp"])
def test_the_handshake_is_answered_by_the_channel(stage, channel):
    spoken, secret = load_pushing(channel), secret_of(channel, "1")
    stage.control("accounts", {"accounts": {channel: {"1": {"verify_token": "open sesame"}}}})
    assert stage.control("subscribe", {"channel": channel})["ok"] is True
    query = {"hub.mode": "subscribe", "hub.challenge": "123", "hub.verify_token": "open sesame"}
    response = spoken.challenge(Request(method="GET", headers={}, query=query, body=b""), (secret,))
    assert response is not None
    assert json.loads(response.body) == 123
