"""``jsk-ci build``: from a kernel's folder to an image, and to a candidate in a registry."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jsk_ci.cli.options import AsJson, Dotenv, DryRun, Folder, Registry, show
from jsk_saver import terminal

if TYPE_CHECKING:
    from jsk_ci.build import Order
    from jsk_ci.builders.base import Image

#: How many files a warning names.
_MOST = 10

Candidate = Annotated[
    bool,
    typer.Option(
        "--candidate", help="Push it, under a tag of its own that only the steps of one pipeline use."
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Ignore every step that was built before.")]
BuilderName = Annotated[
    str | None,
    typer.Option("--builder", envvar="JSK_CI_BUILDER", help="docker or buildah; otherwise what is there."),
]
Cache = Annotated[
    str | None,
    typer.Option("--cache", envvar="JSK_CI_CACHE", help="Repository that keeps steps between runners."),
]
Start = Annotated[
    str | None,
    typer.Option("--parent", envvar="JSK_CI_PARENT", help="Image to start from, instead of the project's."),
]


def build(
    folder: Folder = Path(),
    registry: Registry = None,
    candidate: Candidate = False,
    fresh: Fresh = False,
    builder: BuilderName = None,
    cache: Cache = None,
    parent: Start = None,
    dotenv: Dotenv = None,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Build the image of a kernel, with Docker or buildah."""
    from jsk_ci import build as building
    from jsk_ci import candidates, handing, lending, parents, project
    from jsk_ci.builders import choosing
    from jsk_ci.errors import ProjectError

    if candidate and not registry:
        raise ProjectError(
            "A candidate needs a registry.",
            hint="jsk-ci build --candidate --registry registry.example.org/kernels",
        )
    kernel = project.read(folder)
    if not parent:
        parents.check_named(kernel)
    chosen = choosing.choose(builder, terminal.note)
    order = building.order(kernel, chosen, into=registry, start=parent)
    forgotten = building.forgotten(order)
    if forgotten:
        terminal.note(_missing(forgotten))
    found = {"builder": chosen.name, **_told(order), "not_in_git": forgotten}
    if dry_run:
        show(found, _lines(order, None), as_json=as_json)
        return
    began = time.monotonic()
    with lending.logins(filter(None, (registry, cache, order.parent.reference))):
        image = building.carry_out(order, chosen, cache=cache, fresh=fresh)
        pinned = str(candidates.push(image, chosen)) if candidate else ""
    found |= _built(image) | {"seconds": round(time.monotonic() - began, 1), "pushed": pinned}
    if dotenv:
        told = {
            "IMAGE": pinned or image.reference,
            "FINGERPRINT": order.inputs.fingerprint,
            "PARENT": order.parent.pinned,
        }
        handing.write(dotenv, told)
    show(found, [*_lines(order, image), *([f"Pushed {pinned}"] if pinned else [])], as_json=as_json)


def _missing(files: list[str]) -> str:
    """Return the warning that files will not be in the image."""
    shown = "\n".join(f"  {name}" for name in files[:_MOST])
    more = f"\n  and {len(files) - _MOST} more" if len(files) > _MOST else ""
    them, rest = ("them", " …") if len(files) > 1 else ("it", "")
    return (
        f"Not in the image, because Git does not track {them}:\n{shown}{more}\n"
        f"  Next: git add {shlex.quote(files[0])}{rest}    # then this again"
    )


def _told(order: Order) -> dict[str, Any]:
    return {
        "name": order.kernel.name,
        "kind": order.identity.kind,
        "fingerprint": order.inputs.fingerprint,
        "parent": order.parent.pinned,
        "commit": order.identity.commit,
        "image": order.reference,
        "installs": {name: package.version for name, package in order.content.installed.items()},
        "replaces": list(order.content.replaced),
    }


def _built(image: Image) -> dict[str, Any]:
    return {"identifier": image.identifier, "layers": list(image.layers), "size": image.size}


def _lines(order: Order, image: Image | None) -> list[str]:
    from jsk_saver.human import human_size

    count, replaced = len(order.content.installed), len(order.content.replaced)
    lines = [
        f"{order.identity.kind} {order.kernel.name} on {order.parent.pinned}",
        f"{count} packages, {replaced} of them instead of the base's" if replaced else f"{count} packages",
    ]
    if image is None:
        return [*lines, f"Would build {order.reference}"]
    size, budget = human_size(image.size), human_size(order.kernel.budget)
    return [*lines, f"Built {image.reference}, {size} of {budget}"]
