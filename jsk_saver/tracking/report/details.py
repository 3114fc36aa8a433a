"""Everything about one trial, folded up until somebody opens it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any

from jsk_saver.human import human_size, human_time
from jsk_saver.tracking.journal.summary import Metric
from jsk_saver.tracking.report.artifacts import Artifacts
from jsk_saver.tracking.report.text import block, escape, link, markdown, value
from jsk_saver.tracking.state import TrialState

_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def details(trial: TrialState, label: str, artifacts: Artifacts) -> str:
    """Return the HTML of a trial.

    Parameters
    ----------
    trial
        Which.
    label
        What tells it from the others, said beside its name.
    artifacts
        Where its figures, tables and texts come from.
    """
    name = escape(trial.name)
    label = label.removesuffix(f" ({trial.status})")
    beside = f' <span class="quiet">{escape(label)}</span>' if label and label != trial.name else ""
    parts = [
        _facts(trial),
        _part("Error", block(trial.error) if trial.error else ""),
        _part("Notes", "".join(f'<div class="markdown">{markdown(note)}</div>' for note in trial.notes)),
        _part("Parameters", _pairs(trial.params.items())),
        _part("Metrics", _metrics(trial.metrics)),
        _part("Tags", _pairs(trial.tags.items())),
        _part("Figures, tables and texts", "".join(artifacts.show(trial.name, file) for file in trial.files)),
        _part("Inputs", _versions(trial.inputs)),
        _part("Outputs", _versions(trial.outputs)),
        _part("Environment", _environment(trial.environment)),
        _part("Links", _pairs(trial.links.items())),
    ]
    return (
        f'<details class="trial" id="trial-{name}"><summary><b>{name}</b> '
        f'<span class="s-{escape(trial.status)}">{escape(trial.status)}</span>{beside}</summary>'
        f'<div class="body">{"".join(parts)}</div></details>'
    )


def _facts(trial: TrialState) -> str:
    said = [human_time(trial.created)]
    if trial.seconds is not None:
        said.append(f"{trial.seconds:,.1f} s")
    text = " · ".join(map(escape, said))
    if trial.parent:
        parent = escape(trial.parent)
        text += f' · in <a href="#trial-{parent}">{parent}</a>'
    return f'<p class="quiet">{text}</p>'


def _part(title: str, html: str) -> str:
    return f"<section><h4>{title}</h4>{html}</section>" if html else ""


def _pairs(pairs: Iterable[tuple[str, Any]]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{_value(said)}</dd>" for name, said in pairs)
    return f"<dl>{rows}</dl>" if rows else ""


def _value(said: Any) -> str:
    return link(said, said) if isinstance(said, str) else value(said)


def _metrics(metrics: dict[str, Metric]) -> str:
    if not metrics:
        return ""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{value(metric.last)}</td>"
        + (
            f"<td>{value(metric.min)} <i>at {metric.min_step}</i></td>"
            f"<td>{value(metric.max)} <i>at {metric.max_step}</i></td><td>{metric.count:,}</td>"
            if metric.count > 1
            else "<td></td><td></td><td>1</td>"
        )
        + "</tr>"
        for name, metric in metrics.items()
    )
    head = "<tr><th></th><th>last</th><th>min</th><th>max</th><th>points</th></tr>"
    return f'<div class="wide"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def _versions(artifacts: Iterable[dict[str, Any]]) -> str:
    rows = []
    for said in artifacts:
        name, version = str(said.get("name", "")), str(said.get("version", ""))
        size = said.get("size")
        beside = f" · {human_size(size)}" if isinstance(size, int) else ""
        uri = str(said.get("uri", ""))
        where = f"<br><small>{link(uri, uri)}</small>" if uri else ""
        rows.append(f"<li><b>{escape(name)}</b> <code>{escape(version)}</code>{beside}{where}</li>")
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def _environment(found: dict[str, Any]) -> str:
    said = {name: _told(name, item) for name, item in found.items() if item not in (None, "", {}, [])}
    commit = str(found.get("commit", ""))
    if commit:
        said["commit"] = link(commit_address(str(found.get("remote", "")), commit), commit)
    if "remote" in found:
        said["remote"] = link(_without_login(str(found["remote"])), _without_login(str(found["remote"])))
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{html}</dd>" for name, html in said.items())
    return f"<dl>{rows}</dl>" if rows else ""


def _told(name: str, item: Any) -> str:
    if name in ("started", "created") and isinstance(item, int | float):
        return escape(human_time(dt.datetime.fromtimestamp(item, dt.UTC)))
    return _value(item)


def commit_address(remote: str, commit: str) -> str:
    """Return where a commit can be looked at, if its remote is on the web.

    Examples
    --------
    >>> commit_address("https://bo:secret@git.example.org/squad/iris.git", "0a1b2c3")
    'https://git.example.org/squad/iris/commit/0a1b2c3'
    >>> commit_address("git@git.example.org:squad/iris.git", "0a1b2c3")
    ''
    """
    if not remote.startswith(("https://", "http://")) or not _COMMIT.fullmatch(commit):
        return ""
    return f"{_without_login(remote).removesuffix('/').removesuffix('.git')}/commit/{commit}"


def _without_login(remote: str) -> str:
    return re.sub(r"^(\w+://)[^/@]*@", r"\1", remote)
