"""File names complete inside the calls of a saver, in a real IPython shell."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

import jsk_saver
from jsk_saver import Saver
from jsk_saver.notebook import complete_names, load_ipython_extension, unload_ipython_extension

NAMES = ["data/channels.parquet", "data/my channels.csv", "data_youtube.csv", "model.skops", "übung.json"]


@pytest.fixture
def saver(tmp_path) -> Saver:
    return Saver(tmp_path / "store", home=tmp_path / "home")


@pytest.fixture
def shell(saver, tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "data_of_the_folder.txt").touch()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    shell = InteractiveShell()
    shell.history_manager.enabled = False
    shell.user_ns.update(saver=saver, jsk_saver=jsk_saver, number=3)
    complete_names(shell, lambda _saver, start: [name for name in NAMES if name.startswith(start)])
    return shell


def _complete(shell, line: str) -> list[str]:
    """Return what the line would be with each completion taken."""
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter():
        return [
            line[: found.start] + found.text + line[found.end :]
            for found in shell.Completer.completions(line, len(line))
        ]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('saver.get("', NAMES),
        ("frame = saver.get( 'data/", ["data/channels.parquet", "data/my channels.csv"]),
        ('saver.get("data/my ch', ["data/my channels.csv"]),
        ('saver.history(filename="model.', ["model.skops"]),
        ('print(saver.describe("ü', ["übung.json"]),
        ('jsk_saver.saver.get("data_y', ["data_youtube.csv"]),
    ],
)
def test_the_names_that_start_so_are_offered_alone(shell, line, names):
    start = line[: max(line.rfind('"'), line.rfind("'")) + 1]
    assert _complete(shell, line) == [start + name for name in names]


@pytest.mark.parametrize(
    "line", ['number.get("data', 'saver.search("data', 'saver.get("a.csv", to="data', "open('data"]
)
def test_elsewhere_completion_stays_as_it_is(shell, line):
    offered = _complete(shell, line)
    assert not any(name in line_then for line_then in offered for name in NAMES)


def test_a_name_nobody_saved_leaves_the_folders_files_to_be_offered(shell):
    assert 'saver.put("data_of_the_folder.txt' in _complete(shell, 'saver.put("data_of')


def test_a_list_that_fails_offers_nothing_and_raises_nothing(shell):
    def fail(_saver, _start):
        raise OSError("the index is gone")

    complete_names(shell, fail)
    assert not any("channels" in line for line in _complete(shell, 'saver.get("data/ch'))


def test_loading_twice_offers_once_and_unloading_ends_it(shell):
    load_ipython_extension(shell)
    load_ipython_extension(shell)
    assert len(shell.Completer.custom_matchers) == 1
    unload_ipython_extension(shell)
    assert shell.Completer.custom_matchers == []


def test_the_extension_completes_what_was_really_saved(shell, saver):
    for name in ("data/channels.json", "data/[odd] names*.json", "model.json"):
        saver.put(name, {"a": 1})
    shell.run_line_magic("load_ext", "jsk_saver.notebook")
    assert sorted(_complete(shell, 'saver.get("data/')) == [
        'saver.get("data/[odd] names*.json',
        'saver.get("data/channels.json',
    ]
    assert _complete(shell, 'saver.get("data/[odd] n') == ['saver.get("data/[odd] names*.json']
    assert _complete(shell, 'saver.get("m') == ['saver.get("model.json']
