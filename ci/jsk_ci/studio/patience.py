"""How long a step waits for others, and in which pauses."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

#: Seconds; SageMaker's calls are cheap, and its limits for them are low.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0


class Patience:
    """A bound on the time of a whole step, and pauses within it that grow.

    Each pause is a random part of a span that doubles (full jitter: M. Brooker, "Exponential Backoff and
    Jitter", AWS Architecture Blog, 2015), so that jobs that were refused together do not come back together.

    Parameters
    ----------
    seconds
        The bound, from now on.
    first, longest
        Span of the first pause, and of the longest.
    """

    def __init__(self, seconds: float, *, first: float | None = None, longest: float | None = None) -> None:
        self.seconds = seconds
        self._first = FIRST_PAUSE if first is None else first
        self._longest = LONGEST_PAUSE if longest is None else longest
        self._end = time.monotonic() + seconds
        self._span = self._first

    @property
    def over(self) -> bool:
        """Whether the bound has passed."""
        return time.monotonic() >= self._end

    @property
    def left(self) -> float:
        """Seconds until the bound; none after it."""
        return max(0.0, self._end - time.monotonic())

    def fresh(self) -> None:
        """Start again with a short pause; the bound stays."""
        self._span = self._first

    def pause(self, sleep: Callable[[float], None] | None = None) -> None:
        """Wait a moment, each time a longer one, and never beyond the bound."""
        span, self._span = self._span, min(self._span * 2, self._longest)
        moment = span / 2 + random.uniform(0, span / 2)  # noqa: S311 - nobody gains by guessing it
        (sleep or time.sleep)(max(0.0, min(moment, self._end - time.monotonic())))
