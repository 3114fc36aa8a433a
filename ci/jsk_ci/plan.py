"""Nothing, an experiment's image, or the base and its children: what is to be built, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsk_ci import delta, fingerprint, labels, parents, project, registry, revisions
from jsk_ci.errors import LockError, ProjectError
from jsk_ci.fingerprint import Inputs
from jsk_ci.labels import Identity
from jsk_ci.project import Kernel
from jsk_ci.references import Reference
from jsk_ci.registry import Repository
from jsk_ci.registry_http import Connection

NOTHING, EXPERIMENT, BASE = "nothing", "experiment", "base"
#: A tag that names the commit it was delivered from, and maybe the pipeline: develop-12-1a2b3c4.
_OF_COMMIT = re.compile(r"(?!fp-|candidate-).*?(?:-(?P<pipeline>\d+))?-([0-9a-f]{7,40})")


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about one kernel.

    Parameters
    ----------
    kernel
        The kernel.
    decision
        ``nothing``, ``experiment`` or ``base``.
    fingerprint
        64 digits; empty while the base must be built first, because its digest decides too.
    parent
        The image it starts from, pinned; empty likewise.
    image
        Its image, pinned, if nothing is to be built.
    reasons
        Why it is built.
    after
        Name of the base that is built first.
    """

    kernel: Kernel
    decision: str
    fingerprint: str = ""
    parent: str = ""
    image: str = ""
    reasons: tuple[str, ...] = ()
    after: str = ""

    @property
    def tag(self) -> str:
        """The image's tag in the registry; empty while the fingerprint is not known."""
        return fingerprint.tag(self.fingerprint) if self.fingerprint else ""

    def told(self) -> dict[str, Any]:
        """Return the step as JSON."""
        return {
            "kernel": self.kernel.name,
            "folder": str(self.kernel.folder),
            "decision": self.decision,
            "fingerprint": self.fingerprint,
            "tag": self.tag,
            "parent": self.parent,
            "image": self.image,
            "reasons": list(self.reasons),
            "after": self.after,
        }


class Reacher:
    """Repositories of a plan, one connection for each registry."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}

    def __call__(self, name: Reference) -> Repository:
        """Return the repository."""
        if name.registry not in self._connections:
            self._connections[name.registry] = Connection(name.registry)
        return Repository(name, self._connections[name.registry])


def make(folders: Sequence[Path], where: str) -> list[Step]:
    """Return what is to be done about the kernels in ``folders``, bases first.

    A base in the same repository is planned along with the experiments that start from it.

    Raises
    ------
    ProjectError, LockError
        If a folder does not make an image.
    RegistryError
        If a registry refuses or does not answer: then nobody knows what is to be built.
    """
    reach = Reacher()
    steps: dict[Path, Step] = {}
    for kernel in ordered(folders):
        base = steps.get(kernel.parent_folder) if kernel.parent_folder else None
        steps[kernel.folder.resolve()] = _step(kernel, base, where, reach)
    return list(steps.values())


def overall(steps: Iterable[Step]) -> str:
    """Return the decision that covers all: ``base`` if any is, else ``experiment``, else ``nothing``."""
    found = {step.decision for step in steps}
    return BASE if BASE in found else EXPERIMENT if EXPERIMENT in found else NOTHING


def handed(steps: Sequence[Step]) -> dict[str, str]:
    """Return the variables that later jobs get; of several kernels also each one's, by its name."""
    found = {"DECISION": overall(steps), "KERNELS": ",".join(step.kernel.name for step in steps)}
    if len(steps) == 1:
        return {**found, **_variables(steps[0])}
    for step in steps:
        prefix = step.kernel.name.upper().replace("-", "_")
        if not prefix[0].isalpha():
            prefix = f"K{prefix}"
        found |= {f"{prefix}_{name}": value for name, value in _variables(step).items()}
    return found


def undelivered(steps: Iterable[Step], where: str) -> list[str]:
    """Return the kernels of which nothing is to be built, but whose image this branch did not have last.

    Merged commits count: after a release, a branch may begin anew at a merge. So it is when a change of
    dependencies is taken back, or delivering failed half-way. A rollback of a domain changes nothing about
    the branch, and is not taken back by the next merge.
    """
    reach = Reacher()
    found = []
    for step in steps:
        if step.decision == NOTHING:
            repository = reach(registry.of(where, step.kernel.name))
            commits = revisions.ancestors(step.kernel.folder, merged=True)
            last = _last(repository.tags(), commits, repository)
            if last != step.image.partition("@")[2]:
                found.append(step.kernel.name)
    return found


def _variables(step: Step) -> dict[str, str]:
    return {
        "KERNEL": step.kernel.name,
        "DECISION": step.decision,
        "FINGERPRINT": step.fingerprint,
        "PARENT": step.parent,
        "IMAGE": step.image,
    }


def ordered(folders: Sequence[Path]) -> list[Kernel]:
    """Return the kernels in ``folders`` and the bases they start from, bases first, each once."""
    found: dict[Path, Kernel] = {}

    def add(folder: Path) -> None:
        if folder in found:
            return
        kernel = project.read(folder)
        if kernel.parent_folder:
            add(kernel.parent_folder)
        found[folder] = kernel

    for folder in folders:
        add(folder.resolve())
    names = [kernel.name for kernel in found.values()]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ProjectError(f"Two kernels are called {twice}, and would share a repository.")
    return list(found.values())


def _step(kernel: Kernel, base: Step | None, where: str, reach: Reacher) -> Step:
    decision = BASE if kernel.is_base else EXPERIMENT
    if base and base.decision != NOTHING:
        fingerprint.packages(kernel)  # what is wrong with the lock is told before the base is built
        first = f"its base {base.kernel.name} is built first"
        return Step(kernel, decision, reasons=(first,), after=base.kernel.name)
    parent = Reference.parse(base.image) if base else parents.resolve(kernel, where, reach)
    inputs = fingerprint.gather(kernel, str(parent.digest))
    image = parents.image(kernel, inputs.fingerprint, where, reach)
    if image:
        return Step(kernel, NOTHING, inputs.fingerprint, str(parent), str(image))
    reasons = _reasons(kernel, inputs, reach(registry.of(where, kernel.name)))
    return Step(kernel, decision, inputs.fingerprint, str(parent), reasons=tuple(reasons))


# Why -------------------------------------------------------------------------------------------------


def _reasons(kernel: Kernel, inputs: Inputs, repository: Repository) -> list[str]:
    """Return what changed since the last image of this branch, as far as that can be told."""
    tags = repository.tags()
    if not any(tag.startswith("fp-") for tag in tags):
        return ["there is no image of it yet"]
    digest = _last(tags, revisions.ancestors(kernel.folder), repository)
    if digest is None:
        return ["no image has this fingerprint"]
    try:
        last = labels.parse(repository.labels(digest), f"{repository.name}@{digest}")
        found = _since(kernel, inputs, last)
    except (ProjectError, LockError):
        return ["no image has this fingerprint"]
    return found or ["something changed that the last image does not tell"]


def _last(tags: Sequence[str], commits: Sequence[str], repository: Repository) -> str | None:
    """Return the digest of the image that was delivered from the newest of these commits."""
    found = sorted((match for tag in tags if (match := _OF_COMMIT.fullmatch(tag))), key=_pipeline)
    built = {match[2]: match[0] for match in found}
    lengths = {len(short) for short in built}
    for commit in commits:
        for length in lengths:
            if tag := built.get(commit[:length]):
                return repository.digest(tag)
    return None


def _pipeline(match: re.Match[str]) -> int:
    return int(match["pipeline"] or 0)


def _since(kernel: Kernel, inputs: Inputs, last: Identity) -> list[str]:
    found = []
    old, new = last.parent.partition("@")[2], inputs.parent
    if old != new:
        found.append(f"~ parent {old[7:19]} -> {new[7:19]}")
    try:
        changes = revisions.compare(kernel.folder, last.commit) if last.commit else []
        return found + [change.line() for change in changes if change.part != "parent"]
    except ProjectError:  # a shallow clone does not have that commit; the labels say less
        return found + _by_labels(kernel, inputs, last)


def _by_labels(kernel: Kernel, inputs: Inputs, last: Identity) -> list[str]:
    installed = delta.installed(last.packages.splitlines())
    wanted: Mapping[str, Any] = fingerprint.packages(kernel)
    found = delta.between(installed, wanted).lines()
    if last.python != inputs.python:
        found.append(f"~ python {last.python} -> {inputs.python}")
    if last.display_name != kernel.display_name:
        found.append(f"~ kernelspec {last.display_name} -> {kernel.display_name}")
    return found
