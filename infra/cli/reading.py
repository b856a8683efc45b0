"""`nightdesk verify` and `nightdesk normalize`: what the desk makes of a raw delivery, without any stack.

Both take any bytes. Exit codes: 0 all is well; 1 the delivery is refused or unreadable; 2 the command cannot be carried
out as it was typed.
"""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import Json, complain
from shared.channels import load, load_pushing
from shared.domain.connecting import connecting
from shared.domain.events import as_json
from shared.domain.exchange import Channel, Pushing, Request, Secret
from shared.errors import SignatureRejected, UnknownChannel, Unreadable

reading = typer.Typer(no_args_is_help=True)

ChannelName = Annotated[str, typer.Argument(metavar="CHANNEL", help="A file of shared/channels: facebook, web, ...")]
BodyPath = Annotated[str, typer.Argument(metavar="BODY", help="The raw body as it came: a path, or - for stdin.")]
At = Annotated[str | None, typer.Option(metavar="ISO", help="The time of receipt, ISO 8601. Without it: now.")]


@dataclass(frozen=True, slots=True)
class _Result:
    """What a command says and how it ends: `line` for people, `value` for --json; a failure is no answer at all."""

    code: int
    line: str
    value: object
    failure: bool = False


class _Misuse(Exception):
    """The command cannot be carried out as it was typed; the message names what to do."""


@reading.command()
def verify(
    channel: ChannelName,
    body: BodyPath,
    headers: Annotated[str, typer.Option(metavar="FILE", help='The headers: a JSON object or "Name: value" lines.')],
    secret: Annotated[list[str], typer.Option(metavar="S", help="A signing key; again for the previous one.")],
    raw_secret: Annotated[bool, typer.Option("--raw-secret", help="web: the keys are plain text, not base64.")] = False,
    credential: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="What the proof also needs: sms webhook_url=https://..."),
    ] = None,
    at: At = None,
    as_json_value: Json = False,
) -> None:
    """Say whether a delivery proves where it comes from. Ends with 0 only if it is accepted."""

    def result() -> _Result:
        if headers == body == "-":
            raise _Misuse("Headers and body cannot both come from stdin: give one of them as a file.")
        form = {"secret_form": "raw"} if raw_secret else {}
        account = Secret(account_id="command line", signing=tuple(secret), credentials=form | _pairs(credential or ()))
        request = Request(method="POST", headers=_headers(_bytes(headers)), query={}, body=_bytes(body))
        return _verdict(_pushing(channel), request, account, _instant(at))

    _finish(_guarded(result), as_json_value=as_json_value)


@reading.command()
def normalize(channel: ChannelName, body: BodyPath, at: At = None, as_json_value: Json = False) -> None:
    """Print the events of a delivery as a JSON list, whether it is signed or not."""

    def result() -> _Result:
        return _events(_channel(channel), _bytes(body), _instant(at))

    _finish(_guarded(result), as_json_value=as_json_value)


def _verdict(channel: Pushing, request: Request, account: Secret, now: datetime) -> _Result:
    try:
        channel.verify(request, (account,), now)
    except SignatureRejected as refusal:
        reason = f"{refusal}{_hint(channel, account, str(refusal))}"
        return _Result(1, f"refused: {reason}", {"accepted": False, "reason": reason})
    return _Result(0, "accepted", {"accepted": True, "reason": None})


def _hint(channel: Pushing, account: Secret, reason: str) -> str:
    """How to say what the reason names and the command line left out."""
    setup = connecting(channel)
    wanted = setup.SETUP.wanted if setup is not None else ()
    absent = [
        one.name for one in wanted if one.name in re.findall(r"\w+", reason) and one.name not in account.credentials
    ]
    named = [f"--credential {name}=..." for name in absent if name not in {"account_id", "signing", "verify_token"}]
    return f" Say {', '.join(named)}." if named else ""


def _events(channel: Channel, body: bytes, received_at: datetime) -> _Result:
    try:
        events = [as_json(event) for event in channel.parse(body, received_at)]
    except Unreadable as error:
        return _Result(1, f"unreadable: {error}", {"error": str(error)}, failure=True)
    return _Result(0, _written(events, indent=2), events)


def _guarded(result: Callable[[], _Result]) -> _Result:
    """The result, or one line for whatever went wrong: a person at a terminal is not helped by a traceback."""
    try:
        return result()
    except _Misuse as misuse:
        return _Result(2, str(misuse), {"error": str(misuse)}, failure=True)
    except Exception as fault:  # noqa: BLE001 - the outermost edge of the command
        said = f"Nightdesk itself failed ({type(fault).__name__}). Please report it with the delivery that caused it."
        return _Result(1, said, {"error": said}, failure=True)


def _finish(result: _Result, *, as_json_value: bool) -> None:
    """Answers go to stdout as bytes, for the terminal's encoding may not hold what people write; failures to stderr."""
    if result.failure and not as_json_value:
        complain(result.line)
    else:
        shown = _written(result.value) if as_json_value else result.line
        typer.echo(shown.encode("utf-8", "replace"))
    raise typer.Exit(result.code)


def _written(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _pushing(name: str) -> Pushing:
    try:
        return load_pushing(name)
    except UnknownChannel as error:
        raise _Misuse(str(error)) from error


def _channel(name: str) -> Channel:
    try:
        return load(name)
    except UnknownChannel as error:
        raise _Misuse(f"{error} Name one of them.") from error


def _pairs(given: Iterable[str]) -> dict[str, str]:
    split = [one.partition("=") for one in given]
    if not all(name and equals for name, equals, _ in split):
        raise _Misuse("Write a credential as NAME=VALUE.")
    return {name: value for name, _, value in split}


def _bytes(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        raise _Misuse(f"Cannot read {path!r} ({why}): give a file that exists and is readable, or -.") from error


def _instant(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    try:
        instant = datetime.fromisoformat(at)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _Misuse(f"Cannot read the time {at!r}: write it like 2026-11-09T18:30:00Z.") from error


def _headers(content: bytes) -> Mapping[str, str]:
    """Header names in lower case; a name that comes twice is joined by a comma, as the HTTP API does it."""
    content = content.removeprefix(codecs.BOM_UTF8).strip()
    pairs = _json_pairs(content) if content.startswith(b"{") else _line_pairs(content)
    joined: dict[str, str] = {}
    for name, value in pairs:
        lowered = name.strip().lower()
        joined[lowered] = f"{joined[lowered]},{value}" if lowered in joined else value
    return joined


def _json_pairs(content: bytes) -> list[tuple[str, str]]:
    try:
        read = json.loads(content, object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        raise _Misuse('Cannot read the headers: give a JSON object of texts, or "Name: value" lines.') from error
    return [(name, one) for name, value in read for one in _values(value)]


def _values(value: object) -> list[str]:
    """The texts of one name: gateways also write headers as lists, one text for each time a header came."""
    several = value if isinstance(value, list) else [value]
    return [one.strip() if isinstance(one, str) else json.dumps(one) for one in several]


def _line_pairs(content: bytes) -> list[tuple[str, str]]:
    """Lines without a colon, such as a request line, are no headers."""
    split = (line.partition(":") for line in content.decode("latin-1").split("\n"))
    return [(name, value.strip()) for name, colon, value in split if colon]
