"""The magics: ``%saver`` finds and reads what was saved, ``%%trial`` runs a cell inside a trial."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Callable
from typing import Any

from jsk_saver.display import html_fields, text_fields
from jsk_saver.errors import QueryError
from jsk_saver.notebook import cells
from jsk_saver.notebook.words import value_of
from jsk_saver.reader import Reader
from jsk_saver.saved import Results
from jsk_saver.tracking import Experiment

_LAST = 5
_NAMED = ("get", "history", "describe", "lineage", "diff")
#: What ``%saver`` does.
VERBS = ("search", *_NAMED)
_QUIET = "--quiet"
# name=value; a value may be quoted or in brackets, and then hold spaces.
_PAIR = re.compile(
    r"""\s*(?P<name>[A-Za-z_][\w.-]*)=(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\[({].*?[\])}](?=\s|$)|\S*)"""
)


def register(ipython: Any) -> None:
    """Make the magics known to a shell."""
    ipython.register_magic_function(
        functools.wraps(saver_magic)(_bound(saver_magic, ipython)), "line", "saver"
    )
    ipython.register_magic_function(
        functools.wraps(trial_magic)(_bound(trial_magic, ipython)), "cell", "trial"
    )


def unregister(ipython: Any) -> None:
    """Take the magics away."""
    ipython.magics_manager.magics["line"].pop("saver", None)
    ipython.magics_manager.magics["cell"].pop("trial", None)


def _bound(function: Callable[..., Any], ipython: Any) -> Callable[..., Any]:
    return lambda line, *cell: function(ipython, line, *cell)


# %saver ----------------------------------------------------------------------------------------------


class Overview:
    """Where a saver keeps things, and what was saved last."""

    def __init__(self, saver: Reader) -> None:
        self._saver = saver
        self.last: Results = saver.search(limit=_LAST)

    def _fields(self) -> list[tuple[str, Any]]:
        names = len(self._saver.connection.index.names(hidden=False))
        return [("store", self._saver.store.uri), ("file names", f"{names:,}")]

    def __repr__(self) -> str:
        return f"{text_fields(self._fields(), title='Saver')}\n\nSaved last\n{self.last!r}"

    def _repr_html_(self) -> str:
        return html_fields(self._fields(), caption="Saver") + self.last._repr_html_()


def saver_magic(ipython: Any, line: str) -> Any:
    """Find and read what was saved.

    ::

        %saver                          the store, and what was saved last
        %saver search origin:youtube    versions that match
        %saver history NAME             the versions of a file name
        %saver describe NAME            the story of the newest version
        %saver lineage NAME             what it was made from
        %saver diff NAME                what changed since the version before
        x = %saver get NAME             the object itself
    """
    saver = _saver(ipython)
    verb, _, rest = line.strip().partition(" ")
    if not verb:
        return Overview(saver)
    if verb == "search":
        return saver.search(rest.strip() or None)
    if verb not in _NAMED:
        raise QueryError(
            f"%saver has no {verb!r}: it knows search, {', '.join(_NAMED)}.",
            hint=f"%saver search {line.strip()}",
        )
    return getattr(saver, verb)(_one_name(verb, rest))


def _one_name(verb: str, rest: str) -> str:
    """Return the file name that was typed, quoted or not."""
    try:
        words = shlex.split(rest)
    except ValueError:  # a quote that is not closed, or that belongs to the name
        words = [rest.strip()]
    if not words:
        raise QueryError(f"%saver {verb} needs a file name.", hint="%saver search")
    return words[0] if len(words) == 1 else rest.strip()


def _saver(ipython: Any) -> Reader:
    """Return the notebook's own ``saver``, else the ready-made one."""
    own = ipython.user_ns.get("saver")
    if isinstance(own, Reader):
        return own
    from jsk_saver import saver

    return saver


# %%trial ---------------------------------------------------------------------------------------------


def trial_magic(ipython: Any, line: str, cell: str) -> Any:
    """Run the cell inside a trial, which is called ``trial`` in it, and show a live table.

    ::

        %%trial iris-kmeans k=5 seed=1
        model = KMeans(trial.params["k"]).fit(X)
        trial.log_metric("inertia", model.inertia_)

    First comes an experiment: its name or a variable that holds it; ``iris-kmeans/baseline`` names the trial
    too. Then its parameters, as in Python: ``k=5``, ``k=n`` (the notebook's variable ``n``),
    ``k=settings.k``, ``layers=[n, 2*n]``, ``k=(n + 1)``. A word that names no variable with a plain value is
    text: ``init=random`` is ``"random"``, also where a module is called so; in quotes it is text in any case.
    ``seed=1`` seeds, ``resume=True`` goes on with a trial of that name, ``--quiet`` shows no table. A cell
    that raises fails the trial, and the error is shown.
    """
    wanted, _, rest = line.strip().partition(" ")
    quiet = _QUIET in rest.split()
    params = _params(ipython, rest.replace(_QUIET, "", 1) if quiet else rest)
    experiment, name = _experiment(ipython, wanted)
    code = cells.compiled(ipython, cell)  # a slip of the pen is no failed trial
    trial = experiment.trial(name, **params)
    ipython.user_ns["trial"] = trial
    with trial, cells.only_its_own_lines(code):
        if not quiet:
            trial.live()
        return code.run()


def _experiment(ipython: Any, wanted: str) -> tuple[Experiment, str]:
    """Return which experiment is meant, and the name of the trial if there is one."""
    known, _, name = wanted.partition("/")
    if not known or "=" in known:
        raise QueryError(
            "%%trial needs to know which experiment.", hint=f"%%trial my-experiment {wanted}".strip()
        )
    held = ipython.user_ns.get(known)
    if isinstance(held, Experiment):
        return held, name
    for value in list(ipython.user_ns.values()):
        if isinstance(value, Experiment) and value.name == known:
            return value, name
    saver: Any = _saver(ipython)
    return Experiment(known, saver=saver), name


def _params(ipython: Any, text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    at = 0
    while text[at:].strip():
        pair = _PAIR.match(text, at)
        if pair is None:
            word = text[at:].split()[0]
            raise QueryError(
                f"{word!r} is no parameter: they are typed name=value.", hint=f"%%trial … {word}=1"
            )
        if pair["name"] in ("parent", "links"):
            raise QueryError(
                f"A parameter of %%trial cannot be called {pair['name']!r}.",
                hint=f'trial.log_param("{pair["name"]}", …)    # in the cell',
            )
        found[pair["name"]] = value_of(pair["value"], ipython.user_ns)
        at = pair.end()
    return found
