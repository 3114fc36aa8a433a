"""What running a trial again needs, and what of that is missing: named one by one, before anything runs."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jsk_saver.errors import CannotReproduce, JskError, NotFound
from jsk_saver.lineage import changes, repository
from jsk_saver.settings import ARGUMENT
from jsk_saver.tracking import beside, masking
from jsk_saver.tracking.reproduce import environments
from jsk_saver.tracking.reproduce.record import Read, Wanted

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment

_NOTEBOOK = ".ipynb"


class Piece(NamedTuple):
    """Something that is missing: what, and what can be done."""

    what: str
    hint: str = ""


@dataclass(slots=True)
class Found:
    """What was found of what is needed."""

    missing: list[Piece] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    root: str = ""
    left_out: list[dict[str, Any]] = field(default_factory=list)
    environment: environments.Choice = field(default_factory=environments.Choice)
    #: What to type before anything can run at all.
    first: str = ""


def check(
    experiment: Experiment,
    wanted: Wanted,
    environment: str,
    repository: str | Path | None,
    tell: Callable[[str], None],
) -> Found:
    """Return what is there and what is missing; ``tell`` is told of what takes long."""
    found = Found()
    if not wanted.recipe:
        found.missing.append(Piece("The record says nothing of how the trial was run."))
        return found
    _check_code(wanted, found, repository)
    _check_changes(wanted, found)
    _check_program(wanted, found)
    _check_arguments(wanted, found)
    found.missing += [Piece(*piece) for piece in _missing_inputs(experiment, wanted)]
    if wanted.recipe.get("left_out"):
        found.notes.append(
            f"{wanted.recipe['left_out']} more versions were read before the trial; they are not pinned."
        )
    try:
        found.environment = environments.choose(wanted, environment, tell)
        found.notes += found.environment.notes
    except CannotReproduce as error:
        found.missing.append(Piece(error.what, error.hint))
    _check_notebook(wanted, found)
    return found


def refusal(wanted: Wanted, found: Found) -> CannotReproduce:
    """Return the error that names all that is missing."""
    missing = found.missing
    lines = [f"\n  - {piece.what}" + (f"\n      {piece.hint}" if piece.hint else "") for piece in missing]
    what = f"{wanted.address} cannot be run again as it was; missing:" + "".join(lines)
    anyway = f"jsk reproduce {wanted.address} --anyway    # with what there is"
    return CannotReproduce(what, kept="The record, as it is; nothing has run.", hint=found.first or anyway)


def _check_code(wanted: Wanted, found: Found, asked: str | Path | None) -> None:
    commit, remote = wanted.code.get("commit"), wanted.code.get("remote", "")
    if not commit:
        _check_beside(wanted, found)
        return
    recorded = [wanted.recipe.get("root", ""), wanted.recipe.get("shared", "")]
    places = [os.fspath(asked)] if asked else [os.getcwd(), *recorded]  # noqa: PTH109
    known = [repo.root for place in places if place and (repo := repository.find(os.path.realpath(place)))]
    found.root = next((root for root in known if _has(root, commit)), "")
    if not found.root:
        looked = ", ".join(dict.fromkeys(known)) or "no repository"
        fetch = f"git -C {known[0]} fetch origin {commit}" if known else f"git clone {remote}"
        hint = fetch if asked else f"{fetch}    # or --repository=/where/it/is"
        found.missing.append(
            Piece(f"The commit {commit[:12]} ({remote or 'no remote'}) is not in {looked}.", hint)
        )


def _check_beside(wanted: Wanted, found: Found) -> None:
    """Name what the program imports from files that no commit holds."""
    program, data = str(wanted.recipe.get("program", "")), wanted.read("kept")
    if not program or data is None:
        return
    place = Path(wanted.recipe.get("root", ""), program)
    files = wanted.recipe.get("beside")
    files = beside.modules(str(place), data) if files is None else files
    path = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    for file in files:
        if not beside.is_on_path(file, path):
            what = f"{file}, which {place.name} imports, was not kept: no commit was recorded."
            found.missing.append(
                Piece(what, f"export PYTHONPATH={place.parent}    # where it lay; or elsewhere")
            )
    found.notes.append("No commit was recorded: only the program itself is run, without files beside it.")


def _has(root: str, commit: str) -> bool:
    command = ["git", "cat-file", "-e", f"{commit}^{{commit}}"]
    return subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 0


def _check_changes(wanted: Wanted, found: Found) -> None:
    dirty = wanted.code.get("dirty")
    if not dirty or not wanted.code.get("commit"):
        return
    kept = wanted.read("changes")
    if kept is None:
        found.missing.append(Piece(f"The uncommitted changes ({dirty[:12]}) were not kept, or are lost."))
        return
    about, _ = changes.split(kept)
    if about.get("moved"):
        found.notes.append(
            "The working tree changed while its changes were kept: they may not be quite those."
        )
    for item in about.get("left_out", ()):
        here = Path(wanted.recipe.get("root", ""), item["path"])
        if _same(here, item):
            found.left_out.append(item)
        else:
            megabytes = item["size"] / 1e6
            found.missing.append(
                Piece(
                    f"The untracked file {item['path']} ({megabytes:.1f} MB) was too large to be kept, "
                    f"and is no longer as it was in {wanted.recipe.get('root')}.",
                    "saver.put large files instead",
                )
            )


def _same(path: Path, item: dict[str, Any]) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    return path.is_file() and (found.st_size, found.st_mtime_ns) == (item["size"], item["modified"])


def _check_program(wanted: Wanted, found: Found) -> None:
    program = wanted.recipe.get("program")
    if not program:
        found.missing.append(
            Piece("What ran was typed at a prompt, or piped in: there is nothing to run again.")
        )
        return
    path, kept = wanted.kept("kept"), wanted.read("kept")
    if kept is None and path is not None and path.exists():
        found.missing.append(Piece(f"The content of {program} was altered since it was kept."))
    elif kept is None and (Path(program).is_absolute() or not found.root):
        found.missing.append(Piece(f"The content of {program} was not kept, or is lost."))


def _check_notebook(wanted: Wanted, found: Found) -> None:
    """Name what runs notebooks; an image has its own, or was not chosen."""
    if not str(wanted.recipe.get("program", "")).endswith(_NOTEBOOK) or found.environment.image:
        return
    if importlib.util.find_spec("nbclient") is None:
        found.missing.append(Piece("Running a notebook needs nbclient.", "pip install nbclient ipykernel"))


def _check_arguments(wanted: Wanted, found: Found) -> None:
    """Name the arguments that hold secrets: a program is not run with stars, not even with --anyway."""
    if str(wanted.recipe.get("program", "")).endswith(_NOTEBOOK):
        return
    told = [str(argument) for argument in wanted.recipe.get("arguments", ())]
    for at in wanted.untold():
        shown = " ".join(told[max(0, at - 2) : at] if told[at - 1] == masking.STARS else told[at - 1 : at])
        hint = f"export {ARGUMENT}{at}=…    # the whole of it"
        found.first = found.first or hint
        what = f"The argument {at} ({shown}) holds a secret, which is not recorded."
        found.missing.append(Piece(what, hint))


def _missing_inputs(experiment: Experiment, wanted: Wanted) -> Iterator[tuple[str, str]]:
    from concurrent.futures import ThreadPoolExecutor

    unique = list({(read["store"], read["name"], read["version"]): read for read in wanted.reads}.values())
    if not unique:
        return
    with ThreadPoolExecutor(8) as pool:
        for read, problem in zip(
            unique, pool.map(lambda read: _problem(experiment, read), unique), strict=True
        ):
            if problem:
                hint = f'saver.history("{read["name"]}")'
                yield f"{read['name']} in version {read['version']}: {problem}", hint


def _problem(experiment: Experiment, read: Read) -> str:
    from jsk_saver.saver import Saver

    saver = experiment.saver
    try:
        if read["store"] != saver.store.uri:
            saver = Saver(read["store"], **saver.connection.overrides)
        saver.store.head(read["name"], read["version"])
    except NotFound:
        return f"no longer in {read['store']} (purged?)"
    except JskError as error:
        return error.what
    return ""
