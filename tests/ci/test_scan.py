"""Known vulnerabilities, looked up in an export of OSV that may not be there."""

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version
from typer.testing import CliRunner

from jsk_ci import project, scan, tools
from jsk_ci.cli.app import app
from jsk_ci.errors import ProjectError

BASE = Path(__file__).parents[2] / "kernels" / "base"


def entry(identifier="GHSA-1", name="Jinja2", events=None, **told):
    events = events if events is not None else [{"introduced": "0"}, {"fixed": "3.1.4"}]
    affected = {
        "package": {"ecosystem": told.pop("ecosystem", "PyPI"), "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
        "versions": told.pop("versions", []),
    }
    severity = told.pop("severity", "MODERATE")
    return {
        "id": identifier,
        "summary": "a hole",
        "affected": [affected],
        "database_specific": {"severity": severity} if severity else {},
        **told,
    }


@pytest.fixture
def database(tmp_path):
    def write(*entries, name="osv"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for item in entries:
            (folder / f"{item['id']}.json").write_text(json.dumps(item))
        return folder

    return write


def found(database, version, name="jinja2", ignored=()):
    return scan.look({name: version}, database, ignored)[0]


@pytest.mark.parametrize(
    ("version", "hit"), [("3.1.3", True), ("3.1.4", False), ("3.1.4rc1", True), ("0.1", True), ("4", False)]
)
def test_a_version_is_affected_until_the_one_that_mends_it(database, version, hit):
    assert bool(found(database(entry()), version)) is hit


def test_what_mends_it_is_told_if_it_is_newer(database):
    events = [{"introduced": "2"}, {"fixed": "2.9"}, {"introduced": "3"}, {"fixed": "3.1.4"}]
    (item,) = found(database(entry(events=events)), "3.0")
    assert item.fixed == ("3.1.4",)
    assert not found(database(entry(events=events)), "2.9.1")


def test_the_last_affected_version_is_affected_and_the_next_is_not(database):
    where = database(entry(events=[{"introduced": "1"}, {"last_affected": "2.0"}]))
    assert found(where, "2.0")
    assert not found(where, "2.0.1")


def test_a_version_that_is_listed_is_affected_however_it_is_written(database):
    where = database(entry(events=[], versions=["1.0.0"]))
    assert found(where, "1.0")
    assert not found(where, "1.1")


@pytest.mark.parametrize(
    "told",
    [
        {"ecosystem": "npm"},
        {"name": "jinja"},
        {"withdrawn": "2026-01-01T00:00:00Z"},
    ],
)
def test_other_packages_other_ecosystems_and_withdrawn_entries_are_left_out(database, told):
    assert not found(database(entry(**told)), "1.0")


def test_an_entry_that_was_looked_at_is_ignored_by_any_of_its_names(database):
    where = database(entry(aliases=["CVE-2026-1"]))
    assert found(where, "1.0")
    assert not found(where, "1.0", ignored=["CVE-2026-1"])


def test_two_databases_that_tell_of_one_hole_count_once_and_the_rated_one_stays(database):
    ghsa = entry("GHSA-1", aliases=["CVE-2026-1", "PYSEC-2026-1"])
    pysec = entry("PYSEC-2026-1", aliases=["CVE-2026-1"], severity=None)
    (item,) = found(database(ghsa, pysec), "1.0")
    assert (item.identifier, item.severity) == ("GHSA-1", "moderate")


def test_the_worst_come_first_and_an_unrated_one_counts_as_the_worst(database):
    where = database(entry("A", severity="LOW"), entry("B", severity=None), entry("C", severity="CRITICAL"))
    items = found(where, "1.0")
    assert [item.identifier for item in items] == ["B", "C", "A"]
    assert [item.at_least("critical") for item in items] == [True, True, False]


def test_a_zip_file_is_read_like_a_folder(database, tmp_path):
    folder = database(entry())
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    assert found(tmp_path / "all.zip", "1.0") == found(folder, "1.0") != []


@pytest.mark.parametrize("content", ["not JSON", "[]", "{}"])
def test_what_is_no_database_is_refused(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(ProjectError, match=r"x\.json"):
        found(tmp_path, "1.0")


def test_an_empty_folder_is_no_database(tmp_path):
    with pytest.raises(ProjectError, match="no entries"):
        found(tmp_path, "1.0")


@given(st.lists(st.integers(0, 30), min_size=3, max_size=3, unique=True).map(sorted), st.integers(0, 31))
def test_a_range_holds_what_lies_between_its_ends(bounds, version):
    introduced, fixed, again = bounds
    events = [{"introduced": str(again)}, {"fixed": str(fixed)}, {"introduced": str(introduced)}]
    inside = introduced <= version < fixed or version >= again
    assert scan._is_in(Version(str(version)), events) is inside


# The command ----------------------------------------------------------------------------------------


def run(*words):
    return CliRunner().invoke(app, ["scan", str(BASE), *words])


def test_without_a_database_it_says_that_nothing_was_looked_up(tmp_path, monkeypatch):
    monkeypatch.delenv("JSK_CI_VULNERABILITIES", raising=False)
    for words in ([], ["--database", str(tmp_path / "gone")]):
        done = run(*words)
        assert done.exit_code == 0
        assert "NOT looked up" in done.stdout
    told = json.loads(run("--json").stdout)
    assert (told["database"], told["looked_up"]) == (None, 0)
    assert run("--require-database").exit_code == 2


def test_it_fails_from_the_severity_on_that_was_asked_for(database):
    where = str(database(entry(events=[{"introduced": "0"}])))
    assert run("--database", where).exit_code == 0
    done = run("--database", where, "--fail-on", "moderate", "--json")
    assert done.exit_code == 5
    told = json.loads(done.stdout)
    assert [item["package"] for item in told["vulnerabilities"]] == ["jinja2"]
    assert told["failing"] == 1
    assert run("--database", where, "--fail-on", "moderate", "--ignore", "GHSA-1").exit_code == 0


def test_poetry_beside_the_environment_of_a_base_is_looked_up_too(database):
    version = tools.packages(project.read(BASE))["poetry"].version
    told = entry(name="poetry", events=[], versions=[version], severity="CRITICAL")
    done = run("--database", str(database(told)))
    assert done.exit_code == 5, done.output
    assert f"critical poetry {version}: GHSA-1: a hole (in /opt/poetry, not in the lock)" in done.output
    assert "Next: head -3 ci/jsk_ci/recipe/poetry.txt" in done.output


def test_an_unknown_severity_is_refused():
    done = run("--fail-on", "awful")
    assert done.exit_code == 2
    assert "--fail-on=low|moderate|high|critical" in done.output
