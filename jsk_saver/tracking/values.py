"""What users log, as the journal keeps it."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Mapping
from typing import Any

from jsk_saver.errors import InvalidMetadata
from jsk_saver.tracking.described import brief, described
from jsk_saver.warning import warn

#: Longest name of a parameter, metric, tag or file.
LONGEST_NAME = 250
#: Types of parameters that were warned of in this process, with the parameter's name.
_warned: set[tuple[str, type]] = set()


def check_key(name: Any, what: str) -> str:
    """Return the name of a parameter, metric, tag or file, if it is one.

    Raises
    ------
    InvalidMetadata
        If it is empty, no text, too long, or holds control characters.
    """
    if isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable():
        return name
    raise InvalidMetadata(
        f"{name!r} cannot name a {what}: it takes 1 to {LONGEST_NAME} printable characters.",
        hint=f'trial.log_{what}("name", value)' if what in ("param", "metric") else "",
    )


def number(name: str, value: Any) -> float:
    """Return a metric's value as a float; ``nan`` and infinities are values too.

    Raises
    ------
    InvalidMetadata
        If it is no single real number.

    Examples
    --------
    >>> number("loss", 1), number("ok", True)
    (1.0, 1.0)
    """
    if not isinstance(value, str | bytes):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            pass
    raise InvalidMetadata(
        f"The metric {name!r} is a number, not {short(value)}.",
        hint=f'trial.log_metric("{name}", float(value))  or  trial.log_param("{name}", value)',
    )


def whole(name: str, step: Any) -> int | None:
    """Return a step as a whole number.

    Raises
    ------
    InvalidMetadata
        If it is none.
    """
    if step is None or type(step) is int:
        return step
    if isinstance(step, numbers.Integral) or (isinstance(step, float) and step.is_integer()):
        return int(step)
    raise InvalidMetadata(f"The step of {name!r} is a whole number, not {short(step)}.", hint="step=0")


def parameters(given: Mapping[str, Any], *, briefly: bool = False) -> dict[str, Any]:
    """Return parameters as the journal keeps them; warn, once, of those that say less than what was meant.

    Parameters
    ----------
    given
        By name.
    briefly
        Whether they are a function's arguments, some of which may be data: then what is long is described,
        without a warning.

    Raises
    ------
    InvalidMetadata
        If a name is none.
    """
    found = {}
    for name, value in given.items():
        check_key(name, "param")
        if briefly:
            found[name] = brief(value, plain)
            continue
        vague: list[Any] = []
        found[name] = plain(value, vague)
        if vague:
            _warn(name, vague[0])
    return found


def _warn(name: str, value: Any) -> None:
    if (name, type(value)) in _warned:
        return
    _warned.add((name, type(value)))
    said = described(value)[0]
    if getattr(value, "shape", None) is not None:
        extension = "parquet" if hasattr(value, "columns") else "npy"
        advice = f'trial.put("{name}.{extension}", …) keeps it whole.'
    else:
        advice = "Numbers and text it was made with say more, and can be searched for."
    warn(f"The parameter {name!r} is data or code; recorded is {short(said)}. {advice}")


def plain(value: Any, vague: list[Any] | None = None) -> Any:
    """Return a parameter's value as JSON: numbers and text stay, NumPy's become Python's, others their text.

    What has no text of its own is described (:mod:`jsk_saver.tracking.described`), and added to ``vague``.

    Examples
    --------
    >>> import datetime
    >>> plain({"k": 5, "day": datetime.date(2026, 11, 20)})
    {'k': 5, 'day': '2026-11-20'}
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item, vague) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, vague) for item in value]
    if isinstance(value, set | frozenset):  # in an order that is the same in each process
        return sorted((plain(item, vague) for item in value), key=repr)
    item = getattr(value, "item", None)  # NumPy's and PyTorch's scalars
    if callable(item) and getattr(value, "ndim", None) == 0:
        return plain(item())
    said, is_less = described(value)
    if is_less and vague is not None:
        vague.append(value)
    return plain(said) if isinstance(said, list) else said


def own(value: Any) -> Any:
    """Return JSON that shares no list and no dictionary with ``value``."""
    if isinstance(value, dict):
        return {key: own(item) for key, item in value.items()}
    if isinstance(value, list):
        return [own(item) for item in value]
    return value


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same in JSON: for Python 1, 1.0 and True are one.

    Examples
    --------
    >>> same({"k": 1}, {"k": 1}), same(1, True), same(1, 1.0)
    (True, False, False)
    """
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def short(value: Any) -> str:
    """Return what to show of a value in a message."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
