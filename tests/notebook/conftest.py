"""A saver, an experiment and a shell of IPython's, none of which is anybody's."""

from __future__ import annotations

import atexit
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from jsk_saver import Experiment, Saver


@pytest.fixture
def saver(tmp_path: Path) -> Saver:
    return Saver(tmp_path / "store", home=tmp_path / "home")


@pytest.fixture
def experiment(saver: Saver) -> Experiment:
    return Experiment("iris-kmeans", saver=saver)


@pytest.fixture
def ipython(saver, experiment, tmp_path, monkeypatch):
    """A shell with the extension, a saver and an experiment."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.user_ns.update(saver=saver, experiment=experiment)
    shell.run_line_magic("load_ext", "jsk_saver")
    yield shell
    shell.atexit_operations()  # while its folder is there
    atexit.unregister(shell.atexit_operations)
    InteractiveShell.clear_instance()
