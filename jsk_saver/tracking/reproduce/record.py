"""What the record of a trial says of how to run it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.tracking.journal import layout, reading
from jsk_saver.tracking.state import TrialState

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment

Read = dict[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A trial that is to be run again.

    Parameters
    ----------
    state
        What is known about it.
    recipe
        What :func:`jsk_saver.tracking.recipe.collect` noted.
    siblings
        The trials that the same process ran, itself among them, the oldest first.
    reads
        The versions that process read, in order; not those it had put itself.
    shared
        The folder of what many trials share.
    """

    state: TrialState
    recipe: dict[str, Any]
    siblings: list[TrialState]
    reads: list[Read]
    shared: Path

    @property
    def address(self) -> str:
        """Experiment and trial."""
        return f"{self.state.experiment}/{self.state.name}"

    @property
    def code(self) -> dict[str, str]:
        """Commit, remote and changes of the repository it ran in."""
        found: dict[str, str] = self.recipe.get("code", {})
        return found

    def kept(self, what: str) -> Path | None:
        """Return the file that the recipe names, whether it is there or not."""
        name = self.recipe.get(what)
        return self.shared / Path(name).name if isinstance(name, str) and name else None


@dataclass(slots=True)
class _Raw:
    recipe: dict[str, Any] = field(default_factory=dict)
    inputs: list[Read] = field(default_factory=list)


def load(experiment: Experiment, name: str) -> Wanted:
    """Return what a trial's record says.

    Raises
    ------
    NotFound
        If there is no such trial.
    """
    state = experiment[name]
    own = _raw(experiment.folder / name)
    process = own.recipe.get("process")
    known = [trial for trial in experiment.trials() if trial.pulled == state.pulled]
    raw = {trial.name: _raw(experiment.folder / trial.name) for trial in known}
    siblings = [trial for trial in known if process and raw[trial.name].recipe.get("process") == process]
    siblings = siblings or [state]
    reads: list[Read] = []
    for trial in siblings:
        found = raw.get(trial.name, own)
        seen = {_identity(read) for read in reads}
        reads += [read for read in found.recipe.get("read", ()) if _identity(read) not in seen]
        reads += found.inputs
    put = {(item.get("store"), item["name"], item["version"]) for trial in siblings for item in trial.outputs}
    reads = [read for read in reads if _identity(read)[:3] not in put]
    return Wanted(state, own.recipe, siblings, reads, experiment.folder / layout.CODE)


def _identity(read: Read) -> tuple[str | None, ...]:
    return read.get("store"), read["name"], read["version"], read.get("asked", "")


def _raw(folder: Path) -> _Raw:
    raw = _Raw()
    for path in layout.writers(folder):
        for _, event in reading.events(path):
            if event["kind"] == "recipe":
                raw.recipe = event["values"]
            elif event["kind"] == "input" and event.get("store"):
                raw.inputs.append(
                    {key: event[key] for key in ("store", "name", "version", "asked") if key in event}
                )
    return raw
