"""Kernel images: a plan, a delta's bytes and time, how soon a cell runs, two attachments at once."""

from __future__ import annotations

import gzip
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bench.context import Context
from bench.rounds import Contestant, in_turns
from bench.rows import Exactly, Row, Target, compared, duration, measured

if TYPE_CHECKING:
    from bench.kernel_world import World

ROOT = Path(__file__).parent.parent
DELTA, WHOLE = "delta on the base", "full rebuild of the same lock"
TIMES, DOMAIN = 50, "d-bench"
_HOME, _MARK, _PYTHON = {"HOME": "/home/sagemaker-user"}, "measured ", "/opt/jsk/env/bin/python"
_START = """
import json, subprocess, sys, time
begun = time.perf_counter()
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name=sys.argv[1])
client.execute_interactive("1 + 1", timeout=120, output_hook=lambda message: None)
first = time.perf_counter() - begun
code = "import time; t = time.perf_counter(); import ipykernel.kernelapp; print(time.perf_counter() - t)"
imports = float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
client.stop_channels()
manager.shutdown_kernel(now=True)
print("measured " + json.dumps([first, imports]))
"""


def kernels(context: Context) -> Iterator[Row]:
    """Measure everything that is said of kernel images, as far as this machine can build any."""
    try:
        from bench.kernel_world import World
        from tests.servers.s3 import ServerUnavailable
    except ImportError as error:
        yield _not_measured("kernels", "kernel images", f"{error}")
    else:
        with ExitStack() as stack:
            try:
                world = stack.enter_context(World(context.folder / "kernels"))
            except ServerUnavailable as reason:
                yield _not_measured("kernels", "kernel images", str(reason))
            else:
                yield from _images(context, world)
    yield from _attachments(context)


def _not_measured(key: str, measure: str, reason: str) -> Row:
    return Row(key, measure, "not measured", note=reason)


def _images(context: Context, world: World) -> Iterator[Row]:
    yield _pushed(world)
    yield _plan(context, world)
    yield _built(world)
    yield _started(context, world)


# A plan ----------------------------------------------------------------------------------------------


def _plan(context: Context, world: World) -> Row:
    """Time the command as a pipeline runs it: a process of its own, once for each plan."""
    folder = world.experiment("1.0")
    command = [sys.executable, "-m", "jsk_ci.cli", "plan", str(folder), "--registry", world.where, "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "ci")])}
    runs = []
    for _ in range(context.rounds(10) + 1):
        begun = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        runs.append(time.perf_counter() - begun)
        assert json.loads(done.stdout)["decision"] == "nothing", done.stdout
    taken = statistics.median(runs[1:])
    note = "the whole command, Python's start included; the registry is on the same machine"
    return measured(
        "kernels.plan", "nothing changed: the plan's decision", taken, Target(2, "s"),
        shown=duration(taken), note=note,
    )  # fmt: skip


# A package more --------------------------------------------------------------------------------------


def _pushed(world: World) -> Row:
    """Count what goes over the wire for one pure-Python package more."""
    sent, kept = world.deliver(world.experiment("1.0"))
    package = _compressed(world.wheel("1.0"))
    ratio = sent / package
    return measured(
        "kernels.pushed", "one pure-Python package added: bytes pushed", ratio, Target(1.3),
        shown=f"{ratio:.2f} × ({sent:,} bytes)",
        note=f"against {package:,} bytes, its files in a compressed tar; the registry kept {kept:,} of them",
    )  # fmt: skip


def _compressed(wheel: Path) -> int:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar, zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return len(gzip.compress(out.getvalue(), 6))


def _built(world: World) -> Row:
    numbers = {DELTA: 1, WHOLE: 1}

    def contestant(name: str, *, fresh: bool) -> Contestant:
        def another() -> None:  # each round another version, so that nothing was built before
            numbers[name] += 1

        def run() -> str:
            project = world.experiment if name == DELTA else world.whole
            return world.build(project(f"{numbers[name]}.0"), fresh=fresh)

        return Contestant(name, run, another)

    times = in_turns([contestant(DELTA, fresh=False), contestant(WHOLE, fresh=True)], world.rounds)
    note = (
        "build and push; packages come from the installer's cache on both sides. The base is a small one "
        "(JupyterLab, ipykernel, the kit): the whole one makes the difference larger"
    )
    measure = "one package more, from lock to pushed image"
    return compared("kernels.delta", measure, times, DELTA, WHOLE, target=Target(5, at_least=True), note=note)


# A start ---------------------------------------------------------------------------------------------


def _started(context: Context, world: World) -> Row:
    from jsk_ci.builders.base import Container

    image, name = world.image(world.experiment("1.0"))
    runs = []
    for _ in range(context.rounds(5) + 1):
        begun = time.perf_counter()
        ran = world.builder.run(Container(image, [_PYTHON, "-c", "pass"]))
        empty = time.perf_counter() - begun
        assert ran.code == 0, ran.output
        ran = world.builder.run(Container(image, [_PYTHON, "-c", _START, name], variables=_HOME))
        told = [line for line in ran.output.splitlines() if line.startswith(_MARK)]
        if not told:
            raise RuntimeError(f"no cell ran in {image}:\n{ran.output[-3000:]}")
        runs.append([empty, *json.loads(told[0].removeprefix(_MARK))])
    empty, first, imports = (statistics.median(column) for column in zip(*runs[1:], strict=True))
    whole = empty + first
    note = (
        f"a container that does nothing {duration(empty)}, then the client's imports, the kernel and the "
        f"cell {duration(first)}; the kernel's imports are {duration(imports)}, {imports / whole:.0%} of it"
    )
    return Row(
        "kernels.start", "an experiment's image, from start to first executed cell", duration(whole),
        note=note, figures={"container, cell, imports": runs[1:]},
    )  # fmt: skip


# Two at once -----------------------------------------------------------------------------------------


def _attachments(context: Context) -> Iterator[Row]:
    """Let two processes attach at once, again and again, and count what was lost."""
    measure = f"two attachments at once, {context.scaled(TIMES)} times: updates lost"
    try:
        from bench.kernel_world import two_workers
    except ImportError as error:
        yield _not_measured("kernels.attach", measure, f"{error}")
        return
    lost, taken = 0, []
    with two_workers(DOMAIN) as (workers, offered):
        for turn in range(context.scaled(TIMES)):
            version = turn % 2 + 1
            begun = time.perf_counter()
            for name, worker in workers.items():
                worker.tell(f"{DOMAIN} {name} {version}")
            for worker in workers.values():
                worker.hear()
            taken.append(time.perf_counter() - begun)
            lost += sum(found != version for found in offered().values())
    both = duration(statistics.median(taken))
    note = f"two processes, a lease in S3; {both} for both, without the time that SageMaker takes"
    yield measured("kernels.attach", measure, lost, Exactly(0, "updates"), shown=f"{lost}", note=note)
