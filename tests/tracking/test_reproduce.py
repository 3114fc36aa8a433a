"""Trials run again from their record: real repositories, real processes."""

from __future__ import annotations

import hashlib
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

from jsk_saver import Saver
from jsk_saver.errors import CannotReproduce, RunFailed
from jsk_saver.tracking import Experiment, reproduce
from jsk_saver.tracking.journal import layout
from jsk_saver.tracking.reproduce import code, environments, notebooks, record, venvs
from jsk_saver.tracking.reproduce.workspace import Workspace
from jsk_saver.tracking.sinks import shipping
from jsk_saver.tracking.sinks.store import StoreSink
from tests.tracking.reproducing import SCRIPT, Project


def whats_missing(project: Project, name: str, **options: str) -> list[str]:
    return [piece.what for piece in reproduce.missing(project.experiment, name, **options)]


def record_packages(project: Project, name: str, text: str) -> None:
    """Have a trial's record name other packages."""
    old = record.load(project.experiment, name).kept("packages")
    assert old is not None
    new = old.with_name(f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.txt")
    new.write_text(text)
    for path in layout.writers(project.experiment.folder / name):
        path.write_bytes(path.read_bytes().replace(old.name.encode(), new.name.encode()))


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


def test_of_the_programs_trials_only_the_one_asked_for_is_kept_and_linked(
    project: Project, tmp_path: Path
) -> None:
    project.run("train.py")
    old = {known.params["k"]: known.name for known in project.experiment.trials()}
    for k in (1, 2):
        verdict = project.experiment.reproduce(old[k], keep=tmp_path / f"kept-{k}")
        before, *_, new = project.experiment.trials()
        assert (verdict.new, new.params) == (f"demo/{new.name}", {"k": k})
        assert new.links["reproduces"] == f"demo/{old[k]}"
        (other,) = verdict.others
        assert "One other trial of the program ran beside it; not kept." in repr(verdict)
        assert (Path(verdict.folder) / "journal" / "demo" / other).is_dir()
        assert project.experiment.trials()[0].name == before.name == old[1]
    assert len(project.experiment.trials()) == 4


def test_a_program_sees_the_trials_of_before_it_and_its_experiment_is_left_as_it_is(project: Project) -> None:
    project.write(
        "best.py",
        "from jsk_saver import Saver\n"
        "from jsk_saver.tracking import Experiment\n"
        "experiment = Experiment('demo', 'as it was', goals={'score': 'max'}, saver=Saver())\n"
        "best = experiment.best('score')\n"
        "with experiment.trial('summary') as trial:\n"
        "    trial.log_metrics({'best': best.metrics['score'].max, 'trials': len(experiment.trials())})\n",
    )
    project.commit()
    project.run("train.py")
    project.run("best.py")
    Experiment("demo", "as it is now", goals={"score": "min"}, saver=project.saver)
    project.run("train.py")
    verdict = project.experiment.reproduce("summary")
    assert verdict.ok, verdict
    assert [(item.name, item.new) for item in verdict.metrics if item.name == "trials"] == [("trials", 3.0)]
    assert project.experiment.description == "as it is now"
    assert project.experiment.goals == {"score": "min"}
    assert len(project.experiment.trials()) == 6


def test_trials_nested_in_the_one_asked_for_are_kept_with_it(project: Project) -> None:
    project.write(
        "nested.py",
        "from jsk_saver import Saver\n"
        "from jsk_saver.tracking import Experiment\n"
        "experiment = Experiment('demo', saver=Saver())\n"
        "for k in (1, 2):\n"
        "    with experiment.trial(k=k) as trial:\n"
        "        trial.log_metric('score', k)\n"
        "        for fold in (1, 2):\n"
        "            with experiment.trial(fold=fold, k=k) as nested:\n"
        "                nested.log_metric('score', fold)\n",
    )
    project.commit()
    project.run("nested.py")
    before = {known.name for known in project.experiment.trials()}
    verdict = project.experiment.reproduce(project.trial(k=2))
    new = [known for known in project.experiment.trials() if known.name not in before]
    outer = verdict.new.partition("/")[2]
    assert [(known.params, known.parent) for known in new] == [
        ({"k": 2}, ""),
        ({"fold": 1, "k": 2}, outer),
        ({"fold": 2, "k": 2}, outer),
    ]
    assert len(verdict.others) == 3
    assert all(known.links["reproduces"].removeprefix("demo/") in before for known in new)


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
    with pytest.raises(RunFailed, match="once only") as caught:
        project.experiment.reproduce(project.trial(k=1))
    assert caught.value.kept == "The trial, as it was; the run had not come to the new one."
    assert len(project.experiment.trials()) == 2
    assert project.leftovers() == []


def test_a_trial_that_fails_in_the_run_is_kept_as_far_as_it_came(project: Project) -> None:
    failing = '        trial.put("out.json"'
    stop = "        assert k == 1 or not __import__('os').environ.get('JSK_REPRODUCE'), 'not again'\n"
    project.write("train.py", SCRIPT.replace(failing, stop + failing))
    assert stop in (project.root / "train.py").read_text()
    project.commit()
    project.run("train.py")
    with pytest.raises(RunFailed, match="not again") as caught:
        project.experiment.reproduce(project.trial(k=2))
    *_, new = project.experiment.trials()
    assert caught.value.kept == f"The new trial as far as it came: demo/{new.name}"
    assert (new.status, new.params, new.reproduces) == ("failed", {"k": 2}, f"demo/{project.trial(k=2)}")
    assert len(project.experiment.trials()) == 3


def test_a_sink_gets_the_trial_that_is_kept_marked_and_none_of_the_others(project: Project) -> None:
    project.write("train.py", SCRIPT.replace("saver=saver)", 'saver=saver, sinks=["store"])'))
    project.commit()
    project.run("train.py")
    verdict = project.experiment.reproduce(project.trial(k=1))
    deadline = time.monotonic() + 60
    journal = project.home / "journal"
    while list((journal / ".unsent").glob("*")):
        assert time.monotonic() < deadline, "the courier did not come to an end"
        time.sleep(0.1)
    other = Experiment("demo", saver=Saver(project.saver.store.uri, home=project.home.parent / "other"))
    other.pull()
    assert [known.reproduces for known in other.trials()] == ["", "", verdict.trial]
    assert verdict.others[0] not in {known.name for known in other.trials()}


def test_pulling_an_image_is_said_before_it_starts(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project.run("train.py", JSK_KERNEL_IMAGE="base:1")
    engine = tmp_path / "bin" / "docker"
    engine.parent.mkdir()
    engine.write_text(
        "#!/bin/sh\n[ $1 = version ] && exit\n[ $1 = pull ] && echo 'no such image' >&2\nexit 1\n"
    )
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", f"{engine.parent}{os.pathsep}{os.environ['PATH']}")
    done = project.jsk("reproduce", f"demo/{project.trial(k=1)}", "--check")
    assert "Pulling the kernel image base:1, which is not here yet" in done.stderr
    assert "missing: The kernel image base:1 is not here, and cannot be pulled: no such image" in done.stdout


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
    assert [cell["metadata"].get("tags") for cell in executed["cells"]] == [
        ["parameters"], ["injected-parameters"], [],
    ]  # fmt: skip
    assert project.leftovers() == []
    again = project.experiment[verdict.new.partition("/")[2]]
    (file,) = again.files
    assert (file["what"], file["name"]) == ("notebook", "executed.ipynb")
    assert (
        json.loads((project.home / "journal" / verdict.new / "files" / file["file"]).read_text()) == executed
    )
    assert (again.status, verdict.files) == ("completed", [])
    once_more = again.reproduce()
    assert (once_more.ok, once_more.files) == (True, [])


def test_parameters_go_where_papermill_has_put_some_and_leave_what_else_it_set(project: Project) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install nbformat")
    path = notebook(
        project, ("k = 1", "parameters"), ("import os",), ("k = 2\npath = 'x'", "injected-parameters")
    )
    book = nbformat.read(path, as_version=4)
    notebooks.inject(book, {"k": 6, "seed": 3})
    names: dict[str, object] = {}
    exec("\n".join(cell.source for cell in book.cells), names)
    assert len(book.cells) == 3
    assert {name: names.get(name) for name in ("k", "path", "seed")} == {"k": 6, "path": "x", "seed": None}


def test_nothing_is_injected_where_no_cell_sets_parameters(project: Project) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install nbformat")
    book = nbformat.read(notebook(project, ("k = 1",)), as_version=4)
    notebooks.inject(book, {"k": 6})
    assert [cell.source for cell in book.cells] == ["k = 1"]


def test_a_cell_that_fails_is_told(project: Project) -> None:
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
    while len(made := project.made_so_far()) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    process.wait()
    if number == signal.SIGKILL:  # what runs on ends first; the next reproduction removes the rest
        os.kill(_pid(project, made[0].name), signal.SIGKILL)
        time.sleep(0.2)
        with Workspace.of(project.experiment):
            pass
    assert project.leftovers() == []
    assert len(project.experiment.trials()) == 2


def _pid(project: Project, name: str) -> int:
    (path,) = (project.home / "reproduce" / "runs").glob(f"*/journal/demo/{name}/*.events")
    events = path.read_text()
    return int(json.loads(events.splitlines()[0])["pid"])


# Environments ---------------------------------------------------------------------------------------


def test_packages_that_differ_are_told_where_this_environment_is_asked_for(project: Project) -> None:
    project.run("train.py")
    name = project.trial(k=1)
    installed = record.load(project.experiment, name).read("packages") or b""
    record_packages(project, name, f"{installed.decode()}not-on-any-index==9.9\n")
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
    engine.write_text("#!/bin/sh\n[ $1 = version ] || { echo 'no such image' >&2; exit 1; }\n")
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", f"{engine.parent}{os.pathsep}{os.environ['PATH']}")
    (piece,) = whats_missing(project, project.trial(k=1))
    assert "registry.example.org/base@sha256:0 is not here, and cannot be pulled: no such image" in piece


def test_a_client_without_its_engine_is_no_engine(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project.run("train.py", JSK_KERNEL_IMAGE="base:1")
    for name in ("docker", "podman"):
        client = tmp_path / "bin" / name
        client.parent.mkdir(exist_ok=True)
        client.write_text("#!/bin/sh\necho 'Is the daemon running?' >&2; exit 1\n")
        client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    wanted = record.load(project.experiment, project.trial(k=1))
    chosen = environments.choose(wanted, "auto", print)
    assert (chosen.kind, chosen.image) == ("venv", "")
    said = "There is no container engine here: instead of the kernel image base:1, a virtual environment."
    assert chosen.notes == [said]
    with pytest.raises(CannotReproduce, match="There is no container engine here"):
        environments.choose(wanted, "image", print)


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
    assert "pull" not in calls
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
    record_packages(project, name, "".join(f"{line}\n" for line in (*needed, "jsk-sample==1.0")))
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


# Records of other people ------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(project: Project, tmp_path: Path) -> Experiment:
    """The experiment as somebody else pulled it, whose trial had uncommitted changes."""
    project.write("helper.py", "from extra.more import five as factor\n")
    project.write("extra/more.py", "five = 5\n")
    project.run("train.py")
    sink = StoreSink(project.saver.store)
    for known in project.experiment.trials():
        assert shipping.ship(project.experiment.folder / known.name, sink)
    project.git("checkout", "-q", "--", ".")
    project.git("clean", "-qfd")
    other = Experiment("demo", saver=Saver(project.saver.store.uri, home=tmp_path / "other"))
    assert len(other.pull().new) == 2
    return other


def pulled_code(elsewhere: Experiment, pattern: str) -> Path:
    (path,) = (elsewhere.folder / layout.PULLED_CODE).glob(pattern)
    return path


def test_a_pulled_trial_is_run_again_with_the_changes_that_came_with_it(
    project: Project, elsewhere: Experiment
) -> None:
    verdict = elsewhere.reproduce(project.trial(k=1))
    assert verdict.ok
    assert [item.verdict for item in verdict.metrics] == ["equal"]


def test_changes_that_are_not_those_of_the_record_are_not_run(
    project: Project, elsewhere: Experiment
) -> None:
    path = pulled_code(elsewhere, "*.patch")
    said = path.read_bytes()
    assert b"+five = 5" in said
    path.write_bytes(said.replace(b"+five = 5", b"+five = 6"))
    before = len(elsewhere.trials())
    for anyway in (False, True):
        with pytest.raises(CannotReproduce, match="may not be those of its record") as caught:
            elsewhere.reproduce(project.trial(k=1), anyway=anyway)
        assert str(path) in caught.value.hint
    assert len(elsewhere.trials()) == before
    assert project.git("worktree", "list").count("\n") == 0


@pytest.mark.parametrize(
    ("pattern", "told"),
    [("*.py", "The content of train.py was altered"), ("*.txt", "list of packages was not kept")],
)
def test_what_is_not_as_its_name_says_is_named_and_not_run(
    pattern: str, told: str, project: Project, elsewhere: Experiment
) -> None:
    path = pulled_code(elsewhere, pattern)
    path.write_bytes(path.read_bytes() + b"\nmalware==1.0\n")
    name = project.trial(k=1)
    (piece,) = [piece.what for piece in reproduce.missing(elsewhere, name, environment="venv")]
    assert told in piece
    with pytest.raises(CannotReproduce, match="missing"):
        elsewhere.reproduce(name, environment="venv")


def test_an_altered_program_of_ones_own_is_not_run_either(project: Project) -> None:
    project.run("train.py")
    (path,) = (project.home / "journal" / "demo" / ".code").glob("*.py")
    path.write_text(f"open({str(project.home / 'ran')!r}, 'w')\n")
    name = project.trial(k=1)
    (piece,) = whats_missing(project, name)
    assert piece == "The content of train.py was altered since it was kept."
    assert project.experiment.reproduce(name, anyway=True).ok  # with what the commit has
    assert not (project.home / "ran").exists()


HIJACKING = """
import os, sysconfig
if "JSK_REPRODUCE" in os.environ:
    raise SystemError("of the user")
exec(open(os.path.join(sysconfig.get_path("stdlib"), "tempfile.py")).read())
"""


def test_a_file_beside_a_notebook_is_not_taken_for_a_module_of_what_runs_it(project: Project) -> None:
    path = notebook(project, (SCRIPT,))
    project.write("tempfile.py", HIJACKING)
    project.commit()
    execute(project, path)
    assert project.experiment.reproduce(project.trial(k=1)).ok
