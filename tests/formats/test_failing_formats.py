"""What goes wrong inside of a format is said clearly, and blamed on what is to blame."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jsk_saver.errors import CannotRepresent, JskError, MissingExtra, UnknownFormat
from jsk_saver.formats import Formats, translate
from jsk_saver.formats.builtin import BUILTINS, EXTRAS, PACKAGES
from tests.formats.own_format import SHAPE, Shape
from tests.formats.roundtrip import read, trip


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
    assert text.startswith("This tests.formats.own_format.Shape cannot be saved as failing: ")
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
