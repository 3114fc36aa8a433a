"""What an experiment's lock adds to the packages that its base image has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jsk_ci.lockfile import Package, normalise


@dataclass(frozen=True, slots=True)
class Delta:
    """Packages that differ.

    Parameters
    ----------
    added
        Those the base does not have.
    upgraded, downgraded
        Those it has in another version, with that version: ``{"numpy": ("2.1.0", Package)}``.
    kept
        Names and versions that are in the base alone; they stay.
    """

    added: Mapping[str, Package]
    upgraded: Mapping[str, tuple[str, Package]]
    downgraded: Mapping[str, tuple[str, Package]]
    kept: Mapping[str, str]

    @property
    def packages(self) -> dict[str, Package]:
        """All that is to be installed, by name, sorted."""
        changed = {name: package for name, (_, package) in {**self.upgraded, **self.downgraded}.items()}
        return dict(sorted({**self.added, **changed}.items()))

    def lines(self) -> list[str]:
        """Return a line for each difference: ``+ polars 1.5``, ``~ numpy 2.1.0 -> 2.2.0``."""
        changed = {**self.upgraded, **self.downgraded}
        return [f"+ {name} {package.version}" for name, package in self.added.items()] + [
            f"~ {name} {old} -> {package.version}" for name, (old, package) in sorted(changed.items())
        ]


def between(base: Mapping[str, str], wanted: Mapping[str, Package]) -> Delta:
    """Return what ``wanted`` adds to ``base``, a mapping of installed names to versions."""
    from packaging.version import Version

    added: dict[str, Package] = {}
    upgraded: dict[str, tuple[str, Package]] = {}
    downgraded: dict[str, tuple[str, Package]] = {}
    for name, package in sorted(wanted.items()):
        old = base.get(name)
        if old is None:
            added[name] = package
        elif Version(old) < Version(package.version):
            upgraded[name] = (old, package)
        elif Version(old) > Version(package.version):
            downgraded[name] = (old, package)
    kept = {name: version for name, version in base.items() if name not in wanted}
    return Delta(added, upgraded, downgraded, kept)


def installed(lines: Iterable[str]) -> dict[str, str]:
    """Return names and versions of a package list, one ``name==version`` a line, as images carry it.

    Examples
    --------
    >>> installed(["numpy==2.1.0", "", "Jinja2==3.1"])
    {'jinja2': '3.1', 'numpy': '2.1.0'}
    """
    pairs = (line.strip().partition("==") for line in lines if "==" in line)
    return dict(sorted((normalise(name), version) for name, _, version in pairs))


def requirements(packages: Mapping[str, Package]) -> str:
    """Return a requirements file that installs exactly these, hashes checked; path dependencies left out."""
    lines = [_requirement(package) for package in packages.values() if not package.is_path]
    indexes = {
        package.source["url"] for package in packages.values() if package.source.get("type") == "legacy"
    }
    head = [f"--extra-index-url {url}" for url in sorted(indexes)]
    return "".join(f"{line}\n" for line in [*head, *lines])


def _requirement(package: Package) -> str:
    hashes = "".join(f" \\\n    --hash={value}" for value in package.hashes)
    return f"{package.name}=={package.version}{hashes}"
