"""`nightdesk demo`: the main job on real parts, watched live, with a table of what was expected and what was seen."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from infra.cli.output import Json, console, print_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from infra.local.journeys import Row
    from infra.local.observing import Seen, Subscriber
    from infra.local.running import RunningStack
    from shared.domain.records import Obligation

PATIENCE_SECONDS = 150.0
CALM_LOOKS = 3  # what must not happen has not happened by then


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running and say how to play with it.")] = False,
    channels: Annotated[
        str, typer.Option(metavar="NAMES", help="Afterwards also one exchange on each of these: all, or sms,slack,...")
    ] = "",
    as_json: Json = False,
) -> None:
    """Deploy to the laptop engine, deliver what platforms deliver, and check what comes of it. Ends 0 if all is ok."""
    from infra.local.addresses import DESK_ADDRESS, HOME, Home
    from infra.local.engine import Engine
    from infra.local.journeys import policy
    from infra.local.tour import chosen

    screen, toured = console(stderr=as_json), chosen(channels) if channels else ()
    home = Home(HOME / "demo")
    engine = Engine(home, say=lambda step: screen.print(f"[dim]{step} ...[/dim]"))
    engine.stop()
    shutil.rmtree(home.state, ignore_errors=True)  # a demo begins with an empty desk; what was built is kept
    home.book.unlink(missing_ok=True)
    home.folder.mkdir(parents=True, exist_ok=True)
    policy_file = home.folder / "demo.yaml"
    policy_file.write_text(policy(datetime.now(UTC), DESK_ADDRESS), encoding="utf-8")
    stack = engine.start(policy_file)
    try:
        results = _play_all(stack, screen, toured)
    finally:
        if not keep:
            engine.stop()
    if as_json:
        print_json([{"journey": r.journey, "expected": r.expected, "observed": o, "ok": ok} for r, ok, o in results])
    else:
        screen.print(_table(results, "What was expected and what was seen"))
    if keep:
        _say_how_to_play(screen, stack, policy_file)
    if not all(ok for _, ok, _ in results):
        raise typer.Exit(1)


Result = tuple["Row", bool, str]


class Play(Protocol):
    """Something to be played against the running stack."""

    def deliver_all(self) -> None:
        """What the platforms send at once."""

    def act(self, seen: Seen) -> None:
        """What happens next."""

    def rows(self) -> list[Row]:
        """What must be seen in the end."""


def _play_all(stack: RunningStack, screen: Console, toured: Sequence[str]) -> list[Result]:
    from infra.local.journeys import Journeys
    from infra.local.observing import Subscriber
    from infra.local.tour import Tour

    subscriber = Subscriber(stack)
    results = _play(Journeys(stack), stack, subscriber, screen)
    return results + (_play(Tour(stack, toured), stack, subscriber, screen) if toured else [])


def _play(journeys: Play, stack: RunningStack, subscriber: Subscriber, screen: Console) -> list[Result]:
    from rich.live import Live

    from infra.local.observing import observe

    journeys.deliver_all()
    deadline, calm, results = time.monotonic() + PATIENCE_SECONDS, 0, list[Result]()
    with Live(console=screen, refresh_per_second=4) as live:
        while calm < CALM_LOOKS and time.monotonic() < deadline:
            seen = observe(stack, subscriber)
            journeys.act(seen)
            results = _judged(journeys, seen)
            calm = calm + 1 if all(ok for _, ok, _ in results) else 0
            live.update(_journeys(seen))
            time.sleep(0.5)
    return results


def _judged(journeys: Play, seen: Seen) -> list[Result]:
    return [(row, *row.look(seen)) for row in journeys.rows()]


def _journeys(seen: Seen) -> Table:
    """Each conversation as far as it has come."""
    from rich.table import Table

    table = Table(title="Journeys", expand=True, title_justify="left")
    for heading in ("platform", "customer", "on the desk", "people told", "on the platform", "owed"):
        table.add_column(heading, overflow="fold")
    for case in sorted(seen.cases, key=lambda c: (c.conversation.channel, c.conversation.customer_id or "")):
        head = case.conversation
        customer = head.customer_id or "somebody"
        inbound = [m for m in case.messages if m.author == "customer"]
        owed = case.obligations[-1] if case.obligations else None
        table.add_row(
            f"{head.channel} {head.surface}",
            customer,
            f"{len(inbound)} message{'s' if len(inbound) != 1 else ''}",
            f"{len(seen.mails_about(customer))} mails",
            ", ".join(f"{send.kind}: {send.state}" for send in case.sends) or "-",
            _owed(owed) if owed else "nothing",
        )
    return table


def _owed(owed: Obligation) -> str:
    marks = [word for word, at in (("warned", owed.warned_at), ("breached", owed.breached_at)) if at]
    due = f"due {owed.due_at:%d %b %H:%M:%S}" if owed.state == "open" else ""
    return " ".join(filter(None, (str(owed.state), *marks, due)))


def _table(results: Sequence[Result], title: str) -> Table:
    from rich.table import Table

    table = Table(title=title, expand=True, title_justify="left")
    for heading in ("journey", "expected", "observed"):
        table.add_column(heading, overflow="fold")
    table.add_column("ok")
    for row, ok, observed in results:
        table.add_row(row.journey, row.expected, observed, "[green]ok[/green]" if ok else "[bold red]NO[/bold red]")
    return table


def _say_how_to_play(screen: Console, stack: RunningStack, policy_file: Path) -> None:
    home = policy_file.parent
    screen.print("\n[bold]It is still running.[/bold] Play with it:")
    for line in (
        f"  the agents' mailbox   {stack.mailbox_url}/",
        f"  what was posted       {stack.sandbox_url}/_sandbox/posts",
        f"  the AWS APIs          AWS_ENDPOINT_URL={stack.book.url('emulator')}",
        f"  the verbs             NIGHTDESK_HOME={home} nightdesk inbox | answer | deliver | case | quarantine",
        f"  the end               NIGHTDESK_HOME={home} nightdesk down",
    ):
        screen.print(line, soft_wrap=True, markup=False)
