"""What the record of a trial says of how to run it again."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.settings import ARGUMENT
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
    pins
        Those, and the ones it had put itself where they were asked for by number or search.
    shared
        The folders of what many trials share: that of this machine, and for a pulled trial that of others.
    """

    state: TrialState
    recipe: dict[str, Any]
    siblings: list[TrialState]
    reads: list[Read]
    pins: list[Read]
    shared: tuple[Path, ...]

    @property
    def address(self) -> str:
        """Experiment and trial."""
        return f"{self.state.experiment}/{self.state.name}"

    @property
    def code(self) -> dict[str, str]:
        """Commit, remote and changes of the repository it ran in."""
        found: dict[str, str] = self.recipe.get("code", {})
        return found

    @property
    def outputs(self) -> list[dict[str, str]]:
        """The versions that the process put, as far as their digests are known."""
        known = [item for trial in self.siblings for item in trial.outputs]
        keys = ("store", "name", "version", "digest")
        return [{key: item[key] for key in keys} for item in known if all(item.get(key) for key in keys)]

    def kept(self, what: str) -> Path | None:
        """Return the file that the recipe names, whether it is there or not."""
        name = self.recipe.get(what)
        if not isinstance(name, str) or not name:
            return None
        places = [folder / Path(name).name for folder in self.shared]
        return next((place for place in places if place.exists()), places[0])

    def read(self, what: str) -> bytes | None:
        """Return what is in the file that the recipe names; None where that is not there or was altered.

        Programs and lists of packages have their digest for a name. Changes have that of a working tree,
        which is compared once they are applied.
        """
        path = self.kept(what)
        try:
            data = path.read_bytes() if path is not None else None
        except OSError:
            return None
        if path is None or data is None or what == "changes":
            return data
        digest = layout.digest_in(path.name)
        return data if digest and hashlib.sha256(data).hexdigest().startswith(digest) else None

    def arguments(self) -> list[str]:
        """Return the arguments of the program; those that the record does not tell, as they are given now."""
        known = [str(argument) for argument in self.recipe.get("arguments", ())]
        masked = self._masked()
        return [
            os.environ.get(f"{ARGUMENT}{at}", argument) if at in masked else argument
            for at, argument in enumerate(known, 1)
        ]

    def untold(self) -> list[int]:
        """Return the arguments, counted from 1, that the record does not tell and nobody has given now."""
        return [at for at in self._masked() if f"{ARGUMENT}{at}" not in os.environ]

    def _masked(self) -> list[int]:
        said, count = self.recipe.get("masked"), len(self.recipe.get("arguments", ()))
        return [at for at in range(1, count + 1) if isinstance(said, list) and at in said]


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
    others = [read for read in reads if _identity(read)[:3] not in put]
    pins = [read for read in reads if read in others or read.get("asked")]
    folders = (layout.CODE, layout.PULLED_CODE) if state.pulled else (layout.CODE,)
    shared = tuple(experiment.folder / folder for folder in folders)
    return Wanted(state, own.recipe, siblings, others, pins, shared)


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
