"""The project's own promises: light to import, locked, layered, and at home on any machine."""

from __future__ import annotations

import ast
import os
import pwd
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.servers.browser import PROGRAMS as BROWSERS
from tests.servers.buildah import PROGRAMS as BUILDAH
from tests.servers.ceph import PROGRAMS
from tests.servers.docker import PROGRAMS as DOCKER
from tests.servers.gitlab import PROGRAMS as GITLAB
from tests.servers.rootfs import PROGRAMS as ROOTFS

ROOT = Path(__file__).parents[1]
HEAVY = {"boto3", "botocore", "pandas", "pyarrow", "numpy", "polars", "sklearn", "IPython"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def project() -> dict:
    return tomllib.loads(read("pyproject.toml"))


# Importing ------------------------------------------------------------------------------------------


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    command = [sys.executable, "-c", code]
    return set(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split())


def test_importing_the_kit_imports_nothing_heavy():
    loaded = loaded_by("import jsk_saver")
    assert "jsk_saver" in loaded
    assert not loaded & HEAVY


def test_the_cells_that_save_nothing_import_nothing_heavy():
    loaded = loaded_by("from jsk_saver import Saver, saver; repr(saver); saver.put, saver.get")
    assert not loaded & HEAVY


def test_layers_point_down_only():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    paths = [str(ROOT / "infra" / "lambdas"), os.environ.get("PYTHONPATH", "")]
    there = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=there)
    assert done.returncode == 0, done.stdout
    assert re.search(r"[1-9]\d* kept, 0 broken", done.stdout)


# Packages -------------------------------------------------------------------------------------------


def pins(name: str) -> dict[str, set[str]]:
    """Return the exact versions a requirements file asks for, by package (one for each Python)."""
    found: dict[str, set[str]] = {}
    for line in read(name).splitlines():
        if line.partition("#")[0].strip() and not line.startswith("-c "):
            requirement = Requirement(line.partition("#")[0])
            (specifier,) = requirement.specifier
            assert specifier.operator == "==", line
            found.setdefault(canonicalize_name(requirement.name), set()).add(specifier.version)
    return found


def locked() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for package in tomllib.loads(read("poetry.lock"))["package"]:
        found.setdefault(canonicalize_name(package["name"]), set()).add(package["version"])
    return found


def asked_for() -> list[Requirement]:
    """Return every requirement of `pyproject.toml`, extras and tools included."""
    table = project()
    extras = table["project"]["optional-dependencies"]
    tools = table["tool"]["poetry"]["group"]["dev"]["dependencies"]
    versions = {name: value["version"] if isinstance(value, dict) else value for name, value in tools.items()}
    lines = [f"{name} {'' if version == '*' else version}" for name, version in versions.items()]
    return [Requirement(line) for line in chain(table["project"]["dependencies"], *extras.values(), lines)]


def test_requirements_are_those_of_the_lock():
    pinned, in_lock = pins("requirements-dev.txt"), locked()
    assert {
        name: versions for name, versions in pinned.items() if not versions <= in_lock.get(name, set())
    } == {}


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_every_python_gets_one_version_of_each_package(python):
    chosen: dict[str, list[str]] = {}
    for line in read("requirements-dev.txt").splitlines():
        requirement = Requirement(line)
        environment = {"python_version": python, "python_full_version": f"{python}.2"}
        if requirement.marker is None or requirement.marker.evaluate(environment):
            chosen.setdefault(requirement.name, []).append(str(requirement.specifier))
    assert {name: versions for name, versions in chosen.items() if len(versions) > 1} == {}


@pytest.mark.parametrize("source", ["poetry.lock", "requirements-dev.txt"])
def test_everything_asked_for_is_locked_at_a_version_that_fits(source):
    versions = locked() if source == "poetry.lock" else pins(source)
    stale = [
        str(requirement)
        for requirement in asked_for()
        if not all(
            requirement.specifier.contains(version)
            for version in versions.get(canonicalize_name(requirement.name), {"0"})
        )
    ]
    assert stale == []


def test_the_extra_named_all_holds_the_others():
    extras = project()["project"]["optional-dependencies"]
    everything = extras.pop("all")
    assert sorted(everything) == sorted(set(chain(*extras.values())))


def test_pytorch_is_added_without_cuda_and_without_changing_a_locked_version():
    lines = read("requirements-torch.txt").splitlines()
    assert "-c requirements-dev.txt" in lines
    torch = pins("requirements-torch.txt")
    assert [version.rpartition("+")[2] for version in torch["torch"]] == ["cpu"]
    assert not set(torch) & set(pins("requirements-dev.txt"))


def test_the_benchmarks_use_what_the_kit_asks_for():
    pinned = pins("bench/requirements.txt")
    table = project()["project"]
    for line in (*table["dependencies"], *table["optional-dependencies"]["all"]):
        requirement = Requirement(line)
        (version,) = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), line
    assert {"awswrangler", "pins", "s3fs"} <= set(pinned)


# Servers --------------------------------------------------------------------------------------------


def debian_packages() -> set[str]:
    return {
        line for line in read("tests/servers/debian-packages.txt").splitlines() if line and line[0] != "#"
    }


def test_every_debian_package_used_is_listed_and_the_other_way_round():
    servers = (PROGRAMS, BUILDAH, DOCKER, GITLAB, ROOTFS)
    used = {package for programs in servers for package in programs.values()}
    assert {*used, BROWSERS[0]} == debian_packages()


def test_every_program_the_gateway_runs_is_known_with_its_package():
    tree = ast.parse(read("tests/servers/ceph.py"))
    started = {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("_run", "_daemon")
        and isinstance(call.args[0], ast.Constant)
    }
    assert started == set(PROGRAMS)


# Commands -------------------------------------------------------------------------------------------


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))


def test_the_commands_of_the_readme_exist():
    used = set(
        re.findall(r"\bmake ([a-z]+)\b", "\n".join(re.findall(r"```.*?```|`[^`]+`", read("README.md"), re.S)))
    )
    assert {"demo", "lab", "test"} <= used
    assert used <= targets()


def test_continuous_integration_runs_the_tests_and_hides_no_step():
    commands = [line for line in read(".ci/run").splitlines() if line and not line.startswith("#")]
    assert commands == ["set -eu", 'cd "$(dirname "$0")/.."', "exec make test"]
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_every_command_explains_itself():
    said = subprocess.run(["make", "-s", "help"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert set(re.findall(r"^make ([a-z]+) ", said, re.MULTILINE)) == targets()


def test_a_python_that_is_too_old_is_refused_with_what_to_type(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "requirements-dev.txt", "requirements-torch.txt"):
        (tmp_path / name).touch()
    done = subprocess.run(
        ["make", "setup", "PYTHON="], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "make setup PYTHON=" in done.stderr
    assert not (tmp_path / ".venv").exists()


# At home anywhere -----------------------------------------------------------------------------------


def own_files() -> list[Path]:
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    names = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_nothing_names_the_machine_it_was_written_on():
    home = pwd.getpwuid(os.getuid()).pw_dir
    people = r"/(?:home|Users)/(?!jovyan|sagemaker-user|ana\b|ann\b)\w"
    checkout = [rf"{re.escape(str(ROOT))}\b"] if len(ROOT.parts) > 2 else []  # "/src" is anybody's
    places = "|".join([*checkout, re.escape(home) + "/", people, "/wor" + "k/"])
    private = re.compile(rf"(?<![\w.~-])(?:{places})")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in own_files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), start=1)
        if private.search(line)
    ]
    assert found == []


def test_dir_of_the_kit_shows_the_public_names_and_nothing_else():
    import jsk_saver

    assert dir(jsk_saver) == sorted(jsk_saver.__all__)
    assert {"Experiment", "Saver", "Trial", "saver"} <= set(dir(jsk_saver))
    assert all(getattr(jsk_saver, name) is not None for name in dir(jsk_saver))
