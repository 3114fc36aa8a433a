"""What to call trials in a legend: by what tells them apart, in few words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jsk_saver.human import human_value, one_line, shorten
from jsk_saver.tracking.state import COMPLETED, RUNNING, TrialState

LONGEST = 40
_MOST_PARAMS = 3
_MOMENT = re.compile(r"\d{8}-\d{6}-(?=.)")


def labels(trials: Sequence[TrialState], params: Sequence[Mapping[str, Any]], names: list[str]) -> list[str]:
    """Return a label for each trial: ``k=2, init=random``; its name where that says more.

    Parameters
    ----------
    trials
        In the order they are drawn.
    params
        The parameters that hold for each.
    names
        Of the parameters that vary.
    """
    chosen = _filled(params, names, _telling(params, names))
    said = _said(params, chosen, _short)
    counts = Counter(said)
    if len(counts) < len(said):  # numbers that are the same in four digits
        whole = _said(params, chosen, _whole)
        said = [full if counts[text] > 1 else text for text, full in zip(said, whole, strict=True)]
    unique = len(set(said)) == len(said)
    return [
        shorten(one_line(_label(trial, text, unique and len(said) > 1)), LONGEST)
        for trial, text in zip(trials, said, strict=True)
    ]


def _said(params: Sequence[Mapping[str, Any]], names: Sequence[str], text: Callable[[Any], str]) -> list[str]:
    return [", ".join(f"{name}={text(one[name])}" for name in names if name in one) for one in params]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else _whole(value)


def _whole(value: Any) -> str:
    return "None" if value is None else human_value(value)


def sayings(params: Mapping[str, Any]) -> set[str]:
    """Return all that labels may say of a trial's parameters, one by one."""
    return {f"{name}={text(value)}" for name, value in params.items() for text in (_short, _whole)}


def short_name(trial: TrialState) -> str:
    """Return a trial's name without the moment it started, which tells little in a legend."""
    return without_moment(trial.name)


def without_moment(name: str) -> str:
    """Return a name without the moment that it starts with.

    Examples
    --------
    >>> without_moment("20261121-034112-spruce-fwem5"), without_moment("baseline")
    ('spruce-fwem5', 'baseline')
    """
    return _MOMENT.sub("", name, count=1)


def _label(trial: TrialState, said: str, is_enough: bool) -> str:
    own = trial.name != short_name(trial)
    label = said if is_enough and said and own else short_name(trial)
    if own and said and not is_enough:
        label = f"{said} · {label}"
    return label if trial.status in (COMPLETED, RUNNING) else f"{label} ({trial.status})"


def _telling(params: Sequence[Mapping[str, Any]], names: list[str]) -> list[str]:
    """Return few parameters that tell the trials apart: always the one that splits them up most."""
    if len(names) <= _MOST_PARAMS:
        return names
    chosen: list[str] = []
    groups = 1
    while len(chosen) < _MOST_PARAMS and groups < len(params):
        counts = {name: _groups(params, [*chosen, name]) for name in names if name not in chosen}
        name = max(counts, key=counts.__getitem__)
        if counts[name] == groups:
            break
        chosen.append(name)
        groups = counts[name]
    return chosen


def _filled(params: Sequence[Mapping[str, Any]], names: list[str], telling: list[str]) -> list[str]:
    """Return these parameters and, as far as there is room, others that vary; in the order they came up."""
    chosen = set(telling)
    for name in names:
        wider = [one for one in names if one in chosen or one == name]
        if all(len(text) <= LONGEST for text in _said(params, wider, _short)):
            chosen.add(name)
    return [name for name in names if name in chosen]


def _groups(params: Sequence[Mapping[str, Any]], names: list[str]) -> int:
    return len({tuple(human_value(one.get(name)) for name in names) for one in params})
