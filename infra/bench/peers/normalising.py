"""From a signed delivery to messages: ours against libraries for the same platforms, per message they hand over.

Each library gets what it leaves out: fbmessenger checks no signature, so our HMAC stands in front of it.
standardwebhooks ends at parsed JSON, so the fields are picked by hand behind it.
"""

from __future__ import annotations

import hmac
import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import fbmessenger
import pywa
import standardwebhooks

from infra.bench import bodies
from infra.bench.given import KEY, NOW, WHSEC, OneSecret
from infra.bench.measuring import Timing, in_turns
from shared import channels
from shared.domain.events import Kind
from shared.domain.exchange import Request, Secret

OURS = "nightdesk"
Normalise = Callable[[], int]
"""Verify and normalise once; the number of messages handed over."""


def measure() -> dict[str, dict[str, tuple[Timing, int]]]:
    """By delivery and library: the time of one delivery, and how many messages came out of it."""
    logging.disable(logging.CRITICAL)
    return {name: _measured(candidates) for name, candidates in _rows().items()}


def _measured(candidates: Mapping[str, Normalise]) -> dict[str, tuple[Timing, int]]:
    delivered = {name: normalise() for name, normalise in candidates.items()}
    return {name: (timing, delivered[name]) for name, timing in in_turns(candidates).items()}


def _rows() -> dict[str, dict[str, Normalise]]:
    rows = {}
    for messages, words in ((1, 25), (4, 40), (25, 60)):
        body = bodies.whatsapp(messages, words)
        rows[f"whatsapp, {messages} in one"] = {OURS: _ours("whatsapp", body), "pywa": _pywa(body)}
    for messages, words in ((1, 25), (20, 60)):
        body = bodies.messenger(messages, words)
        rows[f"messenger, {messages} in one"] = {OURS: _ours("facebook", body), "fbmessenger": _fbmessenger(body)}
    body = bodies.website(60)
    rows["website, 1"] = {OURS: _ours("web", body, WHSEC), "standardwebhooks": _standardwebhooks(body)}
    return rows


def _ours(name: str, body: bytes, key: str = KEY) -> Normalise:
    channel = channels.load(name)
    secrets = OneSecret(key).channel("")
    request = Request(method="POST", headers=channel.sign(body, secrets[0], NOW, "m1"), query={}, body=body)

    def normalise() -> int:
        channel.verify(request, secrets, NOW)
        return sum(event.kind is Kind.MESSAGE for event in channel.parse(request.body, NOW))

    return normalise


def _pywa(body: bytes) -> Normalise:
    client = pywa.WhatsApp(
        phone_id="1",
        token="token",  # noqa: S106 - made up
        app_secret=KEY,
        verify_token="word",  # noqa: S106 - made up
        server=None,
        filter_updates=False,
        skip_duplicate_updates=False,
    )
    got: list[object] = []
    client.add_handlers(pywa.handlers.MessageHandler(lambda _, message: got.append(message.text)))
    signature = _hub(body)

    def normalise() -> int:
        got.clear()
        assert not client.webhook_update_validator(body, signature)
        client.webhook_update_handler(body)
        return len(got)

    return normalise


class _Page(fbmessenger.BaseMessenger):
    def __init__(self) -> None:
        super().__init__("token")
        self.got: list[str] = []

    def message(self, message: dict) -> None:
        self.got.append(message["message"]["text"])


def _fbmessenger(body: bytes) -> Normalise:
    page, signature = _Page(), _hub(body)

    def normalise() -> int:
        page.got.clear()
        assert hmac.compare_digest(_hub(body), signature)
        page.handle(json.loads(body))
        return len(page.got)

    return normalise


def _standardwebhooks(body: bytes) -> Normalise:
    """It reads the clock itself, so it gets a delivery signed now."""
    signer = Secret(account_id="acc", signing=(WHSEC,))
    library, headers, signed_at = standardwebhooks.Webhook(WHSEC), {}, 0.0

    def normalise() -> int:
        nonlocal headers, signed_at
        if time.monotonic() - signed_at > 60 or not headers:
            headers, signed_at = channels.load("web").sign(body, signer, datetime.now(UTC), "m1"), time.monotonic()
        data = library.verify(body, headers)["data"]
        return len([(data["external_id"], data["author"]["name"], data["text"], data["sent_at"])])

    return normalise


def _hub(body: bytes) -> str:
    return "sha256=" + hmac.digest(KEY.encode(), body, "sha256").hex()
