"""Files, raw bytes and zips come back as they were."""

from __future__ import annotations

import io
import os
import shutil
import socket
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jsk_saver.errors import CannotRepresent, JskError, UnknownFormat
from jsk_saver.formats import Formats
from tests.formats.roundtrip import packed, read, trip

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
