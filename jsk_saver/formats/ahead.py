"""Work on the slices of a table in other threads, a few ahead of where they are used."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

#: Threads that convert; Arrow lets go of the interpreter lock while it does.
WORKERS = min(4, os.cpu_count() or 1)

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def in_order(
    work: Callable[[_In], _Out], items: Iterable[_In], workers: int = WORKERS
) -> Generator[_Out, None, None]:
    """Yield ``work(item)`` of every item in order, as many at a time in other threads as there are workers.

    Close it where it may be left early: only then is it certain that no thread is still at work.

    Examples
    --------
    >>> list(in_order(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(workers, thread_name_prefix="jsk-ahead") as pool:
        waiting: deque[Future[_Out]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
