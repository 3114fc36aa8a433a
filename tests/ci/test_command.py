"""``jsk-ci`` itself: its help, its options, its exit codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from jsk_ci import errors
from jsk_ci.cli.app import app
from tests.ci.kernel_projects import KernelProject, set_up
from tests.ci.package_index import PackageIndex

ROOT = Path(__file__).parents[2]
STEPS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
#: As the issue of a dependency's journey names them.
ASKED = ("fingerprint", "plan", "build", "smoke", "sbom", "scan", "push", "publish", "attach", "rollback",
         "promote", "gc")  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_every_step_answers_in_json_and_can_be_tried_dry(step: str):
    told = {option for parameter in STEPS[step].params for option in parameter.opts}
    assert "--json" in told
    assert "--dry-run" in told or step == "render"
    assert all(getattr(parameter, "help", "") for parameter in STEPS[step].params)


def test_every_step_is_told_in_the_documentation_and_works_on_the_folder_at_hand():
    text = "".join((ROOT / "docs" / f"{name}.md").read_text() for name in ("kernels", "gitlab"))
    assert set(ASKED) <= set(STEPS)
    for name, step in STEPS.items():
        assert re.search(rf"jsk-ci {name}\b|^(\w+, )?{name}\b", text, re.MULTILINE), name
        assert not [parameter for parameter in step.params if parameter.required], name


def test_the_exit_codes_that_the_help_tells_are_those_of_the_errors():
    told = CliRunner().invoke(app, ["--help"]).output
    listed = set(map(int, re.findall(r"^ +(\d+) {2}\S", told, re.MULTILINE)))
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert {kind.exit_code for kind in kinds} <= listed  # type: ignore[attr-defined]
    assert {0, 1, 2, 130} <= listed


def test_it_knows_its_version():
    assert re.fullmatch(r"jsk-ci \d+\.\d+\.\d+\S*\n", CliRunner().invoke(app, ["--version"]).output)


def test_a_reader_that_ends_early_is_no_error_to_be_told():
    command = [sys.executable, "-m", "jsk_ci.cli", "render", str(ROOT / "ci" / "templates" / "kernel.yml")]
    read, write = os.pipe()
    os.close(read)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "ci")])}
    done = subprocess.run(
        command, stdout=write, stderr=subprocess.PIPE, text=True, check=False, env=environment
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_install_brings_what_the_lock_has_into_the_python_that_runs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """By hash, from where pip takes packages; without Poetry."""
    pytest.importorskip("poetry", reason="poetry is not installed: pip install poetry")
    with PackageIndex(tmp_path / "index") as index:
        index.add("charts", "0.9")
        index.add("charts", "1.0")
        set_up(monkeypatch, tmp_path, index)
        project = KernelProject(tmp_path, index)
        text = project.pyproject.read_text()
        project.pyproject.write_text(text.replace("dependencies = []", 'dependencies = ["charts <1"]'))
        project.poetry_lock()
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
        install = [project.python, "-m", "jsk_ci.cli", "install", str(project.folder)]
        dry = subprocess.run([*install, "--dry-run"], capture_output=True, text=True, check=True)
        assert "0.9 installed" in dry.stdout
        assert project.installed() == {}
        subprocess.run(install, capture_output=True, check=True)
        assert project.installed() == {"charts": "0.9"}
        wheel = tmp_path / "index" / "simple" / "charts" / "charts-0.9-py3-none-any.whl"
        subprocess.run(
            [project.python, "-m", "pip", "uninstall", "-y", "charts"], capture_output=True, check=True
        )
        wheel.write_bytes(wheel.read_bytes() + b"x")
        refused = subprocess.run(install, capture_output=True, text=True, check=False)
        assert refused.returncode == 1
        assert "What is installed could not be changed" in refused.stderr
        assert project.installed() == {}
