"""``import jsk_saver`` in fresh interpreters: how long, and what else comes along."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.context import Context
from bench.rows import Exactly, Row, Target, measured

HEAVY = ("boto3", "botocore", "pandas", "numpy", "polars", "pyarrow", "sklearn", "IPython")
_CODE = f"""
import json, sys, time
start = time.perf_counter()
import jsk_saver
taken = time.perf_counter() - start
print(json.dumps([taken, sorted(set({HEAVY!r}) & set(sys.modules)), len(sys.modules)]))
"""


def imports(context: Context) -> Iterator[Row]:
    """Ten fresh interpreters after one that leaves the compiled files behind."""
    runs = [_import() for _ in range(context.rounds(10) + 1)][1:]
    taken = statistics.median(run[0] for run in runs) * 1000
    yield measured("import.time", "import jsk_saver", taken, Target(100, "ms"), shown=f"{taken:.0f} ms")
    heavy = runs[-1][1]
    yield measured(
        "import.heavy", "heavy packages imported with it", len(heavy), Exactly(0, "packages"),
        shown=", ".join(heavy) or "none", note="of " + ", ".join(HEAVY),
    )  # fmt: skip


def _import() -> tuple[float, list[str], int]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", _CODE], env=environment, cwd=Path(__file__).parent.parent,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    taken, heavy, count = json.loads(done.stdout)
    return taken, heavy, count
