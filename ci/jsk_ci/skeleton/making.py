"""Make a new repository: all of it beside its place, and then there at once."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jsk_ci import lockfile
from jsk_ci.editing import poetry
from jsk_ci.errors import LockError, ProjectError
from jsk_ci.project import PLACEHOLDER
from jsk_ci.skeleton import files
from jsk_ci.skeleton.wishes import Wish
from jsk_saver.errors import AlreadyThere, SettingsError

Tell = Callable[[str], None]

#: As GitFlow has them; work starts from the second.
BRANCHES = ("main", "develop")
_MESSAGE = "Start the experiment"


@dataclass(frozen=True, slots=True)
class Made:
    """A new repository.

    Parameters
    ----------
    name, folder
        What it is called, and where it is.
    files
        What is in it.
    branches
        Of Git; the last is checked out.
    commit
        The first.
    lock
        ``poetry`` if it wrote the lock, ``base`` if it is part of the base's.
    notes
        What is left to do.
    """

    name: str
    folder: str
    files: tuple[str, ...]
    branches: tuple[str, ...] = BRANCHES
    commit: str = ""
    lock: str = "base"
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)


def plan(wish: Wish) -> Made:
    """Return what would be made.

    Raises
    ------
    JskError
        Whatever :func:`make` would raise before it begins.
    """
    wish.check()
    _check_git()
    return Made(wish.name, str(wish.folder), tuple(files.render(wish)), notes=_notes(wish))


def make(wish: Wish, tell: Tell) -> Made:
    """Make the repository, with its first commit.

    Raises
    ------
    InvalidName, AlreadyThere
        See :meth:`Wish.check`.
    SettingsError
        If Git does not know who commits.
    ProjectError
        If Git fails.
    """
    planned = plan(wish)
    contents = files.render(wish)
    wish.folder.parent.mkdir(parents=True, exist_ok=True)
    with _beside(wish.folder) as folder:
        for path, text in contents.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        by_poetry = not wish.offline and _locked_by_poetry(folder, contents["poetry.lock"], tell)
        commit = _commit(folder, wish)
        try:
            folder.rename(wish.folder)
        except OSError as error:
            raise AlreadyThere(f"{wish.folder} appeared meanwhile.", kept="It stays as it is.") from error
    lock = "poetry" if by_poetry else "base"
    return Made(planned.name, planned.folder, planned.files, BRANCHES, commit, lock, planned.notes)


def git(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run Git and return what it printed.

    Raises
    ------
    ProjectError
        With its last words.
    """
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        said = "\n    ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-6:])
        raise ProjectError(f"git {arguments[0]} failed:\n    {said}")
    return done.stdout.strip()


def _notes(wish: Wish) -> tuple[str, ...]:
    if wish.base != PLACEHOLDER:
        return ()
    file = wish.folder / "pyproject.toml"
    return (
        f"base in {file} is a placeholder, {PLACEHOLDER}: write your platform's base image there before "
        "you push (next time: --base IMAGE, or JSK_CI_BASE).",
    )


def _check_git() -> None:
    if shutil.which("git") is None:
        raise ProjectError("Git is not installed.", kept="Nothing was made.", hint="Install Git, then again.")
    try:
        git(Path.cwd(), "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    except ProjectError as error:
        raise SettingsError(
            "Git does not know whose the first commit is.",
            kept="Nothing was made.",
            hint='git config --global user.name "Ada" && git config --global user.email ada@example.org',
        ) from error


def _locked_by_poetry(folder: Path, derived: str, tell: Tell) -> bool:
    """Let Poetry write the lock, which keeps its versions; without Poetry or network, it stays as it is."""
    lock = folder / "poetry.lock"
    try:
        program = poetry.find()
    except ProjectError:
        return False
    tell("Poetry checks the lock …")
    try:
        poetry.run(program, folder, ["lock"], kept="")
        content = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        lockfile.check_fresh(lockfile.read(lock), content, "pyproject.toml")
    except LockError as error:
        said = error.what.splitlines()[-1].strip().rstrip(".")
        tell(
            f"Poetry could not check it ({said}): it stays part of the base's own lock, and fits the project."
        )
        lock.write_text(derived, encoding="utf-8")
        return False
    return True


def _commit(folder: Path, wish: Wish) -> str:
    main, develop = BRANCHES
    git(folder, "init", "--quiet", f"--initial-branch={main}")
    if wish.strip_output:
        strip = f'"{sys.executable}" -m jsk_ci.skeleton.stripping'
        git(folder, "config", "filter.nbstripout.clean", strip)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", _MESSAGE)
    git(folder, "branch", develop)
    git(folder, "switch", "--quiet", develop)
    return git(folder, "rev-parse", "HEAD")


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """Yield a new folder beside ``place``, which is removed unless it was moved; and what others left."""
    prefix = f".{place.name}.jsk-new-"
    for left in place.parent.glob(f"{prefix}*"):
        owner = left.name.removeprefix(prefix).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists() and Path("/proc/self").exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = place.parent / f"{prefix}{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
