"""An error in a notebook shows the user's line and what to do, in a real IPython shell."""

from __future__ import annotations

import re

import pytest
from IPython.core.interactiveshell import InteractiveShell

from jsk_saver import Saver

CODES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("JSK_DEBUG", raising=False)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.user_ns.update(saver=Saver(tmp_path / "store", home=tmp_path / "home"))
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def run(shell, capsys):
    """Run cells and return what the last of them shows."""

    def cells(*codes: str) -> str:
        for code in codes:
            capsys.readouterr()
            shell.run_cell(code)
        shown = capsys.readouterr()
        return CODES.sub("", shown.out + shown.err)

    return cells


@pytest.mark.parametrize(
    "code",
    ["saver.get('nope.json')", "saver.put('b.json', lambda: 1)", "saver.put('a.csv', object())"],
)
def test_an_error_shows_the_line_of_the_user_and_none_of_the_kits(run, code):
    shown = run(f"x = 1\n{code}")
    assert f"----> 2 {code}" in shown
    assert shown.count("Traceback") == 1
    assert "jsk_saver" not in shown.replace("JSK_DEBUG", "")
    assert "During handling" not in shown
    assert "direct cause" not in shown
    assert "Next: " in shown


def test_every_function_of_the_user_on_the_way_is_shown(run):
    shown = run("def load(name):\n    return saver.get(name)", "load('nope')")
    assert "----> 1 load('nope')" in shown
    assert "----> 2     return saver.get(name)" in shown


@pytest.mark.parametrize("how", ["%env JSK_DEBUG=1", "%xmode Verbose"])
def test_the_whole_traceback_is_there_for_who_asks(run, monkeypatch, how):
    monkeypatch.setenv("JSK_DEBUG", "")
    shown = run("saver.get('nope')")
    assert "%env JSK_DEBUG=1, then %tb" in shown
    assert "connection.py" in run(how, "%tb")


def test_an_error_outside_of_a_notebook_has_its_own_traceback(tmp_path):
    import subprocess
    import sys

    code = f"from jsk_saver import Saver; Saver({str(tmp_path)!r}).get('nope')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "connection.py" in done.stderr
    assert done.stderr.rstrip().endswith("# what is there")
