"""A report: one page with the table, the plots, every trial and the lineage, which needs nothing else.

``page.py`` puts it together from ``overview.py`` (the table), ``charts.py`` (Plotly), ``details.py`` and
``artifacts.py`` (each trial), ``ancestry.py`` (the graph); ``report.css``, ``filter.js`` (the search language
over the table) and ``report.js`` go into it as they are. A content security policy keeps it from the network,
whatever was logged.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import InvalidName, StoreError

if TYPE_CHECKING:
    from jsk_saver.tracking.browsing import Trials


def write(experiment: Trials, path: Path, pattern: Any, search: dict[str, Any]) -> Path:
    """Write the report of an experiment's trials; see :meth:`jsk_saver.Experiment.report`.

    Raises
    ------
    MissingExtra
        If Plotly or pandas is not installed.
    StoreError
        If the file cannot be written; what was there is untouched.
    """
    from jsk_saver.tracking.report.page import page

    path = path.expanduser()
    if path.is_dir():
        raise InvalidName(f"{path} is a folder.", hint=f'experiment.report("{path / "report.html"}")')
    trials = experiment.trials(pattern, **search)
    everyone = trials if pattern is None and not search else experiment.trials()
    _replace(path, page(experiment, trials, {trial.name: trial for trial in everyone}))
    return path


def _replace(path: Path, html: str) -> None:
    """Write a file in one step: whoever opens it sees the old one or the new one."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        part.write_text(html, encoding="utf-8", errors="replace")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(
            f"The report cannot be written to {path}: {error.strerror}.",
            kept="What was there before.",
            hint='experiment.report("report.html")    # in a folder that exists and that you may write to',
        ) from error
