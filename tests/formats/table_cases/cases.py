"""Frames by name, each made anew by the function of that name."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

CASES: dict[str, Callable[[], pd.DataFrame]] = {}


def case(make: Callable[[], pd.DataFrame]) -> Callable[[], pd.DataFrame]:
    """Add a frame to the cases of every table format."""
    CASES[make.__name__] = make
    return make
