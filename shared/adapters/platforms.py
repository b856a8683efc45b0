"""Calls to the platforms: one HTTP call, never repeated, and a verdict on what became of it.

What matters is whether the call may have been made. A connection that could not be set up, TLS included, carried
nothing: that is Refused. Once a byte of the request may have gone out, an answer that does not come is Unclear.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationParseError, NewConnectionError, SSLError

from shared.adapters.aws_calls import AwsSigner
from shared.domain.exchange import Answer, Call, Outbound, Outcome, Refusal, Refused, Unclear
from shared.errors import Misconfigured, Unavailable, UnknownChannel
from shared.ports import Channels, Clock, Secrets

CONNECT_SECONDS = 3.05  # a little over the first retransmission of a lost SYN
READ_SECONDS = 10
LONGEST_SECONDS = 20  # for a whole body: one that drips never lets READ_SECONDS pass, and the function has other work
PIECE = 64 * 1024
LONGEST_ANSWER = 256 * 1024  # bytes; platforms answer a post with a few hundred
LONGEST_PAGE = 8 * 1024 * 1024  # bytes; a page of a hundred items with all that hangs on them is about one million

_NOT_HTTP = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    LocationParseError,
    UnicodeError,
)


class HttpPlatforms:
    """The platforms' own APIs."""

    def __init__(
        self,
        channels: Channels,
        secrets: Secrets,
        clock: Clock,
        *,
        origin: str = "",
        session: requests.Session,
        signer: AwsSigner | None = None,
        read_seconds: float | None = None,
    ) -> None:
        """`origin` plays all platforms: https://host/path is then asked as {origin}/host/path. `read_seconds`: how long
        an answer is waited for, READ_SECONDS if nothing is said.
        """
        self._channels = channels
        self._secrets = secrets
        self._clock = clock
        self._origin = origin.rstrip("/")
        self._session = session
        self._signer = signer or AwsSigner()
        self._read_seconds = read_seconds

    def post(self, outbound: Outbound) -> Outcome:
        """Post once. Raises nothing: what is not known is Unclear."""
        try:
            channel = self._channels(outbound.channel)
            secret = self._secrets.account(outbound.channel, outbound.account_id)
        except (Misconfigured, UnknownChannel) as error:
            return Refused(refusal=Refusal.BLOCKED, reason=str(error))
        except Unavailable:
            return Refused(refusal=Refusal.LATER, reason="The account's secret could not be read just now.")
        call = channel.reply(outbound, secret, self._clock.now())
        if isinstance(call, Refused):
            return call
        answer = self._call(call, LONGEST_ANSWER)
        return channel.outcome(answer) if isinstance(answer, Answer) else answer

    def perform(self, call: Call) -> Answer | Refused | Unclear:
        """Make one call that reads or renews. Raises nothing.

        An answer longer than LONGEST_PAGE bytes is cut there, and then it is no longer what the channel can read.
        """
        return self._call(call, LONGEST_PAGE)

    def _call(self, call: Call, longest: int) -> Answer | Refused | Unclear:
        signed = self._signer.signed(call) if call.aws_service is not None else call
        return signed if isinstance(signed, Refused) else self._make(signed, longest)

    def _make(self, call: Call, longest: int) -> Answer | Refused | Unclear:
        # No reason quotes an error of the library: its text holds the URL, and some platforms have tokens there.
        host = _host(call.url)
        try:
            with self._session.request(
                call.method,
                _directed(call.url, self._origin),
                headers=dict(call.headers),
                data=call.body,
                timeout=(CONNECT_SECONDS, self._read_seconds or READ_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as response:
                return Answer(
                    status=response.status_code,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=_body(response, longest),
                )
        except _NOT_HTTP as error:
            reason = f"The call to {host} cannot be put into HTTP ({type(error).__name__}). Check the account's secret."
            return Refused(refusal=Refusal.BLOCKED, reason=reason)
        except (requests.RequestException, HTTPError, OSError) as error:
            cause = _cause(error)
            if isinstance(cause, NewConnectionError | ConnectTimeoutError):
                return Refused(refusal=Refusal.LATER, reason=f"{host} could not be reached ({type(cause).__name__}).")
            return Unclear(f"{host} may have taken the call, but its answer was lost ({type(cause).__name__}).")


def _body(response: requests.Response, longest: int) -> bytes:
    """As much of the body as may be. Raises ReadTimeout where it does not come in time."""
    read, until = bytearray(), time.monotonic() + LONGEST_SECONDS
    while len(read) < longest:
        piece = response.raw.read1(min(PIECE, longest - len(read)), decode_content=True)
        if not piece:
            break
        read += piece
        if time.monotonic() > until:
            raise requests.exceptions.ReadTimeout
    return bytes(read)


def one_attempt_session() -> requests.Session:
    """A session that sends each request once, over a connection of its own, and tells before from after sending.

    A kept connection that died while the function was frozen would look like a lost answer. The environment is not
    asked: a .netrc would replace the platform's token. Cookies of one account are not shown to the next.
    """
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"connection": "close", "user-agent": "nightdesk"})
    session.mount("https://", _OneAttempt())
    session.mount("http://", _OneAttempt())
    return session


@contextmanager
def _nothing_sent_yet(connection: HTTPConnection) -> Iterator[None]:
    """Whatever fails while a connection is set up says so: urllib3 reports a handshake's timeout as a read timeout."""
    try:
        yield
    except (OSError, SSLError) as error:
        raise NewConnectionError(connection, f"connecting failed: {type(error).__name__}") from error


class _Connection(HTTPConnection):
    def connect(self) -> None:
        with _nothing_sent_yet(self):
            super().connect()


class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        with _nothing_sent_yet(self):
            super().connect()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _OneAttempt(HTTPAdapter):
    def __init__(self) -> None:
        super().__init__(max_retries=0)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


def _directed(url: str, origin: str) -> str:
    return f"{origin}/{url.partition('://')[2]}" if origin else url


def _host(url: str) -> str:
    return re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0]


def _cause(error: Exception) -> BaseException:
    """What urllib3 met, out of the envelopes that it and requests put around it."""
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    return reason if isinstance(reason, BaseException) else error
