"""Turn it on and off."""

from __future__ import annotations

import sys
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

    - its parameters: ``n_clusters``, and its class as ``estimator_name``;
    - ``fit_seconds``, and what the fit left behind, such as ``inertia`` or ``n_iter``;
    - how well it fits what it was trained on, under the names that MLflow's autologging gives:
      ``training_accuracy_score``, ``training_f1_score``, ``training_r2_score``, ``training_score``, …;
      ``training_silhouette_score``, ``clusters``, ``noise`` (of more than 10,000 rows, as many evenly spaced
      ones; nothing where the estimator may have written over its data, as with ``copy_X=False``);
    - a confusion matrix, or predicted against true, and the most important features, as figures;
    - of a search, the best parameters (``best.C``), the best score, all results as a table, and the best
      combinations as trials nested in this one; how long they took is another table;
    - of ``cross_val_score`` and ``cross_validate``, the parameters of the estimator, each fold's score as a
      step of ``test_score``, and ``mean_test_score`` and ``std_test_score``; scored by another measure,
      ``test_f1`` and so on.

    So trials of different estimators share their columns. Where there are several in one trial, the first
    that predicts has these names; those of transformers, and of further ones, follow their class:
    ``PCA.n_components``, ``SVC.training_accuracy_score``, then ``SVC-2.C``. So does a parameter of which the
    trial was told another value under that name.

    What ``score`` and the functions of ``sklearn.metrics`` return, called directly, is logged under the name
    of the data: ``score.X_test``, ``accuracy_score.y_test``.

    MLflow's own autologging needs none of this: see :mod:`jsk_saver.tracking.autolog.mlflow_runs`.

    A fit does what it did without; an error in logging is a warning.

    Parameters
    ----------
    trial, experiment
        See :func:`autolog`.
    plots
        Whether to draw figures.
    children
        How many of the best combinations of a search become nested trials; 0 for none.

    Raises
    ------
    MissingExtra
        If scikit-learn is not installed.
    """

    def __init__(
        self,
        trial: Trial | None = None,
        experiment: Experiment | None = None,
        *,
        plots: bool = True,
        children: int = 5,
    ) -> None:
        self._recorder = Recorder(trial, experiment, plots=plots and _can_draw(), children=children)
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
            used = "mlflow" in sys.modules
            if whose is not None and not whose.ended and used and mlflow_runs.goes_to_mlflow(whose):
                self._capture = mlflow_runs.Capture.begin(whose)

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
    *,
    trial: Trial | None = None,
    experiment: Experiment | None = None,
    plots: bool = True,
    children: int = 5,
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
    children
        How many of the best combinations of a search become nested trials; 0 for none.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> with experiment.trial() as trial, autolog():
    ...     _ = KMeans(2, random_state=0, n_init=1).fit([[0.0], [0.1], [1.0], [1.1]])
    >>> trial.state.params["n_clusters"], round(trial.state.metrics["inertia"].last, 3)
    (2, 0.01)
    """
    return Autolog(trial, experiment, plots=plots, children=children)


def _can_draw() -> bool:
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None
