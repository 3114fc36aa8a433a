"""The kit's own base and the worked example on it, built whole; packages come from the public index."""

from __future__ import annotations

import functools
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from jsk_ci import build, delta, fingerprint, labels, lockfile, project, sizes
from jsk_ci.builders.base import Container
from tests.ci.building import ROOT, Kernels, Made

HOME = {"HOME": "/home/sagemaker-user"}
POETRY = Path(build.__file__).parent / "recipe" / "poetry.txt"
TUTORIAL = ROOT / "notebooks" / "01_first_steps.ipynb"
BASE, EXAMPLE = ROOT / "kernels" / "base", ROOT / "kernels" / "experiment" / "example"
_RUN = (
    "cd; jupyter nbconvert --to notebook --execute --stdout "
    "--ExecutePreprocessor.kernel_name={kernel} /notebooks/{notebook}"
)


@pytest.mark.parametrize("folder", [BASE, EXAMPLE])
def test_the_lock_is_fresh_and_every_package_has_a_hash(folder: Path):
    assert fingerprint.packages(project.read(folder))


def test_the_base_has_what_notebooks_ask_for():
    packages = fingerprint.packages(project.read(BASE))
    asked = (
        "pandas",
        "scikit-learn",
        "numpy",
        "matplotlib",
        "pyarrow",
        "jupyterlab",
        "ipykernel",
        "jsk-saver",
    )
    assert set(asked) <= set(packages)
    assert {"sagemaker", "sagemaker-experiments", "sagemaker-mlflow", "pip"} <= set(packages)


def test_a_change_of_tests_or_documentation_makes_no_other_base():
    sources = project.read(BASE).sources["jsk-saver"]
    assert not [name for name in sources if name.startswith(("tests", "docs", "bench", "notebooks"))]
    included = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["poetry"]["packages"]
    for entry in included:
        path = f"{entry['from']}/{entry['include']}" if "from" in entry else entry["include"]
        assert any(path == name or path.startswith(f"{name}/") for name in sources), path


def test_the_example_adds_and_goes_back():
    packages = fingerprint.packages(project.read(BASE))
    base = {name: package.version for name, package in packages.items()}
    change = delta.between(base, lockfile.read(EXAMPLE / "poetry.lock").choose(["main"], [], {}))
    assert [*change.added] == ["humanize", "tabulate"]
    assert [*change.downgraded] == ["tzdata"]
    assert not change.upgraded


@pytest.fixture(scope="module")
def example(kernels: Kernels, whole: Made) -> Made:
    """The example on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PIP_INDEX_URL")
        asked = project.read(EXAMPLE)
        order = build.order(asked, kernels.builder, into=kernels.place.kernels, start=whole.pinned)
        return Made(order, build.carry_out(order, kernels.builder), "")


def run(kernels: Kernels, made: Made, notebook: Path, folder: Path) -> list[dict[str, Any]]:
    """Run a notebook in a real kernel of an image, as Studio's user in an empty home; return its cells."""
    mounts = {notebook.parent: "/notebooks", home(folder): "/home/sagemaker-user"}
    command = ["/bin/sh", "-c", _RUN.format(notebook=notebook.name, kernel=made.order.kernel.name)]
    ran = kernels.builder.run(Container(made.image.reference, command, mounts=mounts, variables=HOME))
    assert ran.code == 0, ran.output
    found: list[dict[str, Any]] = json.loads(ran.output[ran.output.index("{\n") :])["cells"]
    return found


def home(folder: Path) -> Path:
    """Return an empty folder for Studio's user to write to."""
    made = folder / "home"
    made.mkdir()
    made.chmod(0o777)
    return made


@pytest.mark.slow
def test_the_base_is_whole(kernels: Kernels, whole: Made):
    checked = kernels.builder.run(Container(whole.image.reference, ["python", "-m", "pip", "check"]))
    assert checked.code == 0, checked.output
    assert whole.image.size < whole.order.kernel.budget
    imports = (
        "import jsk_saver, jsk_ci, pandas, sklearn, pyarrow, matplotlib, mlflow, smexperiments, sagemaker"
    )
    ran = kernels.builder.run(Container(whole.image.reference, ["python", "-c", imports]))
    assert ran.code == 0, ran.output


@pytest.mark.slow
def test_the_heaviest_packages_are_named(kernels: Kernels, whole: Made):
    found = sizes.measure(whole.image.reference, kernels.builder)
    listed = labels.parse(whole.image.labels, "it").packages.split()
    assert {lockfile.normalise(name) for name in found} == {line.split("==")[0] for line in listed}
    assert next(iter(found)) == "pyarrow"
    lines = sizes.lines(found)
    assert lines[0].endswith("  pyarrow")
    assert lines[-1].endswith(f" in {len(found) - sizes.MOST} others")


@pytest.mark.slow
def test_the_examples_notebook_runs_in_its_image(
    kernels: Kernels, whole: Made, example: Made, tmp_path: Path
):
    assert example.image.layers[:-1] == whole.image.layers
    cells = run(kernels, example, EXAMPLE / "notebooks" / "wines.ipynb", tmp_path)
    said = "".join(cells[-1]["outputs"][0]["text"])
    assert "|   params.k |   metrics.accuracy |" in said
    assert "2,492 values; wines" in said


@pytest.mark.slow
def test_the_tutorial_runs_in_the_base(kernels: Kernels, whole: Made, tmp_path: Path):
    asked = json.loads(TUTORIAL.read_text())["cells"]
    cells = run(kernels, whole, TUTORIAL, tmp_path)
    assert ["".join(cell["source"]) for cell in cells] == ["".join(cell["source"]) for cell in asked]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == [*range(1, len(code) + 1)]
    assert "rows after going back" in "".join(str(cell["outputs"]) for cell in code)


@pytest.mark.slow
def test_poetry_is_there_for_the_kernel_magic_and_not_for_notebooks(kernels: Kernels, whole: Made):
    sh = functools.partial(kernels.sh, whole.image)
    find = "from jsk_ci.editing import poetry; print(poetry.find())"
    assert sh(f'python -c "{find}"') == "/opt/poetry/bin/poetry"
    (pinned,) = [line for line in POETRY.read_text().splitlines() if line.startswith("poetry==")]
    assert sh("/opt/poetry/bin/poetry --version") == f"Poetry (version {pinned.split()[0].split('==')[1]})"
    assert sh("python -m pip --python /opt/poetry/bin/python check") == "No broken requirements found."
    packages = labels.parse(whole.image.labels, "it").packages
    assert "\npoetry==" not in packages
    assert sh("python -c 'import poetry' 2>&1 || true").endswith("No module named 'poetry'")


@pytest.mark.slow
def test_a_dependency_is_added_from_a_notebook_in_the_base(kernels: Kernels, whole: Made, tmp_path: Path):
    folder = kernels.write(f"added-{kernels.builder.name}", "kept", kernel=f'base = "{whole.pinned}"')
    place = home(tmp_path)
    lines = [
        "set -e; cp -r /project ~/iris; cd ~/iris; git init -q; git add .",
        "git -c user.name=n -c user.email=e commit -qm first",
        "ipython -c '%load_ext jsk_saver\n%kernel add fresh\nimport fresh; print(\"has\", fresh.__name__)'",
        "git diff --cached --name-only",
    ]
    container = Container(
        whole.image.reference,
        ["/bin/sh", "-c", "\n".join(lines)],
        mounts={folder: "/project", place: "/home/sagemaker-user"},
        variables=HOME | {"PIP_INDEX_URL": kernels.index.url},
    )
    ran = kernels.builder.run(container)
    assert ran.code == 0, ran.output
    assert "has fresh" in ran.output
    assert ran.output.split()[-2:] == ["poetry.lock", "pyproject.toml"]
