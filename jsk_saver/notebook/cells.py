"""Run the code of a cell from within a magic, as if it were run by itself."""

from __future__ import annotations

import ast
from contextlib import suppress
from types import TracebackType
from typing import Any


class Code:
    """A compiled cell.

    Parameters
    ----------
    ipython
        The shell whose variables it sees.
    name
        The file name that tracebacks know it by.
    body, last
        Its statements, and the expression at its end whose value the cell has.
    """

    def __init__(self, ipython: Any, name: str, body: Any, last: Any) -> None:
        self.ipython, self.name = ipython, name
        self._body, self._last = body, last

    def run(self) -> Any:
        """Run it, and return the value of its last line if that is an expression."""
        shell = self.ipython
        exec(self._body, shell.user_global_ns, shell.user_ns)  # noqa: S102 - it is the user's cell
        return None if self._last is None else eval(self._last, shell.user_global_ns, shell.user_ns)  # noqa: S307


def compiled(ipython: Any, cell: str) -> Code:
    """Return a cell compiled, its own magics included.

    Raises
    ------
    SyntaxError
        If it is no Python.
    """
    source = ipython.transform_cell(cell)
    name = ipython.compile.cache(source, ipython.execution_count, raw_code=cell)
    tree = ipython.transform_ast(ipython.compile.ast_parse(source, filename=name))
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ipython.compile(ast.Expression(tree.body.pop().value), name, "eval")
    return Code(ipython, name, ipython.compile(tree, name, "exec"), last)


def only_its_own_lines(code: Code) -> _Errors:
    """Return a context in which errors show and keep the cell's lines, not the magic's around them."""
    return _Errors(code)


class _Errors:
    def __init__(self, code: Code) -> None:
        self._code = code

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        while trace is not None and trace.tb_frame.f_code.co_filename != self._code.name:
            trace = trace.tb_next
        if trace is None:  # not from the cell
            return
        error.__traceback__ = trace
        with suppress(AttributeError):  # of an error that takes no attributes
            error._render_traceback_ = _Shown(self._code.ipython, error, trace)  # type: ignore[attr-defined]


class _Shown:
    """What IPython shows of an error, asked for when it has travelled up through the magic."""

    def __init__(self, ipython: Any, error: BaseException, trace: TracebackType) -> None:
        self._ipython, self._error, self._trace = ipython, error, trace

    def __call__(self) -> list[str]:
        error, whole = self._error, self._error.__traceback__
        # IPython leaves out the first frame, its own.
        first = whole or self._trace
        error.__traceback__ = TracebackType(self._trace, first.tb_frame, first.tb_lasti, first.tb_lineno)
        own = getattr(type(error), "_render_traceback_", None)
        if own is not None:
            return list(own(error))
        formatter = self._ipython.InteractiveTB
        return list(formatter.structured_traceback(type(error), error, error.__traceback__, tb_offset=1))
