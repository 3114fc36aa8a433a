"""What a notebook that was run again looks like afterwards: kept with the new trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jsk_saver.tracking import files
from jsk_saver.tracking.journal.segment import Segment

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment
    from jsk_saver.tracking.reproduce.workspace import Workspace

#: The name of the file, in the workspace and of the trial.
EXECUTED = "executed.ipynb"


def keep(experiment: Experiment, trial: str, workspace: Workspace) -> None:
    """Add the executed notebook, if one was run, to a trial that has ended already.

    Its status and its end stay as they are: this writer neither started the trial nor ends it.
    """
    executed = workspace.folder / EXECUTED
    if not executed.exists():
        return
    folder = experiment.folder / trial
    segment = Segment(folder)
    try:
        segment.event("file", **files.keep(folder, "notebook", EXECUTED, executed))
    finally:
        segment.close()
    _send(experiment, trial)


def _send(experiment: Experiment, trial: str) -> None:
    """Have it brought to where the rest of the trial went."""
    from jsk_saver.tracking.sinks import courier, pending
    from jsk_saver.tracking.sinks import cursor as cursors

    folder = experiment.folder / trial
    sinks = [cursor.sink for path in folder.glob("*.cursor") if (cursor := cursors.load(path)).sink]
    if not sinks:
        return
    settings = {"store": experiment.saver.store.uri, **experiment.saver.connection.overrides}
    told = {name: str(value) for name, value in settings.items() if value is not None}
    pending.add(experiment.journal, pending.Pending(experiment.name, trial, sinks, told))
    courier.ensure(experiment.journal)
