"""Which environment a run gets: this one, the recorded kernel image, or a virtual one with those packages."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jsk_saver.errors import CannotReproduce, SettingsError
from jsk_saver.lineage import kernel, packages
from jsk_saver.tracking.reproduce.record import Wanted

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment

KINDS = ("auto", "here", "image", "venv")
#: The kit that reproduces is the one that runs, and pip is not what ran.
_NOT_COMPARED = ("jsk-saver", "pip")
_MOST_TOLD = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen before anything is built.

    Parameters
    ----------
    kind
        ``here``, ``image`` or ``venv``.
    python
        The interpreter to use, or to make an environment with.
    packages
        Lines ``name==version``.
    image, engine
        The kernel image and the command that runs it.
    notes
        What is to be told about it.
    """

    kind: str = "here"
    python: str = sys.executable
    packages: tuple[str, ...] = ()
    image: str = ""
    engine: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment that is ready.

    Parameters
    ----------
    python
        Its interpreter.
    told
        What it is, for people.
    image, engine
        The image it is in, and the command that runs it.
    """

    python: str
    told: str
    image: str = ""
    engine: str = ""


def choose(wanted: Wanted, asked: str) -> Choice:
    """Return which environment fits the record.

    Raises
    ------
    CannotReproduce
        If something it needs is missing.
    """
    if asked not in KINDS:
        raise SettingsError(f"There is no environment {asked!r}.", hint=f"One of: {', '.join(KINDS)}.")
    recorded = wanted.state.environment
    image = recorded.get("image", "")
    known = _recorded_packages(wanted)
    differences = _differences(known, recorded.get("python", "")) if known is not None else None
    same_image = not image or image == kernel.image()
    if asked == "here" or (asked == "auto" and differences == [] and same_image):
        return Choice(notes=_told(differences))
    if asked == "image" or (asked == "auto" and image):
        engine = next((path for name in ("docker", "podman") if (path := shutil.which(name))), "")
        if engine and image:
            from jsk_saver.tracking.reproduce import images

            images.need(engine, image)
            return Choice("image", "python", image=image, engine=engine)
        if asked == "image":
            what = "No kernel image was recorded" if not image else "There is no container engine here"
            raise CannotReproduce(f"{what}.", hint="--environment=venv")
    if known is None:
        raise CannotReproduce(
            "The list of packages was not kept, or is lost.",
            hint="--environment=here    # with what is installed here",
        )
    return Choice("venv", _interpreter(recorded.get("python", "")), tuple(known))


def make(experiment: Experiment, wanted: Wanted, choice: Choice, tell: Callable[[str], None]) -> Environment:
    """Return the environment, built if it is not there yet.

    Raises
    ------
    CannotReproduce
        If packages cannot be installed.
    """
    if choice.kind == "image":
        return Environment("python", f"the kernel image {choice.image}", choice.image, choice.engine)
    if choice.kind == "here":
        same = not choice.notes
        return Environment(
            sys.executable, "this one" + (", whose packages are those recorded" if same else "")
        )
    from jsk_saver.tracking.reproduce import venvs

    folder = experiment.saver.settings.home / "reproduce" / "environments"
    built = venvs.make(
        folder, choice.python, choice.packages, wanted.state.environment.get("python", ""), tell
    )
    how = "used again" if built.reused else "made"
    return Environment(
        str(built.python), f"a virtual one with the {len(choice.packages)} recorded packages ({how})"
    )


def _recorded_packages(wanted: Wanted) -> list[str] | None:
    path = wanted.kept("packages")
    if path is None or not path.exists():
        return None
    return path.read_text(encoding="utf-8").split()


def _differences(recorded: list[str], python: str) -> list[str]:
    """Return what is not here as it was, each as people say it."""
    here = dict(line.partition("==")[::2] for line in packages()[1].split())
    then = dict(line.partition("==")[::2] for line in recorded)
    now = sys.version.split()[0].rstrip("+")
    found = [f"Python {now} instead of {python}"] if python and python != now else []
    for name in sorted((here.keys() | then.keys()) - set(_NOT_COMPARED)):
        if here.get(name) != then.get(name):
            found.append(f"{name} {here.get(name, 'missing')} instead of {then.get(name, 'nothing')}")
    return found


def _told(differences: list[str] | None) -> list[str]:
    if differences is None:
        return ["Which packages were installed then is not known; those of this environment are used."]
    if not differences:
        return []
    shown = "; ".join(differences[:_MOST_TOLD])
    more = f"; and {len(differences) - _MOST_TOLD} more" if len(differences) > _MOST_TOLD else ""
    return [f"This environment is not the recorded one: {shown}{more}."]


def _interpreter(recorded: str) -> str:
    """Return a Python of the recorded minor version."""
    wanted = ".".join(recorded.split(".")[:2])
    if not wanted or wanted == "{}.{}".format(*sys.version_info[:2]):
        return sys.executable
    found = shutil.which(f"python{wanted}")
    if found is None:
        raise CannotReproduce(
            f"Python {wanted} is not installed here (the trial ran on {recorded}).",
            hint=f"Install python{wanted}, or --environment=here for Python {sys.version.split()[0]}.",
        )
    return found
