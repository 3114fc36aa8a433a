"""Models: onnx, and joblib, pickle and pt, which run code on loading and therefore load only when told to.

Scikit-learn estimators have a safe format of their own, :mod:`jsk_saver.formats.skops`.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

from jsk_saver.errors import CannotRepresent
from jsk_saver.formats.base import Encoded, Format, Reading, is_a
from jsk_saver.formats.naming import article, shown, type_name
from jsk_saver.formats.shapes import place
from jsk_saver.formats.streams import Sink, opened
from jsk_saver.payload import Payload

#: Protobuf messages end here (https://protobuf.dev/programming-guides/proto-limits).
_PROTOBUF_LIMIT = 2**31
#: How many parts of an object are tried to find the one that cannot be pickled.
_TRIES = 2_000


class Pickle(Format):
    """Any object that pickles, with protocol 5: arrays go straight from their memory into the file."""

    name = "pickle"
    extensions = (".pkl", ".pickle")
    runs_code = True

    def accepts(self, obj: Any) -> bool:  # noqa: ARG002
        """Accept anything: whether it pickles is seen by trying."""
        return True

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write the pickle."""
        with _explained(obj):
            pickle.Pickler(Sink(payload), 5).dump(obj)
        return Encoded(type_name(obj))

    def decode(self, payload: Payload, reading: Reading) -> Any:  # noqa: ARG002
        """Return the object, running whatever code its pickle holds."""
        with opened(payload) as file:
            return pickle.load(file)  # noqa: S301 - only after allow_pickle=True


class Joblib(Format):
    """Any object that pickles, in joblib's form: good for large NumPy arrays inside of models."""

    name = "joblib"
    extensions = (".joblib",)
    runs_code = True

    def accepts(self, obj: Any) -> bool:  # noqa: ARG002
        """Accept anything: whether it pickles is seen by trying."""
        return True

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write the pickle."""
        import joblib

        with _explained(obj):
            joblib.dump(obj, Sink(payload), protocol=5)
        return Encoded(type_name(obj))

    def decode(self, payload: Payload, reading: Reading) -> Any:  # noqa: ARG002
        """Return the object, running whatever code its pickle holds."""
        import joblib

        with opened(payload) as file:
            return joblib.load(file)


class Torch(Format):
    """PyTorch modules, tensors and checkpoints, as ``torch.save`` writes them."""

    name = "pt"
    extensions = (".pt", ".pth")
    runs_code = True

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is a module, a tensor, or a container that may hold some."""
        return is_a(obj, "torch.Module", "torch.Tensor") or isinstance(obj, dict | list | tuple)

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write the checkpoint."""
        import torch

        with _explained(obj):
            torch.save(obj, Sink(payload))
        return Encoded(type_name(obj))

    def decode(self, payload: Payload, reading: Reading) -> Any:  # noqa: ARG002
        """Return the object, on the CPU where there is no accelerator, running the code in its pickle."""
        import torch

        place_on = None if torch.cuda.is_available() else "cpu"
        with opened(payload) as file:
            return torch.load(file, map_location=place_on, weights_only=False)


class Onnx(Format):
    """ONNX models that carry their own weights."""

    name = "onnx"
    extensions = (".onnx",)

    def accepts(self, obj: Any) -> bool:
        """Tell whether ``obj`` is an ONNX model."""
        return is_a(obj, "onnx.ModelProto")

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write the model."""
        from onnx.external_data_helper import uses_external_data

        if any(uses_external_data(tensor) for tensor in obj.graph.initializer):
            raise CannotRepresent(
                "The model keeps its weights in another file, which would not be saved with it.",
                hint="Load it with onnx.load(path), weights included, or save its folder: Path(folder).",
            )
        if _is_too_large(obj):
            raise CannotRepresent(
                "The model is larger than 2 GB, which one ONNX file cannot hold.",
                hint="onnx.save(model, 'm/model.onnx', save_as_external_data=True), then save Path('m').",
            )
        payload.write(obj.SerializeToString(deterministic=True))
        facts = {"ir_version": obj.ir_version, "inputs": [item.name for item in obj.graph.input][:20]}
        return Encoded(type_name(obj), facts=facts)

    def decode(self, payload: Payload, reading: Reading) -> Any:  # noqa: ARG002
        """Return the model; files it may refer to are not opened."""
        import onnx

        return onnx.load_model_from_string(payload.getvalue())


def _is_too_large(model: Any) -> bool:
    try:
        return bool(model.ByteSize() >= _PROTOBUF_LIMIT)
    except Exception:  # what is raised for it differs between protobuf's back ends
        return True


# What cannot be pickled ------------------------------------------------------------------------------


class _explained:  # noqa: N801 - reads as the words it stands for
    """Turns what pickling raises into the part that caused it."""

    def __init__(self, obj: Any) -> None:
        self._obj = obj

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        reasons = (
            pickle.PicklingError,
            TypeError,
            AttributeError,
            RecursionError,
            ValueError,
            NotImplementedError,
        )
        if not isinstance(error, reasons) or isinstance(error, CannotRepresent):
            return
        where, part = culprit(self._obj)
        raise CannotRepresent(
            f"{where} is {article(type_name(part))} ({shown(part)}), which cannot be pickled: {error}.",
            hint="Leave it out, define it at the top level of a module, or save only its data.",
        ) from error


class _Nowhere:
    """A file that forgets."""

    def write(self, data: Any) -> int:
        return memoryview(data).nbytes


def culprit(obj: Any) -> tuple[str, Any]:
    """Return the place and the value of the innermost part of ``obj`` that does not pickle.

    Examples
    --------
    >>> where, part = culprit({"k": 5, "steps": [len, lambda x: x]})
    >>> where
    '$.steps[1]'
    """
    where, tries = "$", 0
    while True:
        for below, part in _parts(obj, where):
            tries += 1
            if tries > _TRIES:
                return where, obj
            if not _pickles(part):
                where, obj = below, part
                break
        else:
            return where, obj


def _parts(obj: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(obj, dict):
        yield from ((place(where, key), item) for key, item in obj.items())
    elif isinstance(obj, list | tuple | set | frozenset):
        yield from ((f"{where}[{at}]", item) for at, item in enumerate(obj))
    elif not isinstance(obj, type) and not callable(obj):
        yield from ((place(where, key), item) for key, item in getattr(obj, "__dict__", {}).items())


def _pickles(part: Any) -> bool:
    try:
        pickle.Pickler(_Nowhere(), 5).dump(part)
    except Exception:
        return False
    return True
