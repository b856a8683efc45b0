"""The `nightdesk` command. Verbs import what they need when they run, so that small ones start fast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

from infra.cli import channels, connect, demo, desk, mailing, reading, running
from infra.cli.output import complain, wants_traceback
from shared.errors import NightdeskError


class Verbs(TyperGroup):
    """All verbs in the order they are told here; the one place where an error becomes a sentence and an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - the signature is typer's
        """In the order of their registration, not of the alphabet."""
        return list(self.commands)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's
        """Run a verb; whatever goes wrong ends as one message and a code other than 0."""
        try:
            return super().invoke(ctx)
        except NightdeskError as error:
            complain(str(error))
        except KeyboardInterrupt:
            complain("Stopped.")
        except Exception as error:
            if wants_traceback() or _is_clicks(error):
                raise
            complain(f"This should not happen: {type(error).__name__}: {error}. NIGHTDESK_DEBUG=1 tells where.")
        raise typer.Exit(1)


def _is_clicks(error: Exception) -> bool:
    """Whether it is the command line's own: a missing argument, `--help`, an exit code, a reader that had enough."""
    return any(kind.__name__ in {"ClickException", "Abort", "Exit", "BrokenPipeError"} for kind in type(error).__mro__)


app = typer.Typer(
    cls=Verbs,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Answers a company's customers on social platforms from the mailbox it already has.",
)

_VERBS: tuple[Callable[..., None], ...] = (
    demo.demo,
    running.up,
    running.down,
    connect.connect,
    running.deliver,
    mailing.inbox,
    mailing.answer,
    desk.case,
    desk.quarantine,
    channels.channels,
)
for verb in _VERBS:
    app.command()(verb)
app.add_typer(reading.reading)


if __name__ == "__main__":
    app()
