"""Looking at the trials of an experiment: found, compared, ranked, drawn, told."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import InvalidMetadata
from jsk_saver.tracking import state
from jsk_saver.tracking.ranking import Goal, best, check_goals, known_metric, originals

if TYPE_CHECKING:
    import pandas as pd

    from jsk_saver.tracking.showing import TrialList
    from jsk_saver.tracking.state import TrialState


class Trials:
    """The trials of one experiment, as the journal has them; :class:`jsk_saver.Experiment` also makes some.

    Parameters
    ----------
    name
        The experiment's name.
    journal
        The journal's folder.
    """

    def __init__(self, name: str, journal: Path) -> None:
        self.name, self.journal = name, journal
        self.folder = journal / name
        self.description = ""
        self.tags: dict[str, Any] = {}
        self.goals: dict[str, Goal] = {}
        self._known: dict[str, tuple[Any, TrialState]] = {}

    def trials(self, pattern: Any = None, **search: Any) -> TrialList:
        """Return what is known about the trials that match (all without a pattern), the oldest first.

        A list, which a notebook shows as a table.
        Trials that have not changed since the last time are not read again. What is returned is the
        caller's: changing it changes nothing here.

        Parameters
        ----------
        pattern, **search
            What they must be like, in the language of :meth:`Saver.search <jsk_saver.Saver.search>`:
            ``"k:>=3 inertia:<80 OR status:failed"``, ``sort="-accuracy", limit=3``. See
            :mod:`jsk_saver.tracking.finding`.

        Raises
        ------
        QueryError
            If the pattern cannot be understood, or asks for a name that no trial has.
        """
        from jsk_saver.tracking.showing import TrialList

        return TrialList(self._handed_out(known) for known in self._matching(pattern, **search))

    def _matching(self, pattern: Any = None, **search: Any) -> list[TrialState]:
        """Return the trials that match as they are kept here: to look at, not to hand out."""
        from jsk_saver.tracking.finding import matching

        found = [self._read(entry) for entry in self._folders()]
        found.sort(key=lambda known: (known.started, known.name))
        return matching(found, pattern, self.goals, **search)

    def compare(self, pattern: Any = None, **search: Any) -> pd.DataFrame:
        """Return the trials side by side: a frame, which a notebook shows as a readable table.

        Parameters
        ----------
        pattern, **search
            Which trials; see :meth:`trials`.

        Returns
        -------
        pandas.DataFrame
            A row per trial; see :func:`jsk_saver.tracking.compare.compare` for the columns.
        """
        from jsk_saver.tracking.compare import compare

        return compare(self._matching(pattern, **search), self.goals)

    def best(
        self,
        metric: str,
        goal: Goal | None = None,
        pattern: Any = None,
        *,
        reproductions: bool = False,
        **search: Any,
    ) -> TrialState:
        """Return the trial with the best value of a metric, at any step.

        Parameters
        ----------
        metric
            Its name.
        goal
            ``"min"`` or ``"max"``; what the experiment's ``goals`` say without one.
        pattern, **search
            Among which trials; see :meth:`trials`.
        reproductions
            Whether trials that were run to reproduce another count too; where there are no others, they do.

        Raises
        ------
        InvalidMetadata
            If nothing says which way is good.
        NotFound
            If no trial has a value of it; the nearest name is offered.
        """
        metric = known_metric(metric, self._matching(), self.goals)
        wanted = goal or self.goals.get(metric)
        if wanted is None:
            raise InvalidMetadata(
                f"Is a small {metric!r} good or a large one?", hint=f'experiment.best("{metric}", "min")'
            )
        check_goals({metric: wanted})
        found = self._matching(pattern, **search)
        return self._handed_out(best(found if reproductions else originals(found), metric, wanted))

    def plot(
        self,
        metric: str | Sequence[str] | None = None,
        pattern: Any = None,
        *,
        x: str = "",
        kind: str = "auto",
        interactive: bool = False,
        log: bool | str = False,
        color: str = "",
        reproductions: bool = False,
        **search: Any,
    ) -> Any:
        """Return a figure of the trials, drawn with matplotlib or, interactive, with Plotly.

        Parameters
        ----------
        metric
            One or several names; without one, that with a goal. ``"loss.max"`` says which of its values.
        pattern, **search
            Which trials; see :meth:`trials`.
        x
            ``"step"``, ``"time"``, a parameter or a metric. Without it, the step where a trial has several
            points, else the one parameter that varies.
        kind
            ``"lines"``, ``"points"``, ``"bars"``, ``"parallel"`` coordinates, a ``"scatter"`` matrix.
        interactive
            Whether to return a Plotly figure, which stays alive in HTML: ``figure.write_html("loss.html")``.
        log
            Whether metrics go by powers of ten; ``"x"`` or ``"xy"`` for the other axis.
        color
            The parameter or metric that colours stand for.
        reproductions
            Whether trials that were run to reproduce another are drawn too; where there are no others, they
            are.

        Raises
        ------
        NotFound
            If there is no such trial, metric or parameter.
        """
        from jsk_saver.tracking.plotting import plot

        return plot(
            self,
            metric,
            pattern,
            search,
            x=x,
            kind=kind,
            interactive=interactive,
            log=log,
            color=color,
            reproductions=reproductions,
        )

    def report(self, path: str | Path = "report.html", pattern: Any = None, **search: Any) -> Path:
        """Write one page that needs nothing else: the table, interactive plots, every trial, the lineage.

        Parameters
        ----------
        path
            Where; what is there is replaced in one step.
        pattern, **search
            Which trials; see :meth:`trials`.

        Returns
        -------
        Path
            Where it is.
        """
        from jsk_saver.tracking.report import write

        return write(self, Path(path), pattern, search)

    def __getitem__(self, name: str) -> TrialState:
        """Return what is known about a trial, by its name or what is enough to tell it from the others.

        That is its beginning, the words at its end (``spruce-fwem5``), or what plots call it (``k=5``).

        Raises
        ------
        NotFound
            If there is none of that name, or several fit: then they are named.
        """
        from jsk_saver.tracking.calling import called

        entries = {entry.name: entry for entry in self._folders()}
        if name not in entries:
            name = called(name, self.name, sorted(entries), self._matching)
        return self._handed_out(self._read(entries[name]))

    def _handed_out(self, known: TrialState) -> TrialState:
        copy = known.copy()
        copy.handed_out_by(self)
        return copy

    def _folders(self) -> Iterator[os.DirEntry[str]]:
        with os.scandir(self.folder) as entries:
            yield from (entry for entry in entries if entry.is_dir() and not entry.name.startswith("."))

    def _read(self, entry: os.DirEntry[str]) -> TrialState:
        signature = _signature(entry.path)
        seen = self._known.get(entry.name)
        if seen is not None and seen[0] == signature and seen[1].status != state.RUNNING:
            return seen[1]
        known = state.read(Path(entry.path))
        self._known[entry.name] = (signature, known)
        return known

    def __repr__(self) -> str:
        return f"Experiment({self.name!r}, {sum(1 for _ in self._folders())} trials)"


def _signature(folder: str) -> Any:
    with os.scandir(folder) as entries:
        return sorted((entry.name, entry.stat().st_size) for entry in entries if not entry.is_dir())
