"""Altered bytes: an error that says so, never a wrong object, and never the end of the process."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest

from jsk_saver import Saver
from jsk_saver.errors import IntegrityError
from jsk_saver.formats.base import Encoded, Format
from jsk_saver.formats.columnar import Feather, Parquet


@pytest.fixture
def saver(tmp_path) -> Saver:
    return Saver(tmp_path / "store", lineage=False)


def alter(saved) -> None:
    """Change one byte in the middle."""
    file = Path(unquote(saved.uri.removeprefix("file://")))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.chmod(0o644)
    file.write_bytes(data)


ANY_BYTE = """
    import os, random, sys
    from pathlib import Path
    from urllib.parse import unquote
    import pandas as pd
    from jsk_saver import Saver
    from jsk_saver.errors import IntegrityError

    saver = Saver(sys.argv[1], lineage=False)
    words = [f"title {at}" for at in range(2000)]
    frame = pd.DataFrame({"s": words, "c": pd.Categorical(words), "f": [at / 7 for at in range(2000)]})
    if sys.argv[2] == "polars":
        import polars
        frame = polars.from_pandas(frame)
    saved = saver.put("table.feather", frame)
    file = Path(unquote(saved.uri.removeprefix("file://")))
    file.chmod(0o644)
    right, chance, ends = file.read_bytes(), random.Random(3), set()
    for _ in range(60):
        wrong = bytearray(right)
        wrong[chance.randrange(len(wrong))] ^= chance.randrange(1, 256)
        file.write_bytes(wrong)
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            try:
                saver.get("table.feather")
            except IntegrityError:
                os._exit(0)
            except BaseException:
                os._exit(2)
            os._exit(1)
        ends.add(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(ends)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_no_altered_byte_of_a_feather_file_ends_the_process(tmp_path, library):
    command = [sys.executable, "-c", textwrap.dedent(ANY_BYTE), str(tmp_path / "store"), library]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.strip() == "{0}", done.stdout + done.stderr


@pytest.mark.parametrize(("name", "format"), [("a.feather", Feather), ("a.parquet", Parquet)])
def test_altered_tables_are_not_even_given_to_arrow(saver, monkeypatch, name, format):  # noqa: A002
    """Arrow ends the process on some altered bytes: offsets of Feather, footers of nested Parquet."""
    saved = saver.put(name, pd.DataFrame({"a": range(1000)}))
    saver.put(name, pd.DataFrame({"a": range(1001)}))
    alter(saved)
    reached = []
    read = format._read
    monkeypatch.setattr(format, "_read", lambda *arguments: reached.append(1) or read(*arguments))
    with pytest.raises(IntegrityError):
        saver.get(name, version=saved.version)
    assert reached == []
    assert len(saver.get(name)) == 1001
    before = len(reached)
    with pytest.raises(IntegrityError):
        saver.diff(name, saved.version, -1)
    assert len(reached) - before <= 1  # the other side


class Panic(BaseException):
    """What libraries written in Rust raise: it is no Exception."""


class Panicking(Format):
    name = "panicking"
    extensions = (".panic",)
    error: BaseException = Panic("called `Option::unwrap()` on a `None` value")

    def accepts(self, obj) -> bool:
        return isinstance(obj, str)

    def encode(self, obj, payload, name) -> Encoded:
        payload.write(obj.encode())
        return Encoded("str")

    def decode(self, payload, reading):
        raise self.error


def test_a_panic_over_altered_bytes_is_told_as_altered(saver):
    saver.formats.register(Panicking())
    saved = saver.put("a.panic", "x" * 100)
    with pytest.raises(BaseException) as caught:
        saver.get("a.panic")
    assert not isinstance(caught.value, IntegrityError)
    alter(saved)
    with pytest.raises(IntegrityError, match="were altered"):
        saver.get("a.panic")


def test_ctrl_c_is_not_kept_waiting_for_a_digest(saver, monkeypatch):
    monkeypatch.setattr(Panicking, "error", KeyboardInterrupt())
    saver.formats.register(Panicking())
    alter(saver.put("a.panic", "x" * 100))
    with pytest.raises(KeyboardInterrupt):
        saver.get("a.panic")
