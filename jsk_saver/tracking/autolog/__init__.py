"""Log what scikit-learn's estimators do, without a line of code for it.

>>> from jsk_saver.tracking.autolog import autolog
>>> with experiment.trial() as trial, autolog():  # or trial.autolog(), experiment.autolog()
...     pass

A ``fit`` inside a trial logs the estimator's parameters, how well it fits what it was trained on, and
figures; a ``score`` and the functions of ``sklearn.metrics`` log what they return. See
:class:`jsk_saver.tracking.autolog.switch.Autolog`.
"""

from jsk_saver.tracking.autolog.switch import Autolog, autolog

__all__ = ["Autolog", "autolog"]
