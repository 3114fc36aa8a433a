"""``jsk configure``: settings from what Terraform made."""

from __future__ import annotations

import codecs
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
#: What stands in the place of a value that is taken away.
_GONE = "(taken away)"
_TYPED = "terraform output -json | jsk configure"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel=PANEL)(configure)


def configure(
    context: typer.Context,
    experiment: Annotated[
        str | None,
        typer.Argument(
            metavar="EXPERIMENT", help="Which of those Terraform made; the only one.", show_default=False
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
        if session.as_json or not env:  # a shell would run the table
            _list(session, found)
        raise
    told = planning.Told.of(found[name])
    planned = None if env else planning.plan(_existing(folder), told)
    if planned is not None and not dry_run:
        planning.write(planned)
    written = planned is not None and not dry_run
    if not session.as_json:  # before the store is asked, which may take a while
        _say(name, told, planned, written)
    problems = _check(told) if check and not dry_run else None
    if session.as_json:
        say_json(_as_json(name, told, planned, written, problems))
    _conclude(told, planned if written else None, problems, quiet=session.as_json)


def _input(source: str) -> str:
    try:
        if source != "-":
            return _decoded(Path(source).read_bytes())
        if sys.stdin is None or sys.stdin.isatty():
            raise SettingsError(
                "Nothing comes in: this command reads what Terraform says.",
                kept="Nothing was written.",
                hint=_TYPED,
            )
        return _decoded(sys.stdin.buffer.read())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{'Standard input' if source == '-' else source} cannot be read: {error}.",
            kept="Nothing was written.",
            hint="terraform output -json > outputs.json && jsk configure --from outputs.json",
        ) from error


def _decoded(data: bytes) -> str:
    """Return a text, also as the PowerShell of Windows writes it."""
    return data.decode(
        "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    )


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


def _say(name: str, told: Told, planned: Plan | None, written: bool) -> None:
    if planned is None:
        say("\n".join(told.exports()))
        return
    _say_changes(name, planned, written)
    _tell_overridden(told, planned)
    _tell_hidden(planned)


def _say_changes(name: str, planned: Plan, written: bool) -> None:
    file = os.path.relpath(planned.file)
    if not planned.changes:
        say(f"{file} says all of this about {name} already.")
        return
    rows = [[change.name, _shown(change.after) or _GONE, _shown(change.before)] for change in planned.changes]
    columns = ["setting", "value", *(["before"] if any(row[2] for row in rows) else [])]
    verb = "has" if written else "would have"
    say_table(columns, [row[: len(columns)] for row in rows], f"{file} {verb} the settings of {name}")
    if not written:
        note("Nothing was written.")


def _shown(value: Any) -> str:
    return "" if value is None else human_value(value)


def _tell_hidden(planned: Plan) -> None:
    """Say which other file's settings do not count any more from here downwards."""
    from jsk_saver import project_file

    folder = planned.file.parent.parent
    others = project_file.nearest(folder if folder != planned.file.parent else None)
    try:
        hidden = next((one for one in others if one.settings), None)
    except SettingsError:  # what it says does not count, and never did
        return
    if hidden is not None:
        names = ", ".join(hidden.settings or ())
        where = shlex.quote(str(hidden.file.parent))
        note(f"In this folder, {planned.file.name} counts in place of {hidden.origin}, which sets {names}.")
        note(f"  To write there instead: jsk configure --folder {where}")


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
