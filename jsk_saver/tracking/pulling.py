"""Bring in trials that other people, or other machines, tracked: from the store, SageMaker or MLflow."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jsk_saver.errors import SettingsError
from jsk_saver.tracking.masking import without_login

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment

_LOCK = ".pull.lock"


@dataclass(slots=True)
class Pulled:
    """What a pull brought.

    Parameters
    ----------
    source
        Where from, without who logs in there.
    new, grown
        Names, in this journal, of trials that were not here, and of those that had gone on since.
    """

    source: str
    new: list[str] = field(default_factory=list)
    grown: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        if not self.new and not self.grown:
            return f"Nothing new in {self.source}."
        new = f"{len(self.new)} new trial{'s' * (len(self.new) != 1)}"
        return f"{new} from {self.source}" + (f", {len(self.grown)} went on." if self.grown else ".")


def pull(experiment: Experiment, source: str = "store") -> Pulled:
    """Bring in what a source has and this journal lacks; see :meth:`jsk_saver.Experiment.pull`."""
    kind, _, rest = source.partition(":")
    with _alone(experiment.folder):
        if kind == "store" and not rest:
            from jsk_saver.tracking.imports.store import from_store

            return from_store(experiment)
        if kind == "mlflow":
            from jsk_saver.tracking.imports.mlflow import from_mlflow

            return from_mlflow(experiment, source)
        if kind == "sagemaker" and not rest:
            from jsk_saver.tracking.imports.sagemaker import from_sagemaker

            return from_sagemaker(experiment)
    raise SettingsError(
        f"Trials cannot be pulled from {without_login(source)!r}.",
        hint='experiment.pull()    # from the store; or "sagemaker", "mlflow", "mlflow:http://…"',
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time pull trials of an experiment; others wait for it."""
    with (folder / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
