"""The page about experiments and trials: its examples run, and it leaves no public name out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from jsk_saver import Experiment, Trial
from jsk_saver.tracking.about import Known
from jsk_saver.tracking.logged import History, LoggedFile
from jsk_saver.tracking.state import TrialState

PAGE = (Path(__file__).parents[2] / "docs" / "trials.md").read_text(encoding="utf-8")
#: What the parts of the kit say to each other.
INNER = {
    Experiment: {"learn"},
    Trial: {"finish_after", "link", "log_arguments", "log_environment", "log_recipe", "resume"},
    TrialState: {"handed_out_by", "whose"},
    LoggedFile: {"said"},
    History: {"count", "index"},
    Known: set(),
}


def test_the_examples_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    known: dict[str, Any] = {}
    for example in examples:
        exec(compile(example, "docs/trials.md", "exec"), known)
    experiment = known["experiment"]
    assert len(examples) > 3
    assert known["values"].tolist() == [1.0, 0.5, 1 / 3]
    assert experiment.best("loss").name != "baseline"
    assert {"baseline", "rich"} < {trial.name for trial in experiment.trials()}
    experiment.delete(yes=True)


@pytest.mark.parametrize("kind", list(INNER), ids=lambda kind: kind.__name__)
def test_every_public_name_is_on_the_page(kind: type) -> None:
    public = {name for name in dir(kind) if not name.startswith("_")} - INNER[kind]
    missing = {name for name in public if not re.search(rf"\b{name}\b", PAGE)}
    assert not missing
