"""Timing in turns: the machine's mood changes from minute to minute, so contestants take turns within it."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Contestant:
    """One way to do what is measured.

    Parameters
    ----------
    name
        Who.
    run
        What the clock runs for; what it returns is let go after the clock has stopped.
    before
        Done before each run, off the clock.
    """

    name: str
    run: Callable[[], Any]
    before: Callable[[], None] = nothing


@dataclass(frozen=True)
class Timings:
    """Seconds of every run of every contestant; the same position is the same round.

    Parameters
    ----------
    seconds
        By the clock on the wall.
    work
        Of processor time, in this process: steadier than the clock when others use the machine, but blind
        to what is done at the same time and to what the server does.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    work: dict[str, list[float]] = field(default_factory=dict)

    def median(self, name: str) -> float:
        """Return the median time of a contestant, in seconds."""
        return statistics.median(self.seconds[name])

    def ratio(self, ours: str, theirs: str) -> float:
        """Return the median over the rounds of ``ours`` divided by ``theirs`` in the same round."""
        pairs = zip(self.seconds[ours], self.seconds[theirs], strict=True)
        return statistics.median(one / other for one, other in pairs)

    def ratio_of_medians(self, ours: str, theirs: str) -> float:
        """Return the median of ``ours`` divided by the median of ``theirs``."""
        return self.median(ours) / self.median(theirs)


def in_turns(contestants: Sequence[Contestant], rounds: int, warm_ups: int = 1) -> Timings:
    """Let every contestant run once a round, another one first each time; the warm-ups do not count."""
    names = [contestant.name for contestant in contestants]
    timings = Timings({name: [] for name in names}, {name: [] for name in names})
    for number in range(-warm_ups, rounds):
        first = number % len(contestants)
        for contestant in (*contestants[first:], *contestants[:first]):
            taken, worked = _measure(contestant)
            if number >= 0:
                timings.seconds[contestant.name].append(taken)
                timings.work[contestant.name].append(worked)
    return timings


def _measure(contestant: Contestant) -> tuple[float, float]:
    contestant.before()
    gc.collect()
    work, start = time.process_time(), time.perf_counter()
    result = contestant.run()
    taken, worked = time.perf_counter() - start, time.process_time() - work
    del result
    return taken, worked
