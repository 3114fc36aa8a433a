"""``%kernel add``, ``remove`` and ``install``."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from jsk_ci import delta, lockfile
from jsk_ci.editing import commits, environment, poetry, staging
from jsk_ci.editing.change import Change, Row
from jsk_ci.editing.projects import Project
from jsk_ci.errors import LockError, ProjectError
from jsk_ci.lockfile import Lock, Package
from jsk_saver.human import shorten

Tell = Callable[[str], None]

_KEPT = staging.KEPT
#: How much is told of what a project asks for.
_MOST_ASKED = 300
_UNCHANGED = f"{_KEPT[:-1]}, and what is installed."


@dataclass(frozen=True, slots=True)
class _Plan:
    """What becomes of the running kernel.

    Parameters
    ----------
    rows
        Each package that changes in the lock or in the kernel.
    install, uninstall
        What is done about it.
    notes
        What is not done, and why.
    """

    rows: tuple[Row, ...]
    install: Mapping[str, Package]
    uninstall: frozenset[str]
    notes: tuple[str, ...] = ()


def add(
    project: Project, requirements: Sequence[str], *, group: str = "main", dry_run: bool, tell: Tell
) -> Change:
    """Add packages to a project, its lock and the running kernel.

    Parameters
    ----------
    project
        The notebook's.
    requirements
        As Poetry takes them: ``polars``, ``polars>=1``.
    group
        Of dependencies.
    dry_run
        Tell what would be done, and do nothing.
    tell
        Is told what takes long.

    Raises
    ------
    LockError
        If Poetry finds no versions that fit. Both files are as before.
    BuildFailed
        If a package cannot be installed. Both files are as before.
    """
    names = {_name(text) for text in requirements}
    more = [] if group == "main" else ["--group", group]
    return _change(
        project,
        ["add", "--lock", *more, *requirements],
        f"Add {', '.join(requirements)}",
        (group,),
        names,
        dry_run,
        tell,
    )


def remove(
    project: Project, names: Sequence[str], *, group: str = "main", dry_run: bool, tell: Tell
) -> Change:
    """Remove packages from a project and its lock, and what nothing else needs from the running kernel.

    Raises
    ------
    LockError
        If the project does not ask for one of them. Both files are as before.
    BuildFailed
        If a package cannot be removed. Both files are as before.
    """
    if group == "main":
        unknown = [name for name in names if lockfile.normalise(name) not in project.direct]
        if unknown:
            asked = ", ".join(project.direct) or "nothing"
            near = get_close_matches(lockfile.normalise(unknown[0]), project.direct, 1)
            raise LockError(
                f"{project.folder / 'pyproject.toml'} does not ask for {', '.join(unknown)}; "
                f"it asks for {shorten(asked, _MOST_ASKED)}.",
                kept=_UNCHANGED,
                hint=f"%kernel remove {near[0]}" if near else "%kernel status",
            )
    more = [] if group == "main" else ["--group", group]
    return _change(
        project,
        ["remove", "--lock", *more, *names],
        f"Remove {', '.join(names)}",
        (group,),
        set(),
        dry_run,
        tell,
    )


def install(project: Project, *, dry_run: bool, tell: Tell) -> Change:
    """Install into the running kernel whatever the lock has and it has not.

    Raises
    ------
    LockError
        If there is no lock.
    BuildFailed
        If a package cannot be installed.
    """
    lock = lockfile.read(project.folder / "poetry.lock")
    chosen = project.chosen(lock)
    found = _plan(chosen, chosen, set(chosen))
    if not dry_run:
        found = _apply(found, tell, "What was installed before.")
    title = _title("Install what poetry.lock has", dry_run, found.rows)
    return Change(title, str(project.folder), found.rows, found.notes, dry_run=dry_run)


def _change(
    project: Project,
    arguments: Sequence[str],
    message: str,
    groups: Collection[str],
    requested: set[str],
    dry_run: bool,
    tell: Tell,
) -> Change:
    program = poetry.find()
    with staging.staged(project.folder) as stage:
        dirty = commits.changed(project.folder)
        before = project.chosen(project.lock(), *groups)
        tell("Asking Poetry which versions fit …")
        poetry.run(program, stage.folder, arguments, kept=_UNCHANGED)
        lock = lockfile.parse(stage.text("poetry.lock"), "poetry.lock")
        content = tomllib.loads(stage.text("pyproject.toml"))
        after = replace(project, content=content).chosen(lock, *groups)
        found = _plan(before, after, _scope(lock, before, after, requested))
        if dry_run:
            return Change(
                _title(message, True, found.rows), str(project.folder), found.rows, found.notes, True
            )
        found = _apply(found, tell, _KEPT)
        stage.keep()
    commit = commits.prepare(project.folder, message, dirty=dirty)
    notes = (*found.notes, *commit.notes)
    return Change(
        _title(message, False, found.rows), str(project.folder), found.rows, notes, False, commit.line
    )


def _title(message: str, dry_run: bool, rows: Sequence[Row]) -> str:
    if dry_run:
        return f"{message}: {'what' if rows else 'nothing'} would change (nothing was done)"
    return message if rows else f"{message}: nothing changed"


def _name(requirement: str) -> str:
    """Return the package that a requirement is about, as Poetry spells them (``polars@^1``, too)."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return lockfile.normalise(Requirement(requirement).name)
    except InvalidRequirement:
        name = requirement.partition("@")[0].partition("[")[0].strip()
    if not name or name.startswith("-") or not all(part.isalnum() for part in name if part not in "-_."):
        raise ProjectError(f"{requirement!r} is no package.", hint='%kernel add "polars>=1"')
    return lockfile.normalise(name)


def _scope(
    lock: Lock, before: Mapping[str, Package], after: Mapping[str, Package], requested: Iterable[str]
) -> set[str]:
    """Return what a change is about: what differs in the lock, and what the requested packages need."""
    differs = {name for name, package in after.items() if name not in before or before[name] != package}
    needs = {
        lockfile.normalise(item["name"]): {lockfile.normalise(name) for name in item.get("dependencies", {})}
        for item in tomllib.loads(lock.text).get("package", [])
    }
    reached: set[str] = set()
    waiting = [name for name in requested if name in after]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [needed for needed in needs.get(name, ()) if needed in after]
    return differs | reached


def _plan(before: Mapping[str, Package], after: Mapping[str, Package], scope: set[str]) -> _Plan:
    has = environment.installed()
    wanted = delta.between(has, {name: after[name] for name in sorted(scope)}).packages
    beside = sorted(name for name, package in wanted.items() if package.is_path)
    wanted = {name: package for name, package in wanted.items() if not package.is_path}
    gone = {name for name in before if name not in after and name in has}
    needed = _still_needed(gone)
    fixed = gone - set(needed) - environment.removable(gone)
    notes = [
        f"{name} {after[name].version} is a folder beside the project; it is not installed from here."
        for name in beside
        if has.get(name) != after[name].version
    ]
    notes += [f"{name} stays installed: {owner} needs it." for name, owner in sorted(needed.items())]
    notes += [f"{name} stays installed: it is part of the image." for name in sorted(fixed)]
    uninstall = gone - set(needed) - fixed
    rows = [
        Row(name, _version(before.get(name)), _version(after.get(name)), has.get(name, ""), name in uninstall)
        for name in sorted({*wanted, *(set(before) - set(after)), *_differing(before, after, scope)})
    ]
    return _Plan(tuple(rows), wanted, frozenset(uninstall), tuple(notes))


def _still_needed(gone: set[str]) -> dict[str, str]:
    """Return which packages must stay since another one that stays needs them."""
    stays: dict[str, str] = {}
    while more := environment.needed_by(gone - set(stays)):
        stays.update(more)
    return stays


def _differing(before: Mapping[str, Any], after: Mapping[str, Any], scope: set[str]) -> set[str]:
    return {name for name in scope if _version(before.get(name)) != _version(after.get(name))}


def _version(package: Package | None) -> str:
    return package.version if package is not None else ""


def _apply(plan: _Plan, tell: Tell, kept: str) -> _Plan:
    """Change the running kernel, and say which of its imported modules are old now."""
    was = environment.imported([*plan.install, *plan.uninstall])
    if plan.install:
        tell(f"Installing {len(plan.install)} package{'s' * (len(plan.install) > 1)} …")
    environment.install(plan.install, kept=kept)
    environment.uninstall(plan.uninstall, kept=kept)
    if not was:
        return plan
    note = f"Restart the kernel: {', '.join(was)} was imported before, and stays as it was until then."
    return replace(plan, notes=(note, *plan.notes))
