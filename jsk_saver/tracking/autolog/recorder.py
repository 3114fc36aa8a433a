"""Logs the calls of estimators to a trial."""

from __future__ import annotations

import logging
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jsk_saver.tracking import active
from jsk_saver.tracking.autolog import figures, naming, scores
from jsk_saver.tracking.autolog.patching import Call

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment
    from jsk_saver.tracking.trial import Trial

_log = logging.getLogger(__name__)
_FITS = ("fit", "fit_transform", "fit_predict")


class _Noted:
    """What is remembered of a fit while it runs."""

    def __init__(self, trial: Trial, label: str, own: bool) -> None:
        self.trial, self.label, self.own = trial, label, own
        self.began = time.perf_counter()


class Recorder:
    """Logs calls, and never lets an error of its own reach the caller: that is a warning.

    Parameters
    ----------
    trial
        To which trial; the current one without.
    experiment
        Whose: a fit outside any trial of it becomes one of its own.
    plots
        Whether to draw.
    """

    def __init__(self, trial: Trial | None, experiment: Experiment | None, *, plots: bool = True) -> None:
        self._trial, self._experiment, self._plots = trial, experiment, plots

    # Called by the patches ----------------------------------------------------------------------------

    def before(self, call: Call) -> None:
        """Log the parameters of what is to be fitted."""
        with harmless(call.what):
            trial = self._current()
            own = trial is None and self._experiment is not None and call.what in _FITS
            if trial is None and own and self._experiment is not None:
                trial = self._experiment.trial(links={"autolog": type(call.target).__name__})
            if trial is None or trial in call.trials:
                return
            call.trials.append(trial)
            called = naming.log_params(trial, call.target) if call.what in _FITS else ""
            call.kept[self] = _Noted(trial, called, own)

    def after(self, call: Call, result: Any) -> None:
        """Log how it went."""
        noted: _Noted | None = call.kept.get(self)
        if noted is None:
            return
        with harmless(call.what):
            if not noted.trial.ended:
                if call.what in _FITS:
                    self._fitted(call, noted)
                else:
                    _valued(call, noted.trial, result)
        if noted.own:
            with harmless(call.what):
                noted.trial.finish()

    def failed(self, call: Call, error: BaseException) -> None:
        """End the trial that was begun for a fit that failed."""
        noted: _Noted | None = call.kept.get(self)
        if noted is not None and noted.own:
            stopped = isinstance(error, KeyboardInterrupt)
            with harmless(call.what):
                noted.trial.finish(
                    "stopped" if stopped else "failed", "".join(traceback.format_exception(error))
                )

    # ------------------------------------------------------------------------------------------------

    def _current(self) -> Trial | None:
        if self._trial is not None:
            return None if self._trial.ended else self._trial
        trial = active.current()
        if trial is None or self._experiment is None or trial.experiment.name == self._experiment.name:
            return trial
        return None

    def _fitted(self, call: Call, noted: _Noted) -> None:
        estimator, trial, label = call.target, noted.trial, noted.label
        found = {"fit_seconds": time.perf_counter() - noted.began, **scores.attributes(estimator)}
        predicted = None
        data = scores.data_of(call.function, estimator, call.args, call.kwargs)
        if data is not None:
            with harmless("training scores"):
                more, predicted = scores.training(estimator, data)
                found |= more
        trial.log_metrics({f"{label}.{name}": value for name, value in found.items()})
        with harmless("the search"):
            _searched(estimator, trial, label)
        if self._plots:
            self._draw(estimator, trial, label, predicted)

    def _draw(self, estimator: Any, trial: Trial, label: str, found: scores.Predicted | None) -> None:
        from sklearn.base import is_classifier

        drawn: dict[str, Callable[[], Any]] = {"importance": lambda: figures.importance(estimator)}
        if found is not None and is_classifier(estimator):
            drawn["confusion"] = lambda: figures.confusion(found.true, found.predicted)
        elif found is not None:
            drawn["predicted"] = lambda: figures.residuals(found.true, found.predicted)
        for name, draw in drawn.items():
            with harmless(f"the plot {name!r}"):
                figure = draw()
                if figure is not None:
                    trial.log_figure(f"{label}-{name}", figure)


def _searched(estimator: Any, trial: Trial, label: str) -> None:
    """Log what a search over parameters found."""
    results = getattr(estimator, "cv_results_", None)
    if not isinstance(results, dict):
        return
    import pandas as pd

    best = getattr(estimator, "best_params_", None) or {}
    new = {f"{label}.best.{name}": naming.plain(value) for name, value in best.items()}
    known = trial.params
    trial.log_params({name: value for name, value in new.items() if name not in known})
    table = pd.DataFrame({name: list(column) for name, column in results.items() if name != "params"})
    for name in table.columns:
        if table[name].dtype == object:
            table[name] = [str(naming.plain(value)) for value in table[name]]
    # Apart from what came out, which is the same when it is run again.
    times = [name for name in table.columns if str(name).endswith("_time")]
    trial.log_table(f"{label}-search", table.drop(columns=times))
    trial.log_table(f"{label}-search-times", table[times])


def _valued(call: Call, trial: Trial, result: Any) -> None:
    """Log the number that a score, or a function of ``sklearn.metrics``, returned."""
    import numbers

    if type(result) is bool or not isinstance(result, numbers.Real):
        return
    name = call.what
    if call.target is not None:
        name = f"{naming.label(trial, call.target)}.{name}"
    first = call.args[0] if call.args else next(iter(call.kwargs.values()), None)
    variable = _variable(first)
    trial.log_metric(f"{name}.{variable}" if variable else name, float(result))


def _variable(value: Any) -> str:
    """Return what the caller calls a value, so that scores on different data are told apart."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_inside(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    for names in (frame.f_locals, frame.f_globals):
        found = [name for name, known in names.items() if known is value and not name.startswith("_")]
        if found and value is not None:
            return found[0]
    return ""


def _is_inside(module: str) -> bool:
    return module.partition(".")[0] in ("sklearn", "contextlib") or module.startswith("jsk_saver.tracking")


@contextmanager
def harmless(what: str) -> Iterator[None]:
    """Turn an error in the block into a warning: what the user does must not fail for it."""
    try:
        yield
    except Exception as error:
        said = f"Autologging of {what} failed: {type(error).__name__}: {error}"
        try:
            warnings.warn(said, stacklevel=2)
        except UserWarning:  # where warnings are made errors
            _log.warning(said)
