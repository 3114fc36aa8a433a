"""``jsk configure``: from what Terraform says to a project whose store answers."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest

from jsk_saver import Saver
from jsk_saver.configuring import platform, toml_lines
from jsk_saver.settings import load

KEY = "arn:aws:kms:eu-central-1:123456789012:key/0a1b"
IRIS = {
    "store": "s3://jsk-vision-iris-123456789012/objects",
    "region": "eu-central-1",
    "sse": "aws:kms",
    "kms_key": KEY,
    "registry": "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
    "experiment": "iris",
    "domain_id": "d-1",
    "squad": "vision",
}
CHURN = {**IRIS, "store": "s3://jsk-growth-churn-123456789012/objects", "experiment": "churn"}
SETTINGS = {name: IRIS[name] for name in ("store", "region", "sse", "kms_key")}
PLATFORM = {name: IRIS[name] for name in ("registry", "experiment", "domain_id", "squad")}


def outputs(value: object, **others: object) -> str:
    """Return what ``terraform output -json`` says."""
    told = {"jsk": value, **others}
    return json.dumps({name: {"sensitive": False, "type": "string", "value": told[name]} for name in told})


ONE, TWO = outputs({"iris": IRIS}), outputs({"iris": IRIS, "churn": CHURN})


# Where it goes --------------------------------------------------------------------------------------


def test_without_a_project_file_the_kit_reads_the_settings_from_a_file_of_its_own(project, jsk):
    jsk("configure", "--no-check", given=ONE)
    assert tomllib.loads(Path("jsk.toml").read_text()) == {**SETTINGS, "platform": PLATFORM}
    settings = load()
    assert {name: getattr(settings, name) for name in SETTINGS} == SETTINGS
    assert settings.origin("store") == str(project / "jsk.toml")
    assert platform.load() == PLATFORM


def test_a_project_file_is_changed_where_it_is_about_the_kit_and_nowhere_else(project, jsk):
    text = (
        "# Ours.\n[project]\nname = 'iris'   # keep\n\n[tool.jsk]\n# where versions are\n"
        'store = "old"  # for now\ncache-size = "2 GB"\n\n# ruff\n[tool.ruff]\nline-length = 99\n'
    )
    Path("pyproject.toml").write_text(text)
    jsk("configure", "--no-check", given=ONE)
    changed = Path("pyproject.toml").read_text()
    assert not Path("jsk.toml").exists()
    for line in text.splitlines():
        assert line in changed or line.startswith("store")
    assert f'store = "{IRIS["store"]}"  # for now\ncache-size = "2 GB"\nregion = ' in changed
    assert load().store == IRIS["store"]
    assert load().cache_size == 2 * 10**9
    assert platform.load() == PLATFORM


def test_a_project_file_that_says_nothing_of_the_kit_yet_gets_a_table(project, jsk):
    Path("pyproject.toml").write_bytes(b"[project]\r\nname = 'iris'\r\n")
    jsk("configure", "--no-check", given=ONE)
    text = Path("pyproject.toml").read_bytes()
    assert text.startswith(b"[project]\r\nname = 'iris'\r\n\r\n[tool.jsk]\r\n")
    assert text.count(b"\n") == text.count(b"\r\n")
    assert load().store == IRIS["store"]


def test_typed_again_nothing_changes(project, jsk, answer):
    jsk("configure", "--no-check", given=ONE)
    before = Path("jsk.toml").read_bytes()
    assert answer("configure", "--no-check", given=ONE)["changes"] == []
    assert "says all of this about iris already" in jsk("configure", "--no-check", given=ONE).stdout
    assert Path("jsk.toml").read_bytes() == before


def test_another_experiments_key_does_not_stay(project, jsk, answer):
    jsk("configure", "--no-check", given=ONE)
    Path("jsk.toml").write_text("timeout = 7\n" + Path("jsk.toml").read_text())
    plain = {name: CHURN[name] for name in ("store", "region", "experiment")}
    told = answer("configure", "--no-check", given=outputs({"churn": {**plain, "kms_key": None}}))
    assert {"name": "kms_key", "before": KEY, "after": None} in told["changes"]
    assert {"name": "platform.squad", "before": "vision", "after": None} in told["changes"]
    assert tomllib.loads(Path("jsk.toml").read_text()) == {
        "timeout": 7,
        "store": CHURN["store"],
        "region": CHURN["region"],
        "platform": {"experiment": "churn"},
    }


def test_a_file_of_its_own_stays_the_place_beside_a_project_that_says_nothing_of_the_kit(project, jsk):
    jsk("configure", "--no-check", given=ONE)
    Path("pyproject.toml").write_text('[tool.jsk.kernel]\nname = "iris"\n')
    jsk("configure", "churn", "--no-check", given=TWO)
    assert load().store == CHURN["store"]
    assert "store" not in Path("pyproject.toml").read_text()


def test_rights_and_links_of_the_file_stay(project, jsk, tmp_path):
    real = tmp_path / "elsewhere.toml"
    real.write_text("timeout = 7\n")
    real.chmod(0o600)
    Path("jsk.toml").symlink_to(real)
    jsk("configure", "--no-check", given=ONE)
    assert Path("jsk.toml").is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert load().timeout == 7


@pytest.mark.parametrize(
    "text",
    [
        '[tool]\njsk.store = "x"\n',
        'tool = { jsk = { store = "x" } }\n',
        '[tool.jsk]\nstore = """\nx"""\n',
        '[tool.other]\nx = """\n[tool.jsk]\n"""\n',
        '[tool.jsk]\nplatform = { squad = "x" }\n',
    ],
)
def test_a_file_that_cannot_be_changed_line_by_line_stays_and_says_what_to_write(project, jsk, text):
    Path("pyproject.toml").write_text(text)
    done = jsk("configure", "--no-check", given=ONE, code=2)
    assert "cannot be changed line by line" in done.stderr
    assert f'store = "{IRIS["store"]}"' in done.stderr
    assert Path("pyproject.toml").read_text() == text


def test_a_file_that_is_no_toml_stays(project, jsk):
    Path("pyproject.toml").write_text("[tool.jsk]\nstore = \n")
    jsk("configure", "--no-check", given=ONE, code=2)
    assert Path("pyproject.toml").read_text() == "[tool.jsk]\nstore = \n"


@pytest.mark.parametrize("value", ['a "b"\\c', "tab\t", "null\x00", "\x7f", "ü🌍", True, 30, 1.5])
def test_any_value_comes_back_as_it_was(value):
    assert tomllib.loads(toml_lines.changed("", (), {"x": value})) == {"x": value}


# Who wins -------------------------------------------------------------------------------------------


def test_the_nearest_file_wins_and_in_one_folder_the_project_file(project, monkeypatch):
    inner = project / "notebooks"
    inner.mkdir()
    (project / "pyproject.toml").write_text('[tool.jsk]\nregion = "outer"\n')
    (project / "jsk.toml").write_text('region = "beside"\n')
    monkeypatch.chdir(inner)
    assert load().region == "outer"
    (inner / "jsk.toml").write_text('region = "inner"\nstore = "versions"\n')
    assert load().region == "inner"
    assert load().store == str(inner / "versions")
    monkeypatch.setenv("JSK_REGION", "environment")
    assert load().region == "environment"
    assert load(region="argument").region == "argument"


def test_a_wrong_value_names_the_file(project):
    from jsk_saver.errors import SettingsError

    (project / "jsk.toml").write_text("colour = 1\n")
    with pytest.raises(SettingsError, match=r"no setting 'colour' \(in: .*jsk\.toml\)"):
        load()
    (project / "jsk.toml").write_text("colour = \n")
    with pytest.raises(SettingsError, match=r"jsk\.toml is not valid TOML"):
        load()


def test_other_values_of_this_shell_are_told(project, jsk, monkeypatch):
    monkeypatch.setenv("JSK_STORE", "s3://other/place")
    done = jsk("configure", "--no-check", given=ONE)
    assert "win over jsk.toml: JSK_STORE" in done.stderr
    assert "unset JSK_STORE" in done.stderr


# Other ways -----------------------------------------------------------------------------------------


def test_export_lines_set_the_same_in_a_shell_and_nothing_is_written(project, jsk):
    import subprocess

    lines = jsk("configure", "--env", "--no-check", given=ONE).stdout
    assert list(project.iterdir()) == []
    done = subprocess.run(["sh", "-c", f"{lines} env"], capture_output=True, text=True, check=True, env={})
    told = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    assert {told[f"JSK_{name.upper()}"] for name in SETTINGS} == set(SETTINGS.values())
    assert platform.load(environment=told) == PLATFORM


def test_what_a_shell_would_run_is_text_in_a_value_and_no_name_at_all(project, jsk, tmp_path):
    import subprocess

    trap = tmp_path / "sprung"
    told = {**IRIS, "squad": f"$(touch {trap})", f"x; touch {trap};": "y"}
    lines = jsk("configure", "--env", "--no-check", given=outputs({"iris": told})).stdout
    assert f"'$(touch {trap})'" in lines
    subprocess.run(["sh", "-c", lines], check=True)
    assert not trap.exists()


def test_variables_of_the_platform_are_known_ones():
    from jsk_saver.settings import unknown_variables

    assert unknown_variables({"JSK_PLATFORM_SQUAD": "x", "JSK_PLATFROM_SQUAD": "x"}) == ["JSK_PLATFROM_SQUAD"]


def test_dry_run_tells_and_writes_nothing(project, jsk, answer):
    done = jsk("configure", "--dry-run", given=ONE)
    assert IRIS["store"] in done.stdout
    assert "Nothing was written." in done.stderr
    told = answer("configure", "--dry-run", given=ONE)
    assert (told["written"], told["store"]) == (False, None)
    assert list(project.iterdir()) == []


def test_a_file_is_read_too_and_another_folder_written(project, jsk, tmp_path):
    (tmp_path / "outputs.json").write_text(TWO)
    other = tmp_path / "other"
    other.mkdir()
    where = ("--from", str(tmp_path / "outputs.json"), "--folder", str(other))
    jsk("configure", "churn", *where, "--no-check")
    assert load(other).store == CHURN["store"]
    assert list(project.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        outputs(IRIS),
        json.dumps({"iris": IRIS}),
        json.dumps(IRIS),
        outputs({"iris": {**IRIS, "members": ["ada"], "nothing": None}}, bucket="x"),
    ],
)
def test_other_forms_of_the_same_output_are_understood(project, jsk, text):
    jsk("configure", "iris", "--no-check", given=text)
    assert load().store == IRIS["store"]
    assert platform.load() == PLATFORM


def test_experiments_of_several_squads_are_named_with_their_squad(project, jsk):
    text = outputs({"vision": {"iris": IRIS}, "growth": {"iris": CHURN}})
    jsk("configure", "growth/iris", "--no-check", given=text)
    assert load().store == CHURN["store"]


# Which experiment -----------------------------------------------------------------------------------


def test_several_experiments_and_none_named_are_listed_with_what_to_type(project, jsk, answer):
    done = jsk("configure", given=TWO, code=2)
    assert CHURN["store"] in done.stdout
    assert "terraform output -json | jsk configure churn" in done.stderr
    names = [one["experiment"] for one in answer("configure", given=TWO, code=2)["experiments"]]
    assert names == ["churn", "iris"]
    assert list(project.iterdir()) == []


def test_an_experiment_that_terraform_did_not_make_is_not_found(project, jsk):
    said = jsk("configure", "wine", given=TWO, code=3).stderr
    assert "it made churn, iris" in said


# What is no output ----------------------------------------------------------------------------------

FAILED = "\x1b[31m╷\x1b[0m\n│ \x1b[31mError: \x1b[0mBackend initialization required\n╵\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Nothing came in."),
        ("  \n", "Nothing came in."),
        (FAILED, "Terraform failed: Error: Backend initialization required"),
        ("jsk = {\n  store = 1\n}\n", "not in JSON"),
        ("Warning: No outputs found\n", "has no outputs here"),
        ('{"@level":"info","@message":"Apply complete!"}\n{"@level":"info"}\n', "the log of terraform apply"),
        ("hello", "This is not JSON; it begins with: hello"),
        ("[1, 2]", "a list: no outputs"),
        ('{"format_version":"1.2","planned_values":{},"resource_changes":[]}', "This is a plan"),
        ('{"version":4,"terraform_version":"1.11.0","outputs":{}}', "This is a state"),
        ("{}", "has no outputs here"),
        (outputs(IRIS).replace('"jsk"', '"other"'), "no output 'jsk' here; it has other"),
        (outputs({}), "holds no experiment"),
        (outputs(None), "holds no experiment"),
        (outputs({"iris": {**IRIS, "store": None}}), "tells no store of 'iris'"),
        (outputs({"iris": {**IRIS, "sse": "rot13"}}), "'sse' is 'rot13'"),
        (outputs({"iris": {**IRIS, "store": "s4://x"}}), "unknown kind"),
    ],
)
def test_anything_else_says_what_it_is_and_what_to_type(project, jsk, text, said):
    done = jsk("configure", given=text, code=2)
    assert said in done.stderr
    assert "Next:" in done.stderr
    assert list(project.iterdir()) == []


def test_a_file_that_is_not_there_says_how_it_is_made(project, jsk):
    done = jsk("configure", "--from", "outputs.json", code=2)
    assert "terraform output -json > outputs.json" in done.stderr


# The store ------------------------------------------------------------------------------------------


def test_at_the_end_the_store_answers_and_saves(project, jsk, answer, moto, point_at, monkeypatch):
    point_at(moto)
    monkeypatch.delenv("JSK_STORE", raising=False)
    store = f"s3://{moto.new_bucket(versioned=True)}/objects"
    text = outputs({"iris": {"store": store, "region": moto.region, "experiment": "iris"}})
    assert f"{store} answers" in jsk("configure", given=text).stderr
    assert answer("configure", given=text)["store"] == {"ok": True, "problems": []}
    saver = Saver()
    assert saver.store.uri == store
    assert saver.put("first.json", {"a": 1}).name == "first.json"


def test_a_store_that_does_not_answer_is_told_after_the_settings_are_written(
    project, jsk, answer, moto, point_at, monkeypatch
):
    point_at(moto)
    monkeypatch.delenv("JSK_STORE", raising=False)
    text = outputs({"iris": {"store": "s3://no-such-bucket-here/objects", "region": moto.region}})
    done = jsk("configure", given=text, code=6)
    assert "no-such-bucket-here" in done.stderr
    assert "Kept: The settings, in jsk.toml." in done.stderr
    assert answer("configure", given=text, code=6)["store"]["ok"] is False
    assert load().store == "s3://no-such-bucket-here/objects"
