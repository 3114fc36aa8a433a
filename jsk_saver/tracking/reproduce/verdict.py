"""Whether the same came out: metric by metric, object by object, file by file."""

from __future__ import annotations

import math
import numbers
import re
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import SettingsError
from jsk_saver.lineage import rerun
from jsk_saver.tracking.journal import layout, points, reading
from jsk_saver.tracking.state import TrialState

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment

EQUAL, WITHIN, DIFFERENT, MISSING, NEW = "equal", "within tolerance", "different", "missing", "new"
IDENTICAL, NOT_IDENTICAL, NOT_COMPARED = "identical", "not identical", "not compared"
#: What autologging notes of how long something took, which is never the same.
_DURATIONS = re.compile(r"(^|\.)(fit_seconds|refit_time)$|-search-times$")
_A_DURATION, _NO_DIGEST = "a duration", "no digest was recorded"
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
    """One object that was saved, or one file of the trial: whether its bytes are the same.

    ``old`` and ``new`` are versions; of figures, tables and texts, which have none, digests.
    """

    name: str
    verdict: str
    old: str
    new: str
    why: str = ""


@dataclass(slots=True)
class Verdict:
    """What came of running a trial again.

    Parameters
    ----------
    trial, new
        Experiment and trial that was asked for, and the new one.
    metrics, objects, files
        What became of each; files are figures, tables and texts.
    status
        How the new trial ended.
    others
        Other trials that the same program made beside it; they were not kept.
    places
        The stores that hold what the run saved and the trial had not: never under the live names.
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
    files: list[ObjectVerdict] = field(default_factory=list)
    places: list[str] = field(default_factory=list)

    @property
    def compared(self) -> bool:
        """Whether anything that the old trial logged could be compared."""
        return any(_counts(item) for item in self._items())

    @property
    def ok(self) -> bool:
        """Whether the same came out: metrics within the tolerance and, without one, identical bytes.

        What is new, or could not be compared, does not count; without anything that does, nothing is said to
        be the same.
        """
        allowed = {EQUAL, WITHIN, IDENTICAL} | ({NOT_IDENTICAL} if self.tolerance else set())
        counting = [item for item in self._items() if _counts(item)]
        same = all(item.verdict in allowed for item in counting)
        return bool(counting) and same and self.status == self.expected

    @property
    def title(self) -> str:
        """The verdict in one line."""
        if not self.compared and self.status == self.expected:
            return f"Nothing to compare: {self._why_nothing()}."
        told = [_share(self.metrics, "metrics", "within tolerance" if self.tolerance else "equal")]
        told.append(_share(self.objects, "objects", IDENTICAL))
        told += [_share(self.files, "files", IDENTICAL)] if self.files else []
        left = [item.name for item in self._left_out()]
        told += [f"{len(left)} not compared ({', '.join(left)})"] if left else []
        return f"{'Reproduced' if self.ok else 'Not reproduced'}: {', '.join(told)}."

    def _why_nothing(self) -> str:
        left = self._left_out()
        if not left:
            return "the trial had logged no metric, and saved no object or file"
        return "; ".join(f"{item.name}: {item.why}" for item in left)

    def _left_out(self) -> list[MetricVerdict | ObjectVerdict]:
        return [item for item in self._items() if item.verdict == NOT_COMPARED]

    def _items(self) -> list[MetricVerdict | ObjectVerdict]:
        return [*self.metrics, *self.objects, *self.files]

    def rows(self) -> list[list[str]]:
        """Return a line for each metric, object and file: what, the old, the new, the verdict."""
        lines = [
            ["metric", item.name, _said(item.old), _said(item.new), _told(item)] for item in self.metrics
        ]
        for what, items in (("object", self.objects), ("file", self.files)):
            lines += [[what, item.name, item.old, item.new, _with_why(item)] for item in items]
        return lines

    @property
    def asides(self) -> list[str]:
        """What else there is to know, a line for each."""
        told = [f'What is not as it was lies apart from the live names: Saver("{at}")' for at in self.places]
        if self.others:
            many = f"{len(self.others)} other trials" if len(self.others) > 1 else "One other trial"
            told.append(f"{many} of the program ran beside it; not kept.")
        return told

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
        return "\n".join(lines + self.asides)

    def _repr_html_(self) -> str:
        from jsk_saver.display import escape

        cell = '<td style="text-align:left;padding:2px 10px">'
        colour = "#2a8c4a" if self.ok else "#c0392b"
        rows = "".join(
            "<tr>" + "".join(f"{cell}{escape(text)}</td>" for text in row) + "</tr>" for row in self.rows()
        )
        asides = "".join(f"<div>{escape(line)}</div>" for line in self.asides)
        return (
            f'<div><b style="color:{colour}">{escape(self.title)}</b><br>'
            f'<span style="opacity:.7">{escape(self.trial)}, again as {escape(self.new)}; environment: '
            f'{escape(self.environment)}</span><table style="font-size:.9em">{rows}</table>{asides}</div>'
        )


def check_tolerance(tolerance: Any) -> None:
    """Refuse what is no distance.

    Raises
    ------
    SettingsError
        If it is negative, infinite or no number.
    """
    if not isinstance(tolerance, numbers.Real) or not 0 <= float(tolerance) < math.inf:
        raise SettingsError(
            f"A tolerance is a number from 0 on, not {tolerance!r}.",
            kept="Everything; nothing has run.",
            hint="tolerance=1e-6    # relative or absolute; 0 allows no difference",
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
        files=_files(old, new),
        places=list(dict.fromkeys(item["store"] for item in new.outputs if rerun.is_own(item["store"]))),
    )


def _metric(
    name: str, old: TrialState, new: TrialState, curves: list[dict[str, _Curve]], tolerance: float
) -> MetricVerdict:
    then, now = old.metrics.get(name), new.metrics.get(name)
    if then is None or now is None:
        verdict = NEW if then is None else MISSING
        return MetricVerdict(name, verdict, then.last if then else None, now.last if now else None)
    if _DURATIONS.search(name):
        return MetricVerdict(name, NOT_COMPARED, then.last, now.last, why=_A_DURATION)
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
            verdict, why = _bytes(before, after)
            versions = before.get("version", ""), after.get("version", "")
            found.append(ObjectVerdict(name, verdict, *versions, why))
    return found


def _files(old: TrialState, new: TrialState) -> list[ObjectVerdict]:
    """Compare the figures, tables and texts; a trial has one of each kind and name.

    An executed notebook is no result of the program: it is kept with a reproduction, and holds times.
    """
    then, now = (
        {(item["name"], item.get("what")): item for item in trial.files if item.get("what") != "notebook"}
        for trial in (old, new)
    )
    found = []
    every = list(dict.fromkeys([*then, *now]))
    for name, kind in every:
        before, after = then.get((name, kind), {}), now.get((name, kind), {})
        verdict, why = _bytes(before, after)
        if before and after and _DURATIONS.search(name):
            verdict, why = NOT_COMPARED, _A_DURATION
        called = f"{name} ({kind})" if sum(other == name for other, _ in every) > 1 else name
        found.append(ObjectVerdict(called, verdict, _short(before), _short(after), why))
    return found


def _bytes(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, str]:
    """Return the verdict on two recorded things, by their digests, and why it is so."""
    if not before or not after:
        return (MISSING if before else NEW), ""
    if not before.get("digest") or not after.get("digest"):
        return NOT_COMPARED, _NO_DIGEST
    return (IDENTICAL if before["digest"] == after["digest"] else NOT_IDENTICAL), ""


def _short(file: dict[str, Any]) -> str:
    return str(file.get("digest") or "").removeprefix("sha256:")[:12]


def _counts(item: MetricVerdict | ObjectVerdict) -> bool:
    return item.verdict not in (NEW, NOT_COMPARED)


def _share(items: Sequence[MetricVerdict | ObjectVerdict], what: str, how: str) -> str:
    counting = [item for item in items if _counts(item)]
    good = sum(item.verdict in (EQUAL, WITHIN, IDENTICAL) for item in counting)
    return f"{good} of {len(counting)} {what} {how}"


def _said(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"


def _told(item: MetricVerdict) -> str:
    if item.verdict in (DIFFERENT, WITHIN) and item.difference:
        return f"{item.verdict}, by {item.difference:.3g}" + (f" ({item.why})" if item.why else "")
    return _with_why(item)


def _with_why(item: MetricVerdict | ObjectVerdict) -> str:
    return f"{item.verdict} ({item.why})" if item.why else item.verdict


def _json(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)
