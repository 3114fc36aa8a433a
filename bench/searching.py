"""Searching a million records in the embedded index: :mod:`bench.index_search` measures, targets are here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import redirect_stdout

from bench.context import Context
from bench.rows import Row, Target, measured

RECORDS = 1_000_000
HALF, MOST = Target(10, "ms"), Target(50, "ms")
#: The mixed bag of exact values, ranges and text that the target speaks of.
BAG = "target"


def search(context: Context) -> Iterator[Row]:
    """Search of all kinds, in random order, on an index that was just filled."""
    from bench.index_search import TARGET, measure

    records = context.scaled(RECORDS)
    with redirect_stdout(sys.stderr):  # it tells about its slowest queries
        found = measure(records, folder=context.folder)
    what = f"search over {records:,} records"
    note = f"{', '.join(TARGET)}; all kinds equally often"
    p50, p95 = found[f"{BAG} p50_ms"], found[f"{BAG} p95_ms"]
    yield measured("search.p50", f"{what}, half of all within", p50, HALF, note=note)
    yield measured("search.p95", f"{what}, 95 % within", p95, MOST)
    kinds = [name.removesuffix(" p50_ms") for name in found if name.endswith(" p50_ms")]
    for kind in kinds:
        if kind != BAG:
            half, most = found[f"{kind} p50_ms"], found[f"{kind} p95_ms"]
            figures = {"p50_ms": half, "p95_ms": most}
            shown = f"{half:.2g} ms, {most:.2g} ms"
            yield Row(f"search.{kind}", f"search, {kind}: p50, p95", shown, figures=figures)
    load, size = found["load_seconds"], found["megabytes"]
    shown = f"{load:.0f} s, {size:.0f} MB"
    yield Row("search.load", f"index of {records:,} records: filled in, size", shown, figures=found)
