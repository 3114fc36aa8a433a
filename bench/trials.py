"""Trials: what logging costs and how fast many are compared, against MLflow; what training notices of it."""

from __future__ import annotations

import itertools
import json
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.context import Context
from bench.reproducing import reproduced
from bench.rounds import Contestant, in_turns
from bench.rows import Exactly, Row, Target, compared, duration, measured

OURS, SQLITE, ASYNC = "jsk_saver", "MLflow on SQLite", "MLflow, asynchronous"
ROOT = Path(__file__).parent.parent
#: What the target speaks of.
TRIALS, COLUMNS, POINTS = 1_000, 50, 1_000_000
PROCESSES, EACH = 8, 100
#: Short trials that are timed together.
_AT_ONCE = 20
#: Pairs of the slowdown, and seconds of work in each half.
_PAIRS, _WORK = 12, 10.0


def trials(context: Context) -> Iterator[Row]:
    """Measure everything that is said of trials."""
    mlflow = _mlflow(context)
    yield from _logging(context, mlflow)
    yield _short(context, mlflow)
    yield _compared(context, mlflow)
    yield from _large(context)
    yield _at_once(context)
    yield from reproduced(context)


def _mlflow(context: Context) -> Any:
    """Return MLflow, on a SQLite file of this run."""
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    import mlflow

    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    folder = context.folder / "mlflow"
    folder.mkdir(exist_ok=True)
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    number = mlflow.create_experiment("bench", artifact_location=(folder / "artifacts").as_uri())
    mlflow.set_experiment(experiment_id=number)
    return mlflow


def _experiment(context: Context, name: str) -> Any:
    from jsk_saver import Experiment

    return Experiment(name, saver=context.local_saver(f"trials-{name}"), sinks=())


# One metric ------------------------------------------------------------------------------------------


def _logging(context: Context, mlflow: Any) -> Iterator[Row]:
    calls, fewer = context.scaled(20_000), context.scaled(200, 20)
    seconds: dict[str, list[list[float]]] = {OURS: [], SQLITE: [], ASYNC: []}
    with _experiment(context, "logging").trial() as trial, mlflow.start_run():
        waiting: list[Any] = []

        def asynchronous(name: str, value: float, step: int) -> None:
            waiting.append(mlflow.log_metric(name, value, step, synchronous=False))

        ways: dict[str, tuple[Callable[..., Any], int]] = {
            OURS: (trial.log_metric, calls),
            SQLITE: (mlflow.log_metric, fewer),
            ASYNC: (asynchronous, fewer),
        }
        for number in range(-1, context.rounds(10)):
            for name in _another_first(list(ways), number):
                log, count = ways[name]
                taken = _each(log, name.split(",")[-1].strip(), count)
                while waiting:
                    waiting.pop().wait()
                if number >= 0:
                    seconds[name].append(taken)
    ours = sorted(itertools.chain.from_iterable(seconds[OURS]))
    p50, p99 = (ours[int(len(ours) * part)] * 1e6 for part in (0.5, 0.99))
    note = f"{len(ours):,} calls, each timed; its own thread writes to the disk meanwhile"
    yield measured("trials.log.p50", "log_metric: half of all within", p50, Target(20, "µs"), note=note)
    yield measured("trials.log.p99", "log_metric: 99 % within", p99, Target(200, "µs"))
    for peer, times in ((SQLITE, 100), (ASYNC, 10)):
        yield _faster(peer, seconds, Target(times, at_least=True))


def _each(log: Callable[..., Any], name: str, count: int) -> list[float]:
    clock, taken = time.perf_counter, []
    for step in range(count):
        start = clock()
        log(name, 0.5, step)
        taken.append(clock() - start)
    return taken


def _faster(peer: str, seconds: dict[str, list[list[float]]], target: Target) -> Row:
    """Return the line of the medians of single calls: the ratio is the median of those of the rounds."""
    medians = {name: [statistics.median(one) for one in seconds[name]] for name in (OURS, peer)}
    ratio = statistics.median(t / o for o, t in zip(medians[OURS], medians[peer], strict=True))
    ours, theirs = (statistics.median(medians[name]) for name in (OURS, peer))
    return Row(
        f"trials.log.{'async' if peer == ASYNC else 'sqlite'}", "log_metric", f"{ours * 1e6:.2f} µs", peer,
        f"{theirs * 1e6:.0f} µs", f"{ratio:.0f} × faster", f"{target} faster", target.met_by(ratio),
        figures={"ratio": ratio, "seconds": medians},
    )  # fmt: skip


# A whole trial ---------------------------------------------------------------------------------------


def _short(context: Context, mlflow: Any) -> Row:
    experiment = _experiment(context, "short")

    def ours() -> None:
        for _ in range(_AT_ONCE):
            with experiment.trial(k=5) as trial:
                trial.log_metric("loss", 0.5)

    def theirs() -> None:
        for _ in range(_AT_ONCE):
            with mlflow.start_run():
                mlflow.log_param("k", 5)
                mlflow.log_metric("loss", 0.5)

    times = in_turns([Contestant(OURS, ours), Contestant(SQLITE, theirs)], context.rounds(10))
    measure = f"{_AT_ONCE} short trials: a parameter, a metric"
    note = "ours with commit, notebook, packages and machine"
    return compared("trials.short", measure, times, OURS, SQLITE, target=Target(5, at_least=True), note=note)


# Many trials -----------------------------------------------------------------------------------------


def _compared(context: Context, mlflow: Any) -> Row:
    from mlflow.entities import Metric, Param

    count = context.scaled(TRIALS)
    experiment = _experiment(context, "many")
    number = mlflow.create_experiment("many", artifact_location=(context.folder / "mlflow/many").as_uri())
    client = mlflow.MlflowClient()
    for trial_number in range(count):
        params = {f"parameter_{i:02}": trial_number * i for i in range(COLUMNS)}
        values = {f"metric_{i:02}": trial_number / (i + 1) for i in range(COLUMNS)}
        with experiment.trial() as trial:
            trial.log_params(params)
            trial.log_metrics(values)
        run = client.create_run(number).info.run_id
        client.log_batch(
            run,
            metrics=[Metric(name, value, 0, 0) for name, value in values.items()],
            params=[Param(name, str(value)) for name, value in params.items()],
        )
        client.set_terminated(run)

    def ours() -> Any:
        frame = _experiment(context, "many").compare()  # one that knows nothing yet
        assert len(frame) == count
        return frame

    def theirs() -> Any:
        frame = mlflow.search_runs([number], max_results=count)
        assert len(frame) == count
        return frame

    times = in_turns([Contestant(OURS, ours), Contestant(SQLITE, theirs)], context.rounds(7))
    measure = f"compare {count:,} trials of {COLUMNS} parameters and {COLUMNS} metrics"
    taken, ratio = times.median(OURS), times.ratio(SQLITE, OURS)
    return Row(
        "trials.compare", measure, duration(taken), "mlflow.search_runs, SQLite",
        duration(times.median(SQLITE)), f"{ratio:.2f} × faster", "≤ 0.5 s, and faster",
        taken <= 0.5 and ratio > 1, "files in the system's cache, on both sides",
        {"ratio": ratio, "seconds": times.seconds},
    )  # fmt: skip


# A large trial ---------------------------------------------------------------------------------------


def _large(context: Context) -> Iterator[Row]:
    count = context.scaled(POINTS)
    found = _probe("large", context.folder / "home-large", count)
    what = f"{count:,} points in one trial"
    grown = found["grown"] / 1e6
    yield measured(
        "trials.large.memory", f"{what}: memory of the process", grown, Target(50, "MB"),
        shown=f"+{grown:.1f} MB", note=f"most at any time; logged in {found['logged']:.1f} s",
    )  # fmt: skip
    yield measured(
        "trials.large.plot", f"{what}: plot", found["plotted"], Target(2, "s"),
        shown=duration(found["plotted"]), note="of a trial that was just finished; drawn to a PNG",
    )  # fmt: skip


# What nothing must slow down -------------------------------------------------------------------------


def slowdown(context: Context) -> Iterator[Row]:
    """Measure what training notices of a trial whose sinks are behind a dead network."""
    found = _probe("work", context.folder / "slow", context.rounds(_PAIRS), _WORK)
    pairs = list(zip(found["logging"], found["bare"], strict=True))
    ratios = {what: [ours[what] / bare[what] for ours, bare in pairs] for what in ("wall", "processor")}
    slower, more = ((statistics.median(ratios[what]) - 1) * 100 for what in ratios)
    low, _, high = ((quarter - 1) * 100 for quarter in statistics.quantiles(ratios["wall"], n=4))
    yield measured(
        "trials.slowdown", "training that logs 100 metrics/s to two sinks behind a dead network: slowdown",
        slower, Target(1, "%"), shown=f"{slower:+.2f} %",
        note=f"{len(pairs)} pairs of {_WORK:.0f} s of work, half of them {low:+.1f} to {high:+.1f} %; "
        f"processor time {more:+.2f} %",
    )  # fmt: skip


# Many at once ----------------------------------------------------------------------------------------


def _at_once(context: Context) -> Row:
    each = context.scaled(EACH)
    home = context.folder / "home-at-once"
    start = time.perf_counter()
    running = [_start("several", home, number, each) for number in range(PROCESSES)]
    failed = [error for process in running if (error := process.communicate()[1]) and process.returncode]
    taken = time.perf_counter() - start
    from jsk_saver import Experiment, Saver

    known = Experiment("several", saver=Saver(home=home, progress=False), sinks=()).trials("status:completed")
    whole = [
        trial for trial in known
        if trial.params.keys() == {"process", "number"} and trial.metrics["loss"].count == 10
    ]  # fmt: skip
    wanted = PROCESSES * each
    note = f"{taken:.1f} s; {len(failed)} processes failed" + "".join(failed)[-500:]
    return measured(
        "trials.at_once", f"{PROCESSES} processes × {each} trials at once: whole trials", len(whole),
        Exactly(wanted, "trials"), shown=f"{len(whole)}", note=note,
    )  # fmt: skip


# Helpers ---------------------------------------------------------------------------------------------


def _another_first(names: list[str], number: int) -> list[str]:
    first = number % len(names)
    return [*names[first:], *names[:first]]


def _start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.trials_probe", *map(str, arguments)]
    alone = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=ROOT, env=alone, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def _probe(*arguments: object) -> dict[str, Any]:
    process = _start(*arguments)
    out, error = process.communicate()
    if process.returncode:
        raise RuntimeError(f"trials probe {arguments[0]} failed:\n{error[-3000:]}")
    return dict(json.loads(out))
