"""Stands before the emulator's SES so that mails keep their headers.

`ministack` 1.5.33 takes complete MIME through SES v2 SendEmail but relays a mail of its own making: subject and text
survive, Reply-To, threading headers and the rest do not. Its SES v1 SendRawEmail relays what it was given. So raw
mails are passed on as SendRawEmail, and everything else as it came. Functions find this door by the variable
AWS_ENDPOINT_URL_SESV2 (AWS SDKs and tools reference guide, service-specific endpoints); the product knows nothing
of it.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from html import unescape
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from infra.local.serving import Incoming, Outgoing, json_answer, server

SEND = "/v2/email/outbound-emails"
_XML_TEXT = re.compile(r"<(MessageId|Code|Message)>([^<]*)</")
_DIRECT = build_opener(ProxyHandler({}))
_KEPT = ("authorization", "x-amz-date", "x-amz-security-token", "content-type", "user-agent")


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--emulator", required=True, help="origin of the emulator")
    options = parser.parse_args()

    def answer(incoming: Incoming) -> Outgoing:
        if incoming.path == "/_health":
            return json_answer({"ok": True})
        return serve(incoming, options.emulator)

    server(options.port, answer).serve_forever()


def serve(incoming: Incoming, emulator: str) -> Outgoing:
    """Answer one call of SES v2."""
    form = raw_mail(incoming)
    if form is None:
        return _forward(incoming, emulator)
    return _as_v2(_call(emulator + "/", "POST", urlencode(form).encode(), _v1_headers(incoming)))


def raw_mail(incoming: Incoming) -> dict[str, str] | None:
    """The parameters of SendRawEmail that say the same as this SendEmail; None where it is no raw mail."""
    if incoming.method != "POST" or incoming.path != SEND:
        return None
    call = json.loads(incoming.body)
    raw = call.get("Content", {}).get("Raw")
    if raw is None:
        return None
    lists = call.get("Destination", {})
    to = [address for name in ("ToAddresses", "CcAddresses", "BccAddresses") for address in lists.get(name, [])]
    return {
        "Action": "SendRawEmail",
        "Version": "2010-12-01",
        "Source": call.get("FromEmailAddress", ""),
        "RawMessage.Data": raw["Data"],
        **{f"Destinations.member.{place}": address for place, address in enumerate(to, start=1)},
    }


def _as_v2(answer: Outgoing) -> Outgoing:
    """SES v1 speaks XML, v2 JSON; the words for a refused mail are the same."""
    said = {name: unescape(text) for name, text in _XML_TEXT.findall(answer.body.decode("utf-8", "replace"))}
    if answer.status == 200:
        return json_answer({"MessageId": said.get("MessageId", "")})
    code = said.get("Code", "BadRequestException")
    return json_answer({"message": said.get("Message", "")}, answer.status, {"x-amzn-errortype": code})


def _forward(incoming: Incoming, emulator: str) -> Outgoing:
    query = f"?{urlencode(incoming.query)}" if incoming.query else ""
    return _call(emulator + incoming.path + query, incoming.method, incoming.body or None, _headers(incoming))


def _call(url: str, method: str, body: bytes | None, headers: Mapping[str, str]) -> Outgoing:
    request = Request(url, data=body, method=method, headers=dict(headers))  # noqa: S310 - our own emulator
    try:
        with _DIRECT.open(request, timeout=30) as answer:
            return _outgoing(answer.status, answer.read(), answer.headers.get("content-type"))
    except HTTPError as error:
        return _outgoing(error.code, error.read(), error.headers.get("content-type"))
    except OSError as error:
        return json_answer({"message": f"The emulator does not answer: {error}"}, 503)


def _outgoing(status: int, body: bytes, content_type: str | None) -> Outgoing:
    return Outgoing(status=status, body=body, headers={"content-type": content_type or "application/json"})


def _headers(incoming: Incoming) -> dict[str, str]:
    return {name: value for name, value in incoming.headers.items() if name in _KEPT}


def _v1_headers(incoming: Incoming) -> dict[str, str]:
    return _headers(incoming) | {"content-type": "application/x-www-form-urlencoded"}


if __name__ == "__main__":
    main()
