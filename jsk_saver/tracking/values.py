"""What users log, as the journal keeps it."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Mapping
from typing import Any

from jsk_saver.errors import InvalidMetadata

#: Longest name of a parameter, metric, tag or file.
LONGEST_NAME = 250


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


def plain(value: Any) -> Any:
    """Return a parameter's value as JSON: numbers and text stay, NumPy's become Python's, others their text.

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
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    item = getattr(value, "item", None)  # NumPy's and PyTorch's scalars
    if callable(item) and getattr(value, "ndim", None) == 0:
        return plain(item())
    return str(value)


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
