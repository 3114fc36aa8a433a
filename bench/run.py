"""Measure the kit against its peers, and write the table: ``python bench/run.py``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# This folder's own modules must not stand in front of packages of the same name.
sys.path[0] = str(ROOT)

from bench import machine, report  # noqa: E402
from bench.context import Context  # noqa: E402
from bench.rows import Row  # noqa: E402
from bench.server import bucket, environment, scratch  # noqa: E402


def _groups() -> dict[str, Callable[[Context], Iterator[Row]]]:
    from bench.catching_up import catch_up
    from bench.disk import local
    from bench.imports import imports
    from bench.infra import infra
    from bench.kernels import kernels
    from bench.memory import memory
    from bench.searching import search
    from bench.small import small
    from bench.tables import csv, parquet
    from bench.trials import slowdown, trials

    return {
        "import": imports,
        "json": small,
        "parquet": parquet,
        "csv": csv,
        "local": local,
        "memory": memory,
        "catchup": catch_up,
        "search": search,
        "trials": trials,
        "slowdown": slowdown,
        "kernels": kernels,
        "infra": infra,
    }


def main() -> int:
    groups = _groups()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=groups, help="measure only this; may be repeated")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything: does it run at all?")
    parser.add_argument(
        "--out",
        type=Path,
        help="folder of results.md and results.json (default: bench/); other groups in there stay",
    )
    parser.add_argument("--endpoint", default="", help="an S3 server that runs, keys in AWS_…; else Ceph")
    options = parser.parse_args()
    described = machine.describe() | {"server": options.endpoint or "Ceph RADOS gateway"}
    measured: dict[str, list[Row]] = {}
    with environment({}), scratch() as folder, bucket(options.endpoint) as made:
        context = Context(made, folder, quick=options.quick, endpoint=options.endpoint)
        for name in options.only or groups:
            measured[name] = []
            for row in groups[name](context):
                print(report.line(row), flush=True)
                measured[name].append(row)
    if options.out or not options.quick:
        for path in report.write(options.out or ROOT / "bench", list(groups), described, measured):
            print(f"Written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
