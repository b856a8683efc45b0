"""The platform sandbox: one HTTP server that plays every platform's API, with its checks, errors and echoes.

    python -m infra.local.sandbox --port 8081 --state .nightdesk/sandbox

A call that would go to https://HOST/PATH goes to http://127.0.0.1:PORT/HOST/PATH. What exists (accounts, people,
comments) is told to it under /_sandbox/; see infra/local/platforms/control.py. Everything outlives a restart.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

from infra.local import platforms, serving
from infra.local.platforms import control, courier, world
from infra.local.platforms.exchange import Platform, PlatformAnswer, PlatformCall, Refusal, Telling
from infra.local.serving import Incoming, Outgoing, json_answer
from shared.domain.exchange import Secret
from shared.errors import NightdeskError

_KEPT_TOLD = 500

Sign = Callable[[str, bytes, Secret, datetime, str], Mapping[str, str]]


def sign_as_platform(channel: str, body: bytes, secret: Secret, now: datetime, delivery_id: str) -> Mapping[str, str]:
    """The headers with which the channel's platform sends a body."""
    from shared.channels import load_pushing  # here: the sandbox runs beside a channel file that does not import

    return load_pushing(channel).sign(body, secret, now, delivery_id)


class Sandbox:
    """All platforms. `answer` serves one request; safe to call from many threads."""

    def __init__(
        self,
        state: Path,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sign: Sign = sign_as_platform,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take up the world that was saved in the directory `state`, which is made where it is missing."""
        state.mkdir(parents=True, exist_ok=True)
        self._file = state / "sandbox.json"
        self._world = world.load(self._file)
        self._lock = threading.RLock()
        self._now, self._sign, self._pause = now, sign, pause
        self._courier = courier.Courier(self._deliver, self._told, pause)

    def finish(self) -> None:
        """Wait until every echo and status has been delivered or given up."""
        self._courier.finish()

    def answer(self, incoming: Incoming) -> Outgoing:
        """What the sandbox, or the platform it plays, answers."""
        first, _, rest = incoming.path.lstrip("/").partition("/")
        if first == "_health":
            return json_answer({"ok": True})
        if first == "_sandbox":
            return self._control(incoming, rest)
        platform = platforms.hosts().get(first)
        if platform is not None:
            return self._play(platform, self._call(incoming, first, f"/{rest}"))
        return json_answer({"error": f"No platform plays {first!r}. There are: {', '.join(platforms.hosts())}."}, 404)

    # Playing a platform

    def _call(self, incoming: Incoming, host: str, path: str) -> PlatformCall:
        params, malformed = _params(incoming)
        return PlatformCall(
            host=host, method=incoming.method, path=path, headers=incoming.headers,
            params={**incoming.query, **params}, body=incoming.body, malformed=malformed, now=self._now(),
        )  # fmt: skip

    def _play(self, platform: Platform, call: PlatformCall) -> Outgoing:
        try:
            fault = self._next_fault(platform, call)
            if fault is not None and fault.kind == "slow":
                self._pause(fault.seconds)
            elif fault is not None and fault.kind != "lost_answer":
                raise platform.trouble(fault.kind, fault.channel or "")
            given = self._carry_out(platform, call)
        except Refusal as refusal:
            return _outgoing(refusal.answer)
        release = self._courier.prepare(self._wanted(given.tellings))
        cut = fault is not None and fault.kind == "lost_answer"
        return _outgoing(given, cut=cut, afterwards=release)

    def _next_fault(self, platform: Platform, call: PlatformCall) -> world.Fault | None:
        """Only posts meet trouble: a look-up in between must not use it up."""
        if call.method != "POST":
            return None
        with self._lock:
            channel = platform.channel_of(call, self._world)
            fault = self._world.take_fault(call.host, channel)
            if fault is None:
                return None
            self._save()
            return world.Fault(host=fault.host, kind=fault.kind, times=0, channel=channel, seconds=fault.seconds)

    def _carry_out(self, platform: Platform, call: PlatformCall) -> PlatformAnswer:
        with self._lock:
            given = platform.answer(call, self._world)
            if call.method != "GET":
                self._save()
            return given

    def _wanted(self, tellings: tuple[Telling, ...]) -> tuple[Telling, ...]:
        with self._lock:
            accounts = {(a.channel, a.account_id): a.echoes for a in self._world.accounts}
            if self._world.webhook_url is None:
                return ()
            return tuple(t for t in tellings if accounts.get((t.channel, t.account_id)))

    # Delivering to the webhook

    def _deliver(self, telling: Telling) -> courier.Heard:
        with self._lock:
            base = self._world.webhook_url
            account = self._world.account(telling.channel, telling.account_id)
        if base is None or account is None:
            return courier.Heard(0, "Neither webhook_url nor the account may be missing: POST /_sandbox/accounts.")
        secret = Secret(account_id=account.account_id, signing=tuple(account.signing), credentials=account.credentials)
        try:
            headers = self._sign(telling.channel, telling.body, secret, self._now(), world.opaque("evt_", 12))
        except NightdeskError as error:
            return courier.Heard(0, f"Not signed: {error}")
        url = courier.webhook_of(base, telling.channel)
        return courier.request("POST", url, {"content-type": "application/json", **headers}, telling.body)

    def _told(self, telling: Telling, heard: courier.Heard, attempts: int) -> None:
        told = world.Told(
            channel=telling.channel, status=heard.status, body=heard.body, at=self._now().timestamp(), attempts=attempts
        )
        with self._lock:
            self._world.told[:] = [*self._world.told, told][-_KEPT_TOLD:]
            self._save()

    # Control

    def _control(self, incoming: Incoming, what: str) -> Outgoing:
        try:
            if incoming.method == "GET":
                return self._look(what, incoming.query)
            if incoming.method == "POST":
                return self._change(what, incoming.json_object())
            if (incoming.method, what) == ("DELETE", "faults"):
                return self._forget_faults()
        except ValueError as error:
            return json_answer({"error": str(error)}, 400)
        return json_answer({"error": "Use GET, POST or DELETE /_sandbox/faults."}, 405)

    def _look(self, what: str, query: Mapping[str, str]) -> Outgoing:
        with self._lock:
            views: Mapping[str, Callable[[], object]] = {
                "posts": lambda: control.posts(self._world, query.get("channel")),
                "accounts": lambda: control.accounts(self._world),
                "faults": lambda: control.faults(self._world),
                "told": lambda: [vars_of(told) for told in self._world.told],
            }
            if what not in views:
                return json_answer({"error": f"There is no /_sandbox/{what}. There are: {', '.join(views)}."}, 404)
            return json_answer(views[what]())

    def _change(self, what: str, wish: Mapping[str, object]) -> Outgoing:
        if what == "subscribe":
            return self._subscribe(str(wish.get("channel")))
        with self._lock:
            changes: Mapping[str, Callable[[], object]] = {
                "accounts": lambda: control.set_accounts(self._world, wish),
                "deliveries": lambda: self._learn(wish),
                "faults": lambda: control.add_fault(self._world, wish),
            }
            if what not in changes:
                return json_answer({"error": f"There is no POST /_sandbox/{what}."}, 404)
            done = changes[what]()
            self._save()
            return json_answer(done)

    def _learn(self, wish: Mapping[str, object]) -> dict[str, object]:
        body = control.delivery_body(wish)
        return {"learnt": control.learn(self._world, str(wish.get("channel")), body, self._now())}

    def _subscribe(self, channel: str) -> Outgoing:
        with self._lock:
            word, base = control.handshake_word(self._world, channel), self._world.webhook_url
        if base is None:
            raise control.BadControl("There is no webhook_url yet: POST /_sandbox/accounts.")
        challenge = world.digits(10)
        heard = courier.handshake(base, channel, word, challenge)
        ok = heard.status == 200 and heard.body == challenge
        return json_answer({"channel": channel, "ok": ok, "status": heard.status, "body": heard.body})

    def _forget_faults(self) -> Outgoing:
        with self._lock:
            self._world.faults.clear()
            self._save()
            return json_answer([])

    def _save(self) -> None:
        world.save(self._world, self._file)


def vars_of(told: world.Told) -> dict[str, object]:
    """A delivery of ours and its end, for people."""
    return {"channel": told.channel, "status": told.status, "body": told.body, "attempts": told.attempts}


def _params(incoming: Incoming) -> tuple[dict[str, object], bool]:
    """The body's parameters, from JSON or from a form whose values may be JSON; whether it is neither."""
    if not incoming.body:
        return {}, False
    if incoming.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = parse_qsl(incoming.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: _structured(value) for name, value in form}, False
    try:
        return incoming.json_object(), False
    except (ValueError, RecursionError):
        return {}, True


def _structured(value: str) -> object:
    if value[:1] not in {"{", "["}:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _outgoing(given: PlatformAnswer, *, cut: bool = False, afterwards: Callable[[], None] | None = None) -> Outgoing:
    body = given.body if isinstance(given.body, bytes) else _json(given.body)
    headers = {"content-type": "application/json; charset=UTF-8", **given.headers}
    return Outgoing(status=given.status, body=body, headers=headers, cut=cut, afterwards=afterwards)


def _json(value: object) -> bytes:
    """As Meta writes it, with escaped slashes: to every reader they mean the same."""
    return b"" if value is None else json.dumps(value).replace("/", "\\/").encode()


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.sandbox", description="Plays every platform's API.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    wanted = parser.parse_args()
    serving.server(wanted.port, Sandbox(wanted.state).answer).serve_forever()


if __name__ == "__main__":
    main()
