"""Formats of one's own join in, and the list of formats says what there is."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, BinaryIO

import pytest

from jsk_saver.errors import SettingsError, UnknownFormat, UntrustedObject
from jsk_saver.formats import Formats, Reading, translate
from jsk_saver.formats.builtin import BUILTINS
from jsk_saver.payload import Payload
from tests.formats.own_format import SHAPE, Shape, Written, read_shape, write_shape
from tests.formats.roundtrip import trip

# Registering -----------------------------------------------------------------------------------------


def test_a_format_can_be_made_of_two_functions() -> None:
    formats = Formats()
    made = formats.register("shape", extensions=(".shape", "SHP"), **SHAPE)
    assert made.extensions == (".shape", ".shp")
    back = trip("a.Shape", Shape("round"), formats=formats, on_disk=True)
    assert back.value.name == "round"
    assert back.encoded.type == "tests.formats.own_format.Shape"
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
        "tests.formats.own_format.Shape",
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
    assert formats.trusted == {"my.module.Transformer", "tests.formats.own_format.Shape"}
    with pytest.raises(SettingsError, match="not a full name"):
        formats.trust("Transformer")


def test_a_format_that_fails_to_answer_is_left_out_with_a_warning() -> None:
    formats = Formats()
    formats.register("broken", extensions=".json", **(SHAPE | {"types": lambda obj: obj.no_such_thing}))
    with pytest.warns(UserWarning, match="The format 'broken' was left out: asked whether it takes a dict"):
        assert formats.choose("a.json", {}).name == "json"


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
