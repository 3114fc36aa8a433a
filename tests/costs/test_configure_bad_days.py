"""``jsk configure`` where shells, editors and outputs are not as one would wish."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from jsk_saver.configuring import platform
from jsk_saver.errors import SettingsError
from jsk_saver.settings import load
from tests.costs.test_configure import IRIS, ONE, PLATFORM, SETTINGS, TWO, outputs

MARK = b"\xef\xbb\xbf"


# What comes in --------------------------------------------------------------------------------------


@pytest.mark.parametrize("coded", [MARK + ONE.encode(), ONE.encode("utf-16")], ids=["marked", "utf-16"])
def test_outputs_as_powershell_writes_them_are_read_from_pipes_and_files(project, jsk, tmp_path, coded):
    (tmp_path / "outputs.json").write_bytes(coded)
    jsk("configure", "--no-check", "--from", str(tmp_path / "outputs.json"))
    assert load().store == IRIS["store"]
    Path("jsk.toml").unlink()
    jsk("configure", "--no-check", given=coded)
    assert load().store == IRIS["store"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ONE[:60], "broken JSON, perhaps cut short"),
        ("[" * 200_000, "is not JSON"),
        ('{"a":' * 50_000, "broken JSON"),
        (outputs({"iris": {**IRIS, "squad": "a\0b"}}), "tells squad as"),
        (outputs({"iris": {**IRIS, "squad": "\ud800"}}), "tells squad as"),
        (outputs({"iris": {**IRIS, "share": float("nan")}}), "tells share as nan"),
        (
            outputs({"iris": {**IRIS, "region": 5}}),
            "'region' takes text, not 5 (in: output 'jsk' of Terraform)",
        ),
    ],
)
@pytest.mark.parametrize("more", [(), ("--env",), ("--json",)])
def test_what_cannot_be_read_or_written_is_refused_whole(project, jsk, text, said, more):
    done = jsk("configure", "--no-check", *more, given=text, code=2)
    assert said in done.stderr
    assert "Kept: Nothing was written." in done.stderr
    assert "Next:" in done.stderr
    assert (done.stdout, list(project.iterdir())) == ("", [])


@pytest.mark.parametrize("command", [("configure",), ("apps", "stop", "ada-iris")])
def test_without_standard_input_nothing_breaks(aws, studio, command):
    studio.state.add_space("d-1", "ada-iris")
    studio.state.start_app("d-1", "ada-iris")
    program = "import sys; from jsk_saver.cli import main; sys.stdin = None; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, *command], capture_output=True, text=True, check=False
    )
    assert done.returncode in (2, 5), done.stderr
    assert "Nothing comes in" in done.stderr or "nobody could be asked" in done.stderr
    assert studio.changes() == []


# What a shell gets ----------------------------------------------------------------------------------


def test_a_shell_that_runs_what_is_printed_gets_no_table(project, jsk, answer):
    done = jsk("configure", "--env", given=TWO, code=2)
    assert done.stdout == ""
    assert "churn, iris" in done.stderr
    assert len(answer("configure", "--env", given=TWO, code=2)["experiments"]) == 2


# Files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["jsk.toml", "pyproject.toml"])
def test_the_mark_that_some_editors_begin_a_file_with_stays(project, jsk, file):
    start = MARK + (b"[tool.jsk]\r\n" if file == "pyproject.toml" else b"")
    Path(file).write_bytes(start + b"timeout = 7\r\n")
    jsk("configure", "--no-check", given=ONE)
    assert Path(file).read_bytes().startswith(start + b"timeout = 7\r\nstore = ")
    assert (load().store, load().timeout) == (IRIS["store"], 7)
    assert platform.load() == PLATFORM


def test_a_read_only_file_stays(project, jsk):
    Path("jsk.toml").write_text("timeout = 7\n")
    Path("jsk.toml").chmod(0o444)
    done = jsk("configure", "--no-check", given=ONE, code=2)
    assert "jsk.toml could not be written: it is read-only." in done.stderr
    assert "jsk configure --env" in done.stderr
    assert [file.name for file in project.iterdir()] == ["jsk.toml"]
    assert Path("jsk.toml").read_text() == "timeout = 7\n"


def test_a_file_of_the_kit_in_a_coding_that_cannot_be_read_is_not_passed_over(project, jsk):
    """Else versions would go to the default store, and nobody would know."""
    text = "# gr\xfc\xdfe\nstore = 's3://lab/objects'\n".encode("latin-1")
    Path("jsk.toml").write_bytes(text)
    with pytest.raises(SettingsError, match="not in UTF-8"):
        load()
    assert "not in UTF-8" in jsk("configure", "--no-check", given=ONE, code=2).stderr
    assert Path("jsk.toml").read_bytes() == text


def test_another_projects_file_in_another_coding_is_none_of_our_business(project):
    (project / "pyproject.toml").write_bytes("[project]\ndescription = 'gr\xfc\xdfe'\n".encode("latin-1"))
    assert load().origin("store") == "default"


def test_settings_of_a_folder_above_that_do_not_count_any_more_are_told(project, jsk, monkeypatch):
    (project / "pyproject.toml").write_text('[tool.jsk]\ncache-size = "2 GB"\n')
    inner = project / "notebooks"
    inner.mkdir()
    monkeypatch.chdir(inner)
    done = jsk("configure", "--no-check", given=ONE)
    assert "in place of" in done.stderr
    assert "which sets cache_size" in done.stderr
    jsk("configure", "--no-check", "--folder", str(project), given=ONE)
    told = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["jsk"]
    assert told == {"cache-size": "2 GB", **SETTINGS, "platform": PLATFORM}


def test_what_is_taken_away_is_said_to_be(project, jsk):
    Path("jsk.toml").write_text('store = "s3://old/objects"\nsse = "aws:kms"\n')
    done = jsk("configure", "--no-check", given=outputs({"iris": {"store": IRIS["store"]}}))
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("sse"))
    assert line.split() == ["sse", "(taken", "away)", "aws:kms"]


# While it works -------------------------------------------------------------------------------------


def test_what_was_written_is_told_before_the_store_is_asked(project, monkeypatch):
    """Whoever waits for it, and gives up, knows what was done."""
    from typer.testing import CliRunner

    from jsk_saver.cli import configuring
    from jsk_saver.cli.app import app

    def give_up(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(configuring, "_check", give_up)
    done = CliRunner().invoke(app, ["configure"], input=ONE)
    assert done.exit_code == 130
    assert IRIS["store"] in done.stdout
    assert load().store == IRIS["store"]


def test_two_at_once_leave_a_whole_file_and_nothing_beside_it(project, tmp_path):
    (tmp_path / "outputs.json").write_text(TWO)
    program = "import sys; from jsk_saver.cli import main; sys.exit(main())"
    command = [
        sys.executable,
        "-c",
        program,
        "configure",
        "--no-check",
        "--from",
        str(tmp_path / "outputs.json"),
    ]
    both = [subprocess.Popen([*command, name], stdout=subprocess.DEVNULL) for name in ("iris", "churn")]
    assert [one.wait(60) for one in both] == [0, 0]
    told = tomllib.loads(Path("jsk.toml").read_text())
    assert told["store"].endswith("-123456789012/objects")
    assert told["platform"]["experiment"] in told["store"]
    assert [file.name for file in project.iterdir()] == ["jsk.toml"]
