"""ANY /webhooks/{channel}: prove, keep, answer."""

from __future__ import annotations

import base64
from typing import Any

from shared.bootstrap import webhook
from shared.domain.exchange import Request
from shared.observability import line


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one request of the HTTP API (payload format 2.0)."""
    channel = (event.get("pathParameters") or {}).get("channel", "")
    response = webhook().answer(channel, _request(event))
    line("webhook", channel=channel[:40], status=response.status)
    return {"statusCode": response.status, "headers": {"content-type": response.content_type}, "body": response.body}


def _request(event: dict[str, Any]) -> Request:
    return Request(
        method=event["requestContext"]["http"]["method"],
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        query=event.get("queryStringParameters") or {},
        body=_body(event),
    )


def _body(event: dict[str, Any]) -> bytes:
    body: str = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body)
    except ValueError:  # also of what is not ASCII
        return b""
