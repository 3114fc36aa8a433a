"""Keys, trials, metrics and parameters complete where they belong, in a real IPython shell."""

from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter

from jsk_saver.notebook.typing_places import find_place

KEYS = ["a b", "model", "model.depth", "model.kind", "orders", "origin"]


@pytest.fixture
def shell(ipython, saver, experiment):
    saver.put(
        "data/channels.json", [1], metadata={"origin": "youtube", "model": {"kind": "tree", "depth": 3}}
    )
    saver.put("data/my channels.json", [2], metadata={"orders": 7, "a b": 1})
    for k, name in ((2, "first"), (5, "second")):
        with experiment.trial(name, k=k, kind="lloyd") as trial:
            trial.log_metrics({"inertia": 100 / k, "silhouette": 0.5})
            trial.tag(stage="draft")
    ipython.user_ns["trial"] = trial
    return ipython


def offered(shell, text: str) -> list[str]:
    """Return what the word at the cursor could become, the kit's matcher deciding alone where it knows."""
    with provisionalcompleter():
        return [found.text for found in shell.Completer.completions(text, len(text))]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('saver.search("ori', ["origin:"]),
        ('saver.search("origin:youtube -mo', ["model:", "model.depth:", "model.kind:"]),
        ("saver.search('(or", ["orders:", "origin:"]),
        ('saver.get("a.json", search_pattern={"', KEYS),
        ('saver.get("data/channels.json", search_pattern={"orders": 7, "ori', ["origin"]),
        ('saver.search({"model.', ["model.depth", "model.kind"]),
        ('saver.put("b.json", [1], metadata={"', ["a b", "model", "orders", "origin"]),
        ('saver.get("data/channels.json", search_pattern="ord', ["orders:"]),
        ('saver.get(\n    "data/channels.json",\n    search_pattern={"ord', ["orders"]),
        ('trial.get("data/c', ["data/channels.json"]),
        ("%saver history data/c", ["data/channels.json"]),
        ('x = %saver get "data/my', ["data/my channels.json"]),
        ("%saver search mod", ["model:", "model.depth:", "model.kind:"]),
        ('experiment.trial("', ["second", "first"]),
        ('experiment["f', ["first"]),
        ('experiment.best("', ["inertia", "silhouette"]),
        ('experiment.plot("', ["inertia", "silhouette", "k", "kind"]),
        ('experiment.plot("inertia", x="k', ["k", "kind"]),
        ('experiment.plot(["inertia", "si', ["silhouette"]),
        ('experiment.trials("k:>2 in', ["inertia:"]),
        ('experiment.compare("sta', ["stage:", "status:"]),
        ('experiment.compare({"k', ["k", "kind"]),
        ('experiment.compare("status:', ["status:completed"]),
        ('experiment.trials("k:>2 -stage:dr', ["stage:draft"]),
        ('experiment.trials("k:', ["k:2", "k:5"]),
        ('experiment.reproduce("', ["second", "first"]),
        ('Experiment("', ["iris-kmeans"]),
        ('e = Experiment("iris', ["iris-kmeans"]),
        ("%%trial iris", ["iris-kmeans"]),
        ("%%trial iris-kmeans/f", ["first"]),
        ("%%trial experiment/", ["second", "first"]),
        ("%saver his", ["history"]),
        ("%saver d", ["describe", "diff"]),
    ],
)
def test_what_is_known_is_offered_alone(shell, text, names):
    assert offered(shell, text) == names


@pytest.mark.parametrize(
    "text",
    [
        'saver.search("origin:you', 'saver.search({"origin": "ori', 'other.search("ori',  'open("f',
        '"experiment.best', 'saver.put("new.json", {"a": "ori', 'experiment.trial(k="fir', 'number["fir',
    ],
)  # fmt: skip
def test_elsewhere_nothing_of_the_kits_is_offered(shell, text):
    known = {"origin", "origin:", "orders", "orders:", "first", "second", "inertia"}
    assert not known & set(offered(shell, text))


def test_nothing_that_was_typed_is_run(shell):
    ran = []
    shell.user_ns["make"] = lambda: ran.append(1)
    offered(shell, 'make().trial("')
    offered(shell, 'make()["')
    assert ran == []


def test_a_long_cell_is_looked_at_from_its_end_only():
    assert find_place("(" * 100_000 + 'saver.search("ori') == ("condition", "saver", "ori")
    assert find_place("saver.get(" + "[" * 100_000) is None


def test_a_damaged_journal_offers_nothing_and_raises_nothing(shell, experiment):
    (experiment.folder / "odd").mkdir()
    (experiment.folder / "odd" / "1.events").mkdir()
    assert "inertia" not in offered(shell, 'experiment.best("')
