"""The doctor says what is in force and why, and what is wrong, with what to type; it never fails itself."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jsk_saver import Saver
from jsk_saver.connection import Connection
from jsk_saver.doctor import Report, aws, examine, machine
from jsk_saver.errors import StoreUnreachable
from jsk_saver.stores.local import LocalStore


@pytest.fixture(autouse=True)
def nothing_set(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("JSK_") and name != "JSK_HOME":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def report(**settings) -> Report:
    """Return a report of which every form can be made."""
    found = examine(Connection(**settings))
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.verdict in repr(found)
    assert found.verdict in found._repr_html_()
    assert all(problem.hint for problem in found.problems)
    return found


def whats(found: Report) -> str:
    return "\n".join(problem.what for problem in found.problems)


# Settings -------------------------------------------------------------------------------------------


def test_every_setting_says_where_it_came_from(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text('[tool.jsk]\ncache-size = "2 GB"\nlineage = false\n')
    monkeypatch.setenv("JSK_RETRIES", "7")
    told = {item["name"]: item for item in report(store=str(tmp_path / "here")).to_dict()["settings"]}
    assert told["store"]["value"] == str(tmp_path / "here")
    assert told["store"]["origin"] == "argument"
    assert (told["retries"]["value"], told["retries"]["origin"]) == (7, "environment JSK_RETRIES")
    assert (told["cache_size"]["value"], told["lineage"]["value"]) == (2 * 10**9, False)
    assert told["cache_size"]["origin"] == f"{tmp_path / 'pyproject.toml'} [tool.jsk]"
    assert told["timeout"]["origin"] == "default"


def test_the_default_store_is_shown_although_nothing_is_set(own_home):
    told = {item["name"]: item["value"] for item in report().to_dict()["settings"]}
    assert told["store"] == str(own_home / "store")


def test_a_setting_that_cannot_be_read_is_a_problem_and_not_an_error(monkeypatch):
    monkeypatch.setenv("JSK_CACHE_SIZE", "lots")
    found = report()
    assert not found.ok
    assert "JSK_CACHE_SIZE" in whats(found)
    assert found.to_dict()["formats"]["available"]


@pytest.mark.parametrize(
    "form", [repr, lambda found: found._repr_html_(), lambda found: str(found.to_dict())]
)
def test_secrets_are_never_shown(monkeypatch, form):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAHUSHHUSH")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hushhush")
    monkeypatch.setenv("JSK_ENDPOINT_URL", "http://ana:hush@127.0.0.1:1")
    monkeypatch.setenv("JSK_STORE", "s3://bucket/x")
    shown = form(examine(Connection(retries=1, timeout=1)))
    assert "hush" not in shown.lower()
    assert "127.0.0.1:1" in shown


# Store, cache, index, spool -------------------------------------------------------------------------


def test_a_healthy_machine_has_no_problems():
    saver = Saver()
    saver.put("a.txt", "x")
    saver.put("a.txt", "y")
    found = report()
    assert found.ok
    told = found.to_dict()
    assert told["problems"] == []
    assert told["store"]["kind"] == "local folder"
    assert (told["index"]["versions"], told["index"]["names"]) == (2, 1)
    assert told["cache"]["on"]
    assert told["spool"]["waiting"] == []
    assert told["kit"]["python"] == ".".join(map(str, sys.version_info[:3]))


def test_unfinished_puts_are_counted(tmp_path):
    left = tmp_path / "store" / ".jsk" / "unfinished" / "abc"
    left.mkdir(parents=True)
    (left / "a.txt").write_bytes(b"12345")
    found = report(store=str(tmp_path / "store"))
    assert found.to_dict()["store"]["unfinished"] == {"puts": 1, "older_than_a_day": 0, "bytes": 5}
    assert "1 put, 5 B" in repr(found)
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(left, (two_days_ago, two_days_ago))
    told = report(store=str(tmp_path / "store")).to_dict()["store"]
    assert told["unfinished"]["older_than_a_day"] == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_cannot_be_written_is_a_problem(tmp_path):
    (tmp_path / "store").mkdir(mode=0o500)
    assert "cannot be used" in whats(report(store=str(tmp_path / "store")))


def test_a_store_that_is_a_file_is_a_problem(tmp_path):
    (tmp_path / "store").write_text("not a folder")
    found = report(store=str(tmp_path / "store"))
    assert str(tmp_path / "store") in whats(found)


def test_a_home_that_is_a_file_is_a_problem(tmp_path):
    (tmp_path / "home").write_text("not a folder")
    found = report(home=str(tmp_path / "home"), store=str(tmp_path / "store"))
    assert "cannot be written to" in whats(found)
    assert any("JSK_HOME" in problem.hint for problem in found.problems)


def test_what_waits_in_the_spool_is_a_problem_with_the_command_that_sends_it(monkeypatch):
    def fail(*_):
        raise StoreUnreachable("The disk is away.")

    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "put", fail)
        with pytest.raises(StoreUnreachable):
            Saver().put("a.txt", "x")
    found = report()
    (problem,) = found.problems
    assert problem.hint == "jsk spool push"
    assert "1 object could not be sent" in problem.what
    assert "The disk is away." in problem.what
    assert [item["name"] for item in found.to_dict()["spool"]["waiting"]] == ["a.txt"]


def test_what_waits_for_several_stores_is_dated_each_by_its_own(tmp_path, monkeypatch):
    def fail(*_):
        raise StoreUnreachable("away")

    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "put", fail)
        for store in ("one", "two"):
            with pytest.raises(StoreUnreachable):
                Saver(str(tmp_path / store)).put("a.txt", "x")
    spool = Saver().connection.spool
    for item, day in zip(spool.items(), ("2020-01-01", "2021-02-02"), strict=True):
        file = item.folder / "record.json"
        file.write_text(file.read_text().replace(item.to_dict()["since"], f"{day}T00:00:00Z"))
    first, second = (problem.what for problem in report().problems)
    assert str(tmp_path / "one") in first
    assert "2020-01-01" in first
    assert str(tmp_path / "two") in second
    assert "2021-02-02" in second


def test_a_damaged_object_in_the_spool_is_a_problem(own_home):
    (own_home / "spool" / "x").mkdir(parents=True)
    (own_home / "spool" / "x" / "record.json").write_text("{")
    (problem,) = report().problems
    assert "x in the spool is damaged" in problem.what


def test_a_variable_that_is_no_setting_is_named_with_the_one_that_was_meant(monkeypatch):
    monkeypatch.setenv("JSK_SOTRE", "s3://bucket")
    (problem,) = report().problems
    assert "JSK_SOTRE" in problem.what
    assert "export JSK_STORE=" in problem.hint


def test_a_relative_store_is_shown_with_its_whole_path(tmp_path):
    told = {item["name"]: item["value"] for item in report(store="versions").to_dict()["settings"]}
    assert told["store"] == str(tmp_path / "versions")


def test_a_home_that_cannot_be_written_to_is_not_mended_by_building_the_index_anew(tmp_path):
    (tmp_path / "home").write_text("not a folder")
    found = report(home=str(tmp_path / "home"), store=str(tmp_path / "store"))
    assert {problem.hint for problem in found.problems} == {"export JSK_HOME=/a/folder/you/may/write/to"}


def test_the_doctor_takes_nothing_for_granted_that_was_seen_before(bucket, own_home):
    Saver().put("a.txt", "x")
    assert list((own_home / "seen").glob("*/*"))
    report()
    assert not list((own_home / "seen").glob("*/*"))


def test_an_index_that_lives_in_memory_only_is_a_problem(own_home):
    (own_home / "index").write_text("a file where a folder should be")
    found = report()
    assert found.to_dict()["index"]["warning"]
    assert found.to_dict()["index"]["warning"] in whats(found)


def test_one_part_that_breaks_does_not_hide_the_others(monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("jsk_saver.cache.Cache.used", fail)
    found = report()
    assert "Looking at the cache failed: ZeroDivisionError: a bug." in whats(found)
    assert found.to_dict()["index"]["versions"] == 0


def test_a_cache_that_is_off_is_said_to_be_off():
    found = report(cache=False)
    assert not found.to_dict()["cache"]["on"]


# Packages -------------------------------------------------------------------------------------------


def test_formats_that_lack_a_package_come_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(
        "jsk_saver.formats.translate.is_installed", lambda package: package not in ("openpyxl", "torch")
    )
    found = report()
    missing = {item["format"]: item for item in found.to_dict()["formats"]["missing"]}
    assert missing["xlsx"]["install"] == "pip install 'jsk-saver[excel]'"
    assert missing["xlsx"]["extensions"] == [".xlsx"]
    assert missing["pt"]["install"] == "pip install torch"
    assert found.to_dict()["formats"]["packages"]["openpyxl"] is None
    assert "xlsx" not in found.to_dict()["formats"]["available"]
    assert found.ok, "an optional package is no problem"


def test_the_extras_it_names_are_those_of_the_project():
    import tomllib

    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    offered = machine._offered()
    assert offered <= project["optional-dependencies"].keys()


def test_a_broken_plug_in_is_a_problem(monkeypatch):
    def load(_):
        return {"jsk-shapes": "ImportError: no such thing"}

    monkeypatch.setattr("jsk_saver.formats.registry.load_plugins", load)
    (problem,) = report().problems
    assert "jsk-shapes" in problem.what
    assert problem.hint == "pip install --upgrade jsk-shapes"


def test_looking_at_packages_imports_none_of_them():
    code = (
        "import sys; from jsk_saver.doctor import machine; machine.formats()\n"
        "print([m for m in ('pandas', 'numpy', 'torch', 'sklearn', 'boto3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# A bucket -------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(moto, point_at, monkeypatch) -> str:
    point_at(moto)
    name = moto.new_bucket()
    monkeypatch.setenv("JSK_STORE", f"s3://{name}/lab")
    return name


def test_a_healthy_bucket_has_no_problems(bucket):
    found = report()
    assert found.ok, whats(found)
    told = found.to_dict()
    assert told["store"]["bucket"] == bucket
    assert told["aws"]["credentials"].startswith("found by")
    assert "identity" not in told["aws"], "another server than AWS has nobody to ask"
    assert abs(told["clock"]["ahead_seconds"]) < 120


def test_aws_is_asked_as_whom_it_sees_this_machine(bucket, moto, monkeypatch):
    monkeypatch.setattr(aws, "_is_aws", lambda store: True)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.endpoint)
    told = report().to_dict()["aws"]
    assert told["identity"].startswith("arn:aws:")
    assert told["account"].isdigit()


def test_not_knowing_who_asks_is_no_problem(bucket, monkeypatch):
    monkeypatch.setattr(aws, "_is_aws", lambda store: True)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    found = report()
    assert found.to_dict()["aws"]["identity"].startswith("unknown: ")
    assert found.ok


def test_a_clock_that_is_wrong_is_a_problem(bucket, monkeypatch):
    monkeypatch.setattr(aws, "now", lambda: dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10))
    (problem,) = [problem for problem in report().problems if "clock" in problem.what]
    assert "ahead of the server's" in problem.what
    assert "timedatectl" in problem.hint


def test_old_unfinished_uploads_come_with_a_rule_that_keeps_the_rules_there_are(bucket, moto, monkeypatch):
    client = moto.client()
    client.create_multipart_upload(Bucket=bucket, Key="lab/video.mp4")
    client.create_multipart_upload(Bucket=bucket, Key="elsewhere/video.mp4")
    existing = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [existing]})
    monkeypatch.setattr(aws, "now", lambda: dt.datetime.now(dt.UTC) + dt.timedelta(days=2))
    found = report()
    assert found.to_dict()["uploads"]["older_than_a_day"] == 1
    (problem,) = [problem for problem in found.problems if "never finished" in problem.what]
    text = problem.hint.partition("--lifecycle-configuration '")[2].partition("'")[0]
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=json.loads(text))
    rules = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert [rule["ID"] for rule in rules] == ["old", "abort-unfinished-uploads"]
    assert [problem for problem in report().problems if "never finished" in problem.what] == []


def test_a_bucket_without_versions_is_a_problem_with_the_command_that_turns_them_on(moto, point_at):
    point_at(moto)
    name = moto.new_bucket(versioned=False)
    hints = [problem.hint for problem in report(store=f"s3://{name}").problems]
    assert any("put-bucket-versioning" in hint for hint in hints)


def test_a_bucket_that_does_not_exist_is_one_problem(moto, point_at):
    point_at(moto)
    (problem,) = report(store="s3://there-is-no-such-bucket").problems
    assert "does not exist" in problem.what


def test_a_server_that_does_not_answer_is_one_problem(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    found = report(store="s3://bucket", endpoint_url="http://127.0.0.1:1", retries=9)
    (problem,) = found.problems
    assert "could not be asked" in problem.what
    assert "clock" not in found.to_dict()


def test_a_bucket_without_boto3_says_what_to_install():
    code = (
        "import sys; sys.modules.update(boto3=None, botocore=None)\n"
        "from jsk_saver.connection import Connection\n"
        "from jsk_saver.doctor import examine\n"
        "for problem in examine(Connection(store='s3://bucket')).problems: print(problem.hint)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "pip install 'jsk-saver[s3]'\n"
