"""What has to do with the platform's publisher: ``jsk-ci attached``, and what the other steps say of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from jsk_ci.cli.options import AsJson, DryRun, Folder, show
from jsk_ci.errors import Denied

VARIABLE = "JSK_CI_PUBLISHER"
Publisher = Annotated[
    str,
    typer.Option(
        "--publisher",
        envvar=VARIABLE,
        metavar="FUNCTION",
        help="The platform's, which alone changes the domain.",
    ),
]


def attached(
    folder: Folder = Path(),
    image: Annotated[
        str | None,
        typer.Option(envvar="JSK_CI_IMAGE", help="Container image, with its digest.", show_default=False),
    ] = None,
    domain: Annotated[
        str, typer.Option("--domain", envvar="JSK_CI_DOMAIN", metavar="ID", help="Studio's domain: d-….")
    ] = "",
    publisher: Publisher = "",
    wait: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=0, help="Longest time of all waiting.")
    ] = 1800.0,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Wait until the platform's publisher has made the domain offer an image that was pushed."""
    from jsk_ci import handing, project
    from jsk_ci.errors import ProjectError
    from jsk_ci.references import Reference
    from jsk_ci.studio import client, patience
    from jsk_ci.studio import publisher as publishers

    kernel = project.read(folder)
    text = image or handing.value("IMAGE", "The image to wait for", "jsk-ci attached --image NAME@sha256:…")
    reference = Reference.parse(text)
    if not domain:
        raise ProjectError("No domain is named.", hint="--domain d-…    # or set JSK_CI_DOMAIN")
    studio = client.Studio(client.connect(), patience.Patience(0 if dry_run else wait))
    with explained(f"{kernel.name}: attached", publisher):
        found = publishers.wait(studio, kernel.name, reference, domain, publisher or "FUNCTION")
    what = f"{reference.pinned} is {found.image} {found.version}"
    later = f"{what}; the domain {domain} offers a later version."
    lines = [later if found.is_later else f"{what}, and the domain {domain} offers it."]
    show({"domain": domain, **found.to_dict()}, lines, as_json=as_json)


@contextmanager
def explained(job: str, publisher: str = "") -> Iterator[None]:
    """Let a step that is not allowed say who may do it: on many platforms the publisher alone.

    Parameters
    ----------
    job
        Of the child pipeline, or the step.
    publisher
        If it is known.
    """
    from jsk_ci.studio import publisher as publishers

    try:
        yield
    except Denied as error:
        known = publisher or os.environ.get(VARIABLE, "")
        if job.endswith("attached"):
            look = publishers.logs(known) if known else "aws logs tail /aws/lambda/…-attach-kernel --since 1h"
            error.hint += (
                f" Or leave the input domain empty: no job waits, and the publisher's log tells: {look}"
            )
        elif job == "rollback":
            error.hint += (
                " Where the platform has a publisher, it alone may: "
                f"jsk-ci rollback --publisher {publishers.name(known) or 'NAME-attach-kernel'}"
            )
        elif known:
            error.hint = (
                f"The publisher does it for every image that is pushed; leave out the job {job!r}, by "
                f"publisher: {publishers.name(known)} among the inputs of the component kernel."
            )
        else:
            error.hint += (
                f" Where the platform has a publisher, it alone may; leave out the job {job!r}, by "
                "publisher: NAME-attach-kernel among the inputs of the component kernel."
            )
        raise


def by_publisher(
    function: str, image: str, version: int | None, wait: float, *, dry_run: bool, as_json: bool
) -> None:
    """Let the publisher attach a version; None is the one before the one that is offered."""
    from jsk_ci.studio import patience
    from jsk_ci.studio import publisher as publishers

    which = "the version before" if version is None else f"version {version}"
    if dry_run:
        would = {"publisher": function, "image": image, "version": version}
        show(would, [f"Would ask {publishers.name(function)} to attach {which} of {image}."], as_json=as_json)
        return
    found = publishers.ask(function, image, version, patience.Patience(wait))
    show(found, _lines(found), as_json=as_json)


def _lines(found: dict[str, Any]) -> list[str]:
    what = f"{found.get('image')} {found.get('version')}"
    if found.get("outcome") == "already":
        return [f"The domain offers {what} already."]
    lines = [f"The domain offers {what}."]
    for place in found.get("changed", ()):
        number = (found.get("before") or {}).get(place)
        lines.append(f"  {place}  was: {f'version {number}' if number else 'not offered, or not pinned'}")
    running = found.get("running_another")
    return (
        [*lines, f"  {running} apps keep another version until they are started anew"] if running else lines
    )
