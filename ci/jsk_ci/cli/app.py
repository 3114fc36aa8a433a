"""The command itself: its steps in the order of a pipeline, and what becomes of errors."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from jsk_ci.cli import building, contents, deciding, delivering, installing, rendering, studio, testing
from jsk_saver import terminal
from jsk_saver.errors import JskError

#: Set to anything to see where an error came from; the same as for ``jsk``.
DEBUG = "JSK_DEBUG"
_INTERRUPTED = 130


class Steps(TyperGroup):
    """The root, which lists steps in their order and turns errors into messages and exit codes."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer gives it
        """Return the steps as they were registered: the order of a pipeline."""
        return list(self.commands)

    def invoke(self, ctx: Any) -> Any:
        """Run the step that was asked for."""
        try:
            return super().invoke(ctx)
        except JskError as error:
            if os.environ.get(DEBUG):
                traceback.print_exc(file=sys.stderr)
            terminal.tell(error, "jsk-ci")
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            terminal.note("\njsk-ci: interrupted")
            raise typer.Exit(_INTERRUPTED) from error


app = typer.Typer(
    name="jsk-ci",
    cls=Steps,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root() -> None:
    """Kernel images from locked dependencies, built when (and only when) they changed."""


app.command()(deciding.fingerprint)
app.command()(deciding.plan)
app.command()(building.build)
app.command()(testing.smoke)
app.command()(contents.sbom)
app.command()(contents.scan)
app.command()(delivering.push)
app.command()(studio.publish)
app.command()(studio.attach)
app.command()(studio.rollback)
app.command()(delivering.promote)
app.command("gc")(studio.gc)
app.command()(installing.install)
app.command()(rendering.render)
