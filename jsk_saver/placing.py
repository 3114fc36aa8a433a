"""Where a version goes on disk: a file or a folder of the caller's, which loses nothing that is there."""

from __future__ import annotations

import errno
import hashlib
import os
import shlex
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath

from jsk_saver.errors import AccessDenied, AlreadyThere, JskError, StoreFull
from jsk_saver.payload import BLOCK, Payload
from jsk_saver.record import Record

#: Name of the format of a saved folder.
FOLDER = "folder"
#: Longest name of a file on common file systems, in bytes.
_LONGEST_FILE = 255


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path with ``~`` as the home folder, where it means one: ``~$lock.xlsx`` is a file.

    Examples
    --------
    >>> expanded("~$lock.xlsx").name
    '~$lock.xlsx'
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:  # there is no such user
        return Path(path)


class Place:
    """Where ``get(to=...)`` writes.

    Nothing that is there is overwritten unless that is ``force``; what already is as wanted is left. A
    folder that holds something else is never replaced, because nobody can see all that would be lost.

    Parameters
    ----------
    path
        A file; or a folder that is there, into which a file goes under its own name. A saved folder
        becomes the folder at ``path``.
    force
        Replace a file that is there.
    """

    def __init__(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        self.path = expanded(path).absolute()
        self._given, self._force = os.fspath(path), force
        self.is_taken = os.path.lexists(self.path)

    def folder_for_bytes(self, scratch: Path) -> Path:
        """Return the folder from which a file can be moved into place in one step."""
        if _is_folder(self.path):
            return scratch if not any(self.path.iterdir()) else self.path
        if not _is_folder(self.path.parent):
            raise JskError(
                f"The folder {self.path.parent} does not exist.", hint=f"mkdir -p {self.path.parent}"
            )
        return self.path.parent

    def target(self, record: Record) -> Path:
        """Return the path of the file, or of the folder, that a version becomes."""
        into = record.format != FOLDER and _is_folder(self.path)
        return self.path / file_name(record.name) if into else self.path

    def holds_file(self, record: Record) -> bool:
        """Tell whether the file is there already, so that nothing needs to be sent.

        Raises
        ------
        AlreadyThere
            If something else is there and may not be replaced.
        """
        target = self.target(record)
        if record.format == FOLDER or not os.path.lexists(target):
            return False
        if _is_same_file(target, record):
            return True
        if _is_replaceable(target) and self._force:
            return False
        self._refuse(record, target, replaceable=_is_replaceable(target))
        return False

    def holds_folder(self, record: Record, payload: Payload) -> bool:
        """Tell whether the saved folder is there already, with the same files.

        Raises
        ------
        AlreadyThere
            If something else is there.
        """
        if record.format != FOLDER or not os.path.lexists(self.path):
            return False
        if not _is_folder(self.path) or any(self.path.iterdir()):
            if _is_same_folder(self.path, payload):
                return True
            self._refuse(record, self.path, replaceable=False)
        return False

    def _refuse(self, record: Record, target: Path, *, replaceable: bool) -> None:
        what = "folder" if _is_folder(target) else "file"
        moved = f"mv {shlex.quote(str(target))} {shlex.quote(str(target) + '.old')}"
        if replaceable:
            hint = f'saver.get("{record.name}", version="{record.version}", to="{self._given}", force=True)'
            raise AlreadyThere(
                f"The file {str(target)!r} is there already, and is not this version.",
                kept="It is untouched.",
                hint=f"{hint}    # replaces it",
            )
        raise AlreadyThere(
            f"The {what} {str(target)!r} is there already, holds something else, and is never replaced.",
            kept="What is in it.",
            hint=f"Choose another place, or move it away: {moved}",
        )


def file_name(name: str) -> str:
    """Return the last part of ``name``, cut where no file system takes a name of that length."""
    file = name.rpartition("/")[2]
    if len(file.encode()) <= _LONGEST_FILE:
        return file
    return file.encode()[:150].decode(errors="ignore") + PurePath(file).suffix[:20]


@contextmanager
def told(record: Record, target: Path) -> Iterator[None]:
    """Turn what the operating system says about writing to ``target`` into what the user can do."""
    try:
        yield
    except OSError as error:
        if isinstance(error, JskError):
            raise
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        denied = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
        kind = StoreFull if full else AccessDenied if denied else JskError
        raise kind(
            f"{record.name!r} could not be written to {target}: {error.strerror or error}.",
            kept="The version in the store.",
            hint="Free some space, or choose another place." if full else "Choose another place with to=….",
        ) from error


# What is there -------------------------------------------------------------------------------------


def _is_folder(path: Path) -> bool:
    with suppress(OSError):  # a name too long to be looked at
        return path.is_dir()
    return False


def _is_replaceable(path: Path) -> bool:
    """Tell whether it is a file or a link, and no folder, device or pipe."""
    mode = path.lstat().st_mode
    return stat.S_ISREG(mode) or (stat.S_ISLNK(mode) and not path.is_dir())


def _is_same_file(path: Path, record: Record) -> bool:
    with suppress(OSError):
        if record.digest and path.is_file() and path.stat().st_size == record.size:
            with path.open("rb") as file:
                return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest() == record.digest
    return False


def _is_same_folder(path: Path, payload: Payload) -> bool:
    """Tell whether a folder has the names, contents and links of a zip, and no others."""
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(payload.reader()) as archive:
        entries = {entry.filename.rstrip("/"): entry for entry in archive.infolist()}
        there = {found.relative_to(path).as_posix(): found for found in path.rglob("*")}
        return entries.keys() == there.keys() and all(
            _is_same_entry(archive, entry, there[name]) for name, entry in entries.items()
        )
    return False


def _is_same_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> bool:
    if stat.S_ISLNK(entry.external_attr >> 16):
        return path.is_symlink() and os.fsencode(path.readlink()) == archive.read(entry)
    if path.is_symlink() or path.is_dir() != entry.is_dir():
        return False
    if entry.is_dir():
        return True
    if path.stat().st_size != entry.file_size:
        return False
    with archive.open(entry) as saved, path.open("rb") as file:
        while block := saved.read(BLOCK):
            if block != file.read(len(block)):
                return False
    return True
