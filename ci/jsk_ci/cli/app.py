"""The command itself: its steps in the order of a pipeline, and what becomes of errors."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from jsk_ci.cli import (
    building,
    contents,
    deciding,
    delivering,
    installing,
    publishing,
    rendering,
    studio,
    testing,
)
from jsk_saver import terminal
from jsk_saver.errors import JskError
from jsk_saver.tracebacks import DEBUG

_EPILOG = """\
[bold]By hand[/bold]
  export JSK_CI_REGISTRY=registry.example.org/kernels
  jsk-ci plan                       what is to be built
  jsk-ci build --candidate --dotenv jsk.env
  set -a; . ./jsk.env; set +a       the next steps know what it found
  jsk-ci smoke && jsk-ci push
  Every step but render has --dry-run, and all have --json.

[bold]Exit codes[/bold]
  0  all went well
  1  it failed: no builder, no image, an image that is bad or too large
  2  wrong usage: an option, a project or a lock that means nothing
  3  not found: no such image, version, configuration or domain
  5  refused: a tag that is taken, something in use, a lease, a vulnerability
  6  a registry, SageMaker or GitLab refused, failed or did not answer
130  interrupted

[bold]Settings[/bold]
  Options win over the environment: JSK_CI_REGISTRY, JSK_CI_BUILDER,
  JSK_CI_CACHE, JSK_CI_DOMAIN, JSK_CI_STUDIO_ROLE, JSK_CI_LEASE,
  JSK_CI_PUBLISHER, JSK_CI_VULNERABILITIES.
  JSK_DEBUG=1 shows where an error came from."""


class Steps(TyperGroup):
    """The root, which lists steps in their order and turns errors into messages and exit codes."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer gives it
        """Return the steps as they were registered: the order of a pipeline."""
        return list(self.commands)

    def invoke(self, ctx: Any) -> Any:
        """Run the step that was asked for."""
        try:
            with _ended_properly():
                try:
                    return super().invoke(ctx)
                finally:
                    sys.stdout.flush()  # here a pipe that nobody reads is no traceback of the interpreter's
        except JskError as error:
            if os.environ.get(DEBUG):
                traceback.print_exc(file=sys.stderr)
            terminal.tell(error, "jsk-ci")
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError as error:  # nobody reads on: jsk-ci render | head
            terminal.forget_output()
            raise typer.Exit(terminal.BROKEN_PIPE) from error
        except KeyboardInterrupt as error:
            terminal.note("\njsk-ci: interrupted")
            raise typer.Exit(terminal.INTERRUPTED) from error


@contextmanager
def _ended_properly() -> Iterator[None]:
    """Let a job that is cancelled (SIGTERM) give back what it holds: leases, containers, passwords."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():  # only that one is told of signals
        yield
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


app = typer.Typer(
    name="jsk-ci",
    cls=Steps,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)


def _show_version(value: bool) -> None:
    if value:
        from jsk_saver.doctor.machine import kit_version

        terminal.say(f"jsk-ci {kit_version()}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the kit's version."),
    ] = False,
) -> None:
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
app.command()(publishing.attached)
app.command()(studio.rollback)
app.command()(delivering.promote)
app.command("gc")(studio.gc)
app.command()(installing.install)
app.command()(rendering.render)
