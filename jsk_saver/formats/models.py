"""Models: onnx, and joblib, pickle and pt, which run code on loading and therefore load only when told to.

Scikit-learn estimators have a safe format of their own, :mod:`jsk_saver.formats.skops`.
"""

from __future__ import annotations

import pickle
from typing import Any

from jsk_saver.errors import CannotRepresent
from jsk_saver.formats.base import Encoded, Format, Reading, is_a
from jsk_saver.formats.naming import type_name
from jsk_saver.formats.streams import Sink, opened
from jsk_saver.formats.unpicklable import explained, never_pickles
from jsk_saver.payload import Payload

#: Protobuf messages end here (https://protobuf.dev/programming-guides/proto-limits).
_PROTOBUF_LIMIT = 2**31


class Pickle(Format):
    """Any object that pickles, with protocol 5: arrays go straight from their memory into the file."""

    name = "pickle"
    extensions = (".pkl", ".pickle")
    runs_code = True

    def accepts(self, obj: Any) -> bool:
        """Accept all but what surely does not pickle; of the rest it is seen by trying."""
        return not never_pickles(obj)

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write the pickle."""
        with explained(obj):
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

    def accepts(self, obj: Any) -> bool:
        """Accept all but what surely does not pickle; of the rest it is seen by trying."""
        return not never_pickles(obj)

    def encode(self, obj: Any, payload: Payload, name: str) -> Encoded:  # noqa: ARG002
        """Write the pickle."""
        import joblib

        with explained(obj):
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

        with explained(obj):
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
