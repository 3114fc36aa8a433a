"""What goes with every trial by itself."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jsk_saver import Saver
from jsk_saver.errors import InvalidMetadata
from jsk_saver.lineage import changes, kernel, repository
from jsk_saver.tracking import Experiment, hardware
from jsk_saver.tracking.keeping import Keeper, keeper
from tests.tracking.reproducing import Project


def recipe(project: Project, name: str) -> dict[str, object]:
    """Return what a trial's record says of how it was run."""
    folder = project.home / "journal" / "demo" / name
    events = [json.loads(line) for path in folder.glob("*.events") for line in path.read_text().splitlines()]
    return next(event["values"] for event in events if event["kind"] == "recipe")


def test_what_is_kept_is_there_once_when_the_process_has_ended(project: Project) -> None:
    project.write("helper.py", "factor = 2\n")
    project.run("train.py")
    first, second = (recipe(project, known.name) for known in project.experiment.trials())
    assert first["process"] == second["process"]
    assert first["changes"] == second["changes"]
    kept = {path.name for path in (project.home / "journal" / "demo" / ".code").iterdir()}
    assert kept == {first["changes"], first["kept"], first["packages"]}
    packages = (project.home / "journal" / "demo" / ".code" / str(first["packages"])).read_text()
    assert "\nnumpy==" in packages


def test_the_folder_of_what_is_kept_is_no_trial(project: Project) -> None:
    project.run("train.py")
    assert len(project.experiment.trials()) == 2


def test_a_trial_in_a_worker_process_keeps_it_too(project: Project) -> None:
    project.write("helper.py", "factor = 3\n")
    project.write(
        "many.py",
        "import multiprocessing\n"
        "from jsk_saver.tracking import Experiment\n"
        "def one(k):\n"
        "    with Experiment('demo').trial(k=k): pass\n"
        "if __name__ == '__main__':\n"
        "    process = multiprocessing.get_context('fork').Process(target=one, args=(1,))\n"
        "    process.start(); process.join()\n",
    )
    project.run("many.py")
    said = recipe(project, project.trial(k=1))
    assert (project.home / "journal" / "demo" / ".code" / str(said["changes"])).exists()


def test_the_patch_brings_back_binary_deleted_executable_and_linked_files(
    project: Project, tmp_path: Path
) -> None:
    (project.root / "blob.bin").write_bytes(bytes(range(256)))
    project.write("gone.txt", "x\n")
    commit = project.commit()
    (project.root / "blob.bin").write_bytes(bytes(reversed(range(256))))
    (project.root / "gone.txt").unlink()
    project.write("müll/tool.sh", "#!/bin/sh\n").chmod(0o755)
    (project.root / "link").symlink_to("helper.py")
    project.write("staged.py", "x = 1\n")
    project.git("add", "staged.py")
    before = project.git("status", "--porcelain")
    index = (project.root / ".git" / "index").read_bytes()
    repo = repository.find(str(project.root))
    assert repo is not None
    about, diff = changes.split(changes.patch(repo, commit, "") or b"")
    assert (about["commit"], about["left_out"]) == (commit, [])
    assert project.git("status", "--porcelain") == before
    assert (project.root / ".git" / "index").read_bytes() == index
    copy = tmp_path / "copy"
    project.git("worktree", "add", "--detach", str(copy), commit)
    subprocess.run(["git", "apply", "-"], cwd=copy, input=diff, check=True)
    assert (copy / "blob.bin").read_bytes() == bytes(reversed(range(256)))
    assert not (copy / "gone.txt").exists()
    assert os.access(copy / "müll" / "tool.sh", os.X_OK)
    assert (copy / "link").readlink() == Path("helper.py")
    assert (copy / "staged.py").read_text() == "x = 1\n"


def test_a_seed_is_planted_where_libraries_are_there_and_noted(experiment: Experiment) -> None:
    drawn = []
    for _ in range(2):
        with experiment.trial(seed=42) as trial:
            drawn.append((random.random(), float(np.random.rand())))
        assert experiment[trial.name].environment["seed"] == 42
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, "42"])
def test_a_seed_that_not_all_take_is_refused_before_there_is_a_trial(
    experiment: Experiment, seed: object
) -> None:
    with pytest.raises(InvalidMetadata, match="A seed is a whole number"):
        experiment.trial(seed=seed)  # type: ignore[arg-type]
    assert experiment.trials() == []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that says what files in a folder say."""
    for name in ("TRAINING", "PROCESSING", "VENDOR", "PRODUCT"):
        monkeypatch.setattr(hardware, name, str(tmp_path / name))
    monkeypatch.setattr(kernel, "STUDIO_METADATA", str(tmp_path / "STUDIO"))
    monkeypatch.setattr(hardware, "GPUS", str(tmp_path / "gpus" / "*"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    hardware.describe.cache_clear()
    yield tmp_path
    hardware.describe.cache_clear()


@pytest.mark.parametrize(
    ("files", "instance"),
    [
        ({}, ""),
        ({"TRAINING": '{"current_instance_type": "ml.p3.2xlarge"}'}, "ml.p3.2xlarge"),
        (
            {"PROCESSING": '{"ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.large"}}}'},
            "ml.m5.large",
        ),
        ({"STUDIO": '{"ResourceName": "datascience-1-0-ml-g4dn-xlarge-0a1b2c3d"}'}, "ml.g4dn.xlarge"),
        (
            {"STUDIO": '{"ResourceName": "default"}', "VENDOR": "Amazon EC2\n", "PRODUCT": "t3.medium\n"},
            "t3.medium",
        ),
        ({"VENDOR": "QEMU", "PRODUCT": "Standard PC", "TRAINING": "no json"}, ""),
    ],
)
def test_the_instance_type_is_found_where_aws_says_it(
    machine: Path, files: dict[str, str], instance: str, experiment: Experiment
) -> None:
    for name, text in files.items():
        (machine / name).write_text(text)
    assert hardware.instance() == instance
    with experiment.trial() as trial:
        pass
    known = experiment[trial.name].environment
    assert known.get("instance", "") == instance
    assert known.get("cost", {}).get("instance", "") == instance
    assert known["hardware"]["cpus"] >= 1


def test_gpus_are_named_without_any_library(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "gpus").mkdir()
    for number in range(2):
        (machine / "gpus" / str(number)).write_text(f"Model: \t\t Tesla T4 no {number}\nIRQ: 5\n")
    assert hardware.gpus() == ["Tesla T4 no 0", "Tesla T4 no 1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert hardware.gpus() == ["Tesla T4 no 1"]


def test_nothing_about_the_surroundings_fails_a_trial(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise OSError("the disk is far away")

    monkeypatch.setattr("jsk_saver.tracking.surroundings.collect", broken)
    monkeypatch.setattr("jsk_saver.tracking.surroundings.packages", broken)
    monkeypatch.setattr(hardware, "describe", broken)
    with experiment.trial(k=1) as trial:
        trial.log_metric("loss", 1)
    assert experiment[trial.name].status == "completed"


def test_what_cannot_be_kept_is_tried_again_with_the_next_trial(tmp_path: Path) -> None:
    own = Keeper()
    answers = [OSError("no"), b"yes"]

    def make() -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    for _ in range(2):
        own.keep(tmp_path / "kept.txt", make)
        assert own.wait(20)
    assert (tmp_path / "kept.txt").read_bytes() == b"yes"


def test_what_was_read_before_the_trial_is_noted(experiment: Experiment, saver: Saver) -> None:
    saved = saver.put("before.json", 1)
    saver.get("before.json", version=-1)
    with experiment.trial() as trial:
        pass
    events = [json.loads(line) for line in next(trial.folder.glob("*.events")).read_text().splitlines()]
    read = next(event["values"]["read"] for event in events if event["kind"] == "recipe")
    assert {
        "store": saver.store.uri,
        "name": "before.json",
        "version": saved.version,
        "asked": "version=-1",
    } in read
    assert keeper.wait(30)


def test_equal_objects_saved_at_different_times_have_equal_bytes(saver: Saver) -> None:
    from sklearn.cluster import KMeans

    frame = pd.DataFrame({"x": np.arange(50.0), "name": [f"n{i % 7}" for i in range(50)]})
    digests = []
    for _ in range(2):
        model = KMeans(3, n_init=2, random_state=1).fit(frame[["x"]])
        saved = [
            saver.put("a.skops", model),
            saver.put("a.parquet", frame),
            saver.put("a.json", {"rows": frame["x"].tolist()}),
            saver.put("a.csv", frame),
            saver.put("a.npy", frame["x"].to_numpy()),
        ]
        digests.append([item.digest for item in saved])
        time.sleep(2.1)  # archives keep times in steps of two seconds
    assert digests[0] == digests[1]


def test_a_process_that_imports_the_kit_only_starts_no_thread() -> None:
    code = "import threading, jsk_saver.tracking; print(threading.active_count())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


@pytest.mark.parametrize("code", ["numpy.random.rand()", "numpy.random.RandomState().rand() * 0 + 1"])
def test_a_seed_reaches_numpy_also_before_it_has_drawn_anything(tmp_path: Path, code: str) -> None:
    script = (
        "import sys, numpy\nfrom jsk_saver import Experiment, Saver\n"
        "experiment = Experiment('seeded', saver=Saver(home=sys.argv[1]))\n"
        f"with experiment.trial(seed=1):\n    print({code})\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2))
    assert first.stdout == second.stdout != ""


def test_a_seed_imports_nothing_for_itself(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom jsk_saver import Experiment, Saver\n"
        "experiment = Experiment('seeded', saver=Saver(home=sys.argv[1]))\n"
        "experiment.trial(seed=1).finish()\nprint('numpy' in sys.modules)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
