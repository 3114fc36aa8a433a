"""The two builders: which is taken, how they start and end containers, what they say when they fail."""

from __future__ import annotations

import shutil
import stat
import time
from pathlib import Path

import pytest

from jsk_ci.builders import choosing, program, words
from jsk_ci.builders.base import Container
from jsk_ci.builders.buildah import Buildah as BuildahBuilder
from jsk_ci.builders.docker import Docker as DockerBuilder
from jsk_ci.errors import NoBuilder, ProjectError, RegistryError
from tests.ci.building import Kernels, Made, Place
from tests.ci.package_index import PackageIndex
from tests.servers.buildah import Buildah
from tests.servers.processes import free_port


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Stand-ins for the programs, each of which answers as told: name, exit code, words."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(choosing.VARIABLE, raising=False)

    def make(name: str, code: int, said: str = "") -> None:
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\necho '{said}'\nexit {code}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    return make


def test_docker_is_taken_if_its_engine_answers(programs):
    programs("docker", 0, "Docker version 20.10.24")
    programs("buildah", 0)
    assert isinstance(choosing.choose(), DockerBuilder)


def test_buildah_is_taken_where_no_engine_answers(programs):
    programs("docker", 1, "Docker version 20.10.24")
    programs("buildah", 0)
    assert isinstance(choosing.choose(), BuildahBuilder)


def test_the_variable_and_the_option_decide(programs, monkeypatch):
    programs("docker", 0, "Docker version 20.10.24")
    programs("buildah", 0)
    monkeypatch.setenv(choosing.VARIABLE, "buildah")
    assert isinstance(choosing.choose(), BuildahBuilder)
    assert isinstance(choosing.choose("docker"), DockerBuilder)
    with pytest.raises(ProjectError, match="kaniko"):
        choosing.choose("kaniko")


def test_no_builder_says_what_to_install(programs):
    programs("docker", 1, "Docker version 20.10.24")
    programs("buildah", 125)
    with pytest.raises(NoBuilder, match="Neither"):
        choosing.choose()
    with pytest.raises(NoBuilder, match="No Docker engine answers") as caught:
        choosing.choose("docker")
    assert "DOCKER_HOST" in caught.value.hint
    with pytest.raises(NoBuilder, match="buildah is not there"):
        choosing.choose("buildah")


def test_the_marked_lines_of_a_log_are_what_is_told():
    log = (
        "#7 [build 3/3] RUN python3 layer.py\n#7 3.112 Resolved 3 packages\n"
        "#7 4.001 jsk-build:   × Failed to build `scipy==0.1`\n"
        "#7 4.001 jsk-build:   ╰─▶ The build backend returned an error\n"
        "------\n > [build 3/3] RUN python3:\n"
        "#7 4.001 jsk-build:   × Failed to build `scipy==0.1`\n------\nexit code: 1\n"
    )
    error = words.failed("It did not work", log)
    assert error.what == (
        "It did not work:\n    × Failed to build `scipy==0.1`\n    ╰─▶ The build backend returned an error"
    )
    assert "lock a version with a wheel" in error.hint


def test_an_unmarked_log_tells_its_last_lines():
    error = words.failed("It did not work", "\n".join(f"line {number}" for number in range(100)))
    assert error.what.splitlines()[1:] == [f"  line {number}" for number in range(88, 100)]
    assert error.hint == ""


def test_a_program_in_the_background_is_ended_with_what_it_started():
    done: list[str] = []
    running = program.Background(
        ["/bin/sh", "-c", "sleep 300 & echo $!; wait"], on_stop=lambda: done.append("gone")
    )
    while not running.output().endswith("\n"):
        assert running.alive()
        time.sleep(0.01)
    child = int(running.output())
    running.stop()
    running.stop()
    assert done == ["gone"]
    assert not running.alive()
    assert ended(child)


def ended(pid: int) -> bool:
    """Tell whether a process has ended; one that nobody has waited for counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.slow
def test_a_command_sees_its_variables_and_mounts(kernels: Kernels, base: Made, tmp_path: Path):
    (tmp_path / "note").write_text("hello")
    container = Container(
        base.image.reference,
        ["/bin/sh", "-c", 'id -u; cat /mnt/note; echo " $COLOUR"; echo oh >&2; exit 3'],
        user="0:0",
        variables={"COLOUR": "dark red"},
        mounts={tmp_path: "/mnt"},
    )
    ran = kernels.builder.run(container)
    assert ran.code == 3
    assert sorted(ran.output.split("\n")) == ["", "0", "hello dark red", "oh"]


@pytest.mark.slow
def test_a_command_that_takes_too_long_is_ended(kernels: Kernels, base: Made):
    ran = kernels.builder.run(Container(base.image.reference, ["/bin/sleep", "300"]), timeout=3)
    assert ran.code == program.TIMED_OUT


@pytest.fixture
def deaf(kernels: Kernels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A buildah that copies nothing of what a command prints, as a slow machine's may not."""
    program_ = tmp_path / "bin" / "buildah"
    program_.parent.mkdir()
    real = shutil.which("buildah")
    program_.write_text(f'#!/bin/sh\n[ "$1" = run ] && exec >/dev/null 2>&1\nexec {real} "$@"\n')
    program_.chmod(0o755)
    monkeypatch.setenv("PATH", str(program_.parent), prepend=":")


@pytest.mark.slow
@pytest.mark.parametrize("kernels", ["buildah"], indirect=True)
def test_what_a_command_prints_does_not_go_through_buildah(kernels: Kernels, base: Made, deaf: None):
    script = "id -u; echo oh >&2; head -c 200000 /dev/zero | tr '\\0' x; exit 3"
    ran = kernels.builder.run(Container(base.image.reference, ["/bin/sh", "-c", script]))
    assert (ran.code, ran.output) == (3, "1000\noh\n" + 200000 * "x")
    running = kernels.builder.start(Container(base.image.reference, ["/bin/sh", "-c", "echo up; sleep 300"]))
    while not running.output():
        assert running.alive()
        time.sleep(0.05)
    assert running.output() == "up\n"
    running.stop()


@pytest.mark.slow
@pytest.mark.parametrize("kernels", ["buildah"], indirect=True)
def test_a_command_that_takes_too_long_is_ended_with_all_it_started(kernels: Kernels, base: Made):
    script = "sleep 300 & echo $!; wait"
    ran = kernels.builder.run(Container(base.image.reference, ["/bin/sh", "-c", script]), timeout=3)
    assert ran.code == program.TIMED_OUT
    assert ended(int(ran.output))


@pytest.mark.slow
def test_a_container_runs_in_the_background_until_it_is_stopped(kernels: Kernels, base: Made):
    port = free_port()
    serve = ["/opt/jsk/env/bin/python", "-u", "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    running = kernels.builder.start(Container(base.image.reference, serve))
    try:
        while "Serving HTTP" not in running.output():
            assert running.alive(), running.output()
            time.sleep(0.05)
    finally:
        running.stop()
    assert not running.alive()
    running.stop()


@pytest.mark.slow
def test_what_is_not_here_is_none_and_what_is_nowhere_is_an_error(kernels: Kernels):
    reference = f"{kernels.place.host}/nothing:1"
    assert kernels.builder.inspect(reference) is None
    with pytest.raises(RegistryError, match="could not be fetched"):
        kernels.builder.pull(reference)
    kernels.builder.remove(reference)


@pytest.mark.slow
def test_an_image_comes_back_from_the_registry_as_it_was(kernels: Kernels, base: Made):
    kernels.builder.remove(base.pinned)
    again = kernels.builder.pull(base.pinned)
    assert again.layers == base.image.layers
    assert again.labels == base.image.labels
    assert again.variables == base.image.variables


@pytest.mark.slow
def test_steps_come_from_a_registry_on_another_machine(
    surroundings: None, packages: PackageIndex, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from jsk_ci import build, project

    cache, logs = f"{place.host}/cache/steps", []
    folder = None
    for _ in range(2):
        with Buildah() as storage:
            for name, value in storage.environment.items():
                monkeypatch.setenv(name, value)
            log: list[str] = []
            kernels = Kernels("buildah", tmp_path, packages, place)
            kernels.builder = BuildahBuilder(log.append)
            folder = folder or kernels.write("steps", "kept", "fresh")
            order = build.order(project.read(folder), kernels.builder, into=place.kernels)
            build.carry_out(order, kernels.builder, cache=cache)
            logs.append("\n".join(log))
    assert "Installed" in logs[0]
    assert "Installed" not in logs[1]
