"""What a trial logged, read back: the points of a metric, and its figures, tables and texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jsk_saver.errors import InvalidMetadata, NotFound
from jsk_saver.tracking.journal import layout, points, reading

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from jsk_saver.tracking.state import TrialState


class History(NamedTuple):
    """All points of a metric, by step; those of one step as they were logged.

    Parameters
    ----------
    steps
        Whole numbers.
    times
        Seconds since 1970.
    values
        What was logged; ``nan`` and infinities too.

    Examples
    --------
    >>> for loss in (0.9, 0.5):
    ...     trial.log_metric("loss", loss)
    >>> steps, times, values = trial.state.history("loss")
    >>> steps.tolist(), values.tolist()
    ([0, 1], [0.9, 0.5])
    """

    steps: np.ndarray
    times: np.ndarray
    values: np.ndarray

    def to_frame(self) -> pd.DataFrame:
        """Return the same as a frame with the columns ``step``, ``time`` (UTC) and ``value``."""
        import pandas as pd

        time = pd.to_datetime(self.times, unit="s", utc=True)
        return pd.DataFrame({"step": self.steps, "time": time, "value": self.values})


def history(trial: TrialState, folder: Path, metric: str) -> History:
    """Return the points of a metric; the last alone, where the others were not brought here by a pull.

    Raises
    ------
    NotFound
        If the trial has no such metric.
    """
    import numpy as np

    if metric not in trial.metrics:
        raise NotFound(
            f"The trial {trial.name} has no metric {metric!r}.",
            hint=f"Metrics are: {', '.join(sorted(trial.metrics)) or 'none yet'}.",
        )
    found = [_points(path, metric) for path in layout.writers(folder)] if folder.is_dir() else []
    every = np.concatenate(found) if found else points.array(folder / "none")
    if not len(every):
        known = trial.metrics[metric]
        every = np.array([(0, known.step, known.time, known.last)], dtype=every.dtype)
    every = every[np.argsort(every["step"], kind="stable")]
    return History(*(np.ascontiguousarray(every[name]) for name in ("step", "time", "value")))


def _points(path: Path, metric: str) -> np.ndarray:
    """Return the points of a metric that one writer logged."""
    every = points.array(reading.points_of(path))
    for _, event in reading.events(path):
        if event["kind"] == "metrics" and metric in event.get("names", ()):
            own: np.ndarray = every[every["metric"] == event["first"] + event["names"].index(metric)]
            return own
    return every[:0]


@dataclass(frozen=True, slots=True)
class LoggedFile:
    """A figure, table or text of a trial.

    Parameters
    ----------
    name, kind
        As it was logged.
    path
        Where it is on this machine.
    said
        What the record says of it: ``size``, ``digest`` and more.
    """

    name: str
    kind: str
    path: Path
    said: dict[str, Any] = field(default_factory=dict, repr=False)

    def load(self) -> Any:
        """Return a table as the type that was logged, a text as text, a figure as an image or its HTML.

        Raises
        ------
        NotFound
            If the file is not on this machine.
        """
        from jsk_saver.formats import Formats
        from jsk_saver.formats.base import Reading
        from jsk_saver.payload import Payload

        formats = Formats()
        own = self.said.get("format", "file") != "file"
        chosen = formats.by_name(self.said["format"]) if own else formats.for_extension(self.path.name)
        kind, state = (self.said.get("type", ""), self.said.get("state", {})) if own else ("", {})
        if not self.path.is_file():
            raise NotFound(f"The {self.kind} {self.name!r} is not on this machine: {self.path}.")
        with Payload.of_file(self.path) as payload:
            return formats.decode(chosen, payload, Reading(self.path.name, kind, state))


def file(trial: TrialState, folder: Path, name: str, kind: str = "") -> LoggedFile:
    """Return a file of a trial.

    Raises
    ------
    NotFound
        If there is none of that name (and kind).
    InvalidMetadata
        If there are several, of different kinds.
    """
    named = [said for said in trial.files if name in (said["name"], said["file"])]
    found = [said for said in named if kind in ("", said.get("what"))]
    if not found:
        known = ", ".join(f"{said['name']} ({said.get('what', 'file')})" for said in trial.files)
        raise NotFound(
            f"The trial {trial.name} has no {kind or 'figure, table or text'} {name!r}.",
            hint=f"There are: {known or 'none'}.",
        )
    if len(found) > 1:
        kinds = [str(said["what"]) for said in found]
        raise InvalidMetadata(
            f"{name!r} is a {' and a '.join(kinds)} of the trial {trial.name}.",
            hint=f'.file("{name}", "{kinds[0]}")',
        )
    (said,) = found
    if Path(said["file"]).name != said["file"]:
        raise NotFound(f"{said['file']!r} is no name of a file.")  # from elsewhere, and it leads elsewhere
    return LoggedFile(said["name"], said.get("what", "file"), folder / layout.FILES / said["file"], said)
