"""A folder comes back with everything in it, or is refused by name."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jsk_saver.errors import CannotRepresent, JskError
from jsk_saver.formats import Formats, folders
from jsk_saver.formats.folders import extract
from jsk_saver.payload import Payload
from tests.formats.roundtrip import packed


def listing(folder: Path) -> dict[str, Any]:
    """Return everything below a folder: kind, permissions, time and content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        if path.is_symlink():
            content: Any = str(path.readlink())
        else:
            content = path.read_bytes() if path.is_file() else None
        when = None if path.is_symlink() else int(status.st_mtime)
        mode = None if path.is_symlink() else stat.S_IMODE(status.st_mode)
        found[path.relative_to(folder).as_posix()] = (stat.S_IFMT(status.st_mode), mode, when, content)
    return found


def test_a_folder_comes_back_with_everything_in_it(folder: Path, tmp_path: Path) -> None:
    with packed(folder) as payload:
        extract(payload, tmp_path / "back")
    before, after = listing(folder), listing(tmp_path / "back")
    assert str((tmp_path / "back" / "absolute").readlink()) == "run.sh"
    assert before.pop("absolute")[0] == after.pop("absolute")[0] == stat.S_IFLNK
    assert after == before
    assert not list(tmp_path.glob(".back*"))


def test_the_same_folder_is_the_same_bytes_and_any_tool_opens_them(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, symlinks=True)
    (copy / "absolute").unlink()
    (copy / "absolute").symlink_to(copy / "run.sh")
    with packed(folder) as one, packed(copy) as two:
        assert one.digest == two.digest
        with zipfile.ZipFile(io.BytesIO(one.getvalue())) as archive:
            assert archive.testzip() is None
            assert archive.read("data/größe.csv") == b"a,b\r\n" * 1000
            dense = archive.getinfo("data/deep/x.npz")
            assert (dense.compress_type, dense.date_time[0] >= 2024) == (zipfile.ZIP_STORED, True)
            assert archive.namelist() == sorted(archive.namelist(), key=lambda name: name.split("/"))


def test_the_folder_format_says_how_much_it_took_and_asks_where_to_go(folder: Path) -> None:
    formats = Formats()
    chosen = formats.choose("backup", folder)
    assert chosen.name == "folder"
    with Payload() as payload:
        encoded = formats.encode(chosen, folder, payload, "backup")
        payload.finish()
        assert encoded.facts == {"files": 4, "bytes": 10_010}
        with pytest.raises(JskError, match=r'saver\.get\("a/backup", to="backup"\)'):
            formats.decode(chosen, payload, _reading("a/backup"))


def _reading(name: str) -> Any:
    from jsk_saver.formats import Reading

    return Reading(name)


def test_a_folder_given_through_a_link_is_the_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(folder)
    with packed(folder) as one, packed(tmp_path / "alias") as two:
        assert one.digest == two.digest


@settings(max_examples=25)
@given(
    st.dictionaries(
        st.text("ab/ü .", min_size=1, max_size=8).filter(
            lambda name: all(part.strip(".") for part in name.split("/"))
        ),
        st.binary(max_size=50),
        max_size=6,
    )
)
def test_folders_of_any_shape_come_back(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as place:
        root, back = Path(place) / "root", Path(place) / "back"
        root.mkdir()
        for name, content in files.items():
            path = root / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                continue  # a folder of that name is there already
        with packed(root) as payload:
            extract(payload, back)
        assert listing(back) == listing(root)


def test_links_out_of_the_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (folder / "data" / "sideways").symlink_to(folder / "data")
    for target in ("../../secret", str(tmp_path / "secret"), "/etc/passwd", "deep/../../../secret"):
        link = folder / "data" / "bad"
        link.symlink_to(target)
        with pytest.raises(CannotRepresent, match="points out of the folder") as refused:
            packed(folder)
        assert repr(str(link)) in str(refused.value)
        link.unlink()


def test_what_is_neither_file_nor_folder_nor_link_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(CannotRepresent, match="pipe' is neither a file nor a folder nor a link"):
        packed(folder)


def test_file_names_that_are_no_unicode_are_refused(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).write_text("")
    with pytest.raises(CannotRepresent, match="not valid Unicode"):
        packed(folder)


@contextmanager
def somebody_else() -> Iterator[None]:
    """Be an ordinary user for a moment: root reads everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_unreadable_file_or_folder_is_named() -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        for name, make in (("secret.txt", Path.touch), ("closed", Path.mkdir)):
            path = Path(place) / name
            make(path)
            path.chmod(0)
            with (
                somebody_else(),
                pytest.raises(CannotRepresent, match="cannot be read: Permission denied") as refused,
            ):
                packed(Path(place))
            assert f"'{path}'" in str(refused.value)
            path.chmod(0o755)
            path.unlink() if path.is_file() else path.rmdir()


def test_a_file_that_changes_meanwhile_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = folders._copy

    def growing(source: Any, out: Any, size: int) -> int:
        read = copied(source, out, size)
        with Path(source.name).open("ab") as same:
            same.write(b"more")
        return read

    monkeypatch.setattr(folders, "_copy", growing)
    with pytest.raises(CannotRepresent, match="was changed while it was being saved"):
        packed(folder)


def test_a_file_that_grows_is_read_no_further_than_it_was() -> None:
    out = io.BytesIO()
    assert folders._copy(io.BytesIO(b"x" * 100), out, 40) == 41
    assert out.getvalue() == b"x" * 40
