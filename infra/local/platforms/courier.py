"""Delivers to the webhook as a platform does: signed with the account's secret, again a few times when it fails."""

from __future__ import annotations

import http.client
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from infra.local.platforms.exchange import Telling

_TIMEOUT_SECONDS = 20
_PAUSES_SECONDS = (0.5, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the webhook answered; status 0 where nobody did."""

    status: int
    body: str


def request(method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Heard:
    """One HTTP request. Names under .localhost are this machine, whether or not its resolver knows them (RFC 6761)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    here = host == "localhost" or host.endswith(".localhost")
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind("127.0.0.1" if here else host, port, timeout=_TIMEOUT_SECONDS)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body, {"Host": parts.netloc, **headers})
        answer = connection.getresponse()
        return Heard(answer.status, answer.read(4096).decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException) as error:
        return Heard(0, f"{type(error).__name__}: {error}")
    finally:
        connection.close()


def webhook_of(base: str, channel: str) -> str:
    """The webhook's address for a channel: `base` with "{channel}" filled in, or with the channel at its end."""
    return base.replace("{channel}", channel) if "{channel}" in base else f"{base.rstrip('/')}/{channel}"


def handshake(base: str, channel: str, verify_token: str, challenge: str) -> Heard:
    """Meta's verification request. Source: Graph API, "Webhooks: Getting Started"."""
    query = urlencode({"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token})
    return request("GET", f"{webhook_of(base, channel)}?{query}", {})


class Courier:
    """One thread that delivers in order. `deliver` does one attempt; `told` hears how each delivery ended."""

    def __init__(
        self,
        deliver: Callable[[Telling], Heard],
        told: Callable[[Telling, Heard, int], None],
        pause: Callable[[float], None],
    ) -> None:
        """Start the thread; it ends with the process."""
        self._deliver, self._told, self._pause = deliver, told, pause
        self._waiting: queue.Queue[tuple[Telling, threading.Event]] = queue.Queue()
        threading.Thread(target=self._run, name="courier", daemon=True).start()

    def prepare(self, tellings: tuple[Telling, ...]) -> Callable[[], None]:
        """Deliver these once the returned function is called: a platform answers first and tells afterwards."""
        answered = threading.Event()
        for telling in tellings:
            self._waiting.put((telling, answered))
        return answered.set

    def finish(self) -> None:
        """Wait until everything has been delivered or given up."""
        self._waiting.join()

    def _run(self) -> None:
        while True:
            telling, answered = self._waiting.get()
            answered.wait()
            try:
                self._told(telling, *self._try(telling))
            finally:
                self._waiting.task_done()

    def _try(self, telling: Telling) -> tuple[Heard, int]:
        heard = self._deliver(telling)
        for attempt, seconds in enumerate(_PAUSES_SECONDS, start=1):
            if 200 <= heard.status < 500 and heard.status != 429:
                return heard, attempt
            self._pause(seconds)
            heard = self._deliver(telling)
        return heard, len(_PAUSES_SECONDS) + 1
