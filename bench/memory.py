"""Peak memory of put and get: fresh processes, the kernel's own high-water mark."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.context import Context
from bench.frame import arrow_size
from bench.rows import Row, Target, measured, megabytes

SHARE = Target(0.6, "× the Arrow size")
WHOLE = Target(200, "MB in all")
FILE_SIZE = 2 * 10**9
ROOT = Path(__file__).parent.parent


def memory(context: Context) -> Iterator[Row]:
    """Tables, then a file of 2 GB."""
    if sys.platform != "linux":
        yield Row("memory", "peak memory", "not measured", note="needs Linux: /proc/self/clear_refs")
        return
    yield from _tables(context)
    yield from _file(context)


def _tables(context: Context) -> Iterator[Row]:
    pickled = context.folder / "table.pickle"
    pickled.write_bytes(pickle.dumps(context.frame, protocol=5))
    size = arrow_size(context.frame)
    for what, name in (("Parquet", "table.parquet"), ("CSV", "table.csv"), ("Arrow", "table.arrow")):
        for verb in ("put", "get"):
            found = _median(context, verb, name, pickled)
            bare = _median(context, f"{verb}-bare", f"bare-{name}", pickled) if what == "Parquet" else None
            yield _row(f"memory.{verb}.{what.lower()}", f"{verb} {what}", found, bare, size)
    context.bucket.empty()


def _row(key: str, measure: str, found: dict[str, Any], bare: dict[str, Any] | None, size: int) -> Row:
    from dataclasses import replace

    share = found["beyond"] / size
    shown = f"{share:.2f} × ({megabytes(found['beyond'])})"
    row = measured(key, f"{measure}: peak memory beyond the object", share, SHARE, shown=shown)
    row = replace(row, figures={**row.figures, **found})
    if bare is None:
        return row
    theirs = f"{bare['beyond'] / size:.2f} × ({megabytes(bare['beyond'])})"
    return replace(row, peer="bare pyarrow + boto3", theirs=theirs)


def _file(context: Context) -> Iterator[Row]:
    from bench.server import bucket

    source, target = context.folder / "big.bin", context.folder / "back.bin"
    size = context.scaled(FILE_SIZE)
    with source.open("wb") as out:
        for offset in range(0, size, 2**20):
            out.write(os.urandom(min(2**20, size - offset)))
    with bucket(context.endpoint, on_disk=True) as other:  # 2 GB are too much for a server in memory
        there = Context(other, context.folder, context.quick)
        for verb, file in (("put", source), ("get", target)):
            peak = _probe(there, f"{verb}-file", "big.bin", file)["peak"] / 1e6
            measure = f"{verb} a file of {megabytes(size)}: peak memory of the whole process"
            yield measured(f"memory.{verb}.file", measure, peak, WHOLE, shown=f"{peak:.0f} MB")
        if target.stat().st_size != size:
            raise AssertionError(f"{target} came back with {target.stat().st_size:,} bytes")
    source.unlink()
    target.unlink()


def _median(context: Context, verb: str, name: str, file: Path) -> dict[str, Any]:
    found = sorted((_probe(context, verb, name, file) for _ in range(3)), key=lambda one: one["beyond"])
    return {**found[1], "runs": [one["beyond"] for one in found]}


def _probe(context: Context, verb: str, name: str, file: Path) -> dict[str, Any]:
    store = f"s3://{context.bucket.name}/memory"
    done = subprocess.run(
        [sys.executable, "-m", "bench.memory_probe", verb, store, context.folder / "home-memory", name, file],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"memory probe {verb} {name} failed:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout))
