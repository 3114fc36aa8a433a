"""What the platform costs: which Studio apps run, what was spent on whom, and what a trial cost.

AWS is asked, and nothing is guessed: a price that nobody tells is unknown. :mod:`~jsk_saver.costs.apps` and
:mod:`~jsk_saver.costs.stopping` are about what runs now, :mod:`~jsk_saver.costs.explorer` and
:mod:`~jsk_saver.costs.spent` about what was spent, :mod:`~jsk_saver.costs.prices` about an hour of an
instance, :mod:`~jsk_saver.costs.trials` about trials.
"""
