"""What is asked of a new trial, checked before anything begins: what is refused leaves nothing behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsk_saver.errors import InvalidMetadata
from jsk_saver.tracking import values


def check_options(name: Any, *, parent: Any, resume: Any, links: Any, params: Mapping[str, Any]) -> None:
    """Refuse what cannot be meant as an option of a trial: somebody may have a parameter of that name.

    Raises
    ------
    InvalidMetadata
        If one is not what it should be; the error says how to give a parameter of its name.
    """
    from jsk_saver.tracking.trial import Trial

    if not isinstance(resume, bool):
        raise _refusal("resume", "True or False", resume)
    if resume and not name:
        raise InvalidMetadata(
            "resume=True goes on with a trial, whose name is the first argument; there is none.",
            hint=f'experiment.trial("{params.get("name", "the-name")}", resume=True)',
        )
    if parent is not None and not isinstance(parent, Trial):
        raise _refusal("parent", "the trial it is nested in", parent)
    if links is not None and not isinstance(links, Mapping):
        raise _refusal("links", "a dictionary of what this trial has to do with", links)


def _refusal(option: str, wanted: str, value: Any) -> InvalidMetadata:
    said = values.short(value)
    return InvalidMetadata(
        f"{option}= of a trial is {wanted}, not {said}.",
        hint=f'experiment.trial(params={{"{option}": {said}}})    # a parameter of that name',
    )


def merged(given: Any, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a trial, as the journal keeps them.

    Parameters
    ----------
    given
        As a dictionary, or None.
    more
        By keyword.

    Raises
    ------
    InvalidMetadata
        If a name is none, or comes both ways.
    """
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise _refusal("params", "a dictionary of parameters", given)
    for name in given:
        if name in more:
            raise InvalidMetadata(
                f"The parameter {name!r} is given twice: in params, and by keyword.",
                hint=f"experiment.trial({name}={values.short(more[name])})",
            )
    return {values.check_key(name, "param"): values.plain(value) for name, value in {**given, **more}.items()}


def refuse_others(trial: str, known: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    """Refuse other values for parameters that a trial has.

    Raises
    ------
    InvalidMetadata
        If there is one.
    """
    for name, value in said.items():
        if name in known and not values.same(known[name], value):
            raise InvalidMetadata(
                f"The parameter {name!r} of the trial {trial} is {known[name]!r} already, not {value!r}.",
                hint=f"experiment.trial(params={ {name: value}!r})    # another value is another trial",
            )
