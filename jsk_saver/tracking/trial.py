"""A trial: one run of an experiment, and everything that is logged while it runs."""

from __future__ import annotations

import os
import threading
import time as clock
from collections.abc import Mapping
from contextvars import Token
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from jsk_saver.errors import InvalidMetadata, TrialEnded
from jsk_saver.tracking import active, outcome, starting, values
from jsk_saver.tracking import state as states
from jsk_saver.tracking.journal.segment import Segment
from jsk_saver.tracking.journal.summary import Metric

if TYPE_CHECKING:
    from jsk_saver.saved import Saved
    from jsk_saver.tracking.autolog import Autolog
    from jsk_saver.tracking.experiment import Experiment
    from jsk_saver.tracking.reproduce import Verdict
    from jsk_saver.tracking.state import TrialState

#: Longest traceback that is kept, in characters; its end says what went wrong.
_LONGEST_ERROR = 20_000


class Trial:
    """One run of an experiment; made by :meth:`Experiment.trial <jsk_saver.Experiment.trial>`.

    Inside ``with experiment.trial(k=5) as trial:`` whatever is saved and read with any saver becomes an
    output or input of the trial. Logging costs microseconds: it goes to a journal on this machine, and from
    there, in the background, to wherever trials are sent.

    Parameters
    ----------
    experiment
        Whose trial.
    folder
        Where the journal keeps it.
    parent
        Name of the trial it is nested in.
    links
        Other trials it has to do with.
    """

    def __init__(
        self,
        experiment: Experiment,
        folder: Path,
        *,
        parent: str = "",
        links: Mapping[str, Any] | None = None,
    ) -> None:
        self.experiment = experiment
        self.name = folder.name
        self.folder = folder
        self.parent = parent
        self.status = states.RUNNING
        #: Seconds since 1970 at which this process began with it.
        self.started = clock.time()
        self._earlier: dict[str, Metric] = {}
        self._params: dict[str, Any] = {}
        self._files: dict[tuple[str, str], str] = {}
        self._tokens: list[Token[Trial | None]] = []
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._segment = Segment(folder)
        self._segment.event(
            "start", host=states.this_host(), pid=self._pid, parent=parent, links=dict(links or {})
        )
        active.begin(self)

    def resume(self, before: TrialState) -> None:
        """Go on where an earlier process left off: its parameters hold, its steps are counted on."""
        self._params = dict(before.params)
        self._earlier = before.metrics
        self._files = {(said["what"], said["name"]): said["file"] for said in before.files}
        for name, metric in before.metrics.items():
            self._segment.follow(name, metric.step + 1)

    def _writer(self) -> Segment:
        """Return where this process writes: a forked worker has files of its own."""
        if self._segment.closed:
            with self._lock:
                if self.ended:
                    raise TrialEnded(
                        f"The trial {self.name} has ended ({self.status}); nothing more can be logged to it.",
                        kept="What was logged before.",
                        hint=f'experiment.trial("{self.name}", resume=True)',
                    )
                if self._segment.closed:
                    self._segment = Segment(self.folder)
        return self._segment

    # What happened ----------------------------------------------------------------------------------

    def log_param(self, name: str, value: Any) -> None:
        """Note a parameter: what was chosen, before anything came out.

        Parameters
        ----------
        name
            Up to 250 printable characters.
        value
            Any JSON; anything else is kept as its text. Of what has none (frames, models, functions) type,
            shape or a digest is kept, with a warning: :meth:`put` saves such things.

        Raises
        ------
        InvalidMetadata
            If the trial has this parameter with another value: then it would be another trial.
        """
        self.log_params({name: value})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Note several parameters; see :meth:`log_param`."""
        self._log_params(values.parameters(params))

    def log_arguments(self, arguments: Mapping[str, Any]) -> None:
        """Note a function's arguments as parameters; of data only the type and the size, or shape."""
        self._log_params(values.parameters(arguments, briefly=True))

    def _log_params(self, said: dict[str, Any]) -> None:
        starting.refuse_others(self.name, self._params, said)
        if said:
            self._params |= said
            self._writer().event("params", values=said)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters so far."""
        found: dict[str, Any] = values.own(self._params)
        return found

    @property
    def metrics(self) -> dict[str, Metric]:
        """The metrics so far, as this process knows them; ``state`` knows those of other processes too."""
        found = {name: Metric.from_list(metric.to_list()) for name, metric in self._earlier.items()}
        for name, summary in self._segment.summaries().items():
            metric = Metric.from_list(summary)
            if name in found:
                found[name].merge(metric)
            elif metric.count:
                found[name] = metric
        return found

    def log_metric(self, name: str, value: float, step: int | None = None, time: float | None = None) -> None:
        """Log a value of a metric.

        Parameters
        ----------
        name
            Up to 250 printable characters.
        value
            A real number; ``nan`` and infinities are kept.
        step
            A whole number; without one, the step after the last.
        time
            Seconds since 1970; now without one.

        Raises
        ------
        InvalidMetadata
            If one of them is not what it should be.

        Examples
        --------
        >>> for loss in (0.9, 0.5, 0.4):
        ...     trial.log_metric("loss", loss)
        """
        if type(value) is not float:
            value = values.number(name, value)
        if step is not None and type(step) is not int:
            step = values.whole(name, step)
        self._writer().point(name, value, step, time)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log a value of several metrics, at one step."""
        for name, value in metrics.items():
            self.log_metric(name, value, step)

    def note(self, text: str) -> None:
        """Write a note, as in a laboratory notebook; Markdown."""
        self._writer().event("note", text=str(text))

    def tag(self, **tags: Any) -> None:
        """Set tags; ``None`` takes one away."""
        said = {values.check_key(name, "tag"): values.plain(value) for name, value in tags.items()}
        self._writer().event("tags", values=said)

    def log_environment(self, found: Mapping[str, Any]) -> None:
        """Note where and from what it runs."""
        self._writer().event("environment", values=values.plain(found))

    def log_recipe(self, found: Mapping[str, Any]) -> None:
        """Note what is needed to run it again; see :mod:`jsk_saver.tracking.recipe`."""
        self._writer().event("recipe", values=values.plain(found))

    # Objects ----------------------------------------------------------------------------------------

    def put(self, filename: str, obj: Any = None, **options: Any) -> Saved:
        """Save an object as an output of this trial; as :meth:`jsk_saver.Saver.put`."""
        with active.inside(self):
            return self.experiment.saver.put(filename, obj, **options)

    def get(self, filename: str, **options: Any) -> Any:
        """Read an object as an input of this trial; as :meth:`jsk_saver.Saver.get`."""
        with active.inside(self):
            return self.experiment.saver.get(filename, **options)

    def log_figure(self, name: str, figure: Any) -> None:
        """Keep a figure: matplotlib's as PNG, Plotly's and Altair's as a page that stays interactive.

        A newer figure of the same name replaces it, with a warning; so do tables and texts. All are read back
        with :meth:`TrialState.file <jsk_saver.tracking.state.TrialState.file>`.

        Parameters
        ----------
        name
            ``"confusion"`` or, to choose the format, ``"confusion.svg"``.
        figure
            A figure of matplotlib, Plotly or Altair, or an image of Pillow.
        """
        self._keep("figure", name, figure)

    def log_table(self, name: str, table: Any) -> None:
        """Keep a table: a frame of pandas or Polars, an Arrow table, or a list of dictionaries."""
        self._keep("table", name, table)

    def log_text(self, name: str, text: str) -> None:
        """Keep a text, such as a classification report or a prompt."""
        self._keep("text", name, str(text))

    def log_file(self, kind: str, path: Path) -> None:
        """Keep a copy of a file on disk as a ``"figure"``, ``"table"`` or ``"text"``, under its own name."""
        self._keep(kind, path.name, path)

    def _keep(self, kind: str, name: str, obj: Any) -> None:
        from jsk_saver.tracking import files

        writer = self._writer()  # first: an ended trial takes no files
        writer.event("file", **files.add(self.folder, self._files, kind, values.check_key(name, kind), obj))

    def link(self, direction: str, **said: Any) -> None:
        """Note a version as ``"input"`` or ``"output"``: name, version, uri, digest and more."""
        self._writer().event(direction, **said)

    def flush(self) -> None:
        """Bring what was logged to the disk now; otherwise that happens within half a second."""
        self._writer().flush()

    def trial(self, name: str = "", /, **options: Any) -> Trial:
        """Start a trial nested in this one; as :meth:`jsk_saver.Experiment.trial`."""
        return self.experiment.trial(name, parent=self, **options)

    def live(self) -> Self:
        """Show a table of it in the notebook, which follows it and keeps its final state.

        Trials that one cell runs share a table. Outside notebooks nothing is shown.

        Examples
        --------
        >>> with experiment.trial(k=3).live() as trial:
        ...     trial.log_metric("inertia", 78.9)
        """
        from jsk_saver.tracking.live import follow

        follow(self)
        return self

    def autolog(self, *, plots: bool = True, children: int = 5) -> Autolog:
        """Log what scikit-learn's estimators do to this trial, from now on until it ends.

        See :class:`jsk_saver.tracking.autolog.Autolog`.
        """
        from jsk_saver.tracking.autolog import autolog

        return autolog(trial=self, plots=plots, children=children)

    @property
    def state(self) -> TrialState:
        """Everything the journal knows about it, including what other processes logged."""
        if not self._segment.closed:
            self._segment.flush()
        known = states.read(self.folder)
        known.handed_out_by(self.experiment)
        return known

    def __repr__(self) -> str:
        return f"Trial({f'{self.experiment.name}/{self.name}'!r}, {self.status})"

    def reproduce(self, **options: Any) -> Verdict:
        """Run it again from its record; as :meth:`jsk_saver.Experiment.reproduce`."""
        return self.experiment.reproduce(self.name, **options)

    # The end ----------------------------------------------------------------------------------------

    def finish(self, status: str = states.COMPLETED, error: str = "") -> None:
        """End the trial; what was logged is on the disk when this returns.

        In a forked worker it only ends what the worker had to say.

        Parameters
        ----------
        status
            ``"completed"``, ``"failed"`` or ``"stopped"``.
        error
            What went wrong.
        """
        if self.ended:
            return
        if status not in (states.COMPLETED, states.FAILED, states.STOPPED):
            raise InvalidMetadata(f"A trial ends completed, failed or stopped, not {status!r}.")
        from jsk_saver.tracking import surroundings

        surroundings.conclude(self)
        writer = self._writer()
        last: dict[str, Any] = {"kind": "leave", "status": status, "error": error[-_LONGEST_ERROR:]}
        if os.getpid() == self._pid:  # a forked worker goes; the trial is its parent's, and is not over
            last["kind"] = "end"
            last["beside"] = outcome.still_writing(self.folder, writer.writer, states.this_host())
        writer.close(last=last)
        self.status = status
        active.end(self)

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.status != states.RUNNING

    def __enter__(self) -> Self:
        self._tokens.append(active.enter(self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        active.leave(self._tokens.pop())
        self.finish_after(error)

    def finish_after(self, error: BaseException | None) -> None:
        """End the trial as its work ended; see :func:`jsk_saver.tracking.outcome.after`."""
        self.finish(*outcome.after(error))
