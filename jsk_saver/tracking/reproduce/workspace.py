"""A folder for one run, that is gone afterwards, however the run ends.

It holds a lock while it is in use. What a killed process left behind is removed by the next one.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from jsk_saver.settings import REPRODUCE
from jsk_saver.tracking.reproduce.record import Wanted

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment

#: The folder of the trials of a run, beside its plan.
JOURNAL = "journal"
_LETTERS = "abcdefghjkmnpqrstvwxyz23456789"


class Workspace:
    """The folder of one run.

    Parameters
    ----------
    runs
        Where such folders are.
    """

    def __init__(self, runs: Path) -> None:
        self.name = "r" + "".join(secrets.choice(_LETTERS) for _ in range(6))
        self.folder = runs / self.name
        self._runs = runs
        self.lock = -1

    @classmethod
    def of(cls, experiment: Experiment) -> Workspace:
        """Return one beside the experiment's journal."""
        return cls(experiment.saver.settings.home / "reproduce" / "runs")

    @property
    def code(self) -> Path:
        """Where the repository's files are."""
        return self.folder / "code"

    @property
    def journal(self) -> Path:
        """Where the run's trials are, until one of them is kept."""
        return self.folder / JOURNAL

    @property
    def log(self) -> Path:
        """What the run prints."""
        return self.folder / "log.txt"

    def note_repository(self, root: str) -> None:
        """Remember which repository the worktree belongs to, before it is made."""
        (self.folder / "repository").write_text(root, encoding="utf-8")

    def plan(self, wanted: Wanted) -> None:
        """Write what the run is to know: what was read and saved then, and which trials it is like."""
        siblings = [{"name": trial.name, "params": trial.params} for trial in wanted.siblings]
        plan = {
            "run": self.name,
            "experiment": wanted.state.experiment,
            "trial": wanted.state.name,
            "params": wanted.state.params,
            "siblings": siblings,
            "began": min(trial.started for trial in wanted.siblings),
            "pins": wanted.pins,
            "outputs": wanted.outputs,
        }
        (self.folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")

    def variables(self) -> dict[str, str]:
        """Return what the run's environment says of the plan."""
        return {REPRODUCE: str(self.folder / "plan.json")}

    def __enter__(self) -> Self:
        self._runs.mkdir(parents=True, exist_ok=True)
        for left in self._runs.iterdir():
            _sweep(left)
        self.folder.mkdir()
        self.lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _remove(self.folder)
        os.close(self.lock)


def _sweep(folder: Path) -> None:
    """Remove a folder that no living process uses; a run that outlived its parent holds the lock too."""
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return  # about to be used, or not ours
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(folder)
    except OSError:
        pass
    finally:
        os.close(lock)


def _remove(folder: Path) -> None:
    root = ""
    with suppress(OSError):
        root = (folder / "repository").read_text(encoding="utf-8")
    if root:
        _git(root, "worktree", "remove", "--force", "--force", str(folder / "code"))
    shutil.rmtree(folder, ignore_errors=True)


def _git(root: str, *arguments: str) -> None:
    with suppress(OSError):
        # In a session of its own: a second Ctrl-C must not leave half of it.
        subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, check=False, start_new_session=True
        )
