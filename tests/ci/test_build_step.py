"""The step ``jsk-ci build``: as a person and as a pipeline call it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jsk_ci import handing, registry
from jsk_ci.references import Reference
from tests.ci import locked
from tests.ci.building import Kernels, Made, own_package


def call(kernels: Kernels, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jsk_ci.cli", "build", str(folder), "--builder", kernels.builder.name]
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_candidate_is_handed_on(kernels: Kernels, base: Made, tmp_path: Path):
    dotenv = tmp_path / "jsk.env"
    done = call(
        kernels,
        base.order.kernel.folder,
        *("--registry", kernels.place.kernels, "--candidate", "--dotenv", str(dotenv), "--json"),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["fingerprint"] == base.order.inputs.fingerprint
    assert tuple(found["layers"]) == base.image.layers
    pushed = Reference.parse(found["pushed"])
    tag = f"candidate-{found['fingerprint'][:24]}-{found['identifier'][7:19]}"
    assert registry.Repository(pushed).digest(tag) == pushed.digest
    assert handing.read(dotenv) == {
        "JSK_CI_IMAGE": found["pushed"],
        "JSK_CI_FINGERPRINT": found["fingerprint"],
        "JSK_CI_PARENT": found["parent"],
    }


@pytest.mark.slow
def test_a_dry_run_builds_and_writes_nothing(kernels: Kernels, base: Made, tmp_path: Path):
    folder = kernels.write(f"dry-{kernels.builder.name}", "fresh", kernel=f'base = "{base.pinned}"')
    done = call(kernels, folder, "--dry-run", "--json", "--dotenv", str(tmp_path / "jsk.env"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["installs"] == {"fresh": "3.0"}
    assert found["parent"] == base.pinned
    assert kernels.builder.inspect(found["image"]) is None
    assert not (tmp_path / "jsk.env").exists()


@pytest.mark.slow
def test_without_a_registry_images_of_folders_stay_here(kernels: Kernels):
    base = kernels.write(f"near-{kernels.builder.name}", "kept")
    folder = kernels.write(f"child-{kernels.builder.name}", "fresh", kernel=f'base = "../{base.name}"')
    missing = call(kernels, folder)
    assert missing.returncode == 2
    assert f"starts from {base.name}, of which there is no image here" in missing.stderr
    for one in (base, folder):
        done = call(kernels, one)
        assert done.returncode == 0, done.stderr
    assert f"Built jsk/{folder.name}:fp-" in done.stdout
    assert "1 packages" in done.stdout


@pytest.mark.slow
def test_a_base_of_this_machine_is_found_after_it_was_pushed(kernels: Kernels):
    """Engines tell then that a registry has it, under another name."""
    name = kernels.builder.name
    base, host = kernels.write(f"gone-{name}", "kept"), kernels.place.host
    folder = kernels.write(f"stays-{name}", "fresh", kernel=f'base = "../{base.name}"')
    assert call(kernels, base).returncode == 0
    before = json.loads(call(kernels, folder, "--dry-run", "--json").stdout)
    local = Reference.parse(before["parent"]).repository
    image = json.loads(call(kernels, base, "--dry-run", "--json").stdout)["image"]
    kernels.builder.push(image, Reference.parse(f"{host}/elsewhere/{local}:1"))
    after = call(kernels, folder, "--dry-run", "--json")
    assert after.returncode == 0, after.stderr
    assert json.loads(after.stdout) == before


@pytest.mark.slow
def test_files_that_git_does_not_track_are_told(kernels: Kernels, base: Made):
    folder = kernels.write(
        f"forgetful-{kernels.builder.name}",
        "helper",
        kernel=f'base = "{base.pinned}"',
        more='\n[tool.poetry.dependencies]\nhelper = { path = "helper" }\n',
        lock=False,
    )
    own_package(folder / "helper")
    locked.lock(folder)
    locked.commit(folder)
    assert "not in Git" not in call(kernels, folder, "--dry-run").stderr
    new = folder / "helper" / "helper" / "new.py"
    new.write_text("x = 1\n")
    done = call(kernels, folder, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    (name,) = json.loads(done.stdout)["not_in_git"]
    assert Path(name).resolve() == new
    assert "Not in the image, because Git does not track it:" in done.stderr
    assert f"Next: git add {name}" in done.stderr
    locked.git(folder, "add", str(new))
    assert json.loads(call(kernels, folder, "--dry-run", "--json").stdout)["not_in_git"] == []


def test_a_candidate_needs_a_registry(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "jsk_ci.cli", "build", str(tmp_path), "--candidate"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--registry" in done.stderr
