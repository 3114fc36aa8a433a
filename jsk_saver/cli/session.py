"""What every command starts with: which store, and how to answer."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jsk_saver.cli.completion import file_names, versions
from jsk_saver.terminal import say_json

if TYPE_CHECKING:
    from jsk_saver.connection import Connection
    from jsk_saver.saver import Saver

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="STORE",
        help="A folder, or s3://bucket/prefix. Default: JSK_STORE, then pyproject.toml, then JSK_HOME/store.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A file name in the store.", autocompletion=file_names)
]
VersionOption = Annotated[
    str | None,
    typer.Option(
        "--version",
        metavar="VERSION",
        help="Which version: its identifier, six characters or more of its beginning or end, or a number: "
        "1 the oldest, -1 the newest.",
        autocompletion=versions,
        show_default=False,
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@dataclass(frozen=True)
class Defaults:
    """Options that were given before the command's name."""

    store: str | None = None
    as_json: bool = False


class Session:
    """One run of the command.

    Parameters
    ----------
    context
        Of the command; knows what was given before its name.
    store, as_json
        What was given behind it, which wins.
    """

    def __init__(self, context: typer.Context, store: str | None, as_json: bool) -> None:
        before = context.obj if isinstance(context.obj, Defaults) else Defaults()
        self.store = store if store is not None else before.store
        self.as_json = as_json or before.as_json

    @cached_property
    def saver(self) -> Saver:
        """The saver that does the work."""
        from jsk_saver.saver import Saver

        return Saver(self.store, **_settings())

    @cached_property
    def connection(self) -> Connection:
        """The connection of the saver."""
        return self.saver.connection

    def answer(self, value: Any) -> bool:
        """Print ``value`` as JSON if that is wanted, and tell whether it was."""
        if self.as_json:
            say_json(value)
        return self.as_json


def _settings() -> dict[str, Any]:
    """Return settings for this process: no progress bars where nobody looks."""
    shown = sys.stderr.isatty() or "JSK_PROGRESS" in os.environ
    return {} if shown else {"progress": False}


def version_of(text: str | None) -> str | int | None:
    """Return a version as a saver takes it; short whole numbers count versions.

    Examples
    --------
    >>> version_of("-1"), version_of("3"), version_of("20261120T203153.123456Z-8f3a2c1b")
    (-1, 3, '20261120T203153.123456Z-8f3a2c1b')
    """
    if text is None:
        return None
    number = text.removeprefix("-")
    return int(text) if number.isascii() and number.isdigit() and len(number) < 7 else text
