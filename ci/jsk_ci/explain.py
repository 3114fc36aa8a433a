"""What a fingerprint is made of, and what makes two of them differ, said part by part."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsk_ci import delta, fingerprint, project
from jsk_ci.fingerprint import Inputs
from jsk_ci.project import Kernel

_SIGNS = {"added": "+", "removed": "-"}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs.

    Parameters
    ----------
    part
        ``package``, ``variable``, ``kernelspec``, ``dockerfile``, ``parent``, ``python``, ``platform`` or
        ``recipe``.
    name
        Of the package or variable; the Dockerfile's line.
    change
        ``added``, ``removed``, ``upgraded``, ``downgraded``, ``hashes`` or ``changed``.
    old, new
        Versions or values; empty where there is none.
    """

    part: str
    name: str
    change: str
    old: str = ""
    new: str = ""

    def line(self) -> str:
        """Return the change in a line: ``~ package numpy 2.1.0 -> 2.2.0``."""
        sign = _SIGNS.get(self.change, "~")
        words = [sign, self.part, self.name if self.name != self.part else ""]
        if self.change == "hashes":
            words.append(f"{self.new}, other files of the same version")
        elif self.old and self.new:
            words.append(f"{self.old} -> {self.new}")
        elif self.old or self.new:
            words.append(self.old or self.new)
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class Described:
    """A kernel's inputs with what their hashes stand for.

    Parameters
    ----------
    inputs
        With the parent's digest, or what stands for it where no registry is asked.
    dockerfile
        Lines that say something.
    parent
        As the project names it.
    base
        The same of the base, if that is a folder.
    """

    inputs: Inputs
    dockerfile: tuple[str, ...]
    parent: str
    base: Described | None = None


def describe(kernel: Kernel) -> Described:
    """Return what a kernel's folder says, without asking any registry.

    The parent is what the project calls it; if that is a folder, the fingerprint of what is in there.
    """
    base = describe(project.read(kernel.parent_folder)) if kernel.parent_folder else None
    parent = base.inputs.fingerprint if base else kernel.parent
    inputs = fingerprint.gather(kernel, parent)
    return Described(inputs, tuple(fingerprint.dockerfile(kernel)), kernel.parent, base)


def between(old: Described, new: Described) -> list[Change]:
    """Return what differs, in the order of the parts."""
    return [
        *_parent(old, new),
        *_single("python", old.inputs.python, new.inputs.python),
        *_single("platform", old.inputs.platform, new.inputs.platform),
        *_packages(old.inputs.packages, new.inputs.packages),
        *_values("variable", old.inputs.variables, new.inputs.variables),
        *_values("kernelspec", old.inputs.kernelspec, new.inputs.kernelspec),
        *_dockerfile(old.dockerfile, new.dockerfile),
        *_values("recipe", _texts(old.inputs.recipe), _texts(new.inputs.recipe)),
    ]


def lines(inputs: Inputs) -> list[str]:
    """Return each part of a fingerprint with its short hash, and what is in it."""
    parts = inputs.parts()
    found: list[str] = []
    for name, content in _contents(inputs).items():
        found.append(f"{name:<11} {parts[name]}  {content[0]}")
        found += [f"    {line}" for line in content[1:]]
    return found


def _contents(inputs: Inputs) -> dict[str, list[str]]:
    """Return of each part a line that sums it up, and lines of what is in it."""
    packages = [f"{name} {told['version']}{_kind(told)}" for name, told in inputs.packages.items()]
    variables = [f"{name}={value}" for name, value in inputs.variables.items()]
    return {
        "parent": [inputs.parent],
        "python": [inputs.python],
        "platform": [inputs.platform],
        "packages": [_count(packages, "package"), *packages],
        "variables": [_count(variables, "variable"), *variables],
        "kernelspec": [f"{inputs.kernelspec['name']}: {inputs.kernelspec['display_name']}"],
        "dockerfile": [f"sha256 {inputs.dockerfile[:12]} of its lines without comments"],
        "recipe": [", ".join(f"{name} {value}" for name, value in _texts(inputs.recipe).items() if value)],
    }


def _kind(told: Mapping[str, Any]) -> str:
    if "tree" in told:
        return f"  folder {told['tree'][:12]}"
    return f"  {_count(told['hashes'], 'file')}"


def _count(things: Sequence[object], word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def _parent(old: Described, new: Described) -> Iterator[Change]:
    if old.inputs.parent == new.inputs.parent:
        return
    if old.base and new.base:
        for change in between(old.base, new.base):
            name = f"{change.part} {change.name} of {new.parent}"
            yield Change("parent", name, change.change, change.old, change.new)
        return
    yield Change("parent", "parent", "changed", old.parent, new.parent)


def _single(part: str, old: str, new: str) -> Iterator[Change]:
    if old != new:
        yield Change(part, part, "changed", old, new)


def _packages(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if before is None or after is None:
            change = "added" if before is None else "removed"
            yield Change(
                "package", name, change, (before or {}).get("version", ""), (after or {}).get("version", "")
            )
            continue
        was, now = before["version"], after["version"]
        if was != now:
            yield Change("package", name, "upgraded" if delta.is_older(was, now) else "downgraded", was, now)
        elif "tree" in before or "tree" in after:
            trees = [str(told.get("tree", "published"))[:12] for told in (before, after)]
            yield Change("package", name, "changed", *trees)
        else:
            yield Change("package", name, "hashes", was, now)


def _values(part: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before is None:
            yield Change(part, name, "added", "", str(after))
        elif after is None:
            yield Change(part, name, "removed", before, "")
        elif before != after:
            yield Change(part, name, "changed", before, after)


def _dockerfile(old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    for line in difflib.unified_diff(old, new, n=0, lineterm=""):
        if line.startswith(("+++", "---", "@@")):
            continue
        yield Change("dockerfile", line[1:], "added" if line[0] == "+" else "removed")


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value).replace("\n", ", ") for name, value in values.items()}
