"""The steps about SageMaker: publish, attach, rollback, gc."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jsk_ci.cli.options import AsJson, Dotenv, DryRun, Folder, Registry, show
from jsk_ci.cli.publishing import Publisher, by_publisher, explained

if TYPE_CHECKING:
    from jsk_ci.gc import Item
    from jsk_ci.studio.attach import Attached
    from jsk_ci.studio.client import Studio
    from jsk_ci.studio.leases import Lease

Wait = Annotated[float, typer.Option("--wait", metavar="SECONDS", min=0, help="Longest time of all waiting.")]
Forms = Annotated[
    list[str] | None,
    typer.Option("--form", help="jupyterlab or kernelgateway; both without it.", show_default=False),
]
Domain = Annotated[
    str, typer.Option("--domain", envvar="JSK_CI_DOMAIN", metavar="ID", help="Studio's domain: d-….")
]
LeaseAt = Annotated[
    str | None,
    typer.Option(
        "--lease",
        envvar="JSK_CI_LEASE",
        metavar="S3",
        help="Where all repositories take turns: s3://bucket/jsk-ci/.",
        show_default=False,
    ),
]
NoLease = Annotated[
    bool,
    typer.Option("--no-lease", help="Jobs take turns by other means: a resource_group."),
]


def publish(
    folder: Folder = Path(),
    image: Annotated[
        str | None,
        typer.Option(envvar="JSK_CI_IMAGE", help="Container image, with its digest.", show_default=False),
    ] = None,
    role: Annotated[
        str,
        typer.Option(envvar="JSK_CI_STUDIO_ROLE", metavar="ARN", help="With which SageMaker reads images."),
    ] = "",
    notes: Annotated[str, typer.Option(help="What is new; the commit without it.")] = "",
    form: Forms = None,
    wait: Wait = 1800.0,
    dotenv: Dotenv = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make an image known to SageMaker: image, image version, configurations."""
    from jsk_ci import handing, project
    from jsk_ci.references import Reference
    from jsk_ci.studio import forms, naming
    from jsk_ci.studio import publish as publishing

    kernel, wanted_forms = project.read(folder), forms.chosen(form or ())
    text = image or handing.value("IMAGE", "The image to publish", "jsk-ci publish --image NAME@sha256:…")
    reference = Reference.parse(text)
    notes = notes or f"commit {os.environ.get('CI_COMMIT_SHA', 'unknown')}: {kernel.display_name}"
    wanted = publishing.Wanted(
        naming.check_image(kernel.name), kernel.display_name, reference, _role(role, dry_run), notes
    )
    studio = _studio(wait)
    with explained(f"{kernel.name}: publish"):
        found = (
            publishing.look(studio, wanted) if dry_run else publishing.publish(studio, wanted, wanted_forms)
        )
    if found is None:
        would = {"image": kernel.name, "version": None, "reference": reference.pinned, "made": False}
        show(would, [f"Would publish {reference.pinned} as a new version of {kernel.name}."], as_json=as_json)
        return
    if dotenv and not dry_run:
        handing.write(dotenv, {"STUDIO_IMAGE": found.image, "STUDIO_VERSION": str(found.version)})
    how = "published as" if found.made else "is"
    lines = [f"{found.reference} {how} {found.image} {found.version}."]
    lines += [f"  {name}  {done}" for name, done in found.configs.items()]
    show(found.to_dict(), lines, as_json=as_json)


def attach(
    folder: Folder = Path(),
    domain: Domain = "",
    version: Annotated[
        int | None,
        typer.Option(
            envvar="JSK_CI_STUDIO_VERSION", help="Which; else the newest that works.", show_default=False
        ),
    ] = None,
    form: Forms = None,
    lease: LeaseAt = None,
    no_lease: NoLease = False,
    publisher: Publisher = "",
    wait: Wait = 1800.0,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make a domain offer one version of the image, pinned; nothing else that it offers is lost."""
    from jsk_ci import project
    from jsk_ci.studio import publish as publishing

    kernel = project.read(folder)
    if publisher and version is not None:
        by_publisher(publisher, kernel.name, version, wait, dry_run=dry_run, as_json=as_json)
        return
    studio = _studio(wait)
    with explained(f"{kernel.name}: attach", publisher):
        if version is None:
            version = _newest(publishing.versions(studio, kernel.name), kernel.name)
        turn = _lease(lease, no_lease, f"attach {kernel.name} {version}", wait, dry_run)
        _offer(studio, kernel, version, _domain(domain), form or (), turn, dry_run, as_json)


def rollback(
    folder: Folder = Path(),
    domain: Domain = "",
    to: Annotated[
        int | None,
        typer.Option("--to", metavar="VERSION", help="Which; the one before without it.", show_default=False),
    ] = None,
    form: Forms = None,
    lease: LeaseAt = None,
    no_lease: NoLease = False,
    publisher: Publisher = "",
    wait: Wait = 1800.0,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make a domain offer the version before, pinned; says which apps still run another."""
    from jsk_ci import project
    from jsk_ci.studio import forms
    from jsk_ci.studio.rollback import version_before

    kernel = project.read(folder)
    if publisher:
        by_publisher(publisher, kernel.name, to, wait, dry_run=dry_run, as_json=as_json)
        return
    studio, domain = _studio(wait), _domain(domain)
    turn = _lease(lease, no_lease, f"roll back {kernel.name}", wait, dry_run)
    with explained("rollback"):
        version = version_before(studio, kernel.name, domain, forms.chosen(form or ())) if to is None else to
        _offer(studio, kernel, version, domain, form or (), turn, dry_run, as_json)


def gc(
    folder: Folder = Path(),
    registry: Registry = None,
    referenced: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="What jsk trials images printed; - reads standard input.", show_default=False
        ),
    ] = None,
    no_trials: Annotated[bool, typer.Option("--no-trials", help="No trial refers to any image.")] = False,
    keep: Annotated[int, typer.Option(min=1, help="So many of the newest versions stay.")] = 5,
    days: Annotated[float, typer.Option(min=0, help="What is younger stays.")] = 30.0,
    lease: LeaseAt = None,
    no_lease: NoLease = False,
    wait: Wait = 1800.0,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Remove image versions, configurations and registry images that nothing refers to."""
    from jsk_ci import gc as collecting
    from jsk_ci import project
    from jsk_ci import registry as registries
    from jsk_ci.errors import ProjectError
    from jsk_ci.studio.leases import nobody

    known_refs = _referenced(referenced, no_trials)
    if not registry:
        raise ProjectError("No registry is named.", hint="jsk-ci gc --registry registry.example.org/kernels")
    kernel, studio = project.read(folder), _studio(wait)
    repository = registries.Repository(registries.of(registry, kernel.name))
    turn = _lease(lease, no_lease, f"gc of {kernel.name}", wait, dry_run)

    def decided() -> list[Item]:
        known = collecting.look(studio, repository, kernel, known_refs)
        return collecting.decide(known, collecting.Rules(keep, days))

    # No domain may begin to offer what is about to go.
    with turn or nobody():
        studio.meanwhile = turn.keep if turn else studio.meanwhile
        items = decided()
        if not dry_run:
            items = collecting.carry_out(studio, repository, items, kernel.name, decided)
    _show_items(items, dry_run, as_json)


# Parts --------------------------------------------------------------------------------------------------


def _studio(wait: float) -> Studio:
    from jsk_ci.studio.client import Studio, connect
    from jsk_ci.studio.patience import Patience

    return Studio(connect(), Patience(wait))


def _role(role: str, dry_run: bool) -> str:
    from jsk_ci.errors import ProjectError

    if not role and not dry_run:
        raise ProjectError(
            "No role is named with which SageMaker reads the registry.",
            hint="jsk-ci publish --role arn:aws:iam::…:role/…    # or set JSK_CI_STUDIO_ROLE",
        )
    return role


def _domain(domain: str) -> str:
    from jsk_ci.errors import ProjectError

    if not domain:
        raise ProjectError("No domain is named.", hint="--domain d-…    # or set JSK_CI_DOMAIN")
    return domain


def _lease(at: str | None, none: bool, purpose: str, wait: float, dry_run: bool) -> Lease | None:
    from jsk_ci.errors import ProjectError
    from jsk_ci.studio.conditional import place
    from jsk_ci.studio.leases import LONGEST_PAUSE, Lease
    from jsk_ci.studio.patience import Patience

    if none or dry_run:
        return None
    if not at:
        raise ProjectError(
            "Nothing says how jobs take turns to change a domain; two at once would lose a change.",
            kept="Nothing was changed.",
            hint="--lease s3://bucket/jsk-ci/ (or JSK_CI_LEASE), or serialise the jobs another way "
            "(GitLab: resource_group: studio) and say --no-lease",
        )
    return Lease(place(at), purpose, Patience(wait, longest=LONGEST_PAUSE))


def _newest(there: Mapping[int, Mapping[str, Any]], image: str) -> int:
    from jsk_ci.errors import NotPublished

    works = [number for number, listed in there.items() if listed["ImageVersionStatus"] == "CREATED"]
    if not works:
        raise NotPublished(
            f"SageMaker has no version of {image!r} that works.",
            kept="No domain was changed.",
            hint="jsk-ci publish",
        )
    return max(works)


def _offer(
    studio: Studio,
    kernel: Any,
    version: int,
    domain: str,
    form: Sequence[str],
    lease: Lease | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    from jsk_ci.studio import attach as attaching
    from jsk_ci.studio import forms
    from jsk_ci.studio import publish as publishing

    target = publishing.target(studio, kernel.name, kernel.display_name, version)
    wanted = forms.chosen(form)
    if dry_run:
        found = attaching.look(studio, target, domain, wanted)
    else:
        found = attaching.attach(studio, target, domain, wanted, lease)
    show(found.to_dict(), _lines(found, dry_run), as_json=as_json)


def _lines(found: Attached, dry_run: bool) -> list[str]:
    what = f"{found.image} {found.version}"
    if not found.changed:
        lines = [f"The domain {found.domain} offers {what} already."]
    else:
        lines = [f"The domain {found.domain} {'would offer' if dry_run else 'offers'} {what}."]
        for place in found.changed:
            before = found.before.get(place, 0)
            was = "not offered" if place not in found.before else f"version {before or 'not pinned'}"
            lines.append(f"  {place}  was: {was}")
    if found.taken_over_from:
        lines.append(f"  The lease was taken over from {found.taken_over_from}, which was gone.")
    if found.running is None:
        return [*lines, "  Which apps run another version is not known: sagemaker:ListApps is not allowed."]
    kept = [f"  {use.where} keeps version {use.version} until it is started anew" for use in found.running]
    return lines + kept


def _referenced(file: str | None, no_trials: bool) -> Any:
    from jsk_ci import referenced as lists
    from jsk_ci.errors import ProjectError

    if file is None and not no_trials:
        raise lists.missing()
    if file is None:
        return lists.Referenced()
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"{file} cannot be read: {error}.", kept="Nothing was removed.") from error
    return lists.parse(text)


def _show_items(items: Sequence[Item], dry_run: bool, as_json: bool) -> None:
    from jsk_saver import terminal
    from jsk_saver.display import Column

    removed = sum(item.remove for item in items)
    if as_json:
        told = [item.to_dict() for item in items]
        terminal.say_json({"dry_run": dry_run, "removed": removed, "items": told})
        return
    verb = "would go" if dry_run else "gone"
    columns: list[Column | str] = ["what", "name", Column("made", kind="time"), "", "why"]
    rows = [
        (item.kind, item.name, item.created, verb if item.remove else "stays", item.why) for item in items
    ]
    if rows:
        terminal.say_table(columns, rows, f"{removed} of {len(rows)} {verb}")
    else:
        terminal.say("There is nothing of this kernel.")
