"""Which of the trials that a run made is compared with the one that was asked for, and kept."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from jsk_saver.errors import RunFailed
from jsk_saver.tracking.browsing import Trials
from jsk_saver.tracking.reproduce.record import Wanted
from jsk_saver.tracking.state import TrialState

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment
    from jsk_saver.tracking.reproduce.workspace import Workspace


def found(workspace: Workspace, wanted: Wanted) -> tuple[TrialState, list[TrialState]]:
    """Return the new trial, and the others that the run made.

    Raises
    ------
    RunFailed
        If the run made none with the parameters of the one that was asked for.
    """
    made = _made(workspace, wanted.state.experiment)
    ours = [trial for trial in made if trial.params == wanted.state.params]
    linked = [trial for trial in ours if trial.links.get("reproduces") == wanted.address]
    chosen = next(iter(linked or ours), None)
    if chosen is None:
        others = "".join(f"\n  - {trial.name}: {trial.params}" for trial in made) or "\n  none at all"
        raise RunFailed(
            f"The run made no trial with the parameters {wanted.state.params}. It made:{others}",
            kept="Everything, as it was: no trial of the run was kept.",
            hint="Parameters that come from elsewhere (a prompt, a file, the environment) are not recorded.",
        )
    return chosen, [trial for trial in made if trial.name != chosen.name]


def keep(experiment: Experiment, workspace: Workspace, chosen: TrialState) -> list[str]:
    """Move the new trial, and those nested in it, into the experiment; return what they are called.

    From there they go to wherever the program sends its trials. The other trials of the run are not kept.
    """
    from jsk_saver.tracking.sinks import courier, pending

    names = _family(chosen.name, _made(workspace, experiment.name))
    unsent = [one for one in pending.every(workspace.journal) if one.experiment == experiment.name]
    for name in names:
        shutil.move(workspace.journal / experiment.name / name, experiment.folder / name)
    for one in unsent:
        if one.trial in names:
            pending.add(experiment.journal, one)
    if any(one.trial in names for one in unsent):
        courier.ensure(experiment.journal)
    return names


def _made(workspace: Workspace, experiment: str) -> list[TrialState]:
    """Return the trials of the run, the oldest first; not those of before, which it only saw."""
    folder = workspace.journal / experiment
    known = Trials(experiment, workspace.journal).trials() if folder.is_dir() else []
    return [trial for trial in known if trial.links.get("reproduction") == workspace.name]


def _family(name: str, made: list[TrialState]) -> list[str]:
    names = [name]
    for trial in made:  # the oldest first: a nested one comes after the one that it is nested in
        if trial.parent in names:
            names.append(trial.name)
    return names
