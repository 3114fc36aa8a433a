"""``jsk reproduce``: run a trial again from its record."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from jsk_saver.cli.session import JsonOption, Session, StoreOption
from jsk_saver.errors import NotFound
from jsk_saver.terminal import note, say, say_table, style

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment
    from jsk_saver.tracking.reproduce import Verdict


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Every day")(reproduce)


def reproduce(
    context: typer.Context,
    trial: Annotated[str, typer.Argument(metavar="EXPERIMENT/TRIAL", help="Which trial.")],
    tolerance: Annotated[
        float,
        typer.Option(help="How far metrics may differ, relative or absolute; then objects may differ too."),
    ] = 0.0,
    environment: Annotated[
        str, typer.Option(help="auto, here (what is installed), venv (the recorded packages) or image.")
    ] = "auto",
    repository: Annotated[
        str | None, typer.Option(help="The repository that has the commit.", show_default=False)
    ] = None,
    keep: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Keep what ran in a folder.", show_default=False)
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only name what is missing; run nothing.")] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Go on though something is missing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not show what the run prints.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a trial again from its record.

    Exits with 1 if something else came out or there was nothing to compare, 3 if a piece is missing.
    """
    from jsk_saver.tracking import reproduce as package
    from jsk_saver.tracking.reproduce.verdict import check_tolerance

    check_tolerance(tolerance)
    session = Session(context, store, as_json)
    experiment, name = _found(session, trial)
    if check:
        _check(session, experiment, name, environment, repository)
        return
    verdict = package.reproduce(
        experiment,
        name,
        tolerance=tolerance,
        environment=environment,
        repository=repository,
        keep=keep,
        anyway=anyway,
        tell=note,
        echo=None if quiet else _echo,
    )
    if not session.answer(verdict.to_dict()):
        _say(verdict)
    if not verdict.ok:
        raise typer.Exit(1)


def _found(session: Session, trial: str) -> tuple[Experiment, str]:
    from jsk_saver.tracking import Experiment

    experiment, _, name = trial.partition("/")
    folder = session.saver.settings.home / "journal" / experiment
    if not name or not experiment:
        raise typer.BadParameter(
            "It takes experiment and trial, such as iris-kmeans/20261120-233915-amber-k7f2q."
        )
    if not folder.is_dir():  # opening it would make it
        raise NotFound(f"There is no experiment {experiment!r} on this machine.", hint="jsk trials list")
    return Experiment(experiment, saver=session.saver), name


def _check(
    session: Session, experiment: Experiment, name: str, environment: str, repository: str | None
) -> None:
    from jsk_saver.tracking import reproduce as package

    missing = package.missing(experiment, name, environment=environment, repository=repository, tell=note)
    if not session.answer([piece._asdict() for piece in missing]):
        for piece in missing:
            say(f"missing: {piece.what}" + (f"\n  Next: {piece.hint}" if piece.hint else ""))
        if not missing:
            say("Nothing is missing.")
    if missing:
        raise typer.Exit(NotFound.exit_code)


def _echo(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(text)
    sys.stderr.flush()


def _say(verdict: Verdict) -> None:
    note(f"{verdict.trial} again, as {verdict.new}")
    if verdict.status != verdict.expected:
        say(f"The trial is {verdict.status}; it was {verdict.expected}.")
    say_table(["what", "name", "then", "now", "verdict"], verdict.rows())
    say(style(verdict.title, "green" if verdict.ok else "red", sys.stdout))
    for line in verdict.asides:
        note(line)
    if verdict.folder:
        note(f"What ran is in {verdict.folder}.")
