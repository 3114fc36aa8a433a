"""The right format is chosen, users' and plug-ins' formats join in, and what goes wrong is said clearly."""

from __future__ import annotations

import dataclasses
import datetime as dt
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import matplotlib.figure
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image
from sklearn.linear_model import Ridge

from jsk_saver import Saver
from jsk_saver.errors import (
    CannotRepresent,
    JskError,
    MissingExtra,
    SettingsError,
    UnknownFormat,
    UntrustedObject,
)
from jsk_saver.formats import Encoded, Format, Formats, Reading, translate
from jsk_saver.formats.builtin import BUILTINS, EXTRAS, PACKAGES
from jsk_saver.payload import Payload
from tests.formats.roundtrip import read, trip


class Shape:
    """A type of one's own, for formats of one's own."""

    def __init__(self, name: str) -> None:
        self.name = name


def write_shape(shape: Shape, file: BinaryIO) -> None:
    file.write(shape.name.encode())


def read_shape(file: BinaryIO) -> Shape:
    return Shape(file.read().decode())


SHAPE: dict[str, Any] = {"types": (Shape,), "encode": write_shape, "decode": read_shape}


class Written(Format):
    """A format as a class."""

    name = "written"
    extensions: ClassVar[tuple[str, ...]] = (".shape",)

    def accepts(self, obj: Any) -> bool:
        return isinstance(obj, Shape)

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:
        payload.write(obj.name.encode())
        return Encoded("Shape", {"state": 1}, {"fact": 2})

    def decode(self, payload: Payload, reading: Reading) -> Any:
        assert reading.state == {"state": 1}
        return Shape(payload.getvalue().decode())


# Choosing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "obj", "expected"),
    [
        ("a.json", {"a": 1}, "json"),
        ("deep/er/A.JSON", [1], "json"),
        ("a.jsonl", [1], "jsonl"),
        ("a.yml", {"a": 1}, "yaml"),
        ("a.toml", {"a": 1}, "toml"),
        ("README.md", "# x", "md"),
        ("a.csv", pd.DataFrame({"a": [1]}), "csv"),
        ("a.tsv", pl.DataFrame({"a": [1]}), "tsv"),
        ("a.parquet", pa.table({"a": [1]}), "parquet"),
        ("a.arrow", pa.table({"a": [1]}), "feather"),
        ("a.xlsx", pd.DataFrame({"a": [1]}), "xlsx"),
        ("a.json", pd.DataFrame({"a": [1]}), "json"),
        ("a.npy", np.zeros(1), "npy"),
        ("a.npz", {"a": np.zeros(1)}, "npz"),
        ("a.safetensors", {"a": np.zeros(1)}, "safetensors"),
        ("a.png", matplotlib.figure.Figure(), "png"),
        ("a.jpeg", Image.new("RGB", (1, 1)), "jpg"),
        ("a.skops", Ridge(), "skops"),
        ("a.joblib", Ridge(), "joblib"),
        ("a.pkl", object(), "pickle"),
        ("a.zip", {"a": b""}, "zip"),
        ("a.b.c.json", [1], "json"),
        ("a.csv", b"raw", "bytes"),
        ("no extension", b"raw", "bytes"),
        (".json", b"raw", "bytes"),
        ("a.unknown", bytearray(), "bytes"),
    ],
)
def test_the_extension_and_the_type_choose_the_format(name: str, obj: Any, expected: str) -> None:
    assert Formats().choose(name, obj).name == expected


def test_a_named_format_wins_over_the_extension() -> None:
    formats = Formats()
    assert formats.choose("settings.conf", {"a": 1}, "toml").name == "toml"
    assert formats.choose("a.json", {"a": 1}, formats.by_name("yaml")).name == "yaml"
    with pytest.raises(UnknownFormat, match=r"The format 'toml' does not hold a list"):
        formats.choose("a.json", [1], "toml")
    with pytest.raises(UnknownFormat, match="'tomll' is not known here"):
        formats.choose("a.json", [1], "tomll")


def test_a_type_that_the_extension_does_not_hold_is_refused_with_those_that_do() -> None:
    with pytest.raises(UnknownFormat) as refused:
        Formats().choose("deep/model.json", pd.Series([1]).values)
    text = str(refused.value)
    assert "No format for .json takes a numpy.ndarray. Use .tolist()." in text
    assert 'saver.put("deep/model.npy", …)    # a numpy.ndarray can be saved as .npy' in text
    with pytest.raises(UnknownFormat, match=r"No format for \.parquet takes a dict") as refused:
        Formats().choose("a.parquet", {"a": 1})
    assert ".json, .yaml, .toml" in str(refused.value)


def test_an_unknown_or_missing_extension_is_refused_with_what_fits_and_how_to_add_one() -> None:
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(UnknownFormat, match=r"\.xyz is not an extension that is known here") as refused:
        Formats().choose("data.xyz", frame)
    text = str(refused.value)
    assert "a pandas.DataFrame can be saved as .parquet, .csv, .tsv, .feather, .xlsx, .json" in text
    assert 'saver.formats.register("xyz", extensions=(".xyz",), types=(DataFrame,)' in text
    with pytest.raises(UnknownFormat, match="'data' has no extension") as refused:
        Formats().choose("data", frame)
    assert 'saver.put("data.parquet", …)' in str(refused.value)
    with pytest.raises(UnknownFormat, match="no extension"):
        Formats().choose("folder.with.dots/data", frame)
    with pytest.raises(UnknownFormat, match="no extension"):
        Formats().choose("folder/.csv", frame)


@pytest.mark.parametrize(
    ("obj", "first"),
    [
        (pd.DataFrame({"a": [1]}), ".parquet"),
        ({"a": 1}, ".json"),
        ("text", ".json"),
        (np.zeros(1), ".npy"),
        ({"w": np.zeros(1)}, ".npz"),
        (Image.new("L", (1, 1)), ".png"),
        (Ridge(), ".skops"),
        (b"raw", ".bin"),
        (dt.date(2024, 1, 1), ".json"),
        (object(), ".joblib"),
    ],
)
def test_what_fits_an_object_comes_in_a_sensible_order(obj: Any, first: str) -> None:
    found = Formats().fits(obj)
    assert found[-1] in (".pkl", ".bin")
    assert first in found[:7]


def test_files_the_kit_did_not_write_are_read_by_their_extension_or_as_bytes() -> None:
    formats = Formats()
    assert formats.for_extension("a/b.YAML").name == "yaml"
    assert formats.for_extension("a.tar.gz").name == "bytes"
    assert formats.for_extension("README").name == "bytes"
    assert read("x.unknown", b"\x00") == b"\x00"


def test_a_format_by_name_that_is_not_here_says_what_is_missing() -> None:
    with pytest.raises(UnknownFormat, match="The format 'geojson' is not known here") as refused:
        Formats().by_name("geojson")
    assert 'saver.formats.register("geojson"' in str(refused.value)
    with pytest.raises(UnknownFormat, match="comes with the package 'jsk-geo'") as refused:
        Formats().by_name("geojson", plugin="jsk-geo")
    assert "pip install --upgrade jsk-geo" in str(refused.value)


# Registering -----------------------------------------------------------------------------------------


def test_a_format_can_be_made_of_two_functions() -> None:
    formats = Formats()
    made = formats.register("shape", extensions=(".shape", "SHP"), **SHAPE)
    assert made.extensions == (".shape", ".shp")
    back = trip("a.Shape", Shape("round"), formats=formats, on_disk=True)
    assert back.value.name == "round"
    assert back.encoded.type == "tests.formats.test_registry.Shape"
    assert formats.for_extension("a.shp") is formats.by_name("shape") is made
    with pytest.raises(UnknownFormat, match=r"No format for \.shape takes a dict"):
        formats.choose("a.shape", {})
    assert formats.fits(Shape("x"))[0] == ".shape"


@pytest.mark.parametrize(
    "types",
    [
        Shape,
        (Shape, int),
        ["tests.Shape"],
        "tests.Shape",
        "tests.formats.test_registry.Shape",
        lambda obj: isinstance(obj, Shape),
    ],
)
def test_types_are_classes_their_names_or_a_question(types: Any) -> None:
    formats = Formats()
    formats.register("shape", extensions=".shape", types=types, encode=write_shape, decode=read_shape)
    assert formats.choose("a.shape", Shape("x")).name == "shape"
    with pytest.raises(UnknownFormat):
        formats.choose("a.shape", "text")


def test_a_format_can_be_a_class_and_the_last_one_registered_comes_first() -> None:
    formats = Formats()
    formats.register(Written())
    assert trip("a.shape", Shape("square"), formats=formats).value.name == "square"
    formats.register("later", extensions=".shape", **SHAPE)
    assert formats.choose("a.shape", Shape("x")).name == "later"
    assert formats.by_name("written").name == "written"
    formats.register("mine", extensions=".json", **(SHAPE | {"types": dict}))
    assert formats.choose("a.json", {}).name == "mine"
    assert formats.choose("a.json", []).name == "json"
    assert Formats().choose("a.json", {}).name == "json", "one saver's formats are not another's"


def test_the_longest_extension_wins_and_shorter_ones_take_the_rest() -> None:
    formats = Formats()
    formats.register("geojson", extensions=".geo.json", **SHAPE)
    formats.register("tarball", extensions=".tar.gz", **SHAPE)
    assert formats.choose("map.geo.json", Shape("x")).name == "geojson"
    assert formats.choose("map.geo.json", {"a": 1}).name == "json"
    assert formats.choose("backup.2024.tar.gz", Shape("x")).name == "tarball"
    assert formats.for_extension("backup.2024.tar.gz").name == "tarball"
    assert formats.for_extension("backup.gz").name == "bytes"


def test_a_registered_format_that_runs_code_asks_for_permission() -> None:
    formats = Formats()
    formats.register("risky", extensions=".risky", runs_code=True, **SHAPE)
    with Payload.of_bytes(b"x") as payload:
        with pytest.raises(UntrustedObject, match=r"'a\.risky' is a risky file"):
            formats.decode(formats.by_name("risky"), payload, Reading("a.risky"))
        assert formats.decode(formats.by_name("risky"), payload, Reading("a.risky"), allow_pickle=True)
    assert "risky" in repr(formats)


def test_functions_may_close_their_file_and_write_many_small_pieces() -> None:
    import io

    def write(numbers: set[int], file: BinaryIO) -> None:
        with io.TextIOWrapper(file) as text:
            for number in sorted(numbers):
                print(number, file=text)

    formats = Formats()
    formats.register(
        "numbers", extensions=".n", types=set, encode=write, decode=lambda file: {int(line) for line in file}
    )
    put = set(range(5000))
    assert trip("a.n", put, formats=formats, on_disk=True).value == put


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("", {"extensions": ".x", **SHAPE}, "needs a name"),
        ("x", {**SHAPE}, "extensions"),
        ("x", {"extensions": (1,), **SHAPE}, "not text"),
        ("x", {"extensions": ".x", "types": Shape}, "encode= and decode="),
        ("x", {"extensions": ".x", **SHAPE, "encode": "write"}, "two functions"),
        ("x", {"extensions": ".x", **SHAPE, "types": (1,)}, "neither classes nor names"),
        ("x", {"extensions": ".x", **SHAPE, "types": ()}, "neither classes nor names"),
        (Written, {}, "is not a Format"),
    ],
)
def test_a_registration_that_makes_no_sense_is_refused(name: Any, options: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        Formats().register(name, **options)


def test_only_full_names_can_be_trusted() -> None:
    formats = Formats()
    formats.trust("my.module.Transformer", Shape)
    assert formats.trusted == {"my.module.Transformer", "tests.formats.test_registry.Shape"}
    with pytest.raises(SettingsError, match="not a full name"):
        formats.trust("Transformer")


def test_a_format_that_fails_to_answer_is_left_out_with_a_warning() -> None:
    formats = Formats()
    formats.register("broken", extensions=".json", **(SHAPE | {"types": lambda obj: obj.no_such_thing}))
    with pytest.warns(UserWarning, match="The format 'broken' was left out: asked whether it takes a dict"):
        assert formats.choose("a.json", {}).name == "json"


# Plug-ins --------------------------------------------------------------------------------------------


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


# What goes wrong inside of a format ------------------------------------------------------------------


def failing(error: BaseException) -> Formats:
    def fail(*_: Any) -> Any:
        raise error

    formats = Formats()
    formats.register("failing", extensions=".fail", **(SHAPE | {"encode": fail, "decode": fail}))
    return formats


@pytest.mark.parametrize(
    "error", [TypeError("not serializable"), RecursionError("too deep"), ValueError("x.")]
)
def test_failures_to_save_name_object_format_cause_and_what_could(error: Exception) -> None:
    with pytest.raises(CannotRepresent) as refused:
        trip("a.fail", Shape("x"), formats=failing(error))
    text = str(refused.value)
    assert text.startswith("This tests.formats.test_registry.Shape cannot be saved as failing: ")
    assert f"{type(error).__name__}: {str(error).rstrip('.')}." in text
    assert "Try .joblib or .pkl." in text
    assert refused.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [TypeError("bad magic"), EOFError(), UnicodeDecodeError("utf-8", b"x", 0, 1, "?")]
)
def test_failures_to_read_name_file_format_cause_and_the_way_to_the_bytes(error: Exception) -> None:
    with pytest.raises(JskError) as refused:
        read("deep/a.fail", b"x", formats=failing(error))
    text = str(refused.value)
    assert text.startswith(f"'deep/a.fail' cannot be read as failing: {type(error).__name__}")
    assert 'saver.get("deep/a.fail", as_="bytes")' in text


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt(), CannotRepresent("said already")])
def test_errors_that_are_clear_already_are_left_alone(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised:
        trip("a.fail", Shape("x"), formats=failing(error))
    assert raised.value is error
    with pytest.raises(type(error)) as raised:
        read("a.fail", b"x", formats=failing(error))
    assert raised.value is error


def test_a_failing_disk_is_not_blamed_on_the_object() -> None:
    with pytest.raises(JskError, match=r"Saving 'a\.fail' as failing failed: Input/output error") as refused:
        trip("a.fail", Shape("x"), formats=failing(OSError(5, "Input/output error")))
    assert not isinstance(refused.value, CannotRepresent)


@pytest.mark.parametrize(("package", "extra"), sorted(EXTRAS.items()))
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jsk_saver.formats import translate

    monkeypatch.setattr(translate, "is_installed", lambda name: name != package)
    error = ModuleNotFoundError(f"No module named {package!r}", name=f"{package}.inner")
    for use in (
        lambda: trip("a.fail", Shape("x"), formats=failing(error)),
        lambda: read("a.fail", b"", formats=failing(error)),
    ):
        with pytest.raises(MissingExtra) as missing:
            use()
        assert f"needs {PACKAGES.get(package, package)}, which is not installed." in str(missing.value)
        wanted = f"'jsk-saver[{extra}]'" if extra else package
        assert f"pip install {wanted}" in str(missing.value)


def test_the_extras_named_in_errors_are_those_of_the_package() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for package, extra in EXTRAS.items():
        if not extra:
            continue
        brought = [line.split(" ")[0] for line in extras[extra]]
        assert PACKAGES.get(package, package) in brought, (package, extra)
    required = [line.split(" ")[0] for line in project["dependencies"]]
    for each in BUILTINS:
        for package in each.needs:
            assert package in EXTRAS or PACKAGES.get(package, package) in required, (each.name, package)


def test_an_installed_package_that_fails_to_import_is_not_called_missing() -> None:
    error = ImportError("libcuda.so: cannot open shared object file", name="numpy")
    with pytest.raises(CannotRepresent, match=r"ImportError: libcuda\.so"):
        trip("a.fail", Shape("x"), formats=failing(error))


def test_columns_of_what_is_no_table_are_refused() -> None:
    with pytest.raises(JskError, match=r"'a\.npy' is npy, not a table"):
        trip("a.npy", np.zeros(1), columns=["a"])
    with pytest.raises(JskError, match="not a table"):
        trip("a.txt", "x", as_="pandas")


def test_no_format_changes_what_it_is_given() -> None:
    @dataclasses.dataclass
    class Thing:
        inner: dict[str, Any]

    put: dict[str, Any] = {"a": (1, [2, {"b": (3,)}]), "c": np.float64(1.5)}
    before = repr(put)
    for name in ("a.json", "a.yaml", "a.toml", "a.pkl"):
        trip(name, put)
    assert repr(put) == before
    with pytest.raises(UnknownFormat, match=r"dataclasses\.asdict"):
        trip("a.yaml", Thing(put))


# Looking ---------------------------------------------------------------------------------------------


def test_the_list_of_formats_is_what_the_formats_say_of_themselves() -> None:
    formats = Formats()
    by_name = {each.name: each for each in formats}
    assert list(by_name) == formats.names() == [each.name for each in BUILTINS]
    for each in BUILTINS:
        assert by_name[each.name].extensions == each.extensions
        assert by_name[each.name].runs_code == each.runs_code
        assert (by_name[each.name].__doc__ or "").strip(), each.name
    assert len(formats) == len(BUILTINS)
    assert "csv" in formats
    assert "nothing" not in formats


def test_extensions_tell_which_format_is_tried_first() -> None:
    formats = Formats()
    assert formats.extensions()[".pkl"] == ["pickle"]
    formats.register("mine", extensions=".pkl", **SHAPE)
    assert formats.extensions()[".pkl"] == ["mine", "pickle"]
    assert list(formats.extensions()) == sorted(formats.extensions())


def test_the_issue_names_no_format_that_is_missing() -> None:
    wanted = """csv tsv parquet feather arrow json jsonl yaml toml txt md npy npz xlsx png jpg svg pdf html
        skops joblib pkl pickle pt safetensors onnx zip"""
    assert {f".{each}" for each in wanted.split()} <= Formats().extensions().keys()


def test_the_formats_show_themselves_as_a_list() -> None:
    text = repr(Formats())
    assert text.startswith(f"{len(BUILTINS)} formats")
    assert "  tsv          .tsv .tab\n" in text
    assert "  pickle       .pkl .pickle  loads with allow_pickle=True only" in text
    assert "  folder       a Path" in text


def test_missing_packages_are_told_by_format(monkeypatch: pytest.MonkeyPatch) -> None:
    from jsk_saver.formats import translate

    assert Formats().missing() == {}
    monkeypatch.setattr(translate, "is_installed", lambda name: name not in ("torch", "PIL"))
    assert Formats().missing() == {name: ["PIL"] for name in ("png", "jpg", "tiff", "webp", "gif", "bmp")} | {
        "pt": ["torch"]
    }


def test_importing_the_formats_imports_nothing_heavy() -> None:
    heavy = (
        "numpy pandas pyarrow polars PIL matplotlib sklearn torch skops yaml importlib.metadata "
        "jsk_saver.formats.text jsk_saver.formats.tables"
    )
    script = (
        f"import sys, jsk_saver.formats\n"
        f"jsk_saver.formats.Formats()\n"
        f"print([name for name in {heavy.split()} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


# Advice ----------------------------------------------------------------------------------------------


def said_of(name: str, obj: Any, wish: str | None = None) -> str:
    with pytest.raises(UnknownFormat) as refused:
        Formats().choose(name, obj, wish)
    return str(refused.value)


@pytest.mark.parametrize("name", ["a.csv", "a.log", "a.py", "notes", "a.parquet"])
def test_text_under_any_name_can_be_saved_as_the_text_it_is(name: str) -> None:
    assert f'saver.put("{name}", …, format="txt")' in said_of(name, "a,b\n1,2\n")
    assert "can be saved as .txt, .json" in said_of(name, "a,b")
    assert Formats().choose(name, "a,b", "txt").name == "txt"


def test_text_that_is_the_path_of_a_file_is_refused_with_the_path(tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"frames")
    assert f'saver.put("v.mp4", Path({str(file)!r}))' in said_of("v.mp4", str(file))
    assert Formats().choose("v.mp4", file).name == "file"
    for text in (f"{file}x", "two\nlines", "a\0b", "", "x" * 5_000):
        assert "Path(" not in said_of("v.mp4", text)
    assert Formats().choose("v.txt", str(file)).name == "txt"


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet", "a.feather", "a.xlsx"])
@pytest.mark.parametrize(
    "obj",
    [
        [{"a": 1}, {"a": 2}],
        [1, 2],
        [(1, "x"), (2, "y")],
        {"a": [1, 2], "b": ["x", "y"]},
        {"a": 1, "b": "x"},
        np.eye(2),
        np.arange(3),
    ],
    ids=["rows", "values", "tuples", "columns", "one row", "matrix", "vector"],
)
def test_what_could_be_a_table_is_refused_with_the_call_that_makes_it_one(name: str, obj: Any) -> None:
    said = said_of(name, obj)
    assert f'saver.put("{name}", pd.DataFrame(' in said
    assert "register(" not in said
    made = pd.DataFrame([obj] if "pd.DataFrame([…])" in said else obj)
    assert isinstance(trip(name, made).value, pd.DataFrame)


@pytest.mark.parametrize("obj", [{"a": [1], "b": [1, 2]}, {}, [], [object()], np.zeros((2, 2, 2)), {"a": {}}])
def test_what_is_no_table_is_not_said_to_be_one(obj: Any) -> None:
    assert "DataFrame" not in said_of("a.csv", obj)


def test_only_what_can_be_written_here_is_recommended(monkeypatch: pytest.MonkeyPatch) -> None:
    there = translate.is_installed
    lacking = {"joblib", "torch", "pandas", "PIL"}
    monkeypatch.setattr(translate, "is_installed", lambda package: package not in lacking and there(package))
    said = said_of("a.csv", [1, 2])
    assert ".joblib" not in said
    assert ".pt" not in said
    assert "pip install 'jsk-saver[tables]'" in said
    assert "pip install 'jsk-saver[plots]'" in said_of("a.png", np.zeros((2, 2), np.uint8))


def test_an_unknown_format_is_refused_with_those_that_are_known() -> None:
    said = said_of("a.txt", "text", "text")
    assert "The format 'text' is not known here." in said
    assert 'format="txt"?' in said
    assert "csv, feather, file" in said
    assert "The version, as it is" not in said


@pytest.mark.filterwarnings("ignore:The format plug-in")
def test_a_version_whose_plug_in_is_gone_names_its_package(
    plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Saver(tmp_path / "store").put("a.cls", 1j)
    monkeypatch.setattr("jsk_saver.formats.plugins.GROUP", "none")
    with pytest.raises(UnknownFormat, match="It comes with the package 'good_plugin'"):
        Saver(tmp_path / "store").get("a.cls")
