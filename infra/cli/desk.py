"""`nightdesk case` and `nightdesk quarantine`: what the desk keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import Json, console, print_json
from shared.errors import Misconfigured

if TYPE_CHECKING:
    from infra.cli.timeline import Entry
    from infra.local.running import RunningStack
    from shared.domain.records import Conversation

_COLOURS = {
    "message": "bold",
    "edit": "bold",
    "deletion": "bold",
    "obligation": "yellow",
    "timer": "cyan",
    "send": "green",
    "intent": "magenta",
}
_MOST_CANDIDATES = 10


def case(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="A conversation or the beginning of its id, a thread or a customer.")
    ],
    as_json: Json = False,
) -> None:
    """Tell one conversation as a timeline: messages, intents, timers, sends, with times and reasons."""
    from infra.cli.timeline import entries
    from infra.local.engine import Engine

    stack = Engine().running()
    found = _find(stack, name)
    known = found.conversation_id
    told = entries(
        found,
        stack.desk.messages(known),
        stack.desk.obligations(known),
        stack.desk.sends(known),
        [one for one in stack.executions() if one.conversation_id == known],
    )
    if as_json:
        print_json({"conversation": found, "timeline": told})
    else:
        _show(found, told)


def quarantine(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Show at most so many.")] = 100, as_json: Json = False
) -> None:
    """List what could not be understood or was refused, newest first, with its reason."""
    from infra.local.engine import Engine

    kept = Engine().running().desk.quarantined(limit)
    if as_json:
        print_json(kept)
        return
    if not kept:
        console().print("Nothing is in quarantine.")
        return
    from rich.markup import escape
    from rich.table import Table

    from infra.cli.timeline import shown

    table = Table(box=None, pad_edge=False)
    for heading in ("received", "source", "stage", "bytes"):
        table.add_column(heading, no_wrap=True)
    table.add_column("reason")
    table.add_column("kept as", overflow="fold")
    for one in kept:
        table.add_row(
            shown(one.received_at), one.source, one.stage, str(one.size), escape(one.reason), escape(one.archive_key)
        )
    console().print(table)


def _find(stack: RunningStack, name: str) -> Conversation:
    candidates = [one for one in stack.conversations() if is_called(one, name)]
    exact = [one for one in candidates if one.conversation_id == name]
    if len(exact or candidates) == 1:
        return (exact or candidates)[0]
    if not candidates:
        raise Misconfigured(
            f"No conversation, thread or customer is called {name!r}. The subject of its mail ends in the beginning "
            "of its id: `nightdesk inbox` lists them."
        )
    ids = ", ".join(one.conversation_id for one in candidates[:_MOST_CANDIDATES])
    raise Misconfigured(f"{name!r} may be {len(candidates)} conversations: {ids}. Give more of the id.")


def is_called(conversation: Conversation, name: str) -> bool:
    """Whether a person may mean this conversation by that name."""
    names = {conversation.thread_id, conversation.customer_id, conversation.customer_handle, conversation.customer_name}
    return conversation.conversation_id.startswith(name) or name in names


def _show(conversation: Conversation, told: tuple[Entry, ...]) -> None:
    from rich.table import Table
    from rich.text import Text

    from infra.cli.timeline import shown

    who = (
        conversation.customer_name or conversation.customer_handle or conversation.customer_id or "an unknown customer"
    )
    screen = console()
    screen.print(f"Conversation {conversation.conversation_id}", style="bold")
    screen.print(
        f"{who} on {conversation.channel} ({conversation.surface}, {conversation.visibility}), "
        f"account {conversation.account_id}, thread {conversation.thread_id}",
        markup=False,
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("time", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("")
    table.add_column("why", overflow="fold")
    for entry in told:
        colour = _COLOURS.get(entry.what, "")
        table.add_row(
            shown(entry.at), Text(entry.what, style=colour), Text(entry.text), Text(entry.reason, style="dim")
        )
    screen.print(table)
