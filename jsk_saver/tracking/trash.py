"""Deleted trials and experiments: moved aside, out of everybody's sight, until they are brought back.

::

    journal/
      .trash/iris-kmeans+<time>/                     an experiment
      iris-kmeans/.trash/baseline+<time>/            a trial; with what was still to be sent, as ``.unsent``
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from jsk_saver.asking import confirm, interactive
from jsk_saver.errors import NotAgreed, NotFound, TrialExists, TrialRunning
from jsk_saver.tracking import state
from jsk_saver.tracking.journal import copies, layout
from jsk_saver.tracking.sinks import cursor as cursors
from jsk_saver.tracking.sinks import pending
from jsk_saver.wording import count

TRASH = ".trash"
_UNSENT = ".unsent"
#: No name of an experiment or trial holds it.
_BETWEEN = "+"


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted, and what is left elsewhere.

    Parameters
    ----------
    what
        ``iris-kmeans``, or ``iris-kmeans/baseline``.
    trials
        The trials that were moved.
    stays
        Where copies of them stay: addresses of sinks, with the page or run there where it is known.
    """

    what: str
    trials: list[str] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        lines = [f"{self.what} is deleted ({count(len(self.trials), 'trial')}); restore brings it back."]
        lines += [f"  stays in {place}" for place in self.stays]
        return "\n".join(lines)


def delete(journal: Path, experiment: str, trial: str = "", *, yes: bool = False) -> Deleted:
    """Move a trial, or a whole experiment, to the trash.

    Parameters
    ----------
    journal
        The journal's folder.
    experiment, trial
        Which; the experiment with all its trials without a trial.
    yes
        Do not ask.

    Raises
    ------
    NotFound
        If there is none.
    TrialRunning
        If one of the trials still runs.
    NotAgreed
        If the answer is no, or nobody can be asked.
    """
    doomed, stays = _plan(journal, experiment, trial)
    what = f"{experiment}/{trial}" if trial else experiment
    asked = interactive()
    if not yes and not (asked and confirm(question(journal, experiment, trial))):
        raise NotAgreed(
            f"{what} was not deleted{'' if asked else ': nobody is here to be asked'}.",
            kept="All of it.",
            hint=_call("delete", experiment, trial, ", yes=True"),
        )
    unsent = [item for folder in doomed for item in _note_unsent(journal, folder)]
    source = journal / experiment / trial if trial else journal / experiment
    target = source.parent / TRASH / f"{source.name}{_BETWEEN}{time.time_ns()}"
    target.parent.mkdir(exist_ok=True)
    source.rename(target)
    for item in unsent:
        pending.done(journal, item)
    return Deleted(what, [folder.name for folder in doomed], stays)


def question(journal: Path, experiment: str, trial: str = "") -> str:
    """Return what to ask before something is deleted; refuses what :func:`delete` refuses."""
    doomed, stays = _plan(journal, experiment, trial)
    what = f"{experiment}/{trial}" if trial else f"{experiment} and its {count(len(doomed), 'trial')}"
    left = f" Copies stay in {', '.join(stays)}." if stays else ""
    return f"Delete {what}? restore brings it back.{left}"


def _plan(journal: Path, experiment: str, trial: str) -> tuple[list[Path], list[str]]:
    """Return the trials to be moved, and where copies of them stay."""
    folder = journal / layout.check_name(experiment, "experiment")
    doomed = [folder / layout.check_name(trial, "trial")] if trial else sorted(_trials(folder))
    if not all(path.is_dir() for path in (folder, *doomed)):
        what = f"{experiment}/{trial}" if trial else experiment
        raise NotFound(f"There is no {what}.", hint="Experiment.list()    # what there is")
    for path in doomed:
        if copies.read(path) is None and state.read(path).status == state.RUNNING:
            raise TrialRunning(
                f"{experiment}/{path.name} still runs.",
                kept="All of it.",
                hint="trial.finish()    # or stop its process; then delete it",
            )
    return doomed, list(dict.fromkeys(place for path in doomed for place in _places(path)))


def restore(journal: Path, experiment: str, trial: str = "") -> list[str]:
    """Bring back what was deleted last of that name, and return the trials that are there again.

    A name with ``+`` and the time, as in the trash, means one that was deleted earlier; ``+`` and the time
    alone, as the trial, an experiment that was.

    Raises
    ------
    NotFound
        If there is none in the trash.
    TrialExists
        If there is another one of its name by now.
    """
    if trial.startswith(_BETWEEN):
        experiment, trial = experiment + trial, ""
    asked = trial or experiment
    experiment, trial = experiment.partition(_BETWEEN)[0], trial.partition(_BETWEEN)[0]
    what = f"{experiment}/{trial}" if trial else experiment
    target = journal / experiment / trial if trial else journal / experiment
    found = [path for path in _inside(target.parent / TRASH) if asked in (_name(path), path.name)]
    if not found:
        known = ", ".join(deleted(journal, experiment if trial else ""))
        raise NotFound(f"There is no {what} in the trash.", hint=f"There are: {known or 'none'}.")
    source = found[-1]
    older = source.name if trial else source.name.removeprefix(experiment)
    if target.exists():
        if trial or any(_trials(target)) or deleted(journal, experiment):
            raise TrialExists(
                f"There is another {what} by now.",
                kept="Both, as they are.",
                hint=f"{_call('delete', experiment, trial)}    # then {_call('restore', experiment, older)}",
            )
        shutil.rmtree(target)  # made by naming it: there is nothing in it
    source.rename(target)
    back = [target] if trial else sorted(_trials(target))
    for folder in back:
        _put_on(journal, folder)
    return [folder.name for folder in back]


def deleted(journal: Path, experiment: str = "") -> list[str]:
    """Return the names of deleted trials of an experiment, or of deleted experiments, the newest last."""
    return [_name(path) for path in _inside(journal / experiment / TRASH)]


def holds(experiment: Path, identity: str) -> bool:
    """Tell whether a trial with that identity, or first writer, was deleted here: no pull brings it back."""
    for folder in _inside(experiment / TRASH):
        known = copies.read(folder)
        own = [path.stem for path in layout.writers(folder)]
        if identity in (own if known is None else [known.identity]):
            return True
    return False


def _call(verb: str, experiment: str, trial: str = "", more: str = "") -> str:
    said = f'"{trial}"{more}' if trial else more.removeprefix(", ")
    return f'Experiment("{experiment}").{verb}({said})'


def _places(trial: Path) -> Iterator[str]:
    """Yield where sinks have copies of a trial."""
    for path in sorted(trial.glob("*.cursor")):
        cursor = cursors.load(path)
        if cursor.sink and (cursor.events or cursor.memory):
            where = cursor.memory.get("url", "")
            yield f"{cursor.sink} ({where})" if where else cursor.sink


def _note_unsent(journal: Path, trial: Path) -> Iterator[pending.Pending]:
    """Note with a trial what is still to be sent of it, and yield that."""
    for item in list(pending.every(journal)):
        if item.folder(journal) == trial:
            handle = os.open(trial / _UNSENT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:  # it may hold a login
                json.dump(asdict(item), file)
            yield item


def _put_on(journal: Path, trial: Path) -> None:
    unsent = trial / _UNSENT
    if unsent.exists():
        with suppress(ValueError, TypeError):  # damaged: jsk trials sync --to still sends it
            pending.add(journal, pending.Pending(**json.loads(unsent.read_bytes())))
        unsent.unlink()


def _trials(experiment: Path) -> Iterable[Path]:
    return (path for path in _inside(experiment) if path.is_dir() and not path.name.startswith("."))


def _inside(folder: Path) -> list[Path]:
    """Return what is in a folder; in the trash, what was deleted last comes last."""
    try:
        return sorted(folder.iterdir(), key=lambda path: (path.name.rpartition(_BETWEEN)[2], path.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _name(path: Path) -> str:
    return path.name.rpartition(_BETWEEN)[0]
