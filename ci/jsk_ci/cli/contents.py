"""``jsk-ci sbom`` and ``jsk-ci scan``: what is in an image, and what is known against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from jsk_ci.cli.options import AsJson, DryRun, Folder, Registry, show
from jsk_ci.errors import ProjectError
from jsk_saver.errors import JskError

#: What ``jsk-ci scan`` exits with when it finds something bad enough: as ``jsk`` when it refuses.
_FOUND = 5
_SBOM = Path("sbom.cdx.json")


def sbom(
    folder: Folder = Path(),
    parent_digest: Annotated[
        str | None, typer.Option("--parent-digest", help="Digest of the image it starts from.")
    ] = None,
    image: Annotated[
        str | None, typer.Option("--image", envvar="JSK_CI_IMAGE", help="The image, for what its base adds.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where it is written.")] = _SBOM,
    registry: Registry = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write a bill of materials (CycloneDX 1.6) of the image that the lock in FOLDER makes."""
    from jsk_ci import delta, fingerprint, parents, project, tools
    from jsk_ci import sbom as bills

    kernel = project.read(folder)
    parent = parent_digest or str(parents.resolve(kernel, registry).digest)
    packages = fingerprint.packages(kernel)
    inherited = {
        name: version
        for name, version in (delta.installed(_listed(image)) if image else {}).items()
        if name not in packages
    }
    inputs = fingerprint.gather(kernel, parent)
    text = bills.document(kernel, inputs, packages, inherited)
    if not dry_run:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    found = {
        "file": None if dry_run else str(output),
        "fingerprint": inputs.fingerprint,
        "packages": len(packages) + len(inherited) + len(tools.packages(kernel)),
    }
    told = "Would write" if dry_run else "Wrote"
    lines = [f"{told} {output}: {found['packages']} packages of {kernel.name} ({inputs.tag})"]
    show(found, lines, as_json=as_json)


def _listed(image: str) -> list[str]:
    from jsk_ci import labels
    from jsk_ci.references import Reference
    from jsk_ci.registry import Repository

    reference = Reference.parse(image)
    told = Repository(reference).labels(reference.digest or reference.tag or "latest")
    return labels.parse(told, image).packages.splitlines()


def scan(
    folder: Folder = Path(),
    database: Annotated[
        Path | None,
        typer.Option(
            "--database",
            envvar="JSK_CI_VULNERABILITIES",
            help="A copy of the OSV database for PyPI: its all.zip, or a folder of JSON files.",
        ),
    ] = None,
    fail_on: Annotated[
        str, typer.Option("--fail-on", help="From which severity on it fails: low, moderate, high, critical.")
    ] = "critical",
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", help="An identifier that was looked at; many times.")
    ] = None,
    require: Annotated[
        bool, typer.Option("--require-database", help="Fail if there is no database.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Tell which locked packages have known vulnerabilities; says so if there is no database to look in."""
    from jsk_ci import fingerprint, project, tools
    from jsk_ci import scan as scanning

    if fail_on not in scanning.SEVERITIES:
        raise ProjectError(
            f"There is no severity {fail_on!r}.", hint="--fail-on=" + "|".join(scanning.SEVERITIES)
        )
    kernel = project.read(folder)
    packages = {name: item.version for name, item in fingerprint.packages(kernel).items()}
    beside = {name: item.version for name, item in tools.packages(kernel).items()}
    count = len(packages) + len(beside)
    if database is None or not database.exists():
        where = f"{database} is not there" if database else "none was named"
        told = f"No vulnerability database ({where}): {count} packages were NOT looked up."
        if require:
            raise ProjectError(told, hint="jsk-ci scan --database=all.zip    # the PyPI export of osv.dev")
        show({"database": None, "looked_up": 0, "packages": count}, [told], as_json=as_json)
        return
    if dry_run:
        told = f"Would look up {count} packages in {database}."
        show({"database": str(database), "dry_run": True}, [told], as_json=as_json)
        return
    found, entries = scanning.look(packages, database, ignore or ())
    known = {(item.package, item.identifier) for item in found}
    for item in scanning.look(beside, database, ignore or ())[0] if beside else ():
        if (item.package, item.identifier) not in known:
            found.append(replace(item, summary=f"{item.summary} (in {tools.PLACE}, not in the lock)"))
    bad = [item for item in found if item.at_least(fail_on)]
    told = f"{len(found)} known vulnerabilities of {count} packages ({entries} entries in {database})"
    listed = {
        "database": str(database),
        "entries": entries,
        "looked_up": count,
        "failing": len(bad),
        "vulnerabilities": [
            {key: getattr(item, key) for key in scanning.Vulnerability.__dataclass_fields__} for item in found
        ],
    }
    show(listed, [told, *map(_line, found)], as_json=as_json)
    if bad:
        error = JskError(
            f"{len(bad)} of them are {fail_on} or worse.",
            kept="Nothing was tagged, published or attached.",
            hint=f"{_mend(bad[0].package, packages)}    # or, once it was looked at: --ignore=…",
        )
        error.exit_code = _FOUND
        raise error


def _mend(package: str, locked: Mapping[str, str]) -> str:
    if package in locked:
        return f"poetry update {package}"
    return "head -3 ci/jsk_ci/recipe/poetry.txt"  # which says how it is made anew


def _line(item: object) -> str:
    from jsk_ci.scan import Vulnerability

    assert isinstance(item, Vulnerability)
    names = ", ".join([item.identifier, *item.aliases])
    mended = f"; mended in {', '.join(item.fixed)}" if item.fixed else "; no version mends it"
    return f"- {item.severity} {item.package} {item.version}: {names}: {item.summary}{mended}"
