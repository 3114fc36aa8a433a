"""Run the program: in a process group that ends with us, its output in a file that is followed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import RunFailed
from jsk_saver.settings import ARGUMENT, PREFIX
from jsk_saver.tracking import spawning
from jsk_saver.tracking.reproduce import images
from jsk_saver.tracking.reproduce.code import Place
from jsk_saver.tracking.reproduce.environments import Environment
from jsk_saver.tracking.reproduce.produced import EXECUTED
from jsk_saver.tracking.reproduce.record import Wanted
from jsk_saver.tracking.reproduce.workspace import Workspace

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment

#: What belongs to the trial or notebook from which we are called.
_OURS = ("JSK_TRIAL", "JSK_EXPERIMENT", "JSK_NOTEBOOK", "JPY_SESSION_NAME", "JPY_PARENT_PID", "MPLBACKEND")
_EVERY = 0.1
#: Seconds that a run has to end by itself once it is told to.
_PATIENCE = 5.0
_LINES_TOLD = 15


class _Terminated(KeyboardInterrupt):
    """We were told to end."""


def run(
    experiment: Experiment,
    wanted: Wanted,
    workspace: Workspace,
    place: Place,
    environment: Environment,
    echo: Callable[[str], None],
) -> None:
    """Run the program to its end.

    Raises
    ------
    RunFailed
        If it fails; its last lines are told.
    """
    variables = _variables(experiment, wanted, workspace, place)
    arguments = _arguments(wanted, workspace, place, environment)
    name = f"jsk-{workspace.name}"
    if environment.image:
        own, seen = images.own_home(workspace.folder)
        home = experiment.saver.settings.home
        mounted = [workspace.folder, home, *_stores(experiment, wanted), *_git_folder(workspace), *seen]
        arguments = images.command(
            environment.engine, environment.image, name, place.folder, variables | own, mounted, arguments
        )
        variables = {}
    with _ending_orderly(), workspace.log.open("wb") as log:
        process = subprocess.Popen(
            arguments,
            cwd=place.folder,
            env={**_inherited(wanted), **variables},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(workspace.lock,),
        )
        try:
            _follow(process, workspace.log, echo)
        finally:
            _end(process)
            if environment.image:
                images.stop(environment.engine, name)
    if process.returncode:
        raise _failure(process.returncode, workspace.log, place)


def _arguments(wanted: Wanted, workspace: Workspace, place: Place, environment: Environment) -> list[str]:
    recipe = wanted.recipe
    if place.program.suffix == ".ipynb":
        module = "jsk_saver.tracking.reproduce.notebooks"
        said = [str(place.program), environment.python, str(workspace.folder / EXECUTED)]
        if environment.image:
            return [environment.python, "-P", "-m", module, *said]
        return spawning.command(module, *said)
    given = wanted.arguments()
    if recipe.get("module"):
        return [environment.python, "-m", recipe["module"], *given]
    return [environment.python, str(place.program), *given]


def _inherited(wanted: Wanted) -> dict[str, str]:
    """Return our own environment without what belongs to our own work, or to the repository as it is now."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _OURS and not name.startswith(ARGUMENT)
    }
    root = wanted.recipe.get("root") if wanted.code.get("commit") else None
    here = [path for path in kept.get("PYTHONPATH", "").split(os.pathsep) if path]
    if root and here:
        outside = [path for path in here if not f"{os.path.realpath(path)}/".startswith(f"{root}/")]
        kept["PYTHONPATH"] = os.pathsep.join(outside)
    return kept


def _variables(experiment: Experiment, wanted: Wanted, workspace: Workspace, place: Place) -> dict[str, str]:
    settings = experiment.saver.settings
    said = {name: getattr(settings, name) for name in settings.origins if name not in ("lineage", "sinks")}
    said |= {"home": settings.home, "store": settings.store_uri}
    found = {PREFIX + name.upper(): _text(value) for name, value in said.items() if value not in (None, "")}
    paths = [str(path) for path in place.paths]
    inherited = _inherited(wanted).get("PYTHONPATH", "")
    found |= wanted.recipe.get("variables", {})
    found |= workspace.variables()
    found["PYTHONPATH"] = os.pathsep.join(filter(None, [*paths, inherited]))
    found["JSK_PARAMS"] = json.dumps(wanted.state.params)
    if place.program.suffix == ".ipynb":
        found["JSK_NOTEBOOK"] = str(place.program)
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _stores(experiment: Experiment, wanted: Wanted) -> Iterator[Path]:
    """Yield the local stores that the program reads and writes, as far as the record knows them."""
    known = [read["store"] for read in wanted.reads]
    known += [item.get("store", "") for trial in wanted.siblings for item in trial.outputs]
    for store in map(Path, dict.fromkeys([experiment.saver.settings.store_uri, *known])):
        if store.is_absolute() and store.exists():
            yield store


def _git_folder(workspace: Workspace) -> Iterator[Path]:
    from jsk_saver.lineage import repository

    repo = repository.find(str(workspace.code))
    if repo is not None:
        yield Path(repo.common_dir)


# While it runs ---------------------------------------------------------------------------------------


def _follow(process: subprocess.Popen[bytes], log: Path, echo: Callable[[str], None]) -> None:
    with log.open("r", encoding="utf-8", errors="replace") as said:
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_EVERY)
            text = said.read()
            if text:
                echo(text)
            if process.returncode is not None:
                return


@contextmanager
def _ending_orderly() -> Iterator[None]:
    """Turn requests to end into an exception, so that everything is cleaned up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:  # noqa: ARG001
        raise _Terminated(signal.Signals(number).name)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started, first kindly."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with suppress(OSError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)


def _failure(code: int, log: Path, place: Place) -> RunFailed:
    lines = log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()[-_LINES_TOLD:]
    how = f"ended with {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"
    said = "".join(f"\n  {line}" for line in lines)
    return RunFailed(
        f"{place.program.name} {how}; it said last:{said}",
        hint="--keep=FOLDER    # keeps the code as it ran, and all that it printed",
    )
