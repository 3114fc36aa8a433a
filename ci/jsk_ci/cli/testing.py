"""``jsk-ci smoke``: whether notebooks run in an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from jsk_ci import handing
from jsk_ci.cli.options import AsJson, DryRun, show

Image = Annotated[
    str | None,
    typer.Argument(help="The image; otherwise the candidate that jsk-ci build handed on (JSK_CI_IMAGE)."),
]


def smoke(
    image: Image = None,
    imports: Annotated[
        list[str] | None, typer.Option("--import", help="A module that must import; may be given many times.")
    ] = None,
    conflicts: Annotated[
        list[str] | None,
        typer.Option("--allow-conflict", help="A package whose unmet requirements are known; many times."),
    ] = None,
    builder: Annotated[
        str | None, typer.Option("--builder", envvar="JSK_CI_BUILDER", help="docker or buildah.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Start an image as Studio would, in both forms, and run a notebook in it that saves an object."""
    from jsk_ci import lending
    from jsk_ci.builders import choosing
    from jsk_ci.smoke import checks

    name = image or handing.value("IMAGE", "The image to look at", "jsk-ci smoke REGISTRY/NAME@sha256:…")
    if dry_run:
        show(
            {"image": name, "dry_run": True},
            [f"Would start {name} in both of Studio's forms."],
            as_json=as_json,
        )
        return
    with lending.logins([name]):
        report = checks.look(choosing.choose(builder), name, imports or (), conflicts or ())
    found = {
        "image": report.image,
        "ok": report.ok,
        "checks": [
            {"name": check.name, "ok": check.ok, "told": check.told, "seconds": check.seconds}
            for check in report.checks
        ],
        "timing": dict(report.timing),
        "warnings": list(report.warnings),
    }
    lines = [f"{'+' if check.ok else '-'} {check.name}: {check.told}" for check in report.checks]
    warnings = [f"! {warning}" for warning in report.warnings]
    show(found, [*lines, *warnings, *_times(report.timing)], as_json=as_json)
    checks.insist(report)


def _times(timing: Mapping[str, float]) -> list[str]:
    """Return what a scientist waits for."""
    if "start" not in timing:
        return []
    start, imports, share = timing["start"], timing["imports"], timing["imports share"]
    return [
        f"From the container's start to the first executed cell {start:.1f} s; the usual imports take "
        f"{imports:.1f} s more, {share:.0%} of both."
    ]
