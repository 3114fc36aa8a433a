"""Commands that hide, bring back, remove and check: delete, restore, purge, verify, reindex, doctor."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from jsk_saver.cli.completion import file_names
from jsk_saver.cli.failures import refused, typed
from jsk_saver.cli.session import (
    JsonOption,
    Name,
    Session,
    StoreOption,
    VersionOption,
    YesOption,
    version_of,
)
from jsk_saver.errors import IntegrityError
from jsk_saver.human import human_size
from jsk_saver.terminal import note, say, say_table, style, width
from jsk_saver.wording import count

if TYPE_CHECKING:
    from jsk_saver.doctor import Report

_PANEL = "Looking after it"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (delete, restore, purge, verify, reindex, doctor):
        app.command(rich_help_panel=_PANEL)(command)


def delete(
    context: typer.Context, name: Name, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Hide a name; nothing is removed, and restore brings it back."""
    session = Session(context, store, as_json)
    session.saver.delete(name)
    if not session.answer({"name": name, "hidden": True}):
        say(f"{name} is hidden; its versions are kept.")
        note(f"  Next: jsk restore {shlex.quote(name)}    # brings it back")


def restore(
    context: typer.Context,
    name: Name,
    version: VersionOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring back a deleted name, or make an old version the newest."""
    session = Session(context, store, as_json)
    saved = session.saver.restore(name, version=version_of(version))
    if not session.answer(saved.to_dict()):
        say(repr(saved))


def purge(
    context: typer.Context,
    name: Name,
    version: VersionOption = None,
    yes: YesOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a version, or all of a name, for good."""
    session = Session(context, store, as_json)
    wanted = version_of(version)
    if not yes:
        _ask_about(session, name, wanted)
    removed = session.saver.purge(name, version=wanted, yes=True)
    if not session.answer({"name": name, "purged": removed}):
        say(f"{count(removed, 'version')} of {name} removed for good.")


def _ask_about(session: Session, name: str, version: str | int | None) -> None:
    entries = [entry for entry in session.connection.entries(name) if not entry.marker]
    identifier = session.connection.identify(name, version)
    doomed = [entry for entry in entries if identifier is None or entry.version == identifier]
    if not doomed:
        session.connection.head(name, identifier)  # says that there is no such version
    size = human_size(sum(entry.size for entry in doomed))
    what = f"{count(len(doomed), 'version')} of {name} ({size})"
    ask(
        f"Remove {what} from {session.saver.store.uri} for good?",
        what,
        typed("jsk", "purge", name, **{"--version": identifier}) + " --yes",
    )


def ask(question: str, what: str, hint: str) -> None:
    """Ask for consent.

    Raises
    ------
    JskError
        If the answer is no, or nobody is there to answer; the command then exits with 5.
    """
    if not _somebody_is_there():
        raise refused(f"{what}: not removed, as nobody could be asked.", kept="All of it.", hint=hint)
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        raise refused(f"{what}: not removed.", kept="All of it.", hint=hint)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def verify(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Only this name.", autocompletion=file_names, show_default=False),
    ] = None,
    version: VersionOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read versions again and compare their digests: one, all of a name, or everything."""
    session = Session(context, store, as_json)
    if version is not None and name is None:
        raise typer.BadParameter("--version needs a NAME.")
    found = session.saver.verify(name, version=version_of(version))
    if not session.answer(found.to_dict()):
        if found.damaged:
            rows = [[item.name, item.version, item.problem] for item in found.damaged]
            say_table(["name", "version", "problem"], rows)
        say(style(found.title, "green" if found.ok else "red", sys.stdout))
    if not found.ok:
        raise typer.Exit(IntegrityError.exit_code)


def reindex(context: typer.Context, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Build the index anew from the store."""
    session = Session(context, store, as_json)
    names = session.saver.reindex()
    versions = session.connection.index.count()
    if not session.answer({"names": names, "versions": versions}):
        say(f"The index has {count(versions, 'version')} of {count(names, 'file name')}.")


def doctor(context: typer.Context, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show what is in force and why, and what is wrong."""
    from jsk_saver.connection import Connection
    from jsk_saver.doctor import examine

    session = Session(context, store, as_json)
    report = examine(Connection(store=session.store))  # not the session's, which sets more than was asked
    if not session.answer(report.to_dict()):
        _say_report(report)
    if not report.ok:
        raise typer.Exit(1)


def _say_report(report: Report) -> None:
    for finding in report.findings.values():
        title, _, rest = finding.text(width()).partition("\n")
        if title:
            say(f"{style(title, 'bold', sys.stdout)}\n{rest}\n")
    say(style(report.verdict, "green" if report.ok else "red", sys.stdout))
    for line in report.problem_lines():
        say(line)
