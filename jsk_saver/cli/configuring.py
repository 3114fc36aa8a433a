"""``jsk configure``: settings from what Terraform made."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jsk_saver.cli.session import JsonOption, Session
from jsk_saver.errors import QueryError, SettingsError, StoreError
from jsk_saver.human import human_value
from jsk_saver.terminal import note, say, say_json, say_table

if TYPE_CHECKING:
    from jsk_saver.configuring.planning import Plan, Told
    from jsk_saver.stores.base import Problem

PANEL = "The platform"
_TYPED = "terraform output -json | jsk configure"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel=PANEL)(configure)


def configure(
    context: typer.Context,
    experiment: Annotated[
        str | None,
        typer.Argument(
            metavar="[EXPERIMENT]", help="Which of those Terraform made; the only one.", show_default=False
        ),
    ] = None,
    source: Annotated[
        str, typer.Option("--from", metavar="FILE", help="What terraform output -json said; - is a pipe.")
    ] = "-",
    folder: Annotated[
        Path, typer.Option(help="Of the project: pyproject.toml there is changed, or jsk.toml written.")
    ] = Path(),
    env: Annotated[bool, typer.Option("--env", help="Print export lines instead; write nothing.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be written, and do nothing.")
    ] = False,
    check: Annotated[bool, typer.Option(help="Ask the store at the end whether it answers.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Set this project up for an experiment: terraform output -json | jsk configure."""
    from jsk_saver.configuring import outputs, planning

    session = Session(context, None, as_json)
    found = outputs.read(_input(source))
    try:
        name = outputs.choose(found, experiment)
    except QueryError:
        _list(session, found)
        raise
    told = planning.Told.of(found[name])
    planned = None if env else planning.plan(_existing(folder), told)
    if planned is not None and not dry_run:
        planning.write(planned)
    problems = _check(told) if check and not dry_run else None
    written = planned is not None and not dry_run
    if session.as_json:
        say_json(_as_json(name, told, planned, written, problems))
    elif planned is None:
        say("\n".join(told.exports()))
    else:
        _say(name, planned, written)
        _tell_overridden(told, planned)
    _conclude(told, planned if written else None, problems, quiet=session.as_json)


def _input(source: str) -> str:
    try:
        if source != "-":
            return Path(source).read_text(encoding="utf-8-sig")
        if sys.stdin.isatty():
            raise SettingsError(
                "Nothing comes in: this command reads what Terraform says.",
                kept="Nothing was written.",
                hint=_TYPED,
            )
        return sys.stdin.read()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{'Standard input' if source == '-' else source} cannot be read: {error}.",
            kept="Nothing was written.",
            hint="terraform output -json > outputs.json && jsk configure --from outputs.json",
        ) from error


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise SettingsError(
            f"{folder} is no folder.",
            kept="Nothing was written.",
            hint=f"mkdir -p {shlex.quote(str(folder))}",
        )
    return folder.absolute()


def _list(session: Session, found: dict[str, dict[str, Any]]) -> None:
    rows = [
        {"experiment": name, "squad": told.get("squad"), "store": told["store"], "region": told.get("region")}
        for name, told in sorted(found.items())
    ]
    if not session.answer({"experiments": rows}):
        say_table(["experiment", "squad", "store", "region"], rows, "Experiments that Terraform made")


# What was done --------------------------------------------------------------------------------------


def _as_json(
    name: str, told: Told, planned: Plan | None, written: bool, problems: list[Problem] | None
) -> dict[str, Any]:
    checked = None
    if problems is not None:
        checked = {
            "ok": not problems,
            "problems": [{"what": one.what, "hint": one.hint} for one in problems],
        }
    return {
        "experiment": name,
        "settings": told.settings,
        "platform": told.platform,
        "environment": told.variables(),
        "file": str(planned.file) if planned else None,
        "changes": [change.to_dict() for change in planned.changes] if planned else [],
        "written": written,
        "store": checked,
    }


def _say(name: str, planned: Plan, written: bool) -> None:
    file = os.path.relpath(planned.file)
    if not planned.changes:
        say(f"{file} says all of this about {name} already.")
        return
    rows = [[change.name, _shown(change.after), _shown(change.before)] for change in planned.changes]
    columns = ["setting", "value", *(["before"] if any(row[2] for row in rows) else [])]
    verb = "has" if written else "would have"
    say_table(columns, [row[: len(columns)] for row in rows], f"{file} {verb} the settings of {name}")
    if not written:
        note("Nothing was written.")


def _shown(value: Any) -> str:
    return "" if value is None else human_value(value)


def _tell_overridden(told: Told, planned: Plan) -> None:
    """Say which variables of this shell win over what the file says."""
    wanted = told.variables()
    others = [name for name, text in wanted.items() if os.environ.get(name, text) not in (text, "")]
    if others:
        note(f"This shell has other values, which win over {planned.file.name}: {', '.join(others)}.")
        note(f"  Next: unset {' '.join(others)}")


# The store ------------------------------------------------------------------------------------------


def _check(told: Told) -> list[Problem]:
    """Return what is wrong with the store, tried as the doctor does."""
    from jsk_saver.connection import Connection
    from jsk_saver.doctor import stores

    return stores.store(Connection(**told.settings)).problems


def _conclude(told: Told, planned: Plan | None, problems: list[Problem] | None, *, quiet: bool) -> None:
    if problems is None:
        return
    store = told.settings["store"]
    if not problems:
        if not quiet:
            note(f"{store} answers: versions can be saved and read.")
        return
    first, *rest = problems
    for problem in rest:
        note(f"{problem.what}\n  Next: {problem.hint}" if problem.hint else problem.what)
    raise StoreError(
        first.what,
        kept=f"The settings, in {os.path.relpath(planned.file)}." if planned else "",
        hint=first.hint or "jsk doctor",
    )
