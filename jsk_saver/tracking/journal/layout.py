"""Where the journal keeps what, and which names fit.

::

    journal/
      iris-kmeans/                     an experiment
        experiment.json                its description and tags
        .code/                         what many trials share, once by digest: changes, notebooks, packages
      .pulled-code/                  the same of trials that were brought here from elsewhere
        20261120-233915-amber-k7f2q/   a trial
          <writer>.events              JSON lines of one writer: start, parameters, artifacts, status, …
          <writer>.points              its metric points, 28 bytes each
          files/                       figures, tables, texts

Every process that writes to a trial is a *writer* with files of its own, so that writers never wait for each
other and a crash can cut short nothing but the end of one file.
"""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path

from jsk_saver.errors import InvalidName

EVENTS, POINTS, FILES, EXPERIMENT = ".events", ".points", "files", "experiment.json"
#: What many trials share, and the same of other people, apart: nobody else is to say what a trial of this
#: machine had run. No trial can be called that.
CODE, PULLED_CODE = ".code", ".pulled-code"
#: What SageMaker takes as the name of an experiment or trial (CreateExperiment, CreateTrial).
LONGEST_NAME = 120
#: The start of a SHA-256, alone or before an extension.
_DIGEST = re.compile(r"[0-9a-f]{32}(?=\.|$)")
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")

_WORDS = (  # noqa: SIM905 - as prose it can be read
    "amber basil birch brook cedar cliff cloud comet coral crane delta ember fable finch fjord flint grove "
    "hazel heron ivory jade lark linen lotus maple marsh mint moss north ocean olive onyx opal otter pearl "
    "pine plum quartz raven reef river robin sage shore slate spruce stone swift tide topaz tulip vale "
    "violet wave willow wren"
).split()
_LETTERS = "abcdefghjkmnpqrstvwxyz23456789"


def check_name(name: str, what: str) -> str:
    """Return the name of an experiment or trial, if every place it may go to takes it.

    Parameters
    ----------
    name
        Letters, digits and inner hyphens; at most 120 characters. SageMaker's rule, which file systems
        and MLflow share.
    what
        ``"experiment"`` or ``"trial"``, for the message.

    Raises
    ------
    InvalidName
        If it does not fit; the error proposes one that does.

    Examples
    --------
    >>> check_name("iris-kmeans", "experiment")
    'iris-kmeans'
    """
    if isinstance(name, str) and len(name) <= LONGEST_NAME and _NAME.fullmatch(name):
        return name
    said = name if isinstance(name, str) else repr(name)
    better = re.sub(r"[^a-zA-Z0-9]+", "-", said)[:LONGEST_NAME].strip("-") or f"my-{what}"
    raise InvalidName(
        f"{name!r} cannot name {'an' if what[0] in 'aeiou' else 'a'} {what}: SageMaker takes letters, digits "
        f"and inner hyphens, {LONGEST_NAME} of them at most.",
        hint=f'"{better}"',
    )


def new_trial_name(started: float | None = None) -> str:
    """Return a name that says when a trial started, sorts by it, and that nobody else chooses.

    Examples
    --------
    >>> new_trial_name(0)[:16]
    '19700101-000000-'
    """
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(started))
    ending = "".join(secrets.choice(_LETTERS) for _ in range(5))
    return f"{moment}-{secrets.choice(_WORDS)}-{ending}"


def new_writer() -> str:
    """Return a name for a writer, later than those before it on this machine."""
    return f"{time.time_ns():020d}-{secrets.token_hex(4)}"


def digest_in(name: str) -> str:
    """Return the digest that names a kept program or list of packages; nothing for other names.

    Examples
    --------
    >>> digest_in("0123456789abcdef0123456789abcdef.ipynb"), digest_in("0123456789ab-unknown.patch")
    ('0123456789abcdef0123456789abcdef', '')
    """
    found = _DIGEST.match(name)
    return found[0] if found else ""


def writers(trial: Path) -> list[Path]:
    """Return the event files of a trial, the oldest writer first."""
    return sorted(path for path in trial.iterdir() if path.suffix == EVENTS)
