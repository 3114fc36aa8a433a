"""What goes with every trial by itself: code, notebook, packages, image, machine, seed.

What is known at once is noted at once: for people and sinks as ``environment``, and as ``recipe`` what is
needed to run it again (see :func:`jsk_saver.tracking.recipe.collect`). What takes longer is kept in the
background, under names that are known before.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Any

from jsk_saver.lineage import collect, packages
from jsk_saver.settings import REPRODUCE
from jsk_saver.tracking import beside, hardware, recipe

if TYPE_CHECKING:
    from jsk_saver.tracking.trial import Trial


def note(trial: Trial, seed: int | None) -> None:
    """Note in the trial where and from what it runs; never fails it."""
    found: dict[str, Any] = {}
    for part in (collect, _machine, lambda: {} if seed is None else {"seed": seed}):
        try:
            found |= part()
        except Exception:
            _note_failure()
    for name in ("parents", "truncated", "reads", "experiment", "trial"):
        found.pop(name, None)
    trial.log_environment(found)
    if trial.experiment.sinks:
        from jsk_saver.tracking.autolog import mlflow_runs

        mlflow_runs.listen(trial)
    try:
        _, listed = packages()
        needed = recipe.collect(trial.folder.parent, found, listed)
        trial.log_recipe(needed)
        beside.warn_once(needed)
    except Exception:
        _note_failure()


def conclude(trial: Trial) -> None:
    """Note what is known only at the end of a trial: MLflow's logging, the cost, which trial it is like."""
    if trial.experiment.sinks:
        from jsk_saver.tracking.autolog import mlflow_runs

        mlflow_runs.conclude(trial)
    try:
        instance = hardware.describe().get("instance")
        if instance:
            cost = {"instance": instance, "seconds": round(time.time() - trial.started, 3)}
            trial.log_environment({"cost": cost})
        if os.environ.get(REPRODUCE):
            from jsk_saver.tracking.reproduce import child

            child.conclude(trial)
    except Exception:
        _note_failure()


def _machine() -> dict[str, Any]:
    found = dict(hardware.describe())
    instance = found.pop("instance", None)
    return {"hardware": found} | ({"instance": instance} if instance else {})


def _note_failure() -> None:
    logging.getLogger(__name__).debug("a part of the surroundings is not known", exc_info=True)
