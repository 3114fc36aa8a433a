"""``jsk-ci fingerprint`` and ``jsk-ci plan``: what decides, and what is to be built."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jsk_ci.cli.options import AsJson, Dotenv, DryRun, Folder, Registry, show
from jsk_saver import terminal

if TYPE_CHECKING:
    from jsk_ci.plan import Step
    from jsk_ci.project import Kernel

Digest = Annotated[
    str | None,
    typer.Option("--parent-digest", help="sha256:… of the image it starts from; no registry is asked then."),
]
Explain = Annotated[bool, typer.Option("--explain", help="Show each part with its hash, and what is in it.")]
Diff = Annotated[
    str | None,
    typer.Option(
        "--diff",
        metavar="REV1[..REV2]",
        help="Show what changed since a revision, or between two; no registry is asked.",
    ),
]
Folders = Annotated[
    list[Path] | None, typer.Argument(help="Folders of kernels; this one without any.", show_default=False)
]
Pipeline = Annotated[
    Path | None, typer.Option("--pipeline", help="Write a GitLab child pipeline that builds what is missing.")
]
Include = Annotated[
    list[str] | None,
    typer.Option("--include", help="File of the repository that the pipeline includes; many times."),
]


def fingerprint(
    folder: Folder = Path(),
    parent_digest: Digest = None,
    registry: Registry = None,
    explain: Explain = False,
    diff: Diff = None,
    dotenv: Dotenv = None,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Tell what decides the content of a kernel's image, as one hash."""
    from jsk_ci import explain as explaining
    from jsk_ci import fingerprint as fingerprints
    from jsk_ci import handing, project

    if diff:
        _show_diff(folder, diff, as_json)
        return
    kernel = project.read(folder)
    inputs = fingerprints.gather(kernel, _digest(parent_digest) or _parent(kernel, registry))
    found: dict[str, Any] = {"kernel": kernel.name, "fingerprint": inputs.fingerprint, "tag": inputs.tag}
    if dotenv and not dry_run:
        handing.write(dotenv, {"FINGERPRINT": inputs.fingerprint})
    if explain:
        found |= {"parts": inputs.parts(), "inputs": asdict(inputs)}
    lines = [f"{inputs.fingerprint}  {inputs.tag}", *(explaining.lines(inputs) if explain else [])]
    show(found, lines, as_json=as_json)


def _digest(text: str | None) -> str | None:
    from jsk_ci.references import Reference

    return Reference.parse(f"parent@{text}").digest if text else None


def _parent(kernel: Kernel, registry: str | None) -> str:
    from jsk_ci import parents

    return str(parents.resolve(kernel, registry).digest)


def _show_diff(folder: Path, revisions: str, as_json: bool) -> None:
    from jsk_ci import revisions as comparing

    old, _, new = revisions.partition("..")
    changes = comparing.compare(folder, old or "HEAD", new or None)
    lines = [change.line() for change in changes] or ["Nothing that decides an image changed."]
    show({"changes": [asdict(change) for change in changes]}, lines, as_json=as_json)


def plan(
    folders: Folders = None,
    registry: Registry = None,
    pipeline: Pipeline = None,
    include: Include = None,
    dotenv: Dotenv = None,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Ask the registry what is there already, and tell what is to be built."""
    from jsk_ci import handing
    from jsk_ci import plan as planning
    from jsk_ci.errors import ProjectError

    if not registry:
        raise ProjectError(
            "It is not said which registry the images are in.",
            hint="jsk-ci plan --registry registry.example.org/kernels",
        )
    steps = planning.make(folders or [Path()], registry)
    if dotenv and not dry_run:
        handing.write(dotenv, planning.handed(steps))
    if pipeline and not dry_run:
        pipeline.parent.mkdir(parents=True, exist_ok=True)
        pipeline.write_text(_child(steps, registry, include or ()), encoding="utf-8")
    if as_json:
        told = [step.told() for step in steps]
        terminal.say_json({"decision": planning.overall(steps), "kernels": told})
    else:
        _say_table(steps)


def _child(steps: Sequence[Step], registry: str, include: Sequence[str]) -> str:
    """Return the child pipeline; what its jobs get is told by variables, see jsk_ci/jobs.py."""
    from jsk_ci import jobs as common
    from jsk_ci import pipeline as pipelines
    from jsk_ci import plan as planning

    jobs = common.read(os.environ)
    undelivered = planning.undelivered(steps, registry) if jobs.deliver else ()
    return pipelines.text(steps, registry, include=include, jobs=jobs, undelivered=undelivered)


def _say_table(steps: Sequence[Step]) -> None:
    rows = [(step.kernel.name, step.decision, step.tag or "-", "; ".join(step.reasons)) for step in steps]
    terminal.say_table(["kernel", "build", "image", "why"], rows)
