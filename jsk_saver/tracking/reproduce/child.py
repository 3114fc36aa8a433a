"""In the process that reproduces: new trials get names of their own, and links to those they are like."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.settings import REPRODUCE
from jsk_saver.tracking import values
from jsk_saver.tracking.journal import layout
from jsk_saver.tracking.reproduce.workspace import JOURNAL

if TYPE_CHECKING:
    from jsk_saver.tracking.trial import Trial

#: How many trials with the same parameters this process has ended.
_ended: Counter[str] = Counter()


def journal(real: Path, experiment: str) -> Path:
    """Return the journal of this run, in which the trials of before the program began are seen too.

    What this run makes is its own: of it, only what was asked for is kept in the journal of this machine.
    """
    run = Path(os.environ[REPRODUCE]).with_name(JOURNAL)
    folder, before = run / experiment, real / experiment
    if folder.is_dir() or not before.is_dir():
        return run
    run.mkdir(exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".", dir=run))
    (before / layout.CODE).mkdir(exist_ok=True)
    with suppress(FileNotFoundError):
        shutil.copyfile(before / layout.EXPERIMENT, part / layout.EXPERIMENT)
    plan = _plan()
    then = {trial["name"] for trial in plan["siblings"] if experiment == plan["experiment"]}
    for known in before.iterdir():
        shared = known.name in (layout.CODE, layout.PULLED_CODE)
        if shared or (known.name not in then and _began_before(known, plan["began"])):
            (part / known.name).symlink_to(known)
    try:
        part.rename(folder)
    except OSError:  # another process of the run was quicker
        shutil.rmtree(part)
    return run


def _began_before(trial: Path, moment: float) -> bool:
    """Tell whether a folder is that of a trial that had begun; its writers are named after when they did."""
    if trial.name.startswith(".") or not trial.is_dir():
        return False
    first = min((path.name for path in layout.writers(trial)), default="")
    number = first.partition("-")[0]
    return not number.isdecimal() or int(number) / 1e9 < moment


def place(
    experiment: str, name: str, params: Mapping[str, Any], links: Mapping[str, Any] | None
) -> tuple[str, dict[str, Any]]:
    """Return what a trial is called, and linked to: what was reproduced stays as it is."""
    plan = _plan()
    found = {**(links or {}), "reproduction": plan["run"]}
    if experiment != plan["experiment"]:
        return _renamed(name, plan["run"]), found
    like = next((trial for trial in plan["siblings"] if trial["name"] == name), None)
    like = like or closest(plan["siblings"], values.plain(params)) or {"name": plan["trial"]}
    found["reproduces"] = f"{experiment}/{like['name']}"
    return _renamed(name, plan["run"]), found


def conclude(trial: Trial) -> None:
    """Correct the link, now that all parameters are known."""
    plan = _plan()
    if trial.experiment.name != plan["experiment"]:
        return
    params = trial.params
    key = json.dumps(params, sort_keys=True)
    same = [known["name"] for known in plan["siblings"] if known["params"] == params]
    original = trial.name.removesuffix(f"-{plan['run']}")
    if same:
        chosen = original if original in same else same[min(_ended[key], len(same) - 1)]
        trial.link("link", values={"reproduces": f"{plan['experiment']}/{chosen}"})
    _ended[key] += 1


def closest(siblings: list[dict[str, Any]], params: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the first trial that has these parameters, perhaps among others."""
    return next((trial for trial in siblings if params and params.items() <= trial["params"].items()), None)


def _renamed(name: str, run: str) -> str:
    return f"{name[: layout.LONGEST_NAME - len(run) - 1].rstrip('-')}-{run}" if name else ""


def _plan() -> dict[str, Any]:
    return _read(os.environ[REPRODUCE])


@lru_cache(maxsize=1)
def _read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_bytes())
    return found
