"""Experiments and trials: tracked on this machine, compared, and run again from their record."""

from jsk_saver.tracking.experiment import Experiment
from jsk_saver.tracking.trial import Trial

__all__ = ["Experiment", "Trial"]
