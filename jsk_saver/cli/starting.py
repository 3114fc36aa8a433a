"""``jsk new``: a new experiment's repository."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jsk_saver.cli.session import JsonOption, Session
from jsk_saver.errors import QueryError
from jsk_saver.terminal import note, say

if TYPE_CHECKING:
    from jsk_ci.skeleton.gitlab import Hosted
    from jsk_ci.skeleton.making import Made


#: What ``--gitlab`` does by itself.
_PROTECT = (
    "on GitLab, protect main, develop and the tags *.*.*: nothing else is delivered (--gitlab does it)."
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="new", rich_help_panel="Environments")(new)


def new(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What repository, kernel and experiment are called.")
    ],
    folder: Annotated[
        Path | None, typer.Option(help="Where it is made. Default: NAME, here.", show_default=False)
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="IMAGE",
            envvar="JSK_CI_BASE",
            help="Base image. Default: that of the image this runs in.",
            show_default=False,
        ),
    ] = None,
    registry: Annotated[
        str | None,
        typer.Option(envvar="JSK_CI_REGISTRY", help="Where its images go.", show_default="GitLab's own"),
    ] = None,
    components: Annotated[
        str | None,
        typer.Option(
            envvar="JSK_CI_COMPONENTS",
            metavar="PATH@VERSION",
            help="The project with the kit's GitLab components.",
            show_default=False,
        ),
    ] = None,
    strip_output: Annotated[
        bool, typer.Option("--strip-output", help="Commit notebooks without their output.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask Poetry to check the lock.")] = False,
    gitlab: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Create the project on this GitLab, too.", show_default=False),
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="GitLab group. Default: your own projects.", show_default=False)
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a new experiment's repository, ready to push: environment, first notebook, pipeline, branches."""
    from jsk_ci.skeleton import making
    from jsk_ci.skeleton.gitlab import GitLab
    from jsk_ci.skeleton.wishes import Wish, known_base

    signal.signal(signal.SIGTERM, _end)  # so that nothing is left half-made
    session = Session(context, None, as_json)
    if group and not gitlab:
        raise QueryError("--group is for --gitlab.", hint=f"jsk new {name} --gitlab URL --group {group}")
    told: dict[str, Any] = {"registry": registry} if registry else {}
    if components:
        path, _, version = components.partition("@")
        told |= {"components": path, **({"components_version": version} if version else {})}
    place = (folder or Path(name)).absolute()
    wish = Wish(name, place, base or known_base(), strip_output=strip_output, offline=offline, **told)
    made = making.plan(wish)
    notes = () if gitlab else (_PROTECT,)
    server = GitLab(gitlab, group) if gitlab else None
    if server is not None:
        server.check(name)
    hosted = None
    if not dry_run:
        made = making.make(wish, note)
        hosted = server.host(name, wish.title, place) if server is not None else None
    made = replace(made, notes=(*made.notes, *notes))
    answer = {**made.to_dict(), "dry_run": dry_run, "gitlab": hosted.to_dict() if hosted else None}
    if not session.answer(answer):
        _say(made, hosted, dry_run=dry_run)


def _end(*_: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def _say(made: Made, hosted: Hosted | None, *, dry_run: bool) -> None:
    done = "Would make" if dry_run else "Made"
    say(f"{done} {made.folder}, with the branches {' and '.join(made.branches)}")
    for file in made.files:
        say(f"  {file}")
    if hosted is not None:
        say(f"On GitLab: {hosted.url}, with {' and '.join(hosted.protected)} protected")
    for text in made.notes:
        note(f"  Note: {text}")
    if not dry_run:
        note(f"  Next: cd {made.folder} && jupyter lab notebooks/first.ipynb")
        if hosted is None:
            note(f"  Then: git remote add origin URL && git push -u origin {' '.join(made.branches)}")
