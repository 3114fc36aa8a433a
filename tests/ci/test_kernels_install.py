"""``jsk kernels``: a real image, run by a real engine, driven as Jupyter drives a kernel."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jsk_ci.local_kernels import container, specs
from jsk_ci.local_kernels.container import Mount
from jsk_saver import Saver
from tests.ci import kernel_image
from tests.ci.building import engine  # noqa: F401 - a fixture
from tests.ci.kernel_projects import wait_for


@pytest.fixture(scope="module")
def image(engine):  # noqa: F811 - that fixture
    with kernel_image.built(engine, "debian:1") as made:
        yield made


@pytest.fixture
def jsk(image, tmp_path, monkeypatch):
    """Run ``jsk`` against the engine, as somebody whose home is empty."""
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    (home / "work").mkdir()
    root = Path(__file__).parents[2]
    told = {
        "HOME": home,
        "JUPYTER_DATA_DIR": tmp_path / "jupyter",
        "JUPYTER_RUNTIME_DIR": tmp_path / "runtime",
        "IPYTHONDIR": home / ".ipython",
        "DOCKER_HOST": image.docker_host,
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "ci")]),
    }
    for name, value in told.items():
        monkeypatch.setenv(name, str(value))

    def run(*arguments: str, code: int = 0) -> str:
        from jsk_saver.cli.app import app

        done = CliRunner().invoke(app, list(arguments))
        assert done.exit_code == code, done.output
        return done.output

    run.home = home
    return run


class Kernel:
    """A kernel as a notebook has it."""

    def __init__(self, name: str, folder: Path) -> None:
        from jupyter_client.manager import KernelManager

        self.manager = KernelManager(kernel_name=name)
        self.manager.start_kernel(cwd=str(folder), stderr=subprocess.DEVNULL)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def run(self, code: str) -> str:
        """Run a cell and return what it prints, or the name of its error."""
        printed: list[str] = []

        def note(message: dict) -> None:
            content = message["content"]
            printed.append(content.get("text") or content.get("ename") or "")

        self.client.execute_interactive(code, timeout=120, output_hook=note)
        return "".join(printed).strip()

    def containers(self) -> list[str]:
        """Return the containers of this kernel, whether they run or not."""
        file = Path(self.manager.connection_file).absolute()
        told = subprocess.run(
            ["docker", "ps", "--all", "--quiet", f"--filter=label={container.LABEL}={file}"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return told.stdout.split()

    def gone(self) -> bool:
        """Tell whether nothing is left of it."""
        return not self.containers()


@pytest.fixture
def kernel(jsk, image):
    jsk("kernels", "install", image.name)
    running = Kernel(f"jsk-{image.kernel}", jsk.home / "work")
    yield running
    running.client.stop_channels()
    if running.manager.has_kernel:
        running.manager.shutdown_kernel(now=True)
    wait_for(running.gone, "the container's end")


TELL = """
import json, os, sys
names = ["JSK_KERNEL_IMAGE", "JSK_KERNEL_FINGERPRINT", "HOME", "USER", "AWS_REGION", "FROM_SPEC",
         "PYTHONPATH"]
print(json.dumps({"uid": os.getuid(), "gid": os.getgid(), "cwd": os.getcwd(), "python": sys.executable,
                  **{name: os.environ.get(name) for name in names}}))
"""


@pytest.mark.slow
def test_it_runs_in_the_image_as_the_user_in_the_users_folder(kernel, jsk, image, monkeypatch):
    told = json.loads(kernel.run(TELL))
    assert told == {
        "uid": os.getuid(),
        "gid": os.getgid(),
        "cwd": str(jsk.home / "work"),
        "python": container.PYTHON,
        "JSK_KERNEL_IMAGE": image.identifier,
        "JSK_KERNEL_FINGERPRINT": image.fingerprint,
        "HOME": str(jsk.home),
        "USER": getpass.getuser(),
        "AWS_REGION": None,
        "FROM_SPEC": "yes",
        "PYTHONPATH": None,
    }


@pytest.mark.slow
def test_what_it_saves_is_in_the_users_store_and_names_the_image(kernel, own_home, image):
    shown = kernel.run(
        "from jsk_saver import saver\nsaver.put('from/container.json', {'a': 1})\nprint('saved')"
    )
    assert shown.endswith("saved")
    here = Saver(own_home / "store", home=own_home)
    assert here.get("from/container.json") == {"a": 1}
    assert here.history("from/container.json")[0].lineage["image"] == image.identifier
    assert kernel.run("saver.get('from/container.json')['a'] == 1 or 1 / 0; print('same')") == "same"
    (written,) = (path for path in (own_home / "store").rglob("container.json") if path.is_file())
    assert written.stat().st_uid == os.getuid()


@pytest.mark.slow
def test_credentials_can_be_read_and_not_written(jsk, image, monkeypatch):
    (jsk.home / ".aws" / "credentials").write_text("[default]\n")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    jsk("kernels", "install", image.name)
    running = Kernel(f"jsk-{image.kernel}", jsk.home / "work")
    try:
        assert json.loads(running.run(TELL))["AWS_REGION"] == "eu-west-1"
        place = jsk.home / ".aws" / "credentials"
        assert running.run(f"print(open({str(place)!r}).read())") == "[default]"
        assert running.run(f"open({str(place)!r}, 'a')") == "OSError"
    finally:
        running.client.stop_channels()
        running.manager.shutdown_kernel()
    wait_for(running.gone, "the container's end")


@pytest.mark.slow
def test_a_loop_is_interrupted_and_its_variables_stay(kernel):
    kernel.run("n = 0")
    started = threading.Event()

    def interrupt() -> None:
        started.wait()
        time.sleep(0.5)
        kernel.manager.interrupt_kernel()

    thread = threading.Thread(target=interrupt)
    thread.start()
    started.set()
    assert kernel.run("import time\nwhile True:\n    n += 1\n    time.sleep(0.01)") == "KeyboardInterrupt"
    thread.join()
    assert int(kernel.run("print(n)")) > 0


@pytest.mark.slow
def test_a_restart_is_another_container_and_a_shutdown_leaves_none(kernel):
    kernel.run("n = 1")
    (first,) = kernel.containers()
    kernel.manager.restart_kernel()
    kernel.client.wait_for_ready(timeout=120)
    (second,) = kernel.containers()
    assert first != second
    assert kernel.run("n") == "NameError"
    kernel.manager.shutdown_kernel()
    wait_for(kernel.gone, "the container's end")


@pytest.mark.slow
def test_a_kernel_that_does_not_listen_is_restarted_by_force(kernel):
    kernel.run("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    kernel.client.execute("import time; time.sleep(600)")
    (first,) = kernel.containers()
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=120)
    assert kernel.run("print(2 + 2)") == "4"
    assert len(kernel.containers()) == 1
    assert first not in kernel.containers()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_the_launcher_ends_the_container(kernel, number):
    assert len(kernel.containers()) == 1
    os.kill(kernel.manager.provisioner.pid, number)
    wait_for(kernel.gone, "the container's end")


@pytest.mark.slow
def test_a_notebook_runs_in_it_from_top_to_bottom(jsk, image):
    import nbformat
    from nbclient import NotebookClient

    jsk("kernels", "install", image.name)
    sources = ["import os; x = os.environ['JSK_KERNEL_FINGERPRINT']", "print(x)"]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    place = {"metadata": {"path": str(jsk.home / "work")}}
    done = NotebookClient(made, kernel_name=f"jsk-{image.kernel}", resources=place, timeout=120).execute()
    assert done.cells[1].outputs[0]["text"].strip() == image.fingerprint


def test_kernels_are_installed_listed_and_removed(jsk, image):
    planned = json.loads(jsk("kernels", "install", image.name, "--dry-run", "--json"))
    assert [kernel["written"] for kernel in planned] == [False]
    assert json.loads(jsk("kernels", "list", "--json")) == []
    (told,) = json.loads(jsk("kernels", "install", image.name, "--json"))
    assert told["name"] == f"jsk-{image.kernel}"
    assert told["pinned"] == told["identifier"] == image.identifier
    spec = json.loads((Path(told["folder"]) / "kernel.json").read_text())
    assert spec["interrupt_mode"] == "message"
    assert spec["env"]["DOCKER_HOST"] == image.docker_host
    assert image.name in jsk("kernels", "list")
    jsk("kernels", "install", image.name, "--name", "second")
    names = [kernel["name"] for kernel in json.loads(jsk("kernels", "list", "--json"))]
    assert names == [f"jsk-{image.kernel}", "second"]
    assert json.loads(jsk("kernels", "remove", "second", "--dry-run", "--json"))[0]["removed"] is False
    jsk("kernels", "remove", "second")
    jsk("kernels", "remove", "--all")
    assert json.loads(jsk("kernels", "list", "--json")) == []


def test_without_an_image_the_newest_of_each_kernel_is_installed(jsk, image):
    told = json.loads(jsk("kernels", "install", "--dry-run", "--json"))
    assert image.identifier in [kernel["identifier"] for kernel in told]
    assert image.name in jsk("kernels", "list", "--images")


def test_somebody_elses_kernel_stays(jsk, image):
    own = specs.kernels_folder() / "mine"
    own.mkdir(parents=True)
    (own / "kernel.json").write_text('{"argv": ["mine"]}')
    jsk("kernels", "install", image.name, "--name", "mine", code=5)
    jsk("kernels", "remove", "mine", code=3)
    assert (own / "kernel.json").read_text() == '{"argv": ["mine"]}'
    assert sorted(path.name for path in own.parent.iterdir()) == ["mine"]


def test_an_image_that_is_no_kernel_or_not_to_be_had_is_refused(jsk, image):
    assert "is not a kernel image" in jsk("kernels", "install", image.base, code=2)
    assert "cannot be pulled" in jsk("kernels", "install", "127.0.0.1:9/no/such:1", code=6)


def test_an_engine_that_does_not_answer_is_told(jsk, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    assert "does not answer" in jsk("kernels", "install", code=1)


def test_without_an_engine_it_says_so(monkeypatch):
    from jsk_ci.errors import NoBuilder
    from jsk_ci.local_kernels.engine import Engine

    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoBuilder, match="neither docker nor podman"):
        Engine.find()


def test_two_images_of_one_name_need_names_of_their_own(jsk, image):
    assert "would both be the kernel" in jsk("kernels", "install", image.name, image.name, code=2)


# How it is run ---------------------------------------------------------------------------------------


def _command(program: str, **told: object) -> list[str]:
    given = {"image": "sha256:1", "pinned": "r/i@sha256:2", "kernel": "iris", "mounts": [], "variables": {}}
    file = Path("/run/kernel-1.json")
    return container.command(program, connection_file=file, guard="pass", **{**given, **told})


def test_values_of_variables_are_not_in_the_list_of_processes(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    monkeypatch.setenv("JSK_KERNEL_IMAGE", "this-machine's")
    command = _command("docker")
    assert "--env=AWS_SECRET_ACCESS_KEY" in command
    assert "very-secret" not in " ".join(command)
    assert [part for part in command if "JSK_KERNEL_" in part] == ["--env=JSK_KERNEL_IMAGE=r/i@sha256:2"]


def test_podman_without_root_keeps_the_users_number(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert "--userns=keep-id" in _command("/usr/bin/podman")
    assert "--userns=keep-id" not in _command("/usr/bin/docker")


def test_a_folder_with_a_comma_is_mounted():
    assert Mount(Path("/data/a,b"), readonly=True).option() == (
        'type=bind,"source=/data/a,b","target=/data/a,b",readonly'
    )


def test_the_repository_is_mounted_whole_and_nothing_twice(tmp_path, monkeypatch):
    home, repository = tmp_path / "home", tmp_path / "elsewhere" / "churn"
    for folder in (home / ".jsk", home / ".aws", repository / ".git", repository / "notebooks"):
        folder.mkdir(parents=True)
    file = home / "runtime" / "kernel.json"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(repository / "notebooks")
    found = container.mounts(file, {"transport": "tcp"}, [home / ".jsk"])
    assert found == [Mount(home), Mount(repository), Mount(home / ".aws", readonly=True)]


def test_the_guard_runs_in_any_python_and_imports_nothing_of_the_kit():
    source = Path(container.__file__).with_name("guard.py").read_text()
    assert "jsk_" not in source.partition('"""')[2].partition('"""')[2]
    assert shutil.which(sys.executable)
    done = subprocess.run(
        [sys.executable, "-I", "-c", source, "/nowhere.json", "x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "FileNotFoundError" in done.stderr
