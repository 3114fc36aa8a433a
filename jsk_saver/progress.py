"""A progress bar for what takes long, and silence for what does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: Transfers of fewer bytes show no bar.
SHOWN_ABOVE = 64 * 10**6


@contextmanager
def transfer_bar(what: str, *, shown: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a function to call with bytes passed and bytes in all; None where no bar is wanted.

    The bar appears with the first call, if there are more than 64 MB in all.
    """
    if not shown:
        yield None
        return
    bar: Any = None

    def advance(passed: int, total: int) -> None:
        nonlocal bar
        if bar is None and total > SHOWN_ABOVE:
            from tqdm.auto import tqdm

            bar = tqdm(total=total, desc=what, unit="B", unit_scale=True)
        if bar is not None:
            bar.update(passed)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.close()


@contextmanager
def count_bar(what: str, total: int, *, shown: bool, above: int) -> Iterator[Callable[[int], object]]:
    """Yield a function to call with each number of things done; a bar shows for more than ``above``."""
    if not shown or total <= above:
        yield lambda _: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=what, leave=False) as bar:
        yield bar.update
