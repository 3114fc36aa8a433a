"""Arrays and tensors come back with type, shape, order and every bit, or are refused."""

from __future__ import annotations

import collections
import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jsk_saver.errors import CannotRepresent, JskError, UnknownFormat
from jsk_saver.formats import Formats, Reading
from jsk_saver.payload import Payload
from tests.formats.roundtrip import read, save, trip

SCALARS = hnp.scalar_dtypes().filter(lambda dtype: dtype.kind != "O")
DTYPES = (
    SCALARS | hnp.array_dtypes(SCALARS, max_size=3) | hnp.byte_string_dtypes() | hnp.unicode_string_dtypes()
)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


def same(one: np.ndarray, two: np.ndarray) -> bool:
    """Tell whether two arrays agree in type, shape, order and every bit."""
    order = one.flags.f_contiguous == two.flags.f_contiguous or not two.flags.forc
    return bool(
        type(one) is np.ndarray
        and one.dtype == two.dtype
        and one.shape == two.shape
        and order
        and one.tobytes() == two.tobytes()
    )


@settings(max_examples=150)
@given(DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, SHAPES)), st.booleans())
def test_arrays_of_every_type_and_shape_come_back_from_npy(array: np.ndarray, fortran: bool) -> None:
    array = np.asfortranarray(array) if fortran else array
    for on_disk in (False, True):
        back = trip("a.npy", array, on_disk=on_disk).value
        assert same(back, array)
        assert back.flags.writeable


def test_npy_files_are_numpys_own(tmp_path: Path) -> None:
    array = np.arange(12.0).reshape(3, 4).T
    path = save("a.npy", array, tmp_path)
    assert same(np.load(path), array)
    buffer = io.BytesIO()
    np.save(buffer, array)
    assert buffer.getvalue() == path.read_bytes()


@pytest.mark.parametrize(
    "array",
    [
        np.array(3.5),
        np.arange(10)[::-2],
        np.broadcast_to(np.arange(3), (2, 3)),
        np.arange(6, dtype=">i4").reshape(2, 3),
        np.array(["2024-01-01", "NaT"], "datetime64[ns]"),
        np.array([1, 2], "timedelta64[h]"),
        np.zeros(2, np.dtype([("a", "<i2"), ("größe", "<f8", (2, 2))], align=True)),
        np.zeros(2, [(f"column {at}", "f8") for at in range(4000)]),
        np.zeros((0, 3), "U5"),
        np.array([True, False]),
        np.longdouble([1.1, 2.2]),
    ],
    ids=lambda array: f"{array.dtype.str}{array.shape}",
)
def test_unusual_arrays_come_back_from_npy_and_npz(array: np.ndarray) -> None:
    back = trip("a.npy", array).value
    assert back.dtype == array.dtype
    # Padding between the fields of a structure is nobody's data.
    assert (back == array).all() if array.dtype.names else back.tobytes() == array.tobytes()
    assert trip("a.npz", {"a": array}).value["a"].dtype == array.dtype


def test_a_numpy_scalar_comes_back_as_a_scalar() -> None:
    for scalar in (
        np.float32(0.1),
        np.int64(-1),
        np.datetime64("2024-01-01", "ns"),
        np.str_("ü"),
        np.bool_(1),
    ):
        back = trip("a.npy", scalar).value
        assert type(back) is type(scalar)
        assert back == scalar


def test_a_memory_mapped_array_is_saved_and_comes_back_in_memory(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "m", "f8", "w+", shape=(3, 2))
    mapped[:] = 1.5
    assert same(trip("a.npy", mapped).value, np.full((3, 2), 1.5))


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.array([{}, 1], dtype=object), "Python objects"),
        (np.zeros(2, [("a", "i4"), ("b", "O")]), "Python objects"),
        (np.rec.array([(1, 2.0)]), "recarray"),
        (np.eye(2).view(np.matrix), "a numpy.matrix"),
        (np.zeros(2, np.dtype("i4", metadata={"unit": "m"})), "would come back as another"),
        (np.array(["a", "bc"], np.dtypes.StringDType()), "come back as another|Python objects"),
    ],
    ids=["object", "object field", "recarray", "matrix", "metadata", "string"],
)
def test_arrays_that_would_come_back_different_are_refused(array: Any, why: str) -> None:
    for name, obj in (("a.npy", array), ("a.npz", {"x": array})):
        with pytest.raises(CannotRepresent, match=why) as refused:
            trip(name, obj)
        assert ".pkl" in str(refused.value)
    assert "$.x" in str(refused.value)


def test_bfloat16_arrays_are_refused_by_npy_which_has_no_word_for_them() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes comes with onnx, which is not installed")
    array = np.ones(3, ml_dtypes.bfloat16)
    with pytest.raises(CannotRepresent, match="bfloat16"):
        trip("a.npy", array)
    with pytest.raises(CannotRepresent, match="bfloat16"):
        trip("a.safetensors", {"a": array})


def test_a_file_with_pickled_objects_is_never_unpickled() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(JskError, match="allow_pickle=False"):
        read("a.npy", buffer.getvalue(), allow_pickle=True)


# Several arrays --------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
        hnp.arrays(SCALARS, SHAPES),
        max_size=4,
    )
)
def test_dictionaries_of_arrays_come_back_from_npz_in_order(arrays: dict[str, np.ndarray]) -> None:
    for on_disk in (False, True):
        back = trip("a.npz", arrays, on_disk=on_disk).value
        assert list(back) == list(arrays)
        assert all(same(back[key], arrays[key]) for key in arrays)


def test_strange_names_come_back_from_npz() -> None:
    names = ["file", "a/b", "../x", "/abs", "", ".", "x.npy", "ключ", "a b", "self", "C:\\x", "A", "a"]
    arrays = {name: np.array(at) for at, name in enumerate(names)}
    assert {key: int(value) for key, value in trip("a.npz", arrays).value.items()} == {
        name: at for at, name in enumerate(names)
    }


@pytest.mark.parametrize("key", [1, "a\0b", "\ud800", "x" * 70_000])
def test_names_that_no_npz_can_hold_are_refused(key: Any) -> None:
    with pytest.raises(CannotRepresent, match="key"):
        trip("a.npz", {key: np.zeros(1)})


def test_npz_files_are_numpys_own_both_ways(tmp_path: Path) -> None:
    arrays = {"a": np.arange(3), "b": np.asfortranarray(np.ones((2, 3)))}
    with np.load(save("a.npz", arrays, tmp_path)) as loaded:
        assert list(loaded) == ["a", "b"]
        assert all(same(loaded[key], arrays[key]) for key in arrays)
    np.savez_compressed(tmp_path / "foreign.npz", **arrays)
    back = read("foreign.npz", (tmp_path / "foreign.npz").read_bytes())
    assert all(same(back[key], arrays[key]) for key in arrays)


def test_the_same_arrays_are_the_same_bytes() -> None:
    arrays = {"a": np.arange(3), "b": np.ones((2, 3))}
    assert trip("a.npz", arrays).data == trip("a.npz", arrays).data
    assert trip("a.safetensors", arrays).data == trip("a.safetensors", arrays).data


def test_a_dictionary_that_is_not_all_arrays_is_refused_with_what_fits() -> None:
    with pytest.raises(UnknownFormat, match=r"No format for \.npz takes a dict") as refused:
        trip("a.npz", {"a": np.zeros(2), "b": [1]})
    assert ".pkl" in str(refused.value)


def test_a_large_array_needs_no_second_one_in_memory(tmp_path: Path) -> None:
    array = np.random.default_rng(0).random(4_000_000)  # 32 MB
    for name, obj in (("a.npy", array), ("a.npz", {"x": array}), ("a.safetensors", {"x": array})):
        chosen = Formats().choose(name, obj)
        tracemalloc.start()
        with Payload(tmp_path) as payload:
            encoded = chosen.encode(obj, payload, name)
            payload.finish()
            writing = tracemalloc.get_traced_memory()[1]
            tracemalloc.reset_peak()
            back = chosen.decode(payload, Reading(name, encoded.type, encoded.state))
            reading = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert np.array_equal(back if name == "a.npy" else back["x"], array)
        # Up to 16 MB of a payload stay in memory, and NumPy hands over blocks of 16 MB.
        assert writing < 60 * 2**20, name
        assert reading < array.nbytes + 36 * 2**20, name


# Tensors ---------------------------------------------------------------------------------------------


def test_numpy_arrays_come_back_from_safetensors_in_order() -> None:
    arrays = {
        "b": np.arange(6, dtype="i2").reshape(2, 3),
        "a": np.asfortranarray(np.ones((2, 3), "f4")),
        "empty": np.zeros((0, 3)),
        "zero": np.array(True),
        "complex": np.array([1 + 2j], "c8"),
        "half": np.arange(4, dtype="f2")[::2],
    }
    for on_disk in (False, True):
        back = trip("a.safetensors", arrays, on_disk=on_disk).value
        assert list(back) == list(arrays)
        for key, array in arrays.items():
            assert back[key].dtype == array.dtype
            assert np.array_equal(back[key], array)
            assert back[key].shape == array.shape


def test_safetensors_files_are_read_by_the_library(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    arrays = {"b": np.arange(3), "a": np.ones((2, 2), "f2"), "c": np.zeros(1, "u1")}
    loaded = load_file(save("a.safetensors", arrays, tmp_path))
    assert {key: value.tolist() for key, value in loaded.items()} == {
        key: value.tolist() for key, value in arrays.items()
    }


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.array(["a"]), "dtype <U1"),
        (np.zeros(2, "c16"), "dtype complex128"),
        (np.zeros(2, ">f8"), "dtype >f8"),
        (np.zeros(2, "M8[ns]"), "datetime64"),
        (np.ma.masked_array([1.0], [1]), "MaskedArray"),
    ],
)
def test_arrays_that_safetensors_cannot_hold_are_refused(array: Any, why: str) -> None:
    with pytest.raises(CannotRepresent, match=why) as refused:
        trip("a.safetensors", {"layer": array})
    assert "$.layer" in str(refused.value)


def test_torch_tensors_come_back_from_safetensors() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    tensors = {
        "transposed": base.t(),
        "bf16": torch.tensor([1.5, -2.25], dtype=torch.bfloat16),
        "f8": torch.tensor([1.0, 2.0]).to(torch.float8_e4m3fn),
        "flag": torch.tensor([True, False]),
        "scalar": torch.tensor(7),
        "empty": torch.zeros(0, 2),
        "tied": base,
        "also tied": base,
        "conjugate": torch.tensor([1 + 2j], dtype=torch.complex64).conj(),
    }
    for on_disk in (False, True):
        back = trip("a.safetensors", tensors, on_disk=on_disk).value
        assert list(back) == list(tensors)
        for key, tensor in tensors.items():
            assert back[key].dtype == tensor.dtype
            assert back[key].shape == tensor.shape
            assert bytes(back[key].reshape(-1).view(torch.uint8).numpy()) == bytes(
                tensor.resolve_conj().contiguous().reshape(-1).view(torch.uint8).numpy()
            )


def test_a_state_dict_comes_back_and_loads_into_its_module() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    back = trip("a.safetensors", model.state_dict()).value
    assert type(back) is collections.OrderedDict
    other = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    other.load_state_dict(back)
    sample = torch.ones(4, 3)
    assert torch.equal(other.eval()(sample), model.eval()(sample))


def test_tensors_that_would_come_back_different_are_refused() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for tensor, why in (
        (torch.nn.Parameter(torch.ones(2)), "Parameter"),
        (torch.ones(2, requires_grad=True), "requires a gradient"),
        (torch.eye(3).to_sparse(), "no plain memory"),
        (torch.ones(2, device="meta"), "no plain memory"),
        (torch.ones(2, dtype=torch.complex128), "dtype complex128"),
    ):
        with pytest.raises(CannotRepresent, match=why):
            trip("a.safetensors", {"w": tensor})
    with pytest.raises(UnknownFormat, match="safetensors"):
        trip("a.safetensors", {"a": torch.ones(1), "b": np.ones(1)})


def test_foreign_safetensors_come_back_as_what_they_were_made_of() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from safetensors.numpy import save as save_arrays
    from safetensors.torch import save as save_tensors

    tensors = read("a.safetensors", save_tensors({"w": torch.ones(2)}, {"format": "pt"}))
    assert torch.equal(tensors["w"], torch.ones(2))
    assert read("a.safetensors", save_arrays({"w": np.ones(2)}))["w"].tolist() == [1.0, 1.0]


def test_damaged_array_files_are_clear_errors() -> None:
    for name in ("a.npy", "a.npz", "a.safetensors"):
        with pytest.raises(JskError, match=rf"'{name}' cannot be read as"):
            read(name, b"not what it says")


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.safetensors", "a.csv"])
def test_a_masked_array_is_refused_with_ways_that_keep_its_mask_or_say_what_replaces_it(name: str) -> None:
    array = np.ma.masked_array([1, 2], [0, 1])
    with pytest.raises(JskError, match=r"a numpy\.ma\.MaskedArray") as refused:
        trip(name, array if name in ("a.npy", "a.csv") else {"x": array})
    assert ".filled(…)" in str(refused.value)
    assert "asarray" not in str(refused.value)
    assert same(trip("a.npy", array.filled(0)).value, np.array([1, 0]))
    back = trip("a.npz", {"data": array.data, "mask": np.ma.getmaskarray(array)}).value
    assert np.ma.allequal(np.ma.masked_array(**back), array)
    assert np.array_equal(trip("a.pkl", array).value.mask, array.mask)
