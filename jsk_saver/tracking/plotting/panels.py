"""What is to be drawn, before anything is: the same for matplotlib and Plotly."""

from __future__ import annotations

from dataclasses import dataclass, field

from jsk_saver.tracking.plotting.columns import Column
from jsk_saver.tracking.plotting.curves import Curve
from jsk_saver.tracking.ranking import Goal


@dataclass(frozen=True, slots=True)
class Shade:
    """What the colours of trials stand for.

    Parameters
    ----------
    title
        What it is that they tell apart.
    entries
        What stands in the legend; none where colours are a scale.
    places
        For each trial the number of its entry, or where it is on the scale.
    scale
        What the scale is of.
    """

    title: str
    entries: tuple[str, ...]
    places: tuple[float, ...]
    scale: Column | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """A metric against the step (or the time) of many trials."""

    metric: str
    x: str
    curves: tuple[Curve, ...]
    labels: tuple[str, ...]
    shade: Shade
    log: str = ""
    #: Number of the best trial among the curves; -1 where there is none.
    best: int = -1
    goal: Goal | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """A metric against a parameter (or another metric): a point per trial."""

    x: Column
    y: Column
    labels: tuple[str, ...]
    shade: Shade
    log: str = ""
    best: int = -1
    #: Whether a line joins the points of a colour: where nothing else varies, it means something.
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """A metric of many trials: a bar each."""

    y: Column
    labels: tuple[str, ...]
    log: str = ""
    best: int = -1
    #: Whether there are points instead, on an axis that does not start at 0: bars would all look the same.
    alike: bool = False


@dataclass(frozen=True, slots=True)
class Parallel:
    """A line per trial through its parameters and metrics, an axis each."""

    axes: tuple[Column, ...]
    labels: tuple[str, ...]
    shade: Shade
    log: str = ""
    best: int = -1


@dataclass(frozen=True, slots=True)
class Matrix:
    """Each parameter and metric against each other."""

    axes: tuple[Column, ...]
    labels: tuple[str, ...]
    shade: Shade
    log: str = ""
    best: int = -1


Panel = Lines | Points | Bars | Parallel | Matrix


@dataclass(frozen=True, slots=True)
class Plan:
    """A figure: panels beside each other, and what there is to say about them."""

    title: str
    panels: tuple[Panel, ...]
    notes: list[str] = field(default_factory=list)
