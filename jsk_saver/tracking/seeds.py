"""One seed for everything that draws at random, where it is there."""

from __future__ import annotations

import operator
import random
import sys

from jsk_saver.errors import InvalidMetadata


def plant(seed: int) -> None:
    """Seed ``random``, and NumPy and PyTorch where they are imported.

    Raises
    ------
    InvalidMetadata
        If it is no whole number from 0 to 2**32 - 1, which all of them take.
    """
    try:
        fits = not isinstance(seed, bool) and 0 <= operator.index(seed) < 2**32
    except TypeError:
        fits = False
    if not fits:
        raise InvalidMetadata(
            f"A seed is a whole number from 0 to {2**32 - 1}, which NumPy takes too, not {seed!r}.",
            hint="experiment.trial(seed=42)    # a parameter of that name: "
            f'experiment.trial(params={{"seed": {seed!r}}})',
        )
    random.seed(operator.index(seed))
    if sys.modules.get("numpy") is not None:
        import numpy.random  # which NumPy itself loads only when it is first asked for

        numpy.random.seed(operator.index(seed))
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(operator.index(seed))
