"""`nightdesk up`, `down` and `deliver`: the stack on this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import Json, console, print_json
from shared.errors import Misconfigured, NightdeskError, Unreadable

if TYPE_CHECKING:
    from shared.domain.events import Event

PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", exists=True, dir_okay=False, help="Business rules to follow instead of the shipped ones."),
]


def up(policy: PolicyFile = None, as_json: Json = False) -> None:
    """Start the emulator, the platform sandbox and the mailbox, and deploy the stack. What ran before is kept."""
    from infra.local.engine import Engine

    screen = console(stderr=as_json)
    engine = Engine(say=lambda step: screen.print(f"[dim]{step} ...[/dim]"))
    stack = engine.start(policy)
    told = {
        "webhook_url": stack.webhook_url,
        "mailbox_url": stack.mailbox_url,
        "sandbox_url": stack.sandbox_url,
        "aws_endpoint_url": stack.book.url("emulator"),
        "policy_file": stack.policy_file,
        "outputs": dict(stack.outputs),
        "seconds": {step: round(taken, 1) for step, taken in engine.seconds.items()},
    }
    if as_json:
        print_json(told)
        return
    screen.print("[bold green]The stack is up.[/bold green]")
    screen.print(f"Webhooks   {stack.webhook_url}{{channel}}", soft_wrap=True)
    screen.print(f"Mailbox    {stack.mailbox_url}/", soft_wrap=True)
    screen.print(f"AWS        AWS_ENDPOINT_URL={stack.book.url('emulator')}", soft_wrap=True)
    screen.print("\nNext: [bold]nightdesk deliver whatsapp events/whatsapp/message__text.json[/bold]")
    screen.print("Then: nightdesk inbox, nightdesk case ID, nightdesk quarantine; nightdesk down ends it.")


def down(as_json: Json = False) -> None:
    """Stop everything. The state is kept for the next `up`."""
    from infra.local.engine import Engine

    complete = Engine(say=lambda step: console(stderr=True).print(f"[dim]{step} ...[/dim]")).stop()
    if as_json:
        print_json({"stopped": True, "state_kept": complete})
    elif complete:
        console().print("The stack is down. Its state is kept for the next `nightdesk up`.")
    if not complete:
        raise Misconfigured(
            "A part did not end in time and was killed: what it did in this run is lost. Its log says more."
        )


def deliver(
    channel: Annotated[str, typer.Argument(help="The platform it comes from, such as whatsapp.")],
    file: Annotated[Path, typer.Argument(help="The body of the delivery; - reads standard input.")],
    forged: Annotated[bool, typer.Option("--forged", help="Sign with a key that is not the account's.")] = False,
    delivery_id: Annotated[str | None, typer.Option("--id", help="The platform's id of the delivery.")] = None,
    as_json: Json = False,
) -> None:
    """Sign one delivery as its platform would and send it to the running stack. Ends 0 when it is taken."""
    from infra.local.engine import Engine

    body = _body(file)
    stack = Engine().running()
    _refuse_misuse(channel, body, forged=forged)
    body = _as_if_now_where_asked(channel, body)
    status, answer = stack.deliver(channel, body, forged=forged, delivery_id=delivery_id)
    cases = [] if status != 200 else _conversations(channel, body)
    if as_json:
        print_json({"status": status, "answer": answer, "conversations": cases})
    else:
        console().print(f"{status} {answer}".rstrip(), style="green" if status < 300 else "red", markup=False)
        for case in cases:
            console().print(f"See it: nightdesk case {case}")
        for account in _not_connected(channel, body, stack.book.accounts.get(channel, {})):
            console().print(
                f"! No account {account} is connected, so nobody can be answered there. "
                f"Connect it: nightdesk connect {channel} --account {account}",
                style="yellow",
                markup=False,
                soft_wrap=True,
            )
    if not 200 <= status < 300:
        raise typer.Exit(1)


def _body(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror}.") from error


def _refuse_misuse(channel: str, body: bytes, *, forged: bool) -> None:
    """What no platform could do: forge where nothing is signed, or show the poller what is no page of its own."""
    from shared import channels
    from shared.domain.exchange import How, pushing

    spoken = channels.load(channel)
    if pushing(spoken) is not None:
        return
    if forged:
        raise Misconfigured(f"{channel} is not called over HTTP: it has no signature to forge. Leave --forged out.")
    if set(spoken.ABOUT.how) == {How.POLL}:
        try:
            spoken.parse(body, _now())
        except Unreadable as error:
            raise Misconfigured(
                f"{channel} is asked, and this is nothing that asking brings: {error} events/{channel}/ has examples."
            ) from error


def _as_if_now_where_asked(channel: str, body: bytes) -> bytes:
    """What a platform is asked for as if it had happened now: the poller asks for nothing from before it began."""
    from infra.local.retiming import as_if_now
    from shared import channels
    from shared.domain.exchange import How

    asked_only = set(channels.load(channel).ABOUT.how) == {How.POLL}
    return as_if_now(body, _now()) if asked_only else body


def _conversations(channel: str, body: bytes) -> list[str]:
    """The conversations that a delivery is about, in its order."""
    from shared.domain.conversation import conversation_of

    events = _events(channel, body)
    return list(dict.fromkeys(found for event in events if (found := conversation_of(event)) is not None))


def _not_connected(channel: str, body: bytes, accounts: Mapping[str, object]) -> list[str]:
    """The accounts that a conversation of the delivery is about and that nobody connected."""
    from shared.domain.conversation import conversation_of

    named = [one.account_id for one in _events(channel, body) if conversation_of(one) is not None]
    return list(dict.fromkeys(one for one in named if one and one not in accounts))


def _events(channel: str, body: bytes) -> Sequence[Event]:
    from shared import channels

    try:
        return channels.load(channel).parse(body, _now())
    except (Unreadable, NightdeskError):
        return ()


def _now() -> datetime:
    return datetime.now(UTC)
