"""The local store against pandas on the same disk; for information."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.context import Context
from bench.rows import Row
from bench.tables import against, duel

if TYPE_CHECKING:
    import pandas as pd


def local(context: Context) -> Iterator[Row]:
    """Save and load the table in a folder."""
    folder = context.folder / "pandas"
    folder.mkdir()
    for what in ("Parquet", "CSV"):
        yield from _local(context, what, folder / f"table.{what.lower()}")


def _local(context: Context, what: str, path: Path) -> Iterator[Row]:
    frame, saver = context.frame, context.local_saver("store")
    write, read = _pandas(what, frame, path)
    rounds, low = context.rounds(5), what.lower()
    puts = duel(lambda: saver.put(path.name, frame), {"pandas": write}, rounds)
    gets = duel(lambda: saver.get(path.name), {"pandas": read}, rounds)
    note = "ours is on the disk (fsync) when put returns, and is a version more"
    yield against(
        puts, f"local.put.{low}", f"put {what}, local store", "pandas", f"pandas.to_{low}", note=note
    )
    yield against(gets, f"local.get.{low}", f"get {what}, local store", "pandas", f"pandas.read_{low}")


def _pandas(what: str, frame: pd.DataFrame, path: Path) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import pandas

    if what == "CSV":
        return lambda: frame.to_csv(path, index=False), lambda: pandas.read_csv(path)
    return lambda: frame.to_parquet(path), lambda: pandas.read_parquet(path)
