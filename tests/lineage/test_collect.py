"""What a whole lineage looks like, and that finding it out never hurts."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jsk_saver import lineage
from jsk_saver.lineage import binding, collect, environment, git, kernel, notebook, reads
from jsk_saver.record import dump_json


def test_a_lineage_tells_who_where_from_which_commit_and_with_what(repo, monkeypatch):
    commit = repo.commit()
    monkeypatch.chdir(repo.root)
    monkeypatch.setenv("JSK_USER", "ana")
    monkeypatch.setenv("JSK_NOTEBOOK", "notebooks/churn.ipynb")
    monkeypatch.setenv("JSK_KERNEL_IMAGE", "registry.example.org/churn@sha256:" + "0" * 64)
    monkeypatch.setenv("JSK_KERNEL_FINGERPRINT", "f" * 32)
    with lineage.bind(experiment="churn", trial="churn-7"):
        found = collect()
    assert found == {
        "user": "ana",
        "host": os.uname().nodename,
        "image": "registry.example.org/churn@sha256:" + "0" * 64,
        "fingerprint": "f" * 32,
        "python": ".".join(map(str, sys.version_info[:3])),
        "commit": commit,
        "branch": "main",
        "notebook": "notebooks/churn.ipynb",
        "packages": lineage.packages()[0],
        "experiment": "churn",
        "trial": "churn-7",
    }


def test_switched_off_it_says_nothing_but_the_parents_that_were_given():
    reads.add("s", "raw.csv", "1")
    assert collect(enabled=False) == {}
    assert collect([("raw.csv", "2")], "s", enabled=False) == {
        "parents": [{"name": "raw.csv", "version": "2", "given": True}]
    }


def test_every_lineage_is_json_even_where_paths_are_no_unicode(tmp_path, monkeypatch):
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    Path(folder).mkdir()
    monkeypatch.setenv("JSK_NOTEBOOK", folder + "/näch.ipynb")
    found = collect()
    assert json.loads(dump_json(found)) == found
    assert found["notebook"].endswith("caf?/näch.ipynb")


@pytest.mark.parametrize(
    ("broken", "missing"),
    [
        ((kernel, "describe"), "user"),
        ((git, "describe"), "commit"),
        ((notebook, "path"), "notebook"),
        ((environment, "packages"), "packages"),
        ((binding, "_bound"), "experiment"),
    ],
)
def test_whatever_fails_is_left_out_and_the_rest_is_there(broken, missing, repo, monkeypatch):
    repo.commit()
    monkeypatch.chdir(repo.root)
    monkeypatch.setenv("JSK_NOTEBOOK", "a.ipynb")
    monkeypatch.setenv("JSK_EXPERIMENT", "churn")
    everything = collect()
    assert missing in everything

    def fail(*_arguments):
        raise RuntimeError("no such luck")

    monkeypatch.setattr(*broken, fail)
    left = collect()
    assert missing not in left
    if broken[0] is not git:
        assert left["commit"] == everything["commit"]
    assert len(left) >= 3


def test_a_very_long_entry_is_cut(monkeypatch):
    monkeypatch.setenv("JSK_KERNEL_IMAGE", "x" * 100_000)
    assert len(collect()["image"]) == 1000


def test_asking_twice_starts_git_only_once(repo, monkeypatch):
    repo.commit()
    monkeypatch.chdir(repo.root)
    calls = []
    real = git._git
    monkeypatch.setattr(git, "_git", lambda *arguments: calls.append(arguments[3:]) or real(*arguments))
    first = collect()
    asked = len(calls)
    assert asked > 0
    assert all(collect() == first for _ in range(50))
    assert len(calls) == asked


# Experiment and trial ------------------------------------------------------------------------------


def test_an_inner_block_adds_to_the_outer_and_ends(monkeypatch):
    monkeypatch.setenv("JSK_EXPERIMENT", "from-outside")
    monkeypatch.setenv("JSK_TRIAL", "from-outside-1")
    outside = {"experiment": "from-outside", "trial": "from-outside-1"}
    assert binding.current() == outside
    with lineage.bind(experiment="churn"):
        assert binding.current() == {"experiment": "churn"}, "a trial belongs to its own experiment"
        with lineage.bind(trial="churn-7"):
            assert binding.current() == {"experiment": "churn", "trial": "churn-7"}
        assert binding.current() == {"experiment": "churn"}
    with lineage.bind(trial="from-outside-2"):
        assert binding.current() == {"experiment": "from-outside", "trial": "from-outside-2"}
    assert binding.current() == outside


def test_a_block_that_fails_ends_its_trial():
    with pytest.raises(ZeroDivisionError), lineage.bind(experiment="churn", trial="churn-7"):
        1 / 0
    assert binding.current() == {}


def test_two_trials_at_once_keep_apart():
    seen = {}

    async def run(trial: str) -> None:
        with lineage.bind(experiment="churn", trial=trial):
            await asyncio.sleep(0)
            seen[trial] = collect()["trial"]

    async def both() -> None:
        await asyncio.gather(run("a"), run("b"))

    asyncio.run(both())
    with lineage.bind(trial="main"):
        thread = threading.Thread(target=lambda: seen.update(thread=collect().get("trial")))
        thread.start()
        thread.join()
    assert seen == {"a": "a", "b": "b", "thread": None}


# Kernel image and machine --------------------------------------------------------------------------


def test_studio_names_the_user_and_the_space(monkeypatch, tmp_path):
    studio = tmp_path / "resource-metadata.json"
    studio.write_text(
        json.dumps({"DomainId": "d-1", "UserProfileName": "ana", "SpaceName": "lab", "AppType": "JupyterLab"})
    )
    monkeypatch.setattr(kernel, "STUDIO_METADATA", str(studio))
    monkeypatch.setenv("SAGEMAKER_INTERNAL_IMAGE_URI", "1.dkr.ecr.eu-west-1.amazonaws.com/churn:7")
    found = collect()
    assert (found["user"], found["host"]) == ("ana", "d-1/lab")
    assert found["image"] == "1.dkr.ecr.eu-west-1.amazonaws.com/churn:7"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"DomainId": 3}'])
def test_a_damaged_studio_file_is_passed_over(content, monkeypatch, tmp_path):
    studio = tmp_path / "resource-metadata.json"
    studio.write_text(content)
    monkeypatch.setattr(kernel, "STUDIO_METADATA", str(studio))
    assert collect()["host"] == os.uname().nodename


def test_the_kits_own_image_variable_wins_because_it_names_the_digest(monkeypatch):
    monkeypatch.setenv("SAGEMAKER_INTERNAL_IMAGE_URI", "churn:7")
    monkeypatch.setenv("JSK_KERNEL_IMAGE", "churn@sha256:00")
    assert kernel.image() == "churn@sha256:00"


def test_a_user_without_a_name_is_a_number(monkeypatch):
    import getpass

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert kernel.user() == str(os.getuid())


# Packages ------------------------------------------------------------------------------------------


def test_the_package_list_is_what_importlib_says():
    digest, text = lineage.packages()
    normal = re.compile(r"[-_.]+")
    said = {
        (normal.sub("-", found.name).lower(), found.version)
        for found in importlib.metadata.distributions()
        if Path(str(found.locate_file(""))).name != "_vendor"  # setuptools' own, once it was imported
    }
    listed = {tuple(line.split("==")) for line in text.splitlines()}
    assert {name for name, _ in listed} == {name for name, _ in said}
    assert listed <= said, "where a package is there twice, the first on the path is the one imported"
    assert text.splitlines() == sorted(text.splitlines(), key=lambda line: line.split("=="))
    assert digest == hashlib.sha256(text.encode()).hexdigest()[:32]


def test_a_package_installed_while_the_process_runs_is_seen(tmp_path, monkeypatch):
    site = tmp_path / "site-packages"
    (site / "Some_Thing-1.0.dist-info").mkdir(parents=True)
    (site / "old-2.0-py3.11.egg-info").mkdir()
    (site / "older.egg-info").mkdir()
    (site / "older.egg-info" / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: older\nVersion: 3.0\n")
    (site / "broken.egg-info").mkdir()
    monkeypatch.setattr(sys, "path", [str(site), str(tmp_path / "missing"), str(tmp_path / "a.zip")])
    monkeypatch.setattr(environment, "RECHECK", -1.0)
    before = lineage.packages()
    assert before[1] == "old==2.0\nolder==3.0\nsome-thing==1.0\n"
    (site / "new-4.0.dist-info").mkdir()
    os.utime(site, ns=(1, 1))
    after = lineage.packages()
    assert after[1] == "new==4.0\nold==2.0\nolder==3.0\nsome-thing==1.0\n"
    assert after[0] != before[0]


def test_the_first_folder_on_the_path_wins(tmp_path, monkeypatch):
    for folder, version in (("first", "2.0"), ("second", "1.0")):
        (tmp_path / folder / "site-packages" / f"thing-{version}.dist-info").mkdir(parents=True)
    monkeypatch.setattr(
        sys, "path", [str(tmp_path / folder / "site-packages") for folder in ("first", "second")]
    )
    assert lineage.packages()[1] == "thing==2.0\n"


# Importing -----------------------------------------------------------------------------------------


def test_importing_lineage_imports_nothing_heavy():
    program = "import sys, jsk_saver.lineage; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"subprocess", "importlib.metadata", "asyncio", "urllib.request", "IPython", "psutil"}
    assert heavy.isdisjoint(done.stdout.split())
