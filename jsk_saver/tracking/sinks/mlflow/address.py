"""Where MLflow is: checked and made absolute in the process that says so, because another one goes there."""

from __future__ import annotations

import os
import re
from pathlib import Path

from jsk_saver.errors import SettingsError
from jsk_saver.tracking.masking import without_login

#: Set by MLflow's users for MLflow itself.
VARIABLE = "MLFLOW_TRACKING_URI"
_DATABASE = re.compile(r"(sqlite|postgresql|mysql|mssql)(\+\w+)?://", re.IGNORECASE)
_ARN = re.compile(r"arn:[\w-]+:sagemaker:[\w-]+:\d*:mlflow-(tracking-server|app)/.+")
_EXAMPLES = 'JSK_SINKS="mlflow:sqlite:////home/ann/mlflow.db"    # or mlflow:http://127.0.0.1:5000'


def tracking_uri(said: str) -> str:
    """Return a tracking URI as MLflow takes it, wherever it is read.

    Parameters
    ----------
    said
        What follows ``mlflow:``; nothing means ``MLFLOW_TRACKING_URI``.

    Raises
    ------
    SettingsError
        If nothing is said, or it is a plain folder, or no URI that MLflow knows.

    Examples
    --------
    >>> tracking_uri("http://127.0.0.1:5000/")
    'http://127.0.0.1:5000'
    >>> tracking_uri("sqlite:////srv/mlflow.db")
    'sqlite:////srv/mlflow.db'
    """
    uri = said.strip() or os.environ.get(VARIABLE, "").strip()
    if not uri:
        raise SettingsError(f"The sink 'mlflow' does not say where: {VARIABLE} is not set.", hint=_EXAMPLES)
    if uri.startswith(("http://", "https://")):
        return uri.rstrip("/")
    if uri.startswith("sqlite:///"):
        path = uri.removeprefix("sqlite:///")
        return uri if path in ("", ":memory:") else f"sqlite:///{Path(path).expanduser().absolute()}"
    if _DATABASE.match(uri):
        return uri
    if uri.startswith("arn:"):
        if not _ARN.fullmatch(uri):
            raise SettingsError(
                f"{uri!r} is not the ARN of an MLflow server of SageMaker.",
                hint="mlflow:arn:aws:sagemaker:<region>:<account>:mlflow-tracking-server/<name>",
            )
        return uri
    if uri.startswith("file:") or "://" not in uri:
        raise SettingsError(
            f"The sink 'mlflow:{uri}' is a plain folder, which MLflow does not write to any more.",
            hint=f"{_EXAMPLES}\n        mlflow migrate-filestore --help    # for runs that are there",
        )
    public = without_login(uri)
    raise SettingsError(f"The sink 'mlflow:{public}' is nothing that MLflow writes to.", hint=_EXAMPLES)


def artifact_root(uri: str) -> str | None:
    """Return where files of an experiment go; None where the server knows.

    For a SQLite file, MLflow itself would take the working folder, which here is nobody's.
    """
    if not uri.startswith("sqlite:///"):
        return None
    return (Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts").as_uri()
