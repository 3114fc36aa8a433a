"""Known vulnerabilities of locked packages, from a copy of the OSV database that may not be there.

The copy is what osv.dev exports for an ecosystem (``all.zip`` of PyPI), or a folder with its JSON files;
nothing is asked over the network, because a runner may have none, and because a build should not depend on
somebody else's service. Whether a version is affected is decided as the OSV schema says ("Evaluation",
https://ossf.github.io/osv-schema/#evaluation), with versions in the order of PEP 440.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsk_ci.errors import ProjectError
from jsk_ci.lockfile import normalise

#: From the mildest on; what the database does not rate counts as the worst.
SEVERITIES = ("low", "moderate", "high", "critical")
UNRATED = "unrated"
_SYNONYMS = {"medium": "moderate"}


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One known vulnerability of one installed package.

    Parameters
    ----------
    package, version
        As installed.
    identifier
        The database's own, ``GHSA-…`` or ``PYSEC-…``.
    aliases
        Its other names: ``CVE-…``.
    severity
        One of :data:`SEVERITIES`, or ``unrated``.
    fixed
        Versions it is mended in, those that are newer than the one installed.
    summary
        In the database's words.
    """

    package: str
    version: str
    identifier: str
    aliases: tuple[str, ...]
    severity: str
    fixed: tuple[str, ...]
    summary: str

    def at_least(self, severity: str) -> bool:
        """Tell whether it is this bad, or worse, or of unknown severity."""
        return self.severity == UNRATED or SEVERITIES.index(self.severity) >= SEVERITIES.index(severity)


def look(
    packages: Mapping[str, str], database: Path, ignored: Collection[str] = ()
) -> tuple[list[Vulnerability], int]:
    """Return what is known against these packages, the worst first, and how many entries were read.

    Parameters
    ----------
    packages
        Versions by name.
    database
        An export of OSV: a ZIP file, or a folder of JSON files.
    ignored
        Identifiers or aliases that somebody has looked at.

    Raises
    ------
    ProjectError
        If it is there and is no such database.
    """
    wanted = {normalise(name): version for name, version in packages.items()}
    found: dict[tuple[str, str], Vulnerability] = {}
    count = 0
    for entry in _entries(database):
        count += 1
        if "withdrawn" in entry or {entry["id"], *entry.get("aliases", ())} & set(ignored):
            continue
        for affected in entry.get("affected", ()):
            name = _affected_name(affected)
            if name in wanted and _is_affected(wanted[name], affected):
                found[name, entry["id"]] = _vulnerability(name, wanted[name], entry, affected)
    if not count:
        raise ProjectError(f"{database} holds no entries of a vulnerability database.", hint=_HINT)
    return sorted(_without_doubles(found.values()), key=_order), count


_HINT = "Give the folder or the all.zip that osv.dev exports for PyPI."


def _entries(database: Path) -> Iterator[dict[str, Any]]:
    try:
        if database.is_dir():
            for file in sorted(database.rglob("*.json")):
                yield _entry(file.read_bytes(), str(file))
            return
        with zipfile.ZipFile(database) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith(".json"):
                    yield _entry(archive.read(name), f"{database}, {name}")
    except (OSError, zipfile.BadZipFile) as error:
        raise ProjectError(f"The database {database} cannot be read: {error}.", hint=_HINT) from error


def _entry(content: bytes, where: str) -> dict[str, Any]:
    try:
        entry = json.loads(content)
    except ValueError as error:
        raise ProjectError(f"{where} is not JSON: {error}.", hint=_HINT) from error
    if not isinstance(entry, dict) or "id" not in entry:
        raise ProjectError(f"{where} is no entry of the OSV schema: it has no id.", hint=_HINT)
    return entry


def _affected_name(affected: Mapping[str, Any]) -> str | None:
    package = affected.get("package", {})
    return normalise(package.get("name", "")) if package.get("ecosystem") == "PyPI" else None


def _is_affected(version: str, affected: Mapping[str, Any]) -> bool:
    wanted = _version(version)
    if any(_version(listed) == wanted for listed in affected.get("versions", ())):
        return True
    ranges = (item for item in affected.get("ranges", ()) if item.get("type") in ("ECOSYSTEM", "SEMVER"))
    return any(_is_in(wanted, item.get("events", ())) for item in ranges)


def _is_in(version: Any, events: Collection[Mapping[str, str]]) -> bool:
    """Tell whether a version is within a range: introduced, and not yet fixed nor past the last affected."""
    vulnerable = False
    for event in sorted(events, key=_event_order):
        (kind, text), *_ = event.items()
        if kind == "introduced" and (text == "0" or version >= _version(text)):
            vulnerable = True
        elif (kind == "fixed" and version >= _version(text)) or (
            kind == "last_affected" and version > _version(text)
        ):
            vulnerable = False
    return vulnerable


def _event_order(event: Mapping[str, str]) -> Any:
    (kind, text), *_ = event.items()
    # A version that is introduced and fixed at once is fixed first, and vulnerable from then on.
    return (_version("0" if text == "0" else text), kind != "fixed")


@lru_cache(maxsize=4096)
def _version(text: str) -> Any:
    """Return a version to compare; one that is no PEP 440 version is older than all others."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text)
    except InvalidVersion:
        return Version("0.dev0")


def _vulnerability(
    name: str, version: str, entry: Mapping[str, Any], affected: Mapping[str, Any]
) -> Vulnerability:
    events = [event for item in affected.get("ranges", ()) for event in item.get("events", ())]
    fixes = {event["fixed"] for event in events if "fixed" in event and _is_version(event["fixed"])}
    newer = sorted((fix for fix in fixes if _version(fix) > _version(version)), key=_version)
    text = entry.get("summary") or entry.get("details", "")
    return Vulnerability(
        package=name,
        version=version,
        identifier=entry["id"],
        aliases=tuple(entry.get("aliases", ())),
        severity=_severity(entry, affected),
        fixed=tuple(newer),
        summary=" ".join(text.split())[:200],
    )


def _is_version(text: str) -> bool:
    """Tell a version from a commit, which ranges of type GIT name."""
    return bool(_version(text).release != (0,) or text.startswith("0"))


def _severity(entry: Mapping[str, Any], affected: Mapping[str, Any]) -> str:
    for place in (entry.get("database_specific", {}), affected.get("database_specific", {})):
        told = str(place.get("severity", "")).lower()
        told = _SYNONYMS.get(told, told)
        if told in SEVERITIES:
            return told
    return UNRATED


def _without_doubles(found: Collection[Vulnerability]) -> list[Vulnerability]:
    """Keep one of those that two databases tell of under each other's names, the one that is rated."""
    kept: list[Vulnerability] = []
    for item in sorted(found, key=lambda item: (item.severity == UNRATED, item.identifier)):
        names = {item.identifier, *item.aliases}
        if not any(
            other.package == item.package and names & {other.identifier, *other.aliases} for other in kept
        ):
            kept.append(item)
    return kept


def _order(item: Vulnerability) -> tuple[int, str, str]:
    rank = len(SEVERITIES) if item.severity == UNRATED else SEVERITIES.index(item.severity)
    return (-rank, item.package, item.identifier)
