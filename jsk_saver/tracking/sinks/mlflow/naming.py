"""Names and texts as MLflow takes them."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from pathlib import Path
from typing import Any

from jsk_saver.tracking.journal import layout
from jsk_saver.tracking.sinks.base import Refusals

#: Limits of MLflow (mlflow/utils/validation.py); tags of 8,000 only since 2.22, so the older one is kept to.
LONGEST_KEY, LONGEST_PARAM, LONGEST_TAG = 250, 6_000, 5_000
MOST_METRICS, MOST_PARAMS, MOST_TAGS, MOST_INPUTS = 1_000, 100, 100, 1_000
LONGEST_DATASET, LONGEST_DIGEST = 500, 36

_BAD = re.compile(r"[^/\w.\- :]")


def identity(trial: Path) -> str:
    """Return what no other trial is called, not even one of the same name on another machine.

    The name of its first writer has the nanosecond it began, and chance.
    """
    first = next(iter(layout.writers(trial)), None)
    return f"{trial.parent.name}/{trial.name}/{first.stem if first else ''}"


def key(name: str, what: str, refused: Refusals) -> str:
    """Return the name of a parameter, metric or tag, changed where MLflow does not take it, and that told.

    Parameters
    ----------
    name
        Its name.
    what
        ``"parameter"``, ``"metric"`` or ``"tag"``.
    refused
        Takes note of a change.
    """
    if fits(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    plain = _BAD.sub("_", name)
    if not fits(plain[:LONGEST_KEY]):
        plain = re.sub(r"^\.+", "_", plain.replace("/", "_"))
    changed = f"{plain[: LONGEST_KEY - 7]}-{digest}"
    refused.add(
        f"the name of the {what} {name!r}",
        f"MLflow takes letters, digits, spaces and _-.:/, {LONGEST_KEY} of them: it is {changed!r} there.",
    )
    return changed


def fits(name: str) -> bool:
    """Tell whether MLflow takes a name: it must also be a path that leads nowhere else."""
    normal = posixpath.normpath(name)
    leads_away = normal != name or normal == "." or normal.startswith(("..", "/"))
    return bool(name) and len(name) <= LONGEST_KEY and not _BAD.search(name) and not leads_away


def text(value: Any) -> str:
    """Return a value as MLflow's users see it.

    Examples
    --------
    >>> text(True), text(0.5), text([1, 2]), text("a")
    ('True', '0.5', '[1, 2]', 'a')
    """
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def cut(value: str, longest: int, what: str, refused: Refusals | None) -> str:
    """Return a text of at most so many characters; what is cut off is told, unless it is elsewhere."""
    value = value.encode("utf-8", "replace").decode()  # lone surrogates cannot travel
    if len(value) <= longest:
        return value
    if refused is not None:
        refused.add(
            what,
            f"It has {len(value):,} characters, and MLflow takes {longest:,}: its beginning is there, "
            "all of it in the journal.",
        )
    return value[: longest - 1] + "…"
