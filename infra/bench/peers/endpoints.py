"""The webhook without its AWS call: verify, keep, answer 200. Ours against the floor and against two frameworks.

All keep the delivery in memory, none parses it; ours also writes its log line. The floor is what nobody can leave out
who wants to know what a delivery says: HMAC-SHA256, a comparison in constant time, and `json.loads`.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import apig_wsgi
import fastapi
import flask
import mangum

import functions.webhook.handler as ours
from infra.bench import bodies
from infra.bench.given import KEY, NOW, LastDelivery, OneSecret, api_event
from infra.bench.measuring import Timing, in_turns
from shared import channels
from shared.domain.exchange import Delivery
from shared.services.webhook import Webhook

FLOOR, OURS, FASTAPI, FLASK = "floor", "nightdesk", "fastapi+mangum", "flask+apig-wsgi"
BODIES = {"0.7 KB": bodies.whatsapp(1, 25), "2.3 KB": bodies.whatsapp(4, 40), "16 KB": bodies.whatsapp(25, 60)}

Handler = Callable[[dict[str, Any], object], Mapping[str, Any]]


class SystemClock:
    """Reads the time, as the function does."""

    def now(self) -> datetime:
        """Now."""
        return datetime.now(UTC)


class FixedIds:
    """One name for all."""

    def new(self) -> str:
        """It."""
        return "delivery-1"


def measure() -> dict[str, dict[str, Timing]]:
    """By size of the body and endpoint."""
    return {size: in_turns(_candidates(body)) for size, body in BODIES.items()}


def _candidates(body: bytes) -> dict[str, Callable[[], object]]:
    headers = channels.load("whatsapp").sign(body, OneSecret().channel("whatsapp")[0], NOW, "")
    event = api_event("whatsapp", body, headers)
    signature = headers["x-hub-signature-256"]
    handlers = {OURS: _nightdesk(body), FASTAPI: _fastapi(body), FLASK: _flask(body)}
    for name, handler in handlers.items():
        _check(name, handler, event)
    served = {name: (lambda handler=handler: handler(event, None)) for name, handler in handlers.items()}
    return {FLOOR: lambda: _proven(body, signature) and json.loads(body), **served}


def _proven(body: bytes, signature: str) -> bool:
    return hmac.compare_digest("sha256=" + hmac.digest(KEY.encode(), body, "sha256").hex(), signature)


def _check(name: str, handler: Handler, event: dict[str, Any]) -> None:
    forged = event | {"headers": event["headers"] | {"x-hub-signature-256": "sha256=" + "0" * 64}}
    answers = [handler(one, None)["statusCode"] for one in (event, forged)]
    assert answers == [200, 401], f"{name} answered {answers}"


def _nightdesk(body: bytes) -> Handler:
    inbox = LastDelivery()
    service = Webhook(channels.load, OneSecret(), inbox, SystemClock(), FixedIds(), 3_145_728)
    ours.webhook = lambda: service  # in place of the one that bootstrap wires to AWS

    def handler(event: dict[str, Any], context: object) -> Mapping[str, Any]:
        inbox.delivery = None
        answer = ours.handler(event, context)
        assert answer["statusCode"] != 200 or inbox.delivery.body == body
        return answer

    return handler


def _fastapi(body: bytes) -> Handler:
    app, inbox = fastapi.FastAPI(), LastDelivery()

    @app.post("/webhooks/{channel}")
    async def webhook(channel: str, request: fastapi.Request) -> fastapi.Response:
        raw = await request.body()
        if not _proven(raw, request.headers.get("x-hub-signature-256", "")):
            return fastapi.Response(status_code=401)
        inbox.put(_delivery(channel, raw))
        return fastapi.Response(status_code=200)

    return _checked(mangum.Mangum(app, lifespan="off"), inbox, body)


def _flask(body: bytes) -> Handler:
    app, inbox = flask.Flask("bench"), LastDelivery()

    @app.post("/webhooks/<channel>")
    def webhook(channel: str) -> tuple[str, int]:
        raw = flask.request.get_data()
        if not _proven(raw, flask.request.headers.get("x-hub-signature-256", "")):
            return "", 401
        inbox.put(_delivery(channel, raw))
        return "", 200

    return _checked(apig_wsgi.make_lambda_handler(app), inbox, body)


def _delivery(channel: str, raw: bytes) -> Delivery:
    return Delivery(delivery_id="delivery-1", channel=channel, body=raw, received_at=datetime.now(UTC))


def _checked(adapter: Handler, inbox: LastDelivery, body: bytes) -> Handler:
    def handler(event: dict[str, Any], context: object) -> Mapping[str, Any]:
        inbox.delivery = None
        answer = adapter(event, context)
        assert answer["statusCode"] != 200 or inbox.delivery.body == body
        return answer

    return handler
