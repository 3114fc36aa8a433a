"""Commands that remove trials from sight: trials experiments, delete, restore."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from jsk_saver.cli.keeping import ask
from jsk_saver.cli.session import JsonOption, Session, StoreOption, YesOption
from jsk_saver.errors import JskError, NotFound, TrialExists
from jsk_saver.terminal import note, say, say_table
from jsk_saver.wording import count

_Which = Annotated[
    str, typer.Argument(metavar="EXPERIMENT[/TRIAL]", help="Which; an experiment with all its trials.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (experiments, delete, restore):
        app.command()(command)


def experiments(context: typer.Context, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the experiments, each with how many trials it has."""
    from jsk_saver.tracking import about

    session = Session(context, store, as_json)
    found = about.every(session.saver.settings.home / "journal")
    rows = [
        {"experiment": one.name, "trials": one.trials, "latest": one.latest, "description": one.description}
        for one in found
    ]
    latest = [one.latest.isoformat() if one.latest else None for one in found]
    if not session.answer([{**row, "latest": when} for row, when in zip(rows, latest, strict=True)]):
        if rows:
            say_table(list(rows[0]), rows)
        else:
            note("There is no experiment yet.")


def delete(
    context: typer.Context,
    which: _Which,
    yes: YesOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move a trial, or an experiment, to the trash; restore brings it back. Copies in sinks stay."""
    from jsk_saver.tracking import trash

    session = Session(context, store, as_json)
    journal = session.saver.settings.home / "journal"
    experiment, _, trial = which.partition("/")
    try:
        question = trash.question(journal, experiment, trial)
        if not yes:
            ask(question, which, f"jsk trials delete {which} --yes")
        done = trash.delete(journal, experiment, trial, yes=True)
    except NotFound as error:
        error.hint = "jsk trials experiments"
        raise
    if not session.answer({"deleted": done.what, "trials": done.trials, "stays": done.stays}):
        say(f"{done.what} is deleted ({count(len(done.trials), 'trial')}).")
        for place in done.stays:
            say(f"  stays in {place}")
        note(f"  Next: jsk trials restore {which}    # brings it back")


def restore(
    context: typer.Context, which: _Which, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Bring back what was deleted last of that name."""
    from jsk_saver.tracking import trash

    session = Session(context, store, as_json)
    experiment, _, trial = which.partition("/")
    try:
        back = trash.restore(session.saver.settings.home / "journal", experiment, trial)
    except TrialExists as error:
        _for_the_shell(error, which)
        raise
    if not session.answer({"restored": which, "trials": back}):
        say(f"{which} is back ({count(len(back), 'trial')}).")


def _for_the_shell(error: JskError, which: str) -> None:
    """Say with commands what the error says to type in Python."""
    stamp = re.search(r"\+\d+", error.hint)
    if stamp:
        older = which.partition("+")[0] + stamp[0]
        error.hint = f"jsk trials delete {which}    # then jsk trials restore {older}"
