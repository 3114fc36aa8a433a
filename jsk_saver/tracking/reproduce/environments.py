"""Which environment a run gets: this one, the recorded kernel image, or a virtual one with those packages."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jsk_saver.errors import CannotReproduce, SettingsError
from jsk_saver.lineage import kernel, packages
from jsk_saver.tracking.reproduce import images
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


def choose(wanted: Wanted, asked: str, tell: Callable[[str], None]) -> Choice:
    """Return which environment fits the record; ``tell`` is told of what takes long.

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
    notes: list[str] = []
    same_image = not image or image == kernel.image()
    if asked == "here" or (asked == "auto" and differences == [] and same_image):
        return Choice(notes=_told(differences))
    if asked == "image" or (asked == "auto" and image):
        engine = images.engine()
        if engine and image:
            return _image(wanted, image, engine, known, tell)
        what = "No kernel image was recorded" if not image else "There is no container engine here"
        if asked == "image":
            raise CannotReproduce(f"{what}.", hint="--environment=venv")
        notes.append(f"{what}: instead of the kernel image {image}, a virtual environment.")
    if known is None:
        raise CannotReproduce(
            "The list of packages was not kept, is lost, or was altered.",
            hint="--environment=here    # with what is installed here",
        )
    return Choice("venv", _interpreter(recorded.get("python", "")), tuple(known), notes=notes)


def _image(
    wanted: Wanted, image: str, engine: str, known: list[str] | None, tell: Callable[[str], None]
) -> Choice:
    """Return the recorded image, once it is here and known to be able to run the program."""
    images.need(engine, image, tell)
    inside = images.inside(engine, image)
    if wanted.recipe.get("program", "").endswith(".ipynb") and not inside.notebooks:
        raise CannotReproduce(
            f"The kernel image {image} has no nbclient and ipykernel, which run notebooks.",
            hint="--environment=venv    # the recorded packages, without the image",
        )
    differences = None
    if known is not None:
        differences = _differences(known, wanted.state.environment.get("python", ""), inside)
    return Choice(
        "image", images.PYTHON, image=image, engine=engine, notes=_told(differences, "The kernel image")
    )


def make(experiment: Experiment, wanted: Wanted, choice: Choice, tell: Callable[[str], None]) -> Environment:
    """Return the environment, built if it is not there yet.

    Raises
    ------
    CannotReproduce
        If packages cannot be installed.
    """
    if choice.kind == "image":
        return Environment(choice.python, f"the kernel image {choice.image}", choice.image, choice.engine)
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
    listed = wanted.read("packages")
    return listed.decode("utf-8", "replace").split() if listed is not None else None


def _differences(recorded: list[str], python: str, inside: images.Inside | None = None) -> list[str]:
    """Return what is not here, or inside of an image, as it was, each as people say it."""
    installed = inside.packages if inside else packages()[1].split()
    here = dict(line.partition("==")[::2] for line in installed)
    then = dict(line.partition("==")[::2] for line in recorded)
    now = inside.python if inside else sys.version.split()[0].rstrip("+")
    found = [f"Python {now} instead of {python}"] if python and python != now else []
    for name in sorted((here.keys() | then.keys()) - set(_NOT_COMPARED)):
        if here.get(name) != then.get(name):
            found.append(f"{name} {here.get(name, 'missing')} instead of {then.get(name, 'nothing')}")
    return found


def _told(differences: list[str] | None, where: str = "This environment") -> list[str]:
    if differences is None:
        return [f"Which packages were installed then is not known. {where} is used as it is."]
    if not differences:
        return []
    shown = "; ".join(differences[:_MOST_TOLD])
    more = f"; and {len(differences) - _MOST_TOLD} more" if len(differences) > _MOST_TOLD else ""
    return [f"{where} is not the recorded one: {shown}{more}."]


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
