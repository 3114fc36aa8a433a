"""What is known about trials, for people: in words, as text for a terminal and as HTML for a notebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from jsk_saver.display import Column, html_fields, html_table, text_fields, text_table
from jsk_saver.human import human_value, one_line
from jsk_saver.wording import at_most, count, flatten

if TYPE_CHECKING:
    from jsk_saver.tracking.journal.summary import Metric
    from jsk_saver.tracking.state import TrialState

#: What is shown at most: trials of a list, columns of parameters and of metrics, lines of one kind.
MOST_ROWS, _MOST_COLUMNS, _MOST_LINES = 50, 6, 24
_DIGITS = 6


class TrialList(list["TrialState"]):
    """Trials, oldest first or as asked; shows itself as a table."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> TrialState: ...
    @overload
    def __getitem__(self, index: slice) -> TrialList: ...
    def __getitem__(self, index: SupportsIndex | slice) -> TrialState | TrialList:
        found: Any = super().__getitem__(index)
        return TrialList(found) if isinstance(index, slice) else found

    def __repr__(self) -> str:
        columns, rows = _table(self)
        title = _title(self)
        return "\n".join([text_table(columns, rows, title=title) if rows else title, *_notes(self)])

    def _repr_html_(self) -> str:
        columns, rows = _table(self) if self else ([], [])
        return html_table(columns, rows, caption=_title(self), notes=_notes(self))


def html(known: TrialState) -> str:
    """Return what is known about a trial as HTML."""
    fields = [(title, _lines(values)) for title, values in _told(known)]
    return html_fields(fields, caption=f"{known.experiment}/{known.name}  {known.status}")


def text(known: TrialState) -> str:
    """Return the same as text."""
    fields = [(title, _lines(values)) for title, values in _told(known)]
    return text_fields(fields, title=f"{known.experiment}/{known.name}  {known.status}")


def story(known: TrialState) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what is known about a trial, part by part, as names and values."""
    seconds = "" if known.seconds is None else f"{known.seconds:.1f} s"
    when = [("started", human_value(known.created)), ("took", seconds), ("nested in", known.parent)]
    return [
        ("When", [(name, value) for name, value in when if value]),
        ("Parameters", [(name, said(value)) for name, value in known.params.items()]),
        ("Metrics", [(name, summary(metric)) for name, metric in known.metrics.items()]),
        ("Inputs", [(item["name"], item.get("version", "")) for item in known.inputs]),
        ("Outputs", [(item["name"], item.get("version", "")) for item in known.outputs]),
        ("Files", [(item["name"], str(item.get("what", item.get("file", "")))) for item in known.files]),
        ("Tags", [(name, human_value(value)) for name, value in known.tags.items()]),
        ("Notes", [(note, "") for note in known.notes]),
        ("Environment", [(name, human_value(value)) for name, value in flatten(known.environment)]),
        ("Links", [(name, human_value(value)) for name, value in known.links.items()]),
    ]


def summary(metric: Metric) -> str:
    """Return a metric in a few words."""
    several = f"  ({metric.min:.6g} to {metric.max:.6g}, {metric.count:,} points)"
    return f"{metric.last:.6g}{several if metric.count > 1 else ''}"


def said(value: Any) -> str:
    """Return a parameter's value as it is typed in Python where that is one word, else as JSON."""
    return "None" if value is None else human_value(value)


def _told(known: TrialState) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what is worth seeing at a glance: the environment in a few words, and why it failed."""
    parts = dict(story(known))
    environment = known.environment
    named = ("commit", "branch", "seed", "notebook", "image", "user")
    parts["Environment"] = [
        (name, human_value(environment[name])) for name in named if environment.get(name) not in (None, "")
    ]
    if known.host:
        parts["Environment"].append(("host", known.host))
    if known.error:
        parts["Error"] = [(known.error.strip().splitlines()[-1], "")]
    return [(title.lower(), values) for title, values in parts.items() if values]


def _lines(values: Sequence[tuple[str, str]]) -> list[str]:
    lines = [f"{one_line(name)}: {value}" if value else one_line(name) for name, value in values]
    return at_most(lines, _MOST_LINES, "more")


# Lists ------------------------------------------------------------------------------------------------


def _title(trials: Sequence[TrialState]) -> str:
    experiments = list(dict.fromkeys(known.experiment for known in trials))
    whose = f" of {experiments[0]}" if len(experiments) == 1 else ""
    line = f"{count(len(trials), 'trial')}{whose}"
    return line[0].upper() + line[1:]


def _notes(trials: Sequence[TrialState]) -> list[str]:
    more = len(trials) - MOST_ROWS
    return [f"… and {more:,} more"] if more > 0 else []


def _table(trials: Sequence[TrialState]) -> tuple[list[Column | str], list[dict[str, Any]]]:
    """Return the columns that tell these trials apart, and a row for each."""
    shown = trials[:MOST_ROWS]
    params = _varying([known.params for known in shown])[:_MOST_COLUMNS]
    metrics = [name for name, _ in Counter(name for known in shown for name in known.metrics).most_common()]
    metrics = metrics[:_MOST_COLUMNS]
    columns: list[Column | str] = [
        Column("trial", "path", narrowest=24),
        Column("status"),
        Column("started", "time", optional=True),
        *(Column(f"params.{name}", title=name, digits=_DIGITS) for name in params),
        *(Column(f"metrics.{name}", optional=True, title=name, digits=_DIGITS) for name in metrics),
    ]
    rows = [
        {"trial": known.name, "status": known.status, "started": known.created}
        | {
            f"params.{name}": "None" if known.params[name] is None else known.params[name]
            for name in params
            if name in known.params
        }
        | {f"metrics.{name}": known.metrics[name].last for name in metrics if name in known.metrics}
        for known in shown
    ]
    return columns, rows


def _varying(params: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the parameters that are not the same in all trials; all of them where there is one trial."""
    names = dict.fromkeys(_each(params))
    if len(params) < 2:
        return list(names)
    return [name for name in names if len({human_value(one.get(name, "")) for one in params}) > 1]


def _each(sources: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    return (name for source in sources for name in source)
