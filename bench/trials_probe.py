"""Processes that log trials, and say what that took: run by :mod:`bench.trials`.

``python -m bench.trials_probe large HOME POINTS``, ``work HOME PAIRS SECONDS`` or
``several HOME NUMBER TRIALS`` prints JSON.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.own_memory import status

#: Metrics a second, as the target says.
RATE = 100


def main() -> None:
    what, home, *rest = sys.argv[1:]
    actions = {"large": large, "work": work, "several": several}
    print(json.dumps(actions[what](Path(home), *rest)))


def large(home: Path, points: str) -> dict[str, Any]:
    """Log many points to one trial, then plot them."""
    experiment = _experiment("large", home, [])
    with experiment.trial("warm") as trial:
        trial.log_metric("loss", 0.5)
    gc.collect()
    before, most, start = status("VmRSS"), 0, time.perf_counter()
    with experiment.trial("large") as trial:
        for step in range(int(points)):
            trial.log_metric("loss", (step % 977) / 977, step)
            if step % 50_000 == 0:
                most = max(most, status("VmRSS"))
        most = max(most, status("VmRSS"))
    logged = time.perf_counter() - start
    most = max(most, status("VmRSS"))
    experiment.plot("loss", pattern="trial:warm")._repr_png_()  # libraries are imported, fonts are known
    start = time.perf_counter()
    experiment.plot("loss", pattern="trial:large")._repr_png_()
    return {"grown": most - before, "logged": logged, "plotted": time.perf_counter() - start}


def work(home: Path, pairs: str, seconds: str) -> dict[str, Any]:
    """Do the same work in small pieces, and log a metric after each, or not: in turns, in one process.

    Two processes that do the same differ by 2 to 4 %, by where their memory happens to lie.
    """
    step = _training()
    turns, pieces = _turns(step), round(float(seconds) * RATE)
    silent = socket.create_server(("127.0.0.1", 0))  # takes connections, and never answers
    nowhere = f"http://127.0.0.1:{silent.getsockname()[1]}"
    os.environ |= {
        "AWS_ENDPOINT_URL_SAGEMAKER": nowhere, "AWS_ENDPOINT_URL_SAGEMAKER_METRICS": nowhere,
        "AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
    }  # fmt: skip

    home = home / "kit"  # which is not among this process's own arguments: see _end_couriers

    def logging() -> dict[str, float]:
        experiment = _experiment("slow", home, ["sagemaker", f"mlflow:{nowhere}"])
        with experiment.trial(k=5) as trial:
            found = _worked(step, pieces, turns, lambda piece: trial.log_metric("loss", 1 / (piece + 1)))
        _end_couriers(home)  # they would try again while the next works
        return found

    def bare() -> dict[str, float]:
        return _worked(step, pieces, turns, lambda _: None)

    ways = {"bare": bare, "logging": logging}
    logging()  # all is imported
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for number in range(int(pairs)):
        for name in list(ways)[:: 1 if number % 2 else -1]:
            found[name].append(ways[name]())
    silent.close()
    return found


def several(home: Path, number: str, trials: str) -> dict[str, Any]:
    """Run trials one after another, as other processes do in the same journal."""
    experiment = _experiment("several", home, [])
    for one in range(int(trials)):
        with experiment.trial(process=int(number), number=one) as trial:
            for step in range(10):
                trial.log_metric("loss", 1 / (step + 1))
    return {"trials": int(trials)}


# Helpers ---------------------------------------------------------------------------------------------


def _experiment(name: str, home: Path, sinks: list[str]) -> Any:
    from jsk_saver import Experiment, Saver

    return Experiment(name, saver=Saver(home=home, progress=False), sinks=sinks)


def _worked(
    step: Callable[[int], Any], pieces: int, turns: int, log: Callable[[int], Any]
) -> dict[str, float]:
    start, processor = time.perf_counter(), time.process_time()
    for number in range(pieces):
        step(turns)
        log(number)
    return {"wall": time.perf_counter() - start, "processor": time.process_time() - processor}


def _training() -> Callable[[int], Any]:
    """Return what takes so many steps of gradient descent.

    Not a loop over Python's numbers: its speed depends by several percent on where they lie in memory.
    """
    import numpy as np

    random = np.random.default_rng(0)
    data, wanted, weights = random.normal(size=(400, 40)), random.normal(size=400), np.zeros(40)

    def steps(turns: int) -> None:
        for _ in range(turns):
            weights[:] -= 1e-3 * (data.T @ (data @ weights - wanted))

    return steps


def _turns(step: Callable[[int], Any]) -> int:
    """Return how many turns a piece of work has, so that 100 of them take about a second."""
    step(1_000)
    start = time.process_time()
    step(20_000)
    return round(20_000 / (time.process_time() - start) / RATE)


def _end_couriers(home: Path) -> None:
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        if any(str(home) in part for part in process.info["cmdline"] or ()):
            process.kill()


if __name__ == "__main__":
    main()
