"""A folder is unpacked only to where it belongs, and to no more than was packed."""

from __future__ import annotations

import hashlib
import io
import os
import random
import stat
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from jsk_saver import Saver
from jsk_saver.errors import InvalidName, JskError
from jsk_saver.formats.folders import extract, write_folder
from jsk_saver.payload import Payload
from jsk_saver.record import Record, now
from tests.formats.roundtrip import packed


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
