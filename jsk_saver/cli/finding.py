"""Commands that look: search, history, describe, diff, lineage."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jsk_saver.cli.session import JsonOption, Name, Session, StoreOption, VersionOption, version_of
from jsk_saver.cli.versions import say_versions
from jsk_saver.errors import NotFound, QueryError
from jsk_saver.hints import waiting_for
from jsk_saver.record import JSON
from jsk_saver.terminal import note, say, say_lines, style, width
from jsk_saver.wording import count

if TYPE_CHECKING:
    from jsk_saver.diff import Difference
    from jsk_saver.index import Query
    from jsk_saver.lineage.graph import LineageGraph
    from jsk_saver.saved import Results

_PANEL = "Every day"
#: A search without conditions, as a line.
_EVERYTHING = "*"
#: ``-draft`` in a search and ``-2`` for a version are no options.
_DASHES = {"ignore_unknown_options": True, "help_option_names": ["--help"]}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel=_PANEL, context_settings=_DASHES)(search)
    app.command(rich_help_panel=_PANEL)(history)
    app.command(rich_help_panel=_PANEL)(describe)
    app.command(rich_help_panel=_PANEL, context_settings=_DASHES)(diff)
    app.command(rich_help_panel=_PANEL)(lineage)


# Search ---------------------------------------------------------------------------------------------


def search(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="SEARCH", help="What to look for; everything without it.", show_default=False),
    ] = None,
    limit: Annotated[
        str | None,
        typer.Option(
            "--limit", metavar="N", help="At most so many, or all. Default: 100.", show_default=False
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            metavar="PATH",
            help="By what; -rows: descending. Default: newest first, or best first for words.",
            show_default=False,
        ),
    ] = None,
    latest: Annotated[bool, typer.Option("--latest", help="Only the newest version of each name.")] = False,
    hidden: Annotated[bool, typer.Option("--hidden", help="Deleted names too.")] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh/--no-refresh", help="Ask the store what is new first.")
    ] = True,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find versions by what they are.

    jsk search 'origin:youtube rows:>=1000 -draft channel'

    Words find names and metadata, small spelling errors forgiven; origin:you* and rows:1..5 a value;
    title:/^data/i an expression; has:origin; model.kind:tree; since:7d; user:ann; commit:4f2a; a OR b;
    -draft what is not. Quote the search, because the shell takes > and * for itself.
    """
    from jsk_saver.index import parse_line

    session = Session(context, store, as_json)
    _refuse_options(words or [])
    asked: dict[str, Any] = {"latest": latest or None, "hidden": hidden or None}
    asked |= {"limit": _limit(limit)} if limit is not None else {}
    asked |= {"sort": sort} if sort is not None else {}
    line = " ".join(words or [])
    query = parse_line(line, **asked)
    found = session.saver.search(line or None, refresh=refresh, **asked)
    if session.answer(found.to_dicts()):
        pass
    elif found:
        say_versions(found, _found_title(found))
    else:
        _say_nothing_found(session, query, found)
        if waiting_for(session.connection.spool, session.connection.store):
            note("        jsk spool push    # objects wait on this machine to be sent")
    if not found:
        raise typer.Exit(NotFound.exit_code)


def _say_nothing_found(session: Session, query: Query, found: Results) -> None:
    uri = session.connection.store.uri
    if "://" not in uri and not Path(uri).exists():
        note(f"The folder {uri} does not exist, so nothing was saved there yet.")
        note("  Next: jsk doctor    # which store is in force, and why")
    elif str(query) == _EVERYTHING:
        note("The store is empty.\n  Next: jsk put FILE")
    else:
        advice = "jsk search    # what is there" if found.hint.startswith("saver.") else found.hint
        note(f"No version matches {found.title.removeprefix('matching ')}.\n  Next: {advice}")


def _refuse_options(words: list[str]) -> None:
    for word in words:
        if word.startswith("--"):
            raise QueryError(f"There is no option {word}.", hint="jsk search --help")


def _limit(text: str) -> int | None:
    if text == "all":
        return None
    if not (text.isascii() and text.isdigit()):
        raise QueryError(f"--limit is a number or all, not {text!r}.", hint="--limit 20")
    return int(text)


def _found_title(found: Results) -> str:
    matching = f" {found.title}" if found.title.startswith("matching ") else ""
    if found.total > len(found):
        return f"{len(found):,} of {count(found.total, 'version')}{matching} (--limit all shows all)"
    return f"{count(len(found), 'version')}{matching}"


# One name -------------------------------------------------------------------------------------------


def history(
    context: typer.Context, name: Name, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """List all versions of a name, newest first, also if it was deleted."""
    session = Session(context, store, as_json)
    found = session.saver.history(name)
    numbers = found.numbers
    if not session.answer([{"number": n, **item.to_dict()} for n, item in zip(numbers, found, strict=True)]):
        hidden = any(item.hidden for item in found)
        deleted = f", deleted (jsk restore {shlex.quote(name)})" if hidden else ""
        say_versions(found, f"{count(len(found), 'version')} of {name}{deleted}", numbers)


def describe(
    context: typer.Context,
    name: Name,
    version: VersionOption = None,
    packages: Annotated[
        bool, typer.Option("--packages", help="List the packages that were installed, and nothing else.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell the story of a version: what it is, who made it, when, where, and from what.

    jsk describe --packages models/knn.skops > requirements.txt
    """
    session = Session(context, store, as_json)
    if packages:
        listed = session.saver.packages(name, version=version_of(version))
        if not session.answer(listed):
            say_lines(listed)
        return
    story = session.saver.describe(name, version=version_of(version))
    if not session.answer(story.to_dict()):
        say(repr(story))


# Diff -----------------------------------------------------------------------------------------------


def diff(
    context: typer.Context,
    name: Name,
    old: Annotated[
        str | None,
        typer.Argument(
            metavar="OLD", help="A version, or its number. Default: the last but one.", show_default=False
        ),
    ] = None,
    new: Annotated[
        str | None,
        typer.Argument(
            metavar="NEW", help="A version, or its number. Default: the newest.", show_default=False
        ),
    ] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if they differ.")] = False,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Load pickled objects too; only for versions you trust.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what changed between two versions: rows and values, paths, lines, or sizes.

    jsk diff channels.csv

    jsk diff channels.csv 1 -1
    """
    session = Session(context, store, as_json)
    sides = [version_of(side) for side in (old, new)]
    _refuse_options([side for side in (old, new) if side is not None])
    found = session.saver.diff(name, *sides, allow_pickle=allow_pickle)
    if not session.answer(found.to_dict()):
        _say_difference(found)
    if exit_code and not found.same:
        raise typer.Exit(1)


def _say_difference(found: Difference) -> None:
    say(style(found.title, "bold", sys.stdout))
    for block in found.blocks():
        say("")
        if block.title:
            say(style(block.title, "bold", sys.stdout))
        say_lines(f"  {line}" for line in block.lines)
        if block.columns:
            from dataclasses import replace

            say(replace(block, title="", lines=[]).text(width()))


# Lineage --------------------------------------------------------------------------------------------


def lineage(
    context: typer.Context,
    name: Name,
    version: VersionOption = None,
    depth: Annotated[int, typer.Option("--depth", min=1, help="Generations to follow.")] = 20,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print it as a Mermaid diagram.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw what a version comes from, and that from what."""
    session = Session(context, store, as_json)
    graph = session.saver.lineage(name, version=version_of(version), depth=depth)
    if not session.answer(_graph(graph)):
        say(graph.mermaid if mermaid else str(graph))


def _graph(graph: LineageGraph) -> JSON:
    from jsk_saver.record import format_time

    keys = ("store", "name", "version")
    nodes = [
        {
            **dict(zip(keys, node.key, strict=True)),
            "created": format_time(node.created) if node.created else None,
            "user": node.who,
            "missing": node.missing,
        }
        for node in graph.nodes
    ]
    edges = [
        {side: dict(zip(keys, getattr(edge, side), strict=True)) for side in ("child", "parent")}
        | {"how": edge.how}
        for edge in graph.edges
    ]
    return {"nodes": nodes, "edges": edges}
