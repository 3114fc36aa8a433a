"""The page of a report, put together."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jsk_saver.errors import MissingExtra
from jsk_saver.human import human_time
from jsk_saver.tracking.plotting.columns import Columns
from jsk_saver.tracking.plotting.labels import labels
from jsk_saver.tracking.report.ancestry import ancestry
from jsk_saver.tracking.report.artifacts import Artifacts
from jsk_saver.tracking.report.charts import Charts
from jsk_saver.tracking.report.details import details
from jsk_saver.tracking.report.overview import overview
from jsk_saver.tracking.report.text import escape, markdown, value
from jsk_saver.tracking.state import TrialState

if TYPE_CHECKING:
    from jsk_saver.tracking.browsing import Trials

# No network, whatever a figure or a note holds. 'unsafe-eval': Plotly's WebGL plots make their code.
_POLICY = (
    "default-src 'none'; img-src data: blob:; font-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline' 'unsafe-eval'; frame-src 'self' data:; base-uri 'none'; form-action 'none'"
)


def page(experiment: Trials, trials: Sequence[TrialState], family: Mapping[str, TrialState]) -> str:
    """Return a report as one HTML document.

    Parameters
    ----------
    experiment
        Whose.
    trials
        Those to tell about.
    family
        All trials of the experiment, by name.
    """
    name = escape(experiment.name)
    plots = Charts(experiment.folder, trials, family, experiment.goals).html() if trials else ""
    parts = [
        _head(experiment, trials),
        _part("trials", "Trials", overview(trials, experiment.goals) if trials else "<p>No trial yet.</p>"),
        _part("plots", "Plots", plots),
        _part("lineage", "Lineage", _lineage(trials)),
        _part("details", "Every trial", _details(experiment, trials, family)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{name}</title><style>{_file('report.css')}</style></head><body><main>{''.join(parts)}</main>"
        f"{_plotly() if plots else ''}<script>{_file('filter.js')}</script>"
        f"<script>{_file('report.js')}</script></body></html>\n"
    )


def _head(experiment: Trials, trials: Sequence[TrialState]) -> str:
    counts = Counter(escape(trial.status) for trial in trials)
    said = [f"{len(trials):,} trial{'s' * (len(trials) != 1)}"]
    said += [f'<span class="s-{status}">{count:,} {status}</span>' for status, count in counts.items()]
    said += [f"{escape(metric)}: {escape(goal)} is good" for metric, goal in experiment.goals.items()]
    said.append(human_time(dt.datetime.now(dt.UTC)))
    tags = (
        f'<span class="tag">{escape(name)} <b>{value(tag)}</b></span>'
        for name, tag in experiment.tags.items()
    )
    about = markdown(experiment.description) if experiment.description else ""
    return (
        f'<header><h1>{escape(experiment.name)}</h1><div class="markdown">{about}</div>'
        f'<p>{" ".join(tags)}</p><p class="quiet">{" · ".join(said)}</p></header>'
    )


def _part(key: str, title: str, html: str) -> str:
    return f'<section id="part-{key}"><h2>{title}</h2>{html}</section>' if html else ""


def _lineage(trials: Sequence[TrialState]) -> str:
    graph, left = ancestry(trials)
    if graph is None:
        return ""
    more = f'<p class="quiet">{left} older trials are not in the drawing.</p>' if left else ""
    return f'<div class="wide graph">{graph.svg}</div>{more}'


def _details(experiment: Trials, trials: Sequence[TrialState], family: Mapping[str, TrialState]) -> str:
    columns = Columns(trials, family, experiment.goals)
    named = labels(trials, columns.params, columns.varying)
    artifacts = Artifacts(experiment.folder)
    return "".join(details(trial, label, artifacts) for trial, label in zip(trials, named, strict=True))


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise MissingExtra(
            "The plots of a report need plotly, which is not installed.", hint="pip install plotly"
        ) from None
    return f"<script>{get_plotlyjs()}</script>"
