"""Which trial somebody means who says less than its whole name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from jsk_saver.errors import NotFound
from jsk_saver.tracking.state import FAILED, LOST, STOPPED, TrialState

_MOST_NAMED = 8
#: What labels say of trials that did not go well.
_STATUS = re.compile(rf" \(({'|'.join((FAILED, LOST, STOPPED))})\)$")


def called(said: str, experiment: str, names: Sequence[str], trials: Callable[[], list[TrialState]]) -> str:
    """Return the name of the one trial that is called so.

    Parameters
    ----------
    said
        The beginning of a name, with or without the moment it starts with, or a label in a plot.
    experiment, names
        Whose trials, and all their names.
    trials
        Reads them, for the labels.

    Raises
    ------
    NotFound
        If there is none, or more than one: then they are named.
    """
    from jsk_saver.tracking.plotting.labels import without_moment

    if not said:
        found: list[str] = []
    else:
        said = _STATUS.sub("", said)
        short = [name for name in names if without_moment(name) == said]
        starting = [name for name in names if name.startswith(said) or without_moment(name).startswith(said)]
        found = short or starting or _labelled(said, trials())
    if len(found) == 1:
        return found[0]
    raise _several(said, experiment, found) if found else _none(said, experiment, names)


def _several(said: str, experiment: str, found: Sequence[str]) -> NotFound:
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return NotFound(
        f"{len(found)} trials of {experiment} are called {said!r}: {', '.join(found[:_MOST_NAMED])}{more}.",
        hint=f'experiment["{found[-1]}"]',
    )


def _none(said: str, experiment: str, names: Sequence[str]) -> NotFound:
    from jsk_saver.index.closest import closest
    from jsk_saver.tracking.plotting.labels import without_moment

    known = {name: name for name in names} | {without_moment(name): name for name in names}
    near = closest(said, known)
    if near:
        name = known[near[0]]
        return NotFound(
            f"There is no trial {said!r} of {experiment}. Did you mean {name!r}?",
            hint=f'experiment["{name}"]',
        )
    return NotFound(
        f"There is no trial {said!r} of {experiment}.", hint="experiment.trials()    # which there are"
    )


def _labelled(label: str, trials: Sequence[TrialState]) -> list[str]:
    """Return the trials that all parts of a label are true of: ``k=2, init=random · spruce-fwem5``."""
    from jsk_saver.tracking.plotting.columns import effective
    from jsk_saver.tracking.plotting.labels import sayings, short_name

    family = {trial.name: trial for trial in trials}
    found = []
    for trial, params in zip(trials, effective(trials, family), strict=True):
        wanted = label.removesuffix(f" · {short_name(trial)}")
        if _is_true(wanted, sayings(params)):
            found.append(trial.name)
    return found


def _is_true(label: str, said: Any) -> bool:
    parts = label.split(", ")
    return all(
        part in said or (part.endswith("…") and any(text.startswith(part[:-1]) for text in said))
        for part in parts
    )
