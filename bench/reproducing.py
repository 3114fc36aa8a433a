"""Run the tutorials' trials again from their records: whether the same comes out."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.context import Context
from bench.rows import Row, Target, measured

_NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
#: Which tutorials track trials, and the word in the cell that takes away what running them again needs.
_TUTORIALS = {"02_finding_and_comparing.ipynb": "", "03_reproducing.ipynb": "CannotReproduce"}


def reproduced(context: Context) -> Iterator[Row]:
    """Run the tutorials, then each of their trials again."""
    home = context.folder / "home-tutorial"
    found: Counter[str] = Counter()
    took = 0.0
    before = dict(os.environ)
    os.environ |= {"JSK_HOME": str(home), "TMPDIR": str(context.folder)}
    try:
        for name, last in _TUTORIALS.items():
            _execute(_NOTEBOOKS / name, last)
        start = time.perf_counter()
        for experiment in sorted(path.name for path in (home / "journal").iterdir() if path.is_dir()):
            if not experiment.startswith("."):
                _again(experiment, home, found)
        took = time.perf_counter() - start
    finally:
        os.environ.clear()
        os.environ.update(before)
    each = took / max(found["runs"], 1)
    note = f"{found['trials']} trials of the tutorials, in {found['runs']} runs of {each:.0f} s"
    for what, how in (("metrics", "equal at every step"), ("objects", "identical by digest")):
        same, every = found[f"{what} same"], found[what]
        yield measured(
            f"trials.reproduce.{what}", f"reproduce: {what} {how}", 100 * same / every if every else 0.0,
            Target(100, "%", at_least=True), shown=f"{100 * same / max(every, 1):g} % ({same} of {every})",
            note=note,
        )  # fmt: skip


def _execute(notebook: Path, last: str) -> None:
    """Run a tutorial, up to the cell that says ``last``."""
    import nbformat

    from notebooks.run import execute

    book = nbformat.read(notebook, as_version=4)
    until = next((place for place, cell in enumerate(book.cells) if last and last in cell.source), None)
    book.cells = book.cells[:until]
    execute(book, notebook)


def _again(name: str, home: Path, found: Counter[str]) -> None:
    """Run every trial of an experiment again, and count what its verdict says."""
    from jsk_saver import Experiment, Saver

    experiment = Experiment(name, saver=Saver(home=home, progress=False), sinks=())
    for known in experiment.trials():
        if not known.reproduces:
            _count(experiment.reproduce(known.name), found)


def _count(said: Any, found: Counter[str]) -> None:
    found["trials"] += 1
    found["runs"] += 1
    for what, items in (("metrics", said.metrics), ("objects", [*said.objects, *said.files])):
        counting = [item for item in items if item.verdict not in ("new", "not compared")]
        found[what] += len(counting)
        found[f"{what} same"] += sum(item.verdict in ("equal", "identical") for item in counting)
