"""Files on disk: what is saved is what was hashed, whatever others do to the file meanwhile."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from jsk_saver import Saver, lineage
from jsk_saver.encoding import encoded
from jsk_saver.errors import CannotRepresent, StoreError
from jsk_saver.formats import Formats
from jsk_saver.formats.files import File
from jsk_saver.payload import Payload


@pytest.fixture
def saver(tmp_path) -> Saver:
    return Saver(tmp_path / "store")


@pytest.fixture
def replaced(tmp_path, monkeypatch) -> Path:
    """A file; another program replaces it, as editors do, when it has been hashed and not yet sent."""
    file, new = tmp_path / "model.bin", tmp_path / "model.bin.new"
    file.write_bytes(b"A" * 1_000_000)
    new.write_bytes(b"B" * 1_000_000)
    collect = lineage.collect

    def collect_meanwhile(*arguments, **options):
        if new.exists():
            new.replace(file)
        return collect(*arguments, **options)

    monkeypatch.setattr(lineage, "collect", collect_meanwhile)
    return file


def test_a_file_replaced_between_hashing_and_sending_is_saved_as_it_was(saver, replaced):
    saved = saver.put("model.bin", replaced)
    assert saver.get("model.bin", as_="bytes") == b"A" * 1_000_000
    assert saved.digest == "sha256:" + hashlib.sha256(b"A" * 1_000_000).hexdigest()
    assert replaced.read_bytes() == b"B" * 1_000_000


def test_a_file_replaced_meanwhile_waits_in_the_spool_as_it_was(tmp_path, replaced):
    (tmp_path / "in the way").touch()
    saver = Saver(tmp_path / "in the way")
    with pytest.raises(StoreError):
        saver.put("model.bin", replaced)
    (tmp_path / "in the way").unlink()
    (waiting,) = saver.connection.spool.items()
    saver.connection.spool.push(waiting, saver.store)
    assert saver.get("model.bin", as_="bytes") == b"A" * 1_000_000


def test_the_file_that_is_checked_is_the_one_that_was_hashed(tmp_path):
    """A file moved there between two looks at the path was hashed, and another one checked."""
    file = tmp_path / "log.txt"
    file.write_bytes(b"one")
    with encoded(Formats(), "log.txt", file, None, tmp_path) as written:
        written.check_source()
        with file.open("ab") as out:
            out.write(b"two")
        with pytest.raises(CannotRepresent, match="was changed while it was being saved"):
            written.check_source()


MADE_UP = Path("/proc/version")


@pytest.mark.skipif(not MADE_UP.exists(), reason="there is no /proc here")
def test_a_file_that_says_it_is_empty_and_is_not_is_saved_whole(saver):
    assert MADE_UP.stat().st_size == 0
    saved = saver.put("version.txt", MADE_UP)
    assert saver.get("version.txt", as_="bytes") == MADE_UP.read_bytes()
    assert saved.size == len(MADE_UP.read_bytes())
    assert saver.verify().ok


def test_a_file_that_says_more_than_it_holds_is_saved_to_its_end(saver, tmp_path, monkeypatch):
    file = tmp_path / "attribute"
    file.write_bytes(b"42\n")
    of_file = Payload.of_file

    def of_a_page(path: Path, **options: bool) -> Payload:
        payload = of_file(path, **options)
        if path == file:
            payload.size = 4096  # as files of /sys do
        return payload

    monkeypatch.setattr(Payload, "of_file", of_a_page)
    assert saver.put("attribute.txt", file).size == 3
    assert saver.get("attribute.txt", as_="bytes") == b"42\n"


def test_a_file_that_is_copied_and_written_to_meanwhile_is_refused(tmp_path):
    file = tmp_path / "log.txt"
    file.write_bytes(b"one")

    class Meanwhile(Payload):
        def write(self, data) -> int:
            with file.open("ab") as out:
                out.write(b"two")
            return super().write(data)

    with Meanwhile() as payload, pytest.raises(CannotRepresent, match="was changed"):
        File().encode(file, payload, "log.txt")


def test_a_folder_with_the_kits_own_in_it_is_saved_without_that_and_says_so(tmp_path, monkeypatch):
    """The zip is written in there: it would be packed into itself until the disk is full."""
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    (project / "data" / "a.csv").write_text("a\n1\n")
    monkeypatch.setenv("JSK_HOME", str(project / "tools" / ".jsk"))
    saver = Saver()
    saver.put("first.json", 1)
    with pytest.warns(UserWarning, match=r"'tools/\.jsk' was left out of .*: it is the kit's own folder"):
        saver.put("project", project)
    record = saver.store.head("project")
    assert record.facts == {"files": 1, "bytes": 4, "left_out": ["tools/.jsk"]}
    path = saver.get("project", to=tmp_path / "out")
    found = sorted(each.relative_to(path).as_posix() for each in path.rglob("*"))
    assert found == ["data", "data/a.csv", "tools"]
