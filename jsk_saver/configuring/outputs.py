"""What ``terraform output -json`` says about the experiments that it made."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from jsk_saver.errors import NotFound, QueryError, SettingsError

#: The output that is meant for the kit, and what each experiment in it must have.
OUTPUT, NEEDED = "jsk", "store"
_COMMAND = "terraform output -json | jsk configure"
#: What some shells put before what they pipe.
_MARK = "\ufeff"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

Experiments = dict[str, dict[str, Any]]


def read(text: str) -> Experiments:
    """Return what is said about each experiment, by its name.

    Parameters
    ----------
    text
        All outputs, or the value of ``jsk`` alone (``terraform output -json jsk``).

    Raises
    ------
    SettingsError
        If it is something else; the error says what it looks like, and what to type.

    Examples
    --------
    >>> read('{"jsk": {"value": {"iris": {"store": "s3://lab-iris/objects"}}}}')
    {'iris': {'store': 's3://lab-iris/objects'}}
    """
    outputs = _outputs(text)
    found = _experiments(_value(outputs))
    if not found:
        raise _wrong("The output 'jsk' holds no experiment.", "Add one to the squad, then: terraform apply")
    for name, told in found.items():
        if not isinstance(told[NEEDED], str) or not told[NEEDED]:
            raise _wrong(
                f"The output 'jsk' tells no store of {name!r}, but {told[NEEDED]!r}.", "terraform apply"
            )
    return found


def choose(experiments: Experiments, wanted: str | None) -> str:
    """Return which experiment is meant: the one that is named, or the only one.

    Raises
    ------
    QueryError
        If there are several and none is named.
    NotFound
        If none has that name.
    """
    names = sorted(experiments)
    if wanted in experiments:
        return str(wanted)
    if wanted is not None:
        raise NotFound(
            f"Terraform made no experiment {wanted!r}; it made {', '.join(names)}.",
            kept="Nothing was written.",
            hint=f"{_COMMAND} {names[0]}",
        )
    if len(names) > 1:
        raise QueryError(
            f"There are {len(names)} experiments: {', '.join(names)}.",
            kept="Nothing was written.",
            hint=f"{_COMMAND} {names[0]}    # or another of them",
        )
    return names[0]


# What came in ---------------------------------------------------------------------------------------


def _outputs(text: str) -> dict[str, Any]:
    plain = _COLOURS.sub("", text).strip().removeprefix(_MARK)
    if not plain:
        raise _wrong(
            "Nothing came in.", "terraform init, terraform apply, then in the same folder: " + _COMMAND
        )
    try:
        told = json.loads(plain)
    except (ValueError, RecursionError) as error:
        raise _no_json(plain, error) from None
    if not isinstance(told, dict):
        raise _wrong(f"This is JSON, but a {type(told).__name__}: no outputs of Terraform.", _COMMAND)
    if "planned_values" in told or "resource_changes" in told:
        raise _wrong(
            "This is a plan of Terraform: nothing of it is made yet.", f"terraform apply, then: {_COMMAND}"
        )
    if "terraform_version" in told:
        raise _wrong("This is a state of Terraform, not its outputs.", _COMMAND)
    return told


def _no_json(plain: str, wrong: Exception) -> SettingsError:
    first = plain.splitlines()[0]
    error = next((line.strip("│╷╵ ") for line in plain.splitlines() if "Error:" in line), "")
    if error:
        return _wrong(f"Terraform failed: {error}", "Mend that, then: " + _COMMAND)
    if "No outputs found" in plain:
        return _wrong("Terraform has no outputs here.", f"terraform apply, then: {_COMMAND}")
    if first.startswith("{") and '"@level"' in first:
        return _wrong("This is the log of terraform apply -json, not its outputs.", _COMMAND)
    if re.match(r'[\w"-]+ = ', first):
        return _wrong("These are outputs of Terraform, but not in JSON.", _COMMAND)
    if first.startswith("{"):
        return _wrong(f"This is broken JSON, perhaps cut short: {str(wrong)[:100]}.", _COMMAND)
    return _wrong(f"This is not JSON; it begins with: {first[:60]}", _COMMAND)


def _value(outputs: Mapping[str, Any]) -> Any:
    """Return the value of the output, told with all others or alone."""
    if not outputs:
        raise _wrong("Terraform has no outputs here.", f"terraform apply, then: {_COMMAND}")
    told = outputs.get(OUTPUT)
    if isinstance(told, dict) and "value" in told:
        return told["value"]
    wrapped = all(
        isinstance(item, dict) and {"sensitive", "value"} <= item.keys() for item in outputs.values()
    )
    if not wrapped and _experiments(outputs):
        return outputs
    names = ", ".join(sorted(outputs))
    raise _wrong(
        f"Terraform has no output {OUTPUT!r} here; it has {names}.",
        "terraform apply    # to its end; if the root module has no such output, add to it:\n"
        '        output "jsk" { value = module.<squad>.jsk }',
    )


def _experiments(told: Any, path: str = "") -> Experiments:
    """Return what is an experiment in maps of experiments, or of squads with experiments."""
    if not isinstance(told, dict):
        return {}
    if NEEDED in told:
        return {path or str(told.get("experiment") or "experiment"): told}
    found: Experiments = {}
    for name, inner in told.items():
        found |= _experiments(inner, f"{path}/{name}" if path else str(name))
    return found


def _wrong(what: str, hint: str) -> SettingsError:
    return SettingsError(what, kept="Nothing was written.", hint=hint)
