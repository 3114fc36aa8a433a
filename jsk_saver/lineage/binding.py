"""Which experiment and trial the work belongs to, as said by whoever runs the trial."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_NAMES = ("experiment", "trial")
#: Says what no block says; set by whoever runs trials.
_provider: Callable[[], dict[str, str]] | None = None
_bound: ContextVar[dict[str, str] | None] = ContextVar("jsk_lineage", default=None)


@contextmanager
def bind(*, experiment: str = "", trial: str = "") -> Iterator[None]:
    """Say which experiment and trial everything saved in this block belongs to.

    Holds in this thread and task only, and may be nested: an inner block adds to the outer one and wins
    over it, and naming another experiment leaves the outer trial behind. What no block says is taken from
    ``JSK_EXPERIMENT`` and ``JSK_TRIAL`` in the environment, which processes started from here inherit.

    Examples
    --------
    >>> with bind(experiment="churn"), bind(trial="churn-7"):
    ...     current()
    {'experiment': 'churn', 'trial': 'churn-7'}
    """
    outer = current()
    if experiment and experiment != outer.get("experiment"):
        outer = {}
    said = {name: value for name, value in zip(_NAMES, (experiment, trial), strict=True) if value}
    token = _bound.set({**outer, **said})
    try:
        yield
    finally:
        _bound.reset(token)


def current() -> dict[str, str]:
    """Return experiment and trial: of :func:`bind`, else of the trial that runs, else of the environment."""
    said = _bound.get()
    if said is None and _provider is not None:
        said = _provider() or None
    if said is not None:
        return dict(said)
    return {name: value for name in _NAMES if (value := os.environ.get(f"JSK_{name.upper()}"))}


def provide(provider: Callable[[], dict[str, str]]) -> None:
    """Ask this wherever no block says which experiment and trial; it returns nothing if there is none."""
    global _provider
    _provider = provider
