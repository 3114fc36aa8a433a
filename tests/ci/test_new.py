"""``jsk new``: a repository that is ready to push, whose lock Poetry takes and whose notebook runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jsk_ci import fingerprint, lockfile, project
from jsk_ci.project import PLACEHOLDER
from jsk_ci.skeleton import files, locks, making, stripping
from jsk_ci.skeleton.wishes import Wish
from jsk_saver import Saver
from jsk_saver.tracking import Experiment
from tests.ci.gitlab_server import TOKEN, GitLabServer
from tests.ci.kernel_projects import wait_for
from tests.ci.package_index import PackageIndex

KERNELS = Path(__file__).parents[2] / "kernels"
BASE = f"registry.example.org/kernels/base@sha256:{'a' * 64}"


@pytest.fixture
def jsk(tmp_path, monkeypatch):
    """Run ``jsk`` in an empty folder, as somebody Git knows."""
    (tmp_path / "work").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("JSK_CI_BASE", "JSK_CI_REGISTRY", "JSK_KERNEL_IMAGE", "JSK_KERNEL_PARENT", "GITLAB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home" / ".gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.org\n")

    def run(*arguments: str, code: int = 0) -> str:
        from jsk_saver.cli.app import app

        before = signal.getsignal(signal.SIGTERM)
        done = CliRunner().invoke(app, list(arguments))
        signal.signal(signal.SIGTERM, before)
        assert done.exit_code == code, done.output
        return done.output if code else done.stdout

    return run


@pytest.fixture
def made(jsk):
    """Return a new repository's folder."""
    jsk("new", "iris-study", "--offline", "--base", BASE)
    return Path("iris-study").absolute()


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _base() -> lockfile.Lock:
    return lockfile.read(KERNELS / "base" / "poetry.lock")


# What is in it ---------------------------------------------------------------------------------------


def test_it_is_a_kernels_folder_with_a_fresh_lock_of_the_bases_versions(made):
    kernel = project.read(made)
    assert (kernel.name, kernel.display_name, kernel.parent) == (
        "iris-study",
        "Iris study (Python 3.11)",
        BASE,
    )
    chosen = fingerprint.packages(kernel)  # refuses a lock that is not fresh, or without hashes
    base = {package.name: package.version for package in _base().packages}
    assert {"numpy", "pandas", "scikit-learn", "pyarrow", "scipy"} <= set(chosen)
    assert {name: package.version for name, package in chosen.items()}.items() <= base.items()
    assert kernel.variables == {}


def test_poetry_takes_the_lock(made):
    poetry = Path(sys.executable).with_name("poetry")
    if not poetry.exists():
        pytest.skip("poetry is not installed: pip install poetry")
    subprocess.run([poetry, "check", "--lock", "--strict"], cwd=made, check=True, capture_output=True)
    told = subprocess.run(
        [poetry, "install", "--dry-run", "--no-interaction"],
        cwd=made,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "POETRY_VIRTUALENVS_CREATE": "false"},
    ).stdout
    lock = lockfile.read(made / "poetry.lock")
    named = {
        lockfile.normalise(name) for name in re.findall(r"- (?:Installing|Updating|Downgrading) (\S+)", told)
    }
    assert named <= {package.name for package in lock.packages}
    assert "numpy" in told


@pytest.mark.slow
def test_a_part_of_a_lock_is_what_poetry_itself_would_write(tmp_path, monkeypatch):
    poetry = Path(sys.executable).with_name("poetry")
    if not poetry.exists():
        pytest.skip("poetry is not installed: pip install poetry")
    monkeypatch.setenv("POETRY_VIRTUALENVS_CREATE", "false")
    monkeypatch.setenv("POETRY_CACHE_DIR", str(tmp_path / "cache"))

    def lock(folder: Path, *dependencies: str) -> str:
        folder.mkdir(exist_ok=True)
        (folder / "pyproject.toml").write_text(
            f"[project]\nname = 'x'\nversion = '1'\nrequires-python = '>=3.11,<3.12'\n"
            f"dependencies = {list(dependencies)}\n[tool.poetry]\npackage-mode = false\n"
            f"[[tool.poetry.source]]\nname = 'here'\nurl = '{index.url}'\npriority = 'primary'\n"
        )
        subprocess.run([poetry, "lock", "--quiet", "--no-interaction"], cwd=folder, check=True)
        return (folder / "poetry.lock").read_text()

    with PackageIndex(tmp_path / "index") as index:
        index.add("zones", "1")
        index.add("frames", "1", ["zones; sys_platform == 'win32'", "arrays", "extra-thing; extra == 'x'"])
        index.add("arrays", "1", ["backport; python_version < '3.13'"])
        index.add("backport", "1")
        index.add("extra-thing", "1")
        index.add("clock", "1", ["zones"])
        base = lock(tmp_path / "base", "frames", "clock", "arrays")
        project = {"project": {"requires-python": ">=3.11,<3.12", "dependencies": ["frames"]}}
        source = [{"name": "here", "url": index.url, "priority": "primary"}]
        derived = locks.derive(base, {**project, "tool": {"poetry": {"source": source}}})
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "poetry.lock").write_text(derived)
        assert lock(tmp_path / "new", "frames") == derived
        assert {package.name for package in lockfile.parse(derived, "").packages} == {
            *("arrays", "backport", "frames", "zones"),
        }


def test_both_branches_are_at_the_first_commit_of_the_user(made):
    assert _git(made, "branch", "--format=%(refname:short)").split() == ["develop", "main"]
    assert _git(made, "rev-parse", "main") == _git(made, "rev-parse", "develop")
    assert _git(made, "log", "--format=%an <%ae>", "main") == "Ada <ada@example.org>"
    assert _git(made, "status", "--porcelain") == ""
    assert _git(made, "symbolic-ref", "--short", "HEAD") == "develop"


def test_the_pipeline_is_six_lines_that_gitlab_takes(made):
    import yaml

    text = (made / ".gitlab-ci.yml").read_text()
    assert len(text.splitlines()) == 6
    components = [item["component"] for item in yaml.safe_load(text)["include"]]
    assert components == [f"$CI_SERVER_FQDN/jsk/kit/{name}@1" for name in ("notebooks", "kernel", "release")]
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema=vendor.gitlab-ci", ".gitlab-ci.yml"],
        cwd=made, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


@pytest.mark.slow
def test_the_first_notebook_runs_saves_and_tracks(made, own_home, tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), str(root / "ci")]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(made / "notebooks" / "first.ipynb", as_version=4)
    nbformat.validate(notebook)
    place = {"metadata": {"path": str(made / "notebooks")}}
    NotebookClient(notebook, kernel_name="python3", resources=place, timeout=300).execute()
    assert "1 version matching origin:scikit-learn" in notebook.cells[-1].outputs[0]["data"]["text/plain"]
    trials = Experiment("iris-study", saver=Saver(own_home / "store", home=own_home)).trials()
    assert sorted(trial.params["k"] for trial in trials) == [2, 3, 4, 5]
    assert {trial.status for trial in trials} == {"completed"}
    assert all({"inertia", "silhouette"} <= set(trial.metrics) for trial in trials)
    assert _git(made, "status", "--porcelain") == ""


def test_output_is_stripped_if_asked_for(jsk):
    jsk("new", "plain", "--offline", "--base", BASE, "--strip-output")
    folder = Path("plain")
    file = folder / "notebooks" / "first.ipynb"
    ran = json.loads(file.read_text())
    ran["cells"][1] |= {
        "execution_count": 1,
        "outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}],
    }
    file.write_text(json.dumps(ran))
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root), str(root / "ci")])
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True, env={**os.environ, "PYTHONPATH": path})
    staged = json.loads(_git(folder, "show", ":notebooks/first.ipynb"))
    assert staged["cells"][1]["outputs"] == []
    assert staged["cells"][1]["execution_count"] is None
    assert "nbstripout --install" in (folder / "README.md").read_text()


def test_components_are_told_what_differs_from_their_defaults(jsk):
    import yaml

    jsk("new", "told", "--offline", "--base", BASE, "--strip-output", "--registry", "registry.example.org/k")
    included = yaml.safe_load(Path("told/.gitlab-ci.yml").read_text())["include"]
    assert [item.get("inputs") for item in included] == [
        {"output": "stripped"},
        {"registry": "registry.example.org/k"},
        {"registry": "registry.example.org/k"},
    ]


def test_each_component_and_input_is_there(jsk):
    import yaml

    jsk("new", "told", "--offline", "--base", BASE, "--strip-output", "--registry", "registry.example.org/k")
    for item in yaml.safe_load(Path("told/.gitlab-ci.yml").read_text())["include"]:
        name = item["component"].rpartition("/")[2].partition("@")[0]
        template = (KERNELS.parent / "ci" / "templates" / f"{name}.yml").read_text()
        inputs = next(iter(yaml.safe_load_all(template)))["spec"]["inputs"]
        assert set(item["inputs"]) <= set(inputs)


def test_what_is_no_notebook_is_left_alone():
    assert stripping.without_output("no notebook\n") == "no notebook\n"
    assert stripping.without_output('{"cells": 3}') == '{"cells": 3}'


def test_with_poetry_the_lock_is_poetrys_own(jsk, monkeypatch, tmp_path):
    """A Poetry that adds a line, as a newer one might; one that fails leaves the lock that came along."""
    program = tmp_path / "bin" / "poetry"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho '# checked' >> poetry.lock\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    assert json.loads(jsk("new", "first", "--base", BASE, "--json"))["lock"] == "poetry"
    assert Path("first/poetry.lock").read_text().endswith("# checked\n")
    program.write_text("#!/bin/sh\necho broken > poetry.lock\nexit 1\n")
    assert json.loads(jsk("new", "second", "--base", BASE, "--json"))["lock"] == "base"
    kernel = project.read(Path("second"))
    lockfile.check_fresh(lockfile.read(kernel.lock_file), kernel.content, "")


def test_the_lock_is_part_of_the_bases_own_blocks():
    contents = files.render(Wish("x", Path("/nowhere"), BASE))
    renew = "Renew it: PYTHONPATH=.:ci python -m jsk_ci.skeleton.locks"
    assert contents["poetry.lock"] == locks.renewed(), renew
    lock = lockfile.parse(contents["poetry.lock"], "new")
    whole = {package.name: package for package in _base().packages}
    assert all(
        replace(package, markers={}) == replace(whole[package.name], markers={}) for package in lock.packages
    )
    wanted = tomllib.loads(contents["pyproject.toml"])["project"]
    told = tomllib.loads((KERNELS / "base" / "pyproject.toml").read_text())["project"]
    assert wanted["requires-python"] == told["requires-python"]
    assert set(wanted["dependencies"]) <= set(told["dependencies"])


# Where the base comes from ---------------------------------------------------------------------------


def test_in_an_experiments_image_the_base_is_its_parent(jsk, monkeypatch):
    monkeypatch.setenv("JSK_KERNEL_PARENT", BASE)
    jsk("new", "inside", "--offline")
    assert project.read(Path("inside")).parent == BASE


def test_without_a_base_it_says_where_to_write_it(jsk):
    told = json.loads(jsk("new", "alone", "--offline", "--json"))
    assert PLACEHOLDER in told["notes"][0]
    assert str(Path("alone/pyproject.toml").absolute()) in told["notes"][0]


@pytest.mark.parametrize("command", ["plan --registry 127.0.0.1:9/k", "fingerprint", "build", "sbom"])
def test_until_then_every_step_says_so_and_asks_no_registry(jsk, command):
    from jsk_ci.cli.app import app

    jsk("new", "alone", "--offline")
    os.chdir("alone")
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 2, done.output
    assert "alone has no base image yet" in done.output
    assert "No registry was asked" in done.output


def test_without_gitlab_it_says_what_must_be_protected_there(jsk):
    (note,) = json.loads(jsk("new", "told", "--offline", "--base", BASE, "--json"))["notes"]
    assert all(word in note for word in ("main", "develop", "*.*.*"))


# Refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Iris", "a_b", "1st", "-x", "a--b", "x" * 64, "ünder", "a/b", ".."])
def test_a_name_that_does_not_fit_is_refused_with_one_that_does(jsk, name):
    told = jsk("new", "--offline", "--base", BASE, "--", name, code=2)
    hint = re.search(r"jsk new (\S+)", told)
    assert hint
    jsk("new", hint[1], "--offline", "--base", BASE)


def test_a_folder_with_something_in_it_stays_and_an_empty_one_is_taken(jsk):
    Path("full").mkdir()
    Path("full/mine.txt").write_text("mine")
    jsk("new", "full", "--offline", "--base", BASE, code=5)
    assert os.listdir("full") == ["mine.txt"]
    Path("empty").mkdir()
    jsk("new", "empty", "--offline", "--base", BASE)
    assert Path("empty/pyproject.toml").exists()


def test_without_an_identity_nothing_is_made_and_it_says_what_to_type(jsk, monkeypatch, tmp_path):
    monkeypatch.delenv("GIT_AUTHOR_NAME", raising=False)
    monkeypatch.delenv("GIT_COMMITTER_NAME", raising=False)
    (tmp_path / "home" / ".gitconfig").unlink()
    told = jsk("new", "nobody", "--offline", "--base", BASE, code=2)
    hint = re.search(r"Next: (git config .*)", told)
    assert hint
    assert os.listdir() == []
    subprocess.run(hint[1], shell=True, check=True)
    jsk("new", "nobody", "--offline", "--base", BASE)


def test_a_dry_run_makes_nothing(jsk):
    told = json.loads(jsk("new", "later", "--dry-run", "--json", "--base", BASE))
    assert told["dry_run"]
    assert "notebooks/first.ipynb" in told["files"]
    assert os.listdir() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_half_way_nothing_is_there_under_its_name(jsk, tmp_path, number):
    program = tmp_path / "bin" / "poetry"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexec sleep 600\n")
    program.chmod(0o755)
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "ci")]),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "jsk_saver.cli", "new", "half", "--base", BASE],
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for((tmp_path / "started").exists, "Poetry's start")
    process.send_signal(number)
    process.wait()
    with suppress(ProcessLookupError):  # the program that stands for Poetry
        os.killpg(process.pid, signal.SIGKILL)
    assert not Path("half").exists()
    if number == signal.SIGTERM:
        assert os.listdir() == []
    jsk("new", "half", "--offline", "--base", BASE)
    assert os.listdir() == ["half"]


# GitLab ----------------------------------------------------------------------------------------------


@pytest.fixture
def gitlab(tmp_path, monkeypatch):
    pytest.importorskip("gitlab", reason="python-gitlab is not installed: pip install python-gitlab")
    (tmp_path / "gitlab").mkdir()
    monkeypatch.setenv("GITLAB_TOKEN", TOKEN)
    with GitLabServer(tmp_path / "gitlab") as server:
        yield server


def test_the_project_is_made_pushed_and_protected(jsk, gitlab):
    told = json.loads(
        jsk(
            "new",
            "iris",
            "--offline",
            "--base",
            BASE,
            "--gitlab",
            gitlab.endpoint,
            "--group",
            "science/flowers",
            "--json",
        )
    )
    (known,) = gitlab.projects.values()
    assert known["path_with_namespace"] == "science/flowers/iris"
    assert (known["visibility"], known["default_branch"]) == ("private", "develop")
    assert gitlab.branches(known) == ["develop", "main"]
    assert _git(Path(known["http_url_to_repo"]), "rev-parse", "main") == told["commit"]
    assert gitlab.protected[1] == {
        "main": {"name": "main", "push_access_level": 0, "merge_access_level": 40, "allow_force_push": False},
        "develop": {
            "name": "develop",
            "push_access_level": 0,
            "merge_access_level": 30,
            "allow_force_push": False,
        },
    }
    assert gitlab.tags[1] == [{"name": "*.*.*", "create_access_level": 40}]
    assert told["gitlab"]["url"] == known["web_url"]
    assert told["gitlab"]["protected"] == ["main", "develop", "tags *.*.*"]
    assert not [note for note in told["notes"] if "protect" in note]
    assert _git(Path("iris"), "rev-parse", "--abbrev-ref", "develop@{upstream}") == "origin/develop"
    assert TOKEN not in (Path("iris") / ".git" / "config").read_text()
    assert "DELETE /projects/1/protected_branches/main" in gitlab.calls


def test_a_dry_run_asks_gitlab_and_changes_nothing(jsk, gitlab):
    jsk("new", "iris", "--base", BASE, "--gitlab", gitlab.endpoint, "--dry-run")
    assert {call.split()[0] for call in gitlab.calls} == {"GET"}
    assert os.listdir() == []


def test_a_project_that_exists_a_group_that_does_not_and_a_wrong_token_make_nothing(jsk, gitlab, monkeypatch):
    there = ["new", "iris", "--offline", "--base", BASE, "--gitlab", gitlab.endpoint]
    gitlab.answer("POST", "/projects", {"name": "iris", "path": "iris"})
    assert "exists already" in jsk(*there, code=5)
    assert "find the group nosuch" in jsk(*there, "--group", "nosuch", code=3)
    monkeypatch.setenv("GITLAB_TOKEN", "wrong")
    assert "does not take the token" in jsk(*there, code=6)
    monkeypatch.delenv("GITLAB_TOKEN")
    assert "GITLAB_TOKEN is not set" in jsk(*there, code=2)
    assert os.listdir() == []


def test_a_server_that_does_not_answer_makes_nothing(jsk, monkeypatch):
    pytest.importorskip("gitlab", reason="python-gitlab is not installed: pip install python-gitlab")
    monkeypatch.setenv("GITLAB_TOKEN", TOKEN)
    told = jsk("new", "iris", "--offline", "--base", BASE, "--gitlab", "http://127.0.0.1:9", code=6)
    assert "Nothing was made" in told
    assert os.listdir() == []


def test_a_push_that_fails_keeps_the_repository_and_says_how_to_go_on(jsk, gitlab):
    gitlab.lost_remote = True
    told = jsk("new", "iris", "--offline", "--base", BASE, "--gitlab", gitlab.endpoint, code=6)
    assert "Kept: The repository in" in told
    bare = gitlab.folder / "nowhere.git"
    subprocess.run(["git", "init", "--quiet", "--bare", bare], check=True)
    hint = re.search(r"Next: (git -C .*)", told)
    assert hint
    subprocess.run(hint[1], shell=True, check=True)
    assert _git(bare, "branch", "--format=%(refname:short)").split() == ["develop", "main"]


def test_what_fails_at_the_end_says_what_is_there(jsk, gitlab):
    gitlab.failing = re.compile(r"POST .*/protected_branches")
    told = jsk("new", "iris", "--offline", "--base", BASE, "--gitlab", gitlab.endpoint, code=6)
    assert "could not protect branches and tags" in told
    assert "with both branches" in told


def test_a_token_goes_to_its_own_server_alone(gitlab, monkeypatch):
    from jsk_ci.skeleton.gitlab import GitLab

    server = GitLab("https://gitlab.example.org/")
    assert server._credentials("https://elsewhere.example.org/a/b.git") == {}
    told = server._credentials("https://gitlab.example.org/a/b.git")
    assert told["GIT_CONFIG_KEY_0"] == "http.https://gitlab.example.org/.extraHeader"
    assert making.BRANCHES == ("main", "develop")
