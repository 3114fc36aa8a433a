"""Running a trial again makes no old content the newest version of a name: local folders and S3."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jsk_saver import Saver
from jsk_saver.errors import NotFound
from jsk_saver.tracking.state import TrialState
from tests.servers.s3 import S3Server
from tests.tracking.reproducing import Project

HEAD = """
import os
from jsk_saver import Saver
from jsk_saver.tracking import Experiment
again = bool(os.environ.get("JSK_REPRODUCE"))
saver = Saver()
experiment = Experiment("demo", sinks=(), saver=saver)
"""


@pytest.fixture(params=["local", "ceph"])
def stored(request: pytest.FixtureRequest, project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project, whose objects go to a folder or to a bucket of a real server."""
    if request.param == "ceph":
        server: S3Server = request.getfixturevalue("ceph")
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        project.store = f"s3://{server.new_bucket()}/team"
        project.saver = Saver(project.store, home=project.home)
        project.saver.put("raw.json", [1, 2, 3])
    return project


@pytest.fixture
def tracked(stored: Project) -> Callable[[str], str]:
    """Return what runs a program, and says which trial it made first."""

    def run(body: str) -> str:
        stored.write("train.py", HEAD + body)
        stored.commit()
        stored.run("train.py")
        return stored.experiment.trials()[0].name

    return run


def versions(saver: Saver, name: str) -> list[str]:
    return [found.version for found in saver.history(name)]


def new_state(project: Project, verdict_new: str) -> TrialState:
    return project.experiment[verdict_new.partition("/")[2]]


def test_the_same_bytes_are_the_version_that_was_saved_then(
    stored: Project, tracked: Callable[[str], str]
) -> None:
    name = tracked(
        """
with experiment.trial(k=1) as trial:
    saver.put("config.json", {"k": 1})
    trial.put("model.json", [1, 2])
    trial.log_metric("k", saver.get("config.json")["k"])
"""
    )
    stored.saver.put("config.json", {"k": "new"})
    before = {one: versions(stored.saver, one) for one in ("config.json", "model.json")}
    verdict = stored.experiment.reproduce(name)
    assert verdict.ok, verdict
    assert [item.verdict for item in verdict.objects] == ["identical", "identical"]
    assert verdict.places == []
    assert {one: versions(stored.saver, one) for one in before} == before
    assert stored.saver.get("config.json") == {"k": "new"}
    old, new = stored.experiment[name], new_state(stored, verdict.new)
    assert new.outputs == old.outputs


def test_what_differs_is_found_apart_from_the_live_name_and_seen_by_the_run(
    stored: Project, tracked: Callable[[str], str]
) -> None:
    name = tracked(
        """
with experiment.trial(k=1) as trial:
    first = saver.put("config.json", {"k": 1, "again": again})
    second = trial.put("config.json", {"k": 2, "again": again})
    assert saver.get("config.json") == trial.get("config.json") == {"k": 2, "again": again}
    assert saver.get(first) == saver.get("config.json", version=first) == {"k": 1, "again": again}
    assert saver.get("config.json", search_pattern={}) == {"k": 2, "again": again}
    assert saver.get("config.json", version=-1) == {"k": 2, "again": again}
    if again:
        saver.put("only/now.json", "new")
"""
    )
    stored.saver.put("config.json", "live")
    before = versions(stored.saver, "config.json")
    verdict = stored.experiment.reproduce(name)
    assert [item.verdict for item in verdict.objects] == ["not identical", "not identical", "new"]
    assert versions(stored.saver, "config.json") == before
    assert stored.saver.get("config.json") == "live"
    assert {found.name for found in stored.saver.search(limit=None)} == {"raw.json", "config.json"}
    with pytest.raises(NotFound):
        stored.saver.get("only/now.json")
    (place,) = verdict.places
    assert f'Saver("{place}")' in repr(verdict)
    assert place.startswith(f"{stored.saver.store.uri}/.jsk/reproduced/demo/r")
    apart = Saver(place, home=stored.home)
    outputs = new_state(stored, verdict.new).outputs
    assert [item["store"] for item in outputs] == [place] * 3
    told = [apart.get(item["name"], version=item["version"]) for item in outputs]
    assert told == [{"k": 1, "again": True}, {"k": 2, "again": True}, "new"]
    assert apart.get("config.json") == {"k": 2, "again": True}


def test_many_versions_of_a_name_and_unchanged_ones_come_out_as_then(
    stored: Project, tracked: Callable[[str], str]
) -> None:
    name = tracked(
        """
with experiment.trial(k=1) as trial:
    for value in (1, 2, 1, 1):
        saver.put("state.json", value)
        assert saver.get("state.json") == value
    told = [saver.put("state.json", value, if_changed=True).unchanged for value in (1, 3, 3)]
    assert told == [True, False, True], told
    told = [saver.put("own.json", [again, value], if_changed=True).unchanged for value in (1, 1, 2)]
    assert told == [False, True, False], told
"""
    )
    stored.saver.put("state.json", "live")
    before = versions(stored.saver, "state.json")
    verdict = stored.experiment.reproduce(name)
    told = [(item.name, item.verdict) for item in verdict.objects]
    assert told == [("state.json", "identical")] * 5 + [("own.json", "not identical")] * 2
    assert versions(stored.saver, "state.json") == before
    old, new = stored.experiment[name], new_state(stored, verdict.new)
    assert new.outputs[:5] == old.outputs[:5]


def test_deleting_restoring_purging_and_copying_stay_within_the_run(
    stored: Project, tracked: Callable[[str], str]
) -> None:
    name = tracked(
        """
from jsk_saver.errors import NotFound
def gone(name):
    try:
        saver.get(name)
    except NotFound:
        return True
    return False
with experiment.trial(k=1) as trial:
    first = saver.put("a.json", [1, again])
    saver.put("a.json", [2, again])
    saver.put("b.json", "scratch")
    saver.delete("a.json")
    assert gone("a.json")
    saver.restore("a.json")
    assert saver.get("a.json") == [2, again]
    saver.restore("a.json", version=first)
    assert saver.get("a.json") == [1, again]
    saver.copy("a.json", saver, as_name="c.json")
    assert saver.get("c.json") == [1, again]
    if not again:
        saver.put("b.json", "kept")
    assert saver.purge("b.json", version=1, yes=True) == 1
    saver.delete("b.json")
    assert gone("b.json")
    saver.restore("b.json")
    trial.log_metric("done", 1)
"""
    )
    for live in ("a.json", "b.json", "c.json"):
        stored.saver.put(live, "live")
    before = {live: versions(stored.saver, live) for live in ("a.json", "b.json", "c.json")}
    verdict = stored.experiment.reproduce(name)
    assert [item.verdict for item in verdict.metrics] == ["equal"]
    assert {live: versions(stored.saver, live) for live in before} == before
    assert [stored.saver.get(live) for live in before] == ["live"] * 3


def test_what_one_process_of_the_run_saves_is_seen_by_another(
    stored: Project, tracked: Callable[[str], str]
) -> None:
    name = tracked(
        """
import subprocess, sys
with experiment.trial(k=1) as trial:
    saver.put("a.json", [1, again])
    code = "from jsk_saver import Saver; s = Saver(); s.put('b.json', s.get('a.json'))"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert saver.get("b.json") == [1, again]
    trial.log_metric("done", 1)
"""
    )
    stored.saver.put("a.json", "live")
    stored.saver.put("b.json", "live")
    before = versions(stored.saver, "b.json")
    verdict = stored.experiment.reproduce(name)
    assert [item.verdict for item in verdict.metrics] == ["equal"]
    assert versions(stored.saver, "b.json") == before


def test_a_reproduction_is_itself_reproduced(stored: Project, tracked: Callable[[str], str]) -> None:
    name = tracked("with experiment.trial(k=1) as trial:\n    saver.put('a.json', [1, again])\n")
    first = stored.experiment.reproduce(name)
    assert [item.verdict for item in first.objects] == ["not identical"]
    second = stored.experiment.reproduce(first.new.partition("/")[2])
    assert second.ok, second
    assert [item.verdict for item in second.objects] == ["identical"]
    outputs = [new_state(stored, verdict.new).outputs for verdict in (first, second)]
    assert outputs[0] == outputs[1]
    assert len(versions(stored.saver, "a.json")) == 1


def test_a_store_above_does_not_show_what_a_run_has_put_apart(tmp_path: Path) -> None:
    """Stores may lie below one another; the kit's own folders are nobody's names."""
    inner = Saver(str(tmp_path / "data" / "team"), home=tmp_path / "home")
    inner.put("a.json", 1)
    Saver(f"{inner.store.uri}/.jsk/reproduced/demo/r1", home=tmp_path / "home").put("a.json", 2)
    outer = Saver(str(tmp_path / "data"), home=tmp_path / "home")
    assert outer.search().names == ["team/a.json"]
    assert os.listdir(tmp_path / "data" / "team" / ".jsk" / "reproduced") == ["demo"]
