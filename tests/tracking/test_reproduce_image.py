"""Trials run again in the kernel image they ran in: a real container engine, real images."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import jsk_saver
from jsk_saver import Saver
from jsk_saver.errors import CannotReproduce, RunFailed
from jsk_saver.tracking import reproduce
from tests.servers import image_files
from tests.servers.docker import Docker
from tests.servers.moto import Moto
from tests.servers.s3 import ServerUnavailable
from tests.tracking.reproducing import SCRIPT, Project

pytestmark = pytest.mark.slow

IMAGE = "jsk-test/kernel:1"
#: As Studio's: whoever starts it is somebody else than who started the tests.
_USER = "4711:100"
_NEEDED = ("boto3", "ipykernel", "nbclient", "pyyaml", "rapidfuzz", "tqdm", "tomli-w", "typer")


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """A container engine that has one kernel image."""
    tar = tmp_path_factory.mktemp("image") / "files.tar"
    try:
        with Docker() as engine:
            image_files.write(tar, _NEEDED, [Path(jsk_saver.__file__).parent])
            settings = (f"USER {_USER}", "ENV PATH=/usr/local/bin:/usr/bin", 'ENTRYPOINT ["/nothing"]')
            engine.call("import", *(f"--change={line}" for line in settings), "-", IMAGE, stdin=tar)
            tar.unlink()
            yield engine
    except ServerUnavailable as reason:
        pytest.skip(str(reason))
    folder = Path(engine.environment["DOCKER_CONFIG"]).parent
    assert not folder.exists(), "the engine has left something behind"
    assert str(folder) not in Path("/proc/self/mounts").read_text()


@pytest.fixture
def here(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """The engine, which is the one that this test's clients find."""
    for name, value in docker.environment.items():
        monkeypatch.setenv(name, value)
    return docker


@pytest.fixture
def track(here: Docker, project: Project) -> Callable[..., None]:
    """Run a program of the project as Studio does: in the image, which a variable names."""

    def run(*arguments: str, image: str = IMAGE, **variables: str) -> None:
        told = {"JSK_HOME": str(project.home), "SAGEMAKER_INTERNAL_IMAGE_URI": image, **variables}
        here.call(
            *("run", "--rm", "--network=host", "--entrypoint=python3"),
            *("--user=0", f"--workdir={project.root}"),
            *(f"--volume={place}:{place}" for place in (project.root, project.home)),
            *(f"--env={name}={value}" for name, value in told.items()),
            *(image, *arguments),
        )

    return run


def test_a_trial_that_ran_in_an_image_is_run_again_in_it(
    project: Project, track: Callable[..., None]
) -> None:
    track("train.py")
    name = project.trial(k=2)
    known = project.experiment[name].environment
    assert known["image"] == IMAGE
    assert known["commit"] == project.git("rev-parse", "HEAD")
    project.write("helper.py", "factor = 7\n")
    project.commit()
    told: list[str] = []
    verdict = reproduce.reproduce(project.experiment, name, tell=told.append)
    assert verdict.ok, verdict
    assert verdict.environment == f"the kernel image {IMAGE}"
    assert [line for line in told if "is not" in line] == []
    assert [item.verdict for item in verdict.metrics] == ["equal"]
    assert [item.verdict for item in verdict.objects] == ["identical"]
    again = project.experiment[verdict.new.partition("/")[2]]
    assert again.environment["image"] == IMAGE
    assert again.environment["packages"] == known["packages"]
    assert again.environment["host"] == os.uname().nodename
    assert project.leftovers() == []


def test_what_a_container_writes_belongs_to_whoever_reproduces(
    project: Project, track: Callable[..., None]
) -> None:
    track("train.py")
    verdict = project.experiment.reproduce(project.trial(k=1), keep=project.home / "kept")
    assert verdict.ok, verdict
    folders = [project.home / "journal" / verdict.new, project.home / "store", project.home / "kept"]
    written = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    assert len(written) > 10
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in written} == {(os.getuid(), os.getgid())}


def test_uncommitted_changes_are_in_the_container_too(project: Project, track: Callable[..., None]) -> None:
    project.write("helper.py", "from extra import five as factor\n")
    project.write("extra.py", "five = 5\n")
    track("train.py")
    name = project.trial(k=1)
    project.git("checkout", "-q", "--", ".")
    project.git("clean", "-qfd")
    verdict = project.experiment.reproduce(name)
    assert verdict.ok, verdict
    again = project.experiment[verdict.new.partition("/")[2]].environment
    assert again["dirty"] == project.experiment[name].environment["dirty"]


def test_a_notebook_runs_in_the_image(project: Project, track: Callable[..., None]) -> None:
    import nbformat

    book = nbformat.v4.new_notebook()
    body = SCRIPT.replace("(1, 2)", "[k]")
    book.cells = [
        nbformat.v4.new_code_cell("k = 6", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(body),
    ]
    path = project.root / "book.ipynb"
    nbformat.write(book, path)
    project.commit()
    module = "jsk_saver.tracking.reproduce.notebooks"
    track("-m", module, str(path), "/usr/local/bin/python3", "/tmp/done.ipynb", JSK_NOTEBOOK=str(path))
    verdict = project.experiment.reproduce(project.trial(k=6), keep=project.home / "kept")
    assert verdict.ok, verdict
    assert verdict.environment == f"the kernel image {IMAGE}"
    executed = json.loads((project.home / "kept" / "executed.ipynb").read_text())
    assert ["injected-parameters"] in [cell["metadata"].get("tags") for cell in executed["cells"]]


def test_the_container_reaches_the_store_on_the_network(
    project: Project, track: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Moto() as moto:
        place = f"s3://{moto.new_bucket()}/team"
        for name, value in moto.environment().items():
            monkeypatch.setenv(name, value)
        Saver(place, home=project.home).put("raw.json", [4, 5])
        text = SCRIPT.replace("Saver()", f"Saver({place!r})")
        project.write("train.py", text.replace('"demo", ', '"demo", sinks=(), '))
        project.commit()
        track("train.py", **moto.environment())
        name = project.trial(k=1)
        assert project.experiment[name].inputs[0]["uri"].startswith(place)
        verdict = project.experiment.reproduce(name)
        assert verdict.ok, verdict
        assert verdict.environment == f"the kernel image {IMAGE}"


def test_what_the_program_ends_with_is_told(project: Project, track: Callable[..., None]) -> None:
    guard = "import os, sys\nif os.environ.get('JSK_REPRODUCE'): sys.exit(37)\n"
    project.write("train.py", guard + SCRIPT)
    project.commit()
    track("train.py")
    with pytest.raises(RunFailed, match=r"train\.py ended with 37"):
        project.experiment.reproduce(project.trial(k=1))
    done = project.jsk("reproduce", f"demo/{project.trial(k=1)}")
    assert done.returncode == RunFailed.exit_code
    assert project.leftovers() == []


def test_no_container_is_left_where_the_run_is_interrupted(
    project: Project, track: Callable[..., None], here: Docker
) -> None:
    wait = "import os, time\nwhile os.environ.get('JSK_REPRODUCE'): time.sleep(0.1)\n"
    project.write("train.py", SCRIPT + wait)
    project.commit()
    track("train.py")
    process = subprocess.Popen(
        [sys.executable, "-m", "jsk_saver.cli", "reproduce", f"demo/{project.trial(k=1)}"],
        cwd=project.root,
        env=project.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len(project.made_so_far()) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    assert here.call("ps", "--quiet") != ""
    process.terminate()
    process.wait()
    assert here.call("ps", "--all", "--quiet") == ""
    assert project.leftovers() == []


def test_an_image_given_by_its_digest_is_pulled_and_run(
    project: Project, track: Callable[..., None], here: Docker
) -> None:
    try:
        name = f"{here.registry()}/team/kernel"
    except ServerUnavailable as reason:
        pytest.skip(str(reason))
    here.call("tag", IMAGE, name)
    here.call("push", name)
    image = here.call("image", "inspect", "--format={{index .RepoDigests 0}}", name)
    assert image.startswith(f"{name}@sha256:")
    track("train.py", image=image)
    here.call("rmi", name)
    assert image not in here.call("images", "--digests", "--format={{.Repository}}@{{.Digest}}").split()
    verdict = project.experiment.reproduce(project.trial(k=1))
    assert verdict.ok, verdict
    assert verdict.environment == f"the kernel image {image}"
    again = project.experiment[verdict.new.partition("/")[2]]
    assert again.environment["image"] == image


def test_an_image_that_is_nowhere_is_a_missing_piece(
    project: Project, track: Callable[..., None], here: Docker
) -> None:
    nowhere = "127.0.0.1:9/team/kernel@sha256:" + "0" * 64
    track("train.py", JSK_KERNEL_IMAGE=nowhere)
    before = len(project.experiment.trials())
    (piece,) = reproduce.missing(project.experiment, project.trial(k=1))
    assert f"The kernel image {nowhere} is not here, and cannot be pulled: " in piece.what
    done = project.jsk("reproduce", f"demo/{project.trial(k=1)}")
    assert done.returncode == CannotReproduce.exit_code
    assert nowhere in done.stderr
    assert len(project.experiment.trials()) == before


def test_an_image_without_what_is_needed_is_a_missing_piece(
    project: Project, track: Callable[..., None], here: Docker, tmp_path: Path
) -> None:
    (tmp_path / "empty.tar").write_bytes(bytes(10240))
    here.call("import", "-", "jsk-test/empty:1", stdin=tmp_path / "empty.tar")
    track("train.py", JSK_KERNEL_IMAGE="jsk-test/empty:1")
    (piece,) = reproduce.missing(project.experiment, project.trial(k=1))
    assert "The kit cannot run in the kernel image jsk-test/empty:1: " in piece.what
    assert "python3" in piece.what


def test_packages_that_the_image_lacks_are_told(project: Project, track: Callable[..., None]) -> None:
    about = project.home / "later" / "installed_later-1.0.dist-info" / "METADATA"
    about.parent.mkdir(parents=True)
    about.write_text("Metadata-Version: 2.1\nName: installed-later\nVersion: 1.0\n")
    track("train.py", PYTHONPATH=str(about.parents[1]))
    name = project.trial(k=1)
    told: list[str] = []
    assert reproduce.reproduce(project.experiment, name, tell=told.append).ok
    assert "The kernel image is not the recorded one: installed-later missing instead of 1.0." in told
