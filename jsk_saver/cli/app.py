"""The command itself: its options, its help, and what becomes of errors."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from jsk_saver.cli import (
    configuring,
    failures,
    finding,
    images,
    keeping,
    kernels,
    objects,
    removing,
    reproducing,
    running,
    spending,
    spooling,
    starting,
    trials,
)
from jsk_saver.cli.session import Defaults, JsonOption, StoreOption
from jsk_saver.errors import JskError
from jsk_saver.terminal import BROKEN_PIPE, INTERRUPTED, note, say

_EPILOG = """\
[bold]Exit codes[/bold]
  0  all went well
  1  it failed; diff --exit-code: there is a difference; doctor: a problem
  2  wrong usage: an option, a name, a setting or a search that means nothing
  3  not found: no such name or version, or nothing matches the search
  4  damaged: bytes are not those that were saved
  5  refused: it would overwrite, remove or run code, and was not told to
  6  the store refused, failed or did not answer
130  interrupted

[bold]Settings[/bold]
  Options win over the environment (JSK_STORE, JSK_PROFILE, …), which wins
  over \\[tool.jsk] in pyproject.toml, or jsk.toml. jsk doctor shows what is in force.
  JSK_DEBUG=1 shows where an error came from."""


class Command(TyperGroup):
    """The root, which turns errors into messages and exit codes."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except JskError as error:
            raise typer.Exit(failures.tell(error)) from error
        except BrokenPipeError as error:
            raise typer.Exit(BROKEN_PIPE) from error
        except KeyboardInterrupt as error:
            note("\njsk: interrupted")
            raise typer.Exit(INTERRUPTED) from error


app = typer.Typer(
    name="jsk",
    cls=Command,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)


def _show_version(value: bool) -> None:
    if value:
        from jsk_saver.doctor.machine import kit_version

        say(f"jsk {kit_version()}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    store: StoreOption = None,
    as_json: JsonOption = False,
    version: Annotated[  # noqa: ARG001 - acted upon before
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the kit's version."),
    ] = False,
) -> None:
    """Save any object, find it by what it was, and never lose a version."""
    context.obj = Defaults(store, as_json)


objects.register(app)
finding.register(app)
objects.register_copy(app)
keeping.register(app)
reproducing.register(app)
starting.register(app)
configuring.register(app)
app.add_typer(running.app, name="apps", rich_help_panel="The platform")
spending.register(app)
app.add_typer(kernels.app, name="kernels", rich_help_panel="Environments")
app.add_typer(spooling.app, name="spool", rich_help_panel="Looking after it")
removing.register(trials.app)
images.register(trials.app)
app.add_typer(trials.app, name="trials", rich_help_panel="Every day")
