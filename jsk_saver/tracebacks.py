"""What a notebook shows of an error: the line that the user wrote, not the kit's own behind it."""

from __future__ import annotations

import os
import traceback
from types import TracebackType
from typing import Any

#: Set to anything to see where an error came from.
DEBUG = "JSK_DEBUG"
_KIT = os.path.dirname(__file__) + os.sep  # noqa: PTH120 - compared with a code object's file name
_MORE = f"(the kit's own lines: %env {DEBUG}=1, then %tb)"


def for_notebook(error: BaseException) -> list[str]:
    """Return the lines that IPython shows of ``error``, formatted by IPython itself.

    Without the kit's frames and without the errors it came from, unless ``JSK_DEBUG`` is set or
    ``%xmode`` asks for everything.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        return traceback.format_exception(error)
    formatter = shell.InteractiveTB
    trace = error.__traceback__
    if os.environ.get(DEBUG) or formatter.mode == "Verbose":
        return list(formatter.structured_traceback(type(error), error, trace, tb_offset=1))
    shown = formatter.structured_traceback(type(error), _alone(error), _of_the_user(trace), tb_offset=1)
    return [*shown, *([_MORE] if formatter.mode in ("Plain", "Context") else [])]


def _of_the_user(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback that ends where the kit begins."""
    frames = []
    while trace is not None and not trace.tb_frame.f_code.co_filename.startswith(_KIT):
        frames.append(trace)
        trace = trace.tb_next
    shown: TracebackType | None = None
    for frame in reversed(frames):
        shown = TracebackType(shown, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return shown


def _alone(error: BaseException) -> BaseException:
    """Return a copy of ``error`` that does not tell of the errors before it."""
    kind: Any = type(error)
    copy: BaseException = kind.__new__(kind, *error.args)
    copy.__dict__.update(error.__dict__)
    copy.__suppress_context__ = True
    return copy
