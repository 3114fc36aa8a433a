"""``%kernel`` in a real kernel, with the real Poetry and pip, and a package index on loopback."""

from __future__ import annotations

import os
import re
import signal
import tomllib

import pytest

from jsk_ci import lockfile
from tests.ci import kernel_projects
from tests.ci.kernel_projects import KernelProject, wait_for
from tests.ci.package_index import PackageIndex

pytest.importorskip("poetry", reason="poetry is not installed: pip install poetry")


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    with PackageIndex(tmp_path_factory.mktemp("index")) as running:
        running.add("tables", "1.0")
        running.add("tables", "1.5", ["columns>=2"])
        running.add("columns", "2.0")
        running.add("columns", "2.1")
        running.add("charts", "0.9", ["columns<2.1"])
        running.add("stubborn", "1.0", ["columns>=3"])
        yield running


@pytest.fixture
def project(tmp_path, index, monkeypatch):
    kernel_projects.set_up(monkeypatch, tmp_path, index)
    made = KernelProject(tmp_path, index)
    made.commit()
    return made


def test_add_changes_project_lock_and_kernel_and_prepares_the_commit(project):
    (project.folder / "other.txt").write_text("mine")
    project.git("add", "other.txt")
    shown, version = project.run('%kernel add "tables>=1"', "import tables; print(tables.__version__)")
    assert version.strip() == "1.5"
    content = tomllib.loads(project.pyproject.read_text())
    assert content["project"]["dependencies"] == ["tables (>=1)"]
    lock = lockfile.read(project.lock)
    lockfile.check_fresh(lock, content, "")
    assert {package.name: package.version for package in lock.packages} == {"columns": "2.1", "tables": "1.5"}
    assert project.installed() == {"columns": "2.1", "tables": "1.5"}
    assert "Restart" not in shown
    line = next(line for line in shown.splitlines() if line.startswith("!git"))
    assert project.git("log", "--format=%s") == "state"  # nothing is committed unasked
    project.run(line)
    assert project.git("log", "-1", "--format=%s") == "Add tables>=1"
    committed = project.git("show", "--name-only", "--format=", "HEAD").split()
    assert committed == ["poetry.lock", "pyproject.toml"]
    assert project.git("diff", "--cached", "--name-only") == "other.txt"
    assert project.litter() == []


def test_only_what_differs_is_installed_and_an_imported_module_asks_for_a_restart(project):
    project.run("%kernel add columns==2.0")
    shown, _ = project.run("import columns\n%kernel add charts", "pass")
    assert project.installed() == {"columns": "2.0", "charts": "0.9"}
    assert "Restart" not in shown
    (shown,) = project.run("import columns\n%kernel remove charts\n%kernel add columns==2.1")
    assert "Restart the kernel: columns was imported before" in shown
    assert project.installed() == {"columns": "2.1"}


def test_remove_takes_what_nothing_else_needs(project):
    project.run("%kernel add tables charts")
    assert project.installed() == {"charts": "0.9", "columns": "2.0", "tables": "1.5"}
    (shown,) = project.run("%kernel remove tables")
    assert project.installed() == {"charts": "0.9", "columns": "2.0"}
    assert "1.5 removed" in shown
    assert project.git("diff", "--cached", "--name-only").split() == ["poetry.lock", "pyproject.toml"]
    project.run("%kernel remove charts")
    assert project.installed() == {}
    assert lockfile.read(project.lock).packages == ()


def test_what_another_package_in_the_kernel_needs_stays_and_it_is_said(project):
    project.run("%kernel add tables", '%pip install --quiet "charts==0.9"')
    assert project.installed()["columns"] == "2.0"
    (shown,) = project.run("%kernel remove tables")
    assert "columns stays installed: charts needs it" in shown
    assert project.installed() == {"charts": "0.9", "columns": "2.0"}


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        ("nosuch", "Could not find a matching version of package nosuch"),
        ("stubborn", "stubborn"),
        ("tables>=9", "tables"),
        ("charts>=0.9 tables<1", "tables"),
    ],
)
def test_what_cannot_be_had_changes_nothing(project, requirement, said):
    project.run("%kernel add columns==2.0")
    before, had = project.files(), project.installed()
    (shown,) = project.run(f"%kernel add {requirement}", errors=True)
    assert said in shown
    assert "Kept: pyproject.toml and poetry.lock as they were" in shown
    assert project.files() == before
    assert project.installed() == had
    assert project.litter() == []


def test_without_a_network_nothing_changes(project):
    project.poetry_lock()
    project.pyproject.write_text(
        project.pyproject.read_text().replace(project.index.url, "http://127.0.0.1:9/")
    )
    before = project.files()
    (shown,) = project.run("%kernel add tables", errors=True)
    assert "LockError" in shown
    assert "All attempts to connect" in shown
    assert project.files() == before


def test_a_file_that_is_not_what_was_locked_is_not_installed(project):
    (shown,) = project.run(
        "from jsk_ci.editing import environment\n"
        "from jsk_ci.lockfile import Package\n"
        "package = Package('columns', '2.1', ('sha256:' + 64 * '0',), {}, {})\n"
        "environment.install({'columns': package}, kept='Both files.')",
        errors=True,
    )
    assert "BuildFailed" in shown
    assert "DO NOT MATCH THE HASHES" in shown
    assert "Kept: Both files." in shown
    assert project.installed() == {}


def test_in_an_environment_of_somebody_else_packages_go_beside_it_and_are_found_again(project, own_home):
    """As in Studio, where the environment is part of the image and root's; root may write everywhere."""
    locked = "import os; os.access = lambda place, mode, real=os.access: 'env/lib' not in str(place)\n"
    told, version, removed = project.run(
        f"{locked}%kernel add tables",
        "import tables; print(tables.__version__, tables.__file__)",
        "%kernel remove tables",
    )
    assert "1.5 installed" in told
    assert version.startswith("1.5 ")
    assert str(own_home) in version
    assert "1.5 removed" in removed
    assert project.installed() == {}
    project.run(f"{locked}%kernel add tables")
    _, again = project.run(f"{locked}%reload_ext jsk_saver", "import tables; print(tables.__version__)")
    assert again.strip() == "1.5"


def test_a_dry_run_tells_and_does_nothing(project):
    before = project.files()
    (shown,) = project.run("%kernel add --dry-run tables")
    assert "what would change (nothing was done)" in shown
    assert "1.5 installed" in shown
    assert project.files() == before
    assert project.installed() == {}


def test_killed_in_the_middle_nothing_has_changed_and_the_next_one_cleans_up(project, tmp_path, monkeypatch):
    project.run("%kernel add columns==2.0")
    before, had = project.files(), project.installed()
    slow = tmp_path / "bin" / "poetry"
    slow.parent.mkdir()
    real = next(p for p in os.environ["PATH"].split(os.pathsep) if os.access(f"{p}/poetry", os.X_OK))
    slow.write_text(f'#!/bin/sh\n{real}/poetry "$@" || exit\ntouch {tmp_path}/done\nexec sleep 600\n')
    slow.chmod(0o755)
    child = (
        "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid()))\n"
        "from jsk_saver.notebook.kernel_magic import kernel_magic; kernel_magic('add tables')"
    )
    pid_file = tmp_path / "pid"
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
        process = kernel_projects.start(project, child, pid_file)
        wait_for((tmp_path / "done").exists, "Poetry's answer")
        assert len(project.litter()) == 1
        process.send_signal(signal.SIGKILL)
        process.wait()
    kernel_projects.end_group(process)
    assert project.files() == before
    assert project.installed() == had
    project.run("%kernel status")
    assert project.litter() == []


@pytest.mark.parametrize("replaced", [0, 1, 2])
def test_killed_while_files_are_put_into_place_both_are_as_before(project, replaced):
    project.run("%kernel add columns==2.0")
    before = project.files()
    child = (
        "import os, signal\n"
        "from jsk_ci.editing import staging\n"
        "real, count = staging._replace, [0]\n"
        "def killed(*given):\n"
        f"    if count[0] == {replaced}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    count[0] += 1\n"
        "    real(*given)\n"
        "    if count[0] == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "staging._replace = killed\n"
        "from jsk_saver.notebook.kernel_magic import kernel_magic; kernel_magic('add tables')"
    )
    process = kernel_projects.start(project, child)
    assert process.wait() == -signal.SIGKILL
    project.run("%kernel status")
    assert project.files() == before
    assert project.litter() == []


def test_an_interrupted_cell_changes_nothing(project, tmp_path, monkeypatch):
    slow = tmp_path / "bin" / "poetry"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexec sleep 600\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    before = project.files()
    child = "from jsk_saver.notebook.kernel_magic import kernel_magic; kernel_magic('add tables')"
    process = kernel_projects.start(project, child)
    wait_for((tmp_path / "started").exists, "Poetry's start")
    process.send_signal(signal.SIGINT)
    assert process.wait() != 0
    assert project.files() == before
    assert project.litter() == []


def test_edits_made_meanwhile_are_not_overwritten(project, tmp_path, monkeypatch):
    real = next(p for p in os.environ["PATH"].split(os.pathsep) if os.access(f"{p}/poetry", os.X_OK))
    busy = tmp_path / "bin" / "poetry"
    busy.parent.mkdir()
    busy.write_text(f'#!/bin/sh\necho "# mine" >> {project.pyproject}\nexec {real}/poetry "$@"\n')
    busy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{busy.parent}{os.pathsep}{os.environ['PATH']}")
    (shown,) = project.run("%kernel add tables", errors=True)
    assert "was changed by somebody else meanwhile" in shown
    assert project.pyproject.read_text().endswith("# mine\n")
    assert not project.lock.exists()


def test_status_outside_an_image_compares_with_what_is_installed(project):
    project.run("%kernel add tables", "%pip uninstall --quiet --yes columns")
    shown, after = project.run("%kernel", "%kernel install\n%kernel status")
    assert "none: an ordinary environment" in shown
    assert "1 locked package is not in this kernel as locked" in shown
    assert "columns" in shown
    assert "missing" in shown
    assert project.installed() == {"columns": "2.1", "tables": "1.5"}
    assert "This kernel has all that the lock has." in after


def test_status_in_an_image_tells_what_the_image_lacks(project, tmp_path, monkeypatch):
    project.run("%kernel add tables charts")
    (tmp_path / "packages.txt").write_text("columns==1.0\ncharts==0.9\npip==24.0\n")
    monkeypatch.setenv("JSK_KERNEL_PACKAGES", str(tmp_path / "packages.txt"))
    monkeypatch.setenv("JSK_KERNEL_IMAGE", f"registry.example.org/kernels/churn@sha256:{'a' * 64}")
    monkeypatch.setenv("JSK_KERNEL_FINGERPRINT", "b" * 64)
    cell = "from IPython import get_ipython\ns = get_ipython().run_line_magic('kernel', 'status')\n"
    told, html = project.run(
        f"{cell}print(s)\nimport json\nprint(json.dumps(s.to_dict()))", f"{cell}print(s._repr_html_())"
    )
    assert "2 locked packages are not in the image as locked" in told
    assert "fits pyproject.toml, 3 packages" in told
    assert '"what": "older"' in told
    assert '"what": "missing"' in told
    assert "Not in the lock: 1 more in the image" in told
    assert html.count("<table") == 2
    assert "registry.example.org" in html


def test_what_is_not_asked_for_cannot_be_removed_and_no_other_package_is_proposed(project):
    project.run("%kernel add tables charts")
    far, near, dry = project.run(
        "%kernel remove polars", "%kernel remove table", "%kernel add charts --dry-run", errors=True
    )
    assert "does not ask for polars; it asks for charts, tables." in far
    assert "Next: %kernel status" in far
    assert "Next: %kernel remove tables" in near
    assert "nothing would change" in dry
    assert project.installed() == {"charts": "0.9", "columns": "2.0", "tables": "1.5"}


def test_in_a_notebook_what_is_to_be_typed_stands_out_as_it_is_typed(project):
    done = project.client("%kernel add charts", "%kernel remove charts", "%kernel status").execute()
    added, _, status = (cell.outputs[-1].data["text/html"] for cell in done.cells[1:])
    command = re.search(r'<div style="([^"]*)">!git -C .. commit -m &#x27;Add charts&#x27; --', added)
    assert command
    assert "user-select:all" in command[1]
    assert "opacity" not in command[1]
    assert "has all that the lock has" in status


def test_a_lock_that_is_out_of_date_is_told(project):
    project.run("%kernel add columns")
    text = project.pyproject.read_text()
    project.pyproject.write_text(text.replace('"columns (', '"charts", "columns ('))
    (shown,) = project.run("%kernel status")
    assert "out of date" in shown
    assert "poetry lock" in shown


def test_path_dependencies_stay_where_they_are(project, tmp_path):
    for place in (project.folder / "lib", tmp_path / "beside"):
        place.mkdir()
        (place / "pyproject.toml").write_text(
            f'[project]\nname = "{place.name}"\nversion = "1"\n'
            '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
        )
    text = project.pyproject.read_text()
    text = text.replace("dependencies = []", 'dependencies = ["lib", "beside"]')
    project.pyproject.write_text(
        text + '\n[tool.poetry.dependencies]\nlib = {path = "lib"}\nbeside = {path = "../beside"}\n'
    )
    project.poetry_lock()
    (shown,) = project.run("%kernel add columns")
    urls = [package.source.get("url") for package in lockfile.read(project.lock).packages if package.is_path]
    assert sorted(urls) == ["../beside", "lib"]
    lockfile.check_fresh(lockfile.read(project.lock), tomllib.loads(project.pyproject.read_text()), "")
    assert "2.1 installed" in shown


@pytest.mark.skipif(os.path.exists("/opt/poetry"), reason="this machine has /opt/poetry")  # noqa: PTH110
def test_without_poetry_it_says_how_to_get_it(project, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    (shown,) = project.run("%kernel add tables", errors=True)
    assert "pipx install poetry" in shown


def test_in_no_project_it_says_so(project, tmp_path):
    (shown,) = project.run(f"%cd -q {tmp_path}\n%kernel", errors=True)
    assert "is in no project" in shown


@pytest.mark.parametrize("line", ["lok", "add", "remove", "status x", "add --nope x", "add --group= x"])
def test_a_line_that_means_nothing_says_what_to_type(line):
    from jsk_saver.errors import QueryError
    from jsk_saver.notebook.kernel_magic import kernel_magic

    with pytest.raises(QueryError) as caught:
        kernel_magic(line)
    assert caught.value.hint.startswith("%kernel ")


def test_verbs_and_what_can_be_removed_are_completed(project, monkeypatch):
    text = project.pyproject.read_text()
    project.pyproject.write_text(text.replace("dependencies = []", 'dependencies = ["tables>=1", "charts"]'))
    cell = (
        "from IPython.core.completer import provisionalcompleter\n"
        "def offered(line):\n"
        "    with provisionalcompleter():\n"
        "        completer = get_ipython().Completer\n"
        "        return [found.text for found in completer.completions(line, len(line))]\n"
        "print([offered(f'%kernel {typed}') for typed in ('', 're', 'remove ', 'remove ta')])"
    )
    (shown,) = project.run(cell)
    assert shown.strip() == (
        "[['add', 'install', 'remove', 'status'], ['remove'], ['charts', 'tables'], ['tables']]"
    )
