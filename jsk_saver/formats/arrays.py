"""NumPy arrays and tensors: npy, npz and safetensors. Nothing here ever runs code on loading.

Arrays are written straight from their memory, block by block, and read straight into the memory they end
up in, so that neither needs a second array's worth.
"""

from __future__ import annotations

import json
import struct
import sys
import warnings
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jsk_saver.errors import CannotRepresent
from jsk_saver.formats.base import Encoded, Format, Reading, is_a
from jsk_saver.formats.naming import article, type_name
from jsk_saver.formats.shapes import place
from jsk_saver.formats.streams import Sink, opened
from jsk_saver.payload import Payload
from jsk_saver.record import JSON

if TYPE_CHECKING:
    import numpy as np

#: What is inside the zip has no time of its own: the same arrays are the same bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
#: Arrays that store their content in a file already; they come back in memory.
_ARRAYS = ("ndarray", "memmap")

#: Names of data types in the header of a safetensors file, with their size in bytes
#: (https://github.com/huggingface/safetensors, "Format").
_TENSOR_TYPES = {
    "float64": ("F64", 8), "float32": ("F32", 4), "float16": ("F16", 2), "bfloat16": ("BF16", 2),
    "int64": ("I64", 8), "int32": ("I32", 4), "int16": ("I16", 2), "int8": ("I8", 1),
    "uint64": ("U64", 8), "uint32": ("U32", 4), "uint16": ("U16", 2), "uint8": ("U8", 1),
    "bool": ("BOOL", 1), "complex64": ("C64", 8),
    "float8_e4m3fn": ("F8_E4M3", 1), "float8_e5m2": ("F8_E5M2", 1),
}  # fmt: skip


class Npy(Format):
    """One NumPy array or scalar of any type but object."""

    name = "npy"
    extensions = (".npy",)

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is an array or a NumPy scalar."""
        return is_a(obj, "numpy.ndarray", "numpy.generic") and not is_a(obj, "numpy.MaskedArray")

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write the array with its type, shape and order (C or Fortran)."""
        import numpy as np

        scalar = isinstance(obj, np.generic)
        array = np.asarray(obj) if scalar else obj
        _check_array(array, "The array")
        _write_array(Sink(payload), array)
        return Encoded(type_name(obj), {"scalar": True} if scalar else {}, _facts(array))

    def decode(self, payload: Payload, reading: Reading) -> Any:
        """Return the array, writable and in memory."""
        with opened(payload) as file:
            array = _read_array(file)
        return array[()] if reading.state.get("scalar") else array


class Npz(Format):
    """A dictionary of NumPy arrays, under any names; other tools read it as NumPy's own npz."""

    name = "npz"
    extensions = (".npz",)

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is a dictionary of arrays."""
        return type(obj) is dict and all(is_a(value, "numpy.ndarray") for value in obj.values())

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write one npy file for each array into a zip, uncompressed."""
        for key, array in obj.items():
            _check_key(key)
            _check_array(array, f"The array at {place('$', key)}")
        with zipfile.ZipFile(Sink(payload), "w", zipfile.ZIP_STORED) as archive:
            for key, array in obj.items():
                with archive.open(zipfile.ZipInfo(f"{key}.npy", _NO_TIME), "w", force_zip64=True) as file:
                    _write_array(file, array)
        return Encoded("dict of numpy.ndarray", facts={"arrays": len(obj)})

    def decode(self, payload: Payload, reading: Reading) -> dict[str, Any]:  # noqa: ARG002
        """Return the dictionary, in the order it was put."""
        arrays = {}
        with opened(payload) as file, zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as member:
                    arrays[entry.filename.removesuffix(".npy")] = _read_array(member)
        return arrays


class SafeTensors(Format):
    """A dictionary of NumPy arrays, or of PyTorch tensors, in the format of the model hubs.

    Tensors come back on the CPU. Tensors that shared memory come back as separate ones.
    """

    name = "safetensors"
    extensions = (".safetensors",)

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is a dictionary of arrays or of tensors."""
        return isinstance(obj, Mapping) and _kind(obj) is not None

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write a header, then each tensor from its own memory."""
        if type(obj) is not dict and not is_a(obj, "collections.OrderedDict"):
            raise CannotRepresent(f"The object is {article(type_name(obj))}, not a dict.", hint="dict(...)")
        kind = _kind(obj)
        sizes = {key: _check_tensor(key, value, kind) for key, value in obj.items()}
        # Wider types first, as the library does it, so that every tensor starts at a multiple of its width.
        order = sorted(obj, key=lambda key: (-_TENSOR_TYPES[_dtype(obj[key])][1], key))
        header: JSON = {
            "__metadata__": {"format": "np" if kind == "numpy" else "pt", "order": json.dumps(list(obj))}
        }
        start = 0
        for key in order:
            code = _TENSOR_TYPES[_dtype(obj[key])][0]
            header[key] = {
                "dtype": code,
                "shape": list(obj[key].shape),
                "data_offsets": [start, start + sizes[key]],
            }
            start += sizes[key]
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        sink = Sink(payload)
        sink.write(struct.pack("<Q", len(text)) + text)
        for key in order:
            sink.write(_memory(obj[key], kind))
        state = {"type": "OrderedDict"} if type(obj) is not dict else {}
        named = "numpy.ndarray" if kind == "numpy" else "torch.Tensor"
        return Encoded(f"{type_name(obj)} of {named}", state, {"tensors": len(obj)})

    def decode(self, payload: Payload, reading: Reading) -> Any:
        """Return the dictionary, in the order it was put, of the kind of tensors it held."""
        import collections

        from safetensors import safe_open

        with opened(payload) as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        about = header.pop("__metadata__", {})
        torch_kind = reading.type.endswith("torch.Tensor") or (
            not reading.type and about.get("format") == "pt"
        )
        if payload.path is None:
            tensors = _load(payload.getvalue(), torch_kind)
        else:
            with safe_open(payload.path, "pt" if torch_kind else "np") as file:
                # A copy each: what safe_open returns is mapped from a file that will go away.
                tensors = {key: _copy(file.get_tensor(key)) for key in file.keys()}  # noqa: SIM118
        order = json.loads(about.get("order", "null")) or list(header)
        kind = collections.OrderedDict if reading.state.get("type") == "OrderedDict" else dict
        return kind((key, tensors[key]) for key in order)


# NumPy -----------------------------------------------------------------------------------------------


def _write_array(file: Any, array: np.ndarray) -> None:
    import numpy as np

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stored array in format", UserWarning)
        np.lib.format.write_array(file, array, allow_pickle=False)


def _read_array(file: Any) -> Any:
    import numpy as np

    # A trusted header may be of any length: a structured type with thousands of fields has a long one.
    return np.lib.format.read_array(file, allow_pickle=False, max_header_size=10_000_000)


def _check_array(array: Any, what: str) -> None:
    import numpy as np

    if type(array).__name__ not in _ARRAYS:
        raise CannotRepresent(
            f"{what} is {article(type_name(array))} and would come back as a plain numpy.ndarray.",
            hint=_plain_array(array),
        )
    if array.dtype.hasobject:
        raise CannotRepresent(
            f"{what} holds Python objects (its dtype is {array.dtype}), which NumPy writes only as a pickle.",
            hint="Give it another dtype with .astype(...), or save it as .joblib or .pkl.",
        )
    if array.dtype.metadata:
        raise _no_dtype(array, what)
    try:
        again = np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(array.dtype))
    except (TypeError, ValueError) as error:
        raise _no_dtype(array, what) from error
    if again != array.dtype:
        raise _no_dtype(array, what)


def _plain_array(array: Any) -> str:
    """Return what to do about a subclass of arrays; never what would lose something unsaid."""
    if is_a(array, "numpy.MaskedArray"):
        return "Give what is masked a value with .filled(…), or save it as .pkl."
    return "Save it as .pkl, or numpy.asarray(…) if its plain values are all that is wanted."


def _no_dtype(array: Any, what: str) -> CannotRepresent:
    return CannotRepresent(
        f"{what} has the dtype {array.dtype!r}, which would come back as another one.",
        hint="Give it a plain dtype with .astype(...), or save it as .joblib or .pkl.",
    )


def _check_key(key: Any) -> None:
    if type(key) is not str:
        raise CannotRepresent(
            f"The key {key!r} is {article(type_name(key))}; the names in an npz are text.",
            hint=f'Write it as "{key}".',
        )
    try:
        length = len(key.encode("utf-8")) + len(".npy")
    except UnicodeEncodeError:
        length = 0
    if "\0" in key or not 0 < length < 2**16:
        raise CannotRepresent(
            f"The key {key[:60]!r} cannot be a name in an npz: it has a zero byte, a lone surrogate, or "
            "more than 65,531 bytes.",
            hint="Choose a plainer key, or save the dictionary as .pkl.",
        )


def _facts(array: Any) -> JSON:
    return {"shape": list(array.shape), "dtype": str(array.dtype)}


# Tensors ---------------------------------------------------------------------------------------------


def _kind(tensors: Mapping[Any, Any]) -> str | None:
    """Return what all values are, ``"numpy"`` or ``"torch"``; None if they are neither or mixed."""
    if all(is_a(value, "numpy.ndarray") for value in tensors.values()):
        return "numpy"
    return "torch" if all(is_a(value, "torch.Tensor") for value in tensors.values()) else None


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _check_tensor(key: Any, tensor: Any, kind: str | None) -> int:
    """Return the size of a tensor in bytes, having made sure that it comes back the same."""
    where = place("$", key)
    if type(key) is not str or key == "__metadata__":
        raise CannotRepresent(
            f"{key!r} cannot be the name of a tensor.", hint="Names are text, as in a state_dict."
        )
    dtype = _dtype(tensor)
    # NumPy knows these two only through ml_dtypes, and safetensors does not read them back for it.
    foreign = kind == "numpy" and dtype.startswith(("bfloat16", "float8"))
    if dtype not in _TENSOR_TYPES or foreign:
        raise CannotRepresent(
            f"{where} has the dtype {dtype}, which safetensors cannot hold.",
            hint=f"Convert it, or save the dictionary as {'.npz' if kind == 'numpy' else '.pt'}.",
        )
    problem = _torch_problem(tensor) if kind == "torch" else _numpy_problem(tensor)
    if problem:
        raise CannotRepresent(f"{where} {problem[0]}.", hint=problem[1])
    items: int = tensor.numel() if kind == "torch" else tensor.size
    return items * _TENSOR_TYPES[dtype][1]


def _numpy_problem(array: Any) -> tuple[str, str] | None:
    if type(array).__name__ not in _ARRAYS:
        return f"is {article(type_name(array))} and would come back as a numpy.ndarray", _plain_array(array)
    return None


def _torch_problem(tensor: Any) -> tuple[str, str] | None:
    import torch

    if type(tensor) is not torch.Tensor:
        return (
            f"is {article(type_name(tensor))} and would come back as a torch.Tensor",
            "Use .detach(), or save it as .pt.",
        )
    if tensor.requires_grad:
        return "requires a gradient and would come back without", "Use .detach(), or save it as .pt."
    if tensor.layout != torch.strided or tensor.is_meta:
        return f"has no plain memory (layout {tensor.layout}, device {tensor.device})", "Save it as .pt."
    return None


def _memory(tensor: Any, kind: str | None) -> Any:
    """Return the bytes of a tensor in C order, without a copy where it lies so already."""
    import numpy as np

    if kind == "torch":
        import torch

        flat = tensor.resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
        tensor = flat.view(torch.uint8).numpy()
    return np.ascontiguousarray(tensor).reshape(-1).view(np.uint8)


def _load(data: bytes, torch_kind: bool) -> dict[str, Any]:
    if torch_kind:
        from safetensors.torch import load
    else:
        from safetensors.numpy import load
    tensors: dict[str, Any] = load(data)
    return tensors


def _copy(tensor: Any) -> Any:
    return tensor.clone() if "torch" in sys.modules and is_a(tensor, "torch.Tensor") else tensor.copy()
