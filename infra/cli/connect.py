"""`nightdesk connect`: set up one account of one channel, and prove that it works."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import Json, console, print_json
from shared.errors import Misconfigured

if TYPE_CHECKING:
    from infra.cli.connecting import Connected, Place, Say
    from shared.domain.connecting import Connecting, Wanted
    from shared.domain.exchange import Secret


def connect(
    channel: Annotated[str | None, typer.Argument(help="Such as whatsapp; without one all are listed.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="The account's id, if you know it.")] = None,
    stack: Annotated[
        str | None,
        typer.Option(
            "--stack", metavar="NAME", help="A stack on AWS, with your own credentials, instead of the laptop."
        ),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", dir_okay=False, help="A JSON object of the answers; nothing is asked."),
    ] = None,
    rotate: Annotated[bool, typer.Option("--rotate", help="Keep the present signing key as the previous one.")] = False,
    as_json: Json = False,
) -> None:
    """Connect an account: ask for what it needs, store it, subscribe it, prove it. Ends 0 only when it is proven.

    Asked for a key of several lines, answer @PATH with the file that holds it.
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
    result = _connected(
        place, channel, spoken, given, account, rotate=rotate, say=lambda step: screen.print(f"[dim]{step} ...[/dim]")
    )
    if as_json:
        print_json(result)
    else:
        _show(channel, result)
    if result.who is None:
        raise typer.Exit(1)


def _connected(
    place: Place,
    name: str,
    channel: Connecting,
    given: Mapping[str, str] | None,
    account: str | None,
    *,
    rotate: bool,
    say: Say,
) -> Connected:
    from infra.cli import connecting

    wanted = channel.SETUP.wanted
    told = dict(given) if given is not None else {}
    if not told.get(connecting.ACCOUNT):
        told[connecting.ACCOUNT] = account or _asked_account(wanted)
    before = connecting.known(place, name, connecting.account_of(told))
    others = tuple(one for one in wanted if one.name != connecting.ACCOUNT)
    if given is None:
        told |= {one.name: _asked(one, before, rotate=rotate) for one in others}
    absent = connecting.missing(others, told, before)
    if absent:
        raise Misconfigured(f"Missing: {'; '.join(f'{one.name} ({one.ask}: {one.where})' for one in absent)}.")
    made = connecting.made_up(others, told, before, rotate=rotate)
    secret = connecting.secret_of({**told, **made}, before, rotate=rotate)
    return connecting.connect(place, name, secret, made, say)


# Asking


def _asked_account(wanted: tuple[Wanted, ...]) -> str:
    one = next((w for w in wanted if w.name == "account_id"), None)
    question, where = (one.ask, one.where) if one is not None else ("A name for the account", "your own choice")
    return str(typer.prompt(f"{question} [{where}]", type=str)).strip()


def _asked(one: Wanted, before: Secret | None, *, rotate: bool) -> str:
    """An answer; nothing where the stored one stays, or it may be left out, or is to be made up. A secret of several
    lines, such as a key in PEM, is named by its file: @PATH.
    """
    from infra.cli.connecting import SIGNING, stored

    held = before is not None and bool(stored(before, one.name)) and not (rotate and one.name == SIGNING)
    if held:
        otherwise = "Enter keeps the present one"
    elif one.made:
        otherwise = "Enter makes one up"
    else:
        otherwise = "Enter leaves it out" if one.optional else ""
    question = f"{one.ask} [{one.where}{'; ' if otherwise else ''}{otherwise}]"
    default = "" if otherwise else None
    answer: str = typer.prompt(question, default=default, hide_input=one.secret, show_default=False, type=str)
    return _contents(answer[1:]) if one.secret and answer.startswith("@") else answer.strip()


def _contents(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read ({type(error).__name__}).") from error


def _read(file: Path, channel: Connecting, account: str | None) -> dict[str, str]:
    """The answers of a file: names of the channel's own list, each with a text."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError:
        raise Misconfigured(f"{file} is not JSON.") from None  # the decoder's error carries the secrets in it
    known = {one.name for one in channel.SETUP.wanted} | {"account_id"}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Misconfigured(f"{file} must hold one JSON object of texts: {', '.join(sorted(known))}.")
    strange = sorted(set(found) - known)
    if strange:
        raise Misconfigured(f"{file}: nobody asked for {', '.join(strange)}; there are: {', '.join(sorted(known))}.")
    if account is not None and found.get("account_id", account) != account:
        raise Misconfigured(f"{file} is about the account {found['account_id']}, --account says {account}.")
    if account is None and not found.get("account_id"):
        raise Misconfigured(f'{file} names no "account_id"; put one there or say --account.')
    return {**found, "account_id": account or found["account_id"]}


# Showing


def _show(name: str, result: Connected) -> None:
    screen = console()
    screen.print(f"Stored in {result.parameter}.", markup=False, soft_wrap=True)
    for what, value in result.made.items():
        screen.print(f"Made up, to be entered on the platform: {what} = {value}", markup=False, soft_wrap=True)
    if result.webhook_url is not None:
        screen.print(f"Webhook URL: {result.webhook_url}", markup=False, soft_wrap=True)
    for trouble in result.undone:
        screen.print(f"! {trouble}", style="yellow", markup=False)
    if result.ticks:
        screen.print("On the platform:")
    for tick in result.ticks:
        screen.print(f"  - {tick}", markup=False, soft_wrap=True)
    if result.who is not None:
        screen.print(f"Proven: the platform knows this account as {result.who}.", style="bold green", markup=False)
    else:
        screen.print(f"Not proven: {result.reason}", style="bold red", markup=False)
        screen.print(f"It is stored all the same. Put it right and run `nightdesk connect {name}` again.", markup=False)


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
