"""A small HTTP server for the laptop's own parts: one function answers every request, on 127.0.0.1 only."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

_MAX_BODY_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request: header names in lower case, path decoded, the query as `parameters` reads it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json_object(self) -> dict[str, object]:
        """The body as a JSON object. Raises ValueError where it is none."""
        value = json.loads(self.body)
        if not isinstance(value, dict):
            raise ValueError("The body must be a JSON object.")  # noqa: TRY004  bad bytes, not a bad call
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An answer. `cut` closes the connection without sending it; `afterwards` runs when it is on its way or lost."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    afterwards: Callable[[], None] | None = None


def parameters(query: str) -> dict[str, str]:
    """A query's parameters: the last value of a repeated one, all of them, with commas between, where its name says
    that it is a list (`id[]`).
    """
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        given[name] = f"{given[name]},{value}" if name.endswith("[]") and name in given else value
    return given


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Outgoing:
    """An answer with a JSON body."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return Outgoing(
        status=status, body=body, headers={"content-type": "application/json; charset=utf-8", **(headers or {})}
    )


def server(port: int, answer: Callable[[Incoming], Outgoing]) -> ThreadingHTTPServer:
    """A server on 127.0.0.1 (port 0: any free one), not yet running: call `serve_forever`."""

    class Handler(_Handler):
        respond = staticmethod(answer)

    made = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    made.daemon_threads = True
    return made


class _Handler(BaseHTTPRequestHandler):
    respond: Callable[[Incoming], Outgoing]

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if length > _MAX_BODY_BYTES:
            self.send_error(413)
            return
        outgoing = self.respond(self._incoming(self.rfile.read(length)))
        try:
            self._hang_up() if outgoing.cut else self._send(outgoing)
        finally:
            if outgoing.afterwards is not None:
                outgoing.afterwards()

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _serve  # noqa: N815  the names are BaseHTTPRequestHandler's

    def _incoming(self, body: bytes) -> Incoming:
        parts = urlsplit(self.path)
        return Incoming(
            method=self.command,
            path=unquote(parts.path),
            query=parameters(parts.query),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )

    def _send(self, outgoing: Outgoing) -> None:
        self.send_response(outgoing.status)
        for name, value in outgoing.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(outgoing.body)))
        self.end_headers()
        self.wfile.write(outgoing.body)
        self.wfile.flush()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Say nothing: the caller's own log tells what it asked for."""
