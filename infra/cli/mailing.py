"""`nightdesk inbox` and `nightdesk answer`: the agents' mailbox from the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import typer

from infra.cli.output import Json, console, print_json
from infra.local.addresses import AddressBook, Home
from shared.errors import Misconfigured, NightdeskError
from shared.mail import marker

_DIRECT = build_opener(ProxyHandler({}))
_PATIENCE_SECONDS = 30
_NEWEST = "last"


class NotAnswered(NightdeskError):
    """The mailbox did not do what was asked. The message is its own sentence."""


def inbox(as_json: Json = False) -> None:
    """List the mails the agents have received, newest first."""
    mails = _call("GET", "mails")
    if as_json:
        print_json(mails)
    elif mails:
        _show(mails)
    else:
        console().print("No mail yet. A hand-off mail comes when a customer waits for people.")


def answer(
    mail: Annotated[str, typer.Argument(help="The id of a mail, the beginning of it, or last.")],
    text: Annotated[str, typer.Argument(help="What to write to the customer.")],
    sender: Annotated[
        str | None, typer.Option("--as", metavar="ADDRESS", help="Answer as somebody else than the mail went to.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Answer a mail as the agent who got it would, from a mail client."""
    mail_id = _found(_call("GET", "mails"), mail)
    done = _call("POST", "answer", {"mail": mail_id, "text": text, "from": sender})
    if as_json:
        print_json(done)
        return
    said = f"{done['from']} answered mail {mail_id}. The mail is on its way to the desk at {done['to']}."
    console().print(said, markup=False, soft_wrap=True)


def _found(mails: list[dict[str, Any]], name: str) -> str:
    """The id of the mail that is meant. Raises Misconfigured where it is none or not clear which."""
    ids = [str(mail["id"]) for mail in mails]
    if not ids:
        raise Misconfigured("There is no mail to answer yet. `nightdesk inbox` lists them when there are.")
    if name == _NEWEST:
        return ids[0]
    meant = [name] if name in ids else [one for one in ids if name and one.startswith(name)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise Misconfigured(f"{name!r} may be {', '.join(meant[:10])}. Give more of the id.")
    raise Misconfigured(f"No mail has an id that begins with {name[:40]!r}. `nightdesk inbox` lists them.")


def _show(mails: list[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("id", "received", "to", "subject", "words", "", box=None, pad_edge=False)
    for mail in mails:
        first = _words(mail["text"])
        when = mail["at"].replace("T", " ").removesuffix("Z")
        state = Text("answered", style="green") if mail["answered"] else Text("")
        subject = Text(mail["subject"], style="bold", overflow="ellipsis")
        table.add_row(
            mail["id"], when[:19], Text(mail["to"]), subject, Text(first, overflow="ellipsis", no_wrap=True), state
        )
    console().print(table)


def _words(text: str) -> str:
    """What a mail is about: the first words it quotes from a customer, else its first line that is not our marker."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not marker.named_in(line)]
    quoted = [line.removeprefix("| ") for line in lines if line.startswith("| ")]
    return next(iter((*quoted, *lines)), "")


def _call(method: str, what: str, wish: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - JSON
    """Ask the mailbox. Raises Misconfigured where nobody answers, NotAnswered with its own words where it refuses."""
    url = f"{_mailbox_url()}/_mailbox/{what}"
    body = None if wish is None else json.dumps(wish).encode()
    request = Request(url, data=body, method=method, headers={"content-type": "application/json"})  # noqa: S310 - ours
    try:
        with _DIRECT.open(request, timeout=_PATIENCE_SECONDS) as heard:
            return json.load(heard)
    except HTTPError as error:
        raise NotAnswered(_reason(error)) from error
    except OSError as error:
        raise Misconfigured(f"The mailbox does not answer at {url}: start it with `nightdesk up`.") from error
    except ValueError as error:
        raise Misconfigured(
            f"Something else than the mailbox answers at {url}: `nightdesk down`, then `up`."
        ) from error


def _reason(error: HTTPError) -> str:
    said = error.read(2000).decode("utf-8", "replace")
    try:
        return str(json.loads(said)["error"])
    except (ValueError, KeyError, TypeError):
        return f"The mailbox answered {error.code}: {said[:200]}"


def _mailbox_url() -> str:
    book = AddressBook.load(Home().book)
    if "mailbox" not in book.ports:
        raise Misconfigured("The stack is not up. Start it with `nightdesk up`.")
    return book.url("mailbox")
