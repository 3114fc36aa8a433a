"""What the tab key offers inside the calls of a saver, an experiment or a trial.

Everything comes from the index and the journal on this machine: nothing is asked of a store while somebody
types, and nothing that was typed is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jsk_saver.notebook import kernel_magic
from jsk_saver.notebook.typing_places import Place, find_place
from jsk_saver.reader import Reader
from jsk_saver.tracking import Experiment, Trial

#: Lists the file names of a saver that start with some text.
Names = Callable[[Reader, str], Iterable[str]]

_MOST = 200


def complete_names(ipython: Any, names: Names) -> None:
    """Complete what belongs into the calls of any saver and experiment.

    Parameters
    ----------
    ipython
        The running shell.
    names
        Takes the saver and what was typed so far, and returns the file names that start so.
    """
    from IPython.core.completer import SimpleCompletion, context_matcher

    @context_matcher()  # type: ignore[untyped-decorator]
    def matcher(context: Any) -> dict[str, Any]:
        place = find_place(_typed(context))
        found = _offered(place, ipython.user_ns, names) if place else []
        completions = (
            [SimpleCompletion(text=name, type=place.kind.split()[-1]) for name in found] if place else []
        )
        # Where a file name belongs, files of the working folder and variables only distract.
        return {
            "completions": completions,
            "matched_fragment": place.typed if place else "",
            "ordered": True,
            "suppress": bool(found),
        }

    stop_completing(ipython)
    matcher.completes_jsk_names = True
    ipython.Completer.custom_matchers.append(matcher)


def stop_completing(ipython: Any) -> None:
    """Offer nothing more."""
    matchers = ipython.Completer.custom_matchers
    matchers[:] = [matcher for matcher in matchers if not getattr(matcher, "completes_jsk_names", False)]


def names_in_index(saver: Reader, start: str) -> list[str]:
    """Return file names that start with ``start``, as the index on this machine knows them."""
    return saver.connection.index.names(start, hidden=False)


def _typed(context: Any) -> str:
    """Return the text before the cursor; a call may have begun lines before."""
    above = context.full_text.split("\n")[: context.cursor_line]
    return "\n".join([*above, context.text_until_cursor])


def _offered(place: Place, variables: Mapping[str, Any], names: Names) -> list[str]:
    try:
        owner = _resolve(place.owner, variables)
        found = _SOURCES[place.kind](owner, place.typed, names)
        return [name for name in found if name.startswith(place.typed)][:_MOST]
    except Exception:  # a completion that fails must not get between a person and the keyboard
        return []


def _resolve(path: str, variables: Mapping[str, Any]) -> Any:
    """Return what ``path`` names, without running anything; without a path the ready-made saver."""
    first, *rest = (path or "saver").split(".")
    found = variables[first] if first in variables else _named(first, variables)
    for name in rest:
        found = getattr(found, "__dict__", {}).get(name)
    if not path and not isinstance(found, Reader):
        from jsk_saver import saver

        return saver
    return found


def _named(name: str, variables: Mapping[str, Any]) -> Any:
    """Return the experiment of that name that a variable holds: ``%%trial iris-kmeans/`` says no variable."""
    held = (value for value in list(variables.values()) if isinstance(value, Experiment))
    return next((value for value in held if value.name == name), None)


def _saver_of(owner: Any) -> Reader | None:
    if isinstance(owner, Trial):
        return owner.experiment.saver
    return owner if isinstance(owner, Reader) else None


def _experiment_of(owner: Any) -> Experiment | None:
    if isinstance(owner, Trial):
        return owner.experiment
    return owner if isinstance(owner, Experiment) else None


# Where names come from -------------------------------------------------------------------------------


def _file_names(owner: Any, typed: str, names: Names) -> Iterable[str]:
    saver = _saver_of(owner)
    return names(saver, typed) if saver is not None else ()


def _keys(owner: Any, _typed: str, _names: Names) -> Iterable[str]:
    saver = _saver_of(owner)
    if saver is not None:
        return saver.connection.index.keys()
    return [*_measured(owner), *_of_all(owner, "tags"), "status"] if isinstance(owner, Experiment) else ()


def _own_keys(owner: Any, typed: str, names: Names) -> Iterable[str]:
    """Return keys as they are typed when something is saved: those within others have a dot in the index."""
    return [key for key in _keys(owner, typed, names) if "." not in key]


def _conditions(owner: Any, typed: str, names: Names) -> Iterable[str]:
    return [f"{key}:" for key in _keys(owner, typed, names) if not re.search(r"[\s:\"']", key)]


def _values(owner: Any, typed: str, _names: Names) -> Iterable[str]:
    """Return conditions with the values that trials have."""
    if not isinstance(owner, Experiment):
        return ()
    key = typed.partition(":")[0]
    sources = [
        {**known.environment, **known.tags, **known.params, "status": known.status}
        for known in owner.trials()
    ]
    found = dict.fromkeys(_as_typed(source[key]) for source in sources if key in source)
    return [f"{key}:{value}" for value in found if value]


def _as_typed(value: Any) -> str:
    """Return a value as a search takes it; nothing for one that is not typed in a word."""
    if isinstance(value, str):
        return value if re.fullmatch(r"[\w./@+-]+", value) else ""
    return json.dumps(value) if value is None or isinstance(value, bool | int | float) else ""


def _experiments(owner: Any, _typed: str, _names: Names) -> Iterable[str]:
    saver = _saver_of(owner)
    if saver is None:
        return ()
    inside = (saver.settings.home / "journal").iterdir()
    return sorted(path.name for path in inside if path.is_dir() and not path.name.startswith("."))


def _verbs(*_: Any) -> Iterable[str]:
    from jsk_saver.notebook.magics import VERBS

    return VERBS


def _trials(owner: Any, _typed: str, _names: Names) -> Iterable[str]:
    experiment = _experiment_of(owner)
    return [known.name for known in reversed(experiment.trials())] if experiment is not None else ()


def _metrics(owner: Any, _typed: str, _names: Names) -> Iterable[str]:
    return _of_all(owner, "metrics")


def _measured(owner: Any, *_: Any) -> Iterable[str]:
    return list(dict.fromkeys([*_of_all(owner, "metrics"), *_of_all(owner, "params")]))


def _of_all(owner: Any, what: str) -> list[str]:
    experiment = _experiment_of(owner)
    if experiment is None:
        return []
    return sorted({name for known in experiment.trials() for name in getattr(known, what)})


_SOURCES: dict[str, Callable[[Any, str, Names], Iterable[str]]] = {
    "file": _file_names,
    "key": _keys,
    "new key": _own_keys,
    "condition": _conditions,
    "value": _values,
    "experiment": _experiments,
    "verb": _verbs,
    "trial": _trials,
    "metric": _metrics,
    "quantity": _measured,
    "kernel verb": lambda *_: kernel_magic.VERBS,
    "dependency": lambda *_: kernel_magic.direct_dependencies(),
}
