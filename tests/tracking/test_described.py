"""Parameters that are no plain data: told the same way in each process, and never whole."""

from __future__ import annotations

import functools
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jsk_saver.tracking import Experiment, values

SCRIPT = """
import functools, sys
from jsk_saver import Saver
from jsk_saver.tracking import Experiment
class Net:
    def __init__(self, layers): self.layers, self.inner = layers, object()
with Experiment("demo", saver=Saver(home=sys.argv[1])).trial(
    net=Net(3), double=lambda x: x * 2, words={"b", "a", "c"}, inside={"nets": [Net(1)]},
    partial=functools.partial(Net, layers=2), bound=Net(4).__init__,
):
    pass
"""


@pytest.fixture(autouse=True)
def _untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "_warned", set())


def test_objects_and_functions_are_recorded_alike_in_every_process(tmp_path: Path) -> None:
    from jsk_saver import Saver

    for seed in ("1", "2"):
        command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(tmp_path)]
        env = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2]), "JSK_LINEAGE": "off"}
        subprocess.run(command, check=True, env=env)
    first, second = Experiment("demo", saver=Saver(home=tmp_path)).trials()
    assert first.params == second.params
    assert first.params["net"] == "__main__.Net(layers=3, inner=object)"
    assert first.params["inside"] == {"nets": ["__main__.Net(layers=1, inner=object)"]}
    assert first.params["words"] == ["a", "b", "c"]
    assert str(first.params["double"]).startswith("__main__.<lambda> (sha256:")
    assert "0x" not in str(first.params)


def test_other_code_is_another_parameter(experiment: Experiment) -> None:
    for number in (1, 2):
        function = (lambda x: x + 1) if number == 1 else (lambda x: x + 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            experiment.trial(f"t{number}", f=function).finish()
    assert experiment["t1"].params["f"] != experiment["t2"].params["f"]


def test_functions_and_classes_that_have_a_name_are_called_by_it(experiment: Experiment) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with experiment.trial(metric=np.mean, read=Path.read_text, kind=dict, path=Path("a/b")) as trial:
            assert trial.params == {
                "metric": "numpy.mean",
                "read": "pathlib.Path.read_text",
                "kind": "<class 'dict'>",
                "path": "a/b",
            }


def test_frames_and_arrays_are_recorded_as_shape_and_columns_with_advice(experiment: Experiment) -> None:
    frame = pd.DataFrame(np.zeros((1000, 20)), columns=[f"c{number}" for number in range(20)])
    with pytest.warns(UserWarning, match="keeps it whole") as told:
        trial = experiment.trial(data=frame, large=np.zeros((500, 2)), small=np.array([1, 2]))
    trial.finish()
    assert trial.params == {
        "data": "pandas.DataFrame 1,000 × 20: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, … 8 more",
        "large": "numpy.ndarray float64 500 × 2",
        "small": [1, 2],
    }
    said = [str(item.message) for item in told]
    assert len(said) == 2
    assert 'trial.put("data.parquet", …) keeps it whole' in said[0]
    assert 'trial.put("large.npy", …) keeps it whole' in said[1]
    assert {Path(item.filename).name for item in told} == {"test_described.py"}


def test_it_is_said_once_and_not_for_each_trial(experiment: Experiment) -> None:
    class Net:
        pass

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(3):
            experiment.trial(net=Net()).finish()
    assert len(told) == 1
    assert "The parameter 'net' is data or code" in str(told[0].message)


def test_a_tracked_function_does_not_record_its_data(experiment: Experiment) -> None:
    @experiment.track
    def train(data: object, rows: object, text: object, raw: object, k: int, layers: object) -> None:
        pass

    frame = pd.DataFrame({"a": range(1000)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nobody chose to record them
        train(frame, list(range(10**5)), "x" * 10**6, b"x" * 10**6, 5, [[8, 16], [32]])
    (known,) = experiment.trials()
    assert known.params.pop("text").startswith("str of 1,000,000 (sha256:")
    assert known.params.pop("raw").startswith("bytes of 1,000,000 (sha256:")
    assert known.params == {
        "data": "pandas.DataFrame 1,000 × 1: a",
        "rows": "list of 100,000",
        "k": 5,
        "layers": [[8, 16], [32]],
    }
    (path,) = (experiment.folder / known.name).glob("*.events")
    assert path.stat().st_size < 20_000


def test_a_parameter_whose_text_fails_ends_no_training(experiment: Experiment) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no")

    with pytest.warns(UserWarning, match="The parameter 'odd' is data or code"):
        experiment.trial("odd", odd=Odd(), partial=functools.partial(print, 1)).finish()
    known = experiment["odd"]
    assert known.status == "completed"
    assert str(known.params["odd"]).endswith("Odd, whose text raises RuntimeError")
