"""Commands that move objects: put, get, copy."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from jsk_saver.cli import metadata
from jsk_saver.cli.failures import typed
from jsk_saver.cli.session import JsonOption, Name, Session, StoreOption, VersionOption, version_of
from jsk_saver.errors import AlreadyThere, CannotRepresent, InvalidName
from jsk_saver.human import human_size
from jsk_saver.payload import BLOCK, TEMPORARY
from jsk_saver.placing import expanded
from jsk_saver.record import Record, check_name
from jsk_saver.saved import Saved
from jsk_saver.terminal import note, say

#: Stands for the standard input or output.
STREAM = "-"
_PANEL = "Every day"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel=_PANEL)(put)
    app.command(rich_help_panel=_PANEL)(get)


def register_copy(app: typer.Typer) -> None:
    """Add the command that comes further down in the help."""
    app.command(rich_help_panel="Looking after it")(copy)


# Put ------------------------------------------------------------------------------------------------


def put(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A file or folder on this machine; - reads what is piped in."),
    ],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Its name in the store. Default: the path as given, or its last part if it is absolute or "
            "climbs out of here. A name that ends in / is a folder to put it in.",
            show_default=False,
        ),
    ] = None,
    meta: Annotated[
        list[str] | None,
        typer.Option(
            "--meta",
            "-m",
            metavar="KEY=VALUE",
            help="What it is, to find it by; numbers, true and other JSON are read as such. Can be repeated.",
        ),
    ] = None,
    meta_json: Annotated[
        str | None, typer.Option("--meta-json", metavar="JSON", help="The same as a JSON object, or @FILE.")
    ] = None,
    if_changed: Annotated[
        bool | None,
        typer.Option(
            "--if-changed/--always",
            help="Make no new version if the newest has the same bytes and metadata.",
            show_default=False,
        ),
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Save a file or folder as it is, as a new version.

    jsk put channels.csv --meta origin=youtube

    pg_dump lab | jsk put - backups/lab.sql
    """
    session = Session(context, store, as_json)
    told = metadata.parse(meta or (), meta_json)
    chosen = _name_for(file, name)
    if file == STREAM:
        saved = _put_stream(session, chosen, told, if_changed)
    else:
        path = expanded(file)
        if not path.exists():
            raise CannotRepresent(f"There is no file {file!r} to save.", hint="Check the path.")
        saved = session.saver.put(chosen, path, metadata=told, if_changed=if_changed)
    if not session.answer(saved.to_dict()):
        say(repr(saved))


def _name_for(file: str, name: str | None) -> str:
    """Return the name in the store; of a path that would climb out of it, only the last part is left."""
    path = Path(os.path.normpath(expanded(file)))
    own = path.as_posix()
    if path.is_absolute() or path.parts[:1] in ((), ("..",)):
        own = path.resolve().name
    if name is not None and name.endswith("/") and file != STREAM:
        return check_name(name + path.resolve().name)
    if name is None and file == STREAM:
        raise InvalidName("What is piped in needs a name in the store.", hint="jsk put - NAME")
    return check_name(name if name is not None else own)


def _put_stream(session: Session, name: str, told: dict[str, object], if_changed: bool | None) -> Saved:
    """Save the standard input: by way of a file, so that it may be of any size."""
    folder = session.connection.scratch
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=TEMPORARY, suffix=".tmp") as file:
        shutil.copyfileobj(sys.stdin.buffer, file, BLOCK)
        file.flush()
        return session.saver.put(name, Path(file.name), metadata=told, if_changed=if_changed)


# Get ------------------------------------------------------------------------------------------------


def get(
    context: typer.Context,
    name: Name,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            "-o",
            metavar="PATH",
            help="Where to write it; a folder keeps the file's name; - writes to the standard output. "
            "Default: the last part of NAME, here.",
            show_default=False,
        ),
    ] = None,
    version: VersionOption = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            metavar="SEARCH",
            help="The newest version that matches, such as 'origin:youtube'.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", "-f", help="Replace a file that is there. A folder is never replaced."),
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a version to a file, after comparing its digest.

    jsk get channels.csv --where 'origin:youtube rows:>=1000'

    jsk get channels.csv --to - | head
    """
    session = Session(context, store, as_json)
    if version is not None and where is not None:
        raise typer.BadParameter("--version and --where exclude each other.")
    check_name(name)
    if to == STREAM and session.as_json:
        raise typer.BadParameter("--json and --to - both want the standard output.")
    record = _record(session, name, version, where)
    if to == STREAM:
        _write_stream(session, record)
        return
    target = to if to is not None else record.name.rpartition("/")[2]
    try:
        path = session.saver.get(name, version=record.version, to=target, force=force)
    except AlreadyThere as error:
        if "force=True" in error.hint:
            chosen = {"--to": to, "--version": version, "--where": where, "--store": store}
            error.hint = f"{typed('jsk', 'get', name, **chosen)} --force    # replaces it"
        raise
    where_it_lies = session.saver.store
    saved = Saved.of(record, where_it_lies.address(name, record.version), store=where_it_lies.uri)
    if not session.answer({**saved.to_dict(), "path": str(path)}):
        say(f"{path}  ({human_size(record.size)}, version {record.version})")


def _record(session: Session, name: str, version: str | None, where: str | None) -> Record:
    """Return which version is meant, before anything is written."""
    if where is None:
        return session.connection.head(name, session.connection.resolve(name, version_of(version)))
    from jsk_saver.index import parse_line

    return session.connection.newest_match(name, parse_line(where))


def _write_stream(session: Session, record: Record) -> None:
    """Write the bytes to the standard output; not one of them before all were compared with the digest."""
    from jsk_saver.delivery import verified

    if sys.stdout.isatty() and record.format not in (
        "txt",
        "md",
        "csv",
        "tsv",
        "json",
        "jsonl",
        "yaml",
        "toml",
    ):
        note("These bytes may not be text; better: jsk get … --to FILE, or pipe them somewhere.")
    found, payload = session.connection.read(record.name, record.version)
    with verified(found, payload, wait=True):
        for block in payload.blocks():
            sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()


# Copy -----------------------------------------------------------------------------------------------


def copy(
    context: typer.Context,
    name: Name,
    to: Annotated[
        str, typer.Argument(metavar="STORE", help="The other store: a folder, or s3://bucket/prefix.")
    ],
    as_name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Its name there.", show_default=False)
    ] = None,
    version: VersionOption = None,
    history: Annotated[bool, typer.Option("--history", help="Copy all versions, oldest first.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a version, or all of them, into another store, with metadata and lineage.

    jsk copy channels.csv s3://lab/shared --history
    """
    session = Session(context, store, as_json)
    if history and version is not None:
        raise typer.BadParameter("--history copies all versions, --version one.")
    saved = session.saver.copy(name, to, as_name=as_name, version=version_of(version), history=history)
    if not session.answer(saved.to_dict()):
        say(repr(saved))
