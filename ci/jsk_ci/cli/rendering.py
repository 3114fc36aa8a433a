"""``jsk-ci render``: the pipeline that GitLab makes of a ``.gitlab-ci.yml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jsk_ci.cli.options import AsJson
from jsk_saver import terminal

_FILE = Path(".gitlab-ci.yml")


def render(
    file: Annotated[Path, typer.Argument(help="A pipeline, or a template of one.")] = _FILE,
    root: Annotated[
        Path | None,
        typer.Option("--root", help="Where the repository begins; the file's folder without it."),
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=VALUE", help="An input of the file itself; many times."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the final pipeline: includes put in, inputs filled in, extends followed."""
    from jsk_ci import render as rendering

    found = rendering.render(file, root, _given(value or []))
    if as_json:
        terminal.say_json(
            {
                "pipeline": _plain(dict(found.content)),
                "jobs": list(found.jobs),
                "unseen": list(found.unseen),
                "notes": list(found.notes),
            }
        )
    else:
        terminal.say(found.text().rstrip("\n"))
    for line in (*found.unseen, *found.notes):
        terminal.note(f"jsk-ci: {line}")


def _given(values: list[str]) -> dict[str, Any]:
    """Return inputs by name; numbers, booleans and lists as YAML writes them."""
    import yaml

    from jsk_ci.errors import ProjectError

    given = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals:
            raise ProjectError(f"{text!r} gives no input a value.", hint="--input folders=kernels/base")
        try:
            given[name] = yaml.safe_load(value) if value else ""
        except yaml.YAMLError:
            given[name] = value
    return given


def _plain(value: Any) -> Any:
    """Return a pipeline as JSON can hold it."""
    from jsk_ci.render import Reference

    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {"!reference": list(value.path)} if isinstance(value, Reference) else value
