"""``jsk-ci push`` and ``jsk-ci promote``: an image that is there gets the tags by which it is found."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jsk_ci.cli.options import AsJson, Dotenv, DryRun, Folder, Registry, show

if TYPE_CHECKING:
    from jsk_ci.builders.base import Builder
    from jsk_ci.project import Kernel
    from jsk_ci.references import Reference

Image = Annotated[
    str | None,
    typer.Option("--image", envvar="JSK_CI_IMAGE", help="The image, pinned; otherwise the candidate."),
]
Print = Annotated[
    str | None,
    typer.Option("--fingerprint", envvar="JSK_CI_FINGERPRINT", help="Of the image; otherwise the folder's."),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", help="A further tag, which is never moved; many times.")
]
Moving = Annotated[
    list[str] | None,
    typer.Option("--moving-tag", help="A tag taken from whichever image has it: develop; many times."),
]
BuilderName = Annotated[
    str | None,
    typer.Option(
        "--builder", envvar="JSK_CI_BUILDER", help="docker or buildah, if it must be pushed from here."
    ),
]
To = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="VERSION",
        help="1.4.0-rc.2, 1.4.0-rc (the next one) or 1.4.0; without it what GitLab's branch or tag is for.",
    ),
]
Into = Annotated[
    str | None,
    typer.Option("--into", help="Another registry and path, which gets a copy: registry.example.com/prod"),
]


def push(
    folder: Folder = Path(),
    registry: Registry = None,
    image: Image = None,
    fingerprint: Print = None,
    tag: Tags = None,
    moving_tag: Moving = None,
    builder: BuilderName = None,
    dotenv: Dotenv = None,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Let others find an image: give the candidate its fingerprint's tag, and more."""
    from jsk_ci import handing, lending, project
    from jsk_ci import push as pushing
    from jsk_ci import registry as registries

    kernel, where = project.read(folder), _where(registry)
    repository = registries.Repository(registries.of(where, kernel.name))
    print_ = fingerprint or _fingerprint(kernel, where)
    meant = _reference(image, where)
    digest = pushing.find(repository, print_, meant)
    if digest is None and not dry_run:
        with lending.logins([repository.name.name]):
            digest = pushing.find(repository, print_, None, _builder(builder))
    if digest is None:
        raise pushing.missing(repository, print_, folder)
    done = pushing.push(repository, print_, digest, tags=tag or (), moving=moving_tag or (), dry_run=dry_run)
    if dotenv and not dry_run:
        handing.write(dotenv, {"IMAGE": str(done.image), "FINGERPRINT": print_})
    found = {
        "kernel": kernel.name,
        "image": str(done.image),
        "fingerprint": print_,
        "added": list(done.added),
        "already": list(done.already),
    }
    show(found, done.lines(dry_run=dry_run), as_json=as_json)


def promote(
    folder: Folder = Path(),
    to: To = None,
    registry: Registry = None,
    image: Annotated[str | None, typer.Option("--image", help="The image, pinned, if it is another.")] = None,
    into: Into = None,
    dotenv: Dotenv = None,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Give the same image, never a rebuilt one, the tag of a release candidate or a release."""
    from jsk_ci import handing, project, releases
    from jsk_ci import promote as promoting

    kernel, where = project.read(folder), _where(registry)
    version = releases.asked(to, os.environ, str(kernel.content.get("project", {}).get("version", "")))
    meant = _reference(image, where)
    done = promoting.promote(kernel, where, version, image=meant, into=into, dry_run=dry_run)
    if dotenv and not dry_run:
        handing.write(dotenv, {"IMAGE": str(done.image), "VERSION": done.version})
    found = {
        "kernel": kernel.name,
        "version": done.version,
        "image": str(done.image),
        "tagged": list(done.tagged),
        "sent": done.sent,
    }
    verb = "would be" if dry_run else "is"
    lines = [f"{done.image} {verb} {done.version}"]
    lines += [f"+ {'would get' if dry_run else 'got'} the tag in {name}" for name in done.tagged]
    show(found, lines, as_json=as_json)


def _where(registry: str | None) -> str:
    from jsk_ci.errors import ProjectError

    if not registry:
        raise ProjectError(
            "It is not said which registry the images are in.",
            hint="Add --registry registry.example.org/kernels, or: export JSK_CI_REGISTRY=…",
        )
    return registry


def _reference(image: str | None, where: str) -> Reference | None:
    """Return the image that was named; None for one that is only on this machine."""
    from jsk_ci.references import Reference

    if not image:
        return None
    reference = Reference.parse(image)
    return reference if reference.registry == Reference.parse(f"{where.strip('/')}/any").registry else None


def _fingerprint(kernel: Kernel, where: str) -> str:
    from jsk_ci import fingerprint as fingerprints
    from jsk_ci import parents

    return fingerprints.gather(kernel, str(parents.resolve(kernel, where).digest)).fingerprint


def _builder(name: str | None) -> Builder | None:
    """Return a builder if there is one: the image may be on this machine alone."""
    from jsk_ci.builders import choosing
    from jsk_ci.errors import NoBuilder

    try:
        return choosing.choose(name)
    except NoBuilder:
        if name:
            raise
        return None
