"""Which of the trials that a run made is to be compared with the one that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jsk_saver.errors import RunFailed
from jsk_saver.tracking.reproduce.record import Wanted
from jsk_saver.tracking.state import TrialState

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment


def found(experiment: Experiment, run: str, wanted: Wanted) -> tuple[TrialState, list[str]]:
    """Return the new trial, and the names of the others that the run made.

    Raises
    ------
    RunFailed
        If the run made none with the parameters of the one that was asked for.
    """
    made = [trial for trial in experiment.trials() if trial.links.get("reproduction") == run]
    ours = [trial for trial in made if trial.params == wanted.state.params]
    linked = [trial for trial in ours if trial.links.get("reproduces") == wanted.address]
    chosen = next(iter(linked or ours), None)
    if chosen is None:
        others = "".join(f"\n  - {trial.name}: {trial.params}" for trial in made) or "\n  none at all"
        raise RunFailed(
            f"The run made no trial with the parameters {wanted.state.params}. It made:{others}",
            kept="The trials it made.",
            hint="Parameters that come from elsewhere (a prompt, a file, the environment) are not recorded.",
        )
    return chosen, [trial.name for trial in made if trial.name != chosen.name]
