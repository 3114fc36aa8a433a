"""Options that steps share, and how they show what they found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from jsk_saver import terminal

Folder = Annotated[Path, typer.Argument(help="Folder of the kernel: with pyproject.toml and poetry.lock.")]
Registry = Annotated[
    str | None,
    typer.Option(
        "--registry",
        envvar="JSK_CI_REGISTRY",
        help="Where images go: registry.example.org/kernels; each kernel has a repository of its name there.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")]
Dotenv = Annotated[
    Path | None,
    typer.Option("--dotenv", help="Hand what was found to later jobs: variables, one a line, in this file."),
]


def show(found: Mapping[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Print ``found`` as JSON, or the lines that tell it to a person."""
    if as_json:
        terminal.say_json(dict(found))
    else:
        terminal.say_lines(lines)
