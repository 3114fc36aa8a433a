"""Processes that log trials, and say what that took: run by :mod:`bench.trials`.

``python -m bench.trials_probe large HOME POINTS``, ``work HOME bare|logging SECONDS`` or
``several HOME NUMBER TRIALS`` prints JSON.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import time
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


def work(home: Path, how: str, seconds: str) -> dict[str, Any]:
    """Do a fixed amount of work in small pieces, and log a metric after each, or not."""
    pieces = round(float(seconds) * RATE)
    turns = _turns_of(home.with_name("turns.txt"))
    if how == "bare":
        return _worked(pieces, turns, lambda _: None)
    silent = socket.create_server(("127.0.0.1", 0))  # takes connections, and never answers
    nowhere = f"http://127.0.0.1:{silent.getsockname()[1]}"
    os.environ |= {
        "AWS_ENDPOINT_URL_SAGEMAKER": nowhere, "AWS_ENDPOINT_URL_SAGEMAKER_METRICS": nowhere,
        "AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
    }  # fmt: skip
    experiment = _experiment("slow", home, ["sagemaker", f"mlflow:{nowhere}"])
    with experiment.trial(k=5) as trial:
        found = _worked(pieces, turns, lambda number: trial.log_metric("loss", 1 / (number + 1)))
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


def _worked(pieces: int, turns: int, log: Any) -> dict[str, Any]:
    start, processor = time.perf_counter(), time.process_time()
    for number in range(pieces):
        _piece(turns)
        log(number)
    return {"wall": time.perf_counter() - start, "processor": time.process_time() - processor}


def _piece(turns: int) -> int:
    total = 0
    for number in range(turns):
        total += number * number
    return total


def _turns_of(file: Path) -> int:
    """Return how many turns a piece of work has, so that 100 of them take about a second; measured once."""
    try:
        return int(file.read_text())
    except FileNotFoundError:
        start = time.process_time()
        _piece(2_000_000)
        turns = round(2_000_000 / (time.process_time() - start) / RATE)
        file.write_text(str(turns))
        return turns


if __name__ == "__main__":
    main()
