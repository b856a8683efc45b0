"""`nightdesk connect`: set up one account of one channel, and prove that it works."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import Json, console, print_json
from shared.errors import Misconfigured

if TYPE_CHECKING:
    from infra.cli.connecting import Connected, Place, Say
    from shared.domain.connecting import Connecting, Wanted
    from shared.domain.exchange import Secret

StackName = Annotated[
    str | None,
    typer.Option("--stack", metavar="NAME", help="A stack on AWS, with your own credentials, instead of the laptop."),
]
AnswersFile = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="FILE",
        dir_okay=False,
        allow_dash=True,
        help="A JSON object of the answers, - for stdin; nothing is asked.",
    ),
]


def connect(
    channel: Annotated[str | None, typer.Argument(help="Such as whatsapp; without one all are listed.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="The account's id, if you know it.")] = None,
    stack: StackName = None,
    answers: AnswersFile = None,
    rotate: Annotated[bool, typer.Option("--rotate", help="Keep the present signing key as the previous one.")] = False,
    as_json: Json = False,
) -> None:
    """Connect an account: ask for what it needs, store it, subscribe it, prove it.

    Ends 0 when it is proven, or when no call can prove it, as with mail. Asked for a key of several lines, answer @PATH
    with the file that holds it.
    """
    if channel is None:
        _list(as_json=as_json)
        return
    from infra.cli.connecting import channel_to_connect
    from infra.cli.places import laptop, on_aws

    spoken = channel_to_connect(channel)
    screen = console(stderr=as_json)
    given = _read(answers, spoken, account) if answers is not None else None
    place = on_aws(stack) if stack is not None else laptop()
    ask = _Asking(given=given, account=account, rotate=rotate, file=answers, on_stderr=as_json)
    result = _connected(place, channel, spoken, ask, lambda step: screen.print(f"[dim]{step} ...[/dim]"))
    if as_json:
        print_json(result)
    else:
        _show(channel, result, played=place.played)
    if result.who is None and result.provable:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """How the answers are come by: `given` in a file, or asked for; `on_stderr` keeps stdout for JSON."""

    given: Mapping[str, str] | None
    account: str | None
    rotate: bool
    file: Path | None
    on_stderr: bool


def _connected(place: Place, name: str, channel: Connecting, ask: _Asking, say: Say) -> Connected:
    from infra.cli import connecting

    wanted = channel.SETUP.wanted
    told = dict(ask.given or {})
    if ask.given is None:
        typer.echo("What you type for a secret is not shown; @PATH takes it from a file.", err=ask.on_stderr)
    if not told.get(connecting.ACCOUNT):
        told[connecting.ACCOUNT] = ask.account or _asked_account(wanted, ask)
    before = connecting.known(place, name, connecting.account_of(told, _question_of_account(wanted)[0]))
    others = tuple(one for one in wanted if one.name != connecting.ACCOUNT)
    address = connecting.address_of(place, name)
    if ask.given is None:
        told |= {one.name: _asked(one, before, address, ask) for one in others}
    absent = connecting.missing(others, told, before)
    if absent:
        where = f" in {ask.file}" if ask.file is not None else ""
        raise Misconfigured(f"Missing{where}: {'; '.join(f'{one.name} ({one.ask}: {one.where})' for one in absent)}.")
    made = connecting.made_up(others, told, before, rotate=ask.rotate)
    offered = connecting.offered(others, told, before, address)
    all_told = {**told, **offered, **made}
    if ask.rotate:
        connecting.refuse_empty_rotation(wanted, all_told, before)
    secret = connecting.secret_of(all_told, before, rotate=ask.rotate)
    return connecting.connect(place, name, secret, made, offered, say)


# Asking


def _question_of_account(wanted: tuple[Wanted, ...]) -> tuple[str, str]:
    one = next((w for w in wanted if w.name == "account_id"), None)
    return (one.ask, one.where) if one is not None else ("A name for the account", "your own choice")


def _asked_account(wanted: tuple[Wanted, ...], ask: _Asking) -> str:
    question, where = _question_of_account(wanted)
    return str(typer.prompt(f"{question} [{where}]", type=str, err=ask.on_stderr)).strip()


def _asked(one: Wanted, before: Secret | None, address: str, ask: _Asking) -> str:
    """An answer; nothing where the stored one stays, or it may be left out, is known, or is to be made up. A secret of
    several lines, such as a key in PEM, is named by its file: @PATH.
    """
    otherwise = _otherwise(one, before, address, rotate=ask.rotate)
    question = f"{one.ask} [{one.where}{'; ' if otherwise else ''}{otherwise}]"
    default = "" if otherwise else None
    answer: str = typer.prompt(
        question, default=default, hide_input=one.secret, show_default=False, type=str, err=ask.on_stderr
    )
    if one.secret and answer.startswith("@"):
        return _contents(answer[1:])
    if answer.lstrip().startswith("-----BEGIN") and "-----END" not in answer:
        raise Misconfigured(
            f"{one.ask}: only its first line can be typed in. Answer @PATH with the file that holds it."
        )
    return answer.strip()


def _otherwise(one: Wanted, before: Secret | None, address: str, *, rotate: bool) -> str:
    """What a bare Enter does; nothing where an answer is needed."""
    from infra.cli.connecting import SIGNING, stored

    if before is not None and stored(before, one.name) and not (rotate and one.name == SIGNING):
        return "Enter keeps the present one"
    if one.made:
        return "Enter makes one up"
    if one.offered:
        return f"Enter takes {one.offered.replace('{webhook_url}', address)}"
    return "Enter leaves it out" if one.optional else ""


def _contents(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read ({type(error).__name__}).") from error


def _read(file: Path, channel: Connecting, account: str | None) -> dict[str, str]:
    """The answers of a file: names of the channel's own list, each with a text."""
    found = _loaded(file)
    known = {one.name for one in channel.SETUP.wanted} | {"account_id"}
    if not isinstance(found, dict):
        raise Misconfigured(f"{file} must hold one JSON object of texts: {', '.join(sorted(known))}.")
    strange = sorted(set(found) - known)
    if strange:
        raise Misconfigured(f"{file}: nobody asked for {', '.join(strange)}; there are: {', '.join(sorted(known))}.")
    odd = sorted(name for name, value in found.items() if not isinstance(value, str))
    if odd:
        raise Misconfigured(f"{file} must hold one JSON object of texts, in quotes; no text is: {', '.join(odd)}.")
    if account is not None and found.get("account_id", account) != account:
        raise Misconfigured(f"{file} is about the account {found['account_id']}, --account says {account}.")
    if account is None and not found.get("account_id"):
        raise Misconfigured(f'{file} names no "account_id"; put one there or say --account.')
    return {**found, "account_id": account or found["account_id"]}


def _loaded(file: Path) -> object:
    try:
        return json.loads(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror}.") from error
    except json.JSONDecodeError as error:  # its own text carries the secrets
        place = f"line {error.lineno}, column {error.colno}"
        raise Misconfigured(f"{file} is not JSON: {error.msg} at {place}.") from None
    except (ValueError, RecursionError):
        raise Misconfigured(f"{file} is not JSON in UTF-8.") from None


# Showing


def _show(name: str, result: Connected, *, played: bool) -> None:
    screen = console()
    for line, style in (*_done(result), *_ended(name, result, played=played)):
        screen.print(line, style=style, markup=False, soft_wrap=True)  # what is copied from it must not be cut


def _done(result: Connected) -> Iterator[tuple[str, str]]:
    """What was stored and asked for, and what is left to a person; each with its style."""
    yield f"Stored in {result.parameter}.", ""
    for what, value in result.offered.items():
        yield f"Taken, as nothing else was said: {what} = {value}", ""
    for what, value in result.made.items():
        yield f"Made up, for where the platform asks for it: {what} = {value}", ""
    if result.webhook_url is not None:
        yield f"Webhook URL: {result.webhook_url}", ""
    for trouble in result.undone:
        yield f"! {trouble}", "yellow"
    for number, tick in enumerate(result.ticks):
        heading = "" if number else "On the platform:\n"
        yield f"{heading}  - {tick}", ""


def _ended(name: str, result: Connected, *, played: bool) -> Iterator[tuple[str, str]]:
    if result.who is not None:
        yield f"Proven: the platform knows this account as {result.who}.", "bold green"
        if played:
            yield (
                "The platform was the sandbox, which takes any account as it is entered: no real one was asked.",
                "dim",
            )
    elif result.provable:
        yield f"Not proven: {result.reason}", "bold red"
        yield f"It is stored all the same. Put it right and run `nightdesk connect {name}` again.", ""
    else:
        yield f"Connected. {result.reason}", "bold green"


def _list(*, as_json: bool) -> None:
    """The channels with how they work."""
    from shared.channels import load, names
    from shared.domain.connecting import connecting

    rows = []
    for name in names():
        channel = load(name)
        setup = connecting(channel)
        asked = [one.name for one in setup.SETUP.wanted] if setup is not None else []
        how = [str(how) for how in channel.ABOUT.how]
        rows.append({"channel": name, "title": channel.ABOUT.title, "how": how, "asks_for": asked})
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("channel", "what", "how", "is asked for"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        cells = (value if isinstance(value, str) else ", ".join(value) for value in row.values())
        table.add_row(*cells)
    console().print(table)
    console().print("\nNext: nightdesk connect CHANNEL", markup=False)
