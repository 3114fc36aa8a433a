"""Networks of PyTorch and ONNX come back the same; damaged files of models are clear errors."""

from __future__ import annotations

import warnings

import onnx
import pytest
from onnx import TensorProto, helper
from sklearn.linear_model import LogisticRegression

from jsk_saver.errors import CannotRepresent, JskError, UnknownFormat
from jsk_saver.formats import models
from tests.formats.roundtrip import read, trip

# PyTorch ---------------------------------------------------------------------------------------------


def test_torch_modules_tensors_and_checkpoints_come_back() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())
    sample = torch.ones(2, 4)
    for on_disk in (False, True):
        back = trip("a.pt", model, on_disk=on_disk).value
        assert torch.equal(back(sample), model(sample))
        tensor = torch.arange(6, dtype=torch.bfloat16).reshape(2, 3).t()
        assert torch.equal(trip("a.pth", tensor, on_disk=on_disk).value, tensor)
        put = {"epoch": 3, "state": model.state_dict(), "best": (0.5, None)}
        checkpoint = trip("a.pt", put, on_disk=on_disk).value
        assert checkpoint["best"] == (0.5, None)
        assert torch.equal(checkpoint["state"]["0.weight"], model[0].weight)
    assert trip("a.pt", model).data == trip("a.pt", model).data


def test_torch_refuses_what_is_no_checkpoint_and_names_what_cannot_be_pickled() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    with pytest.raises(UnknownFormat, match=r"No format for \.pt takes a sklearn"):
        trip("a.pt", LogisticRegression())
    with pytest.raises(CannotRepresent, match=r"\$\.hook is a lambda"):
        trip("a.pt", {"w": torch.ones(1), "hook": lambda x: x})


# ONNX ------------------------------------------------------------------------------------------------


def network() -> onnx.ModelProto:
    weights = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    node = helper.make_node("Add", ["x", "w"], ["y"])
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])]
    return helper.make_model(helper.make_graph([node], "g", inputs, outputs, [weights]))


def test_onnx_models_come_back_the_same() -> None:
    for on_disk in (False, True):
        back = trip("a.onnx", network(), on_disk=on_disk)
        assert type(back.value) is onnx.ModelProto
        assert back.value == network()
        assert back.encoded.facts["inputs"] == ["x"]
    onnx.checker.check_model(back.value)


def test_onnx_models_that_one_file_cannot_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = network()
    outside.graph.initializer[0].raw_data = b"\0" * 8
    onnx.external_data_helper.set_external_data(outside.graph.initializer[0], location="weights.bin")
    with pytest.raises(CannotRepresent, match="weights in another file"):
        trip("a.onnx", outside)
    monkeypatch.setattr(models, "_PROTOBUF_LIMIT", 10)
    with pytest.raises(CannotRepresent, match="larger than 2 GB") as refused:
        trip("a.onnx", network())
    assert "save_as_external_data=True" in str(refused.value)


def test_damaged_model_files_are_clear_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("a.onnx", "a.skops", "a.joblib", "a.pt"):
            with pytest.raises(JskError, match=rf"'{name}' cannot be read as"):
                read(name, b"\xffnot a model", allow_pickle=True)
