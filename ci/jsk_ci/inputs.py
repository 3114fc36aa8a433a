"""Inputs of GitLab's CI/CD components: what ``spec: inputs:`` asks for, and ``$[[ inputs.x ]]``.

The rules are those of GitLab's documentation, "Define inputs for configuration added with include".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jsk_ci.errors import ProjectError

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
}
_BLOCK = re.compile(r"\$\[\[\s*inputs\.([\w-]+)\s*((?:\|[^\]]*)?)\]\]")
_TRUNCATE = re.compile(r"truncate\((\d+),\s*(\d+)\)")


def fill(spec: Mapping[str, Any], body: Any, given: Mapping[str, Any], where: str) -> Any:
    """Return a file's body with the values of its inputs in it.

    Parameters
    ----------
    spec
        Its ``spec: inputs:``.
    body
        What follows.
    given
        Values, from whoever includes it.
    where
        What the file is called in errors.

    Raises
    ------
    ProjectError
        Naming every input that is unknown, missing or does not fit.
    """
    values = settle(spec, given, where)

    def filled(node: Any) -> Any:
        if isinstance(node, dict):
            return {filled(key): filled(value) for key, value in node.items()}
        if isinstance(node, list):
            return [filled(item) for item in node]
        return _text(node, values, where) if isinstance(node, str) else node

    return filled(body)


def settle(spec: Mapping[str, Any], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the value of every input: what was given, or its default.

    Raises
    ------
    ProjectError
        As :func:`fill`.
    """
    wrong = [f"there is no input {name!r}" for name in given if name not in spec]
    values: dict[str, Any] = {}
    for name, told in spec.items():
        asked = told or {}
        if name in given:
            values[name] = given[name]
        elif "default" in asked:
            values[name] = asked["default"]
        else:
            wrong.append(f"the input {name!r} is missing")
            continue
        wrong += _wrong(name, asked, values[name])
    if wrong:
        known = ", ".join(spec) or "none"
        raise ProjectError(f"{where}: {'; '.join(wrong)}.", hint=f"Its inputs are: {known}.")
    return values


def _wrong(name: str, asked: Mapping[str, Any], value: Any) -> list[str]:
    kind = asked.get("type", "string")
    if kind not in _KINDS:
        return [f"the input {name!r} has the type {kind!r}, which does not exist"]
    if not isinstance(value, _KINDS[kind]) or (kind == "number" and isinstance(value, bool)):
        return [f"the input {name!r} is {value!r}, which is no {kind}"]
    options = asked.get("options")
    if options and value not in options:
        return [f"the input {name!r} is {value!r}, and may be {' or '.join(map(repr, options))}"]
    if "regex" in asked and not re.search(asked["regex"], str(value)):
        return [f"the input {name!r} is {value!r}, which does not match {asked['regex']}"]
    return []


def _text(text: str, values: Mapping[str, Any], where: str) -> Any:
    whole = _BLOCK.fullmatch(text)
    if whole:
        return _value(whole, values, where)

    def put(match: re.Match[str]) -> str:
        value = _value(match, values, where)
        if isinstance(value, list):
            raise ProjectError(f"{where}: {match[0]} is a list and stands within a text: {text!r}.")
        return str(value).lower() if isinstance(value, bool) else str(value)

    return _BLOCK.sub(put, text)


def _value(match: re.Match[str], values: Mapping[str, Any], where: str) -> Any:
    if match[1] not in values:
        raise ProjectError(f"{where}: {match[0]} is not among its inputs.")
    value = values[match[1]]
    for function in filter(None, (word.strip() for word in match[2].split("|"))):
        if cut := _TRUNCATE.fullmatch(function):
            start, length = int(cut[1]), int(cut[2])
            value = str(value)[start : start + length]
        elif function != "expand_vars":  # which only GitLab can: it knows the variables
            raise ProjectError(f"{where}: {match[0]}: there is no function {function!r}.")
    return value
