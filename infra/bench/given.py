"""What the measured code is given: one secret of every kind, and requests as API Gateway hands them on."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.domain.exchange import Delivery, Secret

KEY = "0123456789abcdef0123456789abcdef"
WHSEC = "whsec_" + base64.b64encode(KEY.encode()).decode()
NOW = datetime(2026, 3, 20, 10, 0, tzinfo=UTC)


class OneSecret:
    """Secrets of one account, in memory."""

    def __init__(self, signing: str = KEY) -> None:
        self._secrets = (Secret(account_id="acc", signing=(signing,), verify_token="word"),)  # noqa: S106 - made up

    def channel(self, name: str, *, refresh: bool = False) -> tuple[Secret, ...]:  # noqa: ARG002 - the port's signature
        """The one."""
        return self._secrets


class LastDelivery:
    """An inbox in memory that keeps what came last."""

    delivery: Delivery | None = None

    def put(self, delivery: Delivery) -> None:
        """Keep it."""
        self.delivery = delivery


def api_event(channel: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """A POST to the webhook as API Gateway's HTTP API gives it to a function (payload format 2.0)."""
    path = f"/webhooks/{channel}"
    about = {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "platform"}
    return {
        "version": "2.0",
        "routeKey": "ANY /webhooks/{channel}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "content-length": str(len(body)),
            "content-type": "application/json",
            "host": "desk.example.com",
            "user-agent": "platform",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            **headers,
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "desk.example.com",
            "domainPrefix": "desk",
            "http": about,
            "requestId": "request-1",
            "routeKey": "ANY /webhooks/{channel}",
            "stage": "$default",
            "time": "20/Mar/2026:10:00:00 +0000",
            "timeEpoch": int(NOW.timestamp() * 1000),
        },
        "pathParameters": {"channel": channel},
        "body": body.decode(),
        "isBase64Encoded": False,
    }
