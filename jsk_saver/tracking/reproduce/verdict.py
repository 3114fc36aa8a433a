"""Whether the same came out: metric by metric, object by object."""

from __future__ import annotations

import math
from array import array
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.tracking.journal import layout, points, reading
from jsk_saver.tracking.state import TrialState

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment

EQUAL, WITHIN, DIFFERENT, MISSING, NEW = "equal", "within tolerance", "different", "missing", "new"
IDENTICAL, NOT_IDENTICAL = "identical", "not identical"
_Curve = tuple["array[int]", "array[float]"]


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """One metric: its last values, and by how much its points differ at most."""

    name: str
    verdict: str
    old: float | None
    new: float | None
    difference: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class ObjectVerdict:
    """One object that was saved: its versions, and whether their bytes are the same."""

    name: str
    verdict: str
    old: str
    new: str


@dataclass(slots=True)
class Verdict:
    """What came of running a trial again.

    Parameters
    ----------
    trial, new
        Experiment and trial that was asked for, and the new one.
    metrics, objects
        What became of each.
    status
        How the new trial ended.
    others
        Other trials that the same program made.
    tolerance
        How far metrics may differ.
    environment, folder
        What it ran in; where it was kept.
    """

    trial: str
    new: str
    metrics: list[MetricVerdict]
    objects: list[ObjectVerdict]
    status: str
    expected: str
    others: list[str] = field(default_factory=list)
    tolerance: float = 0.0
    environment: str = ""
    folder: str = ""

    @property
    def ok(self) -> bool:
        """Whether the same came out: metrics within the tolerance and, without one, identical objects."""
        metrics = all(item.verdict in (EQUAL, WITHIN, NEW) for item in self.metrics)
        allowed = (IDENTICAL, NEW, NOT_IDENTICAL) if self.tolerance else (IDENTICAL, NEW)
        return (
            metrics and self.status == self.expected and all(item.verdict in allowed for item in self.objects)
        )

    @property
    def title(self) -> str:
        """The verdict in one line."""
        good = sum(item.verdict in (EQUAL, WITHIN) for item in self.metrics)
        same = sum(item.verdict == IDENTICAL for item in self.objects)
        metrics = f"{good} of {sum(item.verdict != NEW for item in self.metrics)} metrics " + (
            "within tolerance" if self.tolerance else "equal"
        )
        objects = f"{same} of {sum(item.verdict != NEW for item in self.objects)} objects identical"
        return f"{'Reproduced' if self.ok else 'Not reproduced'}: {metrics}, {objects}."

    def rows(self) -> list[list[str]]:
        """Return a line for each metric and object: what, the old, the new, the verdict."""
        lines = [
            ["metric", item.name, _said(item.old), _said(item.new), _told(item)] for item in self.metrics
        ]
        return lines + [["object", item.name, item.old, item.new, item.verdict] for item in self.objects]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON; numbers that JSON has none for are text."""
        found = {**asdict(self), "ok": self.ok, "verdict": self.title}
        for item in found["metrics"]:
            item |= {key: _json(item[key]) for key in ("old", "new", "difference")}
        return found

    def __repr__(self) -> str:
        from jsk_saver.display import text_table

        lines = [f"{self.trial} again, as {self.new}", self.title]
        if self.status != self.expected:
            lines.append(f"The trial is {self.status}; it was {self.expected}.")
        rows = self.rows()
        if rows:
            lines.append(text_table(["what", "name", "then", "now", "verdict"], rows, width=10**6))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from jsk_saver.display import escape

        cell = '<td style="text-align:left;padding:2px 10px">'
        colour = "#2a8c4a" if self.ok else "#c0392b"
        rows = "".join(
            "<tr>" + "".join(f"{cell}{escape(text)}</td>" for text in row) + "</tr>" for row in self.rows()
        )
        return (
            f'<div><b style="color:{colour}">{escape(self.title)}</b><br>'
            f'<span style="opacity:.7">{escape(self.trial)}, again as {escape(self.new)}; environment: '
            f'{escape(self.environment)}</span><table style="font-size:.9em">{rows}</table></div>'
        )


def compare(
    experiment: Experiment, old: TrialState, new: TrialState, others: list[str], tolerance: float
) -> Verdict:
    """Return the verdict on two trials."""
    names = dict.fromkeys([*old.metrics, *new.metrics])
    curves = [_curves(experiment.folder / trial.name) for trial in (old, new)]
    metrics = [_metric(name, old, new, curves, tolerance) for name in names]
    return Verdict(
        f"{old.experiment}/{old.name}",
        f"{new.experiment}/{new.name}",
        metrics,
        _objects(old, new),
        new.status,
        old.status,
        others,
        tolerance,
    )


def _metric(
    name: str, old: TrialState, new: TrialState, curves: list[dict[str, _Curve]], tolerance: float
) -> MetricVerdict:
    then, now = old.metrics.get(name), new.metrics.get(name)
    if then is None or now is None:
        verdict = NEW if then is None else MISSING
        return MetricVerdict(name, verdict, then.last if then else None, now.last if now else None)
    pairs = [(then.last, now.last), (then.min, now.min), (then.max, now.max)]
    before, after = curves[0].get(name), curves[1].get(name)
    why = "" if then.count == now.count else f"{now.count} values instead of {then.count}"
    if before and after:
        if not why and before[0] != after[0]:
            why = "other steps"
        pairs += zip(before[1], after[1], strict=False)
    worst = max(_difference(*pair) for pair in pairs)
    if why or not all(_close(*pair, tolerance) for pair in pairs):
        return MetricVerdict(name, DIFFERENT, then.last, now.last, worst, why)
    return MetricVerdict(name, EQUAL if worst == 0 else WITHIN, then.last, now.last, worst)


def _close(old: float, new: float, tolerance: float) -> bool:
    same = old == new or (math.isnan(old) and math.isnan(new))
    return same or math.isclose(old, new, rel_tol=tolerance, abs_tol=tolerance)


def _difference(old: float, new: float) -> float:
    if old == new or (math.isnan(old) and math.isnan(new)):
        return 0.0
    return math.inf if math.isnan(new - old) else abs(new - old)


def _curves(folder: Path) -> dict[str, _Curve]:
    """Return steps and values of each metric, in the order they were logged."""
    found: dict[str, _Curve] = {}
    for path in layout.writers(folder):
        names: dict[int, str] = {}
        for _, event in reading.events(path):
            if event["kind"] == "metrics":
                names.update(enumerate(event["names"], event["first"]))
        for point in points.read(reading.points_of(path)):
            if point.metric in names:
                steps, values = found.setdefault(names[point.metric], (array("q"), array("d")))
                steps.append(point.step)
                values.append(point.value)
    return found


def _objects(old: TrialState, new: TrialState) -> list[ObjectVerdict]:
    """Compare what was saved under each name, the first with the first and so on."""
    found = []
    for name in dict.fromkeys(item["name"] for item in [*old.outputs, *new.outputs]):
        then = [item for item in old.outputs if item["name"] == name]
        now = [item for item in new.outputs if item["name"] == name]
        for number in range(max(len(then), len(now))):
            before = then[number] if number < len(then) else {}
            after = now[number] if number < len(now) else {}
            if not before or not after:
                verdict = MISSING if before else NEW
            else:
                same = before.get("digest") and before.get("digest") == after.get("digest")
                verdict = IDENTICAL if same else NOT_IDENTICAL
            found.append(ObjectVerdict(name, verdict, before.get("version", ""), after.get("version", "")))
    return found


def _said(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"


def _told(item: MetricVerdict) -> str:
    if item.verdict in (DIFFERENT, WITHIN) and item.difference:
        return f"{item.verdict}, by {item.difference:.3g}" + (f" ({item.why})" if item.why else "")
    return f"{item.verdict} ({item.why})" if item.why else item.verdict


def _json(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)
