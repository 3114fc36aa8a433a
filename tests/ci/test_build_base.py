"""The kit's own base and the worked example on it, built whole; packages come from the public index."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from jsk_ci import build, delta, fingerprint, labels, lockfile, project, sizes
from jsk_ci.builders import choosing
from jsk_ci.builders.base import Builder
from tests.ci.building import *  # noqa: F403 - fixtures
from tests.ci.building import Made, Place

ROOT = Path(__file__).parents[2]
BASE, EXAMPLE = ROOT / "kernels" / "base", ROOT / "kernels" / "experiment" / "example"
_RUN = "jupyter nbconvert --to notebook --execute --stdout {} --ExecutePreprocessor.kernel_name=wines"


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
def builder(surroundings: None) -> Iterator[Builder]:
    """Docker, with packages of the public index."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PIP_INDEX_URL")
        yield choosing.choose("docker")


@pytest.fixture(scope="module")
def whole(builder: Builder, place: Place) -> Made:
    """The base."""
    order = build.order(project.read(BASE), builder, into=place.kernels, start=place.debian)
    image = build.carry_out(order, builder)
    return Made(order, image, str(build.push_candidate(image, builder)))


@pytest.fixture(scope="module")
def example(builder: Builder, place: Place, whole: Made) -> Made:
    """The example on it."""
    order = build.order(project.read(EXAMPLE), builder, into=place.kernels, start=whole.pinned)
    return Made(order, build.carry_out(order, builder), "")


@pytest.mark.slow
def test_the_base_is_whole(builder: Builder, whole: Made):
    checked = builder.run(whole.image.reference, ["python", "-m", "pip", "check"])
    assert checked.code == 0, checked.output
    assert whole.image.size < whole.order.kernel.budget
    imports = (
        "import jsk_saver, jsk_ci, pandas, sklearn, pyarrow, matplotlib, mlflow, smexperiments, sagemaker"
    )
    ran = builder.run(whole.image.reference, ["python", "-c", imports])
    assert ran.code == 0, ran.output


@pytest.mark.slow
def test_the_heaviest_packages_are_named(builder: Builder, whole: Made):
    found = sizes.measure(whole.image.reference, builder)
    listed = labels.parse(whole.image.labels, "it").packages.split()
    assert {lockfile.normalise(name) for name in found} == {line.split("==")[0] for line in listed}
    assert next(iter(found)) == "pyarrow"
    lines = sizes.lines(found)
    assert lines[0].endswith("  pyarrow")
    assert lines[-1].endswith(f" in {len(found) - sizes.MOST} others")


@pytest.mark.slow
def test_the_examples_notebook_runs_in_its_image(
    builder: Builder, whole: Made, example: Made, tmp_path: Path
):
    assert example.image.layers[:-1] == whole.image.layers
    work = tmp_path / "work"
    work.mkdir()
    work.chmod(0o777)
    notebook = "/repository/notebooks/wines.ipynb"
    mounts = {EXAMPLE: "/repository", work: "/home/sagemaker-user"}
    ran = builder.run(example.image.reference, ["/bin/sh", "-c", _RUN.format(notebook)], mounts=mounts)
    assert ran.code == 0, ran.output
    done = json.loads(ran.output[ran.output.index("{\n") :])
    said = "".join(done["cells"][-1]["outputs"][0]["text"])
    assert "|   params.k |   metrics.accuracy |" in said
    assert "2,492 values; wines" in said
