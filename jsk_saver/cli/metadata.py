"""Metadata as it is typed: ``--meta key=value`` and ``--meta-json``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

from jsk_saver.errors import InvalidMetadata
from jsk_saver.placing import expanded
from jsk_saver.record import JSON

_EXAMPLE = "--meta origin=youtube"


def parse(pairs: Iterable[str], text: str | None) -> JSON:
    """Return the metadata that both options say together.

    Parameters
    ----------
    pairs
        ``key=value`` each; a value that is JSON (``5``, ``true``, ``["a"]``, ``"5"``) is read as such,
        all else is text. A dot in a key leads into a dictionary: ``model.kind=tree``.
    text
        A JSON object, or ``@`` and the path of a file that holds one.

    Raises
    ------
    InvalidMetadata
        If either cannot be read, or one key is given twice.

    Examples
    --------
    >>> parse(["origin=youtube", "rows=1500", "model.kind=tree", 'code="007"'], '{"draft": false}')
    {'draft': False, 'origin': 'youtube', 'rows': 1500, 'model': {'kind': 'tree'}, 'code': '007'}
    """
    metadata = _object(text) if text is not None else {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InvalidMetadata(f"--meta takes key=value, not {pair!r}.", hint=_EXAMPLE)
        _place(metadata, key, _value(value))
    return metadata


def _object(text: str) -> JSON:
    if text.startswith("@"):
        try:
            text = expanded(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidMetadata(f"The file {text[1:]!r} with metadata cannot be read: {error}.") from error
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        hint = """--meta-json '{"origin": "youtube"}'    # or --meta-json @file.json"""
        raise InvalidMetadata(f"--meta-json is not JSON: {error}.", hint=hint) from error
    if not isinstance(found, dict):
        raise InvalidMetadata(
            "--meta-json must be an object.", hint="""--meta-json '{"origin": "youtube"}'"""
        )
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        return text


def _place(metadata: JSON, key: str, value: Any) -> None:
    *folders, last = key.split(".")
    inner = metadata
    for folder in folders:
        inner = inner.setdefault(folder, {})
        if not isinstance(inner, dict):
            raise InvalidMetadata(f"--meta {key}: {folder!r} has a value already.", hint=_EXAMPLE)
    if last in inner:
        raise InvalidMetadata(
            f"--meta {key} is given twice.", hint=f"""--meta '{key}=["one", "two"]'    # for both"""
        )
    if not all([*folders, last]):
        raise InvalidMetadata(f"--meta {key}: a part of the key is empty.", hint=_EXAMPLE)
    inner[last] = value
