"""A folder as one zip that is written straight through, and back again, without ever leaving the folder.

Kept are names, contents, empty folders, permission bits, modification times (to the second, as zip files
have it) and links that stay inside. The same folder is always the same bytes.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import tempfile
import time
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, BinaryIO

from jsk_saver.errors import CannotRepresent, InvalidName, JskError
from jsk_saver.formats.streams import Sink, opened
from jsk_saver.payload import BLOCK, Payload
from jsk_saver.record import JSON

_COMPRESSED = """.7z .avif .bz2 .docx .feather .flac .gif .gz .heic .jpeg .jpg .m4a .mkv .mov .mp3 .mp4 .npz
    .ogg .parquet .pdf .png .pptx .rar .tgz .webm .webp .whl .xlsx .xz .zip .zst"""
#: Suffixes of files that are compressed already.
_DENSE = frozenset(_COMPRESSED.split())
#: Zip's extra field for a modification time in seconds since 1970, UTC (APPNOTE 4.5, "UT").
_UT = 0x5455
#: Bytes of the longest path that common systems take.
_LONGEST_LINK = 4096
_OLDEST, _NEWEST = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)


# Out of a folder -------------------------------------------------------------------------------------


def write_folder(folder: Path, payload: Payload, leave_out: Path | None = None) -> JSON:
    """Write everything in ``folder`` to ``payload`` as a zip, and return how much it was.

    The folder ``leave_out``, and what is in it, is left out wherever it lies: the kit's own, in which the
    very zip is written. What was left out is named in what is returned, and in a warning.

    Raises
    ------
    CannotRepresent
        For what cannot be read, is no file, folder or link, points outside, or changes meanwhile.
    """
    root = Path(os.path.realpath(folder))
    files = size = 0
    left_out: list[str] = []
    with zipfile.ZipFile(Sink(payload), "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in _below(root, leave_out, left_out):
            try:
                read = _write_entry(archive, root, path)
            except OSError as error:
                raise CannotRepresent(
                    f"{str(path)!r} cannot be read: {error.strerror or error}.",
                    kept="Nothing was saved.",
                    hint="Make it readable, or move it out of the folder.",
                ) from error
            files, size = files + (read is not None), size + (read or 0)
    for name in left_out:
        warnings.warn(
            f"{name!r} was left out of {str(folder)!r}: it is the kit's own folder.",
            stacklevel=2,
        )
    return {"files": files, "bytes": size, **({"left_out": left_out} if left_out else {})}


def _below(folder: Path, leave_out: Path | None, left_out: list[str], within: str = "") -> Iterator[Path]:
    """Yield everything below ``folder`` in the order of the names, folders before what is in them."""
    try:
        inside = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise CannotRepresent(
            f"The folder {str(folder)!r} cannot be read: {error.strerror or error}.",
            kept="Nothing was saved.",
        ) from error
    for path in inside:
        name = f"{within}{path.name}"
        if path.is_symlink() or not path.is_dir():
            yield path
        elif leave_out is not None and _is_same(path, leave_out):
            left_out.append(name)
        else:
            yield path
            yield from _below(path, leave_out, left_out, f"{name}/")


def _is_same(folder: Path, other: Path) -> bool:
    with suppress(OSError):  # the other is not there
        return folder.samefile(other)
    return False


def _write_entry(archive: zipfile.ZipFile, root: Path, path: Path) -> int | None:
    """Write one file, folder or link; return the size of a file."""
    status = path.lstat()
    name = path.relative_to(root).as_posix()
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CannotRepresent(
            f"The file name {name!r} is not valid Unicode.", hint="Rename the file; nothing was saved."
        ) from error
    if stat.S_ISLNK(status.st_mode):
        archive.writestr(_info(name, status), _inner_link(root, path).encode("utf-8"))
    elif stat.S_ISDIR(status.st_mode):
        archive.writestr(_info(name + "/", status), b"")
    elif stat.S_ISREG(status.st_mode):
        return _write_file(archive, path, _info(name, status))
    else:
        raise CannotRepresent(
            f"{str(path)!r} is neither a file nor a folder nor a link.", hint="Move it out of the folder."
        )
    return None


def _write_file(archive: zipfile.ZipFile, path: Path, info: zipfile.ZipInfo) -> int:
    with path.open("rb") as source:
        before = os.fstat(source.fileno())
        dense = path.suffix.lower() in _DENSE
        info.compress_type = zipfile.ZIP_STORED if dense else zipfile.ZIP_DEFLATED
        with archive.open(info, "w", force_zip64=True) as out:
            read = _copy(source, out, before.st_size)
        after = os.fstat(source.fileno())
    if (before.st_size, before.st_mtime_ns) != (read, after.st_mtime_ns):
        raise CannotRepresent(
            f"{str(path)!r} was changed while it was being saved.",
            kept="Nothing was saved.",
            hint="Put the folder again once nothing writes to it.",
        )
    return read


def _copy(source: BinaryIO, out: IO[bytes], size: int) -> int:
    """Copy ``size`` bytes and return how many there were; one more tells that there would have been more."""
    read = 0
    while block := source.read(min(BLOCK, size - read)):
        out.write(block)
        read += len(block)
    return read + len(source.read(1))


def _inner_link(root: Path, path: Path) -> str:
    """Return where a link points, relative to itself."""
    text = os.readlink(path)  # noqa: PTH115 - Path.readlink would tidy the text up
    target = os.path.normpath(path.parent / text)
    # Both: where the text leads, and where it really ends, links on the way included.
    if not _is_within(target, root) or not _is_within(os.path.realpath(path), root):
        raise CannotRepresent(
            f"The link {str(path)!r} points out of the folder, to {text!r}.",
            hint="Put a copy in its place, or save what it points to under a name of its own.",
        )
    return os.path.relpath(target, path.parent) if Path(text).is_absolute() else text


def _is_within(path: str | Path, root: Path) -> bool:
    return Path(path) == root or root in Path(path).parents


def _info(name: str, status: os.stat_result) -> zipfile.ZipInfo:
    seconds = int(status.st_mtime // 1)
    when = min(max(time.gmtime(seconds)[:6], _OLDEST), _NEWEST)
    info = zipfile.ZipInfo(name, when)
    info.create_system = 3  # Unix: the upper half of external_attr is the mode
    info.external_attr = (status.st_mode & 0xFFFF) << 16 | (0x10 if name.endswith("/") else 0)
    if -(2**31) <= seconds < 2**31:
        info.extra = struct.pack("<HHBl", _UT, 5, 1, seconds)
    return info


# Back into a folder ----------------------------------------------------------------------------------


def extract(payload: Payload, target: Path, limit: int | None = None) -> None:
    """Unpack a zip to ``target``, all of it or nothing.

    Everything is written beside ``target`` first and moved into place at the end.

    Parameters
    ----------
    payload, target
        The zip, and the folder that it becomes.
    limit
        Most bytes that its files may take: what :func:`write_folder` counted.

    Raises
    ------
    InvalidName
        If an entry or a link would land outside of the folder.
    JskError
        If something is at ``target`` already, the zip is damaged, or holds more than ``limit``.
    """
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        raise JskError(
            f"There is something at {str(target)!r} already.",
            kept="What is there, untouched.",
            hint="Choose another place with to=…, or move it away.",
        )
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    try:
        # Not into the temporary folder itself, which nobody else may read.
        folder = work / "folder"
        folder.mkdir()
        try:
            with opened(payload) as file, zipfile.ZipFile(file) as archive:
                _check_size(archive, limit)
                _extract_all(archive, folder)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise JskError(
                f"The folder cannot be unpacked: {error}.",
                kept="The version in the store; nothing was written.",
            ) from error
        folder.replace(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _check_size(archive: zipfile.ZipFile, limit: int | None) -> None:
    """Refuse a zip that would unpack to more than was packed (none unpacks to more than it says)."""
    entries = archive.infolist()
    size = sum(entry.file_size for entry in entries if not stat.S_ISLNK(_mode(entry)))
    if limit is not None and size > limit:
        raise JskError(
            f"The folder would unpack to {size:,} bytes, and {limit:,} were saved.",
            kept="The version in the store; nothing was written.",
            hint='saver.get(…, as_="bytes")    # the zip as it is',
        )
    for entry in entries:
        if stat.S_ISLNK(_mode(entry)) and entry.file_size > _LONGEST_LINK:
            raise InvalidName(f"The zip holds the link {entry.filename!r}, which is too long for one.")


def _extract_all(archive: zipfile.ZipFile, folder: Path) -> None:
    entries = archive.infolist()
    for entry in entries:
        _check_entry(entry)
    links, folders = [], []
    for entry in entries:
        path = folder / entry.filename
        if stat.S_ISLNK(_mode(entry)):
            links.append(entry)
        elif entry.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            folders.append(entry)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, path.open("xb") as out:
                shutil.copyfileobj(source, out, BLOCK)
            _set_status(path, entry)
    # Links come last, so that nothing is ever written through one.
    for entry in links:
        path = folder / entry.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(archive.read(entry).decode("utf-8"))
    for entry in links:
        _check_link(folder, folder / entry.filename)
    for entry in reversed(folders):
        _set_status(folder / entry.filename, entry)


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    parts = name.removesuffix("/").split("/")
    if (
        name.startswith("/")
        or ".." in parts
        or "" in parts
        or "." in parts
        or (os.sep != "/" and ":" in name)
    ):
        raise InvalidName(
            f"The zip holds the name {name!r}, which would land outside of the folder.",
            kept="Nothing was written.",
            hint='saver.get(…, as_="bytes")    # the zip as it is',
        )
    kind = stat.S_IFMT(_mode(entry))
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise InvalidName(f"The zip holds {name!r}, which is neither a file nor a folder nor a link.")


def _check_link(folder: Path, path: Path) -> None:
    text = os.readlink(path)  # noqa: PTH115 - as it was written
    root = Path(os.path.realpath(folder))
    target = os.path.normpath(root / path.parent.relative_to(folder) / text)
    if (
        Path(text).is_absolute()
        or not _is_within(target, root)
        or not _is_within(os.path.realpath(path), root)
    ):
        raise InvalidName(
            f"The zip holds the link {str(path.relative_to(folder))!r} to {text!r}, outside of the folder.",
            kept="Nothing was written.",
        )


def _set_status(path: Path, entry: zipfile.ZipInfo) -> None:
    mode = stat.S_IMODE(_mode(entry)) & 0o777
    if mode:
        path.chmod(mode)
    seconds = _seconds(entry)
    if seconds is not None:
        os.utime(path, (seconds, seconds))


def _mode(entry: zipfile.ZipInfo) -> int:
    return entry.external_attr >> 16 if entry.create_system == 3 else 0


def _seconds(entry: zipfile.ZipInfo) -> int | None:
    """Return when an entry was changed, if the zip says so in seconds of UTC."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _UT and length >= 5 and extra[4] & 1:
            return int(struct.unpack_from("<l", extra, 5)[0])
        extra = extra[4 + length :]
    return None
