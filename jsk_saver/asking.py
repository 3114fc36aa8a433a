"""Asking the person at the keyboard, where there is one."""

from __future__ import annotations

import sys


def interactive() -> bool:
    """Tell whether a person is there to answer: a notebook or a terminal."""
    if "IPython" in sys.modules:
        from IPython.core.getipython import get_ipython

        if hasattr(get_ipython(), "kernel"):
            return True
    return bool(sys.stdin and sys.stdin.isatty())


def confirm(question: str) -> bool:
    """Return whether the answer is yes; without anybody to ask, it is not.

    A notebook that runs without a front end counts as somebody who does not answer.
    """
    if not interactive():
        return False
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, NotImplementedError):  # StdinNotImplementedError of ipykernel is one of the latter
        return False
