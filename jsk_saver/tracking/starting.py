"""What is asked of a new trial, checked before anything begins: what is refused leaves nothing behind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jsk_saver.errors import InvalidMetadata, TrialExists
from jsk_saver.tracking import values
from jsk_saver.tracking.journal import copies, layout
from jsk_saver.tracking.journal.segment import explain
from jsk_saver.warning import warn

#: How much two names have in common, of 100, that may have been meant for one another.
_ALIKE = 80


def make_folder(experiment: Path, name: str, *, resume: bool) -> tuple[Path, bool]:
    """Make the folder of a trial, and tell whether it is a new one.

    Parameters
    ----------
    experiment
        The experiment's folder.
    name
        The trial's; one that nobody has without it.
    resume
        Whether it may be there.

    Raises
    ------
    TrialExists
        If it is there and may not be, or is a copy of one from elsewhere.
    """
    if name:
        copies.refuse(experiment / layout.check_name(name, "trial"))
    try:
        while not name:
            folder = experiment / layout.new_trial_name()
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder, True
        folder = experiment / name
        folder.mkdir(exist_ok=resume)
        return folder, not any(folder.iterdir())
    except FileExistsError:
        raise TrialExists(
            f"There is a trial {name!r} of {experiment.name} already.",
            kept="It, as it is.",
            hint=f'experiment.trial("{name}", resume=True)    # or no name: then it gets one of its own',
        ) from None
    except OSError as error:
        raise explain(error, experiment) from error


def warn_of_alike(name: str, known: Iterable[str]) -> None:
    """Warn that a trial to be resumed is a new one, if there is one that is spelled alike.

    ``fold-1`` and ``fold-2`` are not: whoever numbers trials means what is written.

    Examples
    --------
    >>> warn_of_alike("fold-2", ["fold-1", "fold-2"])
    """
    from rapidfuzz import process

    others = [other for other in known if _without_digits(other) != _without_digits(name)]
    near = process.extractOne(name, others, score_cutoff=_ALIKE)
    if near is not None:
        warn(f"There was no trial {name!r} to resume: a new one has begun. Did you mean {near[0]!r}?")


def _without_digits(name: str) -> str:
    return re.sub(r"\d+", "0", name)


def check_options(name: Any, *, parent: Any, resume: Any, links: Any, params: Mapping[str, Any]) -> None:
    """Refuse what cannot be meant as an option of a trial: somebody may have a parameter of that name.

    Raises
    ------
    InvalidMetadata
        If one is not what it should be; the error says how to give a parameter of its name.
    """
    from jsk_saver.tracking.trial import Trial

    if isinstance(name, Mapping):
        raise InvalidMetadata(
            f"The first argument of a trial is its name; {values.short(name)} are parameters.",
            hint=f"experiment.trial(params={values.short(dict(name))})",
        )
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
    return values.parameters({**given, **more})


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
