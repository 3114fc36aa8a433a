"""Where MLflow logs while a trial takes it: a SQLite file of this process, which goes with it."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

#: MLflow notes its tracking URI there too, for processes that it starts.
_VARIABLE = "MLFLOW_TRACKING_URI"
#: The folder of this process, made once: MLflow takes a second for the tables of a new file.
_made: dict[int, Path] = {}
#: Where MLflow logged before, and what the variable said.
_before: tuple[str, str | None] = ("", None)


def redirect() -> None:
    """Have MLflow log here; processes that are started meanwhile go on where they would."""
    import mlflow

    global _before
    _before = mlflow.get_tracking_uri(), os.environ.get(_VARIABLE)
    mlflow.set_tracking_uri(_uri())
    _set_variable(_before[1])


def put_back() -> None:
    """Have MLflow log where it did before."""
    import mlflow

    uri, said = _before
    if mlflow.get_tracking_uri() == _uri():  # and not where the user has said since
        mlflow.set_tracking_uri(uri if said is not None else None)
        _set_variable(said)


def new_folder() -> Path:
    """Return a folder for files that MLflow logs."""
    return Path(tempfile.mkdtemp(prefix="run-", dir=_folder()))


def _uri() -> str:
    return f"sqlite:///{_folder() / 'mlflow.db'}"


def _folder() -> Path:
    pid = os.getpid()
    if pid not in _made:
        _made[pid] = Path(tempfile.mkdtemp(prefix="jsk-mlflow-"))
        atexit.register(shutil.rmtree, _made[pid], ignore_errors=True)
    return _made[pid]


def _set_variable(said: str | None) -> None:
    if said is None:
        os.environ.pop(_VARIABLE, None)
    else:
        os.environ[_VARIABLE] = said
