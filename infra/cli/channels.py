"""`nightdesk channels`: what each channel can do, from the channel files themselves. README shows the same table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer

from infra.cli.output import Json, console, print_json
from shared.channels import load, names
from shared.domain.events import Surface
from shared.domain.exchange import Capability, Channel, How, Unit

HEADINGS = (
    "channel", "surfaces in", "how", "answer out", "window", "length", "automatic acknowledgement", "author",
    "checked", "never run for real",
)  # fmt: skip

_HOW = {
    How.PUSH: "push",
    How.POLL: "poll",
    How.MAIL: "mail",
    How.QUEUE: "queue",
}
_UNITS = {
    Unit.CHARACTERS: "characters",
    Unit.BYTES: "bytes of UTF-8",
    Unit.UTF16: "UTF-16 units",
    Unit.GRAPHEMES: "graphemes",
    Unit.SHORT_LINKS: "characters, a link being 23",
    Unit.WEIGHTED: "weighted characters",
    Unit.EMOJI_BYTES: "characters, an emoji being its bytes",
}


@dataclass(frozen=True, slots=True)
class Closed:
    """A platform that people still ask for."""

    title: str
    what: str


CLOSED = (
    Closed(
        "Google+", "closed for consumers on 2 April 2019; reviews of a business on Google come as `google_business`"
    ),
)


def channels(
    markdown: Annotated[bool, typer.Option("--markdown", help="As the table of shared/channels/README.md.")] = False,
    as_json: Json = False,
) -> None:
    """List the channels: what comes in and how, what goes out, within which limits, and what was never run for real."""
    if as_json:
        print_json([dict(zip(HEADINGS, row, strict=True)) for row in rows()])
    elif markdown:
        typer.echo(table())
    else:
        _show()


def table() -> str:
    """The table in Markdown."""
    ruled = [HEADINGS, ["---"] * len(HEADINGS), *rows(), *_closed()]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in ruled)


def rows() -> list[Sequence[str]]:
    """One row for each channel, in the order of their names."""
    return [_row(name, load(name)) for name in names()]


def _closed() -> list[Sequence[str]]:
    return [(one.title, one.what, *[""] * (len(HEADINGS) - 2)) for one in CLOSED]


def _row(name: str, channel: Channel) -> Sequence[str]:
    about, capabilities = channel.ABOUT, channel.CAPABILITIES
    return (
        f"`{name}` [{about.title}]({about.docs})",
        ", ".join(capabilities),
        ", ".join(_HOW[how] for how in about.how),
        _by_surface(capabilities, _answer),
        _by_surface(capabilities, _window),
        _by_surface(capabilities, _length),
        about.acknowledging,
        about.author,
        about.checked.isoformat(),
        about.unproven,
    )


def _by_surface(capabilities: Mapping[Surface, Capability], told: Callable[[Capability], str]) -> str:
    """One word where all surfaces agree, else each with its own."""
    said = {surface: told(capability) for surface, capability in capabilities.items()}
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{surface}: {words}" for surface, words in said.items())


def _answer(capability: Capability) -> str:
    if not capability.replies:
        return "by hand"
    parts = f", up to {capability.parts} posts" if capability.parts > 1 else ""
    return f"yes{', one only' if capability.single_slot else ''}{parts}"


def _window(capability: Capability) -> str:
    if not capability.replies:
        return "-"
    by_person = f" ({_span(capability.person_window)} by a person)" if capability.person_window else ""
    return f"{_span(capability.window)}{by_person}" if capability.window else "none"


def _span(span: timedelta | None) -> str:
    hours = int((span or timedelta()).total_seconds() // 3600)
    return f"{hours // 24} days" if hours % 24 == 0 and hours > 24 else f"{hours} h"


def _length(capability: Capability) -> str:
    return f"{capability.limit:,} {_UNITS[capability.unit]}" if capability.replies else "-"


def _show() -> None:
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for heading in ("channel", "surfaces in", "how", "answer out", "length"):
        shown.add_column(heading, overflow="fold")
    for name in names():
        channel = load(name)
        row = _row(name, channel)
        shown.add_row(f"{name} ({channel.ABOUT.title})", row[1], row[2], row[3], row[5])
    console().print(shown)
