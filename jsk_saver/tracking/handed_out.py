"""What a trial's state can do that came from an experiment: read back what was logged, and run it again."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jsk_saver.errors import CannotReproduce, NotFound

if TYPE_CHECKING:
    from jsk_saver.tracking.browsing import Trials
    from jsk_saver.tracking.logged import History, LoggedFile
    from jsk_saver.tracking.reproduce import Verdict
    from jsk_saver.tracking.state import TrialState


class HandedOut:
    """Which experiment handed a state out: no part of what the record says, nor of a copy or a pickle."""

    __slots__ = ("whose",)
    whose: Trials
    experiment: str
    name: str

    def handed_out_by(self, whose: Trials) -> None:
        """Remember who knows where the record is."""
        self.whose = whose

    def __getstate__(self) -> Any:
        return None, {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]

    def history(self, metric: str) -> History:
        """Return all points of a metric: arrays of steps, times and values; ``.to_frame()`` is a frame.

        Where a pull brought only what is known of the metric, it is the last point alone.

        Raises
        ------
        NotFound
            If there is no such metric.

        Examples
        --------
        >>> with experiment.trial("one") as run:
        ...     run.log_metrics({"loss": 0.9}, step=10)
        >>> experiment["one"].history("loss").values
        array([0.9])
        """
        from jsk_saver.tracking import logged

        return logged.history(self._state, self._folder(f'history("{metric}")'), metric)

    def file(self, name: str, kind: str = "") -> LoggedFile:
        """Return a figure, table or text that was logged: its ``path``, and ``load()`` for what is in it.

        Parameters
        ----------
        name
            As it was logged.
        kind
            ``"figure"``, ``"table"`` or ``"text"``, where the trial has several of that name.

        Raises
        ------
        NotFound
            If there is none.

        Examples
        --------
        >>> trial.log_text("report", "all well")
        >>> trial.state.file("report").load()
        'all well'
        """
        from jsk_saver.tracking import logged

        return logged.file(self._state, self._folder(f'file("{name}")'), name, kind)

    @property
    def _state(self) -> TrialState:
        return cast("TrialState", self)

    def _folder(self, asked: str) -> Path:
        whose = getattr(self, "whose", None)
        if whose is None:
            raise NotFound(
                f"It is not known where the record of {self.experiment}/{self.name} is.",
                hint=f'Experiment("{self.experiment}")["{self.name}"].{asked}',
            )
        folder: Path = whose.folder / self.name
        return folder

    def reproduce(self, **options: Any) -> Verdict:
        """Run the trial again from its record; as :meth:`jsk_saver.Experiment.reproduce`.

        Raises
        ------
        CannotReproduce
            If no experiment has handed it out, or something is missing.
        """
        again = getattr(getattr(self, "whose", None), "reproduce", None)
        if again is None:
            raise CannotReproduce(
                f"It is not known where the record of {self.experiment}/{self.name} is.",
                kept="The record, as it is; nothing has run.",
                hint=f'Experiment("{self.experiment}").reproduce("{self.name}")',
            )
        verdict: Verdict = again(self.name, **options)
        return verdict
