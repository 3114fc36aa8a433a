"""Run a trial again from its record, and say whether the same came out.

:func:`reproduce` tells the story; each step is a module: what the record says (``record``), whether all of it
is there (``pieces``), a worktree at that commit with those changes (``code``), an environment with those
packages (``environments``, ``venvs``, ``images``), the run (``running``, ``notebooks``, and ``child`` inside
of it), and what came of it (``matching``, ``verdict``, ``produced``). The trials of a run are in a journal of
its own; one of them is kept. What it saves harms nothing either: see :mod:`jsk_saver.lineage.rerun`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jsk_saver.errors import CannotReproduce, RunFailed
from jsk_saver.tracking.reproduce import code, environments, matching, pieces, produced, record, running
from jsk_saver.tracking.reproduce.verdict import Verdict, check_tolerance, compare
from jsk_saver.tracking.reproduce.workspace import Workspace

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment

__all__ = ["Verdict", "missing", "reproduce"]


def missing(
    experiment: Experiment,
    name: str,
    *,
    environment: str = "auto",
    repository: str | Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> list[pieces.Piece]:
    """Return what is not there that running a trial again needs; nothing is run or built for it.

    A kernel image is pulled, to look into it. ``tell`` is told so, and what else there is to know.
    """
    tell = tell or _nobody
    found = pieces.check(experiment, record.load(experiment, name), environment, repository, tell)
    for note in found.notes:
        tell(note)
    return found.missing


def reproduce(
    experiment: Experiment,
    name: str,
    *,
    tolerance: float = 0.0,
    environment: str = "auto",
    repository: str | Path | None = None,
    keep: str | Path | None = None,
    anyway: bool = False,
    tell: Callable[[str], None] | None = None,
    echo: Callable[[str], None] | None = None,
) -> Verdict:
    """Run a trial again; see :meth:`jsk_saver.Experiment.reproduce`.

    Parameters
    ----------
    tell
        Is told what is done.
    echo
        Is given what the run prints, as it comes.
    """
    check_tolerance(tolerance)
    tell, echo = tell or _nobody, echo or _nobody
    wanted = record.load(experiment, name)
    found = pieces.check(experiment, wanted, environment, repository, tell)
    for note in found.notes:
        tell(note)
    if found.first or (found.missing and not (anyway and wanted.recipe.get("program"))):
        raise pieces.refusal(wanted, found)
    with Workspace.of(experiment) as workspace:
        place = code.lay_out(workspace, wanted, found)
        try:
            chosen = environments.make(experiment, wanted, found.environment, tell)
        except CannotReproduce as error:
            error.kept = "The record, as it is; nothing has run."
            raise
        tell(f"Environment: {chosen.told}")
        workspace.plan(wanted)
        tell(f"Running {place.told} …")
        try:
            running.run(experiment, wanted, workspace, place, chosen, echo)
        except RunFailed as error:
            if keep is not None:
                _take_out(workspace, Path(keep))
            error.kept = _kept_of_a_failure(experiment, workspace, wanted)
            raise
        new, others = matching.found(workspace, wanted)
        kept = matching.keep(experiment, workspace, new)
        beside = [trial.name for trial in others if trial.name not in kept]
        verdict = compare(experiment, wanted.state, new, beside, tolerance)
        verdict.environment = chosen.told
        produced.keep(experiment, new.name, workspace)
        if keep is not None:
            verdict.folder = str(_take_out(workspace, Path(keep)))
    return verdict


def _kept_of_a_failure(experiment: Experiment, workspace: Workspace, wanted: record.Wanted) -> str:
    """Keep the new trial as far as it came, and say so."""
    try:
        new, _ = matching.found(workspace, wanted)
    except RunFailed:
        return "The trial, as it was; the run had not come to the new one."
    matching.keep(experiment, workspace, new)
    return f"The new trial as far as it came: {experiment.name}/{new.name}"


def _take_out(workspace: Workspace, folder: Path) -> Path:
    """Copy what was run, and what it printed, to where it stays."""
    target = folder.absolute()
    if target.is_dir() and any(target.iterdir()):  # somebody's: never merged into
        target = target / workspace.folder.name
    shutil.copytree(workspace.folder, target, symlinks=True, ignore=_own_files, dirs_exist_ok=True)
    return target


def _own_files(_: str, names: list[str]) -> set[str]:
    return {"lock", "repository", ".git"} & set(names)


def _nobody(_: str) -> None:
    pass
