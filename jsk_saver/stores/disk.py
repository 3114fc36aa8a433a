"""What a store in a folder asks of the operating system, and what it says when that fails."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jsk_saver.errors import AccessDenied, JskError, StoreError, StoreFull
from jsk_saver.record import RESERVED
from jsk_saver.stores import layout

#: Unfinished puts older than this (seconds) belong to processes that died.
STALE_AFTER = 24 * 3600
#: A folder, whatever path led to it: its device and its number there.
Place = tuple[int, int]


@contextmanager
def explained(uri: str, name: str) -> Iterator[None]:
    """Turn what the operating system says into what the user can do."""
    try:
        yield
    except OSError as error:
        if isinstance(error, JskError):
            raise
        raise _explain(error, uri, name) from error


def _explain(error: OSError, uri: str, name: str) -> StoreError:
    kept = "Every version saved before."
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreFull(
            f"No room left on the disk of {uri}; {name!r} was not saved.",
            kept=kept,
            hint="Free some space, or set JSK_STORE to a folder on a larger disk.",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return AccessDenied(
            f"{error.filename or uri} cannot be used: {error.strerror}.",
            kept=kept,
            hint="Set JSK_STORE to a folder you may write to, or ask its owner for the right.",
        )
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return StoreError(
            f"{error.filename or uri} is not a folder, so nothing can be kept below it.",
            kept=kept,
            hint="Set JSK_STORE to a folder, or move away what is in its place.",
        )
    return StoreError(
        f"The store {uri} failed on {name!r}: {error.strerror or error}.",
        kept=kept,
        hint="jsk doctor",
    )


def walk(root: Path, folder: Path, above: tuple[Place, ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder that holds versions, relative to ``root``, with the versions' own folders.

    Links are followed, for a store may be spread over several disks, but not to a folder ``above``.
    """
    try:
        status = folder.stat()
        here = (status.st_dev, status.st_ino)
        if here in above:
            return
        items = sorted(os.scandir(folder), key=lambda item: item.name)
    except FileNotFoundError:
        return
    versions = [item.name for item in items if item.name.startswith("@")]
    if versions and folder != root:
        yield folder.relative_to(root).as_posix(), [v for v in versions if not v.endswith(layout.HIDDEN)]
    for item in items:
        reserved = item.name.startswith("@") or item.name == RESERVED  # of this store, or one below it
        if not reserved and _is_folder(item):
            yield from walk(root, folder / item.name, (*above, here))


def _is_folder(item: os.DirEntry[str]) -> bool:
    with suppress(OSError):  # a link that leads to itself
        return item.is_dir()
    return False


def files_below(root: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """Yield path, relative to ``root``, and size of each file in ``folder`` and the folders in it."""
    for place, _, files in os.walk(folder):
        for file in sorted(files):
            path = Path(place, file)
            yield path.relative_to(root).as_posix(), path.stat().st_size


def make_folder(path: Path) -> None:
    """Make a folder and those above it, and bring their names to the disk."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def make_read_only(path: Path) -> None:
    """Take the right to write away; who may read is as the umask says."""
    path.chmod(path.stat().st_mode & 0o444)


def sync(path: Path) -> None:
    """Bring a file, or the list of names in a folder, to the disk."""
    if sys.platform == "win32" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # folders on some network file systems
            raise
    finally:
        os.close(handle)


def sweep(root: Path) -> None:
    """Remove what processes that died left unfinished long ago."""
    for item in os.scandir(root):
        with suppress(OSError):
            if item.stat().st_mtime < time.time() - STALE_AFTER:
                shutil.rmtree(item.path, ignore_errors=True)
