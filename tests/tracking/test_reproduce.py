"""Trials run again from their record: real repositories, real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from jsk_saver.errors import CannotReproduce, RunFailed
from jsk_saver.tracking import reproduce
from jsk_saver.tracking.reproduce import code, record, venvs
from jsk_saver.tracking.reproduce.workspace import Workspace
from tests.tracking.reproducing import SCRIPT, Project


def whats_missing(project: Project, name: str, **options: str) -> list[str]:
    return [piece.what for piece in reproduce.missing(project.experiment, name, **options)]


def test_a_script_is_run_again_at_its_commit_and_gives_the_same(project: Project) -> None:
    project.run("train.py")
    name = project.trial(k=2)
    project.write("helper.py", "factor = 7\n")
    project.commit()
    verdict = project.experiment.reproduce(name)
    assert verdict.ok
    assert [(item.name, item.verdict) for item in verdict.metrics] == [("score", "equal")]
    assert [(item.name, item.verdict) for item in verdict.objects] == [("out.json", "identical")]
    assert verdict.trial == f"demo/{name}"
    assert "whose packages are those recorded" in verdict.environment
    assert (project.root / "helper.py").read_text() == "factor = 7\n"
    assert project.leftovers() == []


def test_all_trials_of_the_program_are_linked_to_those_they_are_like(project: Project) -> None:
    project.run("train.py")
    old = {known.params["k"]: known.name for known in project.experiment.trials()}
    verdict = project.experiment.reproduce(old[1])
    new = [known for known in project.experiment.trials() if known.name not in old.values()]
    assert {known.params["k"]: known.links["reproduces"] for known in new} == {
        k: f"demo/{name}" for k, name in old.items()
    }
    (other,) = verdict.others
    assert verdict.new.endswith(next(known.name for known in new if known.params["k"] == 1))
    assert project.experiment[other].params == {"k": 2}


def test_uncommitted_changes_and_untracked_modules_come_back(project: Project) -> None:
    commit = project.git("rev-parse", "HEAD")
    project.write("helper.py", "from extra.more import five as factor\n")
    project.write("extra/more.py", "five = 5  # no newline at the end")
    (project.root / "logo.bin").write_bytes(bytes(range(256)))
    project.run("train.py")
    name = project.trial(k=1)
    assert project.experiment[name].metrics["score"].last >= 30
    project.git("checkout", "-q", "--", ".")
    project.git("clean", "-qfd")
    verdict = project.experiment.reproduce(name)
    assert verdict.ok
    new = project.experiment[verdict.new.partition("/")[2]].environment
    old = project.experiment[name].environment
    assert (new["commit"], new["dirty"]) == (commit, old["dirty"])
    assert project.git("status", "--porcelain") == ""


def test_inputs_are_those_that_were_read_though_newer_versions_were_put(project: Project) -> None:
    project.run("train.py")
    name = project.trial(k=1)
    project.saver.put("raw.json", [100])
    verdict = project.experiment.reproduce(name)
    assert verdict.ok
    (was,) = project.experiment[name].inputs
    (now,) = project.experiment[verdict.new.partition("/")[2]].inputs
    assert now["version"] == was["version"]


def test_what_was_read_before_the_trial_by_number_and_by_search_is_pinned_too(project: Project) -> None:
    project.saver.put("labels.json", "old", metadata={"kind": "draft"})
    project.write(
        "before.py",
        "from jsk_saver import Saver\n"
        "from jsk_saver.tracking import Experiment\n"
        "saver = Saver()\n"
        "rows = saver.get('raw.json', version=-1)\n"
        "labels = saver.get('labels.json', search_pattern={'kind': 'draft'})\n"
        "saver.put('own.json', rows)\n"
        "own = saver.get('own.json')\n"
        "with Experiment('demo', saver=saver).trial() as trial:\n"
        "    trial.log_metrics({'rows': sum(rows) + sum(own), 'label': len(labels)})\n"
        "    trial.put('both.json', [rows, labels, saver.get('own.json')])\n",
    )
    project.commit()
    project.run("before.py")
    (name,) = [known.name for known in project.experiment.trials()]
    project.saver.put("raw.json", [100])
    project.saver.put("own.json", [100])
    project.saver.put("labels.json", "newer", metadata={"kind": "draft"})
    verdict = project.experiment.reproduce(name)
    assert verdict.ok, verdict


def test_a_metric_that_differs_is_named_with_by_how_much_and_a_tolerance_allows_it(project: Project) -> None:
    project.write(
        "train.py", SCRIPT.replace("random.random()", "float(open('/dev/urandom','rb').read(1)[0]) / 1e9")
    )
    project.commit()
    project.run("train.py")
    name = project.trial(k=1)
    strict = project.experiment.reproduce(name)
    (metric,) = strict.metrics
    assert (strict.ok, metric.verdict) == (False, "different")
    assert 0 < (metric.difference or 0) < 1e-6
    assert "Not reproduced: 0 of 1 metrics equal" in repr(strict)
    loose = project.experiment.reproduce(name, tolerance=1e-6)
    assert (loose.ok, loose.metrics[0].verdict) == (True, "within tolerance")


def test_an_object_that_is_not_identical_is_named(project: Project) -> None:
    project.write("train.py", SCRIPT.replace('"k": k}', '"k": k, "at": __import__("time").time()}'))
    project.commit()
    project.run("train.py")
    verdict = project.experiment.reproduce(project.trial(k=1))
    assert not verdict.ok
    assert [item.verdict for item in verdict.metrics] == ["equal"]
    assert [item.verdict for item in verdict.objects] == ["not identical"]


def test_missing_pieces_are_named_one_by_one_before_anything_runs(project: Project) -> None:
    project.write("helper.py", "factor = 2\n")
    project.run("train.py")
    name = project.trial(k=1)
    shared = project.home / "journal" / "demo" / ".code"
    for path in [*shared.glob("*.patch"), *shared.glob("*.txt")]:
        path.unlink()
    project.saver.purge("raw.json", yes=True)
    shutil.rmtree(project.root / ".git")
    before = len(project.experiment.trials())
    with pytest.raises(CannotReproduce) as caught:
        project.experiment.reproduce(name)
    said = caught.value.what
    for piece in ("The commit", "uncommitted changes", "raw.json in version", "list of packages"):
        assert piece in said
    assert said.count("\n  - ") == 4
    assert len(project.experiment.trials()) == before
    done = project.jsk("reproduce", f"demo/{name}", "--check", "--json")
    assert (done.returncode, len(json.loads(done.stdout))) == (3, 4)


def test_a_large_untracked_file_is_taken_from_where_it_is_or_named(project: Project) -> None:
    large = project.write("large.txt", "x" * (2**20 + 1))
    project.write("helper.py", "factor = len(open('large.txt').read())\n")
    project.run("train.py")
    name = project.trial(k=1)
    assert project.experiment.reproduce(name).ok
    large.write_text("changed")
    (piece,) = whats_missing(project, name)
    assert "large.txt (1.0 MB) was too large to be kept" in piece


def test_a_run_that_fails_says_its_last_lines_and_leaves_nothing_behind(project: Project) -> None:
    project.write("train.py", "import os\nassert not os.environ.get('JSK_REPRODUCE'), 'once only'\n" + SCRIPT)
    project.commit()
    project.run("train.py")
    with pytest.raises(RunFailed, match="once only"):
        project.experiment.reproduce(project.trial(k=1))
    assert project.leftovers() == []


def test_a_program_that_chooses_other_parameters_is_told(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("train.py", SCRIPT.replace("(1, 2)", "[int(__import__('os').environ['K'])]"))
    project.commit()
    project.run("train.py", K="9")
    monkeypatch.setenv("K", "8")
    with pytest.raises(RunFailed, match=r"no trial with the parameters \{'k': 9\}") as caught:
        project.experiment.reproduce(project.trial(k=9))
    assert "{'k': 8}" in caught.value.what


def test_arguments_and_names_given_by_the_user_are_kept_apart_from_the_old_trial(project: Project) -> None:
    text = SCRIPT.replace("(1, 2)", "[int(__import__('sys').argv[1])]").replace(
        "trial(k=k", "trial('best', k=k"
    )
    project.write("train.py", text)
    project.commit()
    project.run("train.py", "4")
    verdict = project.experiment.reproduce("best")
    assert verdict.ok
    assert verdict.new.startswith("demo/best-r")
    assert project.experiment["best"].metrics["score"].count == 3
    assert project.experiment[verdict.new.partition("/")[2]].links["reproduces"] == "demo/best"


def test_a_module_run_with_dash_m_in_a_folder_is_run_so_again(project: Project) -> None:
    project.write("src/pack/__init__.py", "")
    project.write("src/pack/helper.py", "factor = 2\n")
    project.write("src/pack/train.py", SCRIPT.replace("from helper", "from .helper"))
    project.commit()
    source = project.environment()["PYTHONPATH"]
    project.run("-m", "pack.train", PYTHONPATH=f"{project.root}/src{os.pathsep}{source}")
    name = project.trial(k=1)
    project.write("src/pack/helper.py", "factor = 100\n")
    assert project.experiment.reproduce(name).ok


def test_a_script_that_a_notebook_started_is_run_again_and_not_the_notebook(project: Project) -> None:
    project.run("train.py", JSK_NOTEBOOK=str(project.home.parent / "elsewhere.ipynb"))
    assert project.experiment.reproduce(project.trial(k=1)).ok


# Notebooks ------------------------------------------------------------------------------------------


def notebook(project: Project, *cells: tuple[str, ...]) -> Path:
    import nbformat

    book = nbformat.v4.new_notebook()
    for source, *tags in cells:
        book.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": tags}))
    path = project.root / "book.ipynb"
    nbformat.write(book, path)
    return path


def execute(project: Project, path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jsk_saver.tracking.reproduce.notebooks", path, sys.executable, path],
        cwd=project.root,
        env=project.environment() | {"JSK_NOTEBOOK": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_notebook_is_run_again_with_its_parameters(project: Project) -> None:
    pytest.importorskip("nbclient")
    body = SCRIPT.replace("(1, 2)", "[k]").replace("from helper", "import random\nfrom helper")
    path = notebook(project, ("k = 6", "parameters"), (body,))
    project.commit()
    execute(project, path)
    name = project.trial(k=6)
    notebook(project, ("k = 1", "parameters"), ("raise SystemError('edited since')",))
    project.saver.put("raw.json", [100])
    verdict = project.experiment.reproduce(name, keep=project.home / "kept")
    assert verdict.ok
    executed = json.loads((project.home / "kept" / "executed.ipynb").read_text())
    assert ["injected-parameters"] in [cell["metadata"].get("tags") for cell in executed["cells"]]
    assert project.leftovers() == []


def test_a_cell_that_fails_is_told(project: Project) -> None:
    pytest.importorskip("nbclient")
    guard = "import os\nif os.environ.get('JSK_REPRODUCE'): raise KeyError('no luck')"
    path = notebook(project, (SCRIPT,), (guard,))
    project.commit()
    execute(project, path)
    with pytest.raises(RunFailed, match="no luck"):
        project.experiment.reproduce(project.trial(k=1))


# The command ----------------------------------------------------------------------------------------


def test_the_command_prints_the_verdict_and_exits_by_it(project: Project) -> None:
    project.run("train.py")
    name = project.trial(k=1)
    done = project.jsk("reproduce", f"demo/{name}")
    assert done.returncode == 0, done.stderr
    assert "Reproduced: 1 of 1 metrics equal, 1 of 1 objects identical." in done.stdout
    answer = json.loads(project.jsk("reproduce", f"demo/{name}", "--json").stdout)
    assert (answer["ok"], answer["metrics"][0]["verdict"]) == (True, "equal")
    assert project.jsk("reproduce", "demo/nothing").returncode == 3
    assert project.jsk("reproduce", "nowhere/nothing").returncode == 3
    assert project.jsk("reproduce", "demo").returncode == 2
    assert not (project.home / "journal" / "nowhere").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_reproduction_that_is_ended_leaves_nothing_behind(project: Project, number: int) -> None:
    project.write(
        "train.py", SCRIPT + "import os, time\nwhile os.environ.get('JSK_REPRODUCE'): time.sleep(0.1)\n"
    )
    project.commit()
    project.run("train.py")
    name = project.trial(k=1)
    process = subprocess.Popen(
        [sys.executable, "-m", "jsk_saver.cli", "reproduce", f"demo/{name}"],
        cwd=project.root,
        env=project.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len([known for known in project.experiment.trials() if known.status == "completed"]) < 4:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    process.wait()
    if number == signal.SIGKILL:  # what runs on ends first; the next reproduction removes the rest
        newest = project.experiment.trials()[-1]
        os.kill(_pid(project, newest.name), signal.SIGKILL)
        time.sleep(0.2)
        with Workspace.of(project.experiment):
            pass
    assert project.leftovers() == []


def _pid(project: Project, name: str) -> int:
    events = next((project.home / "journal" / "demo" / name).glob("*.events")).read_text()
    return int(json.loads(events.splitlines()[0])["pid"])


# Environments ---------------------------------------------------------------------------------------


def test_packages_that_differ_are_told_where_this_environment_is_asked_for(project: Project) -> None:
    project.run("train.py")
    name = project.trial(k=1)
    (listed,) = (project.home / "journal" / "demo" / ".code").glob("*.txt")
    listed.write_text(listed.read_text() + "not-on-any-index==9.9\n")
    told: list[str] = []
    verdict = reproduce.reproduce(project.experiment, name, environment="here", tell=told.append)
    assert verdict.ok
    assert "This environment is not the recorded one: not-on-any-index missing instead of 9.9." in told
    assert verdict.environment == "this one"


def test_an_image_that_is_not_there_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project.run("train.py", JSK_KERNEL_IMAGE="registry.example.org/base@sha256:0")
    engine = tmp_path / "bin" / "docker"
    engine.parent.mkdir()
    engine.write_text("#!/bin/sh\necho 'no such image' >&2; exit 1\n")
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", f"{engine.parent}{os.pathsep}{os.environ['PATH']}")
    (piece,) = whats_missing(project, project.trial(k=1))
    assert "registry.example.org/base@sha256:0 is not here, and cannot be pulled: no such image" in piece


def test_a_recorded_image_is_run_by_the_engine(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The engine here is a stand-in that runs what it is given on this machine."""
    project.run("train.py", JSK_KERNEL_IMAGE="base:1")
    engine = tmp_path / "bin" / "docker"
    engine.parent.mkdir()
    engine.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        "from pathlib import Path\n"
        f"Path({str(tmp_path / 'calls')!r}).open('a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        "if sys.argv[1] != 'run': sys.exit()\n"
        "words = sys.argv[2:]\n"
        "env = dict(w[6:].split('=', 1) for w in words if w.startswith('--env=') and '=' in w[6:])\n"
        f"source = {project.environment()['PYTHONPATH']!r}\n"
        "env['PYTHONPATH'] = env['PYTHONPATH'].replace('/opt/jsk-kit', source)\n"
        "os.chdir(next(w[10:] for w in words if w.startswith('--workdir=')))\n"
        "command = words[words.index('base:1') + 1:]\n"
        f"os.execvpe({sys.executable!r}, command, {{**env, 'PATH': os.environ['PATH']}})\n"
    )
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", f"{engine.parent}{os.pathsep}{os.environ['PATH']}")
    verdict = project.experiment.reproduce(project.trial(k=1))
    assert verdict.ok
    assert verdict.environment == "the kernel image base:1"
    calls = (tmp_path / "calls").read_text()
    assert "image inspect base:1" in calls
    assert f"--volume={project.home}" in calls


@pytest.mark.slow
def test_a_virtual_environment_has_the_recorded_packages_and_is_used_again(
    project: Project, tmp_path: Path
) -> None:
    wheel = _wheel(tmp_path)
    project.run("train.py")
    name = project.trial(k=1)
    folder = project.home / "reproduce" / "environments"
    needed = _needed(record.load(project.experiment, name))
    told: list[str] = []
    os.environ["PIP_FIND_LINKS"] = str(wheel.parent)
    try:
        first = venvs.make(folder, sys.executable, (*needed, "jsk-sample==1.0"), _version(), told.append)
        again = venvs.make(folder, sys.executable, (*needed, "jsk-sample==1.0"), _version(), told.append)
        with pytest.raises(CannotReproduce) as caught:
            venvs.make(
                folder, sys.executable, ("jsk-sample==2.0", "jsk-none-such==1"), _version(), told.append
            )
    finally:
        del os.environ["PIP_FIND_LINKS"]
    assert (first.reused, again.reused) == (False, True)
    code = "import jsk_sample, jsk_saver, json; print(jsk_sample.answer, jsk_saver.Saver)"
    done = subprocess.run(
        [first.python, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.stdout.startswith("42"), done.stderr
    assert "- jsk-sample==2.0" in caught.value.what
    assert "- jsk-none-such==1" in caught.value.what
    (listed,) = (project.home / "journal" / "demo" / ".code").glob("*.txt")
    listed.write_text("".join(f"{line}\n" for line in (*needed, "jsk-sample==1.0")))
    verdict = project.experiment.reproduce(name, environment="venv")
    assert verdict.ok
    assert "(used again)" in verdict.environment


def _version() -> str:
    return sys.version.split()[0]


def _needed(wanted: record.Wanted) -> list[str]:
    """Return what the script needs of the recorded packages: nothing that takes long to install."""
    lines = (wanted.kept("packages") or Path()).read_text().split()
    return [line for line in lines if line.partition("==")[0] in ("pyyaml",)]


def _wheel(folder: Path) -> Path:
    import zipfile

    wheel = folder / "wheels" / "jsk_sample-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    info = "jsk_sample-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("jsk_sample.py", "answer = 42\n")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: jsk-sample\nVersion: 1.0\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(
            f"{info}/RECORD", f"jsk_sample.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )
    return wheel


@pytest.mark.parametrize("path", ["../victim.py", "a/../../victim.py", "/victim.py"])
def test_a_record_that_names_a_place_outside_its_repository_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "code").mkdir()
    with pytest.raises(CannotReproduce, match="outside of its repository"):
        code._below(SimpleNamespace(code=tmp_path / "code"), Path(path))
    assert code._below(SimpleNamespace(code=tmp_path / "code"), Path("a/b.py")) == tmp_path / "code/a/b.py"
