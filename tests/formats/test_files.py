"""Files, folders, raw bytes and zips come back as they were, and never outside of where they belong."""

from __future__ import annotations

import hashlib
import io
import os
import random
import shutil
import socket
import stat
import tempfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jsk_saver import Saver
from jsk_saver.errors import CannotRepresent, InvalidName, JskError, UnknownFormat
from jsk_saver.formats import Formats, folders
from jsk_saver.formats.folders import extract, write_folder
from jsk_saver.payload import Payload
from jsk_saver.record import Record, now
from tests.formats.roundtrip import read, trip


def packed(folder: Path) -> Payload:
    payload = Payload()
    write_folder(folder, payload)
    return payload.finish()


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one of everything that can be kept."""
    root = tmp_path / "project"
    (root / "data" / "deep").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "data" / "größe.csv").write_bytes(b"a,b\r\n" * 1000)
    (root / "data" / "deep" / "x.npz").write_bytes(os.urandom(5000))
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o750)
    (root / "back\\slash and space").write_text("")
    (root / "link").symlink_to("data/größe.csv")
    (root / "data" / "up").symlink_to("../empty")
    (root / "nowhere").symlink_to("not-there-yet")
    (root / "absolute").symlink_to(root / "run.sh")
    os.utime(root / "data" / "größe.csv", (1_000_000_001, 1_000_000_001))
    os.utime(root / "run.sh", (0, 0))
    (root / "empty").chmod(0o555)
    os.utime(root / "empty", (1_500_000_000, 1_500_000_000))
    return root


# Folders ---------------------------------------------------------------------------------------------


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


# Unpacking -------------------------------------------------------------------------------------------


def crafted(*entries: tuple[str, bytes, int]) -> Payload:
    """Return a zip with entries of these names, contents and Unix modes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.filename = name
            info.create_system = 3
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return Payload.of_bytes(buffer.getvalue())


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/../../evil", "a//b", "./a", "..", "data/..", "a/./b"]
)
def test_entries_that_would_land_outside_are_refused_and_nothing_is_written(
    name: str, tmp_path: Path
) -> None:
    payload = crafted(("fine", b"x", 0o644), (name, b"evil", 0o644))
    with pytest.raises(InvalidName, match="outside"):
        extract(payload, tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "links",
    [
        [("l", "../outside")],
        [("l", "/etc/passwd")],
        [("d/l", "../../outside")],
        # Each is harmless to read, together they climb out.
        [("p/q/d", "../.."), ("p/q/l", "d/../../x")],
    ],
)
def test_links_that_lead_outside_are_refused(links: list[tuple[str, str]], tmp_path: Path) -> None:
    payload = crafted(*((name, text.encode(), stat.S_IFLNK | 0o777) for name, text in links))
    with pytest.raises(InvalidName, match="outside of the folder"):
        extract(payload, tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_ever_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    payload = crafted(("l", b"../outside", stat.S_IFLNK | 0o777), ("l/evil", b"x", 0o644))
    with pytest.raises((InvalidName, OSError)):
        extract(payload, tmp_path / "target")
    assert list((tmp_path / "outside").iterdir()) == []
    assert not (tmp_path / "target").exists()


def test_devices_in_a_zip_are_refused_and_set_uid_is_dropped(tmp_path: Path) -> None:
    with pytest.raises(InvalidName, match="neither a file"):
        extract(crafted(("d", b"", stat.S_IFCHR | 0o666)), tmp_path / "target")
    extract(crafted(("f", b"", stat.S_IFREG | 0o6755)), tmp_path / "target")
    assert stat.S_IMODE((tmp_path / "target" / "f").stat().st_mode) == 0o755


def test_a_place_that_is_taken_is_left_alone(folder: Path, tmp_path: Path) -> None:
    with packed(folder) as payload:
        (tmp_path / "taken").mkdir()
        (tmp_path / "taken" / "mine").write_text("precious")
        (tmp_path / "file").write_text("precious")
        (tmp_path / "link").symlink_to(tmp_path / "taken")
        for name in ("taken", "file", "link"):
            with pytest.raises(JskError, match="There is something at"):
                extract(payload, tmp_path / name)
        assert (tmp_path / "taken" / "mine").read_text() == (tmp_path / "file").read_text() == "precious"
        (tmp_path / "free").mkdir()
        extract(payload, tmp_path / "free")
        assert (tmp_path / "free" / "run.sh").exists()


def test_a_damaged_zip_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    with packed(folder) as payload:
        data = bytearray(payload.getvalue())
    data[len(data) // 2] ^= 0xFF
    place = tmp_path / "place"
    place.mkdir()
    for damaged in (bytes(data), b"no zip at all"):
        with pytest.raises(JskError, match="cannot be unpacked"):
            extract(Payload.of_bytes(damaged), place / "target")
        assert list(place.iterdir()) == []


def test_a_zip_that_would_unpack_to_more_than_was_packed_is_refused(tmp_path: Path) -> None:
    bomb = crafted(("a", bytes(1_000_000), stat.S_IFREG | 0o644), ("link", b"a", stat.S_IFLNK | 0o777))
    with pytest.raises(JskError, match="would unpack to 1,000,000 bytes, and 999,999 were saved"):
        extract(bomb, tmp_path / "out", 999_999)
    assert list(tmp_path.iterdir()) == []
    extract(bomb, tmp_path / "out", 1_000_000)
    assert sorted(os.listdir(tmp_path / "out")) == ["a", "link"]


def test_a_folder_is_unpacked_to_no_more_than_its_record_says(tmp_path: Path) -> None:
    saver = Saver(tmp_path / "store")
    with crafted(("a", bytes(1_000_000), stat.S_IFREG | 0o644)) as bomb:
        facts = {"files": 1, "bytes": 10}
        record = Record("f", "", "folder", "folder", bomb.size, bomb.digest, now(), facts=facts)
        saver.store.put(record, bomb)
    for place in (None, tmp_path / "out"):
        with pytest.raises(JskError, match="would unpack to 1,000,000 bytes, and 10 were saved"):
            saver.get("f", to=place)
    assert not (tmp_path / "out").exists()


def test_a_link_in_a_zip_is_no_longer_than_links_are(tmp_path: Path) -> None:
    with pytest.raises(InvalidName, match="too long"):
        extract(crafted(("link", b"a/" * 4000, stat.S_IFLNK | 0o777)), tmp_path / "out")


def test_a_large_folder_is_streamed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    block = random.Random(0).randbytes(2**20)
    with (root / "large.mp4").open("wb") as file:
        for _ in range(64):
            file.write(block)
    tracemalloc.start()
    with Payload(tmp_path / "scratch") as payload:
        write_folder(root, payload)
        payload.finish()
        extract(payload, tmp_path / "back")
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    digest = hashlib.sha256((root / "large.mp4").read_bytes()).digest()
    assert hashlib.sha256((tmp_path / "back" / "large.mp4").read_bytes()).digest() == digest
    # 16 MB of a payload stay in memory, twice at the moment it moves to a file.
    assert peak < 50 * 2**20


# Files -----------------------------------------------------------------------------------------------


def test_a_path_is_the_file_it_leads_to_whatever_its_extension(tmp_path: Path) -> None:
    path = tmp_path / "broken.csv"
    path.write_bytes(b"\xff\x00 not a csv")
    formats = Formats()
    for name in ("broken.csv", "x.parquet", "video", "model.pkl"):
        assert formats.choose(name, path).name == "file"
    back = trip("broken.csv", path)
    assert back.value == b"\xff\x00 not a csv"
    assert back.encoded.type == "file"


def test_paths_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotRepresent, match="does not exist"):
        trip("a.csv", tmp_path / "missing.csv")
    with socket.socket(socket.AF_UNIX) as server:
        short = Path(tempfile.mkdtemp()) / "s"
        server.bind(str(short))
        with pytest.raises(CannotRepresent, match="neither a file nor a folder"):
            trip("a", short)
        shutil.rmtree(short.parent)


@settings(max_examples=30)
@given(st.binary(max_size=100), st.sampled_from(["a", "a.bin", "a.txt", "x/y.unknown", "a.tar.gz"]))
def test_bytes_come_back_under_any_name(data: bytes, name: str) -> None:
    for obj in (data, bytearray(data)):
        back = trip(name, obj).value
        assert back == obj
        assert type(back) is type(obj)


def test_views_of_memory_come_back_as_the_bytes_they_show() -> None:
    import array

    numbers = memoryview(array.array("d", [1.0, 2.0, 3.0]))
    assert trip("a.bin", numbers).value == numbers.tobytes()
    assert trip("a.bin", numbers[::2]).value == numbers[::2].tobytes()


# Zips ------------------------------------------------------------------------------------------------


def test_a_dictionary_of_bytes_comes_back_from_a_zip_in_order() -> None:
    files = {"b/c.txt": b"x" * 1000, "a": b"", "größe": os.urandom(10), "..hidden": b"1"}
    back = trip("a.zip", files, on_disk=True)
    assert back.value == files
    assert list(back.value) == list(files)
    assert back.data == trip("a.zip", files).data
    with zipfile.ZipFile(io.BytesIO(back.data)) as archive:
        assert archive.testzip() is None
    assert trip("a.zip", {}).value == {}


@pytest.mark.parametrize("name", ["../a", "/a", "a/", "", "a\0b", "a/../b", "a//b", "\ud800", "C:\\a", 1])
def test_names_that_would_unpack_elsewhere_are_refused_in_a_zip(name: Any) -> None:
    with pytest.raises(CannotRepresent, match="not the name of a file in a zip"):
        trip("a.zip", {name: b"x"})


def test_a_zip_takes_bytes_as_they_are_and_folders_as_folders(folder: Path) -> None:
    raw = trip("a.zip", {"a": b"1"}).data
    assert trip("a.zip", raw).value == raw
    formats = Formats()
    assert formats.choose("a.zip", folder).name == "folder"
    assert formats.choose("a", folder, "zip").name == "folder"
    with pytest.raises(UnknownFormat, match=r"No format for \.zip takes a dict"):
        trip("a.zip", {"a": "text"})


def test_a_foreign_zip_is_its_files_by_name(folder: Path) -> None:
    with packed(folder) as payload:
        files = read("a.zip", payload.getvalue())
    assert files["data/größe.csv"].startswith(b"a,b")
    assert "empty/" not in files
    with pytest.raises(JskError, match="cannot be read as zip: BadZipFile"):
        read("a.zip", b"x")
