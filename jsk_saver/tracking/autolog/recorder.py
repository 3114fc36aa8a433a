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
from jsk_saver.tracking.autolog import figures, mlflow_hook, naming, scores, validation
from jsk_saver.tracking.autolog.naming import Called
from jsk_saver.tracking.autolog.patching import FUNCTIONS, Call

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment
    from jsk_saver.tracking.trial import Trial

_log = logging.getLogger(__name__)
_FITS = ("fit", "fit_transform", "fit_predict")
#: What becomes a trial of its own, outside any.
_BEGIN = (*_FITS, *FUNCTIONS)


class _Noted:
    """What is remembered of a fit while it runs."""

    def __init__(self, trial: Trial, own: bool) -> None:
        self.trial, self.own = trial, own
        #: What the estimator is called; None without one.
        self.its: Called | None = None
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
    children
        How many of the best combinations of a search become trials nested in its own.
    """

    def __init__(
        self,
        trial: Trial | None,
        experiment: Experiment | None,
        *,
        plots: bool = True,
        children: int = 0,
    ) -> None:
        self._trial, self._experiment, self._plots, self._children = trial, experiment, plots, children

    # Called by the patches ----------------------------------------------------------------------------

    def before(self, call: Call) -> None:
        """Log the parameters of what is to be fitted."""
        with harmless(call.what):
            trial = self._current()
            estimator = _estimator(call)
            own = trial is None and self._experiment is not None and call.what in _BEGIN
            if trial is None and own and self._experiment is not None:
                trial = self._experiment.trial(links={"autolog": type(estimator).__name__})
            if trial is None or trial in call.trials:
                return
            call.trials.append(trial)
            call.kept[self] = noted = _Noted(trial, own)
            if estimator is not None:
                noted.its = naming.log_params(trial, estimator)

    def after(self, call: Call, result: Any) -> None:
        """Log how it went."""
        noted: _Noted | None = call.kept.get(self)
        if noted is None:
            return
        with harmless(call.what), mlflow_hook.quiet():
            if not noted.trial.ended:
                self._take(call, noted, result)
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

    def _take(self, call: Call, noted: _Noted, result: Any) -> None:
        if noted.its is None:
            _valued(call, noted.trial, call.what, result)
        elif call.what in _FITS:
            self._fitted(call, noted, noted.its)
        elif call.what in FUNCTIONS:
            scoring = call.kwargs.get("scoring")
            validation.log_folds(noted.trial, noted.its, call.what, scoring, result)
        else:
            _valued(call, noted.trial, noted.its.name(call.what), result)

    def _fitted(self, call: Call, noted: _Noted, its: Called) -> None:
        estimator, trial = call.target, noted.trial
        found = {"fit_seconds": time.perf_counter() - noted.began, **scores.attributes(estimator)}
        predicted = None
        data = scores.data_of(call.function, estimator, call.args, call.kwargs)
        if data is not None:
            with harmless("training scores"):
                more, predicted = scores.training(estimator, data)
                found |= more
        trial.log_metrics({its.name(name): value for name, value in found.items()})
        with harmless("the search"):
            validation.log_search(trial, its, estimator, self._children)
        if self._plots:
            self._draw(estimator, trial, its.label, predicted)

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


def _estimator(call: Call) -> Any:
    """Return the estimator that a call is about; None for a function that compares numbers."""
    if call.what in FUNCTIONS:
        return call.args[0] if call.args else call.kwargs.get("estimator")
    return call.target


def _valued(call: Call, trial: Trial, name: str, result: Any) -> None:
    """Log the number that a score, or a function of ``sklearn.metrics``, returned."""
    import numbers

    if type(result) is bool or not isinstance(result, numbers.Real):
        return
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
