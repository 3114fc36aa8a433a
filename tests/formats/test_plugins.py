"""Installed packages bring formats, and broken ones harm nothing else."""

from __future__ import annotations

import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from jsk_saver import Saver
from jsk_saver.errors import UnknownFormat
from jsk_saver.formats import Formats
from tests.formats.own_format import SHAPE
from tests.formats.roundtrip import trip


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Three installed packages that bring formats, and two that are broken."""
    (tmp_path / "jsk_test_plugin.py").write_text(
        textwrap.dedent(
            """
            from jsk_saver.formats import Encoded, Format

            class Base(Format):
                def accepts(self, obj):
                    return isinstance(obj, complex)
                def encode(self, obj, payload, name):
                    payload.write(repr(obj).encode())
                    return Encoded("complex", facts={"own": 1})
                def decode(self, payload, reading):
                    return complex(payload.getvalue().decode())

            class AsClass(Base):
                name, extensions = "as-class", (".cls",)

            class AsInstance(Base):
                name, extensions = "as-instance", (".ins",)

            instance = AsInstance()

            def register(formats):
                formats.register(
                    "as-function", extensions=".fun", types=complex,
                    encode=lambda obj, file: file.write(repr(obj).encode()),
                    decode=lambda file: complex(file.read().decode()),
                )

            number = 3

            def fail(formats):
                raise RuntimeError("no licence")
            """
        )
    )
    for package, lines in {
        "good_plugin": "a = jsk_test_plugin:AsClass\n"
        "b = jsk_test_plugin:instance\nc = jsk_test_plugin:register",
        "wrong_plugin": "d = jsk_test_plugin:number",
        "failing_plugin": "e = jsk_test_plugin:fail",
        "absent_plugin": "f = jsk_no_such_module:x",
    }.items():
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[jsk_saver.formats]\n{lines}\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("jsk_test_plugin", None)


def test_plug_ins_are_found_once_and_broken_ones_harm_nothing_else(plugins: Path) -> None:
    formats = Formats()
    with pytest.warns(UserWarning, match="does not work and was left out") as warned:
        formats.names()
    assert len(warned) == 3
    for name in ("a.cls", "a.ins", "a.fun"):
        assert trip(name, 1 + 2j, formats=formats).value == 1 + 2j
    assert {str(warning.message).split("'")[3] for warning in warned} == set(formats.broken)
    assert formats.broken == {
        "wrong_plugin": "TypeError: 3 is neither a Format nor a function that takes the formats",
        "failing_plugin": "RuntimeError: no licence",
        "absent_plugin": "ModuleNotFoundError: No module named 'jsk_no_such_module'",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert formats.choose("a.json", {}).name == "json"
    with pytest.raises(
        UnknownFormat, match="plug-in 'failing_plugin' does not work: RuntimeError: no licence"
    ):
        formats.by_name("lost", plugin="failing_plugin")


@pytest.mark.filterwarnings("ignore:The format plug-in")
def test_a_version_remembers_which_plug_in_wrote_it(plugins: Path) -> None:
    formats = Formats()
    assert trip("a.cls", 1j, formats=formats).encoded.facts == {"own": 1, "plugin": "good_plugin"}
    assert "plugin" not in trip("a.json", {}, formats=formats).encoded.facts


@pytest.mark.filterwarnings("ignore:The format plug-in")
def test_what_the_caller_registers_comes_before_plug_ins(plugins: Path) -> None:
    formats = Formats()
    formats.register("mine", extensions=".cls", **(SHAPE | {"types": complex}))
    assert formats.choose("a.cls", 1j).name == "mine"
    assert "as-class" in formats


@pytest.mark.filterwarnings("ignore:The format plug-in")
def test_plug_ins_are_looked_for_once_by_many_threads(plugins: Path) -> None:
    formats = Formats()
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(formats.choose("a.cls", 1j).name)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["as-class"] * 8
    assert formats.names().count("as-class") == 1


@pytest.mark.filterwarnings("ignore:The format plug-in")
def test_a_version_whose_plug_in_is_gone_names_its_package(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Saver(tmp_path / "store").put("a.cls", 1j)
    monkeypatch.setattr("jsk_saver.formats.plugins.GROUP", "none")
    with pytest.raises(UnknownFormat, match="It comes with the package 'good_plugin'"):
        Saver(tmp_path / "store").get("a.cls")
