"""Turn it on and off."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from jsk_saver.errors import MissingExtra
from jsk_saver.tracking import active
from jsk_saver.tracking.autolog import mlflow_runs, patching
from jsk_saver.tracking.autolog.recorder import Recorder, harmless

if TYPE_CHECKING:
    from jsk_saver.tracking.autolog.mlflow_runs import Capture
    from jsk_saver.tracking.experiment import Experiment
    from jsk_saver.tracking.trial import Trial


class Autolog:
    """On from the moment it is made, until :meth:`off` or the end of its ``with`` block.

    Logged are, of the estimator that is fitted (not of those inside it, in a pipeline or a search):

    - its parameters, as ``KMeans.n_clusters``; another one of the same class is ``KMeans-2``;
    - ``fit_seconds``, and what the fit left behind, such as ``inertia`` or ``n_iter``;
    - how well it fits what it was trained on: ``training.accuracy``, ``precision``, ``recall``, ``f1``,
      ``log_loss``, ``roc_auc``; ``training.r2``, ``mae``, ``rmse``; ``training.silhouette``, ``clusters``,
      ``noise`` (of more than 10,000 rows, as many evenly spaced ones; nothing where the estimator may have
      written over its data, as with ``copy_X=False``);
    - a confusion matrix, or predicted against true, and the most important features, as figures;
    - of a search, the best parameters (``GridSearchCV.best.C``), the best score, and all results as a table;
      how long they took is another (``GridSearchCV-search-times``).

    What ``score`` and the functions of ``sklearn.metrics`` return, called directly, is logged under the name
    of the data: ``LogisticRegression.score.X_test``, ``accuracy_score.y_test``.

    MLflow's own autologging (``mlflow.xgboost.autolog()``) is honoured where the trial goes to MLflow: see
    :mod:`jsk_saver.tracking.autolog.mlflow_runs`.

    A fit does what it did without; an error in logging is a warning.

    Parameters
    ----------
    trial, experiment
        See :func:`autolog`.
    plots
        Whether to draw figures.

    Raises
    ------
    MissingExtra
        If scikit-learn is not installed.
    """

    def __init__(
        self, trial: Trial | None = None, experiment: Experiment | None = None, *, plots: bool = True
    ) -> None:
        self._recorder = Recorder(trial, experiment, plots=plots and _can_draw())
        self._capture: Capture | None = None
        try:
            patching.add(self._recorder)
        except ImportError as error:
            raise MissingExtra(
                "Autologging needs scikit-learn, which is not installed.",
                hint="pip install 'jsk-saver[models]'",
            ) from error
        with harmless("MLflow's autologging"):
            whose = trial or active.current()
            if whose is not None and not whose.ended and mlflow_runs.wanted(whose):
                self._capture = mlflow_runs.Capture(whose)

    def off(self) -> None:
        """Log no more; the last one to go puts everything back as it was."""
        patching.remove(self._recorder)
        capture, self._capture = self._capture, None
        if capture is not None:
            with harmless("what MLflow has logged"):
                capture.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.off()


def autolog(
    *, trial: Trial | None = None, experiment: Experiment | None = None, plots: bool = True
) -> Autolog:
    """Log what scikit-learn's estimators do, from now on; see :class:`Autolog`.

    Parameters
    ----------
    trial
        Log to this one only.
    experiment
        Log to its trials; a ``fit`` outside any becomes a trial of its own.
    plots
        Whether to draw figures.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> with experiment.trial() as trial, autolog():
    ...     _ = KMeans(2, random_state=0, n_init=1).fit([[0.0], [0.1], [1.0], [1.1]])
    >>> trial.state.params["KMeans.n_clusters"], round(trial.state.metrics["KMeans.inertia"].last, 3)
    (2, 0.01)
    """
    return Autolog(trial, experiment, plots=plots)


def _can_draw() -> bool:
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None
