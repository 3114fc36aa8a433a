"""What is asked of trials: the saver's search language, and what to say where it cannot mean anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jsk_saver.errors import QueryError
from jsk_saver.index.conditions import And, Condition, Equal, Not, Or, Present, Where, Words, all_of
from jsk_saver.index.line import read_line
from jsk_saver.index.paths import FIELDS, NOTED, join_path, look_up
from jsk_saver.index.query import Query, query
from jsk_saver.index.tokens import pieces
from jsk_saver.record import Record
from jsk_saver.tracking.outcome import STATUSES
from jsk_saver.tracking.ranking import Goal
from jsk_saver.tracking.state import TrialState

#: Where a trial's record has the summaries of its metrics by their whole names.
SUMMARIES = "@summaries"
#: What may be asked of any trial, also where none has it yet.
ALWAYS = (
    *("trial", "status", "started", "ended", "seconds", "parent", "error", "notes", "host", "pulled"),
    *("input", "output", "inputs", "outputs", "seed"),
)
_KINDS = ("params", "metrics", "tags")
#: What people write who think in Python, and what it is in JSON.
_PYTHON = {"None": None, "True": True, "False": False}
_OPERATOR = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![^\s(])(?P<word>or|and|not)(?![^\s)])', re.IGNORECASE)
_MOST_NAMED = 20


def asked(
    trials: Sequence[TrialState],
    records: Sequence[Record],
    goals: Mapping[str, Goal],
    pattern: Any,
    search: Mapping[str, Any],
) -> Query:
    """Return what is asked of an experiment's trials.

    Parameters
    ----------
    trials, records
        All of the experiment, and what the search language knows of each.
    goals
        Which way metrics are to go.
    pattern, search
        As they were typed.

    Raises
    ------
    QueryError
        If it means nothing, or asks for a name that no trial has.
    """
    if isinstance(pattern, str):
        _refuse_small_letters(pattern)
    wanted = _understood(pattern, search)
    names = _Names(trials, records, goals)
    condition = _rewritten(wanted.condition, names)
    if trials:
        _check(replace(wanted, condition=condition), names, pattern if isinstance(pattern, str) else "")
    if wanted.text is not None:
        words = [Words(text, phrase=quoted) for text, quoted in pieces(wanted.text)]
        condition = all_of([condition, *words])
    return replace(wanted, condition=condition, text=None)


def _understood(pattern: Any, search: Mapping[str, Any]) -> Query:
    for flag in ("latest", "hidden"):
        if search.get(flag):
            raise _no_versions(flag)
    try:
        wanted = query(pattern, **search)
    except QueryError as error:
        if error.hint.startswith("search("):
            error.hint = f"experiment.trials{error.hint.removeprefix('search')}"
        raise
    for flag in ("latest", "hidden"):
        if getattr(wanted, flag):
            raise _no_versions(flag)
    options = read_line(pattern).options if isinstance(pattern, str) else {}
    if search.get("limit") is None and not {"limit", "page"} & options.keys():
        wanted = replace(wanted, limit=None)  # a search for versions has a limit of its own
    return wanted


def _no_versions(flag: str) -> QueryError:
    return QueryError(
        f"Trials have no versions, so none is {flag}.",
        hint='experiment.trials("sort:-started limit:1")    # the newest trial',
    )


def _refuse_small_letters(line: str) -> None:
    """Refuse ``k:2 or k:5``: a word to look for, where two conditions are meant."""
    plain = re.sub(r'"(?:[^"\\]|\\.)*"', "x", line)
    words = plain.replace("(", " ").replace(")", " ").split()
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        if word.upper() in ("OR", "AND", "NOT") and not word.isupper() and ":" in before + after:
            meant = _OPERATOR.sub(lambda found: found[0].upper() if found["word"] else found[0], line)
            raise QueryError(
                f"Between conditions stands {word.upper()}, in capitals: {word!r} is a word to look for.",
                hint=f"experiment.trials({meant!r})",
            )


class _Names:
    """The names that the trials of an experiment have."""

    def __init__(
        self, trials: Sequence[TrialState], records: Sequence[Record], goals: Mapping[str, Goal]
    ) -> None:
        self.trials, self._records, self._goals = trials, records, goals

    def has(self, path: str) -> bool:
        """Tell whether some trial has anything at a path, or might."""
        plain = path.removeprefix("@")
        if plain in (*ALWAYS, *FIELDS, *NOTED, *_KINDS) or plain.removeprefix("metrics.") in self._goals:
            return True
        return any(look_up(record, path) for record in self._records)

    def column(self, path: str) -> str | None:
        """Return where it is what a comparison calls so, such as ``metrics.loss (min)``."""
        from jsk_saver.tracking.compare import metric_columns

        columns = metric_columns(self.trials, self._goals)
        found = columns.get(path) or columns.get(f"metrics.{path}")
        return None if found is None else f"@{join_path((SUMMARIES, *found)).removeprefix(chr(92))}"

    def of(self, kind: str) -> list[str]:
        """Return the names of parameters, metrics or tags."""
        return sorted({name for trial in self.trials for name in getattr(trial, kind)})

    def near(self, path: str) -> str:
        """Return the name that was likely meant; nothing where none is like it."""
        from jsk_saver.index.closest import closest

        prefix = next((f"{kind}." for kind in _KINDS if path.startswith(f"{kind}.")), "")
        typed = path.removeprefix("@").removeprefix(prefix)
        kinds = [prefix[:-1]] if prefix else _KINDS
        names = [name for kind in kinds for name in self.of(kind)]
        if not prefix:
            environment = (name for trial in self.trials for name in trial.environment)
            names += [*ALWAYS, *dict.fromkeys(environment), *FIELDS]
        names = list(dict.fromkeys(names))
        # "n_estimators" where autologging noted "SVC.n_estimators", and has space:2 for "has space":2.
        parts = [name for name in names if name.endswith((f".{typed}", f" {typed}"))]
        found = parts if len(parts) == 1 else closest(typed, names) or parts
        return prefix + found[0] if found else ""


def _check(wanted: Query, names: _Names, typed: str) -> None:
    """Refuse a name that no trial has: what was mistyped would find nothing, and look like an answer."""
    asked_for = list(_paths(wanted.condition))
    if wanted.sort is not None:
        asked_for.append((wanted.sort.removeprefix("-"), True))
    for path, is_demanded in asked_for:
        if names.has(path):
            continue
        near = names.near(path)
        if near or is_demanded:  # what is only not to be there may well be on no trial
            raise _unknown(wanted, path, near, names, typed)
    if not any("status" in names.of(kind) for kind in _KINDS):  # a parameter may be called so
        for status in _statuses(wanted.condition):
            if status not in STATUSES:
                raise _no_status(status, typed)


def _statuses(condition: Condition) -> Iterator[str]:
    """Yield each status that is asked for by its whole name."""
    if isinstance(condition, And | Or):
        for part in condition.parts:
            yield from _statuses(part)
    elif isinstance(condition, Not):
        yield from _statuses(condition.part)
    elif isinstance(condition, Where) and condition.path in ("status", "@status"):
        yield from [str(condition.spec.value)] if isinstance(condition.spec, Equal) else []


def _no_status(status: str, typed: str) -> QueryError:
    from jsk_saver.index.closest import closest

    near = closest(status, STATUSES)
    meant = f"status:{near[0]}" if near else "status:failed"
    line = typed.replace(f"status:{status}", meant) if typed else meant
    return QueryError(
        f"No trial has the status {status!r}; it is one of {', '.join(STATUSES)}.",
        hint=f"experiment.trials({line!r})",
    )


def _unknown(wanted: Query, path: str, near: str, names: _Names, typed: str) -> QueryError:
    whose = names.trials[0].experiment
    said = f"No trial of {whose} has {path!r}."
    if near:
        line = _retyped(typed, path, near) or _corrected(wanted, path, near)
        return QueryError(f"{said} Did you mean {near!r}?", hint=f"experiment.trials({line!r})")
    there = [
        f"{title} are: {', '.join(known[:_MOST_NAMED])}{', …' if len(known) > _MOST_NAMED else ''}."
        for title, kind in (("Parameters", "params"), ("Metrics", "metrics"), ("Tags", "tags"))
        if (known := names.of(kind))
    ]
    return QueryError(" ".join([said, *there]), hint="experiment.compare()    # all that there is")


def _retyped(typed: str, path: str, near: str) -> str:
    """Return the line as it was typed with another name in it; nothing where that is not so simple."""
    plain = re.fullmatch(r"\w[\w.-]*", near) is not None
    if not plain and f"{near}:" in typed:  # has space:2
        return typed.replace(f"{near}:", f"{json.dumps(near, ensure_ascii=False)}:")
    places = re.compile(rf"(?<![\w.@\"\\]){re.escape(path)}(?=[\s:)]|$)")
    if len(places.findall(typed)) != 1:
        return ""
    written = near if plain else json.dumps(near, ensure_ascii=False)
    return places.sub(lambda _: written, typed)


def _corrected(wanted: Query, path: str, near: str) -> str:
    """Return the line that was meant."""
    name = join_path((near,)) if near.startswith("@") or "\\" in near else near

    def rename(condition: Condition) -> Condition:
        if isinstance(condition, Where) and condition.path == path:
            return Where(name, condition.spec)
        return condition

    sort = wanted.sort
    if sort is not None and sort.removeprefix("-") == path:
        sort = f"{'-' * sort.startswith('-')}{name}"
    meant = replace(wanted, condition=_mapped(wanted.condition, rename), sort=sort)
    return str(meant).removesuffix(" limit:all")


def _rewritten(condition: Condition, names: _Names) -> Condition:
    """Return a condition on what people mean: ``None`` is null, and columns are what they show."""

    def rewrite(part: Condition) -> Condition:
        if not isinstance(part, Where):
            return part
        if not names.has(part.path) and (column := names.column(part.path)):
            part = Where(column, part.spec)
        spec = part.spec
        if isinstance(spec, Equal) and isinstance(spec.value, str) and spec.value in _PYTHON:
            return Or((Where(part.path, Equal(_PYTHON[spec.value])), part))
        return part

    return _mapped(condition, rewrite)


def _mapped(condition: Condition, change: Any) -> Condition:
    """Return the condition with each of its simple parts changed."""
    if isinstance(condition, And | Or):
        return type(condition)(tuple(_mapped(part, change) for part in condition.parts))
    if isinstance(condition, Not):
        return Not(_mapped(condition.part, change))
    changed: Condition = change(condition)
    return changed


def _paths(condition: Condition, is_demanded: bool = True) -> Iterator[tuple[str, bool]]:
    """Yield each path that is asked for, and whether it must be there; not those asked about as such."""
    if isinstance(condition, Where) and not isinstance(condition.spec, Present):
        yield condition.path, is_demanded
    elif isinstance(condition, And | Or):
        for part in condition.parts:
            yield from _paths(part, is_demanded)
    elif isinstance(condition, Not):
        yield from _paths(condition.part, False)
