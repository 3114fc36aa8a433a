"""A copy of a project for Poetry to work on, and both of its files put into place when all went well.

Poetry writes ``pyproject.toml`` and ``poetry.lock`` one after the other, and the packages are installed
after that, so that whatever ends in between would leave a project that says what is not so. Here the files
of the project are replaced last. The copy lies beside the project, because paths in ``pyproject.toml`` are
relative. A process that was killed leaves it; the next one removes it, and takes back what was replaced by
halves.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jsk_ci.errors import LockError
from jsk_saver.errors import JskError

#: The files that are changed, the one that others rely on last.
FILES = ("poetry.lock", "pyproject.toml")
KEPT = "pyproject.toml and poetry.lock as they were."
_LEFT_OUT = {*FILES, ".git", ".venv", "__pycache__"}
_MOVING = "moving"
_PATH_SOURCE = re.compile(r'(\[package\.source\]\ntype = "(?:directory|file)"\nurl = ")([^"\n]*)(")')


class Stage:
    """A copy of a project's two files in a folder from which the rest of the project is seen, too.

    Parameters
    ----------
    project
        The project's folder.
    folder
        The copy.
    """

    def __init__(self, project: Path, folder: Path) -> None:
        self.project, self.folder = project, folder
        self.before = {name: _bytes(project / name) for name in FILES}
        for entry in project.iterdir():
            if entry.name not in _LEFT_OUT and not entry.name.startswith(_prefix(project)):
                (folder / entry.name).symlink_to(entry)
        for name, content in self.before.items():
            if content is not None:
                (folder / name).write_bytes(content)

    def text(self, name: str) -> str:
        """Return what one of the files is to be."""
        content = (self.folder / name).read_text(encoding="utf-8")
        return _PATH_SOURCE.sub(self._relative, content) if name == "poetry.lock" else content

    def _relative(self, match: re.Match[str]) -> str:
        """Return a path dependency as seen from the project; Poetry saw it from the copy."""
        place = (self.folder / match[2]).resolve()
        return f"{match[1]}{Path(os.path.relpath(place, self.project.resolve())).as_posix()}{match[3]}"

    def keep(self) -> None:
        """Put both files into place.

        Raises
        ------
        LockError
            If somebody changed one of them meanwhile.
        """
        after = {name: self.text(name).encode() for name in FILES}
        for name in FILES:
            if _bytes(self.project / name) != self.before[name]:
                raise LockError(
                    f"{self.project / name} was changed by somebody else meanwhile.",
                    kept=f"{name} as it is now; nothing was written.",
                    hint="%kernel status    # then the same again",
                )
        note = self.folder / f".{_MOVING}"
        _note(note, "before", self.before)
        _note(note, "after", after)
        note.rename(self.folder / _MOVING)
        for name in FILES:
            _replace(self.project / name, after[name])
        (self.folder / _MOVING).rename(note)


@contextmanager
def staged(project: Path) -> Iterator[Stage]:
    """Yield a copy of a project, which is removed after the block; one at a time.

    Raises
    ------
    LockError
        If another process is at it, or a file can be neither read nor written.
    """
    with _alone(project):
        recover(project)
        try:
            folder = _make_folder(project)
        except OSError as error:
            raise LockError(f"{project} cannot be copied: {error}.", kept=KEPT) from error
        try:
            yield Stage(project, folder)
        except OSError as error:
            if isinstance(error, JskError):
                raise
            raise LockError(f"The project {project} could not be changed: {error}.", kept=KEPT) from error
        finally:
            if not (folder / _MOVING).exists():
                shutil.rmtree(folder, ignore_errors=True)
            else:
                _undo(project, folder)


def tidy(project: Path) -> None:
    """Remove what a killed process left, unless another one is at work."""
    with suppress(LockError), _alone(project):
        recover(project)


def recover(project: Path) -> None:
    """Remove what a killed process left, and take back what it replaced by halves; alone."""
    for parent in (project.parent, Path(tempfile.gettempdir())):
        for folder in parent.glob(f"{_prefix(project)}*"):
            owner = folder.name.removeprefix(_prefix(project)).partition("-")[0]
            if owner.isdigit() and not _alive(int(owner)):
                _undo(project, folder)


def _undo(project: Path, folder: Path) -> None:
    note = folder / _MOVING
    if note.exists():
        for name in FILES:
            # What has been edited since is somebody's work.
            if _bytes(project / name) == _bytes(note / "after" / name):
                _replace(project / name, _bytes(note / "before" / name))
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(project: Path) -> Iterator[None]:
    folder = os.open(project, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(folder)
        raise LockError(
            f"Another notebook is changing {project} right now.", kept=KEPT, hint="The same again, later."
        ) from error
    try:
        yield
    finally:
        os.close(folder)


def _make_folder(project: Path) -> Path:
    """Make the folder of a copy, beside the project if its owner may write there."""
    name = f"{_prefix(project)}{os.getpid()}-{secrets.token_hex(4)}"
    parent = project.parent if os.access(project.parent, os.W_OK) else Path(tempfile.gettempdir())
    folder = parent / name
    folder.mkdir(mode=0o700)
    return folder


def _prefix(project: Path) -> str:
    place = hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:8]
    return f".{project.name}.jsk-{place}-"


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()


def _note(folder: Path, name: str, files: dict[str, bytes | None] | dict[str, bytes]) -> None:
    (folder / name).mkdir(parents=True)
    for file, content in files.items():
        if content is not None:
            (folder / name / file).write_bytes(content)


def _replace(file: Path, content: bytes | None) -> None:
    """Give a file another content at once, with the rights it had; no content removes it."""
    file = file.resolve()
    if content is None:
        file.unlink(missing_ok=True)
        return
    new = file.with_name(f".{file.name}.jsk-new")
    new.write_bytes(content)
    with suppress(FileNotFoundError):
        shutil.copymode(file, new)
    new.replace(file)


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
